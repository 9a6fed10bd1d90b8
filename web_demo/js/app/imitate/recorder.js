/** Three, two, one, and the camera is recorded and read while something is followed. */
import {openCamera} from '../camera.js';
import {nextTask} from '../dom.js';
import {startTrack, toTrackFrame} from '../../clip.js';
import {PageError} from '../../errors.js';
import {followVideo} from '../../live.js';

/** @typedef {import('../../score.js').Track} Track */
/**
 * @typedef {object} Recording
 * @property {Track} track in the guide's time
 * @property {Blob | null} blob the camera's video; null where this browser cannot record
 * @property {number} offsetS the guide's time at which the video begins
 * @property {boolean} isMirrored whether it is shown as in a mirror
 */
/**
 * @typedef {object} RecordOptions
 * @property {import('./guide.js').Guide} guide
 * @property {HTMLVideoElement} video shows the camera
 * @property {import('../../pipeline.js').EmotionPipeline} pipeline
 * @property {string} name of the track
 * @property {(isMirrored: boolean) => void} onCamera it is there
 * @property {(analysis: import('../../inference/engine.js').Analysis) => void} onPreview after each frame before it starts
 * @property {(count: number) => void} onCountdown 3, 2, 1, and 0 when it starts
 * @property {(track: Track, stats: import('../../live.js').LiveStats) => void} onFrame after each frame; the track grows
 * @property {AbortSignal} signal gives it all up
 * @property {AbortSignal} stop ends it early, and keeps what there is
 */

const COUNTDOWN = [3, 2, 1];
const SECOND_MS = 1000;
const LONGEST_WAIT_MS = 8000; // for a face, before the countdown begins without one
const PAST_S = 2; // the widest window that a spec may ask for
// In the order of what other browsers can play.
const TYPES = ['video/webm;codecs=vp8', 'video/webm', 'video/mp4'];

/**
 * @param {RecordOptions} options
 * @returns {Promise<Recording>} rejects with the signal's reason when it is given up
 * @throws {PageError} if there is no camera, or no frame of it could be read
 */
export async function recordPerformance({guide, video, pipeline, name, onCamera, onPreview, onCountdown, onFrame, signal, stop}) {
  /** @type {(error: unknown) => void} */
  let giveUp = () => {};
  const failure = new Promise((_, reject) => { giveUp = reject; });
  failure.catch(() => {}); // it may come when nobody waits any more
  signal.addEventListener('abort', () => giveUp(signal.reason));
  const camera = await openCamera(video, () => giveUp(new PageError('error_camera_ended')));
  /** @type {import('../../live.js').LiveLook | null} */
  let look = null;
  let isStarted = false;
  let seeFace = () => {};
  const faceSeen = new Promise((resolve) => { seeFace = () => resolve(null); });
  const track = startTrack(name, pipeline.facts);
  /** @type {import('../../pixels/measure.js').PastBox[]} */
  let past = [];
  try {
    signal.throwIfAborted();
    guide.showFirst();
    onCamera(camera.isMirrored);
    look = followVideo(video, pipeline, {
      returnFrame: false,
      ask: (timeS) => (isStarted ? {live: {timeS, past}} : {returnFrame: true}),
      readTimeS: () => (isStarted ? guide.readTimeS() : performance.now() / SECOND_MS),
      onAnalysis(analysis, timeS) {
        if (analysis.frame !== undefined) { // asked for before it started
          if (!isStarted) onPreview(analysis);
          analysis.frame.close();
          if (analysis.faces.length > 0) seeFace();
          return;
        }
        const last = track.frames.at(-1);
        if (!guide.isRunning() || (last !== undefined && timeS <= last.time_s)) return;
        track.frames.push(toTrackFrame(timeS, analysis));
        if (analysis.found !== null) past = [...past.filter((one) => timeS - one.timeS < PAST_S), {timeS, box: analysis.found}];
        if (look !== null) onFrame(track, look.stats());
      },
      onError: giveUp,
    });
    await Promise.race([faceSeen, wait(LONGEST_WAIT_MS), failure]);
    for (const count of COUNTDOWN) {
      onCountdown(count);
      await Promise.race([wait(SECOND_MS), failure]);
    }
    await guide.start();
    const recorder = startRecorder(camera.stream, guide.readTimeS);
    isStarted = true;
    onCountdown(0);
    await Promise.race([guide.ended(), aborted(stop), failure]);
    track.duration_s = guide.readTimeS();
    look.stop();
    guide.stop();
    const {blob, offsetS} = await recorder.finish();
    if (track.frames.length === 0) throw new PageError('error_no_frames');
    camera.destroy();
    await nextTask();
    return {track, blob, offsetS, isMirrored: camera.isMirrored};
  } finally {
    look?.stop();
    guide.stop();
    camera.destroy();
  }
}

/** @returns {string | undefined} what this browser records; none: it cannot */
export function findRecordingType() {
  // WebKitGTK 2.50 has a MediaRecorder that supports no type, and throws when it is made.
  return typeof MediaRecorder === 'undefined' ? undefined : TYPES.find((type) => MediaRecorder.isTypeSupported(type));
}

/**
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
function aborted(signal) {
  return new Promise((resolve) => { signal.addEventListener('abort', () => resolve(), {once: true}); });
}

/**
 * @param {MediaStream} stream
 * @param {() => number} readTimeS
 * @returns {{finish: () => Promise<{blob: Blob | null, offsetS: number}>}}
 */
function startRecorder(stream, readTimeS) {
  const mimeType = findRecordingType();
  if (mimeType === undefined) return {finish: async () => ({blob: null, offsetS: 0})};
  /** @type {Blob[]} */
  const parts = [];
  let offsetS = readTimeS();
  const recorder = new MediaRecorder(stream, {mimeType});
  recorder.addEventListener('start', () => { offsetS = readTimeS(); });
  recorder.addEventListener('dataavailable', (event) => parts.push(event.data));
  const stopped = new Promise((resolve) => { recorder.addEventListener('stop', resolve); });
  recorder.start();
  return {
    async finish() {
      if (recorder.state !== 'inactive') recorder.stop();
      await stopped;
      await nextTask(); // else all that follows would be one task of 70 ms
      const blob = new Blob(parts, {type: recorder.mimeType});
      return {blob: blob.size > 0 ? blob : null, offsetS};
    },
  };
}

/** @param {number} ms */
function wait(ms) {
  return new Promise((resolve) => { setTimeout(resolve, ms); });
}
