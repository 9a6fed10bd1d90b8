/** Stands in for js/vendor.js in a one-file page: the same names, for libraries and a worker that are in that very file. */
import {getFiles} from './standalone_files.js';

/** Where the detector's weights and the wasm binaries seem to lie: `fetch` finds them inside the page. */
const VENDOR_URL = new URL('vendor/', getFiles().base).href;

/** Nothing lies elsewhere. */
export function placeVendor() {}

export function detectorFiles() {
  return {list: `${VENDOR_URL}tiny_face_detector_model-weights_manifest.json`, bytes: `${VENDOR_URL}tiny_face_detector_model.bin`};
}

export function kernelFiles() {
  return {relaxed: `${VENDOR_URL}kernels-relaxed.wasm`, simd: `${VENDOR_URL}kernels-simd.wasm`};
}

export async function importTfjs() {
  const tfjs = await import('./vendor_entry.js');
  tfjs.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false); // threads are files of their own, and want an isolated page
  return tfjs;
}

/** @param {import('../js/vendor.js').Tfjs} tf */
export function placeWasm(tf) {
  tf.setWasmPaths(VENDOR_URL, true); // by fetch: Emscripten asks XMLHttpRequest for file://
}

export const importMedia = () => import('./vendor_media.js');

export const importChart = () => import('./vendor_chart.js');

/** @returns {Worker} this very script, which is js/inference/worker.js there */
export function startWorker() {
  const files = getFiles();
  const url = URL.createObjectURL(new Blob([files.program], {type: 'text/javascript'}));
  const worker = new Worker(url);
  worker.addEventListener('message', () => URL.revokeObjectURL(url), {once: true}); // it runs, so it has been loaded
  worker.postMessage(files);
  return worker;
}
