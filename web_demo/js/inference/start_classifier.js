/** From nothing to a classifier that was checked on this device: the next backend is tried where one misses its gate. */
import {loadClassifier} from './classifier.js';
import {PageError} from '../errors.js';
import {fetchArtefact} from './manifest.js';
import {isRefusal, startRuntime} from './runtimes/runtime.js';
import {runSelfTest} from './self_test.js';

/** @typedef {import('./self_test.js').SelfTestResult} SelfTestResult */
/**
 * @typedef {object} Started
 * @property {import('./runtimes/runtime.js').Runtime} runtime
 * @property {import('./classifier.js').Classifier} classifier
 * @property {SelfTestResult | null} selfTest null if the model folder has none
 */

/**
 * @param {object} options
 * @param {import('./manifest.js').Manifest} options.manifest
 * @param {import('./manifest.js').Artefact} options.artefact
 * @param {string} options.manifestUrl absolute
 * @param {string | null} options.backend the one that was asked for; it is then the only one tried
 * @param {readonly import('./runtimes/runtime.js').Rejection[]} [options.before] the backends that were given up already
 * @param {import('./manifest.js').OnProgress} [options.onProgress]
 * @param {() => void} [options.onWarmUp]
 * @returns {Promise<Started>}
 * @throws {PageError} if no backend runs and passes the self-test
 */
export async function startClassifier({manifest, artefact, manifestUrl, backend, before = [], onProgress = () => {}, onWarmUp = () => {}}) {
  /** @type {import('./runtimes/runtime.js').Rejection[]} */
  const rejected = [...before];
  const downloading = fetchArtefact(artefact, manifestUrl, onProgress);
  downloading.catch(() => {}); // a runtime that does not start is the first to say so
  for (;;) {
    const runtime = await startRuntime(backend, rejected);
    const files = await downloading;
    onWarmUp();
    const classifier = await loadClassifier({manifest, artefact, files, runtime, isProven: manifest.self_test === null}).catch(nameRefusal);
    if (typeof classifier === 'string') {
      rejected.push({backend: runtime.backend, reason: classifier});
      continue;
    }
    if (manifest.self_test === null) return {runtime, classifier, selfTest: null};
    const reason = await check(runtime, classifier);
    if (typeof reason !== 'string') return {runtime, classifier, selfTest: reason};
    classifier.destroy();
    if (backend !== null) throw new PageError('error_backend_failed', {backend, reason});
    rejected.push({backend: runtime.backend, reason});
  }

  /**
   * @param {unknown} error of loading
   * @returns {string} why this backend cannot be used, where another may be
   */
  function nameRefusal(error) {
    if (backend === null && isRefusal(error)) return String(error.params.reason);
    throw error;
  }

  /**
   * @param {import('./runtimes/runtime.js').Runtime} runtime
   * @param {import('./classifier.js').Classifier} classifier
   * @returns {Promise<SelfTestResult | string>} the result, or why this backend cannot be used
   */
  async function check(runtime, classifier) {
    try {
      const selfTest = /** @type {import('./manifest.js').SelfTest} */ (manifest.self_test);
      const result = await runSelfTest({classifier, runtime, selfTest, manifestUrl});
      if (result.passed) return result;
      return `its self-test is off by ${result.maxAbsProb.toExponential(1)}, allowed are ${result.gate.toExponential(1)}`;
    } catch (error) {
      if (error instanceof PageError && error.code === 'error_output_invalid') return error.message;
      throw error;
    }
  }
}
