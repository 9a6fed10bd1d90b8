/**
 * The reusable surface: a face in a picture, a video or a camera to probabilities.
 *
 *     const pipeline = await createEmotionPipeline({manifestUrl: 'model/manifest.json'});
 *     const {box, probabilities, label, timings} = await pipeline.analyze(video);
 *     pipeline.destroy();
 *
 * Everything that computes runs in a worker where the browser can, and otherwise on the page itself; the answers are the
 * same.
 */
import {PageError} from './errors.js';
import {connectWorker} from './inference/worker_client.js';
import {placeVendor} from './vendor.js';

/** @typedef {import('./inference/engine.js').Analysis} Analysis */
/** @typedef {import('./inference/engine.js').Facts & {offMainThread: boolean}} PipelineFacts */
/** @typedef {import('./inference/engine.js').Picture | HTMLVideoElement | HTMLImageElement | HTMLCanvasElement | OffscreenCanvas | ImageData} Source */
/**
 * @typedef {object} EmotionPipeline
 * @property {PipelineFacts} facts as they are now: where a graphics processor takes its context away, the next backend goes on
 * @property {(source: Source, options?: import('./inference/engine.js').AnalyzeOptions) => Promise<Analysis>} analyze calls are
 *   served one at a time, in order. An ImageBitmap or a VideoFrame is taken over: it is closed, or given back as `frame`.
 * @property {() => Promise<{tensors: number, bytes: number}>} memory what the runtime holds; for diagnostics
 * @property {() => void} destroy
 */
/**
 * @typedef {object} PipelineOptions
 * @property {string} manifestUrl may be relative to the page
 * @property {Readonly<Record<string, Blob>> | null} [files] those of the model folder, by their path beside manifestUrl, where they are
 *   at hand and not to be fetched: a folder that was dropped, for instance
 * @property {string | null} [backend] kernels, wasm, webgpu, webgl or cpu; the first that works and passes its self-test
 * @property {string | null} [precision] float32, float16 or uint8; the smallest that passed its comparison with PyTorch
 * @property {number | null} [detectorSize] 160, 224, 416 and the like; see js/inference/detector.js for what is done without it
 * @property {number | null} [maxPixels] of a picture's file, before it is refused; 67 million
 * @property {'auto' | 'never'} [worker] never: everything on the page's own thread
 * @property {string | URL | null} [vendorUrl] of the folder with the files of vendor/, on the page's own origin; may be relative to
 *   the page. The last pipeline's counts for js/clip.js, too
 * @property {string | URL | null} [workerUrl] of the worker's script, on the page's own origin; worker.js of vendor/
 * @property {import('./inference/engine.js').OnProgress} [onProgress]
 */

const CHOICE_KEY = 'reon-kernels';
const DETECTOR_SIZES = {least: 96, most: 608, step: 32};

/**
 * @param {PipelineOptions} options
 * @returns {Promise<EmotionPipeline>}
 * @throws {PageError} code and params name what is wrong; message says it in English
 */
export async function createEmotionPipeline({
  manifestUrl, files = null, backend = null, precision = null, detectorSize = null, maxPixels = null, worker = 'auto', vendorUrl = null,
  workerUrl = null, onProgress = () => {},
}) {
  if (detectorSize !== null) checkDetectorSize(detectorSize);
  const vendor = vendorUrl === null ? null : toFolder(findOwn('vendorUrl', vendorUrl));
  const script = workerUrl === null ? null : findOwn('workerUrl', workerUrl).href;
  placeVendor(vendor);
  const options = {manifestUrl: new URL(manifestUrl, document.baseURI).href, files, backend, precision, detectorSize, maxPixels, remembered: recallChoice()};
  const remote = worker === 'auto' ? await connectWorker(script) : null;
  if (remote === null) return startHere(options, onProgress);
  try {
    let {facts} = await remote.ask({call: 'start', vendorUrl: vendor, options}, [], onProgress);
    keepChoice(facts);
    return createPipeline({
      facts: () => ({...facts, offMainThread: true}),
      async look(picture, asked) {
        const answer = await remote.ask({call: 'analyze', picture, options: asked}, picture instanceof Blob ? [] : [picture]);
        ({facts} = answer);
        return /** @type {Analysis} */ (answer.value);
      },
      memory: async () => /** @type {{tensors: number, bytes: number}} */ ((await remote.ask({call: 'memory'}, [])).value),
      destroy: remote.destroy,
    });
  } catch (error) {
    remote.destroy();
    throw error;
  }
}

