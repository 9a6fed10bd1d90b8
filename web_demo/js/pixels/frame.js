/**
 * A picture to look at. Whatever it comes from, the rest of the page sees a Frame.
 *
 * What the pixels of a file are is written in reon_export/faces/decode.py, and followed here: colour profiles are ignored,
 * 16 bits give their high byte, EXIF turns JPEG and PNG upright, transparent parts lie on opaque white. Where browsers do
 * not do so by themselves, js/pixels/png.js and js/pixels/icc_profile.js see to it.
 */
import {createCanvas, getContext} from './canvas.js';
import {PageError} from '../errors.js';
import {decodePng, findDelicatePng} from './png.js';
import {hideProfile} from './icc_profile.js';
import {MAX_PIXELS, readImageSize} from './image_size.js';

/** @typedef {import('./crop.js').Region} Region */
/**
 * @typedef {object} Frame
 * @property {number} width in pixels, upright
 * @property {number} height
 * @property {(region: Region) => ImageData} readRgba the pixels of a part that lies inside the frame, unscaled
 * @property {() => void} destroy
 */

/**
 * Decode an image file.
 * @param {Blob} blob
 * @param {string} name for the error's sentence
 * @param {number} [maxPixels]
 * @returns {Promise<ImageBitmap>} upright
 * @throws {PageError} if the browser cannot decode it, or if it has more pixels
 */
export async function decodeImage(blob, name, maxPixels = MAX_PIXELS) {
  return decode(blob, name, maxPixels).catch((error) => {
    throw error instanceof PageError ? error : new PageError('error_not_an_image', {name});
  });
}

/**
 * The same as a frame, which owns it.
 * @param {Blob} blob
 * @param {string} name
 * @returns {Promise<Frame>}
 * @throws {PageError}
 */
export async function openImage(blob, name) {
  return openBitmap(await decodeImage(blob, name));
}

/**
 * A picture that is decoded already.
 * @param {ImageBitmap} bitmap
 * @param {{isKept?: boolean}} [options] isKept leaves it open when the frame is destroyed
 * @returns {Frame}
 */
export function openBitmap(bitmap, {isKept = false} = {}) {
  // Only the region that is asked for is ever drawn at full size: a 50-megapixel photograph needs no canvas of its own.
  const scratch = createCanvas();
  const scratchContext = getContext(scratch, true);
  return {
    width: bitmap.width,
    height: bitmap.height,
    readRgba({left, top, width, height}) {
      scratch.width = width;
      scratch.height = height;
      scratchContext.imageSmoothingEnabled = false;
      layWhite(scratchContext, width, height);
      scratchContext.drawImage(bitmap, left, top, width, height, 0, 0, width, height);
      return scratchContext.getImageData(0, 0, width, height);
    },
    destroy() {
      if (!isKept) bitmap.close();
      scratch.width = 0;
      scratch.height = 0;
    },
  };
}

/**
 * @param {import('./canvas.js').AnyContext} context
 * @param {number} width
 * @param {number} height
 */
function layWhite(context, width, height) {
  context.save();
  context.fillStyle = '#fff';
  context.fillRect(0, 0, width, height);
  context.restore();
}

/**
 * @param {Blob} blob
 * @param {string} name
 * @param {number} maxPixels
 * @returns {Promise<ImageBitmap>} rejects if it cannot be decoded
 */
async function decode(blob, name, maxPixels) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const png = findDelicatePng(bytes);
  const size = readImageSize(bytes);
  const limit = png === null ? maxPixels : maxPixels / 4;
  if (size !== null && size.width * size.height > limit) {
    throw new PageError('error_image_large', {name, width: size.width, height: size.height, limit: Math.floor(limit / 1e6)});
  }
  if (png === null) hideProfile(bytes);
  return createImageBitmap(png === null ? new Blob([bytes]) : await decodePng(png), {
    imageOrientation: 'from-image',
    colorSpaceConversion: 'none',
    premultiplyAlpha: 'none', // else Chromium's WebP decoder rounds colour * alpha down where its PNG decoder rounds to nearest
  });
}
