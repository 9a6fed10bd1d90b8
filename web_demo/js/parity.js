/**
 * window.reonParity: lets the parity job run crops through the very classifier that the page uses, on any backend.
 * It ignores the gate, because it is what decides the gate; it still verifies every hash. Errors reject with a sentence.
 */
import {loadClassifier} from './classifier.js';
import {PageError} from './errors.js';
import {findArtefact, readManifest} from './manifest.js';
import {startRuntime} from './runtime.js';

/** @typedef {{manifestUrl: string, precision: string, backend: string}} LoadRequest manifestUrl may be relative to the page */
/** @typedef {{backend: string, precision: string, tfjsVersion: string, threads: number | null, labels: string[]}} LoadAnswer */
/** @typedef {{logits: string, probabilities: string}} ClassifyAnswer base64 of float32 little-endian [count, classes] */

/** @type {import('./classifier.js').Classifier | null} */
let classifier = null;

/**
 * @param {LoadRequest} request
 * @returns {Promise<LoadAnswer>}
 */
async function load({manifestUrl, precision, backend}) {
  await unload();
  const runtime = await startRuntime(backend);
  const url = new URL(manifestUrl, document.baseURI).href;
  const manifest = await readManifest(url);
  classifier = await loadClassifier({manifest, artefact: findArtefact(manifest, precision), manifestUrl: url, runtime});
  return {
    backend: classifier.backend,
    precision: classifier.precision,
    tfjsVersion: runtime.tf.tfjsVersion,
    threads: runtime.threads,
    labels: classifier.labels.map((label) => label.key),
  };
}

/**
 * @param {string} cropsBase64 of uint8 NHWC RGB, the size that the spec names
 * @param {number} count of crops
 * @returns {Promise<ClassifyAnswer>}
 */
async function classify(cropsBase64, count) {
  if (classifier === null) throw new PageError('error_unexpected', {reason: 'classify() was called before load()'});
  const crops = decodeBase64(cropsBase64);
  const cropBytes = classifier.spec.input.height * classifier.spec.input.width * 3;
  if (crops.length !== count * cropBytes || count < 1) {
    throw new PageError('error_unexpected', {reason: `${crops.length} bytes for ${count} crops, wanted ${cropBytes} bytes each`});
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

async function unload() {
  classifier?.destroy();
  classifier = null;
}

/**
 * @param {string} text
 * @returns {Uint8Array}
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
  let binary = '';
  for (let i = 0; i < view.byteLength; i += 1) binary += String.fromCharCode(view.getUint8(i));
  return btoa(binary);
}

Object.assign(window, {reonParity: {load, classify, unload}, reonParityReady: true});
