/**
 * How a face is measured over time. It mirrors reon_export/score/tracks/measure.py and follow.py, whose docstrings are the
 * rule and its reasons; tests/golden/measure.json holds both. Pure: numbers in, numbers out.
 */
import {intersectionOverUnion} from './crop.js';

/** @typedef {import('./crop.js').Box} Box */
/**
 * @typedef {object} Measurement `spec.measurement`; windows are half widths
 * @property {'steady' | 'single'} rule
 * @property {number} box_window_s
 * @property {number} window_s
 * @property {number} look_scale
 * @property {number} look_shift
 */
/** @typedef {{scale: number, offsetX: number, offsetY: number, isMirrored: boolean}} Look sizes and offsets in boxes */
/** @typedef {{timeS: number, box: Box}} PastBox */
/**
 * @typedef {object} View where a frame lies in the face detector's square input
 * @property {number} share of the input's side that the frame's longer side takes; the rest is black
 * @property {number} atX 0: left, 1: right
 * @property {number} atY 0: top, 1: bottom
 * @property {boolean} isMirrored all of that from behind
 */

/** @type {Readonly<Measurement>} */
export const STEADY = Object.freeze({rule: 'steady', box_window_s: 0.4, window_s: 0.4, look_scale: 0.06, look_shift: 0.03});
/** @type {Readonly<Measurement>} */
export const SINGLE_LOOK = Object.freeze({rule: 'single', box_window_s: 0, window_s: 0, look_scale: 0, look_shift: 0});
/** The box itself. @type {Readonly<Look>} */
export const FULL_LOOK = Object.freeze({scale: 1, offsetX: 0, offsetY: 0, isMirrored: false});
export const LOOK_PAIRS = 3;
/** @type {Readonly<View>} */
export const PLAIN_VIEW = Object.freeze({share: 1, atX: 0, atY: 0, isMirrored: false});
/** @type {readonly Readonly<View>[]} */
const DETECTOR_VIEWS = [
  {share: 0.9, atX: 0, atY: 0, isMirrored: false},
  {share: 0.9, atX: 1, atY: 1, isMirrored: true},
  {share: 0.95, atX: 0.5, atY: 0.5, isMirrored: false},
  {share: 0.9, atX: 0, atY: 0, isMirrored: true},
  {share: 0.9, atX: 1, atY: 1, isMirrored: false},
  {share: 0.95, atX: 0.5, atY: 0.5, isMirrored: true},
];
const CELLS_PER_S = 30;
const CELL_OFFSET = 0.15;
const NEAR_S = 0.12;
const MAX_LOG_SIZE = 0.15;
const MAX_GAP_S = 0.25;
const MIN_OVERLAP = 0.3;

/**
 * The rule of a model; one that was built before there was a choice says none.
 * @param {{measurement?: Measurement}} spec
 * @returns {Measurement}
 */
export function measurementOf({measurement = STEADY}) {
  return measurement;
}

/**
 * The share of a Hann window around a time that a span of time covers.
 * @param {number} startS
 * @param {number} endS
 * @param {number} centreS
 * @param {number} halfS the window's half width
 * @returns {number}
 */
export function hannWeight(startS, endS, centreS, halfS) {
  const [first, last] = [startS, endS].map((edgeS) => Math.min(1, Math.max(-1, (edgeS - centreS) / halfS)));
  return (last - first) / 2 + (Math.sin(Math.PI * last) - Math.sin(Math.PI * first)) / (2 * Math.PI);
}

/** @param {number} timeS */
function cellOf(timeS) {
  return Math.floor(timeS * CELLS_PER_S + CELL_OFFSET);
}

/**
 * @param {number} timeS
 * @returns {number} which of the three pairs of looks a frame gets
 */
export function lookPairOf(timeS) {
  return cellOf(timeS) % LOOK_PAIRS;
}

/**
 * @param {number} timeS
 * @param {Measurement} rule
 * @returns {View} how the frame at a time is shown to the detector
 */
export function detectorViewAt(timeS, rule) {
  return rule.rule === 'single' ? PLAIN_VIEW : DETECTOR_VIEWS[cellOf(timeS) % DETECTOR_VIEWS.length];
}

/**
 * @param {number} timeS
 * @param {Measurement} rule
 * @returns {Look[]} the looks at the face of the frame at a time
 */
export function looksAt(timeS, rule) {
  if (rule.rule === 'single') return [FULL_LOOK];
  const sign = [0, 1, -1][lookPairOf(timeS)];
  const scale = 1 - sign * rule.look_scale;
  const shift = sign * rule.look_shift;
  return [{scale, offsetX: shift, offsetY: shift, isMirrored: false}, {scale, offsetX: -shift, offsetY: shift, isMirrored: true}];
}

/**
 * @param {Box} box
 * @param {Look} look
 * @returns {Box}
 */
export function lookBox(box, look) {
  const width = box.width * look.scale;
  const height = box.height * look.scale;
  const centreX = (box.x + box.width / 2) + look.offsetX * box.width;
  const centreY = (box.y + box.height / 2) + look.offsetY * box.height;
  return {x: centreX - width / 2, y: centreY - height / 2, width, height};
}

/**
 * The face in every frame of a file, of the boxes that were found in each, the largest first.
 * @param {readonly number[]} timesS
 * @param {readonly (readonly Box[])[]} detections
 * @returns {(Box | null)[]}
 */
