/**
 * A frame as the face detector's input. Mirrors reon_export/faces/detector_input.py, where the rule is written; both are held
 * together by tests/faces/test_detector_input.py. Browsers shrink pictures each by a rule of its own, and TinyFaceDetector's
 * boxes move by several pixels with it. Pure: no DOM.
 */
import {HELD_PIXELS} from './image_size.js';
import {roundHalfUp} from './crop.js';

/** @typedef {import('./preprocess.js').PixelFrame} PixelFrame */
/** @typedef {{first: Int32Array, weights: Float64Array[]}} Taps of each output pixel: the first pixel that counts, and weights from there on */
/** @typedef {{left: number, top: number, scaleX: number, scaleY: number}} Placement of the frame in the input; scales in pixels of the frame */

/** @typedef {Placement & {width: number, height: number, columns: Taps, rows: Taps}} Layout width and height: as drawn */

/**
 * Where a frame lies in the input, and what each of its pixels there is made of.
 * @param {{width: number, height: number}} frame
 * @param {number} size side of the square input
 * @param {import('./measure.js').View} view
 * @returns {Layout}
 */
export function layOut(frame, size, view) {
  const drawn = (size * view.share) / Math.max(frame.width, frame.height);
  const width = Math.max(1, roundHalfUp(frame.width * drawn));
  const height = Math.max(1, roundHalfUp(frame.height * drawn));
  return {
    width,
    height,
    left: roundHalfUp((size - width) * view.atX),
    top: roundHalfUp((size - height) * view.atY),
    scaleX: frame.width / width,
    scaleY: frame.height / height,
    columns: computeTaps(frame.width, width),
    rows: computeTaps(frame.height, height),
  };
}

/**
 * @param {PixelFrame} frame
 * @param {number} size side of the square input
 * @param {import('./measure.js').View} view
 * @returns {Float32Array} RGB, HWC, size * size * 3, 0..255; black where there is no frame
 */
export function showFrame(frame, size, view) {
  const {width, height, left, top, columns, rows} = layOut(frame, size, view);
  const readRow = createRowReader(frame, columns);
  const rgb = new Float32Array(size * size * 3);
  const sums = new Float64Array(width * 3);
  for (let y = 0; y < height; y += 1) {
    sums.fill(0);
    const taps = rows.weights[y];
    for (let tap = 0; tap < taps.length; tap += 1) {
      const row = readRow(rows.first[y] + tap);
      const weight = taps[tap];
      for (let i = 0; i < row.length; i += 1) sums[i] += weight * row[i];
    }
    const start = ((top + y) * size) * 3;
    for (let x = 0; x < width; x += 1) {
      const column = view.isMirrored ? size - 1 - (left + x) : left + x;
      for (let channel = 0; channel < 3; channel += 1) rgb[start + column * 3 + channel] = sums[x * 3 + channel];
    }
  }
  return rgb;
}

/**
 * The rows of the frame, already shrunk sideways. Each is asked for in order, and the last one again.
 * @param {PixelFrame} frame
 * @param {Taps} columns
 * @returns {(row: number) => Float64Array} RGB
 */
function createRowReader(frame, columns) {
  const stripRows = Math.max(1, Math.floor(HELD_PIXELS / frame.width));
  /** @type {Uint8ClampedArray} */
  let pixels = new Uint8ClampedArray(0);
  let stripTop = 0;
  let stripEnd = 0;
  /** @type {Map<number, Float64Array>} */
  const known = new Map();
  return (row) => {
    const had = known.get(row);
    if (had !== undefined) return had;
    if (row >= stripEnd) {
      stripTop = row;
      stripEnd = Math.min(frame.height, row + stripRows);
      pixels = frame.readRgba({left: 0, top: row, width: frame.width, height: stripEnd - row}).data;
    }
    known.delete(row - 2);
    const shrunk = shrinkRow(pixels, (row - stripTop) * frame.width, columns);
    known.set(row, shrunk);
    return shrunk;
  };
}

/**
 * @param {Uint8ClampedArray} rgba
 * @param {number} start the row's first pixel
 * @param {Taps} columns
 * @returns {Float64Array} RGB
 */
function shrinkRow(rgba, start, {first, weights}) {
  const row = new Float64Array(first.length * 3);
  for (let x = 0; x < first.length; x += 1) {
    const taps = weights[x];
    let red = 0;
    let green = 0;
    let blue = 0;
    let at = (start + first[x]) * 4;
    for (let tap = 0; tap < taps.length; tap += 1, at += 4) {
      const weight = taps[tap];
      red += weight * rgba[at];
      green += weight * rgba[at + 1];
      blue += weight * rgba[at + 2];
    }
    row[x * 3] = red;
    row[x * 3 + 1] = green;
    row[x * 3 + 2] = blue;
  }
  return row;
}

/** @type {Map<string, Taps>} of the sizes that were asked for last: a camera's frames are all alike */
const knownTaps = new Map();
const MOST_TAPS = 16;

/**
 * @param {number} size
 * @param {number} out
 * @returns {Taps}
 */
function computeTaps(size, out) {
  const key = `${size} ${out}`;
  const taps = knownTaps.get(key) ?? makeTaps(size, out);
  knownTaps.delete(key);
  knownTaps.set(key, taps);
  if (knownTaps.size > MOST_TAPS) knownTaps.delete(/** @type {string} */ (knownTaps.keys().next().value));
  return taps;
}

/**
 * @param {number} size
 * @param {number} out
 * @returns {Taps}
 */
function makeTaps(size, out) {
  const scale = size / out;
  const first = new Int32Array(out);
  const weights = Array.from({length: out}, (_, i) => {
    if (scale < 1) {
      const source = Math.min(Math.max((i + 0.5) * scale - 0.5, 0), size - 1);
      first[i] = Math.min(Math.floor(source), Math.max(size - 2, 0));
      return size === 1 ? Float64Array.of(1) : Float64Array.of(1 - (source - first[i]), source - first[i]);
    }
    const [from, to] = [i * scale, Math.min((i + 1) * scale, size)];
    first[i] = Math.floor(from);
    const taps = new Float64Array(Math.ceil(to) - first[i]);
    for (let tap = 0; tap < taps.length; tap += 1) {
      const pixel = first[i] + tap;
      taps[tap] = (Math.min(pixel + 1, to) - Math.max(pixel, from)) / (to - from);
    }
    return taps;
  });
  return {first, weights};
}
