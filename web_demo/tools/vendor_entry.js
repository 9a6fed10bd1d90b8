/**
 * What the page uses of TF.js. `tools/vendor.mjs` bundles this file to vendor/tfjs.js; js/inference/runtimes/tfjs.js is the only
 * file that imports that bundle.
 *
 * The wasm backend is part of the first chunk, because it is the one that is tried first where the page's own kernels
 * cannot run. The others are chunks of their own, fetched only when they are asked for.
 */
export {
  add, backend, conv2d, depthwiseConv2d, div, env, getBackend, io, matMul, maximum, maxPool, memory, mul, ready, setBackend, sigmoid,
  sub, tensor, tensor1d, tensor2d, tensor4d, tidy, version_core as tfjsVersion,
} from '@tensorflow/tfjs-core';
export {loadGraphModel} from '@tensorflow/tfjs-converter';
export {getThreadsCount, setWasmPaths} from '@tensorflow/tfjs-backend-wasm';

/** Each registers its backend with TF.js when it is called for the first time. */
export const backendLoaders = {
  cpu: () => import('@tensorflow/tfjs-backend-cpu'),
  webgl: () => import('@tensorflow/tfjs-backend-webgl'),
  webgpu: () => import('@tensorflow/tfjs-backend-webgpu'),
};
