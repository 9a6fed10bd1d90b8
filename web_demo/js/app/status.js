/** The line that says what the page is doing, its progress bar, and the box that says what went wrong. */
import {onLanguageChange, translate} from './text.js';

/** @typedef {import('./text.js').TextKey} TextKey */
/** @typedef {import('../errors.js').PageError} PageError */
/** @typedef {'loading' | 'ready' | 'working' | 'live' | 'result' | 'error'} PageState */
/** @typedef {{line: HTMLElement, bar: HTMLProgressElement, alert: HTMLElement, alertText: HTMLElement, remark: HTMLElement}} StatusElements */
/**
 * @typedef {object} Status
 * @property {PageState} state
 * @property {(state: PageState, key: TextKey) => void} say
 * @property {(done: number, total: number, key: TextKey, format: (count: number) => string) => void} progress
 * @property {(error: PageError) => void} fail
 * @property {(key: TextKey, params: import('../errors.js').TextParams) => void} remark said beside the state, for a while
 */

const REMARK_MS = 8000;

/**
 * The state of the page is also on <body data-state>, and the code of the error that is shown on <body data-error>.
 * @param {HTMLElement} body
 * @param {StatusElements} elements
 * @returns {Status}
 */
export function createStatus(body, elements) {
  let sentence = () => '';
  /** @type {PageError | null} */
  let error = null;
  let remark = () => '';
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  onLanguageChange(render);

  function render() {
    elements.line.textContent = sentence();
    elements.remark.textContent = remark();
    elements.remark.hidden = remark() === '';
    elements.alert.hidden = error === null;
    elements.alertText.textContent = error === null ? '' : translate(error.code, error.params);
    if (error === null) delete body.dataset.error;
    else body.dataset.error = error.code;
  }

  /** @param {PageState} state */
  function enter(state) {
    body.dataset.state = state;
    error = null;
    elements.bar.hidden = state !== 'loading' && state !== 'working';
    elements.bar.removeAttribute('value');
  }

  return {
    get state() {
      return /** @type {PageState} */ (body.dataset.state);
    },
    say(state, key) {
      enter(state);
      sentence = () => translate(key);
      render();
    },
    progress(done, total, key, format) {
      elements.bar.max = total;
      elements.bar.value = done;
      sentence = () => translate(key, {done: format(done), total: format(total)});
      render();
    },
    remark(key, params) {
      clearTimeout(timer);
      remark = () => translate(key, params);
      timer = setTimeout(() => {
        remark = () => '';
        render();
      }, REMARK_MS);
      render();
    },
    fail(thrown) {
      enter('error');
      error = thrown;
      sentence = () => '';
      render();
      elements.alert.scrollIntoView({block: 'nearest'});
    },
  };
}
