/**
 * The one place that knows where the page's libraries and its worker lie. They are imported by computed addresses: the page
 * must load, and say what is missing, when vendor/ has not been made. (`build --standalone` puts tools/standalone_vendor.js
 * in the place of this file.)
 */
import {describeReason, PageError} from './errors.js';

/** @typedef {typeof import('../tools/vendor_entry.js')} Tfjs */
/** @typedef {typeof import('../tools/vendor_media.js')} Media */
/** @typedef {typeof import('../tools/vendor_chart.js')} Chart */

/** The folder of the libraries and of the detector's weights, with the slash at its end. */
export const VENDOR_URL = new URL('../vendor/', import.meta.url).href;

/** @returns {Promise<Tfjs>} TF.js and TinyFaceDetector */
export async function importTfjs() {
  return /** @type {Promise<Tfjs>} */ (importFrom('tfjs.js'));
}

/** @returns {Promise<Media>} what reads video files */
export async function importMedia() {
  return /** @type {Promise<Media>} */ (importFrom('media.js'));
}

/** @returns {Promise<Chart>} */
export async function importChart() {
  return /** @type {Promise<Chart>} */ (importFrom('chart.js'));
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
