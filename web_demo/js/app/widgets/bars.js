/** A list of named bars, one a label: created once, then changed in place, so that it can follow a video. */
import {listColours} from './colours.js';
import {createElement, setText} from '../dom.js';
import {nameOf, translate} from '../text.js';

/** @typedef {import('../../inference/manifest.js').Label} Label */
/** @typedef {{share: number, text: string} | null} BarValue share 0..1 of the bar's length; null: nothing known */
/** @typedef {{row: HTMLElement, name: HTMLElement, track: HTMLElement, fill: HTMLElement, value: HTMLElement}} Bar */
/**
 * @typedef {object} Bars
 * @property {(labels: readonly Label[], values: readonly BarValue[], top: number) => void} render top: index of the bar that stands out, or -1
 * @property {HTMLElement} list
 */

/**
 * @param {HTMLElement} list a `ul`
 * @param {(labels: readonly Label[]) => string[]} [listColoursOf] custom properties
 * @returns {Bars}
 */
export function createBars(list, listColoursOf = listColours) {
  /** @type {Bar[]} */
  let bars = [];
  let shownKeys = '';
  return {list, render};

  /** @type {Bars['render']} */
  function render(labels, values, top) {
    const keys = labels.map((label) => label.key).join();
    if (keys !== shownKeys) {
      shownKeys = keys;
      const colours = listColoursOf(labels);
      bars = labels.map((label, i) => createBar(label.key, colours[i]));
      list.replaceChildren(...bars.map((bar) => bar.row));
    }
    bars.forEach((bar, i) => showBar(bar, nameOf(labels[i]), values[i], i === top));
  }
}

/**
 * @param {string} key
 * @param {string} colour a custom property
 * @returns {Bar}
 */
function createBar(key, colour) {
  const row = createElement('li', 'bar');
  row.dataset.key = key;
  const name = createElement('span', 'bar-name');
  const track = createElement('span', 'bar-track');
  track.setAttribute('role', 'meter');
  track.setAttribute('aria-valuemin', '0');
  track.setAttribute('aria-valuemax', '100');
  const fill = createElement('span', 'bar-fill');
  fill.style.setProperty('--emotion', `var(${colour})`);
  track.append(fill);
  const value = createElement('span', 'bar-value');
  value.setAttribute('aria-hidden', 'true'); // the meter says it
  row.append(name, track, value);
  return {row, name, track, fill, value};
}

/**
 * @param {Bar} bar
 * @param {string} name
 * @param {BarValue} value
 * @param {boolean} isTop
 */
function showBar(bar, name, value, isTop) {
  const text = value?.text ?? '–';
  bar.row.classList.toggle('bar-top', isTop);
  setText(bar.name, name);
  setText(bar.value, text);
  bar.fill.style.setProperty('--value', String(value?.share ?? 0));
  bar.track.setAttribute('aria-label', name);
  bar.track.setAttribute('aria-valuenow', String(Math.round((value?.share ?? 0) * 100)));
  bar.track.setAttribute('aria-valuetext', translate('bar_value', {label: name, percent: text}));
}
