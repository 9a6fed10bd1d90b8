/** Detector, crop and classifier as one: what looks at a frame, in a page or in a worker. js/pipeline.js is the way in. */
import {createDetector} from './detector.js';
import {fetchDetectorWeights} from './detector_weights.js';
import {PageError} from '../errors.js';
import {chooseArtefact, isOfAnotherVersion, readManifest} from './manifest.js';
import {placeModelFiles} from './model_files.js';
import {detectorViewAt, findSame, FULL_LOOK, followLive, looksAt, measurementOf, PLAIN_VIEW, steadyLive} from '../pixels/measure.js';
import {cropLook} from '../pixels/preprocess.js';
import {decodeImage, openBitmap} from '../pixels/frame.js';
import {isRefusal} from './runtimes/runtime.js';
import {startClassifier} from './start_classifier.js';

/** @typedef {import('./detector.js').FaceBox} FaceBox */
/** @typedef {{stage: 'runtime' | 'model' | 'warm_up' | 'detector', doneBytes?: number, totalBytes?: number}} Progress */
/** @typedef {(progress: Progress) => void} OnProgress */
/** @typedef {ImageBitmap | VideoFrame | Blob} Picture what a worker can be given */
/**
 * @typedef {object} EngineOptions
 * @property {string} manifestUrl absolute
 * @property {Readonly<Record<string, Blob>> | null} files the model folder's, by their path beside the manifest, instead of fetching them
 * @property {string | null} backend the one to use; null lets the engine choose
 * @property {string | null} precision the one to use; null takes the smallest artefact that passed
 * @property {import('./runtimes/runtime.js').Choice | null} remembered which kernels an earlier visit found to be the faster
 * @property {number | null} maxPixels of a picture's file; null takes js/pixels/image_size.js' limit
 * @property {number | null} detectorSize the face detector's input, a multiple of 32; null looks as js/inference/detector.js says
 */
/**
 * @typedef {object} Facts what runs, and how it was checked
 * @property {string} name of the model
 * @property {import('./manifest.js').ModelSpec} spec
 * @property {import('./manifest.js').Artefact} artefact
 * @property {string} checkpoint SHA-256 of the weights that the model was made from
 * @property {import('./runtimes/runtime.js').RuntimeFacts} runtime
 * @property {import('./self_test.js').SelfTestResult | null} selfTest
 */
/**
 * @typedef {object} Analysis boxes are in pixels of the frame, as the detector drew them
 * @property {import('../pixels/crop.js').Box | null} box the face that was classified: the largest, or the steady box of the one
 *   that is followed; null without one
 * @property {import('../pixels/crop.js').Box | null} found the same as the detector drew it
 * @property {FaceBox[]} faces all of them, the largest first
 * @property {import('../pixels/crop.js').Square | null} square the window that was cut out
 * @property {Float64Array | null} probabilities in the order of spec.labels
 * @property {string | null} label key of the largest probability
 * @property {Uint8ClampedArray | null} cropRgb the network's input, HWC
 * @property {number} width of the frame
 * @property {number} height
 * @property {{detectMs: number, classifyMs: number}} timings
 * @property {ImageBitmap} [frame] the very picture that was looked at, if it was asked for; the caller closes it
 */
/**
 * @typedef {object} AnalyzeOptions
 * @property {string} [name] for the sentence of an error
 * @property {boolean} [returnFrame]
 * @property {'detect' | 'classify' | 'both'} [task] detect: faces alone; classify: `face` alone
 * @property {import('../pixels/measure.js').View} [view] how the frame is shown to the detector
 * @property {import('../pixels/crop.js').Box | null} [face] to classify, as the detector draws boxes
 * @property {import('../pixels/crop.js').Box | null} [near] the face to classify is the one that lies here, or none; without it the largest
 * @property {import('../pixels/measure.js').Look[]} [looks] at it; the probabilities are their mean. One at the box itself
 * @property {{timeS: number, past: readonly import('../pixels/measure.js').PastBox[]}} [live] follow one face and steady its box
 * @property {number | null} [playingS] the time of a frame that plays: a face that is not there is then looked for only now and then
 */
