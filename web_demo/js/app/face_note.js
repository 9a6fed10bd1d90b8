/** What is wrong with the faces in a picture: too small, too dark, half outside, several. */
import {createCanvas, getContext} from '../pixels/canvas.js';
import {translate} from './text.js';

/** @typedef {import('../inference/engine.js').Analysis} Analysis */

const LEAVING_SHARE = 0.08; // of the box, outside the picture
const SMALL_PX = 40; // of a face's width: a third of what the network takes
// Of 255. Measured on 28 photographs and frames: faces 73 to 156; at an eighth of their light 12 to 17, and most not found.
const DARK_LUMA = 40;

/**
 * @param {Analysis} analysis
 * @param {() => string} sayMany what there is to say of several faces
 * @returns {() => string} in the language of the moment; empty: nothing is wrong
 */
export function noteOn({faces, found, width, height, frame, cropRgb}, sayMany) {
  const first = found ?? faces[0];
  if (first === undefined) {
    const key = frame && isDark(frame) ? 'face_none_dark' : 'face_none';
    return () => translate(key);
  }
  const isLeaving = first.x < -LEAVING_SHARE * first.width || first.y < -LEAVING_SHARE * first.height
    || first.x + first.width * (1 - LEAVING_SHARE) > width || first.y + first.height * (1 - LEAVING_SHARE) > height;
  if (isLeaving) return () => translate('face_leaving');
  if (first.width < SMALL_PX) return () => translate('face_small', {pixels: Math.round(first.width)});
  if (cropRgb !== null && average(cropRgb) < DARK_LUMA) return () => translate('face_dark');
  return faces.length > 1 ? sayMany : () => '';
}

/**
 * Whether a picture has too little light for a face to be found.
 * @param {ImageBitmap} frame
 * @returns {boolean}
 */
export function isDark(frame) {
  const canvas = createCanvas();
  canvas.width = 16;
  canvas.height = 16;
  const context = getContext(canvas, true);
  context.drawImage(frame, 0, 0, 16, 16);
  const rgba = context.getImageData(0, 0, 16, 16).data;
  return average(rgba.filter((_, i) => i % 4 !== 3)) < DARK_LUMA;
}

/** @param {Uint8ClampedArray} values */
function average(values) {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
