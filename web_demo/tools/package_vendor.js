/**
 * Stands in for js/vendor.js where a bundler builds somebody's app (package.json's `browser` field says so): libraries by their
 * names, and files by addresses that a bundler recognises, copies and names anew.
 */

/** @typedef {import('../js/vendor.js').Tfjs} Tfjs */

/** @type {string | null} where the files lie if not where the bundler has put them; libraries are in the bundle */
let vendorUrl = null;

/** @param {string | null} url */
export function placeVendor(url) {
  vendorUrl = url;
}

export function detectorFiles() {
  return {
    list: place('tiny_face_detector_model-weights_manifest.json') ?? new URL('../vendor/tiny_face_detector_model-weights_manifest.json', import.meta.url).href,
    bytes: place('tiny_face_detector_model.bin') ?? new URL('../vendor/tiny_face_detector_model.bin', import.meta.url).href,
  };
}

export function kernelFiles() {
  return {
    relaxed: place('kernels-relaxed.wasm') ?? new URL('../vendor/kernels-relaxed.wasm', import.meta.url).href,
    simd: place('kernels-simd.wasm') ?? new URL('../vendor/kernels-simd.wasm', import.meta.url).href,
  };
}

/**
 * @param {string} file
 * @returns {string | null} null: where the bundler has put it
 */
function place(file) {
  return vendorUrl === null ? null : vendorUrl + file;
}

/** @returns {Promise<Tfjs>} */
export async function importTfjs() {
  const tf = await import('./vendor_entry.js');
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false); // TF.js starts threads from a function's source text, which minifiers change
  return tf;
}

/** @param {Tfjs} tf */
export function placeWasm(tf) {
  tf.setWasmPaths(vendorUrl ?? {
    'tfjs-backend-wasm.wasm': new URL('../vendor/tfjs-backend-wasm.wasm', import.meta.url).href,
    'tfjs-backend-wasm-simd.wasm': new URL('../vendor/tfjs-backend-wasm-simd.wasm', import.meta.url).href,
    'tfjs-backend-wasm-threaded-simd.wasm': new URL('../vendor/tfjs-backend-wasm-threaded-simd.wasm', import.meta.url).href,
  });
}

export const importMedia = () => import('./vendor_media.js');

/**
 * @param {string | null} url
 * @returns {Worker}
 */
export function startWorker(url) {
  if (url !== null) return new Worker(url, {type: 'module'}); // bundlers look for the words of the next line
  return new Worker(new URL('../js/inference/worker.js', import.meta.url), {type: 'module'});
}
