/**
 * The model folder: reads and checks manifest.json, chooses an artefact, fetches its files and verifies their hashes.
 * The format is written down in reon_export/manifest.py and reon_export/spec.py.
 */
import {DETECTOR} from '../pixels/box_correction.js';
import {describeReason, PageError} from '../errors.js';
import {fetchModelFile} from './model_files.js';

/** @typedef {'float32' | 'float16' | 'uint8'} Precision */
/** @typedef {'passed' | 'failed' | 'not_run'} Gate */
/** @typedef {{key: string, ko: string, en: string}} Label */
/** @typedef {{path: string, bytes: number, sha256: string}} ArtefactFile path is relative to the manifest */
/** @typedef {{backend: string, max_abs_prob: number, samples: number}} Parity the part of it that the page shows */
/**
 * @typedef {object} Artefact
 * @property {string} runtime
 * @property {Precision} precision
 * @property {ArtefactFile[]} files
 * @property {number} bytes
 * @property {Parity | null} parity
 * @property {Gate} gate
 * @property {string[]} gate_reasons
 */
/**
 * @typedef {object} ModelSpec
 * @property {Label[]} labels in the order of the network's outputs
 * @property {{height: number, width: number}} input
 * @property {import('../pixels/measure.js').Measurement} [measurement] of a face over time
 * @property {import('../score.js').ScoreScale | null} [scale] what scores mean
 * @property {{margin: number, correction?: import('../pixels/box_correction.js').BoxCorrection | null}} crop
 * @property {{logits: string, probabilities: string}} output names of the graph's outputs
 */
/**
 * @typedef {object} SelfTest
 * @property {ArtefactFile} file the crops, uint8 [samples, height, width, 3] RGB
 * @property {number} samples
 * @property {number[][]} expected_logits PyTorch's
 * @property {Record<string, Record<string, number>>} max_abs_prob the gate, by precision and by backend
 */
/** @typedef {{name: string, spec: ModelSpec, source?: {sha256: string}, artefacts: Artefact[], self_test: SelfTest | null}} Manifest */
/** @typedef {(doneBytes: number, totalBytes: number) => void} OnProgress */

const VERSION = 1;
const PRECISIONS = ['float32', 'float16', 'uint8'];
const GATES = ['passed', 'failed', 'not_run'];
export const STALL_MS = 30_000; // without a byte, before a file is asked for again

/**
 * @param {string} url absolute address of manifest.json
 * @param {RequestCache} [cache] an old copy would list files that are there no more
 * @returns {Promise<Manifest>}
 * @throws {PageError} if it is not there or not valid
 */
export async function readManifest(url, cache = 'no-cache') {
  const response = await fetchModelFile(url, {cache}).catch((error) => {
    throw new PageError('error_model_missing', {url, reason: describeReason(error)});
  });
  if (!response.ok) throw new PageError('error_model_missing', {url, reason: `HTTP ${response.status}`});
  try {
    return validateManifest(JSON.parse(await response.text()));
  } catch (error) {
    throw new PageError('error_manifest_invalid', {reason: describeReason(error)});
  }
}

/**
 * @param {unknown} value parsed JSON
 * @returns {Manifest} the same value
 * @throws {Error} that names the first wrong field
 */
export function validateManifest(value) {
  const manifest = expectRecord(value, 'manifest');
  expect(manifest.version === VERSION, 'version', `${VERSION}`, manifest.version);
  expectText(manifest.name, 'name');
  validateSpec(expectRecord(manifest.spec, 'spec'));
  expectList(manifest.artefacts, 'artefacts').forEach((artefact, i) => validateArtefact(artefact, `artefacts[${i}]`));
  manifest.self_test ??= null; // folders built before there was one
  if (manifest.self_test !== null) validateSelfTest(expectRecord(manifest.self_test, 'self_test'));
  return /** @type {Manifest} */ (value);
}

