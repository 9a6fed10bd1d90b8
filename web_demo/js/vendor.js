/**
 * The one place that knows where the page's libraries and its worker lie. They are imported by computed addresses: the page
 * must load, and say what is missing, when vendor/ has not been made. `build --standalone` puts tools/standalone_vendor.js
 * in the place of this file, a bundler that takes the npm package tools/package_vendor.js.
 */
import {describeReason, PageError} from './errors.js';

/** @typedef {typeof import('../tools/vendor_entry.js')} Tfjs */
/** @typedef {typeof import('../tools/vendor_media.js')} Media */

const USUAL_URL = new URL('../vendor/', import.meta.url).href;
let vendorUrl = USUAL_URL; // of this page, or of this worker

/** @param {string | null} url of the folder, with its final slash; null is the usual one */
export function placeVendor(url) {
  vendorUrl = url ?? USUAL_URL;
}

/** The detector's weights: what they are, and their bytes. */
export function detectorFiles() {
  return {list: `${vendorUrl}tiny_face_detector_model-weights_manifest.json`, bytes: `${vendorUrl}tiny_face_detector_model.bin`};
}

/** The WebAssembly kernels, by what they need of the processor. */
export function kernelFiles() {
  return {relaxed: `${vendorUrl}kernels-relaxed.wasm`, simd: `${vendorUrl}kernels-simd.wasm`};
}

/** @returns {Promise<Tfjs>} */
export async function importTfjs() {
  return /** @type {Promise<Tfjs>} */ (importFrom('tfjs.js'));
}

/** Tell TF.js where its wasm files lie. @param {Tfjs} tf */
export function placeWasm(tf) {
  tf.setWasmPaths(vendorUrl);
}

/** @returns {Promise<Media>} what reads video files */
export async function importMedia() {
  return /** @type {Promise<Media>} */ (importFrom('media.js'));
}

/** @returns {Promise<unknown>} tools/vendor_chart.js, which is no part of the npm package: nor is its type */
export async function importChart() {
  return importFrom('chart.js');
}

/**
 * @param {string | null} url null is the usual one
 * @returns {Worker} what tools/vendor.mjs bundles js/inference/worker.js to, just started
 */
export function startWorker(url) {
  return new Worker(url ?? `${vendorUrl}worker.js`, {type: 'module'});
}

/**
 * @param {string} file
 * @returns {Promise<unknown>}
 */
async function importFrom(file) {
  return import(vendorUrl + file).catch((error) => {
    throw new PageError('error_vendor_missing', {reason: describeReason(error)});
  });
}
