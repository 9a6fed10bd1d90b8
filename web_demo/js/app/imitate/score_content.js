/** Two performances to everything that the score's card shows. */
import {PageError} from '../../errors.js';
import {findLag, scoreTracks} from '../../score.js';
import {faceShare} from '../../score_files.js';
import {formatPercent, translate} from '../text.js';

/** @typedef {import('./person.js').Performance} Performance */
/** @typedef {import('./score_view.js').ScoreContent} ScoreContent */
/** @typedef {import('./score_view.js').Pair} Pair */

/**
 * @param {Performance} actor
 * @param {Performance} user
 * @param {import('../../pipeline.js').PipelineFacts} facts
 * @returns {Promise<ScoreContent>} to be closed
 * @throws {PageError} if too little of both shows a face
 */
export async function makeScoreContent(actor, user, facts) {
  const score = scoreTracks(actor.track, user.track);
  if (!score.isCovered) {
    throw new PageError('error_coverage', {
      percent: formatPercent(score.coverage),
      actor: formatPercent(faceShare(actor.track)),
      user: formatPercent(faceShare(user.track)),
    });
  }
  return {
    result: {actor: actor.track, user: user.track, score, lag: findLag(actor.track, user.track)},
    labels: facts.spec.labels,
    model: translate('fact_model_value', {name: facts.name, precision: facts.artefact.precision, size: facts.runtime.backend}),
    best: await readPair(actor, user, score.best),
    worst: await readPair(actor, user, score.worst),
  };
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
