/** How the libraries are bundled, to vendor/ (vendor.mjs) and into one HTML file (standalone.mjs): as one set of options. */
import {readFile, stat} from 'node:fs/promises';
import path from 'node:path';
import {fileURLToPath} from 'node:url';

export const TOOLS = path.dirname(fileURLToPath(import.meta.url));
export const SITE = path.dirname(TOOLS);
export const MODULES = path.join(SITE, 'node_modules');
/** What the threads of TF.js' wasm backend run: this name with .js, .wasm and .worker.js. */
export const THREADED = 'tfjs-backend-wasm-threaded-simd';
const EMPTY_MODULE = path.join(TOOLS, 'empty.cjs');
// Imported by TF.js for Node's sake, never used in a browser.
const NODE_ONLY = ['fs', 'os', 'path', 'perf_hooks', 'util', 'crypto', 'worker_threads', 'string_decoder', 'node-fetch'];

/**
 * tfjs-backend-wasm 4.22 starts its threads from blob: URLs made with Function.toString(). A strict
 * Content-Security-Policy forbids the first (importScripts of a blob needs `script-src blob:`) and a minifier breaks
 * the second, so both become plain files beside the binaries.
 * @type {import('esbuild').Plugin}
 */
const loadWorkersFromFiles = {
  name: 'load-workers-from-files',
  setup(build) {
    build.onLoad({filter: /tfjs-backend-wasm[\\/]dist[\\/]backend_wasm\.js$/}, async ({path: file}) => {
      let source = await readFile(file, 'utf8');
      source = replaceOnce(source, /const response = wasmWorkerContents[^]*?return URL\.createObjectURL\(blob\);/,
        `return wasmPathPrefix + '${THREADED}.worker.js';`);
      source = replaceOnce(source, /new Blob\(\[`var WasmBackendModuleThreadedSimd = `[^]*?'text\/javascript' \}\)/,
        `wasmPathPrefix + '${THREADED}.js'`);
      source = replaceOnce(source, /import \{ wasmWorkerContents \} from [^;]*;/, '');
      return {contents: source, loader: 'js'};
    });
  },
};

/**
 * Another file in the place of js/vendor.js, which knows where everything lies; or that very file, although package.json
 * names a third one for bundlers.
 * @param {string} file
 * @returns {import('esbuild').Plugin}
 */
export function takeVendor(file) {
  const usual = path.join(SITE, 'js', 'vendor.js');
  return {
    name: 'take-vendor',
    setup(build) {
      build.onResolve({filter: /\/vendor\.js$/}, (asked) => (path.resolve(asked.resolveDir, asked.path) === usual ? {path: file} : undefined));
    },
  };
}

function replaceOnce(source, pattern, replacement) {
  const count = source.match(new RegExp(pattern, 'g'))?.length ?? 0;
  if (count !== 1) {
    throw new Error(`backend_wasm.js holds ${count} matches of ${pattern}, wanted 1; TF.js has changed, adapt tools/bundling.mjs`);
  }
  return source.replace(pattern, replacement);
}

/** @type {import('esbuild').BuildOptions} */
export const LIBRARY_OPTIONS = {
  absWorkingDir: SITE,
  bundle: true,
  platform: 'browser',
  target: 'es2020',
  minify: true,
  preserveSymlinks: true, // node_modules may be a link; TF.js core must still have one path, or there are two of it
  legalComments: 'none', // all licences are in THIRD_PARTY_LICENSES.txt
  logLevel: 'warning',
  alias: Object.fromEntries(NODE_ONLY.map((name) => [name, EMPTY_MODULE])),
  plugins: [loadWorkersFromFiles],
};

/** @throws {Error} that says what to run, if the packages are not installed */
export async function checkModules() {
  if (await exists(path.join(MODULES, 'esbuild'))) return;
  throw new Error(`${MODULES} is missing or incomplete; run "npm ci" first`);
}

/**
 * @param {string} file
 * @returns {Promise<boolean>}
 */
export async function exists(file) {
  return stat(file).then(() => true, () => false);
}
