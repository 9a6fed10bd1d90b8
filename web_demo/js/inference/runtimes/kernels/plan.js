/**
 * A network laid out in the kernels' memory: constants first, then one arena in which activations take each other's place once
 * nothing reads them any more. A run is the calls alone: nothing is allocated.
 */

import {ALIGNMENT, roundUp} from './module.js';

/** @typedef {import('./module.js').KernelMemory} KernelMemory */
/** @typedef {{height: number, width: number, channels: number}} Size */
/** @typedef {{top: number, left: number, bottom: number, right: number}} Border in pixels */
/**
 * @typedef {Size & {border: Border, pitch: number, bytes: number, firstStep: number, lastStep: number, address: number}} Tensor
 *   pixels with their channels last, and a border of zeros around them. pitch: floats from one pixel to the next; address: known
 *   when the plan is finished
 */
/** @typedef {{name: string, kernel: string, operations: number, run: () => void}} Step operations: multiplications and additions */
/** @typedef {{weights: number, biases: number, inputs: number, outputs: number}} Packed addresses, and sizes as packed */

const PANEL = 8; // channels of a convolution's panel; those of a pixel are filled up to a multiple of it
const LANES = 4;
/** @type {Border} */
export const NO_BORDER = {top: 0, left: 0, bottom: 0, right: 0};
const ACTIVATIONS = {none: 0, silu: 1, sigmoid: 2, leakyRelu: 3};
/** @typedef {keyof typeof ACTIVATIONS} Activation */
/** @typedef {'depthwise3x3s1' | 'depthwise3x3s2' | 'depthwise5x5s1' | 'depthwise5x5s2'} DepthwiseKernel */
const DEPTHWISE = ['depthwise3x3s1', 'depthwise3x3s2', 'depthwise5x5s1', 'depthwise5x5s2'];

export class Plan {
  /** @type {Step[]} */
  steps = [];
  /** @type {Tensor[]} */
  #tensors = [];
  /** @type {Map<string, number>} */
  #tables = new Map();
  #memory;
  #kernels;

  /** @param {KernelMemory} memory */
  constructor(memory) {
    this.#memory = memory;
    this.#kernels = memory.kernels;
  }

  /**
   * @param {Size} size
   * @param {{border?: Border, pitch?: number}} [layout]
   * @returns {Tensor}
   */
  tensor({height, width, channels}, {border = NO_BORDER, pitch = roundUp(channels, PANEL)} = {}) {
    const bytes = (border.top + height + border.bottom) * (border.left + width + border.right) * pitch * 4;
    const now = this.steps.length;
    const tensor = {height, width, channels, border, pitch, bytes, firstStep: now, lastStep: now, address: 0};
    this.#tensors.push(tensor);
    return tensor;
  }

  /**
   * The weights of a convolution, by panels of channels.
   * @param {ArrayLike<number>} weights [inputs][outputs]; inputs by the window's row, column and channel
   * @param {ArrayLike<number>} biases
   * @returns {Packed}
   */
  pack(weights, biases) {
    return this.#pack(weights, biases, PANEL);
  }

  /**
   * @param {ArrayLike<number>} weights [side][side][channels]
   * @param {ArrayLike<number>} biases
   * @returns {Packed}
   */
  packDepthwise(weights, biases) {
    return this.#pack(weights, biases, LANES);
  }

