/** One colour an emotion, the same in bars, legends and charts. The values, for light and dark, are in style.css. */

/** @typedef {import('../../inference/manifest.js').Label} Label */

// The keys of RE:ON's own classes and of the demonstration checkpoint's; any other class takes what is left.
/** @type {Record<string, string>} */
const BY_KEY = {
  joy: 'gold', happiness: 'gold',
  anger: 'red',
  anxiety: 'violet', fear: 'violet',
  hurt: 'green', disgust: 'green',
  sadness: 'blue',
  embarrassment: 'pink', surprise: 'pink',
  neutral: 'grey',
};
const ALL = ['gold', 'red', 'violet', 'green', 'blue', 'pink', 'grey', 'teal', 'brown'];

/**
 * The names of CSS custom properties, in the order of the labels.
 * @param {readonly Label[]} labels
 * @returns {string[]} like `--emotion-gold`
 */
export function listColours(labels) {
  const taken = new Set(labels.map((label) => BY_KEY[label.key]));
  const left = ALL.filter((colour) => !taken.has(colour));
  return labels.map((label, i) => `--emotion-${BY_KEY[label.key] ?? left[i % left.length] ?? ALL[i % ALL.length]}`);
}

/**
 * The value of a custom property, as a canvas needs it.
 * @param {string} property
 * @returns {string}
 */
export function readColour(property) {
  return getComputedStyle(document.documentElement).getPropertyValue(property).trim();
}
