/** The result: the total, what it rests on, the score over time, the best and the worst moment, and where points went. */
import {createBars} from '../widgets/bars.js';
import {getContext} from '../../pixels/canvas.js';
import {createChart} from '../widgets/chart.js';
import {createElement, find, setText} from '../dom.js';
import {showFacts} from '../read/reading_view.js';
import {RATE_HZ, isLagReal, placeOnScale} from '../../score.js';
import {formatNumber, formatPercent, formatSeconds, nameOf, onLanguageChange, translate} from '../text.js';

const LEAST_SHOWN_POINTS = 0.05; // less is shown as 0.0
/** @type {Record<import('../../score.js').Place, import('../text.js').TextKey>} */
const PLACES = {same: 'place_same', closer: 'place_closer', similar: 'place_similar', unlike: 'place_unlike'};

/** @typedef {import('../../score_files.js').ScoreResult} ScoreResult */
/** @typedef {import('../../inference/manifest.js').Label} Label */
/** @typedef {{actor: ImageBitmap | null, user: ImageBitmap | null}} Pair the frames of a moment */
/**
 * @typedef {object} ScoreContent
 * @property {ScoreResult} result
 * @property {number | null} ofS how long the actor's whole clip is, where only its beginning was imitated
 * @property {{actor: boolean, user: boolean}} isMirrored whether the video is shown as in a mirror
 * @property {readonly number[]} attempts scores of this visit's recordings, this one last
 * @property {readonly Label[]} labels
 * @property {string} model
 * @property {Pair} best
 * @property {Pair} worst
 */
/**
 * @typedef {object} ScoreView
 * @property {(content: ScoreContent | null) => void} show null: nothing
 * @property {(timeS: number) => void} setPlayhead
 */

/**
 * @param {HTMLElement} root the card
 * @param {(timeS: number) => void} onSeek
 * @returns {ScoreView}
 */
export function createScoreView(root, onSeek) {
  const total = find(root, '#total', HTMLElement);
  const margin = find(root, '#margin', HTMLElement);
  const place = find(root, '#score-place', HTMLElement);
  const scale = find(root, '#scale', HTMLElement);
  const lostParts = ['#lost-title', '#lost'].map((selector) => find(root, selector, HTMLElement));
  const facts = find(root, '#score-facts', HTMLElement);
  const moments = find(root, '#moments', HTMLElement);
  const output = find(root, '#playhead-text', HTMLOutputElement);
  const slider = find(root, '#playhead', HTMLInputElement);
  const lost = createBars(find(root, '#lost', HTMLElement));
  const chart = createChart(find(root, '#score-chart', HTMLElement), onSeek);
  /** @type {ScoreContent | null} */
  let content = null;
  let playheadS = 0;
  onLanguageChange(render);
  return {
    show(wanted) {
      content = wanted;
      root.hidden = wanted === null;
      playheadS = 0;
      render();
    },
    setPlayhead(timeS) {
      playheadS = timeS;
      chart.setPlayhead(timeS);
      showTime();
    },
  };

  function render() {
    if (content === null) {
      void chart.show(null);
      moments.replaceChildren();
      return;
    }
    const {result, labels} = content;
    const {score} = result;
    setText(total, formatNumber(score.score ?? 0, 1));
    setText(margin, describeMargin(score));
    root.dataset.score = String(score.score);
    root.dataset.lag = String(result.lag?.lagS ?? '');
    showFacts(facts, listFacts(content));
    moments.replaceChildren(...createMoment(content, 'best'), ...createMoment(content, 'worst'));
    const sentence = describePlace(result);
    place.hidden = sentence === '';
    setText(place, sentence);
    showScale(scale, result);
    const points = labels.map((label) => score.pointsLost[label.key] ?? 0);
    for (const part of lostParts) part.hidden = Math.max(...points) < LEAST_SHOWN_POINTS;
    lost.render(labels, points.map((value) => ({
      share: value / 100, // of the whole score, so that losing little looks like little
      text: translate(value < LEAST_SHOWN_POINTS ? 'lost_nothing' : 'lost_value', {points: formatNumber(value, 1)}),
    })), -1);
    void chart.show({
      timesS: score.cells.map((cell) => cell.timeS),
      lines: [{colour: '--accent', values: score.cells.map((cell) => cell.score)}],
      endS: score.cells.length / RATE_HZ,
      top: 100,
      formatTime: (value) => formatSeconds(value),
      formatValue: (value) => formatNumber(value, 0),
      label: translate('chart_score'),
      describe: (i) => describeCell(score.cells[i]),
    });
    chart.setPlayhead(playheadS);
    showTime();
  }

  function showTime() {
    if (content === null) return;
    const {cells} = content.result.score;
    const cell = cells[Math.min(cells.length - 1, Math.max(0, Math.floor(playheadS * RATE_HZ)))];
    const text = describeCell({timeS: playheadS, score: cell?.score ?? null});
    setText(output, text);
    slider.setAttribute('aria-valuetext', text);
  }

  /**
   * @param {ScoreContent} of
   * @param {'best' | 'worst'} which
   * @returns {HTMLElement[]}
   */
  function createMoment(of, which) {
    const {result: {score}, labels} = of;
    const moment = score[which];
    if (moment === null) return [];
    const figure = createElement('figure', 'moment');
    figure.dataset.moment = which;
    figure.dataset.timeS = String(moment.timeS);
    const seconds = formatNumber(moment.timeS, 1);
    const text = translate(which === 'best' ? 'moment_best' : 'moment_worst', {seconds, score: formatNumber(moment.score, 1)});
    const cell = score.cells[Math.floor(moment.timeS * RATE_HZ)];
    const pair = createElement('div', 'pair');
    pair.append(
      createFace(of[which].actor, of.isMirrored.actor, describeFace(translate('actor_title'), cell.actor, labels)),
      createFace(of[which].user, of.isMirrored.user, describeFace(translate('user_title'), cell.user, labels)),
    );
    const button = createElement('button', '', translate('moment_go'));
    button.setAttribute('type', 'button');
    button.setAttribute('aria-label', `${translate('moment_go')}: ${text}`);
    button.addEventListener('click', () => onSeek(moment.timeS));
    const caption = createElement('figcaption', '');
    caption.append(createElement('span', '', text), button);
    figure.append(pair, caption);
    return [figure];
  }

  /**
   * @param {ImageBitmap | null} frame
   * @param {boolean} isMirrored
   * @param {string} text
   * @returns {HTMLElement}
   */
  function createFace(frame, isMirrored, text) {
    const face = createElement('div', 'face');
    if (frame !== null) {
      const canvas = document.createElement('canvas');
      canvas.width = frame.width;
      canvas.height = frame.height;
      getContext(canvas).drawImage(frame, 0, 0);
      canvas.toggleAttribute('data-mirrored', isMirrored);
      canvas.setAttribute('aria-hidden', 'true');
      face.append(canvas);
    }
    face.append(createElement('p', 'quiet', text));
    return face;
  }
}

