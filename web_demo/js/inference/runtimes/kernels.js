/** The networks on this project's own WebAssembly kernels. */
import {describeReason, PageError} from '../../errors.js';
import {fetchKernels} from './kernels/module.js';
import {createClassifierNetwork, createTinyFaceNetwork} from './kernels/networks.js';

/**
 * @param {import('./kernels/module.js').Variant} variant
 * @returns {Promise<import('./runtime.js').RuntimeCore | string>} the runtime, or why it does not run
 */
export async function startKernels(variant) {
  /** @type {WebAssembly.Module} */
  let module;
  try {
    module = await fetchKernels(variant);
  } catch (error) {
    return describeReason(error);
  }
  /** @type {Set<import('./kernels/module.js').KernelMemory>} */
  const memories = new Set();
  return {
    version: variant,
    threads: 1,
    isHalfFloat: false,
    variant,
    compilesLate: false,
    lost: new Promise(() => {}),
    async loadGraph(artifacts, names, spec) {
      const network = refuse(variant, () => createClassifierNetwork(module, artifacts, names, spec));
      memories.add(network.memory);
      return {
        run: async (rgb) => network.run(rgb),
        async execute() {
          throw new PageError('error_unexpected', {reason: 'the kernels keep no intermediate results; examine the network on another backend'});
        },
        destroy: () => { memories.delete(network.memory); },
      };
    },
    async loadTinyFace(weights, sizes) {
      const network = refuse(variant, () => createTinyFaceNetwork(module, weights, sizes));
      memories.add(network.memory);
      return {run: async (frame, size, view) => network.run(frame, size, view), destroy: () => { memories.delete(network.memory); }};
    },
    memory: () => ({tensors: 0, bytes: [...memories].reduce((sum, memory) => sum + memory.bytes, 0)}),
  };
}

/**
 * A network that the kernels do not know, or have no memory for: another backend may.
 * @template T
 * @param {string} variant
 * @param {() => T} create
 * @returns {T}
 */
function refuse(variant, create) {
  try {
    return create();
  } catch (error) {
    throw new PageError('error_backend_failed', {backend: `kernels:${variant}`, reason: describeReason(error)});
  }
}
