/** Three, two, one, and the actor's clip plays while the camera is recorded and read. */
import {openCamera} from '../camera.js';
import {startTrack, toTrackFrame} from '../../clip.js';
import {PageError} from '../../errors.js';
import {followVideo} from '../../live.js';

/** @typedef {import('../../score.js').Track} Track */
/**
 * @typedef {object} Recording
 * @property {Track} track in the actor's time
 * @property {Blob | null} blob the camera's video; null where this browser cannot record
 * @property {number} offsetS the actor's time at which the video begins
 */
/**
 * @typedef {object} RecordOptions
 * @property {HTMLVideoElement} actorVideo
 * @property {HTMLVideoElement} userVideo shows the camera
 * @property {import('../../pipeline.js').EmotionPipeline} pipeline
 * @property {string} name of the track
 * @property {(count: number) => void} onCountdown 3, 2, 1, and 0 when it starts
 * @property {(track: Track, stats: import('../../live.js').LiveStats) => void} onFrame after each frame; the track grows
 * @property {AbortSignal} signal gives it all up
 * @property {AbortSignal} stop ends it early, and keeps what there is
 */

const COUNTDOWN = [3, 2, 1];
const SECOND_MS = 1000;
const PAST_S = 2; // the widest window that a spec may ask for
// In the order of what other browsers can play.
const TYPES = ['video/webm;codecs=vp8', 'video/webm', 'video/mp4'];

/**
 * @param {RecordOptions} options
 * @returns {Promise<Recording>} rejects with the signal's reason when it is given up
 * @throws {PageError} if there is no camera, or no frame of it could be read
 */
export async function recordPerformance({actorVideo, userVideo, pipeline, name, onCountdown, onFrame, signal, stop}) {
  /** @type {(error: unknown) => void} */
  let giveUp = () => {};
  const failure = new Promise((_, reject) => { giveUp = reject; });
  failure.catch(() => {}); // it may come when nobody waits any more
  signal.addEventListener('abort', () => giveUp(signal.reason));
  const camera = await openCamera(userVideo, () => giveUp(new PageError('error_camera_ended')));
  /** @type {import('../../live.js').LiveLook | null} */
  let look = null;
  const track = startTrack(name, pipeline.facts);
  /** @type {import('../../pixels/measure.js').PastBox[]} */
  let past = [];
  try {
    signal.throwIfAborted();
    for (const count of COUNTDOWN) {
      onCountdown(count);
      await Promise.race([wait(SECOND_MS), failure]);
    }
    actorVideo.pause();
    actorVideo.currentTime = 0;
    await play(actorVideo);
    const recorder = startRecorder(camera.stream, () => actorVideo.currentTime);
    onCountdown(0);
    look = followVideo(userVideo, pipeline, {
      returnFrame: false,
      ask: (timeS) => ({live: {timeS, past}}),
      readTimeS: () => actorVideo.currentTime,
      onAnalysis(analysis, timeS) {
        const last = track.frames.at(-1);
        if (actorVideo.paused || (last !== undefined && timeS <= last.time_s)) return;
        track.frames.push(toTrackFrame(timeS, analysis));
        if (analysis.found !== null) past = [...past.filter((one) => timeS - one.timeS < PAST_S), {timeS, box: analysis.found}];
        if (look !== null) onFrame(track, look.stats());
      },
      onError: giveUp,
    });
    await Promise.race([ended(actorVideo, stop), failure]);
    track.duration_s = actorVideo.currentTime;
    look.stop();
    actorVideo.pause();
    const {blob, offsetS} = await recorder.finish();
    if (track.frames.length === 0) throw new PageError('error_no_frames');
    return {track, blob, offsetS};
  } finally {
    look?.stop();
    actorVideo.pause();
    camera.destroy();
  }
}

/**
 * With sound, or where the browser forbids that, without.
 * @param {HTMLVideoElement} video
 */
async function play(video) {
  await video.play().catch(() => {
    video.muted = true;
    return video.play();
  });
}

/**
 * @param {HTMLVideoElement} video
 * @param {AbortSignal} stop
 * @returns {Promise<void>}
 */
function ended(video, stop) {
  return new Promise((resolve) => {
    video.addEventListener('ended', () => resolve(), {once: true});
    stop.addEventListener('abort', () => resolve(), {once: true});
  });
}

/**
 * @param {MediaStream} stream
 * @param {() => number} readTimeS
 * @returns {{finish: () => Promise<{blob: Blob | null, offsetS: number}>}}
 */
function startRecorder(stream, readTimeS) {
  // WebKitGTK 2.50 has a MediaRecorder that supports no type, and throws when it is made.
  const mimeType = typeof MediaRecorder === 'undefined' ? undefined : TYPES.find((type) => MediaRecorder.isTypeSupported(type));
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
      const blob = new Blob(parts, {type: recorder.mimeType});
      return {blob: blob.size > 0 ? blob : null, offsetS};
    },
  };
}

/** @param {number} ms */
function wait(ms) {
  return new Promise((resolve) => { setTimeout(resolve, ms); });
}
