/**
 * The score of two tracks. It mirrors reon_export/score/definition.py, whose docstring is the definition; the golden vectors of
 * tests/golden/score.json hold both. Pure: numbers in, numbers out.
 */
import {LOOK_PAIRS, SINGLE_LOOK, hannWeight, lookPairOf} from './pixels/measure.js';

/** @typedef {{x: number, y: number, width: number, height: number}} TrackBox in pixels of the frame */
/** @typedef {{time_s: number, probabilities: number[] | null, box?: TrackBox | null}} TrackFrame null where there is no face */
/**
 * @typedef {object} Track the content of a track file
 * @property {string} name
 * @property {string[]} labels in the order of the probabilities
 * @property {number} duration_s
 * @property {TrackFrame[]} frames in order of time
 * @property {Record<string, string>} [model] what the probabilities come from
 * @property {import('./pixels/measure.js').Measurement} [measurement] the rule that it was made by; none: a single look a frame
 * @property {string[]} [notes] what was assumed of the video and what may be off, sentences in English
 */
/** @typedef {{timeS: number, score: number | null, actor: number[] | null, user: number[] | null}} Cell */
/** @typedef {{timeS: number, score: number}} Moment */
/**
 * @typedef {object} Score
 * @property {string[]} labels the actor's order
 * @property {number | null} score 0..100; null when the two never have a face at once
 * @property {number} coverage share of the cells in which both have a face
 * @property {boolean} isCovered whether that is enough for a score that means something
 * @property {Record<string, number>} pointsLost by label; they add up to 100 - score
 * @property {number | null} margin half of the interval that holds the true score in about 95 % of cases; null for single looks
 * @property {Moment | null} best
 * @property {Moment | null} worst
 * @property {Cell[]} cells
 */
/** @typedef {{lagS: number, score: number}} Lag lagS > 0: the user is late */

export const RATE_HZ = 30;
export const MAX_HOLD_S = 0.5;
export const MIN_COVERAGE = 0.5;
export const MAX_LAG_S = 2;
const MARGIN_FAR = 0.25; // where these come from is written in definition.py
const MARGIN_NEAR = 0.35;
const TIME_TOLERANCE_S = 0.001; // containers round to milliseconds
const MIN_OVERLAP = 0.5; // of the shorter track's faces
const MIN_LAG_S = 0.05;
const MIN_LAG_GAIN = 2; // points
const ROUNDING = 1e-9; // totals that differ by less are equal

/**
 * @param {Track} actor
 * @param {Track} user
 * @returns {Score}
 * @throws {Error} if the tracks name different classes, or were measured by different rules
 */
export function scoreTracks(actor, user) {
  const [p, q] = samplePair(actor, user);
  const lost = actor.labels.map(() => 0);
  let sum = 0;
  let count = 0;
  /** @type {Moment | null} */
  let best = null;
  /** @type {Moment | null} */
  let worst = null;
  const cells = p.map((actorValues, j) => {
    const userValues = q[j];
    const timeS = (j + 0.5) / RATE_HZ;
    if (actorValues === null || userValues === null) return {timeS, score: null, actor: actorValues, user: userValues};
    const score = 100 * (1 - distance(actorValues, userValues));
    actorValues.forEach((value, k) => { lost[k] += 50 * Math.abs(value - userValues[k]); });
    sum += score;
    count += 1;
    if (best === null || score > best.score) best = {timeS, score};
    if (worst === null || score < worst.score) worst = {timeS, score};
    return {timeS, score, actor: actorValues, user: userValues};
  });
  const coverage = count === 0 ? 0 : count / cells.length;
  return {
    labels: actor.labels,
    score: count === 0 ? null : sum / count,
    coverage,
    isCovered: count > 0 && coverage >= MIN_COVERAGE,
    margin: count === 0 ? null : findMargin(actor, user, cells, sum / count),
    pointsLost: count === 0 ? {} : Object.fromEntries(actor.labels.map((label, k) => [label, lost[k] / count])),
    best,
    worst,
    cells,
  };
}

