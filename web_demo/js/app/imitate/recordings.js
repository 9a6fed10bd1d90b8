/** One recording at a time, of the actor or of you: from the click to what it made. */
import {find} from '../dom.js';
import {noteOn} from '../face_note.js';
import {formatNumber, translate} from '../text.js';
import {createBeep} from './beep.js';
import {recordPerformance} from './recorder.js';
import {createTargetView} from './target_view.js';

/** @typedef {import('./person.js').Person} Person */
/** @typedef {import('../../score.js').Track} Track */
/**
 * @typedef {object} Wanted
 * @property {Person} person is recorded
 * @property {import('./guide.js').Guide} guide
 * @property {Track | null} imitated the actor's; null where the actor is recorded
 */
/** @typedef {{stage: 'none' | 'countdown' | 'running', person: Person | null}} RecordingState */
/**
 * @typedef {object} Recordings
 * @property {RecordingState} state
 * @property {(wanted: Wanted) => Promise<void>} record throws what recordPerformance throws
 * @property {() => void} finish gives it up in the countdown; later ends it, and keeps what there is
 * @property {() => void} giveUp
 */

const GO_SHOWN_MS = 700;

/**
 * @param {HTMLElement} root
 * @param {import('../status.js').Status} status
 * @param {() => Promise<import('../../pipeline.js').EmotionPipeline>} getPipeline
 * @param {() => void} onState
 * @returns {Recordings}
 */
export function createRecordings(root, status, getPipeline, onState) {
  const beep = createBeep();
  const beepSwitch = find(root, '#beep', HTMLButtonElement);
  const target = find(root, '#target', HTMLElement);
  const targetView = createTargetView(target);
  /** @type {{giveUp: AbortController, stop: AbortController} | null} */
  let current = null;
  /** @type {Recordings} */
  const recordings = {state: {stage: 'none', person: null}, record, finish, giveUp: () => current?.giveUp.abort()};
  beepSwitch.addEventListener('click', () => beepSwitch.setAttribute('aria-pressed', String(!isLoud())));
  return recordings;

  /** @type {Recordings['record']} */
  async function record({person, guide, imitated}) {
    const mine = {giveUp: new AbortController(), stop: new AbortController()};
    current = mine;
    person.clear();
    target.hidden = imitated === null;
    targetView.reset(imitated);
    enter({stage: 'countdown', person});
    find(root, '.people', HTMLElement).scrollIntoView({block: 'nearest'});
    try {
      status.say('working', 'status_camera');
      const pipeline = await getPipeline();
      const {labels} = pipeline.facts.spec;
      const made = await recordPerformance({
        guide,
        video: person.video,
        pipeline,
        name: translate('recording_name'),
        signal: mine.giveUp.signal,
        stop: mine.stop.signal,
        onCamera(isMirrored) {
          person.showCamera(isMirrored);
          status.say('live', 'status_live');
          person.say(() => translate('person_ready'));
        },
        onPreview: (analysis) => person.hint(noteOn(analysis, () => translate('face_not_alone'))()),
        onCountdown(count) {
          person.count(count > 0 ? String(count) : translate('countdown_go'));
          if (isLoud()) beep(count);
          if (count > 0) return;
          person.hint('');
          enter({stage: 'running', person});
          setTimeout(() => person.count(''), GO_SHOWN_MS);
        },
        onFrame(track, {fps}) {
          person.say(() => translate('person_recording', {fps: formatNumber(fps, 0)}));
          if (imitated !== null) targetView.show(imitated, track, labels);
        },
      });
      // An actor is looked at as in any film, you as in a mirror.
      await person.take({...made, isRecorded: true, isMirrored: made.isMirrored && imitated !== null});
    } catch (error) {
      if (current === mine) person.clear(); // nothing came of it: the camera's last picture goes
      throw error;
    } finally {
      person.count('');
      person.hint('');
      if (current === mine) {
        current = null;
        target.hidden = true;
        enter({stage: 'none', person: null});
      }
    }
  }

  function finish() {
    current?.[recordings.state.stage === 'running' ? 'stop' : 'giveUp'].abort();
  }

  /** @param {RecordingState} state */
  function enter(state) {
    recordings.state = state;
    onState();
  }

  function isLoud() {
    return beepSwitch.getAttribute('aria-pressed') === 'true';
  }
}
