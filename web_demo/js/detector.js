/** Finds faces with TinyFaceDetector. */
import {describeReason, PageError} from './errors.js';
import {getContext} from './source.js';

/** @typedef {import('./crop.js').Box} Box */
/** @typedef {import('./source.js').Frame} Frame */
/** @typedef {Box & {score: number}} FaceBox in pixels of the frame; may be fractional and may leave it */
/**
 * @typedef {object} Detector
 * @property {(frame: Frame) => Promise<{faces: FaceBox[], inputSize: number}>} detect the largest face first
 * @property {() => void} destroy
 */

const WEIGHTS_URL = new URL('../vendor/', import.meta.url).href;

/**
 * 224 finds close-up faces, in a third of the time of 416; 416 finds the small faces of a group photograph. So 416 is asked
 * only when 224 sees nobody: boxes of one and the same face differ by up to 40 % between sizes, and should rarely jump.
 */
const INPUT_SIZES = [224, 416];
const SCORE_THRESHOLD = 0.5; // face-api's own default

/**
 * Load the detector's weights.
 * @param {object} options
 * @param {import('./runtime.js').Runtime} options.runtime
 * @param {readonly number[]} [options.inputSizes] multiples of 32, tried in this order until a face is found
 * @param {number} [options.scoreThreshold] 0..1
 * @returns {Promise<Detector>}
 */
export async function createDetector({runtime, inputSizes = INPUT_SIZES, scoreThreshold = SCORE_THRESHOLD}) {
  const network = new runtime.tf.TinyFaceDetector();
  await network.loadFromUri(WEIGHTS_URL).catch((error) => {
    throw new PageError('error_detector', {reason: describeReason(error)});
  });
  const canvas = document.createElement('canvas');
  const context = getContext(canvas, true);

  return {
    async detect(frame) {
      for (const inputSize of inputSizes) {
        const faces = await detectAt(frame, inputSize);
        if (faces.length > 0 || inputSize === inputSizes[inputSizes.length - 1]) return {faces, inputSize};
      }
      return {faces: [], inputSize: 0};
    },
    destroy() {
      network.dispose();
      canvas.width = 0;
      canvas.height = 0;
    },
  };

  /**
   * @param {Frame} frame
   * @param {number} inputSize
   * @returns {Promise<FaceBox[]>}
   */
  async function detectAt(frame, inputSize) {
    // The frame goes to the top left of a black square, as face-api does it itself, but without a full-size canvas.
    const longer = Math.max(frame.width, frame.height);
    canvas.width = inputSize;
    canvas.height = inputSize;
    context.fillRect(0, 0, inputSize, inputSize);
    frame.draw(context, (frame.width * inputSize) / longer, (frame.height * inputSize) / longer);
    const found = await network.locateFaces(canvas, new runtime.tf.TinyFaceDetectorOptions({inputSize, scoreThreshold}));
    const scale = longer / inputSize;
    return found
      .map(({box, score}) => ({x: box.x * scale, y: box.y * scale, width: box.width * scale, height: box.height * scale, score}))
      .sort((first, second) => second.width * second.height - first.width * first.height);
  }
}
