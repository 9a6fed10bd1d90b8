/** Compiles kernels/ with AssemblyScript: vendor/kernels-simd.wasm and vendor/kernels-relaxed.wasm. */
import {readFile} from 'node:fs/promises';
import path from 'node:path';

import {SITE} from './bundling.mjs';

export const KERNELS = path.join(SITE, 'kernels');
const VARIANTS = {
  simd: {features: ['simd'], tile: 5},
  relaxed: {features: ['simd', 'relaxed-simd'], tile: 6},
};

/** @returns {Promise<Record<string, Uint8Array>>} the binaries, by file name */
export async function compileKernels() {
  const asc = await import('assemblyscript/asc');
  const {writeConvolution} = await import('../kernels/convolution.mjs');
  const {writeDepthwise} = await import('../kernels/depthwise.mjs');
  const read = (/** @type {string} */ name) => readFile(path.join(KERNELS, name), 'utf8');
  const arithmetic = `import {multiplyAdd, silu, sigmoid, leakyRelu, SILU, SIGMOID, LEAKY_RELU} from './arithmetic';\n`;
  const sources = {
    'arithmetic.ts': await read('arithmetic.ts'),
    'passes.ts': await read('passes.ts'),
    'depthwise.ts': arithmetic + writeDepthwise(),
    'kernels.ts': `export * from './convolution';\nexport * from './depthwise';\nexport * from './passes';\n`,
  };
  /** @type {Record<string, Uint8Array>} */
  const binaries = {};
  for (const [variant, {features, tile}] of Object.entries(VARIANTS)) {
    const files = {...sources, 'convolution.ts': arithmetic + writeConvolution(tile)};
    const outFile = `kernels-${variant}.wasm`;
    const enabled = features.flatMap((feature) => ['--enable', feature]);
    // No run time and no start-up: plain functions over one memory, which the page lays out.
    const options = ['kernels.ts', '--outFile', outFile, '--runtime', 'stub', '-O3', '--converge', '--noAssert', ...enabled];
    const {error, stderr} = await asc.main(options, {
      readFile: (name) => files[/** @type {keyof typeof files} */ (name)] ?? null,
      writeFile: (name, content) => { binaries[name] = /** @type {Uint8Array} */ (content); },
      listFiles: () => [],
    });
    if (error !== null) throw new Error(`AssemblyScript cannot compile kernels/: ${error.message}\n${stderr.toString()}`);
  }
  return binaries;
}
