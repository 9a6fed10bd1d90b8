/**
 * A TF.js graph model as a plan for the kernels. It knows the nodes that `build` writes for an EfficientNet, and refuses any
 * other by name: TF.js then runs the model.
 */
import {NO_BORDER, Plan} from './plan.js';

/** @typedef {import('./plan.js').Border} Border */
/** @typedef {import('./plan.js').Tensor} Tensor */
/** @typedef {{name: string, op: string, input?: string[], attr?: Record<string, any>}} Node as model.json has it */
/** @typedef {Map<string, {shape: number[], values: Float32Array | Int32Array}>} Weights */
/** @typedef {{plan: Plan, input: Tensor, mean: number[], logits: Tensor}} GraphPlan mean: what the input is centred by, per channel */

/**
 * @param {import('./module.js').KernelMemory} memory
 * @param {Node[]} nodes
 * @param {Weights} weights
 * @param {{input: string, logits: string, probabilities: string}} names nodes, with or without ":0"
 * @returns {GraphPlan}
 * @throws {Error} that names the node it does not know
 */
export function planGraph(memory, nodes, weights, names) {
  return new GraphReader(memory, nodes, weights).read(names);
}

class GraphReader {
  #plan;
  #weights;
  /** @type {Map<string, Node>} */
  #nodes;
  /** @type {Map<string, Node[]>} */
  #readers = new Map();
  /** What a node gives. @type {Map<string, Tensor>} */
  #tensors = new Map();
  /** Nodes that an earlier one took in. @type {Set<string>} */
  #done = new Set();
  /** The sums of a depthwise layer's channels, which it adds up by itself. @type {Map<string, Tensor>} */
  #sums = new Map();
  /** Products that the convolution after them makes: what is multiplied, and by what. @type {Map<string, {input: string, gates: string}>} */
  #gated = new Map();
  /** @type {number[]} */
  #mean = [0, 0, 0];

  /**
   * @param {import('./module.js').KernelMemory} memory
   * @param {Node[]} nodes
   * @param {Weights} weights
   */
  constructor(memory, nodes, weights) {
    this.#plan = new Plan(memory);
    this.#weights = weights;
    this.#nodes = new Map(nodes.map((node) => [node.name, node]));
    for (const node of nodes) {
      for (const input of inputsOf(node)) this.#readers.set(input, [...this.#readersOf(input), node]);
    }
  }

