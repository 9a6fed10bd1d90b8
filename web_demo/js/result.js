/** The reading: the top emotion, a bar for each label, and the facts about how it was made. */
import {getContext} from './canvas.js';
import {formatBytes, formatPercent, translate} from './text.js';

/** @typedef {import('./text.js').Language} Language */
/** @typedef {import('./manifest.js').Artefact} Artefact */
/** @typedef {import('./manifest.js').Label} Label */
/** @typedef {import('./runtime.js').RuntimeFacts} Runtime */
/** @typedef {{headline: HTMLElement, note: HTMLElement, seen: HTMLElement, crop: HTMLCanvasElement, bars: HTMLElement, facts: HTMLElement}} ResultElements */
/**
 * @typedef {object} Reading
 * @property {Float32Array} probabilities one a label, summing to 1
 * @property {Uint8ClampedArray} cropRgb the network's input, HWC
 * @property {number} faceCount
 * @property {number} detectMs
 * @property {number} classifyMs
 */
/** @typedef {{name: string, spec: import('./manifest.js').ModelSpec, artefact: Artefact, runtime: Runtime, selfTest: import('./self_test.js').SelfTestResult | null}} ModelFacts */
/** @typedef {{facts: ModelFacts | null, reading: Reading | null}} ResultState */

/**
 * Draw the panel anew from its state; a missing part shows as "not yet".
 * @param {ResultElements} elements
 * @param {ResultState} state
 * @param {Language} language
 */
export function renderResult(elements, {facts, reading}, language) {
  renderHeadline(elements, facts, reading, language);
  elements.seen.hidden = facts === null || reading === null;
  if (facts !== null && reading !== null) drawCrop(elements.crop, reading.cropRgb, facts.spec.input);
  const top = reading === null ? -1 : indexOfLargest(reading.probabilities);
  const rows = (facts?.spec.labels ?? []).map((label, i) => {
    return createBar(nameOf(label, language), label.key, reading?.probabilities[i] ?? null, i === top, language);
  });
  elements.bars.replaceChildren(...rows);
  elements.facts.replaceChildren(...(facts === null ? [] : listFacts(facts, reading, language)));
  elements.facts.dataset.backend = facts?.runtime.backend ?? '';
  elements.facts.dataset.threads = String(facts?.runtime.threads ?? '');
  elements.facts.dataset.precision = facts?.artefact.precision ?? '';
  elements.facts.dataset.gate = facts?.artefact.gate ?? '';
  elements.facts.dataset.selfTest = String(facts?.selfTest?.maxAbsProb ?? '');
}

/**
 * @param {ResultElements} elements
 * @param {ModelFacts | null} facts
 * @param {Reading | null} reading
 * @param {Language} language
 */
function renderHeadline(elements, facts, reading, language) {
  if (facts === null || reading === null) {
    elements.headline.textContent = translate(language, 'result_waiting');
    elements.note.textContent = '';
    return;
  }
  const top = indexOfLargest(reading.probabilities);
  const percent = formatPercent(reading.probabilities[top], language);
  elements.headline.textContent = translate(language, 'result_top', {label: nameOf(facts.spec.labels[top], language), percent});
  const isOneOfMany = reading.faceCount > 1;
  elements.note.textContent = isOneOfMany ? translate(language, 'result_many', {count: reading.faceCount}) : '';
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Uint8ClampedArray} rgb
 * @param {{height: number, width: number}} size
 */
function drawCrop(canvas, rgb, {height, width}) {
  const image = new ImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    image.data.set(rgb.subarray(pixel * 3, pixel * 3 + 3), pixel * 4);
    image.data[pixel * 4 + 3] = 255;
  }
  canvas.width = width;
  canvas.height = height;
  getContext(canvas).putImageData(image, 0, 0);
}

/**
 * @param {string} name
 * @param {string} key
 * @param {number | null} probability
 * @param {boolean} isTop
 * @param {Language} language
 * @returns {HTMLElement}
 */
