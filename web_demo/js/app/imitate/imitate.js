/** Imitate and score: the actor's clip, then you, then the score. */
import {listColours} from '../widgets/colours.js';
import {createElement, find, pickFiles} from '../dom.js';
import {describeReason, PageError, toPageError} from '../../errors.js';
import {createPerson} from './person.js';
import {recordPerformance} from './recorder.js';
import {createReplay} from './replay.js';
import {findLag, scoreTracks} from '../../score.js';
import {faceShare, resultToCsv, resultToJson, trackToJson} from '../../score_files.js';
import {createScoreView} from './score_view.js';
import {download, drawPicture} from './share.js';
import {formatNumber, formatPercent, nameOf, translate} from '../text.js';

/** @typedef {import('../text.js').Language} Language */
/** @typedef {import('../../pipeline.js').EmotionPipeline} EmotionPipeline */
/** @typedef {import('./person.js').Person} Person */
/** @typedef {import('./person.js').Performance} Performance */
/** @typedef {(path: string) => Promise<{blob: Blob, name: string}>} FetchSample */
/** @typedef {{dropFile: (blob: Blob, name: string) => void, stop: () => void, render: (language: Language) => void}} Imitation */

/**
 * @param {HTMLElement} root
 * @param {import('../status.js').Status} status
 * @param {() => Promise<EmotionPipeline>} getPipeline
 * @param {FetchSample} fetchSample
 * @param {Language} firstLanguage
 * @returns {Imitation}
 */
