/**
 * The picture: the video at its own rate while it plays, else the very frame that was read; the boxes over it, and a note on
 * what is wrong with the faces in it.
 */
import {getContext} from '../../pixels/canvas.js';
import {find, setText} from '../dom.js';
import {translate} from '../text.js';
import {noteOn} from '../face_note.js';
import {createFaceButtons} from './face_buttons.js';
import {createOverlay} from './overlay.js';
import {isSameBox} from './photo.js';

/** @typedef {import('../../inference/engine.js').Analysis} Analysis */
/** @typedef {import('../../pixels/crop.js').Box} Box */
/** @typedef {(face: Box) => {label: string, percent: string} | null} DescribeFace what was read of it; null: nothing */
/**
 * @typedef {object} Stage
 * @property {number} faceCount of the picture that is shown
 * @property {number} faceNumber of the one that is read, from the left; 0: none
 * @property {(frame: ImageBitmap) => void} drawFrame
 * @property {(analysis: Pick<Analysis, 'faces' | 'found' | 'width' | 'height'>, isHeld: boolean, describe?: DescribeFace) => void} outline
 *   the faces; held: they were there a moment ago
 * @property {(analysis: Analysis, isAlone?: boolean) => void} describeFaces in the note; alone: not how many there are
 * @property {() => HTMLVideoElement} addVideo lies over the frame that was read while it plays
 * @property {boolean} isMirrored
 * @property {(isMirrored: boolean) => void} mirror until the picture is cleared
 * @property {() => void} clear
 * @property {() => void} release takes the note away; the picture stays as it is
 * @property {() => void} render
 */

const LONGEST_SHOWN_PX = 1600;

/**
 * @param {HTMLElement} root the page
 * @param {(face: Box) => void} onChoose another of several faces
 * @returns {Stage}
 */
export function createStage(root, onChoose) {
  const element = find(root, '#stage', HTMLElement);
  const photo = find(root, '#photo', HTMLCanvasElement);
  const note = find(root, '#face-note', HTMLElement);
  const context = getContext(photo);
  const lines = find(root, '#overlay', HTMLCanvasElement);
  const overlay = createOverlay(lines);
  const buttons = createFaceButtons(find(root, '#faces', HTMLElement), onChoose);
  let sayNote = () => '';
  /** @type {Stage} */
  const stage = {faceCount: 0, faceNumber: 0, isMirrored: false, drawFrame, outline, describeFaces, addVideo, mirror, clear, release, render};
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
  function outline({faces: found, found: read, width, height}, isHeld, describe = () => null) {
    const faces = [...found].sort((one, other) => (one.x - other.x) * (stage.isMirrored ? -1 : 1));
    const chosen = faces.findIndex((face) => read !== null && isSameBox(face, read));
    const count = faces.length;
    stage.faceCount = count;
    stage.faceNumber = chosen + 1;
    overlay.show({boxes: faces, chosen, frameWidth: width, frameHeight: height, isHeld});
    buttons.show({
      faces,
      chosen,
      width,
      height,
      name(i) {
        const text = describe(faces[i]);
        return text === null ? translate('face_button', {number: i + 1, count}) : translate('face_button_read', {number: i + 1, count, ...text});
      },
      caption(i) {
        const text = describe(faces[i]);
        return text === null ? '' : translate('result_top', text);
      },
    });
  }

  /** @type {Stage['describeFaces']} */
  function describeFaces(analysis, isAlone = false) {
    const isTold = !isAlone && stage.faceNumber > 0;
    sayNote = noteOn(analysis, () => (isTold ? translate('face_many', {count: stage.faceCount, number: stage.faceNumber}) : ''));
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

  /** @type {Stage['mirror']} */
  function mirror(isMirrored) {
    stage.isMirrored = isMirrored;
    element.toggleAttribute('data-mirrored', isMirrored);
  }

  function clear() {
    overlay.clear();
    buttons.show(null);
    delete element.dataset.filled;
    mirror(false);
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
