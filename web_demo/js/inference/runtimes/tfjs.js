/**
 * The networks on TF.js.
 *
 * TF.js is one instance for the whole page and cannot take a backend back once it is removed, so a runtime has no destroy().
 */
import {createCanvas} from '../../pixels/canvas.js';
import {describeReason, PageError} from '../../errors.js';
import {createTfjsTinyFace} from './tfjs_tiny_face.js';
import {importTfjs, placeWasm} from '../../vendor.js';

/** @typedef {import('../../vendor.js').Tfjs} Vendor */
/** @typedef {Exclude<import('./runtime.js').BackendName, 'kernels'>} BackendName */

const CHECK_TOLERANCE = 1e-2; // wide enough for half-precision textures; a broken backend is off by whole numbers

/**
 * @param {BackendName} backend
 * @returns {Promise<import('./runtime.js').RuntimeCore | string>} the runtime, or why it does not run
 * @throws {PageError} if vendor/ is missing
 */
export async function startTfjs(backend) {
  const tf = await importTfjs();
  const reason = await tryBackend(tf, backend);
  if (reason !== null) return reason;
  return {
    version: tf.tfjsVersion,
    threads: countThreads(tf, backend),
    isHalfFloat: backend === 'webgl' && !tf.env().getBool('WEBGL_RENDER_FLOAT32_ENABLED'),
    variant: null,
    compilesLate: backend === 'webgl' || backend === 'webgpu',
    lost: watchForLoss(tf, backend),
    loadGraph: (artifacts, names, spec) => loadGraph(tf, backend, artifacts, names, spec),
    loadTinyFace: async (weights) => createTfjsTinyFace(tf, weights),
    memory() {
      const {numTensors, numBytes} = tf.memory();
      return {tensors: numTensors, bytes: numBytes};
    },
  };
}

/**
 * @param {Vendor} tf
 * @param {BackendName} backend
 * @param {import('../classifier.js').ModelArtifacts} artifacts
 * @param {import('../classifier.js').TensorNames} names
 * @param {import('../manifest.js').ModelSpec} spec
 * @returns {Promise<import('./runtime.js').GraphNetwork>}
 */
async function loadGraph(tf, backend, artifacts, names, spec) {
  const model = await tf.loadGraphModel(tf.io.fromMemory(artifacts));
  const {height, width} = spec.input;

  /**
   * @param {Uint8Array | Uint8ClampedArray} rgb
   * @param {string[]} outputs
   */
  function compute(rgb, outputs) {
    const made = tf.tidy(() => model.execute({[names.input]: tf.tensor4d(Float32Array.from(rgb), [1, height, width, 3])}, outputs));
    return Array.isArray(made) ? made : [made];
  }

  return {
    async run(rgb) {
      const tensors = compute(rgb, [names.logits, names.probabilities]);
      try {
        for (const {shape} of tensors) {
          if (shape.length !== 2 || shape[0] !== 1 || shape[1] !== spec.labels.length) {
            throw new PageError('error_output_invalid', {backend, reason: `shape [${shape}], expected [1,${spec.labels.length}]`});
          }
        }
        const [logits, probabilities] = await Promise.all(tensors.map((tensor) => tensor.data()));
        return {logits: /** @type {Float32Array} */ (logits), probabilities: /** @type {Float32Array} */ (probabilities)};
      } finally {
        tensors.forEach((tensor) => tensor.dispose());
      }
    },
    async execute(rgb, nodeNames) {
      const tensors = compute(rgb, nodeNames);
      try {
        return await Promise.all(tensors.map(async (tensor) => ({shape: tensor.shape, values: Float32Array.from(await tensor.data())})));
      } finally {
        tensors.forEach((tensor) => tensor.dispose());
      }
    },
    destroy: () => model.dispose(),
  };
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
