/** Whether a WebM or Matroska file is all there, by its own sizes. Mirrors reon_export/score/tracks/matroska.py. */

// Element identifiers (RFC 9559, 5.1; RFC 8794, 11.2.1)
const EBML = [0x1a, 0x45, 0xdf, 0xa3];
const SEGMENT = [0x18, 0x53, 0x80, 0x67];
const HEAD_BYTES = 4096;
const TAIL_BYTES = 1024;

/**
 * @param {Blob} blob
 * @returns {Promise<boolean>} whether its segment states a size that the file has, and does not end in zeros
 */
export async function isComplete(blob) {
  const head = new Uint8Array(await blob.slice(0, HEAD_BYTES).arrayBuffer());
  const tail = new Uint8Array(await blob.slice(-TAIL_BYTES).arrayBuffer());
  if (!hasAt(head, 0, EBML)) return false;
  const header = readSize(head, 4);
  const at = 4 + header.length + (header.size ?? 0);
  if (header.size === null || !hasAt(head, at, SEGMENT)) return false;
  const segment = readSize(head, at + 4);
  return segment.size !== null && at + 4 + segment.length + segment.size <= blob.size && tail.some((byte) => byte !== 0);
}

/**
 * @param {Uint8Array} content
 * @param {number} at
 * @param {number[]} identifier
 */
function hasAt(content, at, identifier) {
  return identifier.every((byte, i) => content[at + i] === byte);
}

/**
 * @param {Uint8Array} content
 * @param {number} at
 * @returns {{length: number, size: number | null}} of the size field in bytes, and the size; null: unknown (RFC 8794, 6)
 */
function readSize(content, at) {
  const length = content[at] > 0 ? Math.clz32(content[at]) - 23 : 0;
  const digits = Array.from(content.subarray(at, at + length), (byte, i) => (i === 0 ? byte & ((1 << (8 - length)) - 1) : byte));
  const size = digits.reduce((value, byte) => value * 256 + byte, 0);
  return {length, size: length === 0 || size === 2 ** (7 * length) - 1 ? null : size};
}