export function createImitation(root, status, getPipeline, fetchSample, firstLanguage) {
  let language = firstLanguage;
  const card = find(root, '#score', HTMLElement);
  const countdown = find(root, '#countdown', HTMLElement);
  const record = find(root, '#record', HTMLButtonElement);
  const userButtons = ['#record', '#user-choose', '#user-sample'].map((name) => find(root, name, HTMLButtonElement));
  const slider = find(root, '#playhead', HTMLInputElement);
  const playButton = find(root, '#play', HTMLButtonElement);
  const actor = createPerson(find(root, '#actor', HTMLElement), getPipeline, seek, language);
  const user = createPerson(find(root, '#user', HTMLElement), getPipeline, seek, language);
  const view = createScoreView(card, seek, language);
  /** @type {import('./score_view.js').ScoreContent | null} */
  let content = null;
  /** @type {import('./replay.js').Replay | null} */
  let replay = null;
  /** @type {{giveUp: AbortController, stop: AbortController} | null} */
  let recording = null;
  listen();
  void getPipeline().then(renderLegend, () => {});
  return {
    dropFile: (blob, name) => void (actor.performance === null ? openActor(async () => ({blob, name})) : openUser(async () => ({blob, name}))),
    stop() {
      actor.cancel();
      user.cancel();
      recording?.giveUp.abort();
      replay?.destroy();
      actor.video.pause();
    },
    render(wanted) {
      language = wanted;
      actor.render(language);
      user.render(language);
      view.render(language);
      void getPipeline().then(renderLegend, () => {});
    },
  };

  function listen() {
    find(root, '#actor-sample', HTMLButtonElement).addEventListener('click', () => void openActor(() => fetchSample('actor.webm')));
    find(root, '#user-sample', HTMLButtonElement).addEventListener('click', () => void openUser(() => fetchSample('imitation.webm')));
    pickFiles(find(root, '#actor-choose', HTMLButtonElement), find(root, '#actor-picker', HTMLInputElement), (file) => {
      void openActor(async () => ({blob: file, name: file.name}));
    });
    pickFiles(find(root, '#user-choose', HTMLButtonElement), find(root, '#user-picker', HTMLInputElement), (file) => {
      void openUser(async () => ({blob: file, name: file.name}));
    });
    record.addEventListener('click', () => void (recording === null ? recordUser() : recording.stop.abort()));
    slider.addEventListener('input', () => replay?.seek(Number(slider.value)));
    playButton.addEventListener('click', () => replay?.toggle());
    find(root, '#save-json', HTMLButtonElement).addEventListener('click', () => save('score.json', 'application/json', ({result}) => toText(resultToJson(result))));
    find(root, '#save-csv', HTMLButtonElement).addEventListener('click', () => save('score.csv', 'text/csv', ({result}) => resultToCsv(result)));
    find(root, '#save-tracks', HTMLButtonElement).addEventListener('click', () => {
      save('actor.track.json', 'application/json', ({result}) => toText(trackToJson(result.actor)));
      save('user.track.json', 'application/json', ({result}) => toText(trackToJson(result.user)));
    });
    find(root, '#save-picture', HTMLButtonElement).addEventListener('click', () => {
      if (content !== null) void drawPicture(content, language).then((blob) => download('score.png', blob), fail);
    });
  }

  /** @param {() => Promise<{blob: Blob, name: string}>} fetchClip */
  async function openActor(fetchClip) {
    clearScore();
    user.clear();
    actor.video.controls = true;
    await attempt(async () => {
      const {blob, name} = await fetchClip();
      const opened = actor.open(blob, name);
      // Watched once while it is read. A browser that allows no sound here lets the visitor press play.
      actor.video.addEventListener('loadeddata', () => void actor.video.play().catch(() => {}), {once: true});
      await opened;
    });
    update();
  }

  /** @param {() => Promise<{blob: Blob, name: string}>} fetchClip */
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
    const mine = {giveUp: new AbortController(), stop: new AbortController()};
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
        name: translate(language, 'recording_name'),
        signal: mine.giveUp.signal,
        stop: mine.stop.signal,
        onCountdown: showCountdown,
        onFrame(track, {fps}) {
          user.say((shown) => translate(shown, 'person_recording', {fps: formatNumber(fps, 0, shown)}));
          if (track.frames.length % 5 === 0) user.showTrack(track, actor.performance?.track.duration_s ?? track.duration_s);
        },
      });
      await user.take(made.blob, made.track, made.offsetS);
      await showScore();
    });
    recording = null;
    countdown.textContent = '';
    update();
  }

  /** @param {number} count */
  function showCountdown(count) {
    status.say('live', 'status_live');
    user.say((shown) => translate(shown, 'person_ready'));
    countdown.textContent = count > 0 ? String(count) : translate(language, 'countdown_go');
    if (count === 0) setTimeout(() => { countdown.textContent = ''; }, 700);
  }

  async function showScore() {
    const [first, second] = [actor.performance, user.performance];
    if (first === null || second === null) return;
    const score = scoreTracks(first.track, second.track);
    if (!score.isCovered) {
      throw new PageError('error_coverage', {
        percent: formatPercent(score.coverage, language),
        actor: formatPercent(faceShare(first.track), language),
        user: formatPercent(faceShare(second.track), language),
      });
    }
    const {facts} = await getPipeline();
    const model = translate(language, 'fact_model_value', {name: facts.name, precision: facts.artefact.precision, size: facts.runtime.backend});
    content = {
      result: {actor: first.track, user: second.track, score, lag: findLag(first.track, second.track)},
      labels: facts.spec.labels,
      model,
      best: await readPair(first, second, score.best),
      worst: await readPair(first, second, score.worst),
    };
    actor.video.controls = false;
    actor.video.pause();
    slider.max = String(Math.max(first.track.duration_s, second.track.duration_s));
    replay = createReplay(
      [{video: actor.video, offsetS: first.offsetS}, {video: user.video, offsetS: second.offsetS}],
      Number(slider.max),
      {onTime: showTime, onState: showPlaying},
    );
    view.show(content);
    seek(0);
    status.say('result', 'status_done');
    card.focus({preventScroll: true});
    card.scrollIntoView({block: 'start', behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth'});
  }

  /** @param {number} timeS */
  function seek(timeS) {
    if (replay !== null) replay.seek(timeS);
    else if (recording === null && actor.performance !== null) actor.seek(timeS);
  }

  /** @param {number} timeS */
  function showTime(timeS) {
    slider.value = String(timeS);
    actor.setPlayhead(timeS);
    user.setPlayhead(timeS);
    view.setPlayhead(timeS);
  }

  /** @param {boolean} isPlaying */
  function showPlaying(isPlaying) {
    playButton.dataset.text = isPlaying ? 'play_pause' : 'play';
    playButton.textContent = translate(language, isPlaying ? 'play_pause' : 'play');
  }

  function clearScore() {
    replay?.destroy();
    replay = null;
    for (const pair of content === null ? [] : [content.best, content.worst]) {
      pair.actor?.close();
      pair.user?.close();
    }
    content = null;
    view.show(null);
    actor.setPlayhead(null);
    user.setPlayhead(null);
    delete user.video.dataset.mirrored;
  }

  /** Which buttons make sense now. */
  function update() {
    const isReady = actor.performance !== null;
    for (const button of userButtons) button.disabled = !isReady;
    record.dataset.text = recording === null ? 'record' : 'record_stop';
    record.textContent = translate(language, recording === null ? 'record' : 'record_stop');
    for (const name of ['#actor-sample', '#actor-choose', '#user-choose', '#user-sample']) {
      if (recording !== null) find(root, name, HTMLButtonElement).disabled = true;
      else if (name.startsWith('#actor')) find(root, name, HTMLButtonElement).disabled = false;
    }
    if (recording === null) delete root.dataset.recording;
    else root.dataset.recording = '';
    root.dataset.actor = isReady ? 'ready' : '';
    root.dataset.user = user.performance === null ? '' : 'ready';
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
      if (user.performance === null) user.clear();
    }
  }

  /** @param {unknown} error */
  function fail(error) {
    status.fail(toPageError(error));
  }

  /**
   * @param {string} name
   * @param {string} type
   * @param {(content: import('./score_view.js').ScoreContent) => string} describe
   */
  function save(name, type, describe) {
    if (content !== null) download(name, new Blob([describe(content)], {type}));
  }

  /** @param {EmotionPipeline} pipeline */
  function renderLegend({facts: {spec: {labels}}}) {
    const colours = listColours(labels);
    find(root, '#legend', HTMLElement).replaceChildren(...labels.map((label, i) => {
      const item = createElement('li', '');
      const swatch = createElement('span', 'swatch');
      swatch.style.setProperty('--emotion', `var(${colours[i]})`);
      item.append(swatch, createElement('span', '', nameOf(label, language)));
      return item;
    }));
  }
}

/**
 * @param {Performance} actor
 * @param {Performance} user
 * @param {import('../../score.js').Moment | null} moment
 * @returns {Promise<import('./score_view.js').Pair>}
 */
async function readPair(actor, user, moment) {
  /** @param {Performance} person */
  const read = async ({clip, offsetS}) => (clip === null || moment === null ? null : clip.frameAt(moment.timeS - offsetS).catch(() => null));
  return {actor: await read(actor), user: await read(user)};
}

/** @param {Record<string, unknown>} value */
function toText(value) {
  return `${JSON.stringify(value, null, 1)}\n`;
}

/**
 * A sample of the site.
 * @param {string} path inside samples/
 * @returns {Promise<{blob: Blob, name: string}>}
 * @throws {PageError}
 */
export async function fetchSample(path) {
  const response = await fetch(new URL(`samples/${path}`, document.baseURI).href).catch((error) => {
    throw new PageError('error_sample_missing', {reason: describeReason(error)});
  });
  if (!response.ok) throw new PageError('error_sample_missing', {reason: `HTTP ${response.status}`});
  return {blob: await response.blob(), name: path};
}
