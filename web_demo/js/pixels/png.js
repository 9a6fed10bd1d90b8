/**
 * Decodes those PNG files that browsers read differently, by the rule of reon_export/faces/decode.py. Measured: Firefox
 * rounds 16 bits where Chromium and WebKit take the high byte; Firefox and WebKit blend alpha with another rounding;
 * WebKit heeds profiles and gAMA when it is asked not to, and does not heed eXIf. Plain files stay with the browser.
 * Terms are those of the PNG specification (https://www.w3.org/TR/png-3/). Pure: no DOM.
 */
import {readName} from './icc_profile.js';

/**
 * @typedef {object} PngFile
 * @property {number} width as stored
 * @property {number} height
 * @property {number} depth bits of a sample
 * @property {number} colourType
 * @property {boolean} isInterlaced
 * @property {Map<string, Uint8Array>} chunks the first one of each name, up to the pixels
 * @property {Uint8Array<ArrayBuffer>[]} packed the pixels, compressed
 */

const SIGNATURE = '\x89PNG\r\n\x1a\n';
const GREY = 0;
const RGB = 2;
const PALETTE = 3;
const GREY_ALPHA = 4;
const RGBA = 6;
/** @type {Record<number, number>} */
const CHANNELS = {[GREY]: 1, [RGB]: 3, [PALETTE]: 1, [GREY_ALPHA]: 2, [RGBA]: 4};
const DELICATE_CHUNKS = ['tRNS', 'iCCP', 'gAMA', 'cHRM', 'cICP', 'eXIf'];
/** Of Adam7: left, top, step to the right, step down. */
const ADAM7 = [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]];
const ORIENTATION_TAG = 0x0112;

/**
 * @param {Uint8Array<ArrayBuffer>} bytes a whole file
 * @returns {PngFile | null} null if the file is no PNG, or one that every browser reads alike
 */
export function findDelicatePng(bytes) {
  if (readName(bytes, 0, 8) !== SIGNATURE || readName(bytes, 12, 4) !== 'IHDR' || bytes.length < 33) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const png = {
    width: view.getUint32(16),
    height: view.getUint32(20),
    depth: bytes[24],
    colourType: bytes[25],
    isInterlaced: bytes[28] === 1,
    chunks: new Map(),
    packed: /** @type {Uint8Array<ArrayBuffer>[]} */ ([]),
  };
  let position = 33;
  while (position + 8 <= bytes.length) {
    const size = view.getUint32(position);
    const name = readName(bytes, position + 4, 4);
    const data = bytes.subarray(position + 8, position + 8 + size);
    if (name === 'IDAT') png.packed.push(data);
    else if (png.packed.length === 0 && !png.chunks.has(name)) png.chunks.set(name, data);
    position += size + 12;
  }
  const hasAlpha = png.colourType === GREY_ALPHA || png.colourType === RGBA;
  const isDelicate = png.depth === 16 || hasAlpha || DELICATE_CHUNKS.some((name) => png.chunks.has(name));
  return isDelicate && png.colourType in CHANNELS ? png : null;
}

/**
 * @param {PngFile} png
 * @returns {Promise<ImageData>} upright and opaque
 * @throws {Error} if the file is damaged
 */
export async function decodePng(png) {
  const passes = png.isInterlaced ? ADAM7 : [[0, 0, 1, 1]];
  const filtered = await inflate(png.packed, passes.reduce((sum, pass) => sum + measurePass(png, pass).bytes, 0));
  const orientation = readOrientation(png.chunks.get('eXIf'));
  const isTurned = orientation >= 5;
  const image = new ImageData(isTurned ? png.height : png.width, isTurned ? png.width : png.height);
  const place = makePlacement(orientation, png.width, png.height);
  const readPixel = makePixelReader(png);
  const rgba = new Uint8Array(4);
  let start = 0;
  for (const pass of passes) {
    const [left, top, across, down] = pass;
    const {columns, rows, rowBytes, bytes} = measurePass(png, pass);
    if (bytes === 0) continue;
    const samples = unfilter(filtered.subarray(start, start + bytes), rows, rowBytes, png);
    start += bytes;
    for (let row = 0; row < rows; row += 1) {
      for (let column = 0; column < columns; column += 1) {
        readPixel(samples, row * rowBytes, column, rgba);
        putOverWhite(rgba, image.data, place(left + column * across, top + row * down) * 4);
      }
    }
  }
  return image;
}

