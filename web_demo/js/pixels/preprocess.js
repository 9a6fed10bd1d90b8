/**
 * A crop to the network's input. Mirrors reon_export/faces/preprocess.py, to the last bit: the rule is written there, and
 * both are held together by tests/golden/crop_resize.json. Normalisation is not here: it lives inside the graph.
 */
import {FULL_LOOK, lookBox} from './measure.js';
import {correctBox} from './box_correction.js';
import {cutSquare, regionInFrame, squareCrop} from './crop.js';

/** @typedef {import('./crop.js').Box} Box */
/** @typedef {import('./crop.js').Region} Region */
/** @typedef {import('./crop.js').RgbaPixels} RgbaPixels */
/** @typedef {import('./crop.js').Square} Square */
/** @typedef {{width: number, height: number, readRgba: (region: Region) => RgbaPixels}} PixelFrame */
/** @typedef {{low: Int32Array, high: Int32Array, fraction: Float64Array}} Taps */

/**
 * Resize by the rule above: bilinear, half-pixel centres, no antialias, rounded half up to whole numbers.
 * @param {RgbaPixels} pixels
 * @param {number} outHeight
 * @param {number} outWidth
 * @returns {Uint8ClampedArray} RGB, HWC, outHeight * outWidth * 3
 */
export function resizeBilinear(pixels, outHeight, outWidth) {
  const rows = computeTaps(pixels.height, outHeight);
  const columns = computeTaps(pixels.width, outWidth);
  const {data, width} = pixels;
  const rgb = new Uint8ClampedArray(outHeight * outWidth * 3);
  let out = 0;
  for (let row = 0; row < outHeight; row += 1) {
    const upper = rows.low[row] * width;
    const lower = rows.high[row] * width;
    for (let column = 0; column < outWidth; column += 1) {
      const left = columns.low[column];
      const right = columns.high[column];
      for (let channel = 0; channel < 3; channel += 1) {
        const upperLeft = data[(upper + left) * 4 + channel];
        const lowerLeft = data[(lower + left) * 4 + channel];
        const top = upperLeft + (data[(upper + right) * 4 + channel] - upperLeft) * columns.fraction[column];
        const bottom = lowerLeft + (data[(lower + right) * 4 + channel] - lowerLeft) * columns.fraction[column];
        // floor(v + 0.5) and not the array's own rounding, which sends halves to the even neighbour.
        rgb[out] = Math.floor((top + (bottom - top) * rows.fraction[row]) + 0.5);
        out += 1;
      }
    }
  }
  return rgb;
}

/**
 * The network's input for one face. Only the pixels that the crop needs are read from the frame.
 * @param {PixelFrame} frame
 * @param {Box} box
 * @param {import('../inference/manifest.js').ModelSpec} spec
 * @returns {{rgb: Uint8ClampedArray, square: Square}} rgb is HWC, spec.input.height * spec.input.width * 3
 */
export function cropFace(frame, box, spec) {
  const square = squareCrop(box, spec.crop.margin);
  const region = regionInFrame(square, frame.width, frame.height);
  const crop = cutSquare(frame.readRgba(region), region, square);
  return {rgb: resizeBilinear(crop, spec.input.height, spec.input.width), square};
}

/**
 * The network's input for a face that js/inference/detector.js found: its box is corrected first, so that the classifier sees the
 * framing that it was trained on. cropFace alone is for boxes that Haar drew.
 * @param {PixelFrame} frame
 * @param {Box} face
 * @param {import('../inference/manifest.js').ModelSpec} spec
 * @returns {{rgb: Uint8ClampedArray, square: Square}}
 */
export function cropDetectedFace(frame, face, spec) {
  return cropFace(frame, correctBox(face, spec.crop.correction), spec);
}

/**
 * The network's input for one look at such a face.
 * @param {PixelFrame} frame
 * @param {Box} face
 * @param {import('./measure.js').Look} look
 * @param {import('../inference/manifest.js').ModelSpec} spec
 * @returns {{rgb: Uint8ClampedArray, square: Square}}
 */
export function cropLook(frame, face, look, spec) {
  if (look === FULL_LOOK) return cropDetectedFace(frame, face, spec);
  const {rgb, square} = cropFace(frame, lookBox(correctBox(face, spec.crop.correction), look), spec);
  return {rgb: look.isMirrored ? mirror(rgb, spec.input.width) : rgb, square};
}

/**
 * @param {Uint8ClampedArray} rgb HWC
 * @param {number} width
 * @returns {Uint8ClampedArray}
 */
function mirror(rgb, width) {
  const mirrored = new Uint8ClampedArray(rgb.length);
  for (let pixel = 0; pixel < rgb.length / 3; pixel += 1) {
    const column = pixel % width;
    mirrored.set(rgb.subarray(pixel * 3, pixel * 3 + 3), (pixel - column + (width - 1 - column)) * 3);
  }
  return mirrored;
}

/**
 * @param {number} size
 * @param {number} out
 * @returns {Taps}
 */
function computeTaps(size, out) {
  const taps = {low: new Int32Array(out), high: new Int32Array(out), fraction: new Float64Array(out)};
  const scale = size / out;
  for (let i = 0; i < out; i += 1) {
    const source = (i + 0.5) * scale - 0.5;
    const low = Math.floor(source);
    taps.low[i] = Math.min(Math.max(low, 0), size - 1);
    taps.high[i] = Math.min(Math.max(low + 1, 0), size - 1);
    taps.fraction[i] = source - low;
  }
  return taps;
}
