/** A reading as JSON, as CSV and as a picture: of a video its track, of a photograph every face. */
import {trackToJson} from '../../score_files.js';
import {readColour} from '../widgets/colours.js';

/** @typedef {import('../../pixels/crop.js').Box} Box */
/** @typedef {{face: Box, probabilities: number[]}} FaceReading */
/** @typedef {{name: string, width: number, height: number, model: Record<string, string>, labels: string[], faces: readonly FaceReading[]}} PhotoReading boxes in pixels */
/** @typedef {import('../../score.js').Track} Track */

const DECIMALS = 6;
const TEXT_PX = 22;

/**
 * @param {PhotoReading | Track} reading
 * @returns {Record<string, unknown>} of a video a track, which `python -m reon_export score` reads
 */
export function readingToJson(reading) {
  if ('frames' in reading) return trackToJson(reading);
  const {name, width, height, model, labels, faces} = reading;
  const rows = faces.map(({face, probabilities}) => ({box: toBox(face), probabilities}));
  return {format: 'reon-reading', version: 1, name, width, height, labels, model, faces: rows};
}

/**
 * @param {PhotoReading | Track} reading
 * @returns {string} a line a frame with its time, or a line a face with its number; empty where there is no face
 */
export function readingToCsv(reading) {
  const [first, rows] = 'frames' in reading
    ? ['time_s', reading.frames.map((frame) => [frame.time_s, frame.box, frame.probabilities])]
    : ['face', reading.faces.map(({face, probabilities}, i) => [i + 1, face, probabilities])];
  const lines = /** @type {[number, Box | null | undefined, number[] | null][]} */ (rows).map(([key, box, probabilities]) => {
    const values = [box?.x, box?.y, box?.width, box?.height, ...probabilities ?? reading.labels.map(() => undefined)];
    return [String(Number(key.toFixed(DECIMALS))), ...values.map((value) => value?.toFixed(DECIMALS) ?? '')].join(',');
  });
  return `${[[first, 'x', 'y', 'width', 'height', ...reading.labels].join(','), ...lines].join('\n')}\n`;
}

/**
 * The picture as it is shown, with its boxes and what was read.
 * @param {HTMLCanvasElement} photo
 * @param {readonly {box: Box, text: string}[]} faces boxes in pixels of the frame
 * @param {number} frameWidth
 * @param {boolean} isMirrored
 * @returns {Promise<Blob>} a PNG
 */
export function drawReading(photo, faces, frameWidth, isMirrored) {
  const canvas = document.createElement('canvas');
  canvas.width = photo.width;
  canvas.height = photo.height;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
  const scale = photo.width / frameWidth;
  context.save();
  if (isMirrored) {
    context.translate(photo.width, 0);
    context.scale(-1, 1);
  }
  context.drawImage(photo, 0, 0);
  context.restore();
  context.font = `600 ${TEXT_PX}px ${getComputedStyle(document.body).fontFamily}`;
  for (const {box, text} of faces) {
    const [width, height, y] = [box.width * scale, box.height * scale, box.y * scale];
    const x = isMirrored ? photo.width - box.x * scale - width : box.x * scale;
    context.lineWidth = 3;
    context.strokeStyle = '#fff';
    context.strokeRect(x, y, width, height);
    if (text === '') continue;
    const textY = Math.min(photo.height - TEXT_PX * 1.4, y + height);
    context.fillStyle = readColour('--accent');
    context.fillRect(x, textY, context.measureText(text).width + 16, TEXT_PX * 1.4);
    context.fillStyle = readColour('--accent-ink');
    context.fillText(text, x + 8, textY + TEXT_PX);
  }
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob === null ? reject(new Error('no picture came out')) : resolve(blob)), 'image/png');
  });
}

/** @param {Box} box */
function toBox({x, y, width, height}) {
  return {x, y, width, height};
}
