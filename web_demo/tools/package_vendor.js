/**
 * Stands in for js/vendor.js where a bundler builds somebody's app (package.json's `browser` field says so): libraries by their
 * names, and files by addresses that a bundler recognises, copies and names anew.
 */

/** @typedef {import('../js/vendor.js').Tfjs} Tfjs */

export const DETECTOR_FILES = {
  list: new URL('../vendor/tiny_face_detector_model-weights_manifest.json', import.meta.url).href,
  bytes: new URL('../vendor/tiny_face_detector_model.bin', import.meta.url).href,
};

export const KERNEL_FILES = {
  relaxed: new URL('../vendor/kernels-relaxed.wasm', import.meta.url).href,
  simd: new URL('../vendor/kernels-simd.wasm', import.meta.url).href,
};

/** @returns {Promise<Tfjs>} */
export async function importTfjs() {
  const tf = await import('./vendor_entry.js');
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false); // TF.js starts threads from a function's source text, which minifiers change
  return tf;
}

/** @param {Tfjs} tf */
export function placeWasm(tf) {
  tf.setWasmPaths({
    'tfjs-backend-wasm.wasm': new URL('../vendor/tfjs-backend-wasm.wasm', import.meta.url).href,
    'tfjs-backend-wasm-simd.wasm': new URL('../vendor/tfjs-backend-wasm-simd.wasm', import.meta.url).href,
    'tfjs-backend-wasm-threaded-simd.wasm': new URL('../vendor/tfjs-backend-wasm-threaded-simd.wasm', import.meta.url).href,
  });
}

export const importMedia = () => import('./vendor_media.js');

/** @returns {Worker} */
export function startWorker() {
  return new Worker(new URL('../js/inference/worker.js', import.meta.url), {type: 'module'});
}
