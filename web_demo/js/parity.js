/**
 * window.reonParity: lets the parity job run crops through the very classifier that the page uses, on any backend.
 * It ignores the gate, because it is what decides the gate; it still verifies every hash. Errors reject with a sentence.
 */
import {analyseClip, openClip} from './clip.js';
import {loadClassifier} from './inference/classifier.js';
import {createDetector} from './inference/detector.js';
import {PageError} from './errors.js';
import {fetchArtefact, findArtefact, readManifest} from './inference/manifest.js';
import {cropFace} from './pixels/preprocess.js';
import {isRefusal, startRuntime} from './inference/runtimes/runtime.js';
import {openImage} from './pixels/frame.js';
import {createEmotionPipeline} from './pipeline.js';
import {trackToJson} from './score_files.js';

/**
 * @typedef {object} LoadRequest
 * @property {string} manifestUrl may be relative to the page
 * @property {string} precision
 * @property {string} backend
 * @property {boolean} [isProven] false to examine, with readTensors(), a network whose answers are unusable
 * @property {boolean} [keep] true keeps the artefacts that are loaded already; all run on the same backend
 */
/** @typedef {{backend: string, precision: string, version: string, variant: string | null, threads: number | null, isHalfFloat: boolean, labels: string[]}} LoadAnswer */
/** @typedef {{unavailable: string}} Unavailable why the asked backend does not run in this browser */
/** @typedef {{logits: string, probabilities: string}} ClassifyAnswer base64 of float32 little-endian [count, classes] */

/** @type {Map<string, import('./inference/classifier.js').Classifier>} by precision */
const classifiers = new Map();
let latest = ''; // the precision that was loaded last: it answers where none is named
/** @type {import('./inference/detector.js').Detector | null} */
let detector = null; // kept between photographs
/** @type {import('./pipeline.js').EmotionPipeline | null} */
let pipeline = null; // kept between videos

/**
 * @param {LoadRequest} request
 * @returns {Promise<LoadAnswer | Unavailable>}
 */
async function load({manifestUrl, precision, backend, isProven = true, keep = false}) {
  if (!keep) await unload();
  const runtime = await startRuntime(backend).catch(nameRefusal);
  if (typeof runtime === 'string') return {unavailable: runtime};
  const url = new URL(manifestUrl, document.baseURI).href;
  const manifest = await readManifest(url);
  const artefact = findArtefact(manifest, precision);
  const classifier = await loadClassifier({manifest, artefact, files: await fetchArtefact(artefact, url, () => {}), runtime, isProven})
    .catch(nameRefusal);
  if (typeof classifier === 'string') return {unavailable: classifier};
  classifiers.get(precision)?.destroy();
  classifiers.set(precision, classifier);
  latest = precision;
  return {
    backend: classifier.backend,
    precision: classifier.precision,
    version: runtime.version,
    variant: runtime.variant,
    threads: runtime.threads,
    isHalfFloat: runtime.isHalfFloat,
    labels: classifier.labels.map((label) => label.key),
  };
}

/**
 * Not running here is not the same as being wrong: the job reports it as "not run".
 * @param {unknown} error
 */
function nameRefusal(error) {
  if (isRefusal(error)) return error.message;
  throw error;
}

/**
 * @param {string} cropsBase64 of uint8 NHWC RGB, the size that the spec names
 * @param {number} count of crops
 * @param {string} [precision] of the artefact that is to answer
 * @returns {Promise<ClassifyAnswer>}
 */
async function classify(cropsBase64, count, precision = latest) {
  const classifier = findLoaded(precision, 'classify');
  const crops = decodeBase64(cropsBase64);
  const cropBytes = classifier.spec.input.height * classifier.spec.input.width * 3;
  if (crops.length !== count * cropBytes || count < 1) {
    throw new PageError('error_unexpected', {reason: `${crops.length} bytes for ${count} crops, expected ${cropBytes} bytes each`});
  }
  const classes = classifier.labels.length;
  const logits = new Float32Array(count * classes);
  const probabilities = new Float32Array(count * classes);
  for (let i = 0; i < count; i += 1) {
    const answer = await classifier.classify(crops.subarray(i * cropBytes, (i + 1) * cropBytes));
    logits.set(answer.logits, i * classes);
    probabilities.set(answer.probabilities, i * classes);
  }
  return {logits: encodeBase64(logits), probabilities: encodeBase64(probabilities)};
}

