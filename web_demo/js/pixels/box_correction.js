/**
 * A TinyFaceDetector box to the box that Haar would have drawn. Mirrors reon_export/faces/correction.py, to the last bit: the
 * rule is written there, and both are held together by tests/golden/box_correction.json. Pure: no DOM.
 */

/** @typedef {import('./crop.js').Box} Box */
/**
 * @typedef {object} BoxCorrection
 * @property {string} detector whose boxes it is for
 * @property {number} scale of the box's height
 * @property {number} offset_x in sides of the corrected box
 * @property {number} offset_y
 */

/** The detector that this page has; a correction for another one must not be applied to its boxes. */
export const DETECTOR = 'tiny_face_detector';

/**
 * @param {Box} box as the detector gives it
 * @param {BoxCorrection | null | undefined} correction none leaves the box as it is
 * @returns {Box} square
 */
export function correctBox(box, correction) {
  if (correction === null || correction === undefined) return box;
  const side = correction.scale * box.height;
  const centreX = (box.x + box.width / 2) + correction.offset_x * side;
  const centreY = (box.y + box.height / 2) + correction.offset_y * side;
  return {x: centreX - side / 2, y: centreY - side / 2, width: side, height: side};
}

/**
 * A box that was found in a frame's mirror image, moved to where it would have been found in the frame itself.
 * @param {Box} box
 * @param {BoxCorrection | null | undefined} correction
 * @returns {Box}
 */
export function undoMirrorBias(box, correction) {
  if (correction === null || correction === undefined) return box;
  return {...box, x: box.x - 2 * correction.offset_x * (correction.scale * box.height)};
}
