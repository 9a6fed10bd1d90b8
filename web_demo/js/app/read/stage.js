/**
 * The picture: the video at its own rate while it plays, else the very frame that was read; the boxes over it, and a note on
 * what is wrong with the faces in it.
 */
import {getContext} from '../../pixels/canvas.js';
import {find, setText} from '../dom.js';
import {translate} from '../text.js';
import {noteOn} from '../face_note.js';
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
