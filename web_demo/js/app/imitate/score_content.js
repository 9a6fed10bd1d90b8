/** Two performances to everything that the score's card shows. A recording that was stopped early is scored as far as it goes. */
import {PageError} from '../../errors.js';
import {MAX_HOLD_S, MIN_COVERAGE, findLag, scoreTracks} from '../../score.js';
import {faceShare} from '../../score_files.js';
import {formatNumber, formatPercent} from '../text.js';

/** @typedef {import('./person.js').Performance} Performance */
/** @typedef {import('./score_view.js').ScoreContent} ScoreContent */
/** @typedef {import('./score_view.js').Pair} Pair */
/** @typedef {import('../../score.js').Track} Track */

/**
 * @param {Performance} actor
 * @param {Performance} user
 * @param {import('../../inference/manifest.js').ModelSpec} spec
 * @param {readonly number[]} attempts the scores of the recordings before
 * @returns {Promise<ScoreContent>} to be closed
 * @throws {PageError} if too little of both shows a face
 */
export async function makeScoreContent(actor, user, spec, attempts) {
  const endS = user.track.duration_s;
  const isCut = user.isRecorded && endS < actor.track.duration_s - MAX_HOLD_S;
  const track = isCut ? cutTrack(actor.track, endS) : actor.track;
  const score = scoreTracks(track, user.track);
  if (!score.isCovered) throw explainNoScore(score.coverage, track, user.track);
  return {
    result: {actor: track, user: user.track, score, lag: findLag(track, user.track), scale: spec.scale ?? null},
    attempts: user.isRecorded ? [...attempts, score.score ?? 0] : attempts,
    ofS: isCut ? actor.track.duration_s : null,
    isMirrored: {actor: actor.isMirrored, user: user.isMirrored},
    labels: spec.labels,
    model: [user.track.model?.name, user.track.model?.runtime].join(', '),
    best: await readPair(actor, user, score.best),
    worst: await readPair(actor, user, score.worst),
  };
}

/**
 * The beginning of a track.
 * @param {Track} track
 * @param {number} endS
 * @returns {Track}
 */
export function cutTrack(track, endS) {
  const note = `only its first ${endS.toFixed(1)} s of ${track.duration_s.toFixed(1)} s: the recording was stopped there`;
  return {...track, duration_s: endS, frames: track.frames.filter((frame) => frame.time_s < endS), notes: [...track.notes ?? [], note]};
}

/**
 * Where the face is at a time.
 * @param {Track} track
 * @param {number} timeS
 * @returns {import('../../score.js').TrackBox | null}
 */
export function boxAt({frames}, timeS) {
  return frames.filter((frame) => frame.time_s <= timeS && frame.box).at(-1)?.box ?? null;
}

/**
 * Why too little of both shows a face: one of the two is too short, was read too rarely, or shows no face.
 * @param {number} coverage
 * @param {Track} actor
 * @param {Track} user
 */
function explainNoScore(coverage, actor, user) {
  const [short, long] = [actor.duration_s, user.duration_s].sort((one, other) => one - other);
  if (short < MIN_COVERAGE * long) {
    return new PageError('error_short', {actor: formatNumber(actor.duration_s, 1), user: formatNumber(user.duration_s, 1)});
  }
  const faces = {actor: formatPercent(faceShare(actor)), user: formatPercent(faceShare(user))};
  if (readShare(user) < Math.min(readShare(actor), faceShare(actor), faceShare(user))) {
    return new PageError('error_sparse', {...faces, percent: formatPercent(coverage), rate: formatNumber(user.frames.length / user.duration_s, 1)});
  }
  return new PageError('error_coverage', {...faces, percent: formatPercent(coverage)});
}

/**
 * @param {Track} track
 * @returns {number} the share of its time that its frames stand for, each for MAX_HOLD_S at most
 */
function readShare({frames, duration_s: durationS}) {
  const known = frames.map(({time_s: timeS}, index) => Math.min(MAX_HOLD_S, (frames[index + 1]?.time_s ?? durationS) - timeS));
  return known.reduce((sum, seconds) => sum + seconds, 0) / durationS;
}

/** @param {ScoreContent} content its frames are let go */
export function closeScoreContent({best, worst}) {
  for (const pair of [best, worst]) {
    pair.actor?.close();
    pair.user?.close();
  }
}

/**
 * @param {Performance} actor
 * @param {Performance} user
 * @param {import('../../score.js').Moment | null} moment
 * @returns {Promise<Pair>}
 */
async function readPair(actor, user, moment) {
  /** @param {Performance} person */
  const read = async ({clip, offsetS}) => (clip === null || moment === null ? null : clip.frameAt(moment.timeS - offsetS).catch(() => null));
  return {actor: await read(actor), user: await read(user)};
}