/**
 * @param {Pick<import('../../score.js').Cell, 'timeS' | 'score'>} cell
 * @returns {string}
 */
function describeCell({timeS, score}) {
  const shown = score === null ? translate('playhead_no_score') : formatNumber(score, 1);
  return translate('playhead_text', {seconds: formatNumber(timeS, 1), score: shown});
}

/**
 * The score with its margin between what different performances get and what the same one gets, filmed again. The sentence
 * under it says the same.
 * @param {HTMLElement} element
 * @param {Pick<ScoreResult, 'score' | 'scale'>} result
 */
function showScale(element, {score: {score, margin}, scale}) {
  element.hidden = score === null || !scale;
  if (score === null || !scale) return;
  const half = margin ?? 0;
  const different = createSpan('scale-zone', 0, scale.different_ninetieth);
  const same = createSpan('scale-zone scale-same', scale.same_tenth, 100);
  different.append(createElement('span', '', translate('scale_different')));
  same.append(createElement('span', '', translate('scale_same')));
  const parts = [createSpan('scale-track', 0, 100), different, same];
  element.replaceChildren(...parts, createSpan('scale-margin', Math.max(0, score - half), Math.min(100, score + half)), createSpan('scale-mark', score, score));
}

/**
 * @param {string} className
 * @param {number} from
 * @param {number} to of 100
 */
function createSpan(className, from, to) {
  const span = createElement('div', className);
  span.style.setProperty('left', `${from}%`);
  if (to > from) span.style.setProperty('width', `${to - from}%`);
  return span;
}

/**
 * Who shows what most.
 * @param {string} who
 * @param {readonly number[] | null} probabilities
 * @param {readonly Label[]} labels
 * @returns {string}
 */
export function describeFace(who, probabilities, labels) {
  if (probabilities === null) return who;
  const top = probabilities.indexOf(Math.max(...probabilities));
  return translate('moment_frame', {who, label: nameOf(labels[top]), percent: formatPercent(probabilities[top])});
}

/**
 * @param {import('../../score.js').Score} score
 * @returns {string} nothing where it has no margin
 */
export function describeMargin({margin}) {
  return margin === null ? '' : translate('score_margin', {points: formatNumber(margin, 1)});
}

/**
 * What the score means.
 * @param {Pick<ScoreResult, 'score' | 'scale'>} result
 * @returns {string} nothing where the model has no scale
 */
export function describePlace({score: {score}, scale}) {
  if (score === null || scale === null || scale === undefined) return '';
  return translate(PLACES[placeOnScale(score, scale)], {
    same: formatNumber(scale.same_tenth, 0), ninetieth: formatNumber(scale.different_ninetieth, 0), median: formatNumber(scale.different_median, 0),
  });
}

/**
 * @param {Pick<ScoreResult, 'score' | 'lag' | 'scale'>} result
 * @returns {string}
 */
export function describeLag({score, lag, scale}) {
  if (lag === null) return translate('score_lag_none');
  // Different performances have no common timing: some lag always fits them a little better.
  if (scale && lag.score <= scale.different_ninetieth) return translate('score_lag_unlike');
  if (!isLagReal(score, lag)) return translate('score_lag_in_time');
  return translate(lag.lagS > 0 ? 'score_lag_late' : 'score_lag_early', {
    seconds: formatNumber(Math.abs(lag.lagS), 2), score: formatNumber(lag.score, 1),
  });
}

/**
 * @param {ScoreContent} content
 * @returns {[string, string, string][]}
 */
function listFacts({result, ofS, attempts, model}) {
  /** @type {[string, string, string][]} */
  const rows = [];
  if (ofS !== null) {
    const lengths = {done: formatNumber(result.user.duration_s, 1), total: formatNumber(ofS, 1)};
    rows.push(['score_part', translate('score_part'), translate('score_part_value', lengths)]);
  }
  if (attempts.length > 0) {
    const shown = {scores: attempts.map((value) => formatNumber(value, 1)).join(', '), best: formatNumber(Math.max(...attempts), 1)};
    rows.push(['score_attempts', translate('score_attempts'), translate('score_attempts_value', shown)]);
  }
  rows.push(
    ['score_coverage', translate('score_coverage'), translate('score_coverage_value', {percent: formatPercent(result.score.coverage)})],
    ['score_lag', translate('score_lag'), describeLag(result)],
    ['score_model', translate('score_model'), model],
  );
  return rows;
}
