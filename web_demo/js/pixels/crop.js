/**
 * A face box to a square crop. Mirrors reon_export/faces/crop.py, to the last bit: the rule is written there, and both
 * are held together by tests/golden/crop_resize.json. Pure: no DOM.
 */
import {PageError} from '../errors.js';

/** @typedef {{x: number, y: number, width: number, height: number}} Box in pixels of the frame; may be fractional and may leave it */
/** @typedef {{left: number, top: number, side: number}} Square in whole pixels of the frame; may leave it */
/** @typedef {{left: number, top: number, width: number, height: number}} Region whole pixels, inside the frame */
/** @typedef {{data: Uint8ClampedArray, width: number, height: number}} RgbaPixels row by row, 4 bytes a pixel (an ImageData is one) */

/**
 * floor(value + 0.5).
 * @param {number} value
 * @returns {number}
 */
export function roundHalfUp(value) {
  return Math.floor(value + 0.5);
}

/**
 * The square window of a face box; `margin` is the part of its longer side that is added on each side.
 * @param {Box} box
 * @param {number} margin
 * @returns {Square}
 */
export function squareCrop(box, margin) {
  const numbers = [box.x, box.y, box.width, box.height];
  if (!numbers.every(Number.isFinite) || box.width <= 0 || box.height <= 0) {
    throw new PageError('error_box_invalid', {reason: `it needs finite numbers and a positive size, got ${numbers.join(', ')}`});
  }
  const side = Math.max(1, roundHalfUp(Math.max(box.width, box.height) * (1 + 2 * margin)));
  const left = roundHalfUp((box.x + box.width / 2) - side / 2);
  const top = roundHalfUp((box.y + box.height / 2) - side / 2);
  return {left, top, side};
}

/**
 * The pixels of the frame that a square needs: its part inside the frame, or the nearest row or column if it lies outside.
 * @param {Square} square
 * @param {number} frameWidth
 * @param {number} frameHeight
 * @returns {Region}
 */
export function regionInFrame(square, frameWidth, frameHeight) {
  const left = clamp(square.left, 0, frameWidth - 1);
  const top = clamp(square.top, 0, frameHeight - 1);
  const right = clamp(square.left + square.side - 1, 0, frameWidth - 1);
  const bottom = clamp(square.top + square.side - 1, 0, frameHeight - 1);
  return {left, top, width: right - left + 1, height: bottom - top + 1};
}

/**
 * The square's pixels; beyond the frame the nearest pixel inside it is repeated.
 * @param {RgbaPixels} pixels the pixels of `region`
 * @param {Region} region as regionInFrame gives it for this square
 * @param {Square} square
 * @returns {RgbaPixels} side x side
 */
export function cutSquare(pixels, region, square) {
  const {side} = square;
  const data = new Uint8ClampedArray(side * side * 4);
  for (let row = 0; row < side; row += 1) {
    const sourceRow = clamp(square.top + row - region.top, 0, region.height - 1);
    for (let column = 0; column < side; column += 1) {
      const sourceColumn = clamp(square.left + column - region.left, 0, region.width - 1);
      const from = (sourceRow * region.width + sourceColumn) * 4;
      data.set(pixels.data.subarray(from, from + 4), (row * side + column) * 4);
    }
  }
  return {data, width: side, height: side};
}

/**
 * @param {Box} first
 * @param {Box} second
 * @returns {number} 0..1
 */
export function intersectionOverUnion(first, second) {
  const width = Math.min(first.x + first.width, second.x + second.width) - Math.max(first.x, second.x);
  const height = Math.min(first.y + first.height, second.y + second.height) - Math.max(first.y, second.y);
  const shared = Math.max(0, width) * Math.max(0, height);
  return shared / (first.width * first.height + second.width * second.height - shared);
}

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 * @returns {number}
 */
function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}
