/** TinyFaceDetector's weights, from the two files that face-api ships. */
import {describeReason, PageError} from '../errors.js';
import {detectorFiles} from '../vendor.js';
import {readWeights} from './weights.js';

/** @typedef {import('./weights.js').Weight} Weight */

/**
 * @returns {Promise<Map<string, Weight>>} by face-api's names, such as conv1/depthwise_filter
 * @throws {PageError} if a file is missing or not what it should be
 */
export async function fetchDetectorWeights() {
  const files = detectorFiles();
  try {
    const [list, stored] = await Promise.all([
      fetchFile(files.list).then((response) => response.json()),
      fetchFile(files.bytes).then((response) => response.arrayBuffer()),
    ]);
    return readWeights(list[0].weights, [stored]);
  } catch (error) {
    throw new PageError('error_detector', {reason: describeReason(error)});
  }
}

/** @param {string} url */
async function fetchFile(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: HTTP ${response.status}`);
  return response;
}
