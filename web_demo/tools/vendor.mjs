/**
 * Makes vendor/ from the packages that package.json pins, from kernels/ and from js/: `npm run vendor`.
 *
 *     vendor/tfjs.js                      TF.js core, converter, wasm backend (one ES module)
 *     vendor/chunks/*.js                  the other backends, loaded only when they are asked for
 *     vendor/tfjs-backend-wasm*.wasm      the wasm backend's binaries, and its two worker scripts
 *     vendor/tiny_face_detector_model*    the detector's weights
 *     vendor/kernels-*.wasm               kernels/, compiled for two kinds of processor
 *     vendor/media.js                     mediabunny: the frames of video files
 *     vendor/chart.js, chart.css          uPlot
 *     vendor/page.js, worker*.js          js/, bundled: 110 modules one by one cost a visitor a third of the start
 *     vendor/sources.json                 SHA-256 of every file that those were made from
 *     vendor/files.json                   size and SHA-256 of everything above
 *     vendor/THIRD_PARTY_LICENSES.txt     the licence of everything above
 *     vendor/.stamp                       what it was made from; a second run makes only what is out of date
 *
 * It is made in a temporary folder and moved into place at the end: an interrupted run leaves the old one whole.
 */
import {createHash} from 'node:crypto';
import {cp, mkdir, readFile, readdir, rename, rm, stat, writeFile} from 'node:fs/promises';
import {createRequire} from 'node:module';
import path from 'node:path';
import {gzipSync} from 'node:zlib';

import {checkModules, exists, LIBRARY_OPTIONS, MODULES, SITE, takeVendor, THREADED, TOOLS} from './bundling.mjs';
import {compileKernels, KERNELS} from './kernels.mjs';

const SOURCES = path.join(SITE, 'js');
const VENDOR = path.join(SITE, 'vendor');
// What bundlePage and what follows it make, and hidden files.
const MADE_LAST = /^((page|worker)[-.].*|(sources|files)\.json|\..*)$/;
const STAGING = path.join(SITE, 'vendor.tmp');
const WASM_PACKAGE = path.join(MODULES, '@tensorflow', 'tfjs-backend-wasm');
const FACE_API_PACKAGE = path.join(MODULES, '@vladmandic', 'face-api');

async function main() {
  await checkModules();
  const input = await hashInput();
  const areLibrariesMade = await isUpToDate(input);
  if (areLibrariesMade && await isPageUpToDate()) {
    console.log('vendor/ is up to date');
    return;
  }
  await rm(STAGING, {recursive: true, force: true});
  if (areLibrariesMade) await cp(VENDOR, STAGING, {recursive: true, filter: (from) => !MADE_LAST.test(path.basename(from))});
  else await makeLibraries();
  await bundlePage();
  await writeFile(path.join(STAGING, 'files.json'), await describeFiles());
  await report();
  await writeFile(path.join(STAGING, '.stamp'), JSON.stringify({input, files: await listSizes(STAGING)}, null, 2));
  await rm(VENDOR, {recursive: true, force: true});
  await rename(STAGING, VENDOR);
}

async function makeLibraries() {
  await mkdir(STAGING, {recursive: true});
  for (const [name, binary] of Object.entries(await compileKernels())) await writeFile(path.join(STAGING, name), binary);
  const packages = await bundle();
  await copyWasm();
  await copyDetectorWeights();
  await copyFile(path.join(MODULES, 'uplot', 'dist', 'uPlot.min.css'), 'chart.css');
  await writeLicences([...packages, '@vladmandic/face-api'].sort()); // of which only the weights are taken
}

/** The page and its worker, and in worker-* what they share or seldom load; all beside its libraries, where js/vendor.js looks for them. */
async function bundlePage() {
  const {build} = await import('esbuild');
  const result = await build({
    ...LIBRARY_OPTIONS,
    target: 'es2022',
    entryPoints: {page: path.join(SOURCES, 'app', 'main.js'), worker: path.join(SOURCES, 'inference', 'worker.js')},
    plugins: [takeVendor(path.join(SOURCES, 'vendor.js'))],
    outdir: STAGING,
    chunkNames: 'worker-[name]-[hash]',
    splitting: true,
    format: 'esm',
    charset: 'utf8',
    sourcemap: 'linked',
    sourcesContent: false, // js/ lies beside it
    metafile: true,
  });
  const sources = await Promise.all(Object.keys(result.metafile.inputs).sort().map(async (name) => [name, await hashFile(path.join(SITE, name))]));
  await writeFile(path.join(STAGING, 'sources.json'), `${JSON.stringify(Object.fromEntries(sources), null, 1)}\n`);
}

/** Bundle the three entries. Returns the folders of the packages that ended up in the output. */
async function bundle() {
  const {build} = await import('esbuild');
  const result = await build({
    ...LIBRARY_OPTIONS,
    entryPoints: {
      tfjs: path.join(TOOLS, 'vendor_entry.js'),
      media: path.join(TOOLS, 'vendor_media.js'),
      chart: path.join(TOOLS, 'vendor_chart.js'),
    },
    outdir: STAGING,
    chunkNames: 'chunks/[name]-[hash]',
    splitting: true,
    format: 'esm',
    metafile: true,
  });
  const bundled = Object.values(result.metafile.outputs).flatMap((output) => Object.entries(output.inputs))
    .filter(([, use]) => use.bytesInOutput > 0)
    .map(([file]) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1])
    .filter((name) => name !== undefined);
  return [...new Set(bundled)].sort();
}

