/**
 * window.reonBench: one runtime a page, which `python -m reon_export bench` asks in turn with those of other pages. What it compares
 * with lies under /peers/ while it runs, and is never shipped.
 */
import {createDetector} from './inference/detector.js';
import {loadClassifier, readModelArtifacts, resolveTensorNames} from './inference/classifier.js';
import {fetchArtefact, findArtefact, readManifest} from './inference/manifest.js';
import {fetchKernels} from './inference/runtimes/kernels/module.js';
import {createClassifierNetwork} from './inference/runtimes/kernels/networks.js';
import {startRuntime} from './inference/runtimes/runtime.js';
import {describeReason} from './errors.js';
import {openBitmap} from './pixels/frame.js';
import {createEmotionPipeline} from './pipeline.js';

/** @typedef {{logits: ArrayLike<number>, probabilities: ArrayLike<number>}} Answer */
/** @typedef {{size: number, classify: (rgb: Uint8Array) => Promise<Answer>, version: string}} Contender */
/** @typedef {'page' | 'onnxruntime-web' | 'litert'} Library */

const FRAME = {width: 640, height: 480};

/** @type {Contender | null} */
let contender = null;
/** @type {(() => Promise<unknown>) | null} what time() repeats */
let repeated = null;

/**
 * @param {object} request
 * @param {Library} request.library
 * @param {string} request.backend of the page, or an execution provider
 * @param {string} request.model the model's folder, or the one file that the library reads
 * @param {number} request.size of the square input
 * @returns {Promise<{version: string} | {unavailable: string}>}
 */
async function openClassifier({library, backend, model, size}) {
  try {
    contender = await OPEN[library](backend, model, size);
  } catch (error) {
    return {unavailable: describeReason(error)};
  }
  const {classify} = contender;
  const rgb = Uint8Array.from({length: size * size * 3}, (_, i) => (i * 7919 + (i >> 3) * 31) % 256);
  repeated = () => classify(rgb);
  return {version: contender.version};
}

/** @type {Record<Library, (backend: string, model: string, size: number) => Promise<Contender>>} */
const OPEN = {
  async page(backend, model, size) {
    const manifestUrl = new URL(`${model}/manifest.json`, document.baseURI).href;
    const manifest = await readManifest(manifestUrl);
    const artefact = findArtefact(manifest, 'float32');
    const runtime = await startRuntime(backend);
    const classifier = await loadClassifier({manifest, artefact, files: await fetchArtefact(artefact, manifestUrl, () => {}), runtime});
    return {size, classify: classifier.classify, version: runtime.version};
  },
  async 'onnxruntime-web'(backend, model, size) {
    const ort = await import(/** @type {string} */ ('/peers/onnxruntime-web/dist/ort.all.min.mjs'));
    ort.env.wasm.wasmPaths = '/peers/onnxruntime-web/dist/';
    ort.env.wasm.numThreads = 1;
    const session = await ort.InferenceSession.create(model, {executionProviders: [backend]});
    return {
      size,
      version: ort.env.versions.web,
      async classify(rgb) {
        const {logits, probabilities} = await session.run({input: new ort.Tensor('float32', Float32Array.from(rgb), [1, size, size, 3])});
        return {logits: logits.data, probabilities: probabilities.data};
      },
    };
  },
  async litert(backend, model, size) {
    const litert = await import(/** @type {string} */ ('/peers/litert.mjs'));
    await litert.loadLiteRt('/peers/@litertjs/core/wasm/');
    const network = await litert.loadAndCompile(model, {accelerator: backend});
    return {
      size,
      version: '@litertjs/core',
      async classify(rgb) {
        const input = new litert.Tensor(Float32Array.from(rgb), [1, size, size, 3]);
        const outputs = await network.run([input]);
        const values = await Promise.all(outputs.map((/** @type {any} */ output) => output.data()));
        for (const tensor of [input, ...outputs]) tensor.delete();
        // The file's outputs are in no particular order: the probabilities are those that add up to 1.
        const isDistribution = (/** @type {Float32Array} */ list) => list.every((value) => value >= 0) && Math.abs(list.reduce((sum, value) => sum + value, 0) - 1) < 1e-3;
        const probabilities = values.find(isDistribution);
        return {logits: values.find((list) => list !== probabilities), probabilities};
      },
    };
  },
};

