/** A canvas to compute on, in a page or in a worker. */
import {PageError} from '../errors.js';

/** @typedef {HTMLCanvasElement | OffscreenCanvas} AnyCanvas */
/** @typedef {CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D} AnyContext */

/** @returns {AnyCanvas} not on the page */
export function createCanvas() {
  return typeof document === 'undefined' ? new OffscreenCanvas(1, 1) : document.createElement('canvas');
}

/**
 * The 2d context of a canvas.
 * @template {AnyCanvas} Canvas
 * @param {Canvas} canvas
 * @param {boolean} [willReadFrequently] keep the pixels in main memory
 * @returns {Canvas extends HTMLCanvasElement ? CanvasRenderingContext2D : AnyContext}
 */
export function getContext(canvas, willReadFrequently = false) {
  const context = /** @type {any} */ (canvas.getContext('2d', {willReadFrequently}));
  if (context === null) throw new PageError('error_unexpected', {reason: 'this browser gave no 2d canvas'});
  return context;
}
