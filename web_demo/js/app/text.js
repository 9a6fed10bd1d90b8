/** The language that the page shows: one state, one event when it changes, and every sentence in it. */
import {fillIn} from '../errors.js';
import {EN} from './text_en.js';
import {KO} from './text_ko.js';

/** @typedef {'en' | 'ko'} Language */
/** @typedef {keyof typeof EN} TextKey */
/** @typedef {import('../errors.js').TextParams} TextParams */

const TEXTS = {en: EN, ko: KO};
const STORAGE_KEY = 'reon-language';
const changes = new EventTarget();
/** @type {Language} */
let current = 'en';

/** @returns {Language} */
export function currentLanguage() {
  return current;
}

/** @param {Language} language shown from now on; everything that has subscribed is told */
export function setLanguage(language) {
  current = language;
  changes.dispatchEvent(new Event('change'));
}

/** @param {() => void} render called after each change */
export function onLanguageChange(render) {
  changes.addEventListener('change', render);
}

/**
 * A sentence in the current language, with its {placeholders} filled in.
 * @param {TextKey} key
 * @param {TextParams} [params]
 * @returns {string}
 */
export function translate(key, params = {}) {
  return fillIn(TEXTS[current][key], params);
}

/**
 * `?lang=` if the page has that language, else what was chosen before, else the browser's language, else English.
 * @param {URLSearchParams} query
 * @returns {Language}
 */
export function pickLanguage(query) {
  const asked = query.get('lang') ?? remembered() ?? navigator.language;
  return asked.toLowerCase().startsWith('ko') ? 'ko' : 'en';
}

/** @param {Language} language */
export function rememberLanguage(language) {
  try {
    localStorage.setItem(STORAGE_KEY, language);
  } catch {
    // Storage may be forbidden; the choice then lasts as long as the page.
  }
}

/** @returns {string | null} */
function remembered() {
  try {
    return localStorage.getItem(STORAGE_KEY);
  } catch {
    return null;
  }
}

/**
 * Fill every element that carries `data-text="key"`, name every one that carries `data-label="key"` for screen readers, and
 * set the language of the document.
 * @param {Document} page
 */
export function translatePage(page) {
  page.documentElement.lang = current;
  page.title = translate('page_title');
  for (const element of page.querySelectorAll('[data-text]')) {
    element.textContent = translate(readKey(element, 'data-text'));
  }
  for (const element of page.querySelectorAll('[data-label]')) {
    element.setAttribute('aria-label', translate(readKey(element, 'data-label')));
  }
  for (const button of page.querySelectorAll('[data-language]')) {
    button.setAttribute('aria-pressed', String(button.getAttribute('data-language') === current));
  }
}

/**
 * @param {Element} element
 * @param {string} attribute
 * @returns {TextKey}
 */
function readKey(element, attribute) {
  const key = element.getAttribute(attribute) ?? '';
  if (!(key in EN)) throw new Error(`the page asks for the text "${key}", which js/app/text_en.js does not have`);
  return /** @type {TextKey} */ (key);
}

/**
 * Bytes in the unit that people read: 8.1 MB (1 MB is 1,000,000 bytes).
 * @param {number} bytes
 * @returns {string}
 */
export function formatBytes(bytes) {
  return `${new Intl.NumberFormat(current, {maximumFractionDigits: 1, minimumFractionDigits: 1}).format(bytes / 1e6)} MB`;
}

/**
 * A probability 0..1 as a percentage with one decimal.
 * @param {number} probability
 * @returns {string}
 */
export function formatPercent(probability) {
  const digits = {style: /** @type {const} */ ('percent'), minimumFractionDigits: 1, maximumFractionDigits: 1};
  return new Intl.NumberFormat(current, digits).format(probability);
}

/**
 * A probability 0..1 as a whole percentage, for what changes while it is read.
 * @param {number} probability
 * @returns {string}
 */
export function formatWholePercent(probability) {
  return new Intl.NumberFormat(current, {style: 'percent', maximumFractionDigits: 0}).format(probability);
}

/**
 * A number with a fixed count of decimals, as the language writes it.
 * @param {number} value
 * @param {number} decimals
 * @returns {string}
 */
export function formatNumber(value, decimals) {
  return new Intl.NumberFormat(current, {minimumFractionDigits: decimals, maximumFractionDigits: decimals}).format(value);
}

/**
 * A time on an axis, with a decimal only where it has one.
 * @param {number} seconds
 * @returns {string}
 */
export function formatSeconds(seconds) {
  return translate('axis_seconds', {seconds: formatNumber(seconds, seconds % 1 ? 1 : 0)});
}

/**
 * A label's name in the language, or its key where the spec has none.
 * @param {import('../inference/manifest.js').Label} label
 * @returns {string}
 */
export function nameOf(label) {
  return label[current] || label.key;
}
