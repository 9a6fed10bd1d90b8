/**
 * Checks the classifier on the very device that the page runs on: a few crops from the model folder, PyTorch's logits for
 * them, and the same gate as the parity job. A backend that misses it is not used.
 */
import {fetchVerified} from './manifest.js';
import {softmax} from './softmax.js';

/** @typedef {import('./classifier.js').Classifier} Classifier */
/** @typedef {{maxAbsProb: number, gate: number, samples: number, passed: boolean}} SelfTestResult */

/**
 * @param {import('./manifest.js').SelfTest} selfTest
 * @param {string} manifestUrl absolute
 * @returns {Promise<Uint8Array>} RGB, one crop after another
 * @throws {import('../errors.js').PageError} if they are damaged
 */
export async function fetchCrops(selfTest, manifestUrl) {
  return new Uint8Array(await fetchVerified(selfTest.file, manifestUrl));
}

/**
 * @param {object} options
 * @param {Classifier} options.classifier
 * @param {import('./runtimes/runtime.js').Runtime} options.runtime
 * @param {import('./manifest.js').SelfTest} options.selfTest
 * @param {Uint8Array} options.crops from fetchCrops
 * @returns {Promise<SelfTestResult>}
 * @throws {import('../errors.js').PageError} if the classifier's answer is no distribution
 */
export async function runSelfTest({classifier, runtime, selfTest, crops}) {
  const cropBytes = crops.length / selfTest.samples;
  let maxAbsProb = 0;
  for (let i = 0; i < selfTest.samples; i += 1) {
    const {probabilities} = await classifier.classify(crops.subarray(i * cropBytes, (i + 1) * cropBytes));
    const expected = softmax(selfTest.expected_logits[i]);
    probabilities.forEach((actual, k) => { maxAbsProb = Math.max(maxAbsProb, Math.abs(actual - expected[k])); });
  }
  // The kernels are held to the bounds of the other float32 runtime on a processor.
  const backend = runtime.isHalfFloat ? 'half-float' : runtime.backend === 'kernels' ? 'wasm' : runtime.backend;
  const gate = selfTest.max_abs_prob[classifier.precision]?.[backend] ?? 0; // no gate, no pass
  return {maxAbsProb, gate, samples: selfTest.samples, passed: maxAbsProb <= gate};
}
