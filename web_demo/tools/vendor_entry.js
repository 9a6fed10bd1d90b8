/**
 * What the page uses of TF.js and face-api. `tools/vendor.mjs` bundles this file to vendor/tfjs.js;
 * js/inference/tfjs_backend.js is the only file that imports that bundle.
 *
 * The wasm backend is part of the first chunk, because it is the one that the page tries first. The others are
 * chunks of their own, fetched only when they are asked for.
 */
// face-api calls `tensor.as4D()` and its like, which tree-shaking drops unless they are registered here.
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops.js';

import {env as faceApiEnv} from '@vladmandic/face-api/dist/face-api.esm-nobundle.js';

export {
  backend, env, getBackend, io, matMul, memory, ready, setBackend, sigmoid, tensor2d, tensor4d, tidy,
  version_core as tfjsVersion,
} from '@tensorflow/tfjs-core';
export {loadGraphModel} from '@tensorflow/tfjs-converter';
export {getThreadsCount, setWasmPaths} from '@tensorflow/tfjs-backend-wasm';
export {TinyFaceDetector, TinyFaceDetectorOptions} from '@vladmandic/face-api/dist/face-api.esm-nobundle.js';

/** face-api looks for the classes of a page when it is loaded, and finds none in a worker, which has others like them. */
export function prepareForWorker() {
  class Absent {}
  faceApiEnv.setEnv(/** @type {any} */ ({
    Canvas: OffscreenCanvas,
    CanvasRenderingContext2D: OffscreenCanvasRenderingContext2D,
    Image: Absent,
    ImageData,
    Video: Absent,
    createCanvasElement: () => new OffscreenCanvas(1, 1),
    fetch: fetch.bind(globalThis),
  }));
}

/** Each registers its backend with TF.js when it is called for the first time. */
export const backendLoaders = {
  cpu: () => import('@tensorflow/tfjs-backend-cpu'),
  webgl: () => import('@tensorflow/tfjs-backend-webgl'),
  webgpu: () => import('@tensorflow/tfjs-backend-webgpu'),
};
