/** The weights of a TF.js model: float32, or stored as float16, uint8 or uint16, as TF.js' decodeWeights reads them. */

/** @typedef {{name: string, shape: number[], dtype: string, quantization?: {dtype: string, scale?: number, min?: number}}} WeightSpec */
/** @typedef {{shape: number[], values: Float32Array | Int32Array}} Weight */

/**
 * @param {WeightSpec[]} specs in the order of the bytes
 * @param {ArrayBuffer[]} shards
 * @returns {Map<string, Weight>}
 * @throws {Error} if a type is unknown, or bytes are missing or left over
 */
export function readWeights(specs, shards) {
  const bytes = joinShards(shards);
  /** @type {Map<string, Weight>} */
  const weights = new Map();
  let end = 0;
  for (const spec of specs) {
    const start = end;
    const count = spec.shape.reduce((product, size) => product * size, 1);
    const stored = spec.quantization?.dtype ?? spec.dtype;
    const reader = READERS[/** @type {keyof typeof READERS} */ (stored)];
    if (reader === undefined) throw new Error(`the weight ${spec.name} is stored as ${stored}, which the kernels do not know`);
    end += count * reader.bytes;
    if (end > bytes.byteLength) throw new Error(`the weight ${spec.name} ends at byte ${end} of ${bytes.byteLength}`);
    const {scale = 1, min = 0} = spec.quantization ?? {};
    weights.set(spec.name, {shape: spec.shape, values: reader.read(bytes.buffer.slice(start, end), scale, min)});
  }
  if (end !== bytes.byteLength) throw new Error(`the weights are ${bytes.byteLength} bytes, expected ${end}`);
  return weights;
}

const READERS = {
  float32: {bytes: 4, read: (/** @type {ArrayBuffer} */ bytes) => new Float32Array(bytes)},
  int32: {bytes: 4, read: (/** @type {ArrayBuffer} */ bytes) => new Int32Array(bytes)},
  float16: {bytes: 2, read: (/** @type {ArrayBuffer} */ bytes) => Float32Array.from(new Uint16Array(bytes), readHalf)},
  uint8: {bytes: 1, read: (/** @type {ArrayBuffer} */ bytes, /** @type {number} */ scale, /** @type {number} */ min) => spread(new Uint8Array(bytes), scale, min)},
  uint16: {bytes: 2, read: (/** @type {ArrayBuffer} */ bytes, /** @type {number} */ scale, /** @type {number} */ min) => spread(new Uint16Array(bytes), scale, min)},
};

/**
 * @param {Uint8Array | Uint16Array} stored
 * @param {number} scale
 * @param {number} min
 */
function spread(stored, scale, min) {
  return Float32Array.from(stored, (value) => value * scale + min);
}

/**
 * IEEE 754 binary16.
 * @param {number} bits
 */
function readHalf(bits) {
  const exponent = (bits >> 10) & 31;
  const fraction = (bits & 1023) / 1024;
  const size = exponent === 0 ? fraction * 2 ** -14 : exponent === 31 ? (fraction ? NaN : Infinity) : (1 + fraction) * 2 ** (exponent - 15);
  return bits & 0x8000 ? -size : size;
}

/** @param {ArrayBuffer[]} shards */
function joinShards(shards) {
  const joined = new Uint8Array(shards.reduce((sum, shard) => sum + shard.byteLength, 0));
  let end = 0;
  for (const shard of shards) {
    joined.set(new Uint8Array(shard), end);
    end += shard.byteLength;
  }
  return joined;
}
