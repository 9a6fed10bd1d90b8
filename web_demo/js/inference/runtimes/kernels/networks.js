/** The two networks on the kernels: any graph model that js/inference/kernels/graph.js reads, and TinyFaceDetector. */
import {planGraph} from './graph.js';
import {drawFrame} from './draw_frame.js';
import {KernelMemory} from './module.js';
import {firstPixel, Plan, rowBytes} from './plan.js';
import {MEAN_RGB, SEPARABLE_LAYERS} from '../../tiny_face.js';
import {readWeights} from '../../weights.js';
import {softmax} from '../../softmax.js';

/**
 * @param {WebAssembly.Module} module
 * @param {import('../../classifier.js').ModelArtifacts} artifacts
 * @param {import('../../classifier.js').TensorNames} names
 * @param {import('../../manifest.js').ModelSpec} spec
 */
export function createClassifierNetwork(module, artifacts, names, spec) {
  const memory = new KernelMemory(module);
  const weights = readWeights(artifacts.weightSpecs, artifacts.weightData);
  const {plan, input, mean, logits} = planGraph(memory, artifacts.modelTopology.node, weights, names);
  const fill = createFiller(memory, input, mean);
  const [height, width, classes] = [input.height, input.width, logits.channels];
  if (height !== spec.input.height || width !== spec.input.width || classes !== spec.labels.length) {
    throw new Error(`the graph is ${height} x ${width} to ${classes} classes, the manifest lists ${spec.input.height} x ${spec.input.width} to ${spec.labels.length}`);
  }
  const output = memory.floats(logits.address, classes);
  return {
    memory,
    steps: plan.steps,
    /**
     * @param {Uint8Array | Uint8ClampedArray} rgb HWC
     * @returns {{logits: Float32Array, probabilities: Float32Array}}
     */
    run(rgb) {
      fill(rgb);
      plan.run();
      return {logits: Float32Array.from(output), probabilities: Float32Array.from(softmax(output))};
    },
  };
}

/**
 * TinyFaceDetector; what its layers are is told in reon_export/faces/tiny_face.py.
 * @param {WebAssembly.Module} module
 * @param {Map<string, import('../../detector_weights.js').Weight>} weights
 * @param {readonly number[]} sizes of the square input; others are refused
 */
export function createTinyFaceNetwork(module, weights, sizes) {
  const memory = new KernelMemory(module);
  const take = (/** @type {string} */ name) => /** @type {import('../../detector_weights.js').Weight} */ (weights.get(name));
  // (x - mean) / 255 goes into the first layer, which has no padding.
  const {values, shape: [, , , channels]} = take('conv0/filters');
  const scaled = Array.from(values, (value) => value / 255);
  const biases = Array.from(take('conv0/bias').values, (bias, o) => (
    scaled.reduce((sum, weight, i) => sum - (i % channels === o ? weight * MEAN_RGB[Math.floor(i / channels) % 3] : 0), bias)));
  const packer = new Plan(memory);
  const first = packer.pack(scaled, biases);
  const layers = SEPARABLE_LAYERS.map((name) => ({
    name,
    depthwise: packer.packDepthwise(take(`${name}/depthwise_filter`).values, new Float32Array(take(`${name}/depthwise_filter`).shape[2])),
    pointwise: packer.pack(take(`${name}/pointwise_filter`).values, take(`${name}/bias`).values),
  }));
  const last = packer.pack(take('conv8/filters').values, take('conv8/bias').values);
  const outputs = take('conv8/bias').values.length;
  const runs = new Map(sizes.map((size) => [size, planSize(size)]));

  /** @param {number} size */
  function planSize(size) {
    const plan = new Plan(memory);
    const input = plan.tensor({height: size, width: size, channels: 3}, {pitch: 3});
    let out = plan.tensor({height: size - 2, width: size - 2, channels: first.outputs});
    plan.convolve('conv0', input, first, out, {side: 3, activation: 'leakyRelu'});
    for (const {name, depthwise, pointwise} of layers) {
      const [height, width] = [out.height, out.width].map((length) => Math.ceil(length / 2));
      const pooled = plan.tensor({height, width, channels: out.channels}, {border: {top: 1, left: 1, bottom: 1, right: 1}});
      plan.clearBorder(`${name}/border`, pooled);
      plan.maxPool(`${name}/pool`, out, pooled, 2);
      const filtered = plan.tensor({height, width, channels: out.channels});
      plan.convolveDepthwise(`${name}/depthwise`, pooled, depthwise, filtered, {side: 3, stride: 1});
      out = plan.tensor({height, width, channels: pointwise.outputs});
      plan.convolve(`${name}/pointwise`, filtered, pointwise, out, {activation: 'leakyRelu'});
    }
    const pooled = plan.tensor(out);
    plan.maxPool('conv8/pool', out, pooled, 1);
    const output = plan.tensor({...out, channels: last.outputs});
    plan.convolve('conv8', pooled, last, output);
    plan.finish([input, output]);
    return {plan, input, output};
  }

  return {
    memory,
    /**
     * @param {import('../../../pixels/preprocess.js').PixelFrame} frame
     * @param {number} size
     * @param {import('../../../pixels/measure.js').View} view
     * @returns {Float32Array} [cells, cells, outputs]
     */
    run(frame, size, view) {
      const made = runs.get(size);
      if (made === undefined) throw new Error(`the detector was planned for ${sizes}, not for ${size}`);
      const {plan, input, output} = made;
      drawFrame(memory, input.address, frame, size, view);
      plan.run();
      const cells = output.height * output.width;
      const padded = memory.floats(output.address, cells * output.pitch);
      const answer = new Float32Array(cells * outputs);
      for (let i = 0; i < cells; i += 1) answer.set(padded.subarray(i * output.pitch, i * output.pitch + outputs), i * outputs);
      return answer;
    },
  };
}

/**
 * Writes a picture of bytes into a network's input.
 * @param {KernelMemory} memory
 * @param {import('./plan.js').Tensor} input
 * @param {number[]} mean by channel
 */
function createFiller(memory, input, mean) {
  const {kernels} = memory;
  const rowLength = input.width * 3;
  const means = memory.store(Float32Array.from({length: 12}, (_, i) => mean[i % 3]));
  const staged = memory.reserve(input.height * rowLength + 16); // 16 are read at once
  const bytes = new Uint8Array(kernels.memory.buffer, staged, input.height * rowLength);
  const start = firstPixel(input);
  const step = rowBytes(input);
  return (/** @type {Uint8Array | Uint8ClampedArray} */ rgb) => {
    bytes.set(rgb);
    for (let y = 0; y < input.height; y += 1) kernels.centreBytes(staged + y * rowLength, rowLength, means, input.address + start + y * step);
  };
}
