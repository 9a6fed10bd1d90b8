/** Stands in for js/vendor.js in a one-file page: the same names, for libraries and a worker that are in that very file. */
import {getFiles} from './standalone_files.js';

/** Where the detector's weights and the wasm binaries seem to lie: `fetch` finds them inside the page. */
export const VENDOR_URL = new URL('vendor/', getFiles().base).href;

export async function importTfjs() {
  const tfjs = await import('./vendor_entry.js');
  tfjs.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false); // threads are files of their own, and want an isolated page
  /** @param {string} folder */
  const setWasmPaths = (folder) => tfjs.setWasmPaths(folder, true); // by fetch: Emscripten asks XMLHttpRequest for file://
  return {...tfjs, setWasmPaths};
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
