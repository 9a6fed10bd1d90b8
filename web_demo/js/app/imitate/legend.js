/** Which colour belongs to which emotion. */
import {createElement} from '../dom.js';
import {nameOf, onLanguageChange} from '../text.js';
import {listColours} from '../widgets/colours.js';

/**
 * @param {HTMLElement} list a `ul`
 * @param {() => Promise<import('../../pipeline.js').EmotionPipeline>} getPipeline
 */
export function createLegend(list, getPipeline) {
  onLanguageChange(render);
  render();

  function render() {
    void getPipeline().then(({facts}) => list.replaceChildren(...createItems(facts.spec.labels)), () => {});
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