export function followFace(timesS, detections) {
  /** @type {(Box | null)[]} */
  const followed = timesS.map(() => null);
  let last = -1;
  let index = 0;
  while (index < timesS.length) {
    const box = last < 0 ? null : followed[last];
    const back = box === null ? null : findReturn(box, last, timesS, detections);
    if (box !== null && back !== null) {
      for (let between = last + 1; between < back.index; between += 1) {
        const share = (timesS[between] - timesS[last]) / (timesS[back.index] - timesS[last]);
        followed[between] = interpolate(box, back.box, share);
      }
      followed[back.index] = back.box;
      last = back.index;
      index = last + 1;
      continue;
    }
    last = -1;
    if (detections[index].length > 0) {
      followed[index] = detections[index][0];
      last = index;
    }
    index += 1;
  }
  return followed;
}

/**
 * The face that is followed live, of the boxes that were found in this frame; the largest if it is not among them.
 * @param {readonly PastBox[]} past in order of time
 * @param {number} timeS
 * @param {readonly Box[]} found
 * @returns {Box | null}
 */
export function followLive(past, timeS, found) {
  const last = past.at(-1);
  const isRecent = last !== undefined && timeS - last.timeS <= MAX_GAP_S;
  return (isRecent ? findSame(last.box, found) : null) ?? found[0] ?? null;
}

/**
 * The boxes of one face, averaged over time.
 * @param {readonly number[]} timesS
 * @param {number} endS when the last frame ends
 * @param {readonly (Box | null)[]} boxes
 * @param {number} halfS 0 changes nothing
 * @returns {(Box | null)[]}
 */
export function steadyBoxes(timesS, endS, boxes, halfS) {
  if (halfS === 0) return [...boxes];
  const spans = boxes.flatMap((box, index) => (box === null ? [] : [toSpan(box, timesS[index], timesS[index + 1] ?? endS)]));
  let first = 0;
  return boxes.map((box, index) => {
    const middleS = (timesS[index] + (timesS[index + 1] ?? endS)) / 2;
    while (first < spans.length && spans[first].endS <= middleS - halfS) first += 1;
    if (box === null) return null;
    let last = first;
    while (last < spans.length && spans[last].startS < middleS + halfS) last += 1;
    return average(spans.slice(first, last), timesS[index], middleS, halfS) ?? box;
  });
}

/**
 * The box of a live frame, averaged with those before it: what comes later is not known.
 * @param {readonly PastBox[]} past in order of time, of this face
 * @param {number} timeS
 * @param {Box} box
 * @param {number} halfS
 * @returns {Box}
 */
export function steadyLive(past, timeS, box, halfS) {
  if (halfS === 0) return box;
  const near = past.filter((one) => timeS - one.timeS < halfS && findSame(box, [one.box]) !== null);
  const times = [...near.map((one) => one.timeS), timeS];
  const endS = timeS + (near.length > 0 ? (timeS - near[0].timeS) / near.length : 1 / CELLS_PER_S);
  return steadyBoxes(times, endS, [...near.map((one) => one.box), box], halfS)[near.length] ?? box;
}

/** @typedef {{startS: number, endS: number, shape: number[]}} Span a box's centre and the logarithm of its size, and for how long it counts */

/**
 * @param {readonly Span[]} around
 * @param {number} timeS
 * @param {number} middleS
 * @param {number} halfS
 * @returns {Box | null}
 */
function average(around, timeS, middleS, halfS) {
  const usual = median(around.filter((span) => Math.abs(span.startS - timeS) <= NEAR_S).map((span) => span.shape[3]));
  const sums = [0, 0, 0, 0];
  let total = 0;
  for (const {startS, endS, shape} of around) {
    if (Math.abs(shape[3] - usual) > MAX_LOG_SIZE) continue;
    const weight = hannWeight(startS, endS, middleS, halfS);
    total += weight;
    shape.forEach((value, k) => { sums[k] += weight * value; });
  }
  if (!(total > 0)) return null;
  const [centreX, centreY, logWidth, logHeight] = sums.map((value) => value / total);
  const [width, height] = [Math.exp(logWidth), Math.exp(logHeight)];
  return {x: centreX - width / 2, y: centreY - height / 2, width, height};
}

/**
 * @param {Box} box
 * @param {number} startS
 * @param {number} endS
 * @returns {Span}
 */
function toSpan({x, y, width, height}, startS, endS) {
  return {startS, endS, shape: [x + width / 2, y + height / 2, Math.log(width), Math.log(height)]};
}

/**
 * @param {number[]} values one or more
 * @returns {number}
 */
export function median(values) {
  const sorted = [...values].sort((first, second) => first - second);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * The next frame, soon enough, with a box of the same face.
 * @param {Box} box
 * @param {number} last
 * @param {readonly number[]} timesS
 * @param {readonly (readonly Box[])[]} detections
 * @returns {{index: number, box: Box} | null}
 */
function findReturn(box, last, timesS, detections) {
  for (let index = last + 1; index < timesS.length && timesS[index] - timesS[last] <= MAX_GAP_S; index += 1) {
    const found = findSame(box, detections[index]);
    if (found !== null) return {index, box: found};
  }
  return null;
}

/**
 * @param {Box} box
 * @param {readonly Box[]} found
 * @returns {Box | null} the one that overlaps most with it, if it does enough
 */
export function findSame(box, found) {
  /** @type {Box | null} */
  let best = null;
  let most = 0;
  for (const one of found) {
    const overlap = intersectionOverUnion(box, one);
    if (best === null || overlap > most) [best, most] = [one, overlap];
  }
  return most >= MIN_OVERLAP ? best : null;
}

/**
 * @param {Box} from
 * @param {Box} to
 * @param {number} share
 * @returns {Box}
 */
function interpolate(from, to, share) {
  return {
    x: from.x + (to.x - from.x) * share,
    y: from.y + (to.y - from.y) * share,
    width: from.width + (to.width - from.width) * share,
    height: from.height + (to.height - from.height) * share,
  };
}