/**
 * @param {import('./inference/engine.js').EngineOptions} options
 * @param {import('./inference/engine.js').OnProgress} onProgress
 * @returns {Promise<EmotionPipeline>}
 */
async function startHere(options, onProgress) {
  const {startEngine} = await import('./inference/engine.js'); // half of the library, which otherwise the worker alone needs
  const engine = await startEngine(options, onProgress);
  keepChoice(engine.facts);
  return createPipeline({
    facts: () => ({...engine.facts, offMainThread: false}),
    look: engine.analyze,
    memory: async () => engine.memory(),
    destroy: engine.destroy,
  });
}

/**
 * @param {object} parts
 * @param {() => PipelineFacts} parts.facts
 * @param {(picture: import('./inference/engine.js').Picture, options: import('./inference/engine.js').AnalyzeOptions) => Promise<Analysis>} parts.look
 * @param {EmotionPipeline['memory']} parts.memory
 * @param {() => void} parts.destroy
 * @returns {EmotionPipeline}
 */
function createPipeline({facts, look, memory, destroy}) {
  let last = Promise.resolve();
  return {
    get facts() {
      return facts();
    },
    analyze(source, options = {}) {
      const result = last.then(async () => look(await capture(source), options));
      last = result.then(() => {}, () => {}); // whatever became of it, the next one has its turn
      return result;
    },
    memory,
    destroy,
  };
}

/**
 * What a worker can be given: a picture as it is at this moment, or a file.
 * @param {Source} source
 * @returns {Promise<import('./inference/engine.js').Picture>}
 */
async function capture(source) {
  const isPicture = source instanceof Blob || source instanceof ImageBitmap
    || (typeof VideoFrame !== 'undefined' && source instanceof VideoFrame);
  return isPicture ? /** @type {import('./inference/engine.js').Picture} */ (source) : createImageBitmap(source);
}

/**
 * Which kernels an earlier visit measured to be the faster: a worker has no storage that is read at once.
 * @returns {import('./inference/runtimes/runtime.js').Choice | null}
 */
function recallChoice() {
  try {
    return JSON.parse(localStorage.getItem(CHOICE_KEY) ?? 'null');
  } catch {
    return null; // storage is forbidden, or holds something else: it is measured again
  }
}

/** @param {import('./inference/engine.js').Facts} facts */
function keepChoice({runtime: {choice}}) {
  if (choice === null) return;
  try {
    localStorage.setItem(CHOICE_KEY, JSON.stringify(choice));
  } catch {
    // it is measured again
  }
}

/** @param {number} size */
function checkDetectorSize(size) {
  const {least, most, step} = DETECTOR_SIZES;
  if (Number.isInteger(size) && size >= least && size <= most && size % step === 0) return;
  throw new PageError('error_detector_size', {asked: String(size), least, most, step});
}

/**
 * Code comes from the page's own origin alone: browsers start no other worker, and nobody else's code may see a face.
 * @param {'vendorUrl' | 'workerUrl'} option
 * @param {string | URL} asked
 * @returns {URL}
 * @throws {PageError}
 */
function findOwn(option, asked) {
  try {
    const url = new URL(asked, document.baseURI);
    if (String(asked) !== '' && url.protocol === location.protocol && url.host === location.host) return url;
  } catch {
    // no address at all
  }
  throw new PageError('error_address', {option, asked: String(asked), origin: location.origin});
}

/**
 * @param {URL} url
 * @returns {string} with the final slash that a folder's address needs
 */
function toFolder({protocol, host, pathname}) {
  return `${protocol}//${host}${pathname.replace(/\/?$/, '/')}`;
}