  /**
   * @param {{input: string, logits: string, probabilities: string}} names
   * @returns {GraphPlan}
   */
  read(names) {
    for (const node of this.#nodes.values()) {
      if (!this.#done.has(node.name)) this.#readNode(node);
    }
    const [input, logits] = [names.input, names.logits].map((name) => this.#take(withoutPort(name), 'the signature'));
    const last = this.#nodes.get(withoutPort(names.probabilities));
    if (last?.op !== 'Softmax' || inputsOf(last)[0] !== withoutPort(names.logits)) {
      throw new Error(`the output ${names.probabilities} is not the softmax of ${names.logits}`);
    }
    this.#plan.finish([input, logits]);
    return {plan: this.#plan, input, mean: this.#mean, logits};
  }

  /** @param {Node} node */
  #readNode(node) {
    switch (node.op) {
      case 'Const': case 'Softmax': return;
      case 'Placeholder': return this.#readInput(node);
      case '_FusedConv2D': return this.#readConvolution(node);
      case 'FusedDepthwiseConv2dNative': return this.#readDepthwise(node);
      case 'AvgPool': return this.#readMean(node);
      case 'Mul': return this.#readGate(node);
      case 'Reshape': return this.#readReshape(node);
      case '_FusedMatMul': return this.#readProduct(node);
      default: throw new Error(`the kernels do not know the node ${node.name}, a ${node.op}`);
    }
  }

  /** The input, less its mean; with the border that its convolution wants. @param {Node} node */
  #readInput(node) {
    const [, height, width, channels] = node.attr?.shape.shape.dim.map((/** @type {{size: string}} */ dim) => Number(dim.size));
    const [reader] = this.#onlyReaders(node.name, 1);
    let {name} = node;
    if (reader.op === 'Sub') {
      this.#mean = Array.from(this.#constant(reader, 1).values);
      ({name} = reader);
      this.#done.add(name);
    }
    if (channels !== 3 || this.#mean.length !== 3) throw new Error(`the input ${node.name} has ${channels} channels, expected 3`);
    const input = this.#plan.tensor({height, width, channels}, {border: this.#borderFor(name), pitch: channels});
    this.#tensors.set(node.name, input);
    this.#tensors.set(name, input);
  }

  /** @param {Node} node */
  #readConvolution(node) {
    const {source, gates} = this.#takeGated(inputsOf(node)[0], node);
    const {shape: [rows, side, inputs, channels], values} = this.#constant(node, 1);
    const stride = readStride(node);
    if (rows !== side || inputs !== source.channels) throw new Error(`the convolution ${node.name} is ${rows} x ${side} of ${inputs} channels; its input has ${source.channels}`);
    if (side > 1 && source.pitch !== source.channels) throw new Error(`the convolution ${node.name} is ${side} x ${side} of ${inputs} channels, expected a multiple of 8`);
    if (side > 1) expectBorder(node, source);
    else if (hasPadding(node)) throw new Error(`the convolution ${node.name} is 1 x 1 and padded`);
    const biases = this.#constant(node, 2).values;
    const {name, activation} = this.#takeActivation(node, 1);
    const sum = activation === 'none' ? this.#takeSum(name) : null;
    const out = this.#makeOutput(sum?.name ?? name, windowSize(source, side, stride, channels));
    this.#plan.convolve(node.name, source, this.#plan.pack(values, biases), out, {side, stride, activation, residual: sum?.residual, gates});
  }

  /** @param {Node} node */
  #readDepthwise(node) {
    const source = this.#take(inputsOf(node)[0], node.name);
    const {shape: [rows, side, inputs, multiplier], values} = this.#constant(node, 1);
    const stride = readStride(node);
    if (rows !== side || inputs !== source.channels || multiplier !== 1) throw new Error(`the depthwise convolution ${node.name} is ${rows} x ${side} of ${inputs} channels by ${multiplier}; its input has ${source.channels}`);
    expectBorder(node, source);
    const {name, activation} = this.#takeActivation(node, 1);
    if (activation === 'sigmoid') throw new Error(`the depthwise convolution ${node.name} ends in a sigmoid`);
    const out = this.#makeOutput(name, windowSize(source, side, stride, inputs));
    if (out.border !== NO_BORDER) throw new Error(`the depthwise convolution ${node.name} feeds a padded one`);
    const packed = this.#plan.packDepthwise(values, this.#constant(node, 2).values);
    this.#sums.set(name, this.#plan.convolveDepthwise(node.name, source, packed, out, {side, stride, activation}));
  }

