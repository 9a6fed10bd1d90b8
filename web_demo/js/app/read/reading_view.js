/** The reading of a face: the top emotion, a bar for each label, and the facts about how it was made. */
import {createBars} from '../widgets/bars.js';
import {getContext} from '../../pixels/canvas.js';
import {createElement, setText} from '../dom.js';
import {formatBytes, formatNumber, formatPercent, formatWholePercent, nameOf, translate} from '../text.js';

/** @typedef {import('../../pipeline.js').PipelineFacts} Facts */
/** @typedef {import('../../live.js').LiveStats} LiveStats */
/** @typedef {{headline: HTMLElement, note: HTMLElement, seen: HTMLElement, crop: HTMLCanvasElement, bars: HTMLElement, facts: HTMLElement}} ResultElements */
/**
 * @typedef {object} Reading what is shown; smoothing, where there is any, has been done
 * @property {readonly number[] | null} probabilities one a label; null: there is no face
 * @property {import('./steady_words.js').Words | null} words what is written of a video; null: the probabilities themselves
 * @property {Uint8ClampedArray | null} cropRgb the network's input, HWC
 * @property {boolean} isMirrored whether the picture is shown as in a mirror, and so the crop
 * @property {number} faceCount
 * @property {number} faceNumber of the one that is shown, from the left
 * @property {number} detectMs
 * @property {number} classifyMs
 * @property {LiveStats | null} stats of a video
 */
/** @typedef {{facts: Facts | null, reading: Reading | null}} ResultState */
/** @typedef {{render: (state: ResultState) => void}} ResultView */

/**
 * A missing part shows as "not yet".
 * @param {ResultElements} elements
 * @returns {ResultView}
 */
export function createResultView(elements) {
  const bars = createBars(elements.bars);
  return {
    render({facts, reading}) {
      const words = reading?.words ?? describeExactly(reading?.probabilities ?? null);
      const format = reading?.words ? formatWholePercent : formatPercent;
      setText(elements.headline, describeTop(facts, reading, words, format));
      const isOneOfMany = reading !== null && reading.stats === null && reading.faceCount > 1;
      setText(elements.note, isOneOfMany ? translate('result_many', {count: reading.faceCount, number: reading.faceNumber}) : '');
      const cropRgb = reading?.cropRgb ?? null;
      elements.crop.toggleAttribute('data-mirrored', reading?.isMirrored ?? false);
      elements.seen.hidden = facts === null || cropRgb === null;
      if (facts !== null && cropRgb !== null) drawCrop(elements.crop, cropRgb, facts.spec.input);
      const labels = facts?.spec.labels ?? [];
      const values = labels.map((_, i) => {
        const share = reading?.probabilities?.[i];
        return share === undefined ? null : {share, text: format(words?.shares[i] ?? share)};
      });
      bars.render(labels, values, words?.top ?? -1);
      renderFacts(elements.facts, facts, reading);
    },
  };
}

/**
 * @param {Facts | null} facts
 * @param {Reading | null} reading
 * @param {import('./steady_words.js').Words | null} words
 * @param {(share: number) => string} format
 * @returns {string}
 */
function describeTop(facts, reading, words, format) {
  if (facts === null || reading === null) return translate('result_waiting');
  if (words === null) return translate('result_no_face');
  const label = nameOf(facts.spec.labels[words.top]);
  return translate('result_top', {label, percent: format(words.shares[words.top])});
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Uint8ClampedArray} rgb
 * @param {{height: number, width: number}} size
 */
function drawCrop(canvas, rgb, {height, width}) {
  const image = new ImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    image.data[pixel * 4] = rgb[pixel * 3];
    image.data[pixel * 4 + 1] = rgb[pixel * 3 + 1];
    image.data[pixel * 4 + 2] = rgb[pixel * 3 + 2];
    image.data[pixel * 4 + 3] = 255;
  }
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  getContext(canvas).putImageData(image, 0, 0);
}

/**
 * @param {HTMLElement} list a `dl`
 * @param {Facts | null} facts
 * @param {Reading | null} reading
 */
function renderFacts(list, facts, reading) {
  const rows = facts === null ? [] : listFacts(facts, reading);
  showFacts(list, rows);
  const gate = list.querySelector('[data-fact="fact_verdict"]');
  if (gate !== null && facts !== null) gate.className = `fact fact-${facts.artefact.gate}`;
  list.dataset.backend = facts?.runtime.backend ?? '';
  list.dataset.threads = String(facts?.runtime.threads ?? '');
  list.dataset.precision = facts?.artefact.precision ?? '';
  list.dataset.gate = facts?.artefact.gate ?? '';
  list.dataset.selfTest = String(facts?.selfTest?.maxAbsProb ?? '');
  list.dataset.offMainThread = String(facts?.offMainThread ?? '');
}

