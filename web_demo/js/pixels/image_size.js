/**
 * How large a picture says it is, before anybody makes room for it: a file of a few hundred bytes can ask for gigabytes.
 * Pure: no DOM.
 */
import {readName} from './icc_profile.js';

/** Of one picture that is read; as reon_export/limits.py. A PNG that js/pixels/png.js decodes takes four times the room. */
export const MAX_PIXELS = 2 ** 26;
/** Of a picture that is held unpacked at once; a larger one is read in parts. */
export const HELD_PIXELS = 1 << 22;
/** Metadata before a JPEG's size can be long; what lies behind this is not looked for. */
export const HEAD_BYTES = 4 * 1024 * 1024;

/** @typedef {{width: number, height: number}} Size as stored, not turned upright */

/**
 * @param {Uint8Array} bytes the beginning of a PNG, JPEG, WebP, GIF or BMP file
 * @returns {Size | null} null for any other file, or one that ends before its size
 */
export function readImageSize(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    if (readName(bytes, 1, 3) === 'PNG') return {width: view.getUint32(16), height: view.getUint32(20)};
    if (view.getUint16(0) === 0xffd8) return readJpegSize(view);
    if (readName(bytes, 0, 4) === 'RIFF' && readName(bytes, 8, 4) === 'WEBP') return readWebpSize(bytes, view);
    if (readName(bytes, 0, 3) === 'GIF') return {width: view.getUint16(6, true), height: view.getUint16(8, true)};
    if (readName(bytes, 0, 2) === 'BM') return {width: view.getInt32(18, true), height: Math.abs(view.getInt32(22, true))};
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return null;
}

/**
 * The frame header (SOF) states the size (ITU-T T.81, B.2.2).
 * @param {DataView} view
 * @returns {Size | null}
 */
function readJpegSize(view) {
  let position = 2;
  while (view.getUint8(position) === 0xff) {
    const marker = view.getUint8(position + 1);
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return {width: view.getUint16(position + 7), height: view.getUint16(position + 5)};
    // Fill bytes (0xff) and markers without content (TEM, RST) have no length.
    if (marker === 0xff) position += 1;
    else position += marker === 0x01 || (marker >= 0xd0 && marker <= 0xd8) ? 2 : 2 + view.getUint16(position + 2);
  }
  return null;
}

/**
 * RFC 9649, sections 2.5 to 2.7.
 * @param {Uint8Array} bytes
 * @param {DataView} view
 * @returns {Size | null}
 */
function readWebpSize(bytes, view) {
  const kind = readName(bytes, 12, 4);
  if (kind === 'VP8 ') return {width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff};
  if (kind === 'VP8L') {
    const packed = view.getUint32(21, true);
    return {width: (packed & 0x3fff) + 1, height: ((packed >>> 14) & 0x3fff) + 1};
  }
  if (kind !== 'VP8X') return null;
  const [width, height] = [24, 27].map((at) => (view.getUint16(at, true) | (view.getUint8(at + 2) << 16)) + 1);
  return {width, height};
}
