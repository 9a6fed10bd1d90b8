/**
 * Starts TF.js. It picks the backend, proves that it runs, and says which and why.
 *
 * TF.js is one instance for the whole page and cannot take a backend back once it is removed, so a runtime has no destroy().
 */
import {createCanvas} from '../../pixels/canvas.js';
import {describeReason, PageError} from '../../errors.js';
import {importTfjs, placeWasm} from '../../vendor.js';

/** @typedef {import('../../vendor.js').Tfjs} Vendor */
/** @typedef {'wasm' | 'webgpu' | 'webgl' | 'cpu'} BackendName */
/** @typedef {{backend: BackendName, reason: string}} Rejection */
/**
 * @typedef {object} RuntimeFacts
 * @property {BackendName} backend the one that runs
 * @property {boolean} asked whether it was asked for, rather than chosen
 * @property {Rejection[]} rejected the backends that were tried before it, and why each was not taken
 * @property {number | null} threads of the wasm backend; 1 for cpu; null for a graphics processor
 * @property {boolean} isHalfFloat whether the graphics processor rounds every intermediate result to 16 bits
 */
/**
 * @typedef {RuntimeFacts & {tf: Vendor, lost: Promise<string>}} Runtime with TF.js; `lost` resolves, to
 *   the reason, if the graphics processor takes its context away: what is under way then never ends
 */

/**
 * The order in which backends are tried. wasm is first: it is what the exported model is compared with PyTorch on, it
 * answers within 100 ms on a laptop, and it starts at once, where webgl and webgpu compile shaders for seconds.
 * @type {readonly BackendName[]}
 */
export const BACKENDS = ['wasm', 'webgpu', 'webgl', 'cpu'];

const CHECK_TOLERANCE = 1e-2; // wide enough for half-precision textures; a broken backend is off by whole numbers

/**
 * Start TF.js on `asked`, or on the first backend that works.
 * @param {string | null} asked
 * @param {readonly Rejection[]} [before] backends that were given up already, with the reasons
 * @returns {Promise<Runtime>}
 * @throws {PageError} if vendor/ is missing, the asked backend is unknown or does not run, or none runs
 */
export async function startRuntime(asked, before = []) {
  if (asked !== null && !isBackendName(asked)) {
    throw new PageError('error_backend_unknown', {asked, available: BACKENDS.join(', ')});
  }
  const tf = await importTfjs();
  /** @type {Rejection[]} */
  const rejected = [...before];
  for (const backend of asked === null ? BACKENDS : [asked]) {
    if (before.some((item) => item.backend === backend)) continue;
    const reason = await tryBackend(tf, backend);
    if (reason === null) {
      const isHalfFloat = backend === 'webgl' && !tf.env().getBool('WEBGL_RENDER_FLOAT32_ENABLED');
      const facts = {backend, asked: asked !== null, rejected, threads: countThreads(tf, backend), isHalfFloat};
      return {...facts, tf, lost: watchForLoss(tf, backend)};
    }
    rejected.push({backend, reason});
  }
  if (asked !== null) throw new PageError('error_backend_failed', {backend: asked, reason: rejected[0].reason});
  throw new PageError('error_no_backend', {reason: rejected.map((item) => `${item.backend}: ${item.reason}`).join('; ')});
}

/**
 * @param {Vendor} tf
 * @param {BackendName} backend
 * @returns {Promise<string | null>} null if the backend runs, else why it does not
 */
async function tryBackend(tf, backend) {
  if (backend === 'webgpu' && !('gpu' in navigator)) return 'this browser has no WebGPU';
  if (backend === 'webgl' && !hasWebgl2()) return 'this browser has no WebGL 2';
  try {
    if (backend === 'wasm') placeWasm(tf);
    else await tf.backendLoaders[backend]();
    // setBackend fails quietly: it may resolve to false while getBackend() still names the wanted backend.
    if (!(await tf.setBackend(backend))) return 'TF.js could not start it';
    await tf.ready();
    if (tf.getBackend() !== backend) return `TF.js runs on ${tf.getBackend()} instead`;
    return await checkArithmetic(tf);
  } catch (error) {
    return describeReason(error);
  }
}

/**
 * @param {Vendor} tf
 * @param {BackendName} backend
 * @returns {Promise<string>}
 */
function watchForLoss(tf, backend) {
  const own = /** @type {any} */ (tf.backend());
  return new Promise((resolve) => {
    if (backend === 'webgl') own.gpgpu.gl.canvas.addEventListener('webglcontextlost', () => resolve('its graphics context was lost'));
    if (backend === 'webgpu') void own.device.lost.then((/** @type {{message: string}} */ info) => resolve(`its device was lost (${info.message || 'no reason given'})`));
  });
}

/** @returns {boolean} */
function hasWebgl2() {
  return createCanvas().getContext('webgl2') !== null;
}

/**
 * Compute sigmoid(A B) on the backend and by hand: a backend that starts may still compute wrongly.
 * @param {Vendor} tf
 * @returns {Promise<string | null>}
 */
async function checkArithmetic(tf) {
  const size = 8;
  const first = Float32Array.from({length: size * size}, (_, i) => ((i * 7) % 11) / 11 - 0.5);
  const second = Float32Array.from({length: size * size}, (_, i) => ((i * 5) % 13) / 13 - 0.5);
  const result = tf.tidy(() => tf.sigmoid(tf.matMul(tf.tensor2d(first, [size, size]), tf.tensor2d(second, [size, size]))));
  const actual = await result.data();
  result.dispose();
  for (let i = 0; i < size * size; i += 1) {
    let sum = 0;
    for (let k = 0; k < size; k += 1) sum += first[Math.floor(i / size) * size + k] * second[k * size + (i % size)];
    const expected = 1 / (1 + Math.exp(-sum));
    if (!(Math.abs(actual[i] - expected) <= CHECK_TOLERANCE)) return `it computes ${actual[i]} where ${expected} is right`;
  }
  return null;
}

/**
 * @param {Vendor} tf
 * @param {BackendName} backend
 * @returns {number | null}
 */
function countThreads(tf, backend) {
  if (backend === 'wasm') return tf.env().getBool('WASM_HAS_MULTITHREAD_SUPPORT') ? tf.getThreadsCount() : 1;
  return backend === 'cpu' ? 1 : null;
}

/**
 * @param {string} name
 * @returns {name is BackendName}
 */
function isBackendName(name) {
  return BACKENDS.some((backend) => backend === name);
}
