/** Imitate and score: the actor's clip, then you, then the score. */
import {toPageError} from '../../errors.js';
import {RATE_HZ} from '../../score.js';
import {offerCameras} from '../camera.js';
import {find, nextTask} from '../dom.js';
import {fetchSample} from '../samples.js';
import {connectButtons} from './buttons.js';
import {fetchExample} from './example.js';
import {followClip, followClock} from './guide.js';
import {createLegend} from './legend.js';
import {createPerson} from './person.js';
import {createRecordings} from './recordings.js';
import {createReplayControls} from './replay_controls.js';
import {connectSaveButtons} from './saving.js';
import {closeScoreContent, makeScoreContent} from './score_content.js';
import {createScoreView} from './score_view.js';

/** @typedef {import('../../pipeline.js').EmotionPipeline} EmotionPipeline */
/** @typedef {import('../samples.js').NamedBlob} NamedBlob */
/** @typedef {{dropFile: (blob: Blob, name: string, who?: Who | null) => void, stop: () => void, reset: () => void}} Imitation who: null takes the first who is missing; reset: another model takes over */
/** @typedef {'actor' | 'user'} Who */

const LONGEST_ACTOR_S = 15; // of a recorded one

/**
 * @param {HTMLElement} root
 * @param {import('../status.js').Status} status
 * @param {() => Promise<EmotionPipeline>} getPipeline
 * @param {() => Promise<import('../../inference/manifest.js').Manifest>} getManifest what is known before anything can be read
 * @returns {Imitation}
 */
