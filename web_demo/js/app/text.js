/** The sentences of the page in the language that is shown. */
import {EN} from './text_en.js';
import {KO} from './text_ko.js';

/** @typedef {'en' | 'ko'} Language */
/** @typedef {keyof typeof EN} TextKey */
/** @typedef {Record<string, string | number>} TextParams */

const TEXTS = {en: EN, ko: KO};
const STORAGE_KEY = 'reon-language';

/**
 * A sentence with its {placeholders} filled in.
 * @param {Language} language
 * @param {TextKey} key
 * @param {TextParams} [params]
 * @returns {string}
 */
export function translate(language, key, params = {}) {
  return TEXTS[language][key].replace(/\{(\w+)\}/g, (whole, name) => (name in params ? String(params[name]) : whole));
}

/**
 * `?lang=` if it is one that the page speaks, else what was chosen before, else the browser's language, else English.
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
 * @param {Language} language
 */
export function showLanguage(page, language) {
  page.documentElement.lang = language;
  page.title = translate(language, 'title');
  for (const element of page.querySelectorAll('[data-text]')) {
    element.textContent = translate(language, readKey(element, 'data-text'));
  }
  for (const element of page.querySelectorAll('[data-label]')) {
    element.setAttribute('aria-label', translate(language, readKey(element, 'data-label')));
  }
  for (const button of page.querySelectorAll('[data-language]')) {
    button.setAttribute('aria-pressed', String(button.getAttribute('data-language') === language));
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
 * @param {Language} language
 * @returns {string}
 */
export function formatBytes(bytes, language) {
  return `${new Intl.NumberFormat(language, {maximumFractionDigits: 1, minimumFractionDigits: 1}).format(bytes / 1e6)} MB`;
}

/**
 * A probability 0..1 as a percentage with one decimal.
 * @param {number} probability
 * @param {Language} language
 * @returns {string}
 */
export function formatPercent(probability, language) {
  const digits = {style: /** @type {const} */ ('percent'), minimumFractionDigits: 1, maximumFractionDigits: 1};
  return new Intl.NumberFormat(language, digits).format(probability);
}

/**
 * A number with a fixed count of decimals, as the language writes it.
 * @param {number} value
 * @param {number} decimals
 * @param {Language} language
 * @returns {string}
 */
export function formatNumber(value, decimals, language) {
  return new Intl.NumberFormat(language, {minimumFractionDigits: decimals, maximumFractionDigits: decimals}).format(value);
}

/**
 * A time on an axis, with a decimal only where it has one.
 * @param {number} seconds
 * @param {Language} language
 * @returns {string}
 */
export function formatSeconds(seconds, language) {
  return translate(language, 'axis_seconds', {seconds: formatNumber(seconds, seconds % 1 ? 1 : 0, language)});
}

/**
 * A label's name in the language, or its key where the spec has none.
 * @param {import('../inference/manifest.js').Label} label
 * @param {Language} language
 * @returns {string}
 */
export function nameOf(label, language) {
  return label[language] || label.key;
}
