/** From nothing to a classifier that was checked on this device: the next backend is tried where one misses its gate. */
import {loadClassifier} from './classifier.js';
import {PageError} from '../errors.js';
import {fetchArtefact} from './manifest.js';
import {canRun, VARIANTS} from './runtimes/kernels/module.js';
import {isRefusal, startRuntime} from './runtimes/runtime.js';
import {fetchCrops, runSelfTest} from './self_test.js';

/** @typedef {import('./self_test.js').SelfTestResult} SelfTestResult */
/** @typedef {import('./runtimes/runtime.js').Choice} Choice */
/**
 * @typedef {object} Started
 * @property {import('./runtimes/runtime.js').Runtime} runtime
 * @property {import('./classifier.js').Classifier} classifier
 * @property {SelfTestResult | null} selfTest null if the model folder has none
 * @property {Choice | null} choice how the variant of the kernels was chosen; null if nothing was measured, now or before
 */

const TIMED_RUNS = 3;

/**
 * @param {object} options
 * @param {import('./manifest.js').Manifest} options.manifest
 * @param {import('./manifest.js').Artefact} options.artefact
 * @param {string} options.manifestUrl absolute
 * @param {string | null} options.backend the one that was asked for; it is then the only one tried
 * @param {Choice | null} [options.remembered] what an earlier visit measured; it counts for the same model and browser
 * @param {readonly import('./runtimes/runtime.js').Rejection[]} [options.before] the backends that were given up already
 * @param {import('./manifest.js').OnProgress} [options.onProgress]
 * @param {() => void} [options.onWarmUp]
 * @returns {Promise<Started>}
 * @throws {PageError} if no backend runs and passes the self-test
 */
export async function startClassifier({
  manifest, artefact, manifestUrl, backend, remembered = null, before = [], onProgress = () => {}, onWarmUp = () => {},
}) {
  const key = `${artefact.files.map((file) => file.sha256)} ${navigator.userAgent}`;
  const known = remembered?.key === key && VARIANTS.includes(remembered.variant) ? remembered : null;
  /** @type {import('./runtimes/runtime.js').Rejection[]} */
  const rejected = [...before];
  const downloading = fetchArtefact(artefact, manifestUrl, onProgress);
  const fetchingCrops = manifest.self_test === null ? null : fetchCrops(manifest.self_test, manifestUrl);
  for (const files of [downloading, fetchingCrops]) files?.catch(() => {}); // a runtime that does not start is the first to say so
  for (;;) {
    const runtime = await startRuntime(backend, rejected, known?.variant);
    await downloading;
    onWarmUp();
    const started = await load(runtime);
    if (typeof started !== 'string') {
      if (backend !== null) return {...started, choice: null};
      return known?.variant === runtime.variant ? {...started, choice: known} : chooseVariant(started);
    }
    if (backend !== null) throw new PageError('error_backend_failed', {backend, reason: started});
    rejected.push({backend: runtime.backend, reason: started});
  }

  /**
   * @param {import('./runtimes/runtime.js').Runtime} runtime
   * @returns {Promise<Omit<Started, 'choice'> | string>} or why this backend cannot be used, where another may be
   */
  async function load(runtime) {
    /** @type {import('./classifier.js').Classifier | null} */
    let classifier = null;
    try {
      classifier = await loadClassifier({manifest, artefact, files: await downloading, runtime, isProven: manifest.self_test === null});
      if (manifest.self_test === null || fetchingCrops === null) return {runtime, classifier, selfTest: null};
      const selfTest = await runSelfTest({classifier, runtime, selfTest: manifest.self_test, crops: await fetchingCrops});
      if (selfTest.passed) return {runtime, classifier, selfTest};
      classifier.destroy();
      return `its self-test is off by ${selfTest.maxAbsProb.toExponential(1)}, allowed are ${selfTest.gate.toExponential(1)}`;
    } catch (error) {
      classifier?.destroy();
      if (error instanceof PageError && error.code === 'error_output_invalid' && manifest.self_test !== null) return error.message;
      if (backend === null && isRefusal(error)) return String(error.params.reason);
      throw error;
    }
  }

  /**
   * The faster variant of the kernels on this device: a processor without fused multiply-add runs relaxed SIMD no faster.
   * @param {Omit<Started, 'choice'>} first
   * @returns {Promise<Started>}
   */
  async function chooseVariant(first) {
    const other = VARIANTS.find((variant) => variant !== first.runtime.variant && canRun(variant));
    if (first.runtime.variant === null || manifest.self_test === null || fetchingCrops === null || other === undefined) return {...first, choice: null};
    const second = await startRuntime(`kernels:${other}`).then(load).catch(() => null); // the first runs, whatever this one says
    if (second === null || typeof second === 'string') return {...first, choice: null};
    const crops = await fetchingCrops;
    const timesMs = await timeAlternately([first, second], crops.subarray(0, crops.length / manifest.self_test.samples));
    const [fast, slow] = timesMs[0] <= timesMs[1] ? [first, second] : [second, first];
    slow.classifier.destroy();
    const variant = /** @type {import('./runtimes/kernels/module.js').Variant} */ (fast.runtime.variant);
    return {
      ...fast,
      runtime: {...fast.runtime, asked: false, rejected: first.runtime.rejected},
      choice: {key, variant, timesMs: {[first.runtime.variant]: timesMs[0], [other]: timesMs[1]}},
    };
  }
}

/**
 * @param {readonly {classifier: import('./classifier.js').Classifier}[]} candidates
 * @param {Uint8Array} crop
 * @returns {Promise<number[]>} milliseconds, the least of a few runs each: whatever else the device does only adds to them
 */
async function timeAlternately(candidates, crop) {
  const timesMs = candidates.map(() => Infinity);
  for (let run = 0; run < TIMED_RUNS; run += 1) {
    for (const [i, {classifier}] of candidates.entries()) {
      const started = performance.now();
      await classifier.classify(crop);
      timesMs[i] = Math.min(timesMs[i], performance.now() - started);
    }
  }
  return timesMs;
}
