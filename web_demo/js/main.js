/** The page: connects the parts and holds no logic of its own. source -> detector -> crop -> classifier -> result. */
import {getContext} from './canvas.js';
import {createDetector} from './detector.js';
import {describeReason, PageError, toPageError} from './errors.js';
import {chooseArtefact, readManifest} from './manifest.js';
import {createOverlay} from './overlay.js';
import {cropDetectedFace} from './preprocess.js';
import {renderResult} from './result.js';
import {openImage} from './source.js';
import {startClassifier} from './startup.js';
import {createStatus} from './status.js';
import {formatBytes, pickLanguage, showLanguage, translate} from './text.js';

/** @typedef {{detector: import('./detector.js').Detector, classifier: import('./classifier.js').Classifier}} Services */

const MANIFEST_URL = new URL('model/manifest.json', document.baseURI).href;
const SAMPLE_URL = new URL('samples/astronaut.png', document.baseURI).href;
const LONGEST_SHOWN_PX = 1600;

const query = new URLSearchParams(location.search);
let language = pickLanguage(query);

const stage = find('#stage', HTMLElement);
const photo = find('#photo', HTMLCanvasElement);
const picker = find('#picker', HTMLInputElement);
const overlay = createOverlay(find('#overlay', HTMLCanvasElement));
const status = createStatus(document.body, {
  line: find('#status', HTMLElement),
  bar: find('#progress', HTMLProgressElement),
  alert: find('#alert', HTMLElement),
  alertText: find('#alert-text', HTMLElement),
}, language);
const resultElements = {
  headline: find('#headline', HTMLElement),
  note: find('#note', HTMLElement),
  seen: find('#seen', HTMLElement),
  crop: find('#crop', HTMLCanvasElement),
  bars: find('#bars', HTMLElement),
  facts: find('#facts', HTMLElement),
};
/** @type {import('./result.js').ResultState} */
const state = {facts: null, reading: null};
let faceCount = 0;
let turn = 0;
let isStarted = false;

/** @returns {Promise<Services>} */
async function startServices() {
  status.say('loading', 'status_runtime');
  const manifest = await readManifest(MANIFEST_URL);
  const artefact = chooseArtefact(manifest, query.get('precision'));
  const {runtime, classifier, selfTest} = await startClassifier({
    manifest,
    artefact,
    manifestUrl: MANIFEST_URL,
    backend: query.get('backend'),
    onProgress: (done, total) => status.progress(done, total, 'status_model', formatBytes),
    onWarmUp: () => status.say('loading', 'status_warm_up'),
  });
  status.say('loading', 'status_detector');
  const detector = await createDetector({runtime});
  state.facts = {name: manifest.name, spec: classifier.spec, artefact, runtime, selfTest};
  isStarted = true;
  render();
  return {detector, classifier};
}

/**
 * Read one photograph. A later one takes over: whatever the earlier one still finds out is dropped.
 * @param {() => Promise<{blob: Blob, name: string}>} fetchPhoto
 */
async function readPhoto(fetchPhoto) {
  turn += 1;
  const mine = turn;
  clearResult();
  if (isStarted) status.say('working', 'status_working');
  /** @type {import('./source.js').Frame | null} */
  let frame = null;
  try {
    const {blob, name} = await fetchPhoto();
    frame = await openImage(blob, name);
    if (mine !== turn) return;
    showFrame(frame);
    const {detector, classifier} = await services;
    if (mine !== turn) return;
    status.say('working', 'status_working');
    await classifyFrame(frame, detector, classifier, () => mine === turn);
  } catch (error) {
    if (mine === turn) status.fail(toPageError(error));
  } finally {
    frame?.destroy();
  }
}

/**
 * @param {import('./source.js').Frame} frame
 * @param {import('./detector.js').Detector} detector
 * @param {import('./classifier.js').Classifier} classifier
 * @param {() => boolean} isWanted
 */
