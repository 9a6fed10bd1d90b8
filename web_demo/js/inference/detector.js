/** Finds faces with TinyFaceDetector. */
import {fetchDetectorWeights} from './detector_weights.js';
import {PLAIN_VIEW} from '../pixels/measure.js';
import {layOut} from '../pixels/detector_input.js';
import {undoMirrorBias} from '../pixels/box_correction.js';
import {decodeBoxes, SCORE_THRESHOLD} from './tiny_face.js';

/** @typedef {import('../pixels/crop.js').Box} Box */
/** @typedef {import('../pixels/frame.js').Frame} Frame */
/** @typedef {import('../pixels/measure.js').View} View */
/** @typedef {Box & {score: number}} FaceBox in pixels of the frame; may be fractional and may leave it */
/**
 * @typedef {object} Detector
 * @property {(frame: Frame, view?: View, liveS?: number | null) => Promise<{faces: FaceBox[], look: Look | null}>} detect the largest
 *   face first. view: of the first look; liveS: the time of a camera's frame, where a search with every look would cost frames
 * @property {() => Promise<void>} warmUp runs every look once, where a first run compiles shaders for its size
 * @property {() => void} destroy
 */

/** @typedef {View & {inputSize: number}} Look inputSize: of the network's square input, a multiple of 32 */

/**
 * 224 finds faces of ordinary size, in a third of the time of 416; 416 finds the small faces of a group photograph. Neither
 * finds a face that fills the frame: of 100 portraits cut close around the head, 224 and 416 find 10. Shown smaller, with
 * black around it, 160 finds 94 of them (Haar 77). Each look is asked only when those before it saw nobody, because boxes
 * of one and the same face differ between looks, and should rarely jump.
 * @type {readonly Look[]}
 */
const LOOKS = [
  {inputSize: 224, ...PLAIN_VIEW},
  {inputSize: 416, ...PLAIN_VIEW},
  {inputSize: 160, share: 0.6, atX: 0.5, atY: 0.5, isMirrored: false},
];
const SEARCH_EVERY_S = 0.3; // 416 costs four times the first look, and somebody who sits down is found soon enough
const BLACK_PIXEL = {width: 1, height: 1, readRgba: () => ({data: new Uint8ClampedArray(4), width: 1, height: 1})};

/**
 * Load the detector's weights.
 * @param {object} options
 * @param {import('./runtimes/runtime.js').Runtime} options.runtime
 * @param {ReturnType<typeof fetchDetectorWeights>} [options.weights] on their way already
 * @param {import('../pixels/box_correction.js').BoxCorrection | null} [options.correction] the model's, which a box found in a mirror
 *   image must fit too
 * @param {readonly Look[]} [options.looks] tried in this order until a face is found
 * @param {number} [options.scoreThreshold] 0..1
 * @returns {Promise<Detector>}
 */
export async function createDetector({runtime, weights = fetchDetectorWeights(), correction = null, looks = LOOKS, scoreThreshold = SCORE_THRESHOLD}) {
  const network = await runtime.loadTinyFace(await weights, looks.map(({inputSize}) => inputSize));
  const live = {look: 0, searchedS: -Infinity};
  return {
    async detect(frame, view = PLAIN_VIEW, liveS = null) {
      for (const index of liveS === null ? looks.keys() : chooseLooks(liveS)) {
        const look = index === 0 ? {...looks[0], ...view} : looks[index];
        const faces = await detectWith(frame, look);
        if (faces.length === 0) continue;
        live.look = index;
        return {faces, look};
      }
      return {faces: [], look: null};
    },
    async warmUp() {
      if (runtime.compilesLate) for (const look of looks) await detectWith(BLACK_PIXEL, look);
    },
    destroy() {
      network.destroy();
    },
  };

  /**
   * In a camera's frames: the look that saw the face last, and all of them only every now and then.
   * @param {number} timeS
   * @returns {number[]}
   */
  function chooseLooks(timeS) {
    const sinceS = timeS - live.searchedS;
    if (sinceS >= 0 && sinceS < SEARCH_EVERY_S) return [live.look];
    live.searchedS = timeS;
    return [...looks.keys()]; // the first again, too: it is the quickest, and the face may have come closer
  }

  /**
   * @param {import('../pixels/preprocess.js').PixelFrame} frame
   * @param {Look} look
   * @returns {Promise<FaceBox[]>}
   */
  async function detectWith(frame, look) {
    const {inputSize, isMirrored} = look;
    const {left, top, scaleX, scaleY} = layOut(frame, inputSize, look);
    return decodeBoxes(await network.run(frame, inputSize, look), inputSize, scoreThreshold)
      .map(({score, ...box}) => {
        const x = isMirrored ? inputSize - box.x - box.width : box.x;
        const face = {x: (x - left) * scaleX, y: (box.y - top) * scaleY, width: box.width * scaleX, height: box.height * scaleY};
        return {...(isMirrored ? undoMirrorBias(face, correction) : face), score};
      })
      .sort((first, second) => second.width * second.height - first.width * first.height);
  }
}
