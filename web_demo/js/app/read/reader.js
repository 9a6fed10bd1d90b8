/** Reading faces: a photograph, a video file while it plays, or the camera. source -> pipeline -> picture and result. */
import {HEAD_BYTES, MAX_PIXELS, readImageSize} from '../../pixels/image_size.js';
import {explainVideo} from '../../clip.js';
import {describeReason, PageError, toPageError} from '../../errors.js';
import {followVideo} from '../../live.js';
import {openCamera} from '../camera.js';
import {find, isVideo} from '../dom.js';
import {formatPercent, nameOf, onLanguageChange, translate} from '../text.js';
import {createControls} from './controls.js';
import {createFollowedFace} from './followed_face.js';
import {readOtherFaces, startPhoto} from './photo.js';
import {createResultView} from './reading_view.js';
import {connectReadingFiles} from './saving.js';
import {createSmoother} from './smooth.js';
import {createStage} from './stage.js';
import {createSteadyWords} from './steady_words.js';
import {createTimeline} from './timeline.js';
import {createTurns} from './turns.js';

/** @typedef {import('../../inference/engine.js').Analysis} Analysis */
/** @typedef {import('../../pixels/crop.js').Box} Box */
/** @typedef {import('../../pipeline.js').EmotionPipeline} EmotionPipeline */
/** @typedef {import('../samples.js').NamedBlob} NamedBlob */
/**
 * @typedef {object} Reader
 * @property {(blob: Blob, name: string) => void} readFile
 * @property {(fetchPhoto: () => Promise<NamedBlob>) => Promise<void>} readPhoto
 * @property {() => void} useCamera to be called from a click
 * @property {() => void} togglePause
 * @property {() => void} reset forgets what was read: another pipeline takes over
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
  const stage = createStage(root, chooseFace);
  const controls = createControls(root, {onMirror: stage.mirror, onCamera: () => { if (isCamera) void playCamera(); }});
  const view = createResultView({
    headline: find(root, '#headline', HTMLElement),
    note: find(root, '#note', HTMLElement),
    seen: find(root, '#seen', HTMLElement),
    crop: find(root, '#crop', HTMLCanvasElement),
    bars: find(root, '#bars', HTMLElement),
    facts: find(root, '#facts', HTMLElement),
  });
  const timeline = createTimeline(find(root, '#timeline', HTMLElement), (timeS) => { if (video !== null && !isCamera) video.currentTime = timeS; });
  const smoother = createSmoother();
  const steady = createSteadyWords();
  const followed = createFollowedFace();
  const turns = createTurns();
  /** @type {EmotionPipeline | null} */
  let pipeline = null;
  /** @type {import('./reading_view.js').Reading | null} */
  let reading = null;
  /** @type {{photo: import('./photo.js').Photo, analysis: Analysis} | null} */
  let shownPhoto = null;
  /** @type {HTMLVideoElement | null} */
  let video = null;
  let isCamera = false;
  const files = connectReadingFiles(root, {
    getReading: () => shownPhoto?.photo ?? timeline.track,
    getFaces: listShownFaces,
    isMirrored: () => stage.isMirrored,
    onError: (error) => status.fail(toPageError(error)),
  });
  /** @type {Analysis | null} */
  let lastLive = null;
  onLanguageChange(render);
  awaitPipeline();
  return {
    readPhoto,
    reset() {
      begin();
      pipeline = null;
      render();
      awaitPipeline();
    },
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

  function awaitPipeline() {
    const awaited = getPipeline();
    awaited.then((ready) => {
      if (awaited !== getPipeline()) return; // another one has taken over
      pipeline = ready;
      render();
    }, () => {});
  }

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
      if (isMine()) await showPhoto(name, analysis, ready, isMine);
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
    const shown = addVideo();
    isCamera = true;
    try {
      const camera = await openCamera(shown, () => { if (isMine()) fail(new PageError('error_camera_ended')); });
      if (!isMine()) {
        camera.destroy();
        return;
      }
      turns.keep(camera.destroy);
      stage.mirror(camera.isMirrored);
      controls.showMirror(camera.isMirrored);
      await follow(shown, translate('use_camera'), 0, isMine);
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
    const shown = addVideo();
    const url = URL.createObjectURL(blob);
    turns.keep(() => URL.revokeObjectURL(url));
    shown.muted = true;
    shown.loop = true;
    shown.src = url;
    try {
      const failure = await shown.play().then(() => null, describeReason);
      if (failure !== null) throw await explainVideo(blob, name, shown.error?.message || failure);
      if (shown.videoWidth === 0) throw await explainVideo(blob, name, 'it shows no picture'); // only its sound plays
      if (!isMine()) return;
      controls.showPause();
      await follow(shown, name, Number.isFinite(shown.duration) ? shown.duration : 0, isMine);
    } catch (error) {
      if (isMine()) fail(error);
    }
  }

  /**
   * @param {HTMLVideoElement} shown
   * @param {string} name
   * @param {number} durationS 0: it has no end
   * @param {() => boolean} isMine
   */
  async function follow(shown, name, durationS, isMine) {
    controls.showStop();
    const ready = await getPipeline();
    if (!isMine()) return;
    status.say('live', 'status_live');
    showBarsToo();
    controls.announce('off'); // twenty readings a second are no announcement
    timeline.start(name, ready.facts, durationS);
    const look = followVideo(shown, ready, {
      ask: () => ({near: followed.near}),
      onAnalysis(analysis, timeS) {
        const nowMs = performance.now();
        followed.see(analysis.found, nowMs);
        timeline.add(timeS, analysis, nowMs);
        showLive(analysis, look.stats(), nowMs);
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
    const added = stage.addVideo();
    video = added;
    controls.follow(added);
    turns.keep(() => {
      added.pause();
      added.removeAttribute('src');
      added.load();
      added.remove();
    });
    return added;
  }

  /**
   * @param {string} name
   * @param {Analysis} analysis
   * @param {EmotionPipeline} ready
   * @param {() => boolean} isMine
   */
  async function showPhoto(name, analysis, ready, isMine) {
    if (analysis.frame) stage.drawFrame(analysis.frame);
    const photo = startPhoto(name, analysis, ready.facts);
    publish(analysis);
    shownPhoto = {photo, analysis};
    await readOtherFaces(photo, analysis, ready, isMine);
    if (!isMine()) return;
    showFaceOfPhoto();
    status.say('result', 'status_done');
  }

  function showFaceOfPhoto() {
    if (shownPhoto === null) return;
    const {photo, analysis} = shownPhoto;
    const {face, probabilities, cropRgb} = photo.faces[photo.shown];
    stage.outline({...analysis, found: face}, false, describeFace);
    stage.describeFaces({...analysis, found: face, cropRgb}, true); // how many there are is said beside the result
    const {faceCount, faceNumber} = stage;
    reading = {probabilities, words: null, cropRgb, isMirrored: false, faceCount, faceNumber, stats: null, ...analysis.timings};
    render();
  }

  /** @type {import('./stage.js').DescribeFace} */
  function describeFace(face) {
    const read = shownPhoto?.photo.faces.find((one) => one.face.x === face.x && one.face.y === face.y);
    return read === undefined ? null : nameTop(read.probabilities);
  }

  /** @param {readonly number[]} probabilities */
  function nameTop(probabilities) {
    const top = probabilities.indexOf(Math.max(...probabilities));
    const label = pipeline?.facts.spec.labels[top];
    return label === undefined ? null : {label: nameOf(label), percent: formatPercent(probabilities[top])};
  }

  /** @param {Box} face */
  function chooseFace(face) {
    if (shownPhoto === null) {
      followed.choose(face, performance.now());
      smoother.reset();
      steady.reset();
      return;
    }
    shownPhoto.photo.shown = Math.max(0, shownPhoto.photo.faces.findIndex((one) => one.face.x === face.x && one.face.y === face.y));
    showFaceOfPhoto();
  }

  /** @returns {{faces: {box: Box, text: string}[], frameWidth: number}} what is outlined now */
  function listShownFaces() {
    /** @param {{label: string, percent: string} | null} top */
    const write = (top) => (top === null ? '' : translate('result_top', top));
    if (shownPhoto !== null) {
      const {photo} = shownPhoto;
      return {faces: photo.faces.map(({face, probabilities}) => ({box: face, text: write(nameTop(probabilities))})), frameWidth: photo.width};
    }
    if (lastLive === null || lastLive.found === null) return {faces: [], frameWidth: 1};
    return {faces: [{box: lastLive.found, text: write(nameTop(reading?.probabilities ?? []))}], frameWidth: lastLive.width};
  }

  /**
   * @param {Analysis} analysis
   * @param {import('../../live.js').LiveStats} stats
   * @param {number} nowMs
   */
  function showLive(analysis, stats, nowMs) {
    if (analysis.frame) stage.drawFrame(analysis.frame);
    const {probabilities, held} = smoother.show(analysis, nowMs);
    const shown = held ?? analysis;
    stage.outline(shown, held !== null);
    stage.describeFaces(shown);
    publish(held === null ? analysis : {...held, probabilities: null});
    const {faceCount, faceNumber, isMirrored} = stage;
    const words = steady.show(probabilities, nowMs);
    reading = {probabilities, words, cropRgb: shown.cropRgb, isMirrored, faceCount, faceNumber, stats, ...analysis.timings};
    lastLive = {...shown, frame: undefined};
    files.update();
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
    timeline.clear();
    publish(null);
    reading = null;
    shownPhoto = null;
    lastLive = null;
    controls.announce('polite');
    render();
    return isMine;
  }

  function release() {
    smoother.reset();
    steady.reset();
    followed.reset();
    stage.release();
    controls.hide();
    timeline.draw();
    video = null;
    isCamera = false;
  }

  function render() {
    if (shownPhoto !== null) stage.outline({...shownPhoto.analysis, found: shownPhoto.photo.faces[shownPhoto.photo.shown].face}, false, describeFace);
    view.render({facts: pipeline?.facts ?? null, reading});
    stage.render();
    files.update();
  }
}
