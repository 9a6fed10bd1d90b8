/** Every kernel alone against a plain loop in float64, in both variants, at shapes that no block divides. */
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import {fileURLToPath} from 'node:url';
import {setFlagsFromString} from 'node:v8';

import {canRun, KernelMemory} from '../../web_demo/js/inference/runtimes/kernels/module.js';
import {Plan} from '../../web_demo/js/inference/runtimes/kernels/plan.js';

const VENDOR = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../web_demo/vendor');
const VARIANTS = ['simd', 'relaxed'];
if (!canRun('relaxed')) setFlagsFromString('--experimental-wasm-relaxed-simd'); // Node 20
// Of the sum of the products' sizes: float32 rounds each addition to 6e-8 of the sum so far. Measured 2.4e-7 at most.
const ROUNDING = 1e-6;
// Of SiLU and sigmoid, relative, for |x| < 20. Measured 9.9e-7 (simd) and 3.9e-7 (relaxed, whose x log2(e) is not rounded before
// its whole part is taken off); that large only near -20, where the sigmoid is 2e-9.
const EXPONENTIAL = {simd: 1.5e-6, relaxed: 6e-7};

/** @param {string} variant */
function openMemory(variant) {
  return new KernelMemory(new WebAssembly.Module(readFileSync(path.join(VENDOR, `kernels-${variant}.wasm`))));
}

/** Numbers in -1..1 that repeat from run to run. */
function makeRandom(seed) {
  let state = seed;
  return (count) => Float32Array.from({length: count}, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

const ACTIVATIONS = {
  none: (x) => x,
  silu: (x) => x / (1 + Math.exp(-x)),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  leakyRelu: (x) => Math.max(x, x * Math.fround(0.1)),
};

/** Write values [height][width][channels] into a tensor; what surrounds them is left. */
function fill(memory, tensor, values) {
  eachPixel(memory, tensor, (pixel, i) => pixel.set(values.subarray(i * tensor.channels, (i + 1) * tensor.channels)));
}

function read(memory, tensor) {
  const values = new Float32Array(tensor.height * tensor.width * tensor.channels);
  eachPixel(memory, tensor, (pixel, i) => values.set(pixel.subarray(0, tensor.channels), i * tensor.channels));
  return values;
}

function eachPixel(memory, {height, width, pitch, border, address}, visit) {
  const row = border.left + width + border.right;
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      visit(memory.floats(address + ((border.top + y) * row + border.left + x) * pitch * 4, pitch), y * width + x);
    }
  }
}

/** What surrounds a tensor, and what fills its pixels up, is nobody's: it is set to NaN, so that reading it shows. */
function poison(memory, tensor) {
  memory.floats(tensor.address, tensor.bytes / 4).fill(NaN);
}

function convolvePlainly({input, values, side, stride, channels, weights, biases, residual, gates, activation}) {
  const {height, width, border} = input;
  const [outHeight, outWidth] = side === 1 ? [height, width].map((n) => Math.ceil(n / stride))
    : [border.top + height + border.bottom, border.left + width + border.right].map((n) => Math.floor((n - side) / stride) + 1);
  const out = new Float64Array(outHeight * outWidth * channels);
  const sizes = new Float64Array(out.length);
  for (let y = 0; y < outHeight; y += 1) for (let x = 0; x < outWidth; x += 1) for (let o = 0; o < channels; o += 1) {
    const at = (y * outWidth + x) * channels + o;
    let [sum, size] = [biases[o], Math.abs(biases[o])];
    for (let i = 0; i < side; i += 1) for (let j = 0; j < side; j += 1) for (let c = 0; c < input.channels; c += 1) {
      const [row, column] = [y * stride + i - border.top, x * stride + j - border.left];
      if (row < 0 || column < 0 || row >= height || column >= width) continue;
      const product = values[(row * width + column) * input.channels + c] * (gates?.[c] ?? 1) * weights[((i * side + j) * input.channels + c) * channels + o];
      sum += product;
      size += Math.abs(product);
    }
    if (residual) sum += residual[at];
    out[at] = ACTIVATIONS[activation](sum);
    sizes[at] = size + Math.abs(residual?.[at] ?? 0);
  }
  return {out, sizes};
}

