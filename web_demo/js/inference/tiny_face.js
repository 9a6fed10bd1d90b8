/**
 * TinyFaceDetector: what every runtime of the network needs to know, and what its output stands for. Mirrors
 * reon_export/faces/tiny_face.py, which says where the network and its numbers come from (face-api.js, MIT).
 */

import {intersectionOverUnion} from '../pixels/crop.js';

/** @typedef {import('./detector.js').FaceBox} FaceBox */
/**
 * @typedef {object} TinyFaceNetwork
 * @property {(frame: import('../pixels/preprocess.js').PixelFrame, size: number, view: import('../pixels/measure.js').View) => Promise<Float32Array>} run
 *   the frame, as js/pixels/detector_input.js shows it at that size, to [cells, cells, 5 anchors, x y width height score]
 * @property {() => void} destroy
 */

export const MEAN_RGB = [117.001, 114.697, 97.404];
export const LEAK = 0.10000000149011612;
export const SEPARABLE_LAYERS = ['conv1', 'conv2', 'conv3', 'conv4', 'conv5'];
export const SCORE_THRESHOLD = 0.5; // face-api's own default, as the next
const MAX_OVERLAP = 0.4;
const ANCHORS = [[1.603231, 2.094468], [6.041143, 7.080126], [2.882459, 3.518061], [4.266906, 5.178857], [9.041765, 10.66308]];
const VALUES = 5; // x, y, width, height, score

/**
 * The boxes that the network's output stands for, in YOLO v2's coding; of those that overlap, the best.
 * @param {Float32Array} output
 * @param {number} size of the input, in pixels
 * @param {number} scoreThreshold 0..1
 * @returns {FaceBox[]} in pixels of the input, the best first
 */
export function decodeBoxes(output, size, scoreThreshold) {
  const cells = Math.sqrt(output.length / (ANCHORS.length * VALUES));
  const cell = size / cells;
  /** @type {FaceBox[]} */
  const found = [];
  for (let start = 0; start < output.length; start += VALUES) {
    const score = sigmoid(output[start + 4]);
    if (!(score > scoreThreshold)) continue;
    const place = start / VALUES;
    const [anchorWidth, anchorHeight] = ANCHORS[place % ANCHORS.length];
    const column = Math.floor(place / ANCHORS.length) % cells;
    const row = Math.floor(place / ANCHORS.length / cells);
    const width = Math.exp(output[start + 2]) * anchorWidth * cell;
    const height = Math.exp(output[start + 3]) * anchorHeight * cell;
    const x = (column + sigmoid(output[start])) * cell - width / 2;
    const y = (row + sigmoid(output[start + 1])) * cell - height / 2;
    found.push({x, y, width, height, score});
  }
  found.sort((first, second) => second.score - first.score);
  /** @type {FaceBox[]} */
  const kept = [];
  for (const box of found) {
    if (kept.every((better) => intersectionOverUnion(box, better) <= MAX_OVERLAP)) kept.push(box);
  }
  return kept;
}

/** @param {number} value */
function sigmoid(value) {
  return 1 / (1 + Math.exp(-value));
}