export function createImitation(root, status, getPipeline, getManifest) {
  const card = find(root, '#score', HTMLElement);
  const players = find(root, '#players', HTMLElement);
  const again = find(root, '#again', HTMLButtonElement);
  const actor = createPerson(find(root, '#actor', HTMLElement), getPipeline, getManifest, seek, (file, part) => void openActor(async () => file, part));
  const user = createPerson(find(root, '#user', HTMLElement), getPipeline, getManifest, seek, (file, part) => void openUser(async () => file, part));
  const view = createScoreView(card, seek);
  const replay = createReplayControls(root, showTime);
  const recordings = createRecordings(root, status, getPipeline, update);
  const showButtons = connectButtons(root, {
    showExample: () => void showExample(),
    openActor: (fetchClip) => void openActor(fetchClip),
    openUser: (fetchClip) => void openUser(fetchClip),
    recordActor: () => void recordActor(),
    recordUser: () => void recordUser(),
    finishRecording: recordings.finish,
  });
  /** @type {import('./score_view.js').ScoreContent | null} */
  let content = null;
  /** @type {readonly number[]} scores of this visit's recordings of the actor */
  let attempts = [];
  offerCameras(find(root, '#user-device', HTMLButtonElement));
  connectSaveButtons(root, () => content, () => user.performance?.recording ?? null, fail);
  const legend = createLegend(find(root, '#legend', HTMLElement), getManifest);
  update();
  return {
    dropFile(blob, name, who = null) {
      if (recordings.state.stage !== 'none') return;
      const isActor = who === 'actor' || (who === null && actor.performance === null);
      void (isActor ? openActor : openUser)(async () => ({blob, name}));
    },
    stop() {
      actor.cancel();
      user.cancel();
      recordings.giveUp();
      replay.stop();
      actor.video.pause();
    },
    reset() {
      recordings.giveUp();
      clearScore();
      attempts = [];
      actor.clear();
      user.clear();
      legend.render();
      update();
    },
  };

  async function showExample() {
    clearScore();
    attempts = [];
    await attempt(async () => {
      const example = await fetchExample(await getManifest());
      if (example === null) {
        await Promise.all([openActor(() => fetchSample('actor')), openUser(() => fetchSample('user'))]);
        return;
      }
      const known = {offsetS: 0, isRecorded: false, isMirrored: false};
      await Promise.all([actor.take({...example.actor, ...known}), user.take({...example.user, ...known})]);
      update();
      await showScore();
    });
    update();
  }

  /**
   * @param {() => Promise<NamedBlob>} fetchClip
   * @param {import('./part.js').Part | null} [part] null: all of it
   */
  async function openActor(fetchClip, part = null) {
    startActor();
    await attempt(async () => {
      const {blob, name} = await fetchClip();
      const opened = actor.open(blob, name, part);
      // Watched once while it is read. A browser that allows no sound here lets the visitor press play.
      actor.video.addEventListener('loadeddata', () => void actor.video.play().catch(() => {}), {once: true});
      update();
      if (await opened) await showScore();
    });
    update();
  }

  function startActor() {
    if (content !== null) user.clear(); // that pair is done; what has no score yet goes with the new actor
    clearScore();
    attempts = [];
  }

  /**
   * @param {() => Promise<NamedBlob>} fetchClip
   * @param {import('./part.js').Part | null} [part] null: all of it
   */
  async function openUser(fetchClip, part = null) {
    clearScore();
    await attempt(async () => {
      const {blob, name} = await fetchClip();
      if (await user.open(blob, name, part)) await showScore();
    });
    update();
  }

  async function recordActor() {
    startActor();
    await record({person: actor, guide: followClock(LONGEST_ACTOR_S), imitated: null});
  }

  async function recordUser() {
    if (actor.performance === null) return;
    const {track, offsetS} = actor.performance;
    clearScore();
    await record({person: user, guide: followClip(actor.video, offsetS, track.duration_s), imitated: track});
  }

  /** @param {import('./recordings.js').Wanted} wanted */
  async function record(wanted) {
    await attempt(async () => {
      await recordings.record(wanted);
      await showScore();
    });
  }

  async function showScore() {
    const [first, second] = [actor.performance, user.performance];
    if (first === null || second === null) return;
    await nextTask();
    const made = await makeScoreContent(first, second, (await getManifest()).spec, attempts);
    if (actor.performance !== first || user.performance !== second) {
      closeScoreContent(made); // one of the two has gone meanwhile
      return;
    }
    content = made;
    attempts = made.attempts;
    actor.video.controls = false;
    actor.video.pause();
    again.hidden = !second.isRecorded;
    find(root, '#save-recording', HTMLButtonElement).hidden = second.recording === null;
    players.append(actor.video, user.video);
    root.dataset.scored = '';
    view.show(content);
    const endS = content.result.score.cells.length / RATE_HZ;
    replay.start([{video: actor.video, offsetS: first.offsetS}, {video: user.video, offsetS: second.offsetS}], endS);
    status.say('result', 'status_done');
    card.focus({preventScroll: true});
    const isCalm = matchMedia('(prefers-reduced-motion: reduce)').matches;
    card.scrollIntoView({block: 'start', behavior: isCalm ? 'auto' : 'smooth'});
  }

  /** @param {number} timeS */
  function seek(timeS) {
    if (replay.isActive) replay.seek(timeS);
    else if (recordings.state.stage === 'none' && actor.performance !== null) actor.seek(timeS);
  }

  /** @param {number | null} timeS null takes the playheads away */
  function showTime(timeS) {
    actor.setPlayhead(timeS);
    user.setPlayhead(timeS);
    if (timeS !== null) view.setPlayhead(timeS);
  }

  function clearScore() {
    replay.stop();
    if (content !== null) closeScoreContent(content);
    content = null;
    view.show(null);
    showTime(null);
    actor.putVideoBack();
    user.putVideoBack();
    delete root.dataset.scored;
  }

  function update() {
    const {stage, person} = recordings.state;
    actor.video.controls = stage === 'none' && content === null;
    showButtons({
      stage,
      who: person === null ? null : person === actor ? 'actor' : 'user',
      hasActor: actor.performance !== null,
      hasUser: user.performance !== null,
    });
  }

  /** @param {() => Promise<void>} task */
  async function attempt(task) {
    if (status.state !== 'loading') status.say('working', 'status_working');
    try {
      await task();
      if (content === null && status.state !== 'loading') status.say('ready', 'status_ready');
    } catch (error) {
      if (error instanceof Error && error.name === 'AbortError') status.say('ready', 'status_ready');
      else fail(error);
    }
  }

  /** @param {unknown} error */
  function fail(error) {
    status.fail(toPageError(error));
  }
}
