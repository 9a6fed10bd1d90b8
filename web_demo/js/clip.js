/**
 * A video file, frame by frame and not as it happens to play, so that the same file gives the same track twice.
 *
 * Files are decoded with WebCodecs: every frame with the time that the container gives it, as in
 * reon_export/score/tracks/video.py. Where a browser lacks that, or the codec, its own player is asked for the frame in the
 * middle of every cell of js/score.js instead.
 */
import {openDecoded} from './clips/decoded.js';
import {openPlayed} from './clips/played.js';
import {DETECTOR} from './pixels/box_correction.js';
import {PageError} from './errors.js';
import {detectorViewAt, followFace, looksAt, measurementOf, median, steadyBoxes} from './pixels/measure.js';
import {RATE_HZ} from './score.js';

export {explainVideo} from './clips/decoded.js';

/** @typedef {import('./score.js').Track} Track */
/** @typedef {{timeS: number, picture: ImageBitmap | VideoFrame | HTMLVideoElement}} ClipFrame timeS from the first frame; whoever gets the picture closes it */
/**
 * @typedef {object} Clip
 * @property {string} name
 * @property {number} durationS as the file says; the track knows better
 * @property {boolean} isDecoded whether every frame is seen, with its own time
 * @property {string[]} notes what may be off, sentences in English
 * @property {() => Promise<boolean>} isComplete whether the file is known to be all there, however early its picture ends
 * @property {(fromS?: number, toS?: number) => AsyncGenerator<ClipFrame, void, void>} frames in order of time, once each, from the
 *   one on show at fromS to the last that begins before toS; without them all
 * @property {(timeS: number) => Promise<ImageBitmap | null>} frameAt the frame on show at a time
 * @property {() => void} destroy
 */

export const LEAST_PART_S = 0.5; // shorter, and there is nothing to imitate
const MAX_MISSING_S = 0.5; // as in tracks/video.py: a file that ends this much before its header states was cut off

/**
 * @param {Blob} blob
 * @param {string} name for the error's sentence, and for the track
 * @returns {Promise<Clip>}
 * @throws {PageError} if the browser cannot play it
 */
export async function openClip(blob, name) {
  if (blob.size === 0) throw new PageError('error_not_a_video', {name, reason: '0 bytes'});
  if (blob.type.startsWith('image/') && blob.type !== 'image/gif') throw new PageError('error_video_image', {name});
  return await openDecoded(blob, name) ?? openPlayed(blob, name);
}

/**
 * A part of a clip, as a clip of its own that begins at 0.
 * @param {Clip} clip goes with the part: whoever destroys one destroys both
 * @param {number} startS
 * @param {number} endS
 * @returns {Clip}
 * @throws {PageError} if that is no part of it
 */
export function cutClip(clip, startS, endS) {
  if (!(startS >= 0 && endS - startS >= LEAST_PART_S && startS + LEAST_PART_S <= clip.durationS)) {
    throw new PageError('error_part', {name: clip.name, start: String(startS), end: String(endS), total: clip.durationS.toFixed(1)});
  }
  const durationS = Math.min(endS, clip.durationS) - startS;
  return {
    ...clip,
    durationS,
    notes: [...clip.notes, `only from ${startS} s to ${Math.min(endS, clip.durationS)} s of ${clip.durationS.toFixed(1)} s`],
    async* frames() {
      for await (const {timeS, picture} of clip.frames(startS, endS)) {
        if (timeS < endS) yield {timeS: Math.max(0, timeS - startS), picture};
        else if (!(picture instanceof HTMLVideoElement)) picture.close();
      }
    },
    frameAt: (timeS) => clip.frameAt(timeS + startS),
  };
}

/**
 * The track of a clip.
 * @param {Clip} clip
 * @param {import('./pipeline.js').EmotionPipeline} pipeline
 * @param {object} [options]
 * @param {(doneS: number, totalS: number, track: Track) => void} [options.onFrame] called after each; the track grows
 * @param {AbortSignal} [options.signal]
 * @returns {Promise<Track>} rejects with the signal's reason when it is aborted
 * @throws {PageError} if the file ends before its header states, or no frame of it shows a face
 */
