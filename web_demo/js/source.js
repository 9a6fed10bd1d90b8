/** A picture to look at. Whatever it comes from, the rest of the page sees a Frame. */
import {PageError} from './errors.js';

/** @typedef {import('./crop.js').Region} Region */
/**
 * @typedef {object} Frame
 * @property {number} width in pixels, upright
 * @property {number} height
 * @property {(context: CanvasRenderingContext2D, width: number, height: number) => void} draw the whole frame, scaled, at (0, 0)
 * @property {(region: Region) => ImageData} readRgba the pixels of a part that lies inside the frame, unscaled
 * @property {() => void} destroy
 */

/**
 * Decode an image file.
 * @param {Blob} blob
 * @param {string} name for the error's sentence
 * @returns {Promise<Frame>}
 * @throws {PageError} if the browser cannot decode it
 */
export async function openImage(blob, name) {
  const bitmap = await createImageBitmap(blob, {
    imageOrientation: 'from-image',
    colorSpaceConversion: 'none', // the training crops were read by OpenCV, which ignores colour profiles
  }).catch(() => {
    throw new PageError('error_not_an_image', {name});
  });
  // Only the region that is asked for is ever drawn at full size: a 50-megapixel photograph needs no canvas of its own.
  const scratch = document.createElement('canvas');
  const scratchContext = getContext(scratch, true);
  return {
    width: bitmap.width,
    height: bitmap.height,
    draw(context, width, height) {
      context.imageSmoothingQuality = 'high';
      context.drawImage(bitmap, 0, 0, width, height);
    },
    readRgba({left, top, width, height}) {
      scratch.width = width;
      scratch.height = height;
      scratchContext.imageSmoothingEnabled = false;
      scratchContext.drawImage(bitmap, left, top, width, height, 0, 0, width, height);
      return scratchContext.getImageData(0, 0, width, height);
    },
    destroy() {
      bitmap.close();
      scratch.width = 0;
      scratch.height = 0;
    },
  };
}

/**
 * The 2d context of a canvas.
 * @param {HTMLCanvasElement} canvas
 * @param {boolean} [willReadFrequently] keep the pixels in main memory
 * @returns {CanvasRenderingContext2D}
 */
export function getContext(canvas, willReadFrequently = false) {
  const context = canvas.getContext('2d', {willReadFrequently});
  if (context === null) throw new PageError('error_unexpected', {reason: 'this browser gave no 2d canvas'});
  return context;
}
