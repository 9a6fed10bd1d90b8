/** Weights as TF.js' files store them: float32, or float16, uint8 or uint16, as its decodeWeights reads them. */

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
    if (reader === undefined) throw new Error(`the weight ${spec.name} is stored as ${stored}, which is not known here`);
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
  float16: {bytes: 2, read: (/** @type {ArrayBuffer} */ bytes) => readHalves(new Uint16Array(bytes))},
  uint8: {bytes: 1, read: (/** @type {ArrayBuffer} */ bytes, /** @type {number} */ scale, /** @type {number} */ min) => spread(new Uint8Array(bytes), scale, min)},
  uint16: {bytes: 2, read: (/** @type {ArrayBuffer} */ bytes, /** @type {number} */ scale, /** @type {number} */ min) => spread(new Uint16Array(bytes), scale, min)},
};

/**
 * Plain loops: with a callback for each value, `from` takes 20 times as long, and there are millions.
 * @param {Uint8Array | Uint16Array} stored
 * @param {number} scale
 * @param {number} min
 */
function spread(stored, scale, min) {
  const values = new Float32Array(stored.length);
  for (let i = 0; i < stored.length; i += 1) values[i] = stored[i] * scale + min;
  return values;
}

/**
 * IEEE 754 binary16 to binary32: another exponent's bias, and longer fractions.
 * @param {Uint16Array} halves
 */
function readHalves(halves) {
  const bits = new Uint32Array(halves.length);
  const values = new Float32Array(bits.buffer);
  for (let i = 0; i < halves.length; i += 1) {
    const half = halves[i];
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    if (exponent === 0) values[i] = fraction * 2 ** -24; // zero, and what is too small for a full fraction
    else bits[i] = ((exponent === 31 ? 255 : exponent + 112) << 23) | (fraction << 13);
    bits[i] |= (half & 0x8000) << 16;
  }
  return values;
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
