/** A score as JSON and as CSV, as `python -m reon_export score` writes them: it mirrors reon_export/score/files.py. */
import {SINGLE_LOOK} from './pixels/measure.js';
import {placeOnScale, RATE_HZ} from './score.js';

/** @typedef {import('./score.js').Track} Track */
/** @typedef {import('./score.js').Score} Score */
/** @typedef {{actor: Track, user: Track, score: Score, lag: import('./score.js').Lag | null, scale?: import('./score.js').ScoreScale | null}} ScoreResult */

const DECIMALS = 6;

/**
 * @param {ScoreResult} result
 * @returns {Record<string, unknown>} plain values, numbers to six decimals, null where there is no face
 */
export function resultToJson({actor, user, score, lag, scale = null}) {
  return {
    format: 'reon-score',
    version: 1,
    labels: score.labels,
    rate_hz: RATE_HZ,
    score: toNumber(score.score),
    margin: toNumber(score.margin),
    place: score.score === null || scale === null ? null : placeOnScale(score.score, scale),
    coverage: toNumber(score.coverage),
    points_lost: Object.fromEntries(Object.entries(score.pointsLost).map(([label, points]) => [label, toNumber(points)])),
    best: toMoment(score.best),
    worst: toMoment(score.worst),
    alignment: {method: lag === null ? 'none' : 'lag', lag_s: toNumber(lag?.lagS), score: toNumber(lag?.score), cost: null},
    actor: describe(actor),
    user: describe(user),
    samples: score.cells.map((cell) => ({
      time_s: toNumber(cell.timeS), score: toNumber(cell.score), actor: toRow(cell.actor), user: toRow(cell.user),
    })),
  };
}

/**
 * @param {ScoreResult} result
 * @returns {string} one line a cell: time_s, score, the actor's probabilities, the user's, the whole score's margin; empty where
 *   there is no face, or no margin
 */
export function resultToCsv({score}) {
  const heads = ['time_s', 'score', ...['actor', 'user'].flatMap((who) => score.labels.map((label) => `${who}_${label}`)), 'margin'];
  const nothing = score.labels.map(() => null);
  const rows = score.cells.map((cell) => [cell.timeS, cell.score, ...(cell.actor ?? nothing), ...(cell.user ?? nothing), score.margin]);
  const lines = rows.map((row) => row.map((value) => (value === null ? '' : value.toFixed(DECIMALS))).join(','));
  return `${[heads.join(','), ...lines].join('\n')}\n`;
}

/**
 * @param {Track} track
 * @returns {Record<string, unknown>} the content of a track file, which `python -m reon_export score` reads
 */
export function trackToJson({name, labels, duration_s: durationS, frames, model = {}, measurement = SINGLE_LOOK, notes = []}) {
  return {format: 'reon-track', version: 1, name, labels, duration_s: durationS, model, measurement, ...(notes.length > 0 ? {notes} : {}), frames};
}

/**
 * @param {Track} track
 * @returns {number} the share of its frames that show a face
 */
export function faceShare({frames}) {
  return frames.filter((frame) => frame.probabilities !== null).length / frames.length;
}

/** @param {Track} track */
function describe(track) {
  const {name, duration_s: durationS, model = {}, measurement = SINGLE_LOOK, notes = []} = track;
  return {name, duration_s: toNumber(durationS), face_share: toNumber(faceShare(track)), model, measurement: measurement.rule, ...(notes.length > 0 ? {notes} : {})};
}

/** @param {import('./score.js').Moment | null} moment */
function toMoment(moment) {
  return moment === null ? null : {time_s: toNumber(moment.timeS), score: toNumber(moment.score)};
}

/** @param {number[] | null} values */
function toRow(values) {
  return values === null ? null : values.map(toNumber);
}

/** @param {number | null | undefined} value */
function toNumber(value) {
  return value === null || value === undefined ? null : Number(value.toFixed(DECIMALS));
}
