/** A video file decoded with WebCodecs: every frame with the time that the container gives it. Mirrors reon_export/score/tracks/video.py. */
import {PageError} from '../errors.js';
import {createCanvas, getContext} from '../pixels/canvas.js';
import {importMedia} from '../vendor.js';
import {isComplete} from './matroska.js';

/** @typedef {import('../clip.js').Clip} Clip */

/**
 * @param {Blob} blob
 * @param {string} name
 * @returns {Promise<Clip | null>} null if this browser, or the library, cannot decode it
 */
export async function openDecoded(blob, name) {
  if (typeof VideoDecoder === 'undefined') return null;
  const {input, media} = await openInput(blob);
  try {
    const video = await findVideo(input, name);
    if (!(await video.canDecode())) throw new Error('no video track that can be decoded');
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
      isComplete: () => isComplete(blob),
      async* frames(fromS = 0, toS = Infinity) {
        let lastS = -1;
        for await (const sample of sink.samples(startS + fromS, startS + toS)) {
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
 * Why a browser's player shows no picture of a file. iPhones record HEVC, of which some browsers play only the sound.
 * @param {Blob} blob
 * @param {string} name
 * @param {string} reason what the player says of it
 * @returns {Promise<PageError>}
 */
export async function explainVideo(blob, name, reason) {
  const {input} = await openInput(blob);
  try {
    const video = await findVideo(input, name);
    // Where the browser has the codec, the file is what is wrong.
    const codec = await video.canDecode() ? null : video.codec;
    const known = {hevc: 'HEVC (H.265)', avc: 'H.264', vp8: 'VP8', vp9: 'VP9', av1: 'AV1'};
    if (codec !== null) return new PageError('error_video_codec', {name, codec: Object.hasOwn(known, codec) ? known[/** @type {keyof typeof known} */ (codec)] : codec});
  } catch (error) {
    if (error instanceof PageError) return error;
  } finally {
    input.dispose();
  }
  return new PageError('error_not_a_video', {name, reason});
}

/**
 * The time of the first frame that is read: an edit list hides those that begin before zero, which stay in the file when a
 * clip is trimmed without being encoded again. FFmpeg, and so Python, drops the one that reaches over zero as well.
 * @param {import('mediabunny').InputVideoTrack} video
 * @param {import('mediabunny').VideoSampleSink} sink
 * @returns {Promise<number>} seconds
 */
async function findStart(video, sink) {
  const firstS = await video.getFirstTimestamp();
  if (firstS >= 0) return firstS;
  for await (const sample of sink.samples(0)) {
    const {timestamp} = sample;
    sample.close();
    if (timestamp > -1e-6) return timestamp;
  }
  return firstS;
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
