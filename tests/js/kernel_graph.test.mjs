/** What graph models the kernels take, and how they refuse the others; and how weights are read. */
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import path from 'node:path';
import {test} from 'node:test';
import {fileURLToPath} from 'node:url';

import {planGraph} from '../../web_demo/js/inference/runtimes/kernels/graph.js';
import {canRun, KernelMemory} from '../../web_demo/js/inference/runtimes/kernels/module.js';
import {readWeights} from '../../web_demo/js/inference/weights.js';

const VENDOR = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../web_demo/vendor');
const NAMES = {input: 'input:0', logits: 'logits:0', probabilities: 'probabilities:0'};
const list = (...i) => ({list: {i: i.map(String)}});
const text = (value) => ({s: btoa(value)});
const ops = (...names) => ({list: {s: names.map(btoa)}});
const convolution = (name, input, changes = {}) => ({
  name, op: '_FusedConv2D', input: [input, `${name}/weights`, `${name}/bias`],
  attr: {strides: list(1, 1, 1, 1), dilations: list(1, 1, 1, 1), padding: text('VALID'), explicit_paddings: list(), fused_ops: ops('BiasAdd'), ...changes},
});

/** input 4x4 -> stem (3x3, stride 2, padded) -> SiLU -> depthwise -> mean -> gate -> project -> mean -> logits -> softmax */
function makeNodes() {
  const padded = {padding: text('EXPLICIT'), explicit_paddings: list(0, 0, 1, 1, 1, 1, 0, 0)};
  return [
    {name: 'input', op: 'Placeholder', attr: {shape: {shape: {dim: [1, 4, 4, 3].map((size) => ({size: String(size)}))}}}},
    {name: 'centred', op: 'Sub', input: ['input', 'mean']},
    convolution('stem', 'centred', {...padded, strides: list(1, 2, 2, 1)}),
    {name: 'stem/sigmoid', op: 'Sigmoid', input: ['stem']},
    {name: 'stem/silu', op: 'Mul', input: ['stem', 'stem/sigmoid']},
    {...convolution('depthwise', 'stem/silu', padded), op: 'FusedDepthwiseConv2dNative'},
    {name: 'squeeze', op: 'AvgPool', input: ['depthwise'], attr: {ksize: list(1, 2, 2, 1)}},
    convolution('gate', 'squeeze', {fused_ops: ops('BiasAdd', 'Sigmoid')}),
    {name: 'gated', op: 'Mul', input: ['depthwise', 'gate']},
    convolution('project', 'gated'),
    convolution('more', 'project'),
    {name: 'sum', op: 'AddV2', input: ['more', 'project']},
    {name: 'pool', op: 'AvgPool', input: ['sum'], attr: {ksize: list(1, 2, 2, 1)}},
    {name: 'flat', op: 'Reshape', input: ['pool', 'flat/shape']},
    {name: 'logits', op: '_FusedMatMul', input: ['flat', 'logits/weights', 'logits/bias'], attr: {fused_ops: ops('BiasAdd')}},
    {name: 'probabilities', op: 'Softmax', input: ['logits']},
  ];
}

function makeWeights() {
  const ramp = (...shape) => ({shape, values: Float32Array.from({length: shape.reduce((a, b) => a * b)}, (_, i) => (i % 7 - 3) / 8)});
  return new Map(Object.entries({
    mean: {shape: [3], values: Float32Array.of(1, 2, 3)},
    'stem/weights': ramp(3, 3, 3, 8), 'stem/bias': ramp(8), 'depthwise/weights': ramp(3, 3, 8, 1), 'depthwise/bias': ramp(8),
    'gate/weights': ramp(1, 1, 8, 8), 'gate/bias': ramp(8), 'project/weights': ramp(1, 1, 8, 8), 'project/bias': ramp(8),
    'more/weights': ramp(1, 1, 8, 8), 'more/bias': ramp(8), 'logits/weights': ramp(8, 7), 'logits/bias': ramp(7),
  }));
}

function plan(nodes, weights = makeWeights(), names = NAMES) {
  const memory = new KernelMemory(new WebAssembly.Module(readFileSync(path.join(VENDOR, 'kernels-simd.wasm'))));
  return planGraph(memory, nodes, weights, names);
}

test('a graph of every kind of node is planned, and its steps are fused', () => {
  const {plan: made, mean, input, logits} = plan(makeNodes());
  assert.deepEqual(mean, [1, 2, 3]);
  assert.deepEqual([input.height, input.border.top, logits.channels], [4, 1, 7]);
  assert.deepEqual(made.steps.map(({name}) => name).filter((name) => !name.includes('/')),
    ['stem', 'depthwise', 'gate', 'project', 'more', 'pool', 'logits']);
  made.run();
});