function expectClose(actual, expected, sizes, name) {
  assert.equal(actual.length, expected.length);
  let worst = 0;
  for (let i = 0; i < expected.length; i += 1) {
    const difference = Math.abs(actual[i] - expected[i]) / Math.max(sizes[i], 1e-3);
    assert.ok(difference <= ROUNDING, `${name} [${i}]: ${actual[i]}, expected ${expected[i]}`);
    worst = Math.max(worst, difference);
  }
  return worst;
}

const NO = {top: 0, left: 0, bottom: 0, right: 0};
const CONVOLUTIONS = [
  ...[1, 2, 3, 4, 5, 6, 7, 11, 49].map((pixels) => ({height: 1, width: pixels, channels: 5, out: 16})),
  {height: 7, width: 7, channels: 24, out: 20, activation: 'silu', isBordered: true},
  {height: 3, width: 5, channels: 40, out: 104, activation: 'sigmoid'},
  {height: 13, width: 9, channels: 7, out: 8, activation: 'leakyRelu', hasResidual: true},
  {height: 4, width: 4, channels: 33, out: 96, hasResidual: true, hasGates: true},
  {height: 9, width: 14, channels: 17, out: 24, hasResidual: true, hasGates: true},
  {height: 8, width: 11, channels: 3, out: 32, side: 3, stride: 2, border: {top: 1, left: 1, bottom: 1, right: 1}, activation: 'silu'},
  {height: 10, width: 7, channels: 3, out: 10, side: 3, border: NO, activation: 'leakyRelu'},
  {height: 9, width: 9, channels: 3, out: 16, side: 5, stride: 2, border: {top: 1, left: 2, bottom: 3, right: 2}},
];