  /** The mean over the whole picture. @param {Node} node */
  #readMean(node) {
    const [name] = inputsOf(node);
    const source = this.#take(name, node.name);
    const [, height, width] = readIntegers(node, 'ksize');
    if (height !== source.height || width !== source.width || source.border !== NO_BORDER) throw new Error(`the mean ${node.name} is of ${height} x ${width} pixels; its input has ${source.height} x ${source.width}`);
    const sums = this.#sums.get(name) ?? this.#plan.sum(node.name, source);
    this.#plan.multiply(`${node.name}/share`, sums, 1 / (height * width));
    this.#tensors.set(node.name, sums);
  }

  /** A product with one factor a channel, which the convolution after it makes. @param {Node} node */
  #readGate(node) {
    const [input, gates] = inputsOf(node);
    const [source, factor] = [input, gates].map((name) => this.#take(name, node.name));
    const [reader] = this.#onlyReaders(node.name, 1);
    if (factor.height * factor.width !== 1 || reader.op !== '_FusedConv2D' || source.border !== NO_BORDER
      || this.#readersOf(input).some((other) => other !== node && other.op !== 'AvgPool')) {
      throw new Error(`the kernels do not know the node ${node.name}, a Mul that is no gate before a convolution`);
    }
    this.#gated.set(node.name, {input, gates});
  }

  /** One pixel stays one. @param {Node} node */
  #readReshape(node) {
    const source = this.#take(inputsOf(node)[0], node.name);
    if (source.height * source.width !== 1) throw new Error(`the kernels do not know the node ${node.name}, a Reshape of ${source.height} x ${source.width} pixels`);
    this.#tensors.set(node.name, source);
  }

  /** @param {Node} node */
  #readProduct(node) {
    const source = this.#take(inputsOf(node)[0], node.name);
    const {shape: [inputs, channels], values} = this.#constant(node, 1);
    if (inputs !== source.channels || source.height * source.width !== 1 || node.attr?.transpose_a?.b || node.attr?.transpose_b?.b) throw new Error(`the kernels do not know the node ${node.name}, a product of ${inputs} inputs`);
    if (readOps(node).join() !== 'BiasAdd') throw new Error(`the product ${node.name} ends in ${readOps(node)}, expected BiasAdd`);
    const out = this.#makeOutput(node.name, {height: 1, width: 1, channels});
    this.#plan.convolve(node.name, source, this.#plan.pack(values, this.#constant(node, 2).values), out);
  }

  /**
   * A layer's own sigmoid, or the two nodes that make SiLU of it.
   * @param {Node} node
   * @param {number} biases
   * @returns {{name: string, activation: 'none' | 'silu' | 'sigmoid'}} name: of the node whose value the layer then gives
   */
  #takeActivation(node, biases) {
    const ops = readOps(node);
    if (ops.length > biases + 1 || ops[0] !== 'BiasAdd' || (ops[1] ?? 'Sigmoid') !== 'Sigmoid') throw new Error(`the layer ${node.name} ends in ${ops}, expected BiasAdd and at most Sigmoid`);
    if (ops.length > 1) return {name: node.name, activation: 'sigmoid'};
    const readers = this.#readersOf(node.name);
    const sigmoid = readers.find((reader) => reader.op === 'Sigmoid');
    if (sigmoid === undefined) return {name: node.name, activation: 'none'};
    const [product] = this.#onlyReaders(sigmoid.name, 1);
    if (product.op !== 'Mul' || !readers.includes(product) || readers.length !== 2) throw new Error(`the kernels do not know the node ${sigmoid.name}, a Sigmoid that makes no SiLU`);
    this.#done.add(sigmoid.name).add(product.name);
    return {name: product.name, activation: 'silu'};
  }

  /**
   * The sum with an earlier layer, if nothing else reads this one.
   * @param {string} name
   * @returns {{name: string, residual: Tensor} | null}
   */
  #takeSum(name) {
    const readers = this.#readersOf(name);
    if (readers.length !== 1 || readers[0].op !== 'AddV2') return null;
    const [sum] = readers;
    const other = inputsOf(sum).find((input) => input !== name);
    const residual = other === undefined ? undefined : this.#tensors.get(other);
    if (residual === undefined || residual.border !== NO_BORDER || this.#borderFor(sum.name) !== NO_BORDER) throw new Error(`the kernels do not know the node ${sum.name}, an AddV2 of what comes later`);
    this.#done.add(sum.name);
    return {name: sum.name, residual};
  }

  /**
   * @param {string} name
   * @param {import('./plan.js').Size} size
   * @returns {Tensor}
   */
  #makeOutput(name, size) {
    const out = this.#plan.tensor(size, {border: this.#borderFor(name)});
    this.#plan.clearBorder(name, out);
    this.#tensors.set(name, out);
    return out;
  }

  /**
   * The zeros that whoever reads a node wants around it. Those who want none are 1 x 1 and skip it.
   * @param {string} name
   * @returns {Border}
   */
  #borderFor(name) {
    const padded = this.#readersOf(name).filter(hasPadding);
    return padded.length === 0 ? NO_BORDER : readBorder(padded[0]);
  }

  /**
   * @param {string} name
   * @param {Node} node who asks
   * @returns {{source: Tensor, gates: Tensor | null}}
   */
  #takeGated(name, node) {
    const gated = this.#gated.get(name);
    if (gated === undefined) return {source: this.#take(name, node.name), gates: null};
    return {source: this.#take(gated.input, node.name), gates: this.#take(gated.gates, node.name)};
  }

  /**
   * @param {string} name
   * @param {string} reader
   * @returns {Tensor}
   */
  #take(name, reader) {
    const tensor = this.#tensors.get(name);
    if (tensor === undefined) throw new Error(`${reader} reads ${name}, which the kernels do not know`);
    return tensor;
  }

  /**
   * @param {Node} node
   * @param {number} index
   */
  #constant(node, index) {
    const name = inputsOf(node)[index];
    const weight = this.#weights.get(name);
    if (weight === undefined) throw new Error(`${node.name} reads ${name}, which is no weight of the model`);
    return weight;
  }

  /** @param {string} name */
  #readersOf(name) {
    return this.#readers.get(name) ?? [];
  }

  /**
   * @param {string} name
   * @param {number} count
   */
  #onlyReaders(name, count) {
    const readers = this.#readersOf(name);
    if (readers.length !== count) throw new Error(`the node ${name} is read by ${readers.map((reader) => reader.name).join(', ') || 'nobody'}; the kernels expect ${count} reader`);
    return readers;
  }
}