/**
 * The constant lag with the highest total: the actor at t against the user at t + lag.
 * @param {Track} actor
 * @param {Track} user
 * @param {number} [maxLagS]
 * @returns {Lag | null} null if under no lag enough of the two overlaps
 * @throws {Error} if the tracks name different classes
 */
export function findLag(actor, user, maxLagS = MAX_LAG_S) {
  const [p, q] = samplePair(actor, user);
  const wanted = MIN_OVERLAP * Math.min(countFaces(p), countFaces(q));
  /** @type {Lag | null} */
  let best = null;
  for (const lag of listLags(Math.round(maxLagS * RATE_HZ))) {
    let sum = 0;
    let count = 0;
    for (let j = Math.max(0, -lag); j < p.length - Math.max(0, lag); j += 1) {
      const actorValues = p[j];
      const userValues = q[j + lag];
      if (actorValues === null || userValues === null) continue;
      sum += distance(actorValues, userValues);
      count += 1;
    }
    if (count === 0 || count < wanted) continue;
    const score = 100 * (1 - sum / count);
    if (best === null || score > best.score + ROUNDING) best = {lagS: lag / RATE_HZ, score};
  }
  return best;
}

/**
 * Whether a lag says something of the performance: noise finds one, too, and one at the limit only says where the search ended.
 * @param {Score} score
 * @param {Lag} lag
 * @returns {boolean}
 */
export function isLagReal({score}, lag) {
  const gain = lag.score - (score ?? 0);
  return gain > MIN_LAG_GAIN && Math.abs(lag.lagS) > MIN_LAG_S && Math.abs(lag.lagS) < MAX_LAG_S - ROUNDING;
}

/**
 * 0, 1, -1, 2, -2, ...: of equal totals the first one wins.
 * @param {number} most
 * @returns {number[]}
 */
function listLags(most) {
  const lags = [0];
  for (let lag = 1; lag <= most; lag += 1) lags.push(lag, -lag);
  return lags;
}

/** @param {(number[] | null)[]} cells */
function countFaces(cells) {
  return cells.filter((values) => values !== null).length;
}

/**
 * Total variation distance.
 * @param {number[]} p
 * @param {number[]} q
 * @returns {number} 0..1
 */
function distance(p, q) {
  return 0.5 * p.reduce((sum, value, k) => sum + Math.abs(value - q[k]), 0);
}

/**
 * Both tracks on the common cells, the user's classes in the actor's order.
 * @param {Track} actor
 * @param {Track} user
 * @returns {[(number[] | null)[], (number[] | null)[]]}
 */
function samplePair(actor, user) {
  const isSame = actor.labels.length === user.labels.length && actor.labels.every((label) => user.labels.includes(label));
  if (!isSame) {
    throw new Error(`the tracks name different classes: ${actor.labels.join(', ')} and ${user.labels.join(', ')}; make both with the same model`);
  }
  if (describeRule(actor) !== describeRule(user)) {
    throw new Error(`the tracks were measured by different rules: ${describeRule(actor)} and ${describeRule(user)}; make both again`);
  }
  const endS = Math.max(actor.duration_s, user.duration_s);
  const order = actor.labels.map((label) => user.labels.indexOf(label));
  const reordered = sampleTrack(user, endS).map((values) => values && order.map((k) => values[k]));
  return [sampleTrack(actor, endS), reordered];
}

/** @param {Track} track */
function describeRule({measurement = SINGLE_LOOK}) {
  const {rule, box_window_s: boxWindowS, window_s: windowS, look_scale: scale, look_shift: shift} = measurement;
  return rule === 'single' ? rule : [rule, boxWindowS, windowS, scale, shift].join(' ');
}

/**
 * The track in the middle of each cell; with `lookPair`, of the frames with that pair of looks alone.
 * @param {Track} track
 * @param {number} endS
 * @param {number | null} [lookPair]
 * @returns {(number[] | null)[]}
 */