const change = (name, changes) => (nodes) => nodes.map((node) => (node.name === name ? {...node, ...changes(node)} : node));
const attr = (key, value) => (node) => ({attr: {...node.attr, [key]: value}});
const REFUSED = [
  ['another kind of node', change('sum', () => ({op: 'Sub'})), /know the node sum, a Sub/],
  ['a sigmoid that makes no SiLU', change('stem/silu', () => ({op: 'AddV2'})), /stem\/sigmoid, a Sigmoid that makes no SiLU/],
  ['another padding', change('stem', attr('padding', text('SAME'))), /stem is padded by SAME/],
  ['a dilation', change('project', attr('dilations', list(1, 2, 2, 1))), /project has strides 1, 1 and dilations 1,2,2,1/],
  ['uneven strides', change('stem', attr('strides', list(1, 2, 1, 1))), /stem has strides 2, 1/],
  ['another activation', change('project', attr('fused_ops', ops('BiasAdd', 'Relu6'))), /project ends in BiasAdd,Relu6/],
  ['a mean of a part', change('pool', attr('ksize', list(1, 1, 2, 1))), /mean pool is of 1 x 2 pixels/],
  ['a product with a map', change('gated', () => ({input: ['depthwise', 'depthwise']})), /gated, a Mul that is no gate/],
  ['a reshape of a map', change('flat', () => ({input: ['sum', 'flat/shape']})), /Reshape of 2 x 2 pixels/],
  ['a weight that is not there', change('project', () => ({input: ['gated', 'nothing', 'project/bias']})), /project reads nothing, which is no weight/],
  ['a 3x3 convolution of a map', change('project', () => ({input: ['gated', 'stem/weights', 'stem/bias']})), /project is 3 x 3 of 3 channels; its input has 8/],
  ['a transposed product', change('logits', attr('transpose_b', {b: true})), /logits, a product/],
  ['no softmax', change('probabilities', () => ({op: 'Sigmoid'})), /logits|probabilities/],
  ['a node out of nowhere', change('pool', () => ({input: ['nothing']})), /pool reads nothing, which the kernels do not know/],
];

for (const [name, edit, reason] of REFUSED) {
  test(`refused: ${name}`, () => assert.throws(() => plan(edit(makeNodes())), reason));
}

test('weights: every way of storing them', () => {
  const halves = Uint16Array.of(0x3c00, 0xc100, 0x0001, 0x7bff, 0x8000, 0x7c00, 0x0400);
  const specs = [
    {name: 'a', shape: [2], dtype: 'float32'},
    {name: 'b', shape: [7], dtype: 'float32', quantization: {dtype: 'float16'}},
    {name: 'c', shape: [1, 2], dtype: 'float32', quantization: {dtype: 'uint8', scale: 0.5, min: -3}},
    {name: 'd', shape: [], dtype: 'int32'},
  ];
  const bytes = new Uint8Array(8 + 14 + 2 + 4);
  bytes.set(new Uint8Array(Float32Array.of(1.5, -2).buffer));
  bytes.set(new Uint8Array(halves.buffer), 8);
  bytes.set([4, 255], 22);
  bytes.set(new Uint8Array(Int32Array.of(-7).buffer), 24);
  const shards = [bytes.slice(0, 5).buffer, bytes.slice(5).buffer]; // a weight may lie across two files
  const weights = readWeights(specs, shards);
  assert.deepEqual([...weights.get('a').values], [1.5, -2]);
  assert.deepEqual([...weights.get('b').values], [1, -2.5, 2 ** -24, 65504, -0, Infinity, 2 ** -14]);
  assert.deepEqual([...weights.get('c').values], [-1, 124.5]);
  assert.deepEqual([...weights.get('d').values], [-7]);
  assert.throws(() => readWeights(specs, [bytes.slice(0, 20).buffer]), /the weight b ends at byte 22 of 20/);
  assert.throws(() => readWeights(specs.slice(0, 1), shards), /are 28 bytes, expected 8/);
  assert.throws(() => readWeights([{name: 'e', shape: [1], dtype: 'bool'}], shards), /e is stored as bool/);
});

test('the probes are modules, and tell what can run', () => {
  assert.equal(canRun('simd'), true); // every Node that this project takes has it
  assert.equal(canRun('relaxed'), WebAssembly.validate(readFileSync(path.join(VENDOR, 'kernels-relaxed.wasm'))));
});
