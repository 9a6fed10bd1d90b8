/** A photograph: every face of it is read, and one of them is shown. */
import {modelOf} from '../../clip.js';
import {PageError} from '../../errors.js';
import {isDark} from '../face_note.js';

/** @typedef {import('../../inference/engine.js').Analysis} Analysis */
/** @typedef {import('../../pixels/crop.js').Box} Box */
/** @typedef {{face: Box, probabilities: number[], cropRgb: Uint8ClampedArray | null}} FaceReading */
/** @typedef {{name: string, width: number, height: number, model: Record<string, string>, labels: string[], faces: FaceReading[], shown: number}} Photo faces: the largest first, as far as they are read; shown: index */

/**
 * The largest face first; the others follow.
 * @param {string} name
 * @param {Analysis} analysis with its frame
 * @param {import('../../pipeline.js').PipelineFacts} facts
 * @returns {Photo}
 * @throws {PageError} if there is no face
 */
export function startPhoto(name, {found, probabilities, cropRgb, width, height, frame}, facts) {
  if (probabilities === null || found === null) throw new PageError(frame && isDark(frame) ? 'error_no_face_dark' : 'error_no_face');
  const faces = [{face: found, probabilities: Array.from(probabilities), cropRgb}];
  return {name, width, height, model: modelOf(facts), labels: facts.spec.labels.map(({key}) => key), faces, shown: 0};
}

/**
 * @param {Photo} photo grows
 * @param {Analysis} analysis with its frame
 * @param {import('../../pipeline.js').EmotionPipeline} pipeline
 * @param {() => boolean} isWanted
 */
export async function readOtherFaces(photo, {faces, frame}, pipeline, isWanted) {
  for (const face of faces) {
    const isRead = photo.faces.some((one) => isSameBox(one.face, face));
    if (isRead || frame === undefined) continue;
    const {probabilities, cropRgb} = await pipeline.analyze(await createImageBitmap(frame), {task: 'classify', face});
    if (!isWanted()) return;
    if (probabilities !== null) photo.faces.push({face, probabilities: Array.from(probabilities), cropRgb});
  }
}

/**
 * @param {Box} one
 * @param {Box} other
 */
export function isSameBox(one, other) {
  return one.x === other.x && one.y === other.y && one.width === other.width;
}