export async function analyseClip(clip, pipeline, {onFrame = () => {}, signal} = {}) {
  const track = startTrack(clip.name, pipeline.facts);
  const measurement = measurementOf(pipeline.facts.spec);
  /** @type {number[]} */
  const times = [];
  /** @type {import('./pixels/measure.js').Box[][]} */
  const detections = [];
  // Twice through the file: a steady box needs those that come later, and a video does not fit into memory.
  for await (const {timeS, picture} of framesOf(clip, signal)) {
    times.push(timeS);
    detections.push((await pipeline.analyze(picture, {task: 'detect', view: detectorViewAt(timeS, measurement)})).faces);
    onFrame(timeS / 2, clip.durationS, track);
  }
  track.duration_s = estimateDurationS(times);
  const boxes = steadyBoxes(times, track.duration_s, followFace(times, detections), measurement.box_window_s);
  for await (const {timeS, picture} of framesOf(clip, signal)) {
    const face = boxes[track.frames.length];
    const asked = {task: /** @type {const} */ ('classify'), face, looks: looksAt(timeS, measurement)};
    track.frames.push(toTrackFrame(timeS, await pipeline.analyze(picture, asked)));
    onFrame((clip.durationS + timeS) / 2, clip.durationS, track);
  }
  if (clip.notes.length > 0) track.notes = clip.notes;
  if (clip.durationS - track.duration_s > MAX_MISSING_S && !(await clip.isComplete())) {
    throw new PageError('error_video_cut', {name: clip.name, stated: clip.durationS.toFixed(1), actual: track.duration_s.toFixed(1)});
  }
  if (!track.frames.some((frame) => frame.probabilities !== null)) {
    throw new PageError('error_video_no_face', {name: clip.name, count: track.frames.length});
  }
  return track;
}

/**
 * The frames of a clip, until it is given up.
 * @param {Clip} clip
 * @param {AbortSignal | undefined} signal
 * @returns {AsyncGenerator<ClipFrame, void, void>}
 */
async function* framesOf(clip, signal) {
  for await (const frame of clip.frames()) {
    if (signal?.aborted) {
      if (!(frame.picture instanceof HTMLVideoElement)) frame.picture.close();
      throw signal.reason;
    }
    yield frame;
  }
}

/**
 * An empty track.
 * @param {string} name
 * @param {import('./pipeline.js').PipelineFacts} facts
 * @returns {Track}
 */
export function startTrack(name, facts) {
  return {name, labels: facts.spec.labels.map((label) => label.key), duration_s: 0, frames: [], model: modelOf(facts), measurement: measurementOf(facts.spec)};
}

/**
 * @param {import('./pipeline.js').PipelineFacts} facts
 * @returns {Record<string, string>} what probabilities come from, for a file
 */
export function modelOf({runtime: {backend, variant}, artefact, name, checkpoint}) {
  const runtime = `${variant === null ? `tfjs:${backend}` : `kernels:${variant}`} ${artefact.precision}`;
  return {name, checkpoint_sha256: checkpoint, runtime, detector: DETECTOR};
}

/**
 * @param {number} timeS
 * @param {import('./inference/engine.js').Analysis} analysis
 * @returns {import('./score.js').TrackFrame}
 */
export function toTrackFrame(timeS, {probabilities, box}) {
  return {
    time_s: timeS,
    probabilities: probabilities === null ? null : Array.from(probabilities),
    box: box === null ? null : {x: box.x, y: box.y, width: box.width, height: box.height},
  };
}

/**
 * When the last frame ends: it is taken to last as long as the frames before it did (their median). As in track.py.
 * @param {number[]} timesS
 * @returns {number}
 */
export function estimateDurationS(timesS) {
  if (timesS.length < 2) return timesS.length === 0 ? 0 : timesS[0] + 1 / RATE_HZ;
  return timesS[timesS.length - 1] + median(timesS.slice(1).map((time, i) => time - timesS[i]));
}