/**
 * Rows of term and value; rows that are there already are changed in place.
 * @param {HTMLElement} list a `dl`
 * @param {readonly (readonly [string, string, string])[]} rows key, term, value
 */
export function showFacts(list, rows) {
  const isSame = list.children.length === rows.length && rows.every(([key], i) => /** @type {HTMLElement} */ (list.children[i]).dataset.fact === key);
  if (!isSame) {
    list.replaceChildren(...rows.map(([key]) => {
      const row = createElement('div', 'fact');
      row.dataset.fact = key;
      row.append(createElement('dt', ''), createElement('dd', ''));
      return row;
    }));
  }
  rows.forEach(([, term, value], i) => {
    setText(list.children[i].children[0], term);
    setText(list.children[i].children[1], value);
  });
}

/**
 * @param {Facts} facts
 * @param {Reading | null} reading
 * @returns {[string, string, string][]}
 */
function listFacts({name, artefact, runtime, selfTest, offMainThread}, reading) {
  const size = formatBytes(artefact.bytes);
  const time = reading === null ? translate('fact_time_waiting') : translate('fact_time_value', {
    detectMs: Math.round(reading.detectMs), classifyMs: Math.round(reading.classifyMs),
  });
  const thread = translate(offMainThread ? 'thread_worker' : 'thread_page');
  /** @type {[import('../text.js').TextKey, string][]} */
  const rows = [
    ['fact_model', translate('fact_model_value', {name, precision: artefact.precision, size})],
    ['fact_verdict', describeVerdict(artefact)],
    ['fact_backend', `${describeBackend(runtime)}; ${thread}`],
    ['fact_self_test', describeSelfTest(selfTest)],
    ['fact_time', time],
  ];
  const stats = reading?.stats ?? null;
  if (stats !== null) {
    const {seen, dropped} = stats;
    rows.push(['fact_rate', translate('fact_rate_value', {fps: formatNumber(stats.fps, 0), seen, dropped})]);
  }
  return rows.map(([key, value]) => [key, translate(key), value]);
}

/**
 * @param {import('../../inference/manifest.js').Artefact} artefact
 * @returns {string}
 */
function describeVerdict({gate, parity}) {
  if (gate !== 'passed') return translate('verdict_not_run');
  if (parity === null) return translate('verdict_passed_bare');
  const difference = parity.max_abs_prob.toPrecision(2);
  return translate('verdict_passed', {difference, samples: parity.samples, backend: parity.backend.replace(/^tfjs:/, '')});
}

/**
 * @param {import('../../inference/runtimes/runtime.js').RuntimeFacts} runtime
 * @returns {string}
 */
function describeBackend({backend, variant, asked, rejected, choice, threads}) {
  const rejections = rejected.map((item) => translate('rejected_item', item)).join('; ');
  const reason = rejected.length === 0 ? describeChoice(choice) : translate('reason_fallback', {rejected: rejections});
  return translate('fact_backend_value', {
    backend: variant === null ? backend : `${backend}:${variant}`,
    threads: describeThreads(threads),
    reason: asked ? translate('reason_asked') : reason,
  });
}

/**
 * @param {import('../../inference/runtimes/runtime.js').Choice | null} choice
 * @returns {string}
 */
function describeChoice(choice) {
  if (choice === null) return translate('reason_first');
  const times = Object.entries(choice.timesMs).map(([name, ms]) => translate('reason_time', {name, ms: formatNumber(ms, 1)}));
  return translate('reason_measured', {times: times.join(', ')});
}

/**
 * @param {number | null} threads
 * @returns {string}
 */
function describeThreads(threads) {
  if (threads === null) return translate('threads_none');
  return threads === 1 ? translate('threads_one') : translate('threads_many', {count: threads});
}

/**
 * @param {readonly number[] | null} probabilities
 * @returns {import('./steady_words.js').Words | null}
 */
function describeExactly(probabilities) {
  return probabilities === null ? null : {top: probabilities.indexOf(Math.max(...probabilities)), shares: [...probabilities]};
}

/**
 * @param {import('../../inference/self_test.js').SelfTestResult | null} selfTest
 * @returns {string}
 */
function describeSelfTest(selfTest) {
  if (selfTest === null) return translate('fact_self_test_missing');
  const difference = selfTest.maxAbsProb.toPrecision(2);
  return translate('fact_self_test_value', {difference, samples: selfTest.samples});
}