async function copyWasm() {
  for (const name of ['tfjs-backend-wasm', 'tfjs-backend-wasm-simd', THREADED]) {
    await copyFile(path.join(WASM_PACKAGE, 'wasm-out', `${name}.wasm`), `${name}.wasm`);
  }
  await copyFile(path.join(WASM_PACKAGE, 'wasm-out', `${THREADED}.js`), `${THREADED}.js`);
  const {wasmWorkerContents} = createRequire(import.meta.url)(path.join(WASM_PACKAGE, 'wasm-out', `${THREADED}.worker.js`));
  // As in backend_wasm.js: the package keeps the script in a template literal that has eaten one level of escapes.
  await writeFile(path.join(STAGING, `${THREADED}.worker.js`), wasmWorkerContents.replace(/\n/g, '\\n'));
}

async function copyDetectorWeights() {
  for (const name of ['tiny_face_detector_model-weights_manifest.json', 'tiny_face_detector_model.bin']) {
    await copyFile(path.join(FACE_API_PACKAGE, 'model', name), name);
  }
}

/** cp keeps the mode, and TF.js ships its binaries executable; a fresh file does not. */
async function copyFile(from, name) {
  await writeFile(path.join(STAGING, name), await readFile(from));
}

/** One section a package, with the package's own licence file where it has one (TF.js and seedrandom have none). */
async function writeLicences(packages) {
  const sections = [];
  for (const name of packages) {
    const folder = path.join(MODULES, name);
    const {version, license, repository} = JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8'));
    // The MPL wants those who get a bundle to be told where its source is; unchanged code is all that is bundled.
    const source = license.startsWith('MPL') ? `, unchanged; its source: ${repository.url}` : '';
    sections.push(`${name} ${version} (${license})${source}`, await licenceText(name, folder, license));
  }
  const compiledIn = await readFile(path.join(TOOLS, 'licences', 'compiled_into_wasm.txt'), 'utf8');
  sections.push('Compiled into tfjs-backend-wasm*.wasm and their scripts', compiledIn);
  const rule = '='.repeat(80);
  const text = sections.map((section, i) => (i % 2 ? `${section.trim()}\n` : `${rule}\n${section}\n${rule}\n`)).join('\n');
  await writeFile(path.join(STAGING, 'THIRD_PARTY_LICENSES.txt'), text);
}

async function licenceText(name, folder, license) {
  const own = (await readdir(folder)).find((file) => /^licen[cs]e/i.test(file));
  if (own) return readFile(path.join(folder, own), 'utf8');
  const kept = path.join(TOOLS, 'licences', `${name.replace(/^@/, '').replace('/', '_')}.txt`);
  if (await exists(kept)) return readFile(kept, 'utf8');
  if (license === 'Apache-2.0' && name.startsWith('@tensorflow/')) {
    const apache = await readFile(path.join(MODULES, 'typescript', 'LICENSE.txt'), 'utf8');
    return `Copyright Google LLC. All rights reserved.\n\n${apache}`;
  }
  throw new Error(`${name} (${license}) ships no licence file; put its text at ${kept}`);
}

/** Path, size and hash of every file, as in the model's manifest: sw.js keeps them by their hash. */
async function describeFiles() {
  const files = await Promise.all((await listSizes(STAGING)).map(async ([name, bytes]) => {
    return {path: name, bytes, sha256: await hashFile(path.join(STAGING, name))};
  }));
  return `${JSON.stringify({files}, null, 1)}\n`;
}

async function hashInput() {
  const hash = createHash('sha256');
  hash.update(await readFile(path.join(SITE, 'package-lock.json')));
  for (const folder of [TOOLS, KERNELS]) {
    for (const [name] of await listSizes(folder)) hash.update(name).update(await readFile(path.join(folder, name)));
  }
  return hash.digest('hex');
}

async function hashFile(file) {
  return createHash('sha256').update(await readFile(file)).digest('hex');
}

async function isUpToDate(input) {
  const stamp = path.join(VENDOR, '.stamp');
  if (!(await exists(stamp))) return false;
  const made = JSON.parse(await readFile(stamp, 'utf8'));
  const present = new Map(await listSizes(VENDOR));
  return made.input === input && made.files.every(([name, bytes]) => present.get(name) === bytes);
}

/** As check_bundle in reon_export/site/static_site.py: every module is still what the page was bundled from. */
async function isPageUpToDate() {
  const sources = Object.entries(JSON.parse(await readFile(path.join(VENDOR, 'sources.json'), 'utf8')));
  const hashes = await Promise.all(sources.map(([name]) => hashFile(path.join(SITE, name)).catch(() => null)));
  return sources.every(([, sha256], i) => hashes[i] === sha256);
}

/** [relative path, bytes] of every file in a folder, sorted. */
async function listSizes(folder) {
  const entries = await readdir(folder, {recursive: true, withFileTypes: true});
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath ?? entry.path, entry.name));
  const sizes = await Promise.all(files.map(async (file) => [path.relative(folder, file).split(path.sep).join('/'), (await stat(file)).size]));
  return sizes.sort(([first], [second]) => (first < second ? -1 : 1));
}

async function report() {
  for (const [name, bytes] of await listSizes(STAGING)) {
    const zipped = gzipSync(await readFile(path.join(STAGING, name)), {level: 9}).length;
    console.log(`${String(bytes).padStart(9)} bytes ${String(zipped).padStart(8)} gzip  vendor/${name}`);
  }
}

main().catch((error) => {
  console.error(`vendor: ${error.message}`);
  process.exitCode = 1;
});