/**
 * @typedef {object} Engine
 * @property {Facts} facts as they are now: a lost graphics context changes the backend
 * @property {(picture: Picture, options?: AnalyzeOptions) => Promise<Analysis>} analyze takes the picture over
 * @property {() => {tensors: number, bytes: number}} memory what the runtime holds; for diagnostics
 * @property {() => void} destroy
 */

/**
 * @typedef {import('./start_classifier.js').Started & {detector: import('./detector.js').Detector, loss: {reason: string | null, tell: () => void}, destroy: () => void}} Parts
 */

/**
 * @param {EngineOptions} options
 * @param {OnProgress} onProgress
 * @returns {Promise<Engine>}
 * @throws {PageError}
 */
export async function startEngine(options, onProgress) {
  onProgress({stage: 'runtime'});
  placeModelFiles(options.files ?? {}, options.manifestUrl);
  const weights = fetchDetectorWeights(); // meanwhile
  weights.catch(() => {}); // the detector says so
  let manifest = await readManifest(options.manifestUrl);
  let artefact = chooseArtefact(manifest, options.precision);
  let parts = await startParts(options.backend, []).catch(startWithNewerManifest);
  let isDestroyed = false;

  return {
    get facts() {
      const {runtime: {backend, variant, asked, rejected, threads, isHalfFloat}, choice, selfTest} = parts;
      const runtime = {backend, variant, asked, rejected, choice, threads, isHalfFloat}; // no functions: it is sent to the page
      return {name: manifest.name, spec: manifest.spec, artefact, checkpoint: manifest.source?.sha256 ?? '', runtime, selfTest};
    },
    analyze,
    memory() {
      return parts.runtime.memory();
    },
    destroy() {
      if (isDestroyed) return;
      isDestroyed = true;
      parts.destroy();
    },
  };

  /**
   * A visitor may come while a new model takes the place of the old: the manifest of the one, the files of the other.
   * @param {unknown} error of the start
   */
  async function startWithNewerManifest(error) {
    if (!isOfAnotherVersion(error)) throw error;
    const before = JSON.stringify(manifest);
    manifest = await readManifest(options.manifestUrl, 'reload');
    if (JSON.stringify(manifest) === before) throw error;
    artefact = chooseArtefact(manifest, options.precision);
    return startParts(options.backend, []);
  }

  /**
   * @param {string | null} backend
   * @param {readonly import('./runtimes/runtime.js').Rejection[]} before
   * @returns {Promise<Parts>}
   */
  async function startParts(backend, before) {
    const {runtime, classifier, selfTest, choice} = await startClassifier({
      manifest,
      artefact,
      manifestUrl: options.manifestUrl,
      backend,
      before,
      remembered: options.remembered,
      onProgress: (doneBytes, totalBytes) => onProgress({stage: 'model', doneBytes, totalBytes}),
      onWarmUp: () => onProgress({stage: 'warm_up'}),
    });
    onProgress({stage: 'detector'});
    const {detectorSize} = options;
    /** @type {import('./detector.js').Detector} */
    let detector;
    try {
      detector = await createDetector({
        runtime,
        weights,
        correction: manifest.spec.crop.correction,
        ...(detectorSize === null ? {} : {looks: [{inputSize: detectorSize, ...PLAIN_VIEW}]}),
      });
      await detector.warmUp();
    } catch (error) {
      classifier.destroy();
      if (backend !== null || !isRefusal(error)) throw error;
      return startParts(null, [...runtime.rejected, {backend: runtime.backend, reason: String(error.params.reason)}]);
    }
    const loss = {reason: /** @type {string | null} */ (null), tell() {}};
    void runtime.lost.then((reason) => {
      loss.reason = reason;
      loss.tell();
    });
    return {
      runtime,
      loss,
      classifier,
      selfTest,
      choice,
      detector,
      destroy() {
        detector.destroy();
        classifier.destroy();
      },
    };
  }

  /** @type {Engine['analyze']} */
  async function analyze(picture, asked = {}) {
    const {name = '', returnFrame = false} = asked;
    if (isDestroyed) throw new PageError('error_unexpected', {reason: 'the pipeline was destroyed'});
    const bitmap = picture instanceof Blob ? await decodeImage(picture, name, options.maxPixels ?? undefined) : await toBitmap(picture);
    const frame = openBitmap(bitmap, {isKept: true});
    let isReturned = false;
    try {
      const analysis = await lookOrRecover(frame, asked);
      isReturned = returnFrame;
      return returnFrame ? {...analysis, frame: bitmap} : analysis;
    } finally {
      frame.destroy();
      if (!isReturned) bitmap.close();
    }
  }

  /**
   * A graphics processor may take its context away at any time. The next backend then looks at the same frame again.
   * @param {import('../pixels/frame.js').Frame} frame
   * @param {AnalyzeOptions} asked
   * @returns {Promise<Analysis>}
   */
  async function lookOrRecover(frame, asked) {
    for (;;) {
      const {runtime, loss} = parts;
      // Not Promise.race with runtime.lost: a promise that never settles keeps every result that it was raced against.
      const answer = await /** @type {Promise<Analysis | null>} */ (new Promise((resolve, reject) => {
        loss.tell = () => resolve(null);
        if (loss.reason === null) look(frame, asked).then(resolve, reject);
        else resolve(null);
      }));
      loss.tell = () => {};
      if (answer !== null) return answer;
      parts = await startParts(null, [...runtime.rejected, {backend: runtime.backend, reason: loss.reason ?? ''}]);
    }
  }

  /**
   * @param {import('../pixels/frame.js').Frame} frame
   * @param {AnalyzeOptions} asked
   * @returns {Promise<Analysis>}
   */
  async function look(frame, {task = 'both', face = null, looks = [FULL_LOOK], view = PLAIN_VIEW, near = null, live, playingS = null}) {
    const {width, height} = frame;
    const {spec} = manifest;
    const rule = measurementOf(spec);
    const shown = live ? detectorViewAt(live.timeS, rule) : view;
    const started = performance.now();
    const faces = task === 'classify' ? [] : (await parts.detector.detect(frame, shown, live?.timeS ?? playingS)).faces;
    const detectMs = performance.now() - started;
    const wanted = live ? followLive(live.past, live.timeS, faces) : near ? findSame(near, faces) : faces[0] ?? null;
    const found = task === 'classify' ? face : wanted;
    if (found === null || task === 'detect') {
      return {box: null, found, faces, square: null, probabilities: null, label: null, cropRgb: null, width, height, timings: {detectMs, classifyMs: 0}};
    }
    const box = live ? steadyLive(live.past, live.timeS, found, rule.box_window_s) : found;
    const crops = (live ? looksAt(live.timeS, rule) : looks).map((one) => cropLook(frame, box, one, spec));
    const cropped = performance.now();
    const probabilities = new Float64Array(spec.labels.length);
    for (const {rgb} of crops) {
      const answer = await parts.classifier.classify(rgb);
      answer.probabilities.forEach((value, k) => { probabilities[k] += value / crops.length; });
    }
    const timings = {detectMs, classifyMs: performance.now() - cropped};
    const top = probabilities.reduce((best, value, i) => (value > probabilities[best] ? i : best), 0);
    const [{square, rgb: cropRgb}] = crops;
    return {box, found, faces, square, probabilities, label: spec.labels[top].key, cropRgb, width, height, timings};
  }
}

/**
 * @param {ImageBitmap | VideoFrame} picture
 * @returns {Promise<ImageBitmap>}
 */
async function toBitmap(picture) {
  if (picture instanceof ImageBitmap) return picture;
  try {
    return await createImageBitmap(picture); // one conversion from YUV, where each drawImage would be one more
  } finally {
    picture.close();
  }
}
