/**
 * A video file, frame by frame and not as it happens to play, so that the same file gives the same track twice.
 *
 * Files are decoded with WebCodecs: every frame with the time that the container gives it, as in
 * reon_export/score/tracks/video.py. Where a browser lacks that, or the codec, its own player is asked for the frame in the
 * middle of every cell of js/score.js instead.
 */
import {createCanvas, getContext} from './pixels/canvas.js';
import {describeReason, PageError} from './errors.js';
import {RATE_HZ} from './score.js';
import {importMedia} from './vendor.js';

/** @typedef {import('./score.js').Track} Track */
/** @typedef {{timeS: number, picture: ImageBitmap | VideoFrame | HTMLVideoElement}} ClipFrame timeS from the first frame; whoever gets the picture closes it */
/**
 * @typedef {object} Clip
 * @property {string} name
 * @property {number} durationS as the file says; the track knows better
 * @property {boolean} isDecoded whether every frame is seen, with its own time
 * @property {string[]} notes what may be off, sentences in English
 * @property {() => Promise<number>} endS when what is in the file ends, sound included; 0 where only the picture counts
 * @property {() => AsyncGenerator<ClipFrame, void, void>} frames in order of time, once each
 * @property {(timeS: number) => Promise<ImageBitmap | null>} frameAt the frame on show at a time
 * @property {() => void} destroy
 */

const FAR_S = 1e7; // seeking there makes a browser look for the end of a recording that does not say how long it is
const TIMEOUT_MS = 20_000;
const PRESENT_MS = 500; // a frame that is sought is on show well before that, unless it was on show already
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
  for await (const {timeS, picture} of clip.frames()) {
    if (signal?.aborted) {
      if (!(picture instanceof HTMLVideoElement)) picture.close();
      throw signal.reason;
    }
    track.frames.push(toTrackFrame(timeS, await pipeline.analyze(picture)));
    onFrame(timeS, clip.durationS, track);
  }
  track.duration_s = estimateDurationS(track.frames.map((frame) => frame.time_s));
  if (clip.notes.length > 0) track.notes = clip.notes;
  if (clip.durationS - Math.max(track.duration_s, await missingEnd(clip, track)) > MAX_MISSING_S) {
    throw new PageError('error_video_cut', {name: clip.name, stated: clip.durationS.toFixed(1), actual: track.duration_s.toFixed(1)});
  }
  if (!track.frames.some((frame) => frame.probabilities !== null)) {
    throw new PageError('error_video_no_face', {name: clip.name, count: track.frames.length});
  }
  return track;
}

/**
 * When the sound ends, if the picture ends so early that it matters.
 * @param {Clip} clip
 * @param {Track} track
 * @returns {Promise<number>} seconds
 */
async function missingEnd(clip, track) {
  return clip.durationS - track.duration_s > MAX_MISSING_S ? clip.endS() : 0;
}

/**
 * An empty track.
 * @param {string} name
 * @param {import('./pipeline.js').PipelineFacts} facts
 * @returns {Track}
 */
export function startTrack(name, facts) {
  const runtime = `tfjs:${facts.runtime.backend} ${facts.artefact.precision}`;
  const model = {name: facts.name, checkpoint_sha256: facts.checkpoint, runtime};
  return {name, labels: facts.spec.labels.map((label) => label.key), duration_s: 0, frames: [], model};
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
  const steps = timesS.slice(1).map((time, i) => time - timesS[i]).sort((first, second) => first - second);
  const middle = steps.length >> 1;
  return timesS[timesS.length - 1] + (steps.length % 2 ? steps[middle] : (steps[middle - 1] + steps[middle]) / 2);
}

/**
 * @param {Blob} blob
 * @param {string} name
 * @returns {Promise<Clip | null>} null if this browser, or the library, cannot decode it
 */
async function openDecoded(blob, name) {
  if (typeof VideoDecoder === 'undefined') return null;
  const {input, media} = await openInput(blob);
  try {
    const video = await findVideo(input, name);
    if (!(await video.canDecode())) {
      await checkCodec(video, name);
      throw new Error('no video track that can be decoded');
    }
    const config = await video.getDecoderConfig();
    // Asked of the track by the sink, which would otherwise take BT.709 for every file that does not say.
    if (config !== null) video.getDecoderConfig = async () => ({...config, colorSpace: completeColorSpace(config)});
    const sink = new media.VideoSampleSink(video);
    const startS = await findStart(video, sink);
    const endS = await input.getDurationFromMetadata([video]) ?? await input.computeDuration([video]);
    return {
      name,
      durationS: endS - startS,
      isDecoded: true,
      notes: describeColours(config),
      // MP4 states the length of every stream, WebM only when the whole ends, sound included.
      endS: async () => (/webm|matroska/.test(await input.getMimeType()) ? await input.computeDuration() - startS : 0),
      async* frames() {
        let lastS = -1;
        for await (const sample of sink.samples(startS)) {
          const timeS = Math.round((sample.timestamp - startS) * 1e6) / 1e6;
          const picture = await toPicture(sample);
          if (timeS > lastS) yield {timeS, picture};
          else picture.close();
          lastS = Math.max(lastS, timeS);
        }
      },
      async frameAt(timeS) {
        const sample = await sink.getSample(startS + Math.max(0, timeS));
        if (sample === null) return null;
        const picture = await toPicture(sample);
        if (picture instanceof ImageBitmap) return picture;
        const bitmap = await createImageBitmap(picture);
        picture.close();
        return bitmap;
      },
      destroy: () => input.dispose(),
    };
  } catch (error) {
    input.dispose();
    if (error instanceof PageError) throw error;
    return null; // the browser's own player has the last word on what it can play, and why not
  }
}

