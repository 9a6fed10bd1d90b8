/** Which buttons of the two cards make sense now. */
import {find, pickFiles} from '../dom.js';
import {fetchSample} from '../samples.js';
import {onLanguageChange, translate} from '../text.js';
import {findRecordingType} from './recorder.js';

/** @typedef {import('../samples.js').NamedBlob} NamedBlob */
/** @typedef {(fetchClip: () => Promise<NamedBlob>) => void} OpenClip */
/** @typedef {{stage: 'none' | 'countdown' | 'running', who: 'actor' | 'user' | null, hasActor: boolean, hasUser: boolean}} ImitationState who is recorded */

const NAMES = /** @type {const} */ ({
  actor: {none: 'record_actor', countdown: 'record_cancel', running: 'record_actor_stop'},
  user: {none: 'record', countdown: 'record_cancel', running: 'record_stop'},
});

/**
 * @param {HTMLElement} root
 * @param {{showExample: () => void, openActor: OpenClip, openUser: OpenClip, recordActor: () => void, recordUser: () => void, finishRecording: () => void}} calls
 * @returns {(state: ImitationState) => void} shows a state
 */
export function connectButtons(root, {showExample, openActor, openUser, recordActor, recordUser, finishRecording}) {
  const recordButtons = {actor: find(root, '#actor-record', HTMLButtonElement), user: find(root, '#record', HTMLButtonElement)};
  const example = find(root, '#example', HTMLButtonElement);
  const actorButtons = ['#actor-sample', '#actor-choose'].map((name) => find(root, name, HTMLButtonElement));
  const userButtons = ['#user-sample', '#user-choose'].map((name) => find(root, name, HTMLButtonElement));
  let shown = /** @type {ImitationState} */ ({stage: 'none', who: null, hasActor: false, hasUser: false});
  example.addEventListener('click', showExample);
  actorButtons[0].addEventListener('click', () => openActor(() => fetchSample('actor')));
  userButtons[0].addEventListener('click', () => openUser(() => fetchSample('user')));
  pickFiles(actorButtons[1], find(root, '#actor-picker', HTMLInputElement), (file) => openActor(async () => ({blob: file, name: file.name})));
  pickFiles(userButtons[1], find(root, '#user-picker', HTMLInputElement), (file) => openUser(async () => ({blob: file, name: file.name})));
  recordButtons.actor.addEventListener('click', () => (shown.stage === 'none' ? recordActor : finishRecording)());
  recordButtons.user.addEventListener('click', () => (shown.stage === 'none' ? recordUser : finishRecording)());
  find(root, '#again', HTMLButtonElement).addEventListener('click', recordUser);
  recordButtons.actor.hidden = findRecordingType() === undefined; // without a video there would be nothing to imitate
  onLanguageChange(nameRecordButtons);
  return show;

  /** @param {ImitationState} state */
  function show(state) {
    shown = state;
    const isRecording = state.stage !== 'none';
    for (const button of [example, ...actorButtons]) button.disabled = isRecording;
    for (const button of userButtons) button.disabled = isRecording || !state.hasActor;
    recordButtons.actor.disabled = state.who === 'user';
    recordButtons.user.disabled = state.who === 'actor' || !state.hasActor;
    nameRecordButtons();
    if (state.who === null) delete root.dataset.recording;
    else root.dataset.recording = state.who;
    root.dataset.actor = state.hasActor ? 'ready' : '';
    root.dataset.user = state.hasUser ? 'ready' : '';
  }

  function nameRecordButtons() {
    for (const who of /** @type {const} */ (['actor', 'user'])) {
      recordButtons[who].textContent = translate(NAMES[who][shown.who === who ? shown.stage : 'none']);
    }
  }
}
