/**
 * The picture: the video at its own rate while it plays, else the very frame that was read; the boxes over it, and a note on
 * what is wrong with the faces in it.
 */
import {createCanvas, getContext} from '../../pixels/canvas.js';
import {find, setText} from '../dom.js';
import {translate} from '../text.js';
import {createOverlay} from './overlay.js';

/** @typedef {import('../../inference/engine.js').Analysis} Analysis */
/**
 * @typedef {object} Stage
 * @property {number} faceCount of the picture that is shown
 * @property {(frame: ImageBitmap) => void} drawFrame
 * @property {(analysis: Analysis, isHeld: boolean) => void} outline the faces; held: they were there a moment ago
 * @property {(analysis: Analysis, isAlone?: boolean) => void} describeFaces in the note; alone: not how many there are
 * @property {() => HTMLVideoElement} addVideo lies over the frame that was read while it plays
 * @property {boolean} isMirrored
 * @property {() => void} mirror until the picture is cleared
 * @property {() => void} clear
 * @property {() => void} release takes the note away; the picture stays as it is
 * @property {() => void} render
 */

const LONGEST_SHOWN_PX = 1600;
const LEAVING_SHARE = 0.08; // of the box, outside the picture
const SMALL_PX = 40; // of a face's width: a third of what the network takes
// Of 255. Measured on 28 photographs and frames: faces 73 to 156; at an eighth of their light 12 to 17, and most not found.
const DARK_LUMA = 40;

/**
 * @param {HTMLElement} root the page
 * @returns {Stage}
 */
export function createStage(root) {
  const element = find(root, '#stage', HTMLElement);
  const photo = find(root, '#photo', HTMLCanvasElement);
  const note = find(root, '#face-note', HTMLElement);
  const context = getContext(photo);
  const lines = find(root, '#overlay', HTMLCanvasElement);
  const overlay = createOverlay(lines);
  let sayNote = () => '';
  /** @type {Stage} */
  const stage = {faceCount: 0, isMirrored: false, drawFrame, outline, describeFaces, addVideo, mirror, clear, release, render};
  return stage;

  /** @type {Stage['drawFrame']} */
  function drawFrame(frame) {
    const scale = Math.min(1, LONGEST_SHOWN_PX / Math.max(frame.width, frame.height));
    const width = Math.max(1, Math.round(frame.width * scale));
    const height = Math.max(1, Math.round(frame.height * scale));
    if (photo.width !== width || photo.height !== height) {
      photo.width = width;
      photo.height = height;
    }
    context.fillStyle = '#fff';
    context.fillRect(0, 0, width, height);
    context.drawImage(frame, 0, 0, width, height);
    element.dataset.filled = '';
  }

  /** @type {Stage['outline']} */
  function outline({faces, width, height}, isHeld) {
    stage.faceCount = faces.length;
    overlay.show({boxes: faces, chosen: 0, frameWidth: width, frameHeight: height, isHeld});
  }

  /** @type {Stage['describeFaces']} */
  function describeFaces(analysis, isAlone = false) {
    sayNote = noteOn(analysis, isAlone);
    showNote();
  }

  function showNote() {
    const text = sayNote();
    setText(note, text);
    note.hidden = text === '';
  }

  function addVideo() {
    const video = document.createElement('video');
    video.playsInline = true;
    video.setAttribute('aria-hidden', 'true'); // #photo is what is named
    video.addEventListener('pause', () => { video.dataset.paused = ''; });
    video.addEventListener('playing', () => { delete video.dataset.paused; });
    lines.before(video);
    return video;
  }

  function mirror() {
    stage.isMirrored = true;
    element.dataset.mirrored = '';
  }

  function clear() {
    overlay.clear();
    delete element.dataset.filled;
    delete element.dataset.mirrored;
    stage.isMirrored = false;
    stage.faceCount = 0;
  }

  function release() {
    sayNote = () => '';
    showNote();
  }

  function render() {
    const unread = 'filled' in element.dataset ? 'photo_waiting' : 'photo_none';
    const key = stage.faceCount === 0 ? unread : stage.faceCount === 1 ? 'photo_face' : 'photo_faces';
    photo.setAttribute('aria-label', translate(key, {count: stage.faceCount}));
    showNote();
  }
}

/**
 * @param {Analysis} analysis
 * @param {boolean} isAlone
 * @returns {() => string} in the language of the moment; empty: nothing is wrong
 */
function noteOn({faces, width, height, frame, cropRgb}, isAlone) {
  const [first] = faces;
  if (first === undefined) {
    const key = frame && isDark(frame) ? 'face_none_dark' : 'face_none';
    return () => translate(key);
  }
  const isLeaving = first.x < -LEAVING_SHARE * first.width || first.y < -LEAVING_SHARE * first.height
    || first.x + first.width * (1 - LEAVING_SHARE) > width || first.y + first.height * (1 - LEAVING_SHARE) > height;
  if (isLeaving) return () => translate('face_leaving');
  if (first.width < SMALL_PX) return () => translate('face_small', {pixels: Math.round(first.width)});
  if (cropRgb !== null && average(cropRgb) < DARK_LUMA) return () => translate('face_dark');
  return () => (faces.length > 1 && !isAlone ? translate('face_many', {count: faces.length}) : '');
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
