/** TinyFaceDetector's network on TF.js. */
import {showFrame} from '../../pixels/detector_input.js';
import {LEAK, MEAN_RGB, SEPARABLE_LAYERS} from '../tiny_face.js';

/**
 * @param {import('../../vendor.js').Tfjs} tf
 * @param {Map<string, import('../detector_weights.js').Weight>} weights
 * @returns {import('../tiny_face.js').TinyFaceNetwork}
 */
export function createTfjsTinyFace(tf, weights) {
  const tensors = new Map([...weights].map(([name, {shape, values}]) => [name, tf.tensor(values, shape)]));
  const mean = tf.tensor1d(MEAN_RGB);
  const take = (/** @type {string} */ name) => /** @type {any} */ (tensors.get(name));

  /** @param {import('@tensorflow/tfjs-core').Tensor4D} input */
  function compute(input) {
    let out = convolve(tf.div(tf.sub(input, mean), 255), 'conv0');
    for (const layer of SEPARABLE_LAYERS) {
      const pooled = tf.maxPool(leakyRelu(out), 2, 2, 'same');
      const depthwise = tf.depthwiseConv2d(pooled, take(`${layer}/depthwise_filter`), 1, 'same');
      out = tf.add(tf.conv2d(depthwise, take(`${layer}/pointwise_filter`), 1, 'valid'), take(`${layer}/bias`));
    }
    return convolve(tf.maxPool(leakyRelu(out), 2, 1, 'same'), 'conv8');
  }

  /**
   * @param {any} input
   * @param {string} layer
   * @returns {import('@tensorflow/tfjs-core').Tensor4D}
   */
  function convolve(input, layer) {
    return tf.add(tf.conv2d(input, take(`${layer}/filters`), 1, 'valid'), take(`${layer}/bias`));
  }

  /**
   * @param {import('@tensorflow/tfjs-core').Tensor4D} values
   * @returns {import('@tensorflow/tfjs-core').Tensor4D}
   */
  function leakyRelu(values) {
    return tf.maximum(values, tf.mul(values, LEAK));
  }

  return {
    async run(frame, size, view) {
      const output = tf.tidy(() => compute(tf.tensor4d(showFrame(frame, size, view), [1, size, size, 3])));
      try {
        return /** @type {Float32Array} */ (await output.data());
      } finally {
        output.dispose();
      }
    },
    destroy() {
      mean.dispose();
      for (const tensor of tensors.values()) tensor.dispose();
    },
  };
}