/** @param {Blob} blob */
async function openInput(blob) {
  const media = await importMedia();
  const formats = [media.WEBM, media.MATROSKA, media.MP4, media.QTFF];
  return {media, input: new media.Input({source: new media.BlobSource(blob), formats})};
}

/**
 * @param {import('mediabunny').Input} input
 * @param {string} name
 * @returns {Promise<import('mediabunny').InputVideoTrack>}
 * @throws {PageError} if there is only sound
 */
async function findVideo(input, name) {
  const video = await input.getPrimaryVideoTrack();
  if (video !== null) return video;
  if (await input.getPrimaryAudioTrack() !== null) throw new PageError('error_video_sound_only', {name});
  throw new Error('no video track');
}

/**
 * Why a browser's player shows no picture of a file.
 * @param {Blob} blob
 * @param {string} name
 * @param {string} reason what the player says of it
 * @returns {Promise<PageError>}
 */
export async function explainVideo(blob, name, reason) {
  const {input} = await openInput(blob);
  try {
    await checkCodec(await findVideo(input, name), name);
  } catch (error) {
    if (error instanceof PageError) return error;
  } finally {
    input.dispose();
  }
  return new PageError('error_not_a_video', {name, reason});
}

/**
 * The time of the first frame that is shown: an edit list hides those before zero, which stay in the file when a clip is
 * trimmed without being encoded again.
 * @param {import('mediabunny').InputVideoTrack} video
 * @param {import('mediabunny').VideoSampleSink} sink
 * @returns {Promise<number>} seconds
 */
async function findStart(video, sink) {
  const firstS = await video.getFirstTimestamp();
  if (firstS >= 0) return firstS;
  const shown = await sink.getSample(0);
  const startS = shown?.timestamp ?? firstS;
  const isOver = shown !== null && shown.timestamp + shown.duration <= 0;
  shown?.close();
  return isOver ? 0 : startS;
}

/**
 * Names a codec that neither WebCodecs nor the player can decode; iPhones record HEVC, of which some browsers would play
 * only the sound.
 * @param {import('mediabunny').InputVideoTrack} video
 * @param {string} name
 * @throws {PageError}
 */
async function checkCodec(video, name) {
  const parameter = await video.getCodecParameterString();
  const type = `video/mp4; codecs="${parameter ?? ''}"`;
  if (parameter !== null && document.createElement('video').canPlayType(type) !== '') return;
  const codec = video.codec === 'hevc' ? 'HEVC (H.265)' : video.codec ?? (parameter || 'an unknown codec');
  throw new PageError('error_video_codec', {name, codec});
}

/**
 * What is off with the colours of a video that are not those of standard dynamic range. As in tracks/video.py.
 * @param {VideoDecoderConfig | null} config
 * @returns {string[]} sentences in English, for the track
 */
function describeColours(config) {
  const transfer = String(config?.colorSpace?.transfer ?? '');
  const standard = {pq: 'PQ', hlg: 'HLG'}[transfer];
  return standard === undefined ? [] : [`its colours are HDR (${standard}), which moves the probabilities; convert it to SDR, or record without HDR`];
}

/**
 * What the file says of its colours; where it says nothing, what browsers' players take: BT.601, and for high definition
 * (720 lines, as in Chromium's player) BT.709. As in reon_export/score/tracks/colours.py.
 * Firefox 140 does not listen: VP9 and H.264 that say nothing are BT.709 to it (KhronosGroup/WebGL pull request 2240).
 * @param {VideoDecoderConfig} config
 * @returns {VideoColorSpaceInit}
 */
function completeColorSpace({colorSpace, codedHeight = 0}) {
  const guess = codedHeight < 720 ? 'smpte170m' : 'bt709';
  return {
    primaries: colorSpace?.primaries ?? guess,
    transfer: colorSpace?.transfer ?? guess,
    matrix: colorSpace?.matrix ?? guess,
    fullRange: colorSpace?.fullRange ?? false,
  };
}

/**
 * The sample as something that can go to a worker, upright; the sample is closed.
 * @param {import('mediabunny').VideoSample} sample
 * @returns {Promise<VideoFrame | ImageBitmap>}
 */
async function toPicture(sample) {
  try {
    if (sample.rotation === 0 && !sample.flip) return sample.toVideoFrame();
    const canvas = createCanvas(); // phones write frames that lie on their side
    canvas.width = sample.displayWidth;
    canvas.height = sample.displayHeight;
    sample.draw(getContext(canvas, true), 0, 0); // in main memory: a graphics processor's colours may differ
    return await createImageBitmap(canvas);
  } finally {
    sample.close();
  }
}

/**
 * @param {Blob} blob
 * @param {string} name
 * @returns {Promise<Clip>}
 * @throws {PageError}
 */
async function openPlayed(blob, name) {
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
    if (video.videoWidth === 0) throw new PageError('error_video_sound_only', {name}); // or a codec that only sounds
    const count = Math.max(1, Math.ceil(durationS * RATE_HZ - 0.5));
    return {
      name,
      durationS,
      isDecoded: false,
      notes: [],
      endS: async () => 0,
      async* frames() {
        for (let j = 0; j < count; j += 1) {
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
    throw error instanceof PageError ? error : new PageError('error_not_a_video', {name, reason: describeReason(error)});
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
