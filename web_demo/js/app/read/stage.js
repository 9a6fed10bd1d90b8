/** The picture: the frame that was read, the boxes over it, and a note on what is wrong with the faces in it. */
import {getContext} from '../../pixels/canvas.js';
import {find, setText} from '../dom.js';
import {translate} from '../text.js';
import {createOverlay} from './overlay.js';

/** @typedef {import('../../inference/engine.js').Analysis} Analysis */
/**
 * @typedef {object} Stage
 * @property {number} faceCount of the picture that is shown
 * @property {(frame: ImageBitmap) => void} drawFrame
 * @property {(analysis: Analysis, isHeld: boolean) => void} outline the faces; held: they were there a moment ago
 * @property {(analysis: Analysis) => void} describeFaces in the note
 * @property {() => HTMLVideoElement} addVideo plays out of sight: the frames that were read are what is shown
 * @property {(isMirrored: boolean) => void} mirror
 * @property {() => void} clear
 * @property {() => void} release takes the note and the mirror away; the picture stays
 * @property {() => void} render
 */

const LONGEST_SHOWN_PX = 1600;
const LEAVING_SHARE = 0.08; // of the box, outside the picture

/**
 * @param {HTMLElement} root the page
 * @returns {Stage}
 */
export function createStage(root) {
  const element = find(root, '#stage', HTMLElement);
  const photo = find(root, '#photo', HTMLCanvasElement);
  const note = find(root, '#face-note', HTMLElement);
  const context = getContext(photo);
  const overlay = createOverlay(find(root, '#overlay', HTMLCanvasElement));
  /** @type {Stage} */
  const stage = {faceCount: 0, drawFrame, outline, describeFaces, addVideo, mirror, clear, release, render};
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
  function describeFaces(analysis) {
    const text = noteOn(analysis);
    setText(note, text);
    note.hidden = text === '';
  }

  function addVideo() {
    const video = document.createElement('video');
    video.playsInline = true;
    video.className = 'unseen';
    video.setAttribute('aria-hidden', 'true');
    element.append(video);
    return video;
  }

  /** @param {boolean} isMirrored */
  function mirror(isMirrored) {
    if (isMirrored) element.dataset.mirrored = '';
    else delete element.dataset.mirrored;
  }

  function clear() {
    overlay.clear();
    delete element.dataset.filled;
    stage.faceCount = 0;
  }

  function release() {
    mirror(false);
    note.hidden = true;
  }

  function render() {
    const unread = 'filled' in element.dataset ? 'photo_waiting' : 'photo_none';
    const key = stage.faceCount === 0 ? unread : stage.faceCount === 1 ? 'photo_face' : 'photo_faces';
    photo.setAttribute('aria-label', translate(key, {count: stage.faceCount}));
  }
}

/**
 * @param {Analysis} analysis
 * @returns {string} empty: nothing is wrong
 */
function noteOn({faces, width, height}) {
  const [first] = faces;
  if (first === undefined) return translate('face_none');
  const isLeaving = first.x < -LEAVING_SHARE * first.width || first.y < -LEAVING_SHARE * first.height
    || first.x + first.width * (1 - LEAVING_SHARE) > width || first.y + first.height * (1 - LEAVING_SHARE) > height;
  if (isLeaving) return translate('face_leaving');
  return faces.length > 1 ? translate('face_many', {count: faces.length}) : '';
}
