/**
 * The score of two tracks. It mirrors reon_export/score/definition.py, whose docstring is the definition; the golden vectors of
 * tests/golden/score.json hold both. Pure: numbers in, numbers out.
 */

/** @typedef {{x: number, y: number, width: number, height: number}} TrackBox in pixels of the frame */
/** @typedef {{time_s: number, probabilities: number[] | null, box?: TrackBox | null}} TrackFrame null where there is no face */
/**
 * @typedef {object} Track the content of a track file
 * @property {string} name
 * @property {string[]} labels in the order of the probabilities
 * @property {number} duration_s
 * @property {TrackFrame[]} frames in order of time
 * @property {Record<string, string>} [model] what the probabilities come from
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
 * @property {Moment | null} best
 * @property {Moment | null} worst
 * @property {Cell[]} cells
 */
/** @typedef {{lagS: number, score: number}} Lag lagS > 0: the user is late */

export const RATE_HZ = 30;
export const MAX_HOLD_S = 0.5;
export const MIN_COVERAGE = 0.5;
export const MAX_LAG_S = 2;
const TIME_TOLERANCE_S = 0.001; // containers round to milliseconds
const MIN_OVERLAP = 0.5; // of the shorter track's faces
const ROUNDING = 1e-9; // totals that differ by less are equal

/**
 * @param {Track} actor
 * @param {Track} user
 * @returns {Score}
 * @throws {Error} if the tracks name different classes
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
  const endS = Math.max(actor.duration_s, user.duration_s);
  const order = actor.labels.map((label) => user.labels.indexOf(label));
  const reordered = sampleTrack(user, endS).map((values) => values && order.map((k) => values[k]));
  return [sampleTrack(actor, endS), reordered];
}

/**
 * The probabilities on show in the middle of each cell.
 * @param {Track} track
 * @param {number} endS
 * @returns {(number[] | null)[]}
 */
function sampleTrack({frames, duration_s: durationS}, endS) {
  const count = Math.max(0, Math.ceil(endS * RATE_HZ - 0.5));
  let latest = -1;
  return Array.from({length: count}, (_, j) => {
    const timeS = (j + 0.5) / RATE_HZ;
    while (latest + 1 < frames.length && frames[latest + 1].time_s <= timeS + TIME_TOLERANCE_S) latest += 1;
    if (latest < 0 || timeS - frames[latest].time_s > MAX_HOLD_S || !(timeS < durationS)) return null;
    return frames[latest].probabilities;
  });
}
