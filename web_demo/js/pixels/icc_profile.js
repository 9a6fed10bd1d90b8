/**
 * Takes colour profiles out of JPEG and WebP files, because WebKit converts by them even when it is asked not to
 * (`colorSpaceConversion: 'none'`), and every photograph of a newer iPhone has one. Pure: no DOM.
 */

const ICC_IN_JPEG = 'ICC_PROFILE';
const WEBP_HAS_PROFILE = 0x20; // in the flags of a VP8X chunk

/**
 * Overwrites the name of every colour profile, so that decoders skip it as unknown. Other files stay as they are.
 * @param {Uint8Array} bytes a whole file; changed in place
 */
export function hideProfile(bytes) {
  if (bytes[0] === 0xff && bytes[1] === 0xd8) hideInJpeg(bytes);
  if (readName(bytes, 0, 4) === 'RIFF' && readName(bytes, 8, 4) === 'WEBP') hideInWebp(bytes);
}

/** @param {Uint8Array} bytes */
function hideInJpeg(bytes) {
  let position = 2;
  // Segments up to the pixels: 0xff, marker, length of the rest (big-endian, itself included).
  while (position + 4 <= bytes.length && bytes[position] === 0xff && bytes[position + 1] !== 0xda) {
    if (bytes[position + 1] === 0xff) { // a fill byte
      position += 1;
      continue;
    }
    const isApp2 = bytes[position + 1] === 0xe2;
    if (isApp2 && readName(bytes, position + 4, ICC_IN_JPEG.length) === ICC_IN_JPEG) bytes[position + 4] = 0x2d;
    position += 2 + (bytes[position + 2] << 8 | bytes[position + 3]);
  }
}

/** @param {Uint8Array} bytes */
function hideInWebp(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let position = 12;
  while (position + 8 <= bytes.length) {
    const name = readName(bytes, position, 4);
    if (name === 'VP8X') bytes[position + 8] &= ~WEBP_HAS_PROFILE;
    if (name === 'ICCP') bytes[position] = 0x2d;
    const size = view.getUint32(position + 4, true);
    position += 8 + size + size % 2;
  }
}

/**
 * @param {Uint8Array} bytes
 * @param {number} start
 * @param {number} length
 * @returns {string}
 */
export function readName(bytes, start, length) {
  return String.fromCharCode(...bytes.subarray(start, start + length));
}
