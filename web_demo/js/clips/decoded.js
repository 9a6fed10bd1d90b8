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
      isComplete: () => isComplete(blob),
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
