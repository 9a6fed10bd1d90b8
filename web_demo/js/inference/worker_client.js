/** A worker that answers calls: js/inference/worker.js seen from the page. */
import {PageError} from '../errors.js';
import {startWorker} from '../vendor.js';

/** @typedef {{call: string, [key: string]: unknown}} Call */
/** @typedef {import('./engine.js').OnProgress} OnProgress */
/** @typedef {{value: unknown, facts: import('./engine.js').Facts}} Answer */
/**
 * @typedef {object} Remote
 * @property {(call: Call, transfer: Transferable[], onProgress?: OnProgress) => Promise<Answer>} ask
 * @property {() => void} destroy
 */

/**
 * A worker that has started, or null where this browser cannot: no workers of modules, no canvas in them.
 * @param {string | null} url of its script; null is the usual one
 * @returns {Promise<Remote | null>}
 */
export async function connectWorker(url) {
  if (typeof Worker === 'undefined' || typeof OffscreenCanvas === 'undefined') return null;
  /** @type {Map<number, {resolve: (answer: Answer) => void, reject: (error: unknown) => void, onProgress?: OnProgress}>} */
  const waiting = new Map();
  /** @type {Worker} */
  let worker;
  try {
    worker = startWorker(url);
  } catch {
    return null;
  }
  let count = 0;
  /** @type {string | null} */
  let stopped = null; // why no answer can come any more: a worker that is gone would leave its callers waiting for ever
  /** @type {(isUsable: boolean) => void} */
  let settle = () => {};
  /** @type {Promise<boolean>} */
  const started = new Promise((resolve) => { settle = resolve; });
  worker.onmessage = ({data}) => {
    if ('ready' in data) {
      settle(true);
      return;
    }
    if ('progress' in data) {
      for (const {onProgress} of waiting.values()) onProgress?.(data.progress);
      return;
    }
    const call = waiting.get(data.id);
    waiting.delete(data.id);
    if ('error' in data) call?.reject(new PageError(data.error.code, data.error.params));
    else call?.resolve(data);
  };
  worker.onerror = (event) => {
    settle(false);
    failAll(event.message || 'its script cannot be loaded');
  };
  if (!(await started)) {
    worker.terminate();
    return null;
  }
  return {
    ask: (call, transfer, onProgress) => new Promise((resolve, reject) => {
      if (stopped !== null) {
        reject(describeStop(stopped));
        return;
      }
      count += 1;
      waiting.set(count, {resolve, reject, onProgress});
      worker.postMessage({...call, id: count}, transfer);
    }),
    destroy() {
      worker.terminate();
      failAll('the pipeline was destroyed');
    },
  };

  /** @param {string} reason */
  function failAll(reason) {
    stopped ??= reason;
    for (const {reject} of waiting.values()) reject(describeStop(stopped));
    waiting.clear();
  }

  /** @param {string} reason */
  function describeStop(reason) {
    return new PageError('error_unexpected', {reason: `the pipeline's worker stopped: ${reason}`});
  }
}