/**
 * @param {PngFile} png
 * @param {number[]} pass as in ADAM7
 */
function measurePass(png, [left, top, across, down]) {
  const columns = Math.max(0, Math.ceil((png.width - left) / across));
  const rows = Math.max(0, Math.ceil((png.height - top) / down));
  const rowBytes = Math.ceil((columns * CHANNELS[png.colourType] * png.depth) / 8);
  return {columns, rows, rowBytes, bytes: columns === 0 ? 0 : rows * (rowBytes + 1)};
}

/**
 * @param {Uint8Array<ArrayBuffer>[]} packed
 * @param {number} size of what must come out: a few kilobytes could unpack to gigabytes
 * @returns {Promise<Uint8Array>} rejects if it is more; less is noticed by `unfilter`
 */
async function inflate(packed, size) {
  const reader = new Blob(packed).stream().pipeThrough(new DecompressionStream('deflate')).getReader();
  const whole = new Uint8Array(size);
  let filled = 0;
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    if (filled + part.value.length > size) {
      await reader.cancel();
      throw new Error('the PNG file holds more than its pixels');
    }
    whole.set(part.value, filled);
    filled += part.value.length;
  }
  return whole.subarray(0, filled);
}

/**
 * @param {Uint8Array} filtered rows, each behind the number of its filter
 * @param {number} rows
 * @param {number} rowBytes
 * @param {PngFile} png
 * @returns {Uint8Array} rows without it
 */
function unfilter(filtered, rows, rowBytes, png) {
  if (filtered.length !== rows * (rowBytes + 1)) throw new Error('the PNG file ends too early');
  const pixelBytes = Math.max(1, (CHANNELS[png.colourType] * png.depth) / 8);
  const out = new Uint8Array(rows * rowBytes);
  for (let row = 0; row < rows; row += 1) {
    const filter = filtered[row * (rowBytes + 1)];
    const from = row * (rowBytes + 1) + 1;
    const to = row * rowBytes;
    for (let i = 0; i < rowBytes; i += 1) {
      const left = i >= pixelBytes ? out[to + i - pixelBytes] : 0;
      const up = row > 0 ? out[to + i - rowBytes] : 0;
      const corner = row > 0 && i >= pixelBytes ? out[to + i - rowBytes - pixelBytes] : 0;
      out[to + i] = filtered[from + i] + predict(filter, left, up, corner);
    }
  }
  return out;
}

/**
 * @param {number} filter
 * @param {number} left
 * @param {number} up
 * @param {number} corner
 * @returns {number}
 */
function predict(filter, left, up, corner) {
  if (filter === 0) return 0;
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  if (filter !== 4) throw new Error(`the PNG file has an unknown filter ${filter}`);
  const toLeft = Math.abs(up - corner);
  const toUp = Math.abs(left - corner);
  const toCorner = Math.abs(left + up - 2 * corner);
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}

/**
 * @param {PngFile} png
 * @returns {(samples: Uint8Array, rowStart: number, column: number, rgba: Uint8Array) => void} writes one pixel to rgba
 */