/** @param {Record<string, unknown>} spec */
function validateSpec(spec) {
  expect(spec.version === VERSION, 'spec.version', `${VERSION}`, spec.version);
  const labels = expectList(spec.labels, 'spec.labels');
  expect(labels.length >= 2, 'spec.labels', 'at least 2 labels', labels.length);
  labels.forEach((item, i) => {
    const label = expectRecord(item, `spec.labels[${i}]`);
    expectText(label.key, `spec.labels[${i}].key`);
    for (const field of ['ko', 'en']) expect(typeof label[field] === 'string', `spec.labels[${i}].${field}`, 'a text', label[field]);
  });
  const input = expectRecord(spec.input, 'spec.input');
  for (const field of ['height', 'width']) expectCount(input[field], `spec.input.${field}`);
  expect(input.channels === 'RGB', 'spec.input.channels', 'RGB', input.channels);
  const crop = expectRecord(spec.crop, 'spec.crop');
  expect(typeof crop.margin === 'number' && crop.margin > -0.5, 'spec.crop.margin', 'a number above -0.5', crop.margin);
  expect(crop.square === true && crop.pad === 'edge', 'spec.crop', 'square, with pad "edge"', JSON.stringify(crop));
  // Manifests that were made before there was a correction have none.
  if (crop.correction !== undefined && crop.correction !== null) validateCorrection(expectRecord(crop.correction, 'spec.crop.correction'));
  const resize = expectRecord(spec.resize, 'spec.resize');
  const known = resize.method === 'bilinear' && resize.half_pixel_centres === true && resize.antialias === false;
  expect(known && resize.rounding === 'half_up', 'spec.resize', 'the rule of js/pixels/preprocess.js', JSON.stringify(resize));
  const normalisation = expectRecord(spec.normalisation, 'spec.normalisation');
  expect(normalisation.inside_graph === true, 'spec.normalisation.inside_graph', 'true', normalisation.inside_graph);
  if (spec.measurement !== undefined) {
    const measurement = expectRecord(spec.measurement, 'spec.measurement');
    const isKnown = ['steady', 'single'].includes(String(measurement.rule))
      && ['box_window_s', 'window_s', 'look_scale', 'look_shift'].every((field) => Number(measurement[field]) >= 0);
    expect(isKnown, 'spec.measurement', 'the rule of js/pixels/measure.js', JSON.stringify(measurement));
  }
  const output = expectRecord(spec.output, 'spec.output');
  for (const field of ['logits', 'probabilities']) expectText(output[field], `spec.output.${field}`);
}

/** @param {Record<string, unknown>} correction */
function validateCorrection(correction) {
  const where = 'spec.crop.correction';
  expect(correction.detector === DETECTOR, `${where}.detector`, DETECTOR, correction.detector);
  expect(isWithin(correction.scale, 0.1, 4), `${where}.scale`, 'a number from 0.1 to 4', correction.scale);
  for (const field of ['offset_x', 'offset_y']) {
    expect(isWithin(correction[field], -1, 1), `${where}.${field}`, 'a number from -1 to 1', correction[field]);
  }
}

/**
 * @param {unknown} value
 * @param {string} where
 */
function validateArtefact(value, where) {
  const artefact = expectRecord(value, where);
  expectText(artefact.runtime, `${where}.runtime`);
  expect(PRECISIONS.includes(String(artefact.precision)), `${where}.precision`, PRECISIONS.join(', '), artefact.precision);
  expect(GATES.includes(String(artefact.gate)), `${where}.gate`, GATES.join(', '), artefact.gate);
  expectList(artefact.gate_reasons, `${where}.gate_reasons`);
  expectCount(artefact.bytes, `${where}.bytes`);
  const files = expectList(artefact.files, `${where}.files`);
  expect(files.length > 0, `${where}.files`, 'at least one file', 0);
  files.forEach((item, i) => validateFile(item, `${where}.files[${i}]`));
  if (artefact.parity === null) return;
  const parity = expectRecord(artefact.parity, `${where}.parity`);
  for (const field of ['max_abs_prob', 'samples']) {
    expect(typeof parity[field] === 'number', `${where}.parity.${field}`, 'a number', parity[field]);
  }
}

/**
 * @param {unknown} value
 * @param {string} where
 */