/**
 * What single nodes of the loaded graph give for one crop.
 * @param {string} cropBase64 of uint8 HWC RGB, the size that the spec names
 * @param {string[]} nodeNames as in model.json
 * @param {string} [precision] of the artefact that is to answer
 * @returns {Promise<Record<string, {shape: number[], data: string}>>} by name; data is base64 of float32 little-endian
 */
async function readTensors(cropBase64, nodeNames, precision = latest) {
  const outputs = await findLoaded(precision, 'readTensors').execute(decodeBase64(cropBase64), nodeNames);
  return Object.fromEntries(outputs.map(({shape, values}, i) => [nodeNames[i], {shape, data: encodeBase64(values)}]));
}

/**
 * The network's input for one face of an image file, by the same code as on the page.
 * @param {string} fileBase64 the file's bytes
 * @param {string} name for the sentence of an error
 * @param {import('./pixels/crop.js').Box} box in pixels of the upright image
 * @param {import('./inference/manifest.js').ModelSpec} spec only `crop` and `input` are read
 * @returns {Promise<{rgb: string, square: import('./pixels/crop.js').Square, width: number, height: number}>} rgb is base64 of
 *   uint8 HWC; width and height are the upright image's
 */
async function cropImage(fileBase64, name, box, spec) {
  const frame = await openImage(new Blob([decodeBase64(fileBase64)]), name);
  try {
    const {rgb, square} = cropFace(frame, box, spec);
    return {rgb: encodeBytes(rgb), square, width: frame.width, height: frame.height};
  } finally {
    frame.destroy();
  }
}

/**
 * The faces of an image file, found by the same code as on the page.
 * @param {string} fileBase64 the file's bytes
 * @param {string} name for the sentence of an error
 * @returns {Promise<{width: number, height: number, faces: import('./inference/detector.js').FaceBox[]}>} the size of the upright
 *   image, and its faces, the largest first, in its pixels, as the detector draws them (without the spec's correction)
 */
async function detectPhoto(fileBase64, name) {
  // On a browser without the kernels TF.js finds the faces, and has one backend for the whole page.
  if (classifiers.size > 0) throw new PageError('error_unexpected', {reason: 'detectPhoto() was called before unload()'});
  detector ??= await createDetector({runtime: await startRuntime(null)});
  const frame = await openImage(new Blob([decodeBase64(fileBase64)]), name);
  try {
    const {faces} = await detector.detect(frame);
    return {width: frame.width, height: frame.height, faces};
  } finally {
    frame.destroy();
  }
}

/**
 * The track of a video file, made as on the page: the smallest artefact that passed, on the first backend that works.
 * @param {string} fileBase64 the file's bytes
 * @param {string} name
 * @returns {Promise<Record<string, unknown>>} the content of a track file
 */
async function readClip(fileBase64, name) {
  pipeline ??= await createEmotionPipeline({manifestUrl: 'model/manifest.json'});
  const clip = await openClip(new Blob([decodeBase64(fileBase64)]), name);
  try {
    return trackToJson(await analyseClip(clip, pipeline));
  } finally {
    clip.destroy();
  }
}

async function unload() {
  for (const classifier of classifiers.values()) classifier.destroy();
  classifiers.clear();
}

/**
 * @param {string} precision
 * @param {string} caller
 */
function findLoaded(precision, caller) {
  const classifier = classifiers.get(precision);
  if (classifier === undefined) throw new PageError('error_unexpected', {reason: `${caller}() was called before load()`});
  return classifier;
}

/**
 * @param {string} text
 * @returns {Uint8Array<ArrayBuffer>}
 */
function decodeBase64(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/**
 * @param {Float32Array} values
 * @returns {string}
 */
function encodeBase64(values) {
  const view = new DataView(new ArrayBuffer(values.length * 4));
  values.forEach((value, i) => view.setFloat32(i * 4, value, true));
  return encodeBytes(new Uint8Array(view.buffer));
}

/**
 * @param {Uint8Array | Uint8ClampedArray} bytes
 * @returns {string}
 */
function encodeBytes(bytes) {
  const step = 8192; // arguments in one call: engines limit their number
  let binary = '';
  for (let i = 0; i < bytes.length; i += step) binary += String.fromCharCode(...bytes.subarray(i, i + step));
  return btoa(binary);
}

Object.assign(window, {reonParity: {load, classify, readTensors, cropImage, detectPhoto, readClip, unload}, reonParityReady: true});
