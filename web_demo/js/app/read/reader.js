/** Reading one face: a photograph, a video file while it plays, or the camera. source -> pipeline -> picture and result. */
import {HEAD_BYTES, MAX_PIXELS, readImageSize} from '../../pixels/image_size.js';
import {explainVideo} from '../../clip.js';
import {describeReason, PageError, toPageError} from '../../errors.js';
import {followVideo} from '../../live.js';
import {openCamera} from '../camera.js';
import {find, isVideo} from '../dom.js';
import {isDark} from '../face_note.js';
import {onLanguageChange} from '../text.js';
import {createControls} from './controls.js';
import {createResultView} from './reading_view.js';
import {createSmoother} from './smooth.js';
import {createStage} from './stage.js';
import {createSteadyWords} from './steady_words.js';
import {createTurns} from './turns.js';

/** @typedef {import('../../inference/engine.js').Analysis} Analysis */
/** @typedef {import('../../pipeline.js').EmotionPipeline} EmotionPipeline */
/** @typedef {import('../samples.js').NamedBlob} NamedBlob */
/**
 * @typedef {object} Reader
 * @property {(blob: Blob, name: string) => void} readFile
 * @property {(fetchPhoto: () => Promise<NamedBlob>) => Promise<void>} readPhoto
 * @property {() => void} useCamera to be called from a click
 * @property {() => void} togglePause
 * @property {() => void} stop lets go of the camera or the video; what was read stays
 */

/** What the element #stage dispatches for each picture that was read; its detail is the Analysis without the frame. */
export const READING_EVENT = 'reon-reading';

/**
 * @param {HTMLElement} root the page
 * @param {import('../status.js').Status} status
 * @param {() => Promise<EmotionPipeline>} getPipeline
 * @returns {Reader}
 */
