/** For engineers: which backend and which weights run, and a model folder of one's own. */
import {BACKENDS} from '../inference/runtimes/runtime.js';
import {find} from './dom.js';
import {listChosen} from './folder.js';
import {onLanguageChange, translate} from './text.js';

/**
 * @param {Document} page
 * @param {object} calls
 * @param {(choice: import('./model.js').ModelChoice) => void} calls.onChoice
 * @param {(files: Record<string, File>, name: string) => void} calls.onFolder
 * @returns {{show: (model: import('./model.js').Model) => Promise<void>}} it never rejects
 */
export function connectEngineers(page, {onChoice, onFolder}) {
  const backend = find(page, '#backend', HTMLSelectElement);
  const precision = find(page, '#precision', HTMLSelectElement);
  const picker = find(page, '#model-picker', HTMLInputElement);
  find(page, '#model-choose', HTMLButtonElement).addEventListener('click', () => picker.click());
  picker.addEventListener('change', () => {
    const chosen = [...picker.files ?? []];
    picker.value = '';
    if (chosen.length > 0) onFolder(listChosen(chosen), chosen[0].webkitRelativePath.split('/')[0]);
  });
  for (const select of [backend, precision]) {
    select.addEventListener('change', () => onChoice({backend: backend.value || null, precision: precision.value || null}));
  }
  onLanguageChange(() => {
    for (const select of [backend, precision]) if (select.options.length > 0) select.options[0].text = translate('automatic');
  });
  return {
    async show(model) {
      const {manifest, choice} = model;
      const {artefacts} = await manifest.catch(() => ({artefacts: []})); // without one nothing runs, and the page says so
      if (manifest !== model.manifest) return;
      const precisions = artefacts.filter(({runtime, gate}) => runtime === 'tfjs' && gate !== 'failed').map(({precision: kind}) => kind);
      fill(backend, BACKENDS.flatMap((name) => (name === 'kernels' ? [name, 'kernels:relaxed', 'kernels:simd'] : [name])), choice.backend);
      fill(precision, precisions, choice.precision);
    },
  };
}

/**
 * @param {HTMLSelectElement} select
 * @param {readonly string[]} values
 * @param {string | null} chosen also one that is not among them: the error says so
 */
function fill(select, values, chosen) {
  const all = chosen === null || values.includes(chosen) ? values : [...values, chosen];
  select.replaceChildren(new Option(translate('automatic'), ''), ...all.map((value) => new Option(value, value)));
  select.value = chosen ?? '';
}