async function classifyFrame(frame, detector, classifier, isWanted) {
  const detectStart = performance.now();
  const {faces} = await detector.detect(frame);
  const detectMs = performance.now() - detectStart;
  if (!isWanted()) return;
  if (faces.length === 0) throw new PageError('error_no_face');
  const {rgb, square} = cropDetectedFace(frame, faces[0], classifier.spec);
  const classifyStart = performance.now();
  const {probabilities} = await classifier.classify(rgb);
  const classifyMs = performance.now() - classifyStart;
  if (!isWanted()) return;
  overlay.show({boxes: faces, chosen: 0, frameWidth: frame.width, frameHeight: frame.height});
  stage.dataset.faces = JSON.stringify(faces);
  stage.dataset.square = JSON.stringify(square);
  faceCount = faces.length;
  state.reading = {probabilities, cropRgb: rgb, faceCount, detectMs, classifyMs};
  status.say('result', 'status_done');
  render();
}

/** @param {import('./source.js').Frame} frame */
function showFrame(frame) {
  const scale = Math.min(1, LONGEST_SHOWN_PX / Math.max(frame.width, frame.height));
  photo.width = Math.max(1, Math.round(frame.width * scale));
  photo.height = Math.max(1, Math.round(frame.height * scale));
  frame.draw(getContext(photo), photo.width, photo.height);
  stage.dataset.filled = '';
}

function clearResult() {
  overlay.clear();
  delete stage.dataset.faces;
  delete stage.dataset.square;
  delete stage.dataset.filled;
  faceCount = 0;
  state.reading = null;
  render();
}

function render() {
  showLanguage(document, language);
  status.translateTo(language);
  renderResult(resultElements, state, language);
  const key = faceCount === 0 ? 'photo_none' : faceCount === 1 ? 'photo_face' : 'photo_faces';
  photo.setAttribute('aria-label', translate(language, key, {count: faceCount}));
}

/** @param {FileList | null | undefined} files */
function readFiles(files) {
  const file = files?.[0];
  void readPhoto(async () => {
    if (file === undefined) throw new PageError('error_no_file');
    return {blob: file, name: file.name};
  });
}

async function fetchSample() {
  const response = await fetch(SAMPLE_URL).catch((error) => {
    throw new PageError('error_sample_missing', {reason: describeReason(error)});
  });
  if (!response.ok) throw new PageError('error_sample_missing', {reason: `HTTP ${response.status}`});
  return {blob: await response.blob(), name: 'astronaut.png'};
}

function listen() {
  picker.addEventListener('change', () => {
    if (picker.files?.length) readFiles(picker.files);
    picker.value = ''; // the same file may be chosen again
  });
  find('#choose', HTMLButtonElement).addEventListener('click', () => picker.click());
  find('#sample', HTMLButtonElement).addEventListener('click', () => void readPhoto(fetchSample));
  for (const button of document.querySelectorAll('[data-language]')) {
    button.addEventListener('click', () => {
      language = button.getAttribute('data-language') === 'ko' ? 'ko' : 'en';
      render();
    });
  }
  // The whole window takes drops: a photograph dropped beside the frame must not replace the page.
  addEventListener('dragover', (event) => {
    event.preventDefault();
    stage.dataset.dragging = '';
  });
  addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) delete stage.dataset.dragging;
  });
  addEventListener('drop', (event) => {
    event.preventDefault();
    delete stage.dataset.dragging;
    readFiles(event.dataTransfer?.files);
  });
}

/**
 * @template {Element} Kind
 * @param {string} selector
 * @param {new () => Kind} kind
 * @returns {Kind}
 */
function find(selector, kind) {
  const element = document.querySelector(selector);
  if (!(element instanceof kind)) throw new Error(`index.html has no ${kind.name} ${selector}`);
  return element;
}

render();
listen();
const services = startServices();
services.then(
  () => { if (turn === 0) status.say('ready', 'status_ready'); },
  (error) => status.fail(toPageError(error)),
);
