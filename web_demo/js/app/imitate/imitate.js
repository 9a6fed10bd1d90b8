/** Imitate and score: the actor's clip, then you, then the score. */
import {toPageError} from '../../errors.js';
import {RATE_HZ} from '../../score.js';
import {find} from '../dom.js';
import {formatNumber, translate} from '../text.js';
import {connectButtons} from './buttons.js';
import {createLegend} from './legend.js';
import {createPerson} from './person.js';
import {recordPerformance} from './recorder.js';
import {createReplayControls} from './replay_controls.js';
import {connectSaveButtons} from './saving.js';
import {closeScoreContent, makeScoreContent} from './score_content.js';
import {createScoreView} from './score_view.js';

/** @typedef {import('../../pipeline.js').EmotionPipeline} EmotionPipeline */
/** @typedef {import('../samples.js').NamedBlob} NamedBlob */
/** @typedef {{dropFile: (blob: Blob, name: string, who?: Who | null) => void, stop: () => void}} Imitation who: null takes the first who is missing */
/** @typedef {'actor' | 'user'} Who */

const GO_SHOWN_MS = 700;
const CHART_EVERY_FRAMES = 5;

/**
 * @param {HTMLElement} root
 * @param {import('../status.js').Status} status
 * @param {() => Promise<EmotionPipeline>} getPipeline
 * @returns {Imitation}
 */
export function createImitation(root, status, getPipeline) {
  const card = find(root, '#score', HTMLElement);
  const players = find(root, '#players', HTMLElement);
  const again = find(root, '#again', HTMLButtonElement);
  const countdown = find(root, '#countdown', HTMLElement);
  const actor = createPerson(find(root, '#actor', HTMLElement), getPipeline, seek);
  const user = createPerson(find(root, '#user', HTMLElement), getPipeline, seek);
  const view = createScoreView(card, seek);
  const replay = createReplayControls(root, showTime);
  const showButtons = connectButtons(root, {
    openActor: (fetchClip) => void openActor(fetchClip),
    openUser: (fetchClip) => void openUser(fetchClip),
    toggleRecording,
  });
  /** @type {import('./score_view.js').ScoreContent | null} */
  let content = null;
  /** @type {{giveUp: AbortController, stop: AbortController, isRunning: boolean} | null} */
  let recording = null;
  /** @type {readonly number[]} scores of this visit's recordings of the actor */
  let attempts = [];
  connectSaveButtons(root, () => content, () => user.performance?.recording ?? null, fail);
  createLegend(find(root, '#legend', HTMLElement), getPipeline);
  return {
    dropFile(blob, name, who = null) {
      if (recording !== null) return;
      const isActor = who === 'actor' || (who === null && actor.performance === null);
      void (isActor ? openActor : openUser)(async () => ({blob, name}));
    },
    stop() {
      actor.cancel();
      user.cancel();
      recording?.giveUp.abort();
      replay.stop();
      actor.video.pause();
    },
  };

  /** @param {() => Promise<NamedBlob>} fetchClip */
  async function openActor(fetchClip) {
    if (content !== null) user.clear(); // that pair is done; what has no score yet goes with the new actor
    clearScore();
    attempts = [];
    actor.video.controls = true;
    await attempt(async () => {
      const {blob, name} = await fetchClip();
      const opened = actor.open(blob, name);
      // Watched once while it is read. A browser that allows no sound here lets the visitor press play.
      actor.video.addEventListener('loadeddata', () => void actor.video.play().catch(() => {}), {once: true});
      if (await opened) await showScore();
    });
    update();
  }

  /** @param {() => Promise<NamedBlob>} fetchClip */
  async function openUser(fetchClip) {
    clearScore();
    await attempt(async () => {
      const {blob, name} = await fetchClip();
      if (await user.open(blob, name)) await showScore();
    });
    update();
  }

  async function recordUser() {
    clearScore();
    user.clear();
    const mine = {giveUp: new AbortController(), stop: new AbortController(), isRunning: false};
    recording = mine;
    update();
    user.video.dataset.mirrored = '';
    find(root, '#user', HTMLElement).dataset.filled = '';
    find(root, '.people', HTMLElement).scrollIntoView({block: 'nearest'});
    await attempt(async () => {
      status.say('working', 'status_camera');
      const made = await recordPerformance({
        actorVideo: actor.video,
        userVideo: user.video,
        pipeline: await getPipeline(),
        name: translate('recording_name'),
        signal: mine.giveUp.signal,
        stop: mine.stop.signal,
        onCountdown: showCountdown,
        onFrame: showRecording,
      });
      await user.take(made.blob, made.track, made.offsetS);
      endRecording();
      await showScore();
    });
    if (recording === mine) { // nothing came of it: the camera's last picture goes
      endRecording();
      user.clear();
    }
  }

  function toggleRecording() {
    if (recording === null) void recordUser();
    else recording[recording.isRunning ? 'stop' : 'giveUp'].abort();
  }

  function endRecording() {
    recording = null;
    countdown.textContent = '';
    update();
  }

  /** @param {number} count */
  function showCountdown(count) {
    status.say('live', 'status_live');
    user.say(() => translate('person_ready'));
    countdown.textContent = count > 0 ? String(count) : translate('countdown_go');
    if (recording !== null && count === 0) recording.isRunning = true;
    update();
    if (count === 0) setTimeout(() => { countdown.textContent = ''; }, GO_SHOWN_MS);
  }

  /** @type {import('./recorder.js').RecordOptions['onFrame']} */
  function showRecording(track, {fps}) {
    user.say(() => translate('person_recording', {fps: formatNumber(fps, 0)}));
    if (track.frames.length % CHART_EVERY_FRAMES === 0) user.showTrack(track, actor.performance?.track.duration_s ?? track.duration_s);
  }

  async function showScore() {
    const [first, second] = [actor.performance, user.performance];
    if (first === null || second === null) return;
    const made = await makeScoreContent(first, second, (await getPipeline()).facts, attempts);
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
    else if (recording === null && actor.performance !== null) actor.seek(timeS);
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
    showButtons({
      recording: recording === null ? 'none' : recording.isRunning ? 'running' : 'countdown',
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