function validateFile(value, where) {
  const file = expectRecord(value, where);
  const inside = typeof file.path === 'string' && /^[\w.-]+(\/[\w.-]+)*$/.test(file.path) && !file.path.split('/').includes('..');
  expect(inside, `${where}.path`, 'a path inside the model folder', file.path);
  expectCount(file.bytes, `${where}.bytes`);
  expect(/^[0-9a-f]{64}$/.test(String(file.sha256)), `${where}.sha256`, '64 hexadecimal digits', file.sha256);
}

/** @param {Record<string, unknown>} selfTest */
function validateSelfTest(selfTest) {
  validateFile(selfTest.file, 'self_test.file');
  expectCount(selfTest.samples, 'self_test.samples');
  const rows = expectList(selfTest.expected_logits, 'self_test.expected_logits');
  expect(rows.length === selfTest.samples, 'self_test.expected_logits', `${selfTest.samples} rows`, rows.length);
  rows.forEach((row, i) => expectList(row, `self_test.expected_logits[${i}]`));
  expectRecord(selfTest.max_abs_prob, 'self_test.max_abs_prob');
}

/**
 * The artefact that the page may load: the asked precision unless it failed its gate; otherwise the smallest that passed;
 * if none was judged, the most exact that was not (its gate stays "not_run", which the page shows).
 * @param {Manifest} manifest
 * @param {string | null} precision
 * @returns {Artefact}
 * @throws {PageError}
 */
export function chooseArtefact(manifest, precision) {
  if (precision !== null) {
    const asked = findArtefact(manifest, precision);
    if (asked.gate === 'failed') throw new PageError('error_precision_refused', {asked: precision, reason: joinReasons([asked])});
    return asked;
  }
  const candidates = listTfjs(manifest).sort((first, second) => first.bytes - second.bytes);
  // Fewer bits are fewer bytes, so the largest is the most exact.
  const unjudged = candidates.filter((artefact) => artefact.gate === 'not_run');
  const chosen = candidates.find((artefact) => artefact.gate === 'passed') ?? unjudged.at(-1);
  if (chosen === undefined) throw new PageError('error_all_failed', {reason: joinReasons(candidates)});
  return chosen;
}

/**
 * The TF.js artefact of one precision, whatever its gate says (the parity job measures what is not judged yet).
 * @param {Manifest} manifest
 * @param {string} precision
 * @returns {Artefact}
 * @throws {PageError} if there is none
 */
export function findArtefact(manifest, precision) {
  const artefacts = listTfjs(manifest);
  const found = artefacts.find((artefact) => artefact.precision === precision);
  if (found !== undefined) return found;
  const available = artefacts.map((artefact) => artefact.precision).join(', ');
  throw new PageError('error_precision_unknown', {asked: precision, available});
}

/**
 * Fetch the files of an artefact and verify size and SHA-256 of the very bytes that are returned.
 * @param {Artefact} artefact
 * @param {string} manifestUrl absolute
 * @param {OnProgress} onProgress
 * @returns {Promise<Map<string, ArrayBuffer>>} by path, in the manifest's order
 * @throws {PageError} if a file is missing, or is not the one that was built
 */
export async function fetchArtefact(artefact, manifestUrl, onProgress) {
  if (!globalThis.crypto?.subtle) throw new PageError('error_insecure');
  const total = artefact.files.reduce((sum, file) => sum + file.bytes, 0);
  let done = 0;
  const fetched = await Promise.all(artefact.files.map(async (file) => {
    const bytes = await fetchVerified(file, manifestUrl, (count) => {
      done += count;
      onProgress(done, total);
    });
    return /** @type {const} */ ([file.path, bytes]);
  }));
  return new Map(fetched);
}

/**
 * One file of the model folder, its size and SHA-256 checked. What a cache or a bad connection spoils is asked for once more.
 * @param {ArtefactFile} file
 * @param {string} manifestUrl absolute
 * @param {(count: number) => void} [onBytes] a negative count takes back what is asked for again
 * @returns {Promise<ArrayBuffer>}
 * @throws {PageError}
 */
export async function fetchVerified(file, manifestUrl, onBytes = () => {}) {
  const url = new URL(file.path, manifestUrl).href;
  let received = 0;
  /** @param {RequestCache} cache */
  const fetchOnce = async (cache) => {
    const bytes = await fetchFile(file, url, cache, (count) => {
      received += count;
      onBytes(count);
    });
    await verifyFile(file, bytes);
    return bytes;
  };
  try {
    return await fetchOnce('default');
  } catch {
    onBytes(-received);
    return fetchOnce('reload');
  }
}