/**
 * @param {Tensor} source
 * @param {number} side
 * @param {number} stride
 * @param {number} channels
 */
function windowSize({height, width, border}, side, stride, channels) {
  const count = (/** @type {number} */ length) => Math.floor((length - side) / stride) + 1;
  return side === 1
    ? {height: Math.ceil(height / stride), width: Math.ceil(width / stride), channels}
    : {height: count(border.top + height + border.bottom), width: count(border.left + width + border.right), channels};
}

/** @param {Node} node */
function inputsOf(node) {
  return (node.input ?? []).map(withoutPort);
}

/** @param {string} name */
function withoutPort(name) {
  return name.replace(/:0$/, '');
}

/**
 * @param {Node} node
 * @param {string} key
 * @returns {number[]}
 */
function readIntegers(node, key) {
  return (node.attr?.[key]?.list?.i ?? []).map(Number);
}

/**
 * @param {Node} node
 * @returns {string[]}
 */
function readOps(node) {
  return (node.attr?.fused_ops?.list?.s ?? []).map(atob);
}

/** @param {Node} node */
function readStride(node) {
  const [, down, across] = readIntegers(node, 'strides');
  const dilations = readIntegers(node, 'dilations');
  if (down !== across || dilations.some((dilation) => dilation !== 1)) throw new Error(`the convolution ${node.name} has strides ${down}, ${across} and dilations ${dilations}`);
  return down;
}

/** @param {Node} node */
function hasPadding(node) {
  const padding = atob(node.attr?.padding?.s ?? btoa('VALID'));
  if (node.op !== 'AvgPool' && padding !== 'VALID' && padding !== 'EXPLICIT') throw new Error(`the convolution ${node.name} is padded by ${padding}, expected VALID or EXPLICIT`);
  return padding === 'EXPLICIT';
}

/**
 * @param {Node} node
 * @returns {Border}
 */
function readBorder(node) {
  const [, , top, bottom, left, right] = readIntegers(node, 'explicit_paddings');
  return {top, left, bottom, right};
}

/**
 * @param {Node} node
 * @param {Tensor} source
 */
function expectBorder(node, source) {
  const wanted = hasPadding(node) ? readBorder(node) : NO_BORDER;
  if (JSON.stringify(wanted) !== JSON.stringify(source.border)) throw new Error(`the convolution ${node.name} wants another border than its input's other readers`);
}
