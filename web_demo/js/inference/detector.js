/** Finds faces with TinyFaceDetector. */
import {createCanvas, getContext} from '../pixels/canvas.js';
import {describeReason, PageError} from '../errors.js';
import {VENDOR_URL} from '../vendor.js';

/** @typedef {import('../pixels/crop.js').Box} Box */
/** @typedef {import('../pixels/frame.js').Frame} Frame */
/** @typedef {Box & {score: number}} FaceBox in pixels of the frame; may be fractional and may leave it */
/**
 * @typedef {object} Detector
 * @property {(frame: Frame) => Promise<{faces: FaceBox[], look: Look | null}>} detect the largest face first
 * @property {() => Promise<void>} warmUp runs every look once: graphics backends compile a shader for each size
 * @property {() => void} destroy
 */

/**
 * @typedef {object} Look how the frame is shown to the network
 * @property {number} inputSize of the network's square input, a multiple of 32
 * @property {number} share of the input's side that the frame's longer side takes; the rest is black
 */

/**
 * 224 finds faces of ordinary size, in a third of the time of 416; 416 finds the small faces of a group photograph. Neither
 * finds a face that fills the frame: of 100 portraits cut close around the head, 224 and 416 find 10. Shown smaller, with
 * black around it, 160 finds 94 of them (Haar 77). Each look is asked only when those before it saw nobody, because boxes
 * of one and the same face differ between looks, and should rarely jump.
 * @type {readonly Look[]}
 */
const LOOKS = [{inputSize: 224, share: 1}, {inputSize: 416, share: 1}, {inputSize: 160, share: 0.6}];
const SCORE_THRESHOLD = 0.5; // face-api's own default

/**
 * Load the detector's weights.
 * @param {object} options
 * @param {import('./tfjs_backend.js').Runtime} options.runtime
 * @param {readonly Look[]} [options.looks] tried in this order until a face is found
 * @param {number} [options.scoreThreshold] 0..1
 * @returns {Promise<Detector>}
 */
export async function createDetector({runtime, looks = LOOKS, scoreThreshold = SCORE_THRESHOLD}) {
  const network = new runtime.tf.TinyFaceDetector();
  await network.loadFromUri(VENDOR_URL).catch((error) => {
    throw new PageError('error_detector', {reason: describeReason(error)});
  });
  const canvas = createCanvas();
  const context = getContext(canvas, true);

  return {
    async detect(frame) {
      for (const look of looks) {
        const faces = await detectWith(frame, look);
        if (faces.length > 0) return {faces, look};
      }
      return {faces: [], look: null};
    },
    async warmUp() {
      for (const look of looks) await detectWith({width: 1, height: 1, draw() {}}, look);
    },
    destroy() {
      network.dispose();
      canvas.width = 0;
      canvas.height = 0;
    },
  };

  /**
   * @param {Pick<Frame, 'width' | 'height' | 'draw'>} frame
   * @param {Look} look
   * @returns {Promise<FaceBox[]>}
   */
  async function detectWith(frame, {inputSize, share}) {
    // A whole frame goes to the top left of a black square, as face-api does it itself, but without a full-size canvas.
    const longer = Math.max(frame.width, frame.height);
    const drawn = inputSize * share;
    const width = (frame.width * drawn) / longer;
    const height = (frame.height * drawn) / longer;
    const scale = longer / drawn;
    const left = share < 1 ? (inputSize - width) / 2 : 0;
    const top = share < 1 ? (inputSize - height) / 2 : 0;
    canvas.width = inputSize;
    canvas.height = inputSize;
    context.fillRect(0, 0, inputSize, inputSize);
    context.translate(left, top);
    frame.draw(context, width, height);
    const found = await network.locateFaces(/** @type {HTMLCanvasElement} */ (canvas), new runtime.tf.TinyFaceDetectorOptions({inputSize, scoreThreshold}));
    return found
      .map(({box, score}) => ({
        x: (box.x - left) * scale,
        y: (box.y - top) * scale,
        width: box.width * scale,
        height: box.height * scale,
        score,
      }))
      .sort((first, second) => second.width * second.height - first.width * first.height);
  }
}
