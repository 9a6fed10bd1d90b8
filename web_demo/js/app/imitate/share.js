/** A picture of the score to share. */
import {createCanvas, getContext} from '../../pixels/canvas.js';
import {RATE_HZ} from '../../score.js';
import {readColour} from '../widgets/colours.js';
import {boxAt} from './score_content.js';
import {describeFace, describeLag, describeMargin} from './score_view.js';
import {formatNumber, formatSeconds, translate} from '../text.js';

/** @typedef {import('./score_view.js').ScoreContent} ScoreContent */

const WIDTH = 1200;
const HEIGHT = 630; // what messengers and networks show whole
const MARGIN = 56;
const FONT = 'system-ui, "Apple SD Gothic Neo", "Malgun Gothic", "Noto Sans KR", "Noto Sans CJK KR", sans-serif';

/**
 * @param {ScoreContent} content
 * @returns {Promise<Blob>} a PNG
 */
export async function drawPicture(content) {
  const canvas = createCanvas();
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const context = getContext(canvas);
  context.fillStyle = readColour('--card');
  context.fillRect(0, 0, WIDTH, HEIGHT);
  drawHead(context, content);
  drawMoment(context, content);
  drawLine(context, content);
  if (canvas instanceof OffscreenCanvas) return canvas.convertToBlob({type: 'image/png'});
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob === null ? reject(new Error('no picture came out')) : resolve(blob)), 'image/png');
  });
}

/**
 * @param {import('../../pixels/canvas.js').AnyContext} context
 * @param {ScoreContent} content
 */
function drawHead(context, {result}) {
  const {score} = result;
  const column = WIDTH / 2 - MARGIN - 32;
  write(context, translate('share_title'), MARGIN, 96, 34, '--quiet', column);
  write(context, formatNumber(score.score ?? 0, 1), MARGIN, 262, 170, '--accent', column);
  write(context, `${translate('score_of')} ${describeMargin(score)}`, MARGIN, 312, 32, '--quiet', column);
  write(context, describeLag(result), MARGIN, 360, 22, '--ink', column);
}

/**
 * @param {import('../../pixels/canvas.js').AnyContext} context
 * @param {ScoreContent} content
 */
function drawMoment(context, {result: {score, actor, user}, isMirrored, best, labels}) {
  const side = (WIDTH / 2 - MARGIN - 16) / 2;
  const cell = score.cells.find(({timeS}) => timeS === score.best?.timeS);
  const timeS = score.best?.timeS ?? 0;
  const people = [
    {frame: best.actor, track: actor, isFlipped: isMirrored.actor, who: 'actor_title', values: cell?.actor},
    {frame: best.user, track: user, isFlipped: isMirrored.user, who: 'user_title', values: cell?.user},
  ];
  people.forEach(({frame, track, isFlipped, who, values}, i) => {
    const left = WIDTH / 2 + i * (side + 16);
    if (frame !== null) {
      const {x, y, cut} = squareAround(boxAt(track, timeS), frame);
      context.save();
      context.translate(isFlipped ? left + side : left, MARGIN);
      context.scale(isFlipped ? -1 : 1, 1);
      context.drawImage(frame, x, y, cut, cut, 0, 0, side, side);
      context.restore();
    }
    const name = translate(/** @type {'actor_title' | 'user_title'} */ (who));
    write(context, describeFace(name, values ?? null, labels), left, MARGIN + side + 32, 18, '--ink', side);
  });
}

/**
 * The part of a frame that shows a face whole, with as much around it.
 * @param {import('../../score.js').TrackBox | null} box none: the middle
 * @param {{width: number, height: number}} frame
 */
export function squareAround(box, {width, height}) {
  const cut = Math.min(width, height, box === null ? Infinity : 2 * Math.max(box.width, box.height));
  const [middleX, middleY] = box === null ? [width / 2, height / 2] : [box.x + box.width / 2, box.y + box.height / 2];
  const within = (/** @type {number} */ from, /** @type {number} */ size) => Math.min(Math.max(0, from), size - cut);
  return {x: within(middleX - cut / 2, width), y: within(middleY - cut / 2, height), cut};
}

/**
 * The score over time, along the lower edge.
 * @param {import('../../pixels/canvas.js').AnyContext} context
 * @param {ScoreContent} content
 */
function drawLine(context, {result: {score: {cells}}}) {
  const [left, right, top, bottom] = [MARGIN, WIDTH - MARGIN, 420, HEIGHT - MARGIN];
  context.strokeStyle = readColour('--line');
  context.lineWidth = 2;
  for (const y of [top, (top + bottom) / 2, bottom]) {
    context.beginPath();
    context.moveTo(left, y);
    context.lineTo(right, y);
    context.stroke();
  }
  context.strokeStyle = readColour('--accent');
  context.lineWidth = 5;
  context.lineJoin = 'round';
  context.beginPath();
  let isDown = false;
  cells.forEach(({score}, i) => {
    const x = left + ((right - left) * (i + 0.5)) / cells.length;
    if (score !== null) context[isDown ? 'lineTo' : 'moveTo'](x, bottom - ((bottom - top) * score) / 100);
    isDown = score !== null;
  });
  context.stroke();
  write(context, formatSeconds(0), left, HEIGHT - 26, 20, '--quiet', 80);
  write(context, formatSeconds(Math.round(cells.length / RATE_HZ * 10) / 10), right - 56, HEIGHT - 26, 20, '--quiet', 80);
  write(context, `${location.host}${location.pathname}`, WIDTH / 2 - 160, HEIGHT - 26, 20, '--quiet', 420);
}

/**
 * @param {import('../../pixels/canvas.js').AnyContext} context
 * @param {string} text
 * @param {number} x
 * @param {number} y of the base line
 * @param {number} size in pixels
 * @param {string} colour a custom property
 * @param {number} maxWidth narrower letters where it would not fit
 */
function write(context, text, x, y, size, colour, maxWidth) {
  context.fillStyle = readColour(colour);
  context.font = `600 ${size}px ${FONT}`;
  context.fillText(text, x, y, maxWidth);
}