for (const variant of VARIANTS) {
  test(`${variant}: convolutions`, () => {
    const random = makeRandom(1);
    for (const shape of CONVOLUTIONS) {
      const {height, width, channels, out: outputs, side = 1, stride = 1, border = NO, activation = 'none'} = shape;
      const memory = openMemory(variant);
      const plan = new Plan(memory);
      const input = plan.tensor({height, width, channels}, {border, ...(side > 1 ? {pitch: channels} : {})});
      plan.clearBorder('border', input);
      const [values, weights, biases] = [random(height * width * channels), random(side * side * channels * outputs), random(outputs)];
      const gateValues = shape.hasGates ? random(channels) : null;
      const reference = {input, values, side, stride, channels: outputs, weights, biases, gates: gateValues, activation};
      const {length} = convolvePlainly(reference).out;
      const outWidth = side === 1 ? Math.ceil(width / stride) : Math.floor((border.left + width + border.right - side) / stride) + 1;
      const size = {height: length / outputs / outWidth, width: outWidth, channels: outputs};
      const around = shape.isBordered ? {top: 2, left: 1, bottom: 1, right: 3} : NO;
      const out = plan.tensor(size, {border: around});
      plan.clearBorder('around', out);
      const residual = shape.hasResidual ? plan.tensor(size, {border: around}) : null;
      const gates = shape.hasGates ? plan.tensor({height: 1, width: 1, channels}) : null;
      plan.convolve('convolution', input, plan.pack(weights, biases), out, {side, stride, activation, residual, gates});
      plan.finish([input, out, residual, gates].filter((tensor) => tensor !== null));
      const residualValues = residual && random(length);
      for (const tensor of [input, out]) poison(memory, tensor);
      fill(memory, input, values);
      if (residual) fill(memory, residual, residualValues);
      if (gates) fill(memory, gates, gateValues);
      plan.run();
      const {out: expected, sizes} = convolvePlainly({...reference, residual: residualValues});
      expectClose(read(memory, out), expected, sizes, JSON.stringify(shape));
      if (shape.isBordered) expectZerosAround(memory, out);
    }
  });

  test(`${variant}: depthwise convolutions, and the sums of their channels`, () => {
    const random = makeRandom(2);
    for (const [side, stride] of [[3, 1], [3, 2], [5, 1], [5, 2]]) {
      for (const [height, width, channels] of [[1, 1, 8], [5, 2, 20], [4, 3, 7], [7, 7, 16], [6, 13, 40]]) {
        for (const activation of ['none', 'silu']) {
          const memory = openMemory(variant);
          const plan = new Plan(memory);
          const pad = (side - 1) / 2;
          const border = {top: pad, left: pad, bottom: pad, right: pad};
          const input = plan.tensor({height, width, channels}, {border});
          plan.clearBorder('border', input);
          const out = plan.tensor({height: Math.ceil(height / stride), width: Math.ceil(width / stride), channels});
          const [values, weights, biases] = [random(height * width * channels), random(side * side * channels), random(channels)];
          const sums = plan.convolveDepthwise('depthwise', input, plan.packDepthwise(weights, biases), out, {side, stride, activation});
          plan.finish([input, out, sums]);
          memory.floats(input.address, input.bytes / 4).fill(0); // what fills a pixel up is multiplied by zeros
          fill(memory, input, values);
          plan.run();
          const expected = depthwisePlainly({input, values, side, stride, weights, biases, activation, out});
          const actual = read(memory, out);
          expectClose(actual, expected.out, expected.sizes, `${side}x${side}s${stride} ${height}x${width}x${channels}`);
          const means = Float64Array.from({length: channels}, (_, c) => expected.out.reduce((sum, value, i) => sum + (i % channels === c ? value : 0), 0));
          expectClose(read(memory, {...sums, channels}), means, means.map(() => actual.length / channels * side * side), 'sums');
        }
      }
    }
  });

  test(`${variant}: SiLU and sigmoid`, () => {
    const memory = openMemory(variant);
    const inputs = Float32Array.from({length: 80_000}, (_, i) => (i - 40_000) / 2000); // -20..20
    const special = Float32Array.of(-1e30, -100, -88, -87, 0, 87, 88, 100, 1e30, NaN, Infinity);
    for (const [activation, exact] of [['silu', ACTIVATIONS.silu], ['sigmoid', ACTIVATIONS.sigmoid]]) {
      let worst = 0;
      const actual = apply(memory, activation, inputs);
      for (let i = 0; i < inputs.length; i += 1) {
        if (inputs[i] !== 0) worst = Math.max(worst, Math.abs(actual[i] / exact(inputs[i]) - 1));
      }
      console.log(`${variant} ${activation}: relative error ${worst.toExponential(1)}`);
      assert.ok(worst <= EXPONENTIAL[variant], `${activation} is off by ${worst}`);
      assert.ok(worst > 1e-9, 'it was not measured');
      apply(memory, activation, special).forEach((value, i) => {
        const expected = exact(special[i]);
        if (Number.isNaN(expected)) assert.ok(Number.isNaN(value), `${activation}(${special[i]})`);
        else assert.ok(value === expected || Math.abs(value - expected) < 1e-7 * Math.max(1, Math.abs(expected)) || special[i] < -87, `${activation}(${special[i]}) = ${value}`);
      });
    }
  });

  test(`${variant}: pools, sums and bytes`, () => {
    const random = makeRandom(3);
    for (const [height, width, channels, stride] of [[6, 6, 8, 2], [7, 5, 13, 2], [7, 5, 13, 1], [1, 1, 4, 1], [1, 3, 9, 2]]) {
      const memory = openMemory(variant);
      const plan = new Plan(memory);
      const input = plan.tensor({height, width, channels});
      const border = {top: 1, left: 1, bottom: 1, right: 1};
      const out = plan.tensor({height: Math.ceil(height / stride), width: Math.ceil(width / stride), channels}, {border});
      plan.clearBorder('border', out);
      plan.maxPool('pool', input, out, stride);
      const sums = plan.sum('sum', input);
      plan.multiply('share', sums, 0.25);
      plan.finish([input, out, sums]);
      const values = random(height * width * channels);
      poison(memory, out);
      fill(memory, input, values);
      plan.run();
      const at = (y, x, c) => (y < height && x < width ? values[(y * width + x) * channels + c] : -Infinity);
      const expected = Float32Array.from({length: out.height * out.width * channels}, (_, i) => {
        const [c, x, y] = [i % channels, Math.floor(i / channels) % out.width * stride, Math.floor(i / channels / out.width) * stride];
        return Math.max(at(y, x, c), at(y, x + 1, c), at(y + 1, x, c), at(y + 1, x + 1, c));
      });
      assert.deepEqual(read(memory, out), expected);
      expectZerosAround(memory, out);
      const means = Float64Array.from({length: channels}, (_, c) => values.reduce((sum, value, i) => sum + (i % channels === c ? value / 4 : 0), 0));
      expectClose(read(memory, {...sums, channels}), means, means.map(() => height * width), 'sums');
    }
    for (const count of [3, 12, 15, 16, 18, 336]) {
      const memory = openMemory(variant);
      const [bytes, out] = [memory.reserve(count + 16), memory.reserve(count * 4)];
      const means = memory.store(Float32Array.from({length: 12}, (_, i) => [123.5, 116.25, 103.75][i % 3]));
      const view = new Uint8Array(memory.kernels.memory.buffer, bytes, count);
      view.forEach((_, i) => { view[i] = (i * 37 + 250) % 256; });
      memory.kernels.centreBytes(bytes, count, means, out);
      assert.deepEqual(memory.floats(out, count), Float32Array.from(view, (byte, i) => byte - [123.5, 116.25, 103.75][i % 3]));
    }
  });
}