  /**
   * out = activation(convolution(input) + residual); the border of the input is the convolution's padding.
   * @param {string} name
   * @param {Tensor} input
   * @param {Packed} packed
   * @param {Tensor} out
   * @param {{side?: number, stride?: number, activation?: Activation, residual?: Tensor | null, gates?: Tensor | null}} [options]
   *   gates: what each channel of the input is multiplied by
   */
  convolve(name, input, packed, out, {side = 1, stride = 1, activation = 'none', residual = null, gates = null} = {}) {
    const {weights, biases, inputs, outputs} = packed;
    const kernels = this.#kernels;
    const count = out.height * out.width;
    const table = this.#table(input, side === 1 ? firstPixel(input) : 0, out, stride);
    const length = side * input.channels;
    const step = rowBytes(input);
    const code = ACTIVATIONS[activation];
    /** @type {Tensor | null} */
    let gated = null;
    if (gates !== null && outputs > count) {
      this.#add(`${name}/gate`, 'gatePixels', count * inputs, [input, gates], () => (
        kernels.gatePixels(input.address, count, input.pitch, gates.address)));
    } else if (gates !== null) {
      const product = this.tensor({height: 1, width: inputs, channels: outputs});
      gated = product;
      this.#add(`${name}/gate`, 'gateWeights', inputs * outputs, [product, gates], () => (
        kernels.gateWeights(weights, outputs / PANEL, inputs, gates.address, product.address)));
    }
    this.#add(name, 'convolve', 2 * count * inputs * outputs, [input, out, residual, gated], () => kernels.convolve(
      table, count, input.address, side, length, step, gated?.address ?? weights, biases, outputs, out.address,
      residual?.address ?? 0, code));
  }

  /**
   * @param {string} name
   * @param {Tensor} input
   * @param {Packed} packed
   * @param {Tensor} out without a border
   * @param {{side: number, stride: number, activation?: 'none' | 'silu'}} options
   * @returns {Tensor} the sums of each channel of `out`
   */
  convolveDepthwise(name, input, packed, out, {side, stride, activation = 'none'}) {
    const kernel = `depthwise${side}x${side}s${stride}`;
    if (!isDepthwise(kernel)) throw new Error(`${name} is a depthwise convolution of ${side} x ${side} at stride ${stride}; there is no kernel for it`);
    const kernels = this.#kernels;
    const {height, width, pitch} = out;
    const sums = this.tensor({height: 1, width: 1, channels: out.channels});
    const step = rowBytes(input);
    const code = ACTIVATIONS[activation];
    this.#add(name, kernel, 2 * height * width * packed.inputs * packed.outputs, [input, out, sums], () => {
      kernels.clear(sums.address, pitch);
      kernels[kernel](input.address, step, pitch, packed.weights, packed.biases, out.address, height, width, sums.address, code);
    });
    return sums;
  }

  /**
   * @param {string} name
   * @param {Tensor} input without a border
   * @param {Tensor} out
   * @param {number} stride
   */
  maxPool(name, input, out, stride) {
    const kernels = this.#kernels;
    const start = firstPixel(out);
    const step = rowBytes(out);
    this.#add(name, 'maxPool', 3 * out.height * out.width * out.pitch, [input, out], () => (
      kernels.maxPool(input.address, input.height, input.width, input.pitch, stride, out.address + start, step)));
  }

  /**
   * @param {string} name
   * @param {Tensor} input without a border
   * @returns {Tensor} the sums of each channel
   */
  sum(name, input) {
    const kernels = this.#kernels;
    const sums = this.tensor({height: 1, width: 1, channels: input.channels});
    this.#add(name, 'addPixels', input.height * input.width * input.pitch, [input, sums], () => {
      kernels.clear(sums.address, input.pitch);
      kernels.addPixels(input.address, input.height * input.width, input.pitch, sums.address);
    });
    return sums;
  }

  /**
   * @param {string} name
   * @param {Tensor} tensor of one pixel
   * @param {number} factor
   */
  multiply(name, tensor, factor) {
    this.#add(name, 'multiply', tensor.pitch, [tensor], () => this.#kernels.multiply(tensor.address, tensor.pitch, factor));
  }

  /** Make the border of a tensor zeros. @param {string} name @param {Tensor} tensor */
  clearBorder(name, tensor) {
    const {height, width, pitch, border: {top, left, bottom, right}} = tensor;
    if (top + left + bottom + right === 0) return;
    this.#add(name, 'clearBorder', 0, [tensor], () => (
      this.#kernels.clearBorder(tensor.address, height, width, pitch * 4, top, left, bottom, right)));
  }

  /**
   * Give every tensor its place.
   * @param {Tensor[]} kept the inputs and outputs: they are read or written between runs
   */
  finish(kept) {
    for (const tensor of kept) [tensor.firstStep, tensor.lastStep] = [0, this.steps.length];
    const arenaBytes = placeTensors(this.#tensors);
    const start = this.#memory.reserve(arenaBytes);
    for (const tensor of this.#tensors) tensor.address += start;
  }

  run() {
    for (const step of this.steps) step.run();
  }

  /**
   * @param {string} name
   * @param {string} kernel
   * @param {number} operations
   * @param {(Tensor | null)[]} tensors
   * @param {() => void} run
   */
  #add(name, kernel, operations, tensors, run) {
    for (const tensor of tensors) if (tensor !== null) tensor.lastStep = this.steps.length;
    this.steps.push({name, kernel, operations, run});
  }

  /**
   * @param {ArrayLike<number>} weights [inputs][outputs]
   * @param {ArrayLike<number>} biases
   * @param {number} block [outputs / block][inputs][block]
   * @returns {Packed}
   */
  #pack(weights, biases, block) {
    const inputs = weights.length / biases.length;
    const outputs = roundUp(biases.length, PANEL);
    const packed = new Float32Array(inputs * outputs);
    for (let o = 0; o < biases.length; o += 1) {
      const start = (o - o % block) * inputs + o % block;
      for (let i = 0, from = o; i < inputs; i += 1, from += biases.length) packed[start + i * block] = weights[from];
    }
    const filled = new Float32Array(outputs);
    filled.set(biases);
    return {weights: this.#memory.store(packed), biases: this.#memory.store(filled), inputs, outputs};
  }

  /**
   * For each pixel of `out`, in bytes: where its window begins in `input`, and where it lies in `out`.
   * @param {Tensor} input
   * @param {number} start of the first window
   * @param {Tensor} out
   * @param {number} stride
   * @returns {number} its address
   */
  #table(input, start, out, stride) {
    const key = [out.height, out.width, stride, start, rowBytes(input), input.pitch, rowBytes(out), out.pitch, firstPixel(out)].join();
    const known = this.#tables.get(key);
    if (known !== undefined) return known;
    const table = new Uint32Array(out.height * out.width * 2);
    for (let y = 0, i = 0; y < out.height; y += 1) {
      for (let x = 0; x < out.width; x += 1, i += 2) {
        table[i] = start + y * stride * rowBytes(input) + x * stride * input.pitch * 4;
        table[i + 1] = firstPixel(out) + y * rowBytes(out) + x * out.pitch * 4;
      }
    }
    const address = this.#memory.store(table);
    this.#tables.set(key, address);
    return address;
  }
}