export function createReader(root, status, getPipeline) {
  const stage = createStage(root);
  const controls = createControls(root);
  const view = createResultView({
    headline: find(root, '#headline', HTMLElement),
    note: find(root, '#note', HTMLElement),
    seen: find(root, '#seen', HTMLElement),
    crop: find(root, '#crop', HTMLCanvasElement),
    bars: find(root, '#bars', HTMLElement),
    facts: find(root, '#facts', HTMLElement),
  });
  const smoother = createSmoother();
  const steady = createSteadyWords();
  const turns = createTurns();
  /** @type {EmotionPipeline | null} */
  let pipeline = null;
  /** @type {import('./reading_view.js').Reading | null} */
  let reading = null;
  onLanguageChange(render);
  void getPipeline().then((ready) => {
    pipeline = ready;
    render();
  }, () => {});
  return {
    readPhoto,
    readFile(blob, name) {
      if (isVideo(blob, name)) void playFile(blob, name);
      else void readPhoto(async () => ({blob, name}));
    },
    useCamera: () => void playCamera(),
    togglePause: controls.togglePause,
    stop() {
      turns.end();
      release();
      if (pipeline !== null) status.say(reading?.probabilities ? 'result' : 'ready', 'status_ready');
    },
  };

  /** @type {Reader['readPhoto']} */
  async function readPhoto(fetchPhoto) {
    const isMine = begin();
    if (pipeline !== null) status.say('working', 'status_working');
    try {
      const {blob, name} = await fetchPhoto();
      if (isMine()) await preview(blob, isMine);
      const ready = await getPipeline();
      if (!isMine()) return;
      status.say('working', 'status_working');
      const analysis = await ready.analyze(blob, {name, returnFrame: true});
      if (isMine()) showPhoto(analysis);
      analysis.frame?.close();
    } catch (error) {
      if (isMine()) status.fail(toPageError(error));
    }
  }

  /**
   * What the file looks like, before it has been read: as the browser shows it.
   * @param {Blob} blob
   * @param {() => boolean} isMine
   */
  async function preview(blob, isMine) {
    const {width, height} = readImageSize(new Uint8Array(await blob.slice(0, HEAD_BYTES).arrayBuffer())) ?? {width: 0, height: 0};
    if (width * height > MAX_PIXELS) return;
    const bitmap = await createImageBitmap(blob).catch(() => null); // the pipeline says what is wrong with it
    if (bitmap !== null && isMine()) stage.drawFrame(bitmap);
    bitmap?.close();
  }

  async function playCamera() {
    const isMine = begin();
    status.say('working', 'status_camera');
    const video = addVideo();
    try {
      const camera = await openCamera(video, () => { if (isMine()) fail(new PageError('error_camera_ended')); });
      turns.keep(camera.destroy);
      stage.mirror();
      if (isMine()) await follow(video, isMine);
      else camera.destroy();
    } catch (error) {
      if (isMine()) fail(error);
    }
  }

  /**
   * @param {Blob} blob
   * @param {string} name
   */
  async function playFile(blob, name) {
    const isMine = begin();
    status.say('working', 'status_working');
    const video = addVideo();
    const url = URL.createObjectURL(blob);
    turns.keep(() => URL.revokeObjectURL(url));
    video.muted = true;
    video.loop = true;
    video.src = url;
    try {
      const failure = await video.play().then(() => null, describeReason);
      if (failure !== null) throw await explainVideo(blob, name, video.error?.message || failure);
      if (video.videoWidth === 0) throw await explainVideo(blob, name, 'it shows no picture'); // only its sound plays
      controls.showPause();
      if (isMine()) await follow(video, isMine);
    } catch (error) {
      if (isMine()) fail(error);
    }
  }

  /**
   * @param {HTMLVideoElement} video
   * @param {() => boolean} isMine
   */
  async function follow(video, isMine) {
    controls.showStop();
    const ready = await getPipeline();
    if (!isMine()) return;
    status.say('live', 'status_live');
    showBarsToo();
    controls.announce('off'); // twenty readings a second are no announcement
    const look = followVideo(video, ready, {
      onAnalysis: (analysis) => {
        showLive(analysis, look.stats());
        analysis.frame?.close();
      },
      onError: fail,
    });
    turns.keep(look.stop);
  }

  /** On a small screen the picture moves up, so that the bars under it are in view. */
  function showBarsToo() {
    const {bottom} = find(root, '#bars', HTMLElement).getBoundingClientRect();
    if (bottom > innerHeight) find(root, '#stage', HTMLElement).scrollIntoView({block: 'start'});
  }

  function addVideo() {
    const video = stage.addVideo();
    controls.follow(video);
    turns.keep(() => {
      video.pause();
      video.removeAttribute('src');
      video.load();
      video.remove();
    });
    return video;
  }

  /** @param {Analysis} analysis */
  function showPhoto(analysis) {
    if (analysis.frame) stage.drawFrame(analysis.frame);
    if (analysis.probabilities === null) {
      throw new PageError(analysis.frame && isDark(analysis.frame) ? 'error_no_face_dark' : 'error_no_face');
    }
    stage.outline(analysis, false);
    stage.describeFaces(analysis, true); // how many there are is said beside the result
    publish(analysis);
    const probabilities = Array.from(analysis.probabilities);
    reading = {probabilities, words: null, cropRgb: analysis.cropRgb, isMirrored: false, faceCount: stage.faceCount, stats: null, ...analysis.timings};
    status.say('result', 'status_done');
    render();
  }

  /**
   * @param {Analysis} analysis
   * @param {import('../../live.js').LiveStats} stats
   */
  function showLive(analysis, stats) {
    if (analysis.frame) stage.drawFrame(analysis.frame);
    const {probabilities, held} = smoother.show(analysis, performance.now());
    stage.outline(held ?? analysis, held !== null);
    stage.describeFaces(held ?? analysis);
    publish(held === null ? analysis : {...held, probabilities: null});
    reading = {
      probabilities,
      words: steady.show(probabilities, performance.now()),
      cropRgb: (held ?? analysis).cropRgb,
      isMirrored: stage.isMirrored,
      faceCount: stage.faceCount,
      stats,
      ...analysis.timings,
    };
    view.render({facts: pipeline?.facts ?? null, reading});
  }

  /**
   * For whatever stands around the page, such as tests.
   * @param {Analysis | null} analysis null: there is none any more
   */
  function publish(analysis) {
    const detail = analysis === null ? null : {...analysis, frame: undefined};
    root.dispatchEvent(new CustomEvent(READING_EVENT, {detail}));
  }

  /** @param {unknown} error */
  function fail(error) {
    turns.release();
    release();
    status.fail(toPageError(error));
    render();
  }

  /** @returns {() => boolean} whether the source that begins here is still the one that is wanted */
  function begin() {
    const isMine = turns.begin();
    release();
    stage.clear();
    publish(null);
    reading = null;
    controls.announce('polite');
    render();
    return isMine;
  }

  function release() {
    smoother.reset();
    steady.reset();
    stage.release();
    controls.hide();
  }

  function render() {
    view.render({facts: pipeline?.facts ?? null, reading});
    stage.render();
  }
}