function sampleTrack({frames, duration_s: durationS, measurement = SINGLE_LOOK}, endS, lookPair = null) {
  const count = Math.max(0, Math.ceil(endS * RATE_HZ - 0.5));
  const spans = listSpans(frames, durationS, lookPair);
  let latest = -1;
  let first = 0;
  return Array.from({length: count}, (_, j) => {
    const timeS = (j + 0.5) / RATE_HZ;
    while (latest + 1 < frames.length && frames[latest + 1].time_s <= timeS + TIME_TOLERANCE_S) latest += 1;
    if (latest < 0 || timeS - frames[latest].time_s > MAX_HOLD_S || !(timeS < durationS)) return null;
    const {probabilities} = frames[latest];
    const halfS = measurement.window_s;
    if (probabilities === null || halfS === 0) return probabilities;
    while (first < spans.length && spans[first].endS <= timeS - halfS) first += 1;
    return average(spans, first, timeS, halfS, probabilities.length);
  });
}

/** @typedef {{startS: number, endS: number, probabilities: number[]}} Span for how long a frame with a face counts */

/**
 * @param {readonly TrackFrame[]} frames
 * @param {number} durationS
 * @param {number | null} lookPair
 * @returns {Span[]}
 */
function listSpans(frames, durationS, lookPair) {
  return frames.flatMap(({time_s: startS, probabilities}, i) => {
    if (probabilities === null || (lookPair !== null && lookPairOf(startS) !== lookPair)) return [];
    const endS = Math.max(startS, Math.min(frames[i + 1]?.time_s ?? Infinity, startS + MAX_HOLD_S, durationS));
    return [{startS, endS, probabilities}];
  });
}

/**
 * @param {readonly Span[]} spans
 * @param {number} first that can count
 * @param {number} timeS
 * @param {number} halfS
 * @param {number} classes
 * @returns {number[] | null}
 */
function average(spans, first, timeS, halfS, classes) {
  const sums = new Array(classes).fill(0);
  let total = 0;
  for (let i = first; i < spans.length && spans[i].startS < timeS + halfS; i += 1) {
    const {startS, endS, probabilities} = spans[i];
    const weight = hannWeight(startS, endS, timeS, halfS);
    total += weight;
    probabilities.forEach((value, k) => { sums[k] += weight * value; });
  }
  return total > 0 ? sums.map((sum) => sum / total) : null;
}

/**
 * @param {Track} actor
 * @param {Track} user
 * @param {readonly Cell[]} cells
 * @param {number} total
 * @returns {number | null} in points
 */
function findMargin(actor, user, cells, total) {
  if ((actor.measurement ?? SINGLE_LOOK).rule === 'single') return null;
  const endS = Math.max(actor.duration_s, user.duration_s);
  const means = [actor, user].map((track) => {
    const whole = sampleTrack(track, endS);
    const parts = Array.from({length: LOOK_PAIRS}, (_, pair) => sampleTrack(track, endS, pair));
    const spreads = cells.flatMap(({score}, j) => (score === null ? [] : [spreadAt(whole[j], parts.map((part) => part[j]))]));
    return spreads.reduce((sum, value) => sum + value, 0) / spreads.length;
  });
  return (MARGIN_FAR + MARGIN_NEAR * (total / 100) ** 2) * 100 * (means[0] + means[1]);
}

/**
 * @param {number[] | null} whole
 * @param {(number[] | null)[]} parts one a pair of looks
 * @returns {number} the mean distance of those that there are
 */
function spreadAt(whole, parts) {
  const distances = parts.flatMap((part) => (part === null || whole === null ? [] : [distance(part, whole)]));
  return distances.reduce((sum, value) => sum + value, 0) / Math.max(1, distances.length);
}

/**
 * @typedef {object} ScoreScale what scores of a model mean; see reon_export/spec.py
 * @property {number} same_tenth
 * @property {number} different_median
 * @property {number} different_ninetieth
 */
/** @typedef {'same' | 'closer' | 'similar' | 'unlike'} Place */

/**
 * Where a score lies among those whose pairs are known. It mirrors reon_export/score/scale.py.
 * @param {number} score
 * @param {ScoreScale} scale
 * @returns {Place}
 */
export function placeOnScale(score, scale) {
  if (score >= scale.same_tenth) return 'same';
  if (score >= scale.different_ninetieth) return 'closer';
  return score >= scale.different_median ? 'similar' : 'unlike';
}