function makePixelReader({depth, colourType, chunks}) {
  const channels = CHANNELS[colourType];
  const palette = chunks.get('PLTE') ?? new Uint8Array();
  const transparency = chunks.get('tRNS');
  const isColour = colourType === RGB || colourType === RGBA;
  const alphaChannel = colourType === RGBA ? 3 : colourType === GREY_ALPHA ? 1 : -1;
  const toByte = depth < 8 && colourType !== PALETTE ? 255 / (2 ** depth - 1) : 1;
  // The one transparent grey of a greyscale file is not looked at: OpenCV does not know it either.
  const key = colourType === RGB && transparency !== undefined ? transparency : null;

  return (samples, rowStart, column, rgba) => {
    if (depth < 8) {
      const bit = column * depth;
      const value = (samples[rowStart + (bit >> 3)] >> (8 - depth - (bit & 7))) & (2 ** depth - 1);
      rgba[0] = value * toByte;
    }
    const step = depth === 16 ? 2 : 1; // of 16 bits the high byte, which comes first
    const first = rowStart + column * channels * step;
    if (depth >= 8) rgba[0] = samples[first];
    if (colourType === PALETTE) {
      const index = rgba[0];
      rgba.set([palette[3 * index], palette[3 * index + 1], palette[3 * index + 2], transparency?.[index] ?? 255]);
      return;
    }
    rgba[1] = isColour ? samples[first + step] : rgba[0];
    rgba[2] = isColour ? samples[first + 2 * step] : rgba[0];
    rgba[3] = alphaChannel > 0 ? samples[first + alphaChannel * step] : 255;
    if (key !== null && isKey(samples, first, step, key)) rgba[3] = 0;
  };
}

/**
 * @param {Uint8Array} samples
 * @param {number} first
 * @param {number} step bytes of a sample
 * @param {Uint8Array} key the transparent colour, three samples of 16 bits
 * @returns {boolean}
 */
function isKey(samples, first, step, key) {
  for (let channel = 0; channel < 3; channel += 1) {
    if (samples[first + (channel + 1) * step - 1] !== key[2 * channel + 1]) return false;
    if (step === 2 && samples[first + channel * step] !== key[2 * channel]) return false;
  }
  return true;
}

/**
 * @param {Uint8Array} rgba
 * @param {Uint8ClampedArray} out
 * @param {number} at
 */
function putOverWhite(rgba, out, at) {
  const alpha = rgba[3];
  for (let channel = 0; channel < 3; channel += 1) {
    out[at + channel] = Math.floor((2 * (rgba[channel] * alpha + 255 * (255 - alpha)) + 255) / 510);
  }
  out[at + 3] = 255;
}

/**
 * @param {number} orientation
 * @param {number} width as stored
 * @param {number} height
 * @returns {(x: number, y: number) => number} the upright index of a stored pixel
 */
function makePlacement(orientation, width, height) {
  const right = width - 1;
  const low = height - 1;
  if (orientation === 2) return (x, y) => y * width + right - x;
  if (orientation === 3) return (x, y) => (low - y) * width + right - x;
  if (orientation === 4) return (x, y) => (low - y) * width + x;
  if (orientation === 5) return (x, y) => x * height + y;
  if (orientation === 6) return (x, y) => x * height + low - y;
  if (orientation === 7) return (x, y) => (right - x) * height + low - y;
  if (orientation === 8) return (x, y) => (right - x) * height + y;
  return (x, y) => y * width + x;
}

/**
 * @param {Uint8Array | undefined} exif a TIFF header and its first directory
 * @returns {number} 1 to 8; 1 if it says nothing that can be read
 */
function readOrientation(exif) {
  if (exif === undefined || exif.length < 8) return 1;
  const view = new DataView(exif.buffer, exif.byteOffset, exif.byteLength);
  const order = readName(exif, 0, 4);
  if (order !== 'II*\0' && order !== 'MM\0*') return 1;
  const isLittle = order === 'II*\0';
  const directory = view.getUint32(4, isLittle);
  if (directory + 2 > exif.length) return 1;
  const count = view.getUint16(directory, isLittle);
  for (let entry = 0; entry < count; entry += 1) {
    const at = directory + 2 + 12 * entry;
    if (at + 10 > exif.length) return 1;
    if (view.getUint16(at, isLittle) === ORIENTATION_TAG) {
      const value = view.getUint16(at + 8, isLittle);
      return value >= 1 && value <= 8 ? value : 1;
    }
  }
  return 1;
}