/**
 * @param {string} cropsBase64 of uint8 NHWC RGB
 * @param {number} count
 * @returns {Promise<{logits: number[][], probabilities: number[][]}>}
 */
async function classify(cropsBase64, count) {
  const {size, classify: ask} = /** @type {Contender} */ (contender);
  const crops = Uint8Array.from(atob(cropsBase64), (character) => character.charCodeAt(0));
  const answers = {logits: /** @type {number[][]} */ ([]), probabilities: /** @type {number[][]} */ ([])};
  for (let i = 0; i < count; i += 1) {
    const {logits, probabilities} = await ask(crops.subarray(i * size * size * 3, (i + 1) * size * size * 3));
    answers.logits.push(Array.from(logits));
    answers.probabilities.push(Array.from(probabilities));
  }
  return answers;
}

/**
 * The detector's first look at a frame of a camera's size, drawing it included.
 * @param {string} backend
 * @param {string} photo address
 */
async function openDetector(backend, photo) {
  const runtime = await startRuntime(backend);
  const detector = await createDetector({runtime});
  const frame = openBitmap(await readFrame(photo));
  const {faces} = await detector.detect(frame);
  if (faces.length === 0) throw new Error('the detector finds no face in the frame');
  frame.readRgba({left: 0, top: 0, ...FRAME}); // is read once, for detector and crop alike
  repeated = () => detector.detect(frame);
  return {version: runtime.version};
}

/**
 * All that happens to a camera's frame: read, detect, crop, classify.
 * @param {string} backend
 * @param {string} photo address
 * @param {string} model the model's folder
 */
async function openFrame(backend, photo, model) {
  const made = await createEmotionPipeline({manifestUrl: `${model}/manifest.json`, backend, worker: 'never'});
  const picture = await readFrame(photo);
  repeated = async () => {
    const {box} = await made.analyze(await createImageBitmap(picture));
    if (box === null) throw new Error('the pipeline finds no face in the frame');
  };
  await repeated();
  return {version: made.facts.runtime.variant ?? made.facts.runtime.backend};
}

/** @param {string} photo */
async function readFrame(photo) {
  const whole = await createImageBitmap(await (await fetch(photo)).blob());
  const height = whole.width * FRAME.height / FRAME.width;
  return createImageBitmap(whole, 0, 0, whole.width, height, {resizeWidth: FRAME.width, resizeHeight: FRAME.height});
}

/**
 * @param {number} runs one after the other
 * @returns {Promise<number>} milliseconds each
 */
async function time(runs) {
  const run = /** @type {() => Promise<unknown>} */ (repeated);
  const started = performance.now();
  for (let i = 0; i < runs; i += 1) await run();
  return (performance.now() - started) / runs;
}

/**
 * The steps of the classifier on the kernels, one by one.
 * @param {import('./inference/runtimes/kernels/module.js').Variant} variant
 * @param {string} model the model's folder
 * @param {number} runs
 * @returns {Promise<{name: string, kernel: string, operations: number, ms: number}[]>} ms: the mean of a run
 */
async function profile(variant, model, runs) {
  const manifestUrl = new URL(`${model}/manifest.json`, document.baseURI).href;
  const manifest = await readManifest(manifestUrl);
  const artefact = findArtefact(manifest, 'float32');
  const artifacts = readModelArtifacts(artefact, await fetchArtefact(artefact, manifestUrl, () => {}));
  const {steps} = createClassifierNetwork(await fetchKernels(variant), artifacts, resolveTensorNames(artifacts, manifest.spec), manifest.spec);
  const times = new Float64Array(steps.length);
  for (let run = -1; run < runs; run += 1) { // the first one warms the caches and does not count
    if (run === 0) times.fill(0);
    steps.forEach((step, i) => {
      const started = performance.now();
      step.run();
      times[i] += performance.now() - started;
    });
  }
  return steps.map(({name, kernel, operations}, i) => ({name, kernel, operations, ms: times[i] / runs}));
}

/** @returns {Promise<{bytes: number | null}>} of this page, WebAssembly's memory among them, after a collection; null where unknown */
async function memory() {
  const measure = /** @type {{measureUserAgentSpecificMemory?: () => Promise<{bytes: number}>}} */ (performance).measureUserAgentSpecificMemory;
  return {bytes: measure === undefined ? null : (await measure.call(performance)).bytes};
}

Object.assign(window, {reonBench: {openClassifier, openDetector, openFrame, classify, time, profile, memory}, reonParityReady: true});
