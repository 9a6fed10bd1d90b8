/** For engineers: which backend and which weights run, and a model folder of one's own. */
import {BACKENDS} from '../inference/runtimes/runtime.js';
import {createElement, find} from './dom.js';
import {listChosen} from './folder.js';
import {onLanguageChange, translate} from './text.js';

const KERNELS = ['kernels', 'kernels:relaxed', 'kernels:simd'];

/**
 * @param {Document} page
 * @param {object} calls
 * @param {(choice: import('./model.js').ModelChoice) => void} calls.onChoice
 * @param {(files: Record<string, File>, name: string) => void} calls.onFolder
 * @returns {{show: (model: import('./model.js').Model) => Promise<void>}} it never rejects
 */
export function connectEngineers(page, {onChoice, onFolder}) {
  const backend = createChoice(find(page, '#backend', HTMLElement), choose);
  const precision = createChoice(find(page, '#precision', HTMLElement), choose);
  const picker = find(page, '#model-picker', HTMLInputElement);
  find(page, '#model-choose', HTMLButtonElement).addEventListener('click', () => picker.click());
  picker.addEventListener('change', () => {
    const chosen = [...picker.files ?? []];
    picker.value = '';
    if (chosen.length > 0) onFolder(listChosen(chosen), chosen[0].webkitRelativePath.split('/')[0]);
  });
  return {
    async show(model) {
      const {manifest, choice} = model;
      const {artefacts} = await manifest.catch(() => ({artefacts: []})); // without one nothing runs, and the page says so
      if (manifest !== model.manifest) return;
      const usable = artefacts.filter(({runtime, gate}) => runtime === 'tfjs' && gate !== 'failed');
      backend.show(BACKENDS.flatMap((name) => (name === 'kernels' ? KERNELS : [name])), choice.backend);
      precision.show(usable.map(({precision: kind}) => kind), choice.precision);
    },
  };

  function choose() {
    onChoice({backend: backend.value, precision: precision.value});
  }
}

/**
 * One of several values, or none of them: then the page chooses. Buttons and no list: see js/app/camera.js.
 * @param {HTMLElement} group
 * @param {() => void} onChange
 */
function createChoice(group, onChange) {
  /** @type {string | null} */
  let value = null;
  onLanguageChange(() => { if (group.firstElementChild !== null) group.firstElementChild.textContent = translate('automatic'); });
  return {
    get value() {
      return value;
    },
    /**
     * @param {readonly string[]} values
     * @param {string | null} chosen also one that is not among them: the error says so
     */
    show(values, chosen) {
      value = chosen;
      const all = chosen === null || values.includes(chosen) ? values : [...values, chosen];
      group.replaceChildren(...[null, ...all].map((one) => createButton(one)));
    },
  };

  /** @param {string | null} wanted */
  function createButton(wanted) {
    const button = createElement('button', '', wanted ?? translate('automatic'));
    button.setAttribute('type', 'button');
    button.setAttribute('aria-pressed', String(wanted === value));
    button.addEventListener('click', () => {
      value = wanted;
      onChange();
    });
    return button;
  }
}
