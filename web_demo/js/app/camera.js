/** The camera: asked for on a click, every refusal said in words with a way out. */
import {describeReason, PageError} from '../errors.js';

/**
 * @typedef {object} Camera
 * @property {MediaStream} stream
 * @property {HTMLVideoElement} video plays the stream
 * @property {() => void} destroy ends the stream: the camera's light goes out
 */

const FIRST_FRAME_MS = 10_000;
// A face of 112 to 224 pixels needs no more, and every pixel costs time.
const WANTED = {facingMode: 'user', width: {ideal: 640}, height: {ideal: 480}, frameRate: {ideal: 30}};

/**
 * Must be called from a click, or the browser may refuse without asking.
 * @param {HTMLVideoElement} video shows it
 * @param {() => void} onEnded called if the camera goes away by itself
 * @returns {Promise<Camera>} when its first frame is there
 * @throws {PageError}
 */
export async function openCamera(video, onEnded) {
  if (navigator.mediaDevices?.getUserMedia === undefined) throw new PageError('error_camera_insecure');
  const stream = await navigator.mediaDevices.getUserMedia({video: WANTED, audio: false}).catch((error) => {
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
  return {stream, video, destroy};

  function destroy() {
    for (const track of stream.getTracks()) {
      track.removeEventListener('ended', onEnded);
      track.stop();
    }
    if (video.srcObject === stream) video.srcObject = null;
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