function createBar(name, key, probability, isTop, language) {
  const row = document.createElement('li');
  row.className = isTop ? 'bar bar-top' : 'bar';
  row.dataset.key = key;
  if (probability !== null) row.dataset.probability = String(probability);
  const track = createElement('span', 'bar-track', '');
  track.setAttribute('aria-hidden', 'true');
  const fill = createElement('span', 'bar-fill', '');
  fill.style.setProperty('--value', String(probability ?? 0));
  track.append(fill);
  const value = probability === null ? '–' : formatPercent(probability, language);
  row.append(createElement('span', 'bar-name', name), track, createElement('span', 'bar-value', value));
  return row;
}

/**
 * @param {ModelFacts} facts
 * @param {Reading | null} reading
 * @param {Language} language
 * @returns {HTMLElement[]}
 */
function listFacts({name, artefact, runtime, selfTest}, reading, language) {
  const size = formatBytes(artefact.bytes, language);
  const time = reading === null ? translate(language, 'fact_time_waiting') : translate(language, 'fact_time_value', {
    detectMs: Math.round(reading.detectMs), classifyMs: Math.round(reading.classifyMs),
  });
  /** @type {[import('./text.js').TextKey, string][]} */
  const rows = [
    ['fact_model', translate(language, 'fact_model_value', {name, precision: artefact.precision, size})],
    ['fact_verdict', describeVerdict(artefact, language)],
    ['fact_backend', describeBackend(runtime, language)],
    ['fact_self_test', describeSelfTest(selfTest, language)],
    ['fact_time', time],
  ];
  return rows.map(([key, value]) => {
    const row = createElement('div', 'fact', '');
    row.append(createElement('dt', '', translate(language, key)), createElement('dd', '', value));
    if (key === 'fact_verdict') row.classList.add(`fact-${artefact.gate}`);
    return row;
  });
}

/**
 * @param {Artefact} artefact
 * @param {Language} language
 * @returns {string}
 */
function describeVerdict({gate, parity}, language) {
  if (gate !== 'passed') return translate(language, 'verdict_not_run');
  if (parity === null) return translate(language, 'verdict_passed_bare');
  const difference = parity.max_abs_prob.toPrecision(2);
  return translate(language, 'verdict_passed', {difference, samples: parity.samples, backend: parity.backend.replace(/^tfjs:/, '')});
}

/**
 * @param {Runtime} runtime
 * @param {Language} language
 * @returns {string}
 */
function describeBackend({backend, asked, rejected, threads}, language) {
  const rejections = rejected.map((item) => translate(language, 'rejected_item', item)).join('; ');
  const choice = rejected.length === 0 ? translate(language, 'reason_first') : translate(language, 'reason_fallback', {rejected: rejections});
  return translate(language, 'fact_backend_value', {
    backend,
    threads: describeThreads(threads, language),
    reason: asked ? translate(language, 'reason_asked') : choice,
  });
}

/**
 * @param {number | null} threads
 * @param {Language} language
 * @returns {string}
 */
function describeThreads(threads, language) {
  if (threads === null) return translate(language, 'threads_none');
  return threads === 1 ? translate(language, 'threads_one') : translate(language, 'threads_many', {count: threads});
}

/**
 * @param {Label} label
 * @param {Language} language
 * @returns {string}
 */
function nameOf(label, language) {
  return label[language] || label.key;
}

/**
 * @param {Float32Array} values
 * @returns {number}
 */
function indexOfLargest(values) {
  return values.reduce((best, value, i) => (value > values[best] ? i : best), 0);
}

/**
 * @param {string} tag
 * @param {string} className
 * @param {string} text
 * @returns {HTMLElement}
 */
function createElement(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.textContent = text;
  return element;
}

/**
 * @param {import('./self_test.js').SelfTestResult | null} selfTest
 * @param {Language} language
 * @returns {string}
 */
function describeSelfTest(selfTest, language) {
  if (selfTest === null) return translate(language, 'fact_self_test_missing');
  const difference = selfTest.maxAbsProb.toPrecision(2);
  return translate(language, 'fact_self_test_value', {difference, samples: selfTest.samples});
}
