/** While you imitate: what the actor shows at this moment, how much of it you show, the score so far, and the time left. */
import {find, setText} from '../dom.js';
import {createSteadyWords} from '../read/steady_words.js';
import {createRunningScore} from './running_score.js';
import {formatNumber, formatWholePercent, nameOf, translate} from '../text.js';
import {createBars} from '../widgets/bars.js';

/** @typedef {import('../../score.js').Track} Track */

const SCORE_EVERY_S = 0.3;

/**
 * @param {HTMLElement} root
 * @returns {{show: (actor: Track, user: Track, labels: readonly import('../../inference/manifest.js').Label[]) => void, reset: (actor: Track | null) => void}}
 */
export function createTargetView(root) {
  const name = find(root, '#target-name', HTMLElement);
  const score = find(root, '#target-score', HTMLElement);
  const left = find(root, '#target-left', HTMLElement);
  const bars = createBars(find(root, '#target-bars', HTMLElement), () => ['--accent', '--accent']);
  const words = createSteadyWords();
  let running = createRunningScore();
  let scoredS = 0;
  return {show, reset};

  /** @param {Track | null} actor null: nobody is imitated */
  function reset(actor) {
    words.reset();
    running = createRunningScore();
    scoredS = 0;
    setText(name, '–');
    setText(score, '–');
    bars.render(listPeople(), [null, null], -1);
    if (actor !== null) setText(left, describeLeft(actor.duration_s));
  }

  /**
   * @param {Track} actor
   * @param {Track} user as far as it goes
   * @param {readonly import('../../inference/manifest.js').Label[]} labels of the model, in the order of the probabilities
   */
  function show(actor, user, labels) {
    const timeS = user.frames.at(-1)?.time_s ?? 0;
    const target = actor.frames.filter((frame) => frame.time_s <= timeS).at(-1)?.probabilities ?? null;
    const own = user.frames.at(-1)?.probabilities ?? null;
    const word = words.show(target, performance.now());
    setText(left, describeLeft(actor.duration_s - timeS));
    setText(name, word === null ? translate('result_no_face') : nameOf(labels[word.top]));
    bars.render(listPeople(), [target, own].map((shares) => {
      const share = word === null ? undefined : shares?.[word.top];
      return share === undefined ? null : {share, text: formatWholePercent(share)};
    }), -1);
    if (timeS - scoredS < SCORE_EVERY_S) return;
    scoredS = timeS;
    const sofar = running.update(actor, user, timeS);
    setText(score, sofar === null ? '–' : formatNumber(sofar, 0));
  }
}

/** @param {number} seconds */
function describeLeft(seconds) {
  return translate('axis_seconds', {seconds: formatNumber(Math.max(0, Math.ceil(seconds)), 0)});
}

/** @returns {import('../../inference/manifest.js').Label[]} one bar each */
function listPeople() {
  return /** @type {const} */ (['actor_title', 'user_title']).map((key) => ({key, en: translate(key), ko: translate(key)}));
}
