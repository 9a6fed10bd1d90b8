/**
 * A picture to look at. Whatever it comes from, the rest of the page sees a Frame.
 *
 * What the pixels of a file are is written in reon_export/faces/decode.py, and followed here: colour profiles are ignored,
 * 16 bits give their high byte, EXIF turns JPEG and PNG upright, transparent parts lie on opaque white. Where browsers do
 * not do so by themselves, js/pixels/png.js and js/pixels/icc_profile.js see to it.
 */
import {createCanvas, getContext} from './canvas.js';
import {PageError} from '../errors.js';
import {hideProfile} from './icc_profile.js';
import {HELD_PIXELS, MAX_PIXELS, readImageSize} from './image_size.js';

/** @typedef {import('./crop.js').Region} Region */
/**
 * @typedef {object} Frame
 * @property {number} width in pixels, upright
 * @property {number} height
 * @property {(region: Region) => import('./crop.js').RgbaPixels} readRgba the pixels of a part that lies inside the frame,
 *   unscaled; not to be changed
 * @property {() => void} destroy
 */

const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47];

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
  const {width, height} = bitmap;
  const whole = {left: 0, top: 0, width, height};
  const isSmall = width * height <= HELD_PIXELS;
  /** @type {ImageData | null} */
  let pixels = null;
  return {
    width,
    height,
    readRgba(region) {
      // Read once: the detector sees all of it, and the crops are parts. A 50-megapixel photograph is never drawn at full size.
      if (!isSmall) return readRegion(bitmap, region);
      pixels ??= readRegion(bitmap, whole);
      return region.width === width && region.height === height ? pixels : cutRegion(pixels, region);
    },
    destroy() {
      if (!isKept) bitmap.close();
      pixels = null;
      if (!isSmall && scratch !== null) [scratch.canvas.width, scratch.canvas.height] = [0, 0]; // its part may be large, too
    },
  };
}

/** @type {{canvas: import('./canvas.js').AnyCanvas, context: import('./canvas.js').AnyContext} | null} one for all frames: making one costs as much as reading it */
let scratch = null;

/**
 * @param {ImageBitmap} bitmap
 * @param {Region} region
 * @returns {ImageData}
 */
function readRegion(bitmap, {left, top, width, height}) {
  if (scratch === null) {
    const canvas = createCanvas();
    scratch = {canvas, context: getContext(canvas, true)};
  }
  const {canvas, context} = scratch;
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  context.imageSmoothingEnabled = false;
  context.fillStyle = '#fff'; // what is transparent lies on white
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, left, top, width, height, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}

/**
 * @param {ImageData} pixels
 * @param {Region} region
 * @returns {import('./crop.js').RgbaPixels}
 */
function cutRegion(pixels, {left, top, width, height}) {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let row = 0; row < height; row += 1) {
    const from = ((top + row) * pixels.width + left) * 4;
    data.set(pixels.data.subarray(from, from + width * 4), row * width * 4);
  }
  return {data, width, height};
}

/**
 * @param {Blob} blob
 * @param {string} name
 * @param {number} maxPixels
 * @returns {Promise<ImageBitmap>} rejects if it cannot be decoded
 */
async function decode(blob, name, maxPixels) {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const reader = isPng(bytes) ? await import('./png.js') : null; // most visitors never show one
  const png = reader?.findDelicatePng(bytes) ?? null;
  const size = readImageSize(bytes);
  const limit = png === null ? maxPixels : maxPixels / 4;
  if (size !== null && size.width * size.height > limit) {
    throw new PageError('error_image_large', {name, width: size.width, height: size.height, limit: Math.floor(limit / 1e6)});
  }
  if (png === null) hideProfile(bytes);
  return createImageBitmap(reader === null || png === null ? new Blob([bytes]) : await reader.decodePng(png), {
    imageOrientation: 'from-image',
    colorSpaceConversion: 'none',
    premultiplyAlpha: 'none', // else Chromium's WebP decoder rounds colour * alpha down where its PNG decoder rounds to nearest
  });
}

/** @param {Uint8Array} bytes */
function isPng(bytes) {
  return PNG_SIGNATURE.every((byte, i) => bytes[i] === byte);
}
