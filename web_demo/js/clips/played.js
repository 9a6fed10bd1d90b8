/** A video file where a browser lacks WebCodecs, or the codec: its own player is asked for the frame in the middle of every cell. */
import {describeReason} from '../errors.js';
import {RATE_HZ} from '../score.js';
import {explainVideo} from './decoded.js';

/** @typedef {import('../clip.js').Clip} Clip */

const FAR_S = 1e7; // seeking there makes a browser look for the end of a recording that does not say how long it is
const TIMEOUT_MS = 20_000;
const PRESENT_MS = 500; // a frame that is sought is on show well before that, unless it was on show already

/**
 * @param {Blob} blob
 * @param {string} name
 * @returns {Promise<Clip>}
 * @throws {PageError}
 */
export async function openPlayed(blob, name) {
  const url = URL.createObjectURL(blob);
  const video = document.createElement('video');
  video.muted = true;
  video.playsInline = true;
  video.preload = 'auto';
  try {
    const loaded = once(video, 'loadeddata');
    video.src = url;
    await loaded;
    if (!Number.isFinite(video.duration)) await seek(FAR_S);
    const durationS = Number.isFinite(video.duration) ? video.duration : video.currentTime;
    if (!(durationS > 0)) throw new Error('it has no length');
    if (video.videoWidth === 0) throw new Error('it shows no picture'); // only its sound plays
    const count = Math.max(1, Math.ceil(durationS * RATE_HZ - 0.5));
    return {
      name,
      durationS,
      isDecoded: false,
      notes: [],
      isComplete: async () => false,
      async* frames(fromS = 0, toS = Infinity) {
        for (let j = Math.floor(fromS * RATE_HZ); j < Math.min(count, toS * RATE_HZ); j += 1) {
          await seek((j + 0.5) / RATE_HZ);
          yield {timeS: j / RATE_HZ, picture: video};
        }
      },
      async frameAt(timeS) {
        await seek(Math.min(timeS, durationS - 0.001));
        return createImageBitmap(video);
      },
      destroy,
    };
  } catch (error) {
    destroy();
    throw await explainVideo(blob, name, describeReason(error));
  }

  /**
   * Resolves when the frame of that time is on show: 'seeked' alone may come before it is.
   * @param {number} timeS
   */
  async function seek(timeS) {
    const done = once(video, 'seeked');
    const presented = 'requestVideoFrameCallback' in video ? new Promise((resolve) => {
      video.requestVideoFrameCallback(resolve);
      void done.then(() => setTimeout(resolve, PRESENT_MS), resolve);
    }) : null;
    video.currentTime = timeS;
    await Promise.all([done, presented]);
  }

  function destroy() {
    video.removeAttribute('src');
    video.load();
    URL.revokeObjectURL(url);
  }
}

/**
 * @param {HTMLVideoElement} video
 * @param {'loadeddata' | 'seeked'} event
 * @returns {Promise<void>} rejects with what the video says is wrong, or when nothing happens
 */
function once(video, event) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => settle(() => reject(new Error(`nothing came of it in ${TIMEOUT_MS / 1000} s`))), TIMEOUT_MS);
    const succeed = () => settle(resolve);
    const fail = () => settle(() => reject(new Error(video.error?.message || 'this browser cannot play it')));
    /** @param {() => void} then */
    function settle(then) {
      clearTimeout(timer);
      video.removeEventListener(event, succeed);
      video.removeEventListener('error', fail);
      then();
    }
    video.addEventListener(event, succeed);
    video.addEventListener('error', fail);
  });
}
