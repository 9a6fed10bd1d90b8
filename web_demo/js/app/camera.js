/** The camera: asked for on a click, every refusal said in words with a way out; which one, and whether it is shown mirrored. */
import {describeReason, PageError} from '../errors.js';
import {onLanguageChange, translate} from './text.js';

/**
 * @typedef {object} Camera
 * @property {MediaStream} stream
 * @property {HTMLVideoElement} video plays the stream
 * @property {boolean} isMirrored whether it is to be shown as in a mirror
 * @property {() => void} destroy ends the stream: the camera's light goes out
 */

const FIRST_FRAME_MS = 10_000;
// A face of 112 to 224 pixels needs no more, and every pixel costs time.
const WANTED = {width: {ideal: 640}, height: {ideal: 480}, frameRate: {ideal: 30}};

// What the visitor chose, for as long as the page is open. A mirror: null takes it where the camera looks at the visitor.
const choice = {deviceId: '', isMirrored: /** @type {boolean | null} */ (null)};
/** @type {(() => void)[]} */
const listeners = [];

/**
 * Must be called from a click, or the browser may refuse without asking.
 * @param {HTMLVideoElement} video shows it
 * @param {() => void} onEnded called if the camera goes away by itself
 * @returns {Promise<Camera>} when its first frame is there
 * @throws {PageError}
 */
export async function openCamera(video, onEnded) {
  if (navigator.mediaDevices?.getUserMedia === undefined) throw new PageError('error_camera_insecure');
  // Not exact: one that was chosen and is gone makes way for another.
  const which = choice.deviceId === '' ? {facingMode: 'user'} : {deviceId: {ideal: choice.deviceId}};
  const stream = await navigator.mediaDevices.getUserMedia({video: {...WANTED, ...which}, audio: false}).catch((error) => {
    throw explain(error);
  });
  for (const track of stream.getTracks()) track.addEventListener('ended', onEnded);
  try {
    video.muted = true;
    video.srcObject = stream;
    await video.play();
    await firstFrame(video);
  } catch (error) {
    destroy();
    throw error instanceof PageError ? error : new PageError('error_camera_busy', {reason: describeReason(error)});
  }
  const settings = stream.getVideoTracks()[0].getSettings();
  choice.deviceId = settings.deviceId ?? choice.deviceId;
  for (const listener of listeners) listener(); // now that it is allowed, cameras have names
  return {stream, video, isMirrored: choice.isMirrored ?? settings.facingMode !== 'environment', destroy};

  function destroy() {
    for (const track of stream.getTracks()) {
      track.removeEventListener('ended', onEnded);
      track.stop();
    }
    if (video.srcObject === stream) video.srcObject = null;
  }
}

/** @param {boolean} isMirrored of the next ones, too */
export function chooseMirror(isMirrored) {
  choice.isMirrored = isMirrored;
}

/**
 * Offers the next camera as soon as there are several and the browser tells them: after one has been allowed.
 * A button and no list: browsers ask their maker's servers what might be filled into lists and fields of text.
 * @param {HTMLButtonElement} button
 * @param {() => void} [onChange] another one was chosen; it is the next that is opened
 */
export function offerCameras(button, onChange = () => {}) {
  /** @type {MediaDeviceInfo[]} */
  let cameras = [];
  listeners.push(() => void look());
  navigator.mediaDevices?.addEventListener?.('devicechange', () => void look());
  onLanguageChange(render);
  button.addEventListener('click', () => {
    choice.deviceId = cameras[(findChosen() + 1) % cameras.length].deviceId;
    choice.isMirrored = null; // another one may look the other way
    render();
    for (const listener of listeners) listener(); // the other part's button, too
    onChange();
  });

  async function look() {
    const devices = await navigator.mediaDevices.enumerateDevices();
    cameras = devices.filter(({kind, deviceId}) => kind === 'videoinput' && deviceId !== '');
    render();
  }

  function render() {
    button.hidden = cameras.length < 2;
    button.textContent = translate('camera_switch', {name: cameras[findChosen()]?.label || String(findChosen() + 1)});
  }

  function findChosen() {
    return Math.max(0, cameras.findIndex(({deviceId}) => deviceId === choice.deviceId));
  }
}

/**
 * The names are those of the specification (https://www.w3.org/TR/mediacapture-streams/#dom-mediadevices-getusermedia).
 * @param {unknown} error
 * @returns {PageError}
 */
function explain(error) {
  const name = error instanceof Error ? error.name : '';
  if (name === 'NotAllowedError' || name === 'SecurityError') return new PageError('error_camera_denied');
  if (name === 'NotFoundError' || name === 'OverconstrainedError') return new PageError('error_camera_missing');
  return new PageError('error_camera_busy', {reason: describeReason(error) || name});
}

/**
 * @param {HTMLVideoElement} video
 * @returns {Promise<void>}
 */
async function firstFrame(video) {
  const endMs = performance.now() + FIRST_FRAME_MS;
  while (video.videoWidth === 0 || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) {
    if (performance.now() > endMs) throw new PageError('error_no_frames');
    await new Promise((resolve) => { setTimeout(resolve, 30); });
  }
}