/**
 * Addresses within one arena: no two tensors that live at the same step overlap. The largest first, each at the lowest place.
 * @param {Tensor[]} tensors
 * @returns {number} bytes of the arena
 */
function placeTensors(tensors) {
  /** @type {Tensor[]} */
  const placed = [];
  let end = 0;
  for (const tensor of [...tensors].sort((first, second) => second.bytes - first.bytes)) {
    const rivals = placed
      .filter((other) => other.firstStep <= tensor.lastStep && tensor.firstStep <= other.lastStep)
      .sort((first, second) => first.address - second.address);
    tensor.address = 0;
    for (const {address, bytes} of rivals) {
      if (address >= tensor.address + tensor.bytes) break;
      tensor.address = Math.max(tensor.address, roundUp(address + bytes, ALIGNMENT));
    }
    placed.push(tensor);
    end = Math.max(end, tensor.address + tensor.bytes);
  }
  return end;
}

/** @param {Tensor} tensor @returns {number} bytes from one row to the next */
export function rowBytes({border, width, pitch}) {
  return (border.left + width + border.right) * pitch * 4;
}

/** @param {Tensor} tensor @returns {number} bytes from its border's first pixel to its own */
export function firstPixel(tensor) {
  return tensor.border.top * rowBytes(tensor) + tensor.border.left * tensor.pitch * 4;
}

/**
 * @param {string} name
 * @returns {name is DepthwiseKernel}
 */
function isDepthwise(name) {
  return DEPTHWISE.includes(name);
}
