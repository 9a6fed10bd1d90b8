/** The kernels' WebAssembly module, in the variant that this browser can run, and the memory of one network. */
import {kernelFiles} from '../../../vendor.js';

/** @typedef {'relaxed' | 'simd'} Variant */
/** @typedef {(...values: number[]) => void} Kernel the arguments are told in kernels/ */
/** @typedef {Record<'convolve' | 'depthwise3x3s1' | 'depthwise3x3s2' | 'depthwise5x5s1' | 'depthwise5x5s2' | 'maxPool' | 'addPixels' | 'multiply' | 'gatePixels' | 'gateWeights' | 'shrinkRows' | 'blendRows' | 'clear' | 'clearBorder' | 'centreBytes', Kernel> & {memory: WebAssembly.Memory}} Kernels */

/** @type {readonly Variant[]} the faster first: it multiplies and adds in one instruction, and Safari has it not */
export const VARIANTS = ['relaxed', 'simd'];
const PAGE_BYTES = 65536;
export const ALIGNMENT = 64; // bytes of a cache line
const CONSTANTS_END = 2048; // AssemblyScript keeps those of kernels/arithmetic.ts from 1024 on; address 0 means none

// A module with one function: v128.const, and for `relaxed` f32x4.relaxed_madd of three of them.
const ZEROS = Array(16).fill(0);
const CONSTANT = [0xfd, 0x0c, ...ZEROS];
const PROBES = {
  simd: probe([...CONSTANT, 0x1a]),
  relaxed: probe([...CONSTANT, ...CONSTANT, ...CONSTANT, 0xfd, 0x85, 0x02, 0x1a]),
};

/**
 * @param {number[]} code
 * @returns {Uint8Array<ArrayBuffer>}
 */
function probe(code) {
  const body = [0, ...code, 0x0b];
  return Uint8Array.of(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 4, 1, 0x60, 0, 0, 3, 2, 1, 0, 10, body.length + 2, 1, body.length, ...body);
}

/**
 * @param {number} value
 * @param {number} step
 */
export function roundUp(value, step) {
  return Math.ceil(value / step) * step;
}

/**
 * @param {Variant} variant
 * @returns {boolean}
 */
export function canRun(variant) {
  return typeof WebAssembly !== 'undefined' && WebAssembly.validate(PROBES[variant]);
}

/**
 * @param {Variant} variant
 * @returns {Promise<WebAssembly.Module>}
 */
export async function fetchKernels(variant) {
  const url = kernelFiles()[variant];
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: HTTP ${response.status}`);
  return WebAssembly.compile(await response.arrayBuffer());
}

/** An instance of the kernels with a memory of its own, filled from the bottom. */
export class KernelMemory {
  #end = CONSTANTS_END;

  /** @param {WebAssembly.Module} module */
  constructor(module) {
    this.kernels = /** @type {Kernels} */ (/** @type {unknown} */ (new WebAssembly.Instance(module, {}).exports));
  }

  /** @returns {number} bytes in use */
  get bytes() {
    return this.kernels.memory.buffer.byteLength;
  }

  /**
   * @param {number} bytes
   * @returns {number} the address, a multiple of 64
   */
  reserve(bytes) {
    const address = this.#end;
    this.#end = roundUp(address + bytes, ALIGNMENT);
    const missing = this.#end + ALIGNMENT - this.bytes; // kernels may read past the end of an input
    if (missing > 0) this.kernels.memory.grow(Math.ceil(missing / PAGE_BYTES));
    return address;
  }

  /**
   * Room behind everything that is reserved, for as long as nothing more is.
   * @param {number} bytes
   * @returns {number} the address
   */
  borrow(bytes) {
    const address = this.#end;
    this.reserve(bytes);
    this.#end = address;
    return address;
  }

  /**
   * @param {Float32Array | Uint32Array} values
   * @returns {number} their address
   */
  store(values) {
    const address = this.reserve(values.byteLength);
    new Uint8Array(this.kernels.memory.buffer, address, values.byteLength).set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    return address;
  }

  /**
   * @param {number} address
   * @param {number} count
   * @returns {Float32Array} good until the memory grows
   */
  floats(address, count) {
    return new Float32Array(this.kernels.memory.buffer, address, count);
  }
}
