/** Which buttons of the two cards make sense now. */
import {find, pickFiles} from '../dom.js';
import {fetchSample} from '../samples.js';
import {onLanguageChange, translate} from '../text.js';

/** @typedef {import('../samples.js').NamedBlob} NamedBlob */
/** @typedef {{recording: 'none' | 'countdown' | 'running', hasActor: boolean, hasUser: boolean}} ImitationState */

const NAMES = /** @type {const} */ ({none: 'record', countdown: 'record_cancel', running: 'record_stop'});

/**
 * @param {HTMLElement} root
 * @param {object} calls
 * @param {(fetchClip: () => Promise<NamedBlob>) => void} calls.openActor
 * @param {(fetchClip: () => Promise<NamedBlob>) => void} calls.openUser
 * @param {() => void} calls.toggleRecording begins one; in the countdown gives it up, and later ends it
 * @returns {(state: ImitationState) => void} shows a state
 */
export function connectButtons(root, {openActor, openUser, toggleRecording}) {
  const record = find(root, '#record', HTMLButtonElement);
  const actorButtons = ['#actor-sample', '#actor-choose'].map((name) => find(root, name, HTMLButtonElement));
  const userButtons = ['#user-sample', '#user-choose'].map((name) => find(root, name, HTMLButtonElement));
  let recording = /** @type {ImitationState['recording']} */ ('none');
  actorButtons[0].addEventListener('click', () => openActor(() => fetchSample('actor')));
  userButtons[0].addEventListener('click', () => openUser(() => fetchSample('user')));
  pickFiles(actorButtons[1], find(root, '#actor-picker', HTMLInputElement), (file) => openActor(async () => ({blob: file, name: file.name})));
  pickFiles(userButtons[1], find(root, '#user-picker', HTMLInputElement), (file) => openUser(async () => ({blob: file, name: file.name})));
  record.addEventListener('click', toggleRecording);
  find(root, '#again', HTMLButtonElement).addEventListener('click', toggleRecording);
  onLanguageChange(nameRecordButton);
  nameRecordButton();
  return show;

  /** @param {ImitationState} state */
  function show(state) {
    recording = state.recording;
    const isRecording = recording !== 'none';
    for (const button of actorButtons) button.disabled = isRecording;
    for (const button of userButtons) button.disabled = isRecording || !state.hasActor;
    record.disabled = !state.hasActor;
    nameRecordButton();
    root.toggleAttribute('data-recording', isRecording);
    root.dataset.actor = state.hasActor ? 'ready' : '';
    root.dataset.user = state.hasUser ? 'ready' : '';
  }

  function nameRecordButton() {
    record.textContent = translate(NAMES[recording]);
  }
}
