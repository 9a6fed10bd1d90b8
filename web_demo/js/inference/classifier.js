/** The exported network: loads verified bytes, checks what comes out, classifies one crop at a time. */
import {describeReason, PageError} from '../errors.js';

/** @typedef {import('./manifest.js').Artefact} Artefact */
/** @typedef {import('./manifest.js').Manifest} Manifest */
/** @typedef {import('./manifest.js').ModelSpec} ModelSpec */
/** @typedef {import('./runtimes/runtime.js').Runtime} Runtime */
/** @typedef {import('./runtimes/runtime.js').NodeOutput} NodeOutput */
/** @typedef {{logits: Float32Array, probabilities: Float32Array}} Classification one number a label each */
/**
 * @typedef {object} Classifier
 * @property {import('./manifest.js').Label[]} labels in the order of the outputs
 * @property {ModelSpec} spec
 * @property {import('./runtimes/runtime.js').BackendName} backend
 * @property {import('./manifest.js').Precision} precision
 * @property {(rgb: Uint8Array | Uint8ClampedArray) => Promise<Classification>} classify rgb is HWC, height * width * 3
 * @property {(rgb: Uint8Array, names: string[]) => Promise<NodeOutput[]>} execute what these nodes of the graph give, unchecked
 * @property {() => void} destroy
 */
/** @typedef {ReturnType<typeof readModelArtifacts>} ModelArtifacts */
/** @typedef {{name: string, tensorShape?: {dim?: {size: string}[]}}} TensorInfo */
/** @typedef {{inputs: Record<string, TensorInfo>, outputs: Record<string, TensorInfo>}} Signature */
/** @typedef {{input: string, logits: string, probabilities: string}} TensorNames */

const SUM_TOLERANCE = 1e-3; // of the probabilities, from 1: half-precision textures are off by 5e-4

/**
 * Load an artefact's verified bytes.
 * @param {object} options
 * @param {Manifest} options.manifest
 * @param {Artefact} options.artefact
 * @param {Map<string, ArrayBuffer>} options.files as fetchArtefact gives them
 * @param {Runtime} options.runtime
 * @param {boolean} [options.isProven] true runs it once, where no self-test does
 * @returns {Promise<Classifier>}
 * @throws {PageError} if the model does not do what the manifest lists; error_backend_failed if another backend may
 */
export async function loadClassifier({manifest, artefact, files, runtime, isProven = true}) {
  const {backend} = runtime;
  const {spec} = manifest;
  const artifacts = readModelArtifacts(artefact, files);
  checkFits(artifacts, spec);
  const network = await runtime.loadGraph(artifacts, resolveTensorNames(artifacts, spec), spec).catch((error) => {
    throw error instanceof PageError ? error : new PageError('error_model_invalid', {reason: describeReason(error)});
  });
  let destroyed = false;

  /** @type {Classifier['classify']} */
  async function classify(rgb) {
    expectCrop(rgb);
    return checkOutputs(await network.run(rgb), backend);
  }

  /** @type {Classifier['execute']} */
  async function execute(rgb, nodeNames) {
    expectCrop(rgb);
    return network.execute(rgb, nodeNames);
  }

  /** @param {Uint8Array | Uint8ClampedArray} rgb */
  function expectCrop(rgb) {
    if (destroyed) throw new PageError('error_unexpected', {reason: 'the classifier was destroyed'});
    const {height, width} = spec.input;
    const wanted = height * width * 3;
    if (rgb.length !== wanted) {
      throw new PageError('error_unexpected', {reason: `a crop of ${rgb.length} bytes, expected ${wanted} (${height} x ${width} x 3)`});
    }
  }

  function destroy() {
    if (destroyed) return;
    destroyed = true;
    network.destroy();
  }

  try {
    if (isProven) await classify(new Uint8Array(spec.input.height * spec.input.width * 3).fill(127));
  } catch (error) {
    destroy();
    throw error instanceof PageError ? error : new PageError('error_model_invalid', {reason: describeReason(error)});
  }
  return {labels: spec.labels, spec, backend, precision: artefact.precision, classify, execute, destroy};
}

/**
 * What TF.js loads, made of the verified bytes and of nothing else.
 * @param {Artefact} artefact
 * @param {Map<string, ArrayBuffer>} files
 */
