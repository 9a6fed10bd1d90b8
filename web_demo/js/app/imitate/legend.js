/** Which colour belongs to which emotion. */
import {createElement} from '../dom.js';
import {nameOf, onLanguageChange} from '../text.js';
import {listColours} from '../widgets/colours.js';

/**
 * @param {HTMLElement} list a `ul`
 * @param {() => Promise<import('../../inference/manifest.js').Manifest>} getManifest
 * @returns {{render: () => void}} for another model's labels
 */
export function createLegend(list, getManifest) {
  onLanguageChange(render);
  render();
  return {render};

  function render() {
    void getManifest().then(({spec}) => list.replaceChildren(...createItems(spec.labels)), () => {});
  }
}

/** @param {readonly import('../../inference/manifest.js').Label[]} labels */
function createItems(labels) {
  const colours = listColours(labels);
  return labels.map((label, i) => {
    const item = createElement('li', '');
    const swatch = createElement('span', 'swatch');
    swatch.style.setProperty('--emotion', `var(${colours[i]})`);
    item.append(swatch, createElement('span', '', nameOf(label)));
    return item;
  });
}
