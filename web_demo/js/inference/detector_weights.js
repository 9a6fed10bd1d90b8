/** TinyFaceDetector's weights, from the two files that face-api ships. */
import {describeReason, PageError} from '../errors.js';
import {DETECTOR_FILES} from '../vendor.js';

/** @typedef {{shape: number[], values: Float32Array}} Weight */
/** @typedef {{name: string, shape: number[], quantization: {dtype: 'uint8', scale: number, min: number}}} StoredWeight */

/**
 * @returns {Promise<Map<string, Weight>>} by face-api's names, such as conv1/depthwise_filter
 * @throws {PageError} if a file is missing or not what it should be
 */
export async function fetchDetectorWeights() {
  try {
    const [list, stored] = await Promise.all([
      fetchFile(DETECTOR_FILES.list).then((response) => response.json()),
      fetchFile(DETECTOR_FILES.bytes).then((response) => response.arrayBuffer()),
    ]);
    return readWeights(list[0].weights, new Uint8Array(stored));
  } catch (error) {
    throw new PageError('error_detector', {reason: describeReason(error)});
  }
}

/**
 * Stored in 8 bits: value = stored * scale + min.
 * @param {StoredWeight[]} list in the order of the bytes
 * @param {Uint8Array} stored
 */
function readWeights(list, stored) {
  /** @type {Map<string, Weight>} */
  const weights = new Map();
  let end = 0;
  for (const {name, shape, quantization: {dtype, scale, min}} of list) {
    if (dtype !== 'uint8') throw new Error(`${name} is stored as ${dtype}, expected uint8`);
    const start = end;
    end += shape.reduce((product, size) => product * size, 1);
    const values = new Float32Array(end - start);
    for (let i = 0; i < values.length; i += 1) values[i] = stored[start + i] * scale + min;
    weights.set(name, {shape, values});
  }
  if (end !== stored.length) throw new Error(`its weights are ${stored.length} bytes, expected ${end}`);
  return weights;
}

/** @param {string} url */
async function fetchFile(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: HTTP ${response.status}`);
  return response;
}