export function readModelArtifacts(artefact, files) {
  const [modelFile] = artefact.files;
  const folder = modelFile.path.slice(0, modelFile.path.lastIndexOf('/') + 1);
  try {
    const json = JSON.parse(new TextDecoder('utf-8', {fatal: true}).decode(files.get(modelFile.path)));
    /** @type {{paths: string[], weights: import('@tensorflow/tfjs-core').io.WeightsManifestEntry[]}[]} */
    const groups = json.weightsManifest;
    const weightData = groups.flatMap((group) => group.paths).map((path) => {
      const bytes = files.get(folder + path);
      if (bytes === undefined) throw new Error(`model.json names ${path}, which the manifest does not list`);
      return bytes;
    });
    return {
      modelTopology: json.modelTopology,
      weightSpecs: groups.flatMap((group) => group.weights),
      weightData,
      signature: /** @type {Signature | undefined} */ (json.signature),
      userDefinedMetadata: json.userDefinedMetadata,
    };
  } catch (error) {
    throw new PageError('error_model_invalid', {reason: describeReason(error)});
  }
}

/**
 * A manifest with other labels than the model's, or in another order, would give wrong answers with a straight face; one
 * with another input size would blame the browser.
 * @param {ModelArtifacts} artifacts
 * @param {ModelSpec} spec
 */
function checkFits(artifacts, spec) {
  const own = (artifacts.userDefinedMetadata?.labels ?? []).join(', ');
  const given = spec.labels.map((label) => label.key).join(', ');
  if (own !== given) throw new PageError('error_model_invalid', {reason: `its labels are ${own || 'missing'}, the manifest lists ${given}`});
  const {inputs = {}, outputs = {}} = artifacts.signature ?? {};
  const wanted = `${spec.input.height} x ${spec.input.width} x 3`;
  for (const size of Object.values(inputs).map((info) => readShape(info).join(' x '))) {
    if (size !== '' && size !== wanted) throw new PageError('error_model_invalid', {reason: `its input is ${size}, the manifest lists ${wanted}`});
  }
  for (const [name, [count = spec.labels.length]] of Object.entries(outputs).map(([key, info]) => /** @type {const} */ ([key, readShape(info)]))) {
    if (count !== spec.labels.length) throw new PageError('error_model_invalid', {reason: `its output ${name} has ${count} values, the manifest lists ${spec.labels.length} labels`});
  }
}

/**
 * @param {TensorInfo} info
 * @returns {number[]} its sizes but for the first, which is the batch's; empty if it has none
 */
function readShape({tensorShape}) {
  return (tensorShape?.dim ?? []).slice(1).map(({size}) => Number(size));
}

/**
 * The graph's tensor names. The order of outputs in a TF.js graph is not guaranteed, so they are taken by name.
 * @param {ModelArtifacts} artifacts
 * @param {ModelSpec} spec
 * @returns {TensorNames}
 */
export function resolveTensorNames(artifacts, spec) {
  /** @type {Signature | undefined} */
  const signature = artifacts.userDefinedMetadata?.signature ?? artifacts.signature;
  const inputs = Object.entries(signature?.inputs ?? {});
  if (inputs.length !== 1) {
    const got = inputs.map(([key]) => key).join(', ') || 'none';
    throw new PageError('error_model_invalid', {reason: `its signature has the inputs ${got}, expected exactly one`});
  }
  const [logits, probabilities] = [spec.output.logits, spec.output.probabilities].map((output) => {
    const found = signature?.outputs?.[output];
    if (found !== undefined) return found.name;
    const got = Object.keys(signature?.outputs ?? {}).join(', ') || 'none';
    throw new PageError('error_model_invalid', {reason: `its signature has no output "${output}", it has: ${got}`});
  });
  return {input: inputs[0][1].name, logits, probabilities};
}

/**
 * @param {Classification} answer
 * @param {string} backend
 * @returns {Classification}
 */
function checkOutputs({logits, probabilities}, backend) {
  if (![...logits, ...probabilities].every(Number.isFinite)) {
    throw new PageError('error_output_invalid', {backend, reason: 'it is not a finite number'});
  }
  const sum = probabilities.reduce((total, value) => total + value, 0);
  if (!(Math.abs(sum - 1) <= SUM_TOLERANCE)) {
    throw new PageError('error_output_invalid', {backend, reason: `the probabilities sum to ${sum}`});
  }
  return {logits, probabilities};
}
