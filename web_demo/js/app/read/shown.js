/** What is on show: the picture with its faces, what was read of them, and how it went over time. */
import {find} from '../dom.js';
import {formatPercent, nameOf, onLanguageChange, translate} from '../text.js';
import {createFollowedFace} from './followed_face.js';
import {isSameBox, readOtherFaces, startPhoto} from './photo.js';
import {createResultView} from './reading_view.js';
import {connectReadingFiles} from './saving.js';
import {createSmoother} from './smooth.js';
import {createStage} from './stage.js';
import {createSteadyWords} from './steady_words.js';
import {createTimeline} from './timeline.js';

/** @typedef {import('../../inference/engine.js').Analysis} Analysis */
/** @typedef {import('../../pixels/crop.js').Box} Box */
/** @typedef {import('../../pipeline.js').EmotionPipeline} EmotionPipeline */
/** @typedef {import('../../pipeline.js').PipelineFacts} PipelineFacts */
/**
 * @typedef {object} Shown
 * @property {import('./stage.js').Stage} stage
 * @property {boolean} hasFace whether a face has been read
 * @property {Box | null} near where the face that is followed was last; null: the largest is wanted
 * @property {(pipeline: EmotionPipeline | null) => void} setPipeline whose facts are shown; null: nothing runs yet
 * @property {(name: string, analysis: Analysis, pipeline: EmotionPipeline, isMine: () => boolean) => Promise<void>} showPhoto every face of it
 * @property {(name: string, facts: PipelineFacts, durationS: number) => void} startVideo durationS 0: it has no end
 * @property {(analysis: Analysis, timeS: number, stats: import('../../live.js').LiveStats) => void} showFrame of a video
 * @property {() => void} clear nothing is on show
 * @property {() => void} settle the source has gone; what was read stays
 */

/** What the page dispatches for each picture that was read; its detail is the Analysis without the frame. */
export const READING_EVENT = 'reon-reading';

/**
 * @param {HTMLElement} root the page
 * @param {{onSeek: (timeS: number) => void, onError: (error: unknown) => void}} calls
 * @returns {Shown}
 */
export function createShown(root, {onSeek, onError}) {
  const stage = createStage(root, chooseFace);
  const view = createResultView({
    headline: find(root, '#headline', HTMLElement),
    note: find(root, '#note', HTMLElement),
    seen: find(root, '#seen', HTMLElement),
    crop: find(root, '#crop', HTMLCanvasElement),
    bars: find(root, '#bars', HTMLElement),
    facts: find(root, '#facts', HTMLElement),
  });
  const timeline = createTimeline(find(root, '#timeline', HTMLElement), onSeek);
  const smoother = createSmoother();
  const steady = createSteadyWords();
  const followed = createFollowedFace();
  /** @type {EmotionPipeline | null} */
  let pipeline = null; // its facts change while it runs
  /** @type {import('./reading_view.js').Reading | null} */
  let reading = null;
  /** @type {{photo: import('./photo.js').Photo, analysis: Analysis} | null} */
  let shownPhoto = null;
  /** @type {Analysis | null} */
  let lastFrame = null;
  const files = connectReadingFiles(root, {
    getReading: () => shownPhoto?.photo ?? timeline.track,
    getFaces: listFaces,
    isMirrored: () => stage.isMirrored,
    onError,
  });
  onLanguageChange(() => (shownPhoto === null ? render() : showFaceOfPhoto()));
  return {
    stage,
    get hasFace() {
      return Boolean(reading?.probabilities);
    },
    get near() {
      return followed.near;
    },
    setPipeline(wanted) {
      pipeline = wanted;
      render();
    },
    showPhoto,
    startVideo: timeline.start,
    showFrame,
    clear() {
      stage.clear();
      timeline.clear();
      publish(null);
      reading = null;
      shownPhoto = null;
      lastFrame = null;
      render();
    },
    settle() {
      smoother.reset();
      steady.reset();
      followed.reset();
      stage.release();
      timeline.draw();
    },
  };

  /** @type {Shown['showPhoto']} */
  async function showPhoto(name, analysis, ready, isMine) {
    if (analysis.frame) stage.drawFrame(analysis.frame);
    const photo = startPhoto(name, analysis, ready.facts);
    publish(analysis);
    shownPhoto = {photo, analysis};
    await readOtherFaces(photo, analysis, ready, isMine);
    if (isMine()) showFaceOfPhoto();
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

  /** @type {Shown['showFrame']} */
  function showFrame(analysis, timeS, stats) {
    const nowMs = performance.now();
    followed.see(analysis.found, nowMs);
    timeline.add(timeS, analysis, nowMs);
    if (analysis.frame) stage.drawFrame(analysis.frame);
    const {probabilities, held} = smoother.show(analysis, nowMs);
    const shown = held ?? analysis;
    stage.outline(shown, held !== null);
    stage.describeFaces(shown);
    publish(held === null ? analysis : {...held, probabilities: null});
    const {faceCount, faceNumber, isMirrored} = stage;
    const words = steady.show(probabilities, nowMs);
    reading = {probabilities, words, cropRgb: shown.cropRgb, isMirrored, faceCount, faceNumber, stats, ...analysis.timings};
    lastFrame = {...shown, frame: undefined};
    files.update();
    view.render({facts: pipeline?.facts ?? null, reading});
  }

  /** @param {Box} face */
  function chooseFace(face) {
    if (shownPhoto === null) {
      followed.choose(face, performance.now());
      smoother.reset();
      steady.reset();
      return;
    }
    shownPhoto.photo.shown = Math.max(0, shownPhoto.photo.faces.findIndex((one) => isSameBox(one.face, face)));
    showFaceOfPhoto();
  }

  /** @type {import('./stage.js').DescribeFace} */
  function describeFace(face) {
    const read = shownPhoto?.photo.faces.find((one) => isSameBox(one.face, face));
    return read === undefined ? null : nameTop(read.probabilities);
  }

  /** @param {readonly number[]} probabilities */
  function nameTop(probabilities) {
    const top = probabilities.indexOf(Math.max(...probabilities));
    const label = pipeline?.facts.spec.labels[top];
    return label === undefined ? null : {label: nameOf(label), percent: formatPercent(probabilities[top])};
  }

  /** @returns {{faces: {box: Box, text: string}[], frameWidth: number}} what is outlined now */
  function listFaces() {
    /** @param {Box} box @param {readonly number[]} probabilities */
    const write = (box, probabilities) => {
      const top = nameTop(probabilities);
      return {box, text: top === null ? '' : translate('result_top', top)};
    };
    if (shownPhoto !== null) {
      const {photo} = shownPhoto;
      return {faces: photo.faces.map(({face, probabilities}) => write(face, probabilities)), frameWidth: photo.width};
    }
    if (lastFrame === null || lastFrame.found === null) return {faces: [], frameWidth: 1};
    return {faces: [write(lastFrame.found, reading?.probabilities ?? [])], frameWidth: lastFrame.width};
  }

  /**
   * For whatever stands around the page, such as tests.
   * @param {Analysis | null} analysis null: there is none any more
   */
  function publish(analysis) {
    const detail = analysis === null ? null : {...analysis, frame: undefined};
    root.dispatchEvent(new CustomEvent(READING_EVENT, {detail}));
  }

  function render() {
    view.render({facts: pipeline?.facts ?? null, reading});
    stage.render();
    files.update();
  }
}