/**
 * @param {unknown} error
 * @returns {boolean} whether a file is not the listed one: the folder may have been replaced since its manifest was read
 */
export function isOfAnotherVersion(error) {
  return error instanceof PageError && ['error_file_missing', 'error_file_size', 'error_file_hash'].includes(error.code);
}

/**
 * @param {ArtefactFile} file
 * @param {string} url
 * @param {RequestCache} cache
 * @param {(count: number) => void} onBytes
 * @returns {Promise<ArrayBuffer>}
 */
async function fetchFile(file, url, cache, onBytes) {
  const stop = new AbortController();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(() => stop.abort(new Error(`nothing came for ${STALL_MS / 1000} s`)), STALL_MS);
  };
  try {
    wait();
    const response = await fetchModelFile(url, {cache, signal: stop.signal});
    if (!response.ok || response.body === null) throw new Error(`HTTP ${response.status}`);
    const reader = response.body.getReader();
    /** @type {Uint8Array<ArrayBuffer>[]} */
    const parts = [];
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      parts.push(part.value);
      onBytes(part.value.length);
      wait();
    }
    return await new Blob(parts).arrayBuffer();
  } catch (error) {
    throw new PageError('error_file_missing', {path: file.path, reason: describeReason(error)});
  } finally {
    clearTimeout(timer);
  }
}

/**
 * @param {ArrayBuffer} bytes
 * @returns {Promise<string>} their SHA-256 in hexadecimal digits
 */
export async function hashBytes(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/**
 * @param {ArtefactFile} file
 * @param {ArrayBuffer} bytes
 */
async function verifyFile(file, bytes) {
  if (bytes.byteLength !== file.bytes) {
    throw new PageError('error_file_size', {path: file.path, actual: bytes.byteLength, expected: file.bytes});
  }
  const actual = await hashBytes(bytes);
  if (actual !== file.sha256) throw new PageError('error_file_hash', {path: file.path, actual, expected: file.sha256});
}

/**
 * @param {Manifest} manifest
 * @returns {Artefact[]}
 */
function listTfjs(manifest) {
  const artefacts = manifest.artefacts.filter((artefact) => artefact.runtime === 'tfjs');
  if (artefacts.length === 0) throw new PageError('error_no_artefact');
  return artefacts;
}

/**
 * @param {Artefact[]} artefacts
 * @returns {string}
 */
function joinReasons(artefacts) {
  return artefacts.map((artefact) => `${artefact.precision}: ${artefact.gate_reasons.join(', ') || 'no reason given'}`).join('; ');
}

/**
 * @param {unknown} value
 * @param {number} low
 * @param {number} high
 * @returns {boolean}
 */
function isWithin(value, low, high) {
  return typeof value === 'number' && value >= low && value <= high;
}

/**
 * @param {boolean} isRight
 * @param {string} where
 * @param {string} wanted
 * @param {unknown} got
 */
function expect(isRight, where, wanted, got) {
  if (!isRight) throw new Error(`${where} is ${typeof got === 'string' ? `"${got}"` : String(got)}, expected ${wanted}`);
}

/**
 * @param {unknown} value
 * @param {string} where
 * @returns {Record<string, unknown>}
 */
function expectRecord(value, where) {
  expect(typeof value === 'object' && value !== null && !Array.isArray(value), where, 'an object', value);
  return /** @type {Record<string, unknown>} */ (value);
}

/**
 * @param {unknown} value
 * @param {string} where
 * @returns {unknown[]}
 */
function expectList(value, where) {
  expect(Array.isArray(value), where, 'a list', value);
  return /** @type {unknown[]} */ (value);
}

/**
 * @param {unknown} value
 * @param {string} where
 */
function expectText(value, where) {
  expect(typeof value === 'string' && value !== '', where, 'a text', value);
}

/**
 * @param {unknown} value
 * @param {string} where
 */
function expectCount(value, where) {
  expect(Number.isSafeInteger(value) && Number(value) > 0, where, 'a whole number above 0', value);
}
