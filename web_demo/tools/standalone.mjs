/**
 * Bundles the page's program into one classic script, for `build --standalone`: `node tools/standalone.mjs OUT.js`.
 *
 * The script is js/app/main.js in a page and js/inference/worker.js in a worker, because a file:// page cannot load modules or a second
 * file. js/vendor.js, which knows the addresses of other files, is left out for standalone_vendor.js.
 */
import path from 'node:path';

import {checkModules, LIBRARY_OPTIONS, takeVendor, TOOLS} from './bundling.mjs';

async function main() {
  const [out] = process.argv.slice(2);
  if (out === undefined) throw new Error('give the file to write: node tools/standalone.mjs OUT.js');
  await checkModules();
  const {build} = await import('esbuild');
  await build({
    ...LIBRARY_OPTIONS,
    plugins: [takeVendor(path.join(TOOLS, 'standalone_vendor.js')), ...LIBRARY_OPTIONS.plugins],
    entryPoints: [path.join(TOOLS, 'standalone_entry.js')],
    outfile: path.resolve(out),
    format: 'iife',
    charset: 'utf8', // the page says so, and workers take nothing else
    logOverride: {'empty-import-meta': 'error'}, // an address of another file, which is not there
  });
}

main().catch((error) => {
  console.error(`standalone: ${error.message}`);
  process.exitCode = 1;
});
