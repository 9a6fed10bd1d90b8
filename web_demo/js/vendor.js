/**
 * The one place that knows where the page's libraries and its worker lie. They are imported by computed addresses: the page
 * must load, and say what is missing, when vendor/ has not been made. `build --standalone` puts tools/standalone_vendor.js
 * in the place of this file, a bundler that takes the npm package tools/package_vendor.js.
 */
import {describeReason, PageError} from './errors.js';

/** @typedef {typeof import('../tools/vendor_entry.js')} Tfjs */
/** @typedef {typeof import('../tools/vendor_media.js')} Media */

const VENDOR_URL = new URL('../vendor/', import.meta.url).href;

/** The detector's weights: what they are, and their bytes. */
export const DETECTOR_FILES = {
  list: `${VENDOR_URL}tiny_face_detector_model-weights_manifest.json`,
  bytes: `${VENDOR_URL}tiny_face_detector_model.bin`,
};

/** The WebAssembly kernels, by what they need of the processor. */
export const KERNEL_FILES = {relaxed: `${VENDOR_URL}kernels-relaxed.wasm`, simd: `${VENDOR_URL}kernels-simd.wasm`};

/** @returns {Promise<Tfjs>} */
export async function importTfjs() {
  return /** @type {Promise<Tfjs>} */ (importFrom('tfjs.js'));
}

/** Tell TF.js where its wasm files lie. @param {Tfjs} tf */
export function placeWasm(tf) {
  tf.setWasmPaths(VENDOR_URL);
}

/** @returns {Promise<Media>} what reads video files */
export async function importMedia() {
  return /** @type {Promise<Media>} */ (importFrom('media.js'));
}

/** @returns {Promise<unknown>} tools/vendor_chart.js, which is no part of the npm package: nor is its type */
export async function importChart() {
  return importFrom('chart.js');
}

/** @returns {Worker} js/inference/worker.js, just started */
export function startWorker() {
  return new Worker(new URL('./inference/worker.js', import.meta.url), {type: 'module'});
}

/**
 * @param {string} file
 * @returns {Promise<unknown>}
 */
async function importFrom(file) {
  return import(VENDOR_URL + file).catch((error) => {
    throw new PageError('error_vendor_missing', {reason: describeReason(error)});
  });
}
