/** What every runtime of the networks does, and which are tried in which order. */
import {PageError} from '../../errors.js';
import {canRun, VARIANTS} from './kernels/module.js';

/** @typedef {'kernels' | 'wasm' | 'webgpu' | 'webgl' | 'cpu'} BackendName kernels: this project's own; the others are TF.js' */
/** @typedef {{backend: BackendName, reason: string}} Rejection */
/**
 * @typedef {object} RuntimeFacts
 * @property {BackendName} backend the one that runs
 * @property {import('./kernels/module.js').Variant | null} variant of the kernels
 * @property {boolean} asked whether it was asked for, rather than chosen
 * @property {Rejection[]} rejected the backends that were tried before it, and why each was not taken
 * @property {Choice | null} choice how the variant was chosen where this browser can run both; null if nothing was measured
 * @property {number | null} threads null for a graphics processor
 * @property {boolean} isHalfFloat whether the graphics processor rounds every intermediate result to 16 bits
 */
/** @typedef {{key: string, variant: import('./kernels/module.js').Variant, timesMs: Record<string, number>}} Choice key: for which model and browser; timesMs of one crop, by variant */
/** @typedef {{shape: number[], values: Float32Array}} NodeOutput */
/**
 * @typedef {object} GraphNetwork
 * @property {(rgb: Uint8Array | Uint8ClampedArray) => Promise<import('../classifier.js').Classification>} run HWC; unchecked
 * @property {(rgb: Uint8Array, names: string[]) => Promise<NodeOutput[]>} execute what these nodes of the graph give
 * @property {() => void} destroy
 */
/**
 * @typedef {object} RuntimeCore
 * @property {string} version of the library, or the variant of the kernels
 * @property {number | null} threads
 * @property {boolean} isHalfFloat
 * @property {import('./kernels/module.js').Variant | null} variant
 * @property {boolean} compilesLate whether a network's first run compiles shaders, so that a warm-up saves the visitor a wait
 * @property {Promise<string>} lost resolves, to the reason, if the graphics processor takes its context away: what is under way
 *   then never ends
 * @property {(artifacts: import('../classifier.js').ModelArtifacts, names: import('../classifier.js').TensorNames, spec: import('../manifest.js').ModelSpec) => Promise<GraphNetwork>} loadGraph
 * @property {(weights: Map<string, import('../detector_weights.js').Weight>, sizes: readonly number[]) => Promise<import('../tiny_face.js').TinyFaceNetwork>} loadTinyFace
 * @property {() => {tensors: number, bytes: number}} memory
 */
/** @typedef {Omit<RuntimeFacts, 'choice'> & RuntimeCore} Runtime */

/**
 * The order in which backends are tried. The kernels are first: they are the fastest on a processor and a hundredth of TF.js'
 * size. wasm is next: it starts at once, where webgl and webgpu compile shaders for seconds.
 * @type {readonly BackendName[]}
 */
export const BACKENDS = ['kernels', 'wasm', 'webgpu', 'webgl', 'cpu'];

/**
 * Start the runtime that is `asked`, or the first that works.
 * @param {string | null} asked a backend; of the kernels also one variant, as in kernels:simd
 * @param {readonly Rejection[]} [before] backends that were given up already, with the reasons
 * @param {import('./kernels/module.js').Variant} [first] of the kernels to try where none was asked for
 * @returns {Promise<Runtime>}
 * @throws {PageError} if the libraries are missing, the asked backend is unknown or does not run, or none runs
 */
export async function startRuntime(asked, before = [], first = VARIANTS[0]) {
  const {backends, variants} = parseAsked(asked, first);
  /** @type {Rejection[]} */
  const rejected = [...before];
  for (const backend of backends) {
    if (before.some((item) => item.backend === backend)) continue;
    const core = await start(backend, variants);
    if (typeof core !== 'string') return {...core, backend, asked: asked !== null, rejected};
    rejected.push({backend, reason: core});
  }
  if (asked !== null) throw new PageError('error_backend_failed', {backend: asked, reason: rejected[0].reason});
  throw new PageError('error_no_backend', {reason: rejected.map((item) => `${item.backend}: ${item.reason}`).join('; ')});
}

/**
 * Whether a backend refused to start or to take a network, which another backend may: anything else is an error of its own.
 * @param {unknown} error
 * @returns {error is PageError}
 */
export function isRefusal(error) {
  return error instanceof PageError && error.code === 'error_backend_failed';
}

/**
 * @param {string | null} asked
 * @param {import('./kernels/module.js').Variant} first
 * @returns {{backends: readonly BackendName[], variants: readonly import('./kernels/module.js').Variant[]}}
 */
function parseAsked(asked, first) {
  if (asked === null) return {backends: BACKENDS, variants: [first, ...VARIANTS.filter((variant) => variant !== first)]};
  for (const variant of VARIANTS) if (asked === `kernels:${variant}`) return {backends: ['kernels'], variants: [variant]};
  const backend = BACKENDS.find((name) => name === asked);
  if (backend === undefined) throw new PageError('error_backend_unknown', {asked, available: BACKENDS.join(', ')});
  return {backends: [backend], variants: VARIANTS};
}

/**
 * The library of a backend is loaded only when the backend is tried.
 * @param {BackendName} backend
 * @param {readonly import('./kernels/module.js').Variant[]} variants
 * @returns {Promise<RuntimeCore | string>} the runtime, or why it does not run
 */
async function start(backend, variants) {
  if (backend !== 'kernels') return (await import('./tfjs.js')).startTfjs(backend);
  const variant = variants.find(canRun);
  if (variant === undefined) return `this browser has no WebAssembly ${variants.includes('simd') ? '' : 'relaxed '}SIMD`;
  return (await import('./kernels.js')).startKernels(variant);
}