test('a wrong result would be noticed', () => {
  const memory = openMemory('simd');
  const plan = new Plan(memory);
  const input = plan.tensor({height: 3, width: 3, channels: 8});
  const out = plan.tensor({height: 3, width: 3, channels: 8});
  const random = makeRandom(4);
  const [values, weights, biases] = [random(72), random(64), random(8)];
  const packed = plan.pack(weights, biases);
  plan.convolve('convolution', input, packed, out);
  plan.finish([input, out]);
  fill(memory, input, values);
  memory.floats(packed.weights, 64)[9] += 1e-4;
  plan.run();
  const {out: expected, sizes} = convolvePlainly({input, values, side: 1, stride: 1, channels: 8, weights, biases, activation: 'none'});
  assert.throws(() => expectClose(read(memory, out), expected, sizes, 'changed'), /expected/);
});

function apply(memory, activation, inputs) {
  const plan = new Plan(memory);
  const input = plan.tensor({height: 1, width: inputs.length, channels: 1});
  const out = plan.tensor({height: 1, width: inputs.length, channels: 1});
  plan.convolve(activation, input, plan.pack([1], [0]), out, {activation});
  plan.finish([input, out]);
  fill(memory, input, inputs);
  plan.run();
  return read(memory, out);
}

function expectZerosAround(memory, tensor) {
  const inside = new Set();
  eachPixel(memory, tensor, (pixel) => inside.add(pixel.byteOffset));
  const all = memory.floats(tensor.address, tensor.bytes / 4);
  for (let i = 0; i < all.length; i += tensor.pitch) {
    const pixel = all.subarray(i, i + tensor.pitch);
    if (!inside.has(pixel.byteOffset)) assert.deepEqual([...pixel], Array(tensor.pitch).fill(0));
  }
}

function depthwisePlainly({input: {height, width, channels}, values, side, stride, weights, biases, activation, out}) {
  const results = new Float64Array(out.height * out.width * channels);
  const sizes = new Float64Array(results.length);
  const pad = (side - 1) / 2;
  for (let i = 0; i < results.length; i += 1) {
    const [c, x, y] = [i % channels, Math.floor(i / channels) % out.width, Math.floor(i / channels / out.width)];
    let [sum, size] = [biases[c], Math.abs(biases[c])];
    for (let j = 0; j < side * side; j += 1) {
      const [row, column] = [y * stride + Math.floor(j / side) - pad, x * stride + j % side - pad];
      if (row < 0 || column < 0 || row >= height || column >= width) continue;
      const product = values[(row * width + column) * channels + c] * weights[j * channels + c];
      sum += product;
      size += Math.abs(product);
    }
    results[i] = ACTIVATIONS[activation](sum);
    sizes[i] = size;
  }
  return {out: results, sizes};
}
