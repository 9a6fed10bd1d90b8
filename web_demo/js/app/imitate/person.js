/** One of the two people: a video, its emotion track while it is computed and afterwards, and what there is to say of it. */
import {chartOfTrack, createChart} from '../widgets/chart.js';
import {analyseClip, cutClip, openClip} from '../../clip.js';
import {find, setText} from '../dom.js';
import {connectPart} from './part.js';
import {faceShare} from '../../score_files.js';
import {formatNumber, formatPercent, onLanguageChange, translate} from '../text.js';

/** @typedef {import('../../score.js').Track} Track */
/** @typedef {import('../../clip.js').Clip} Clip */
/**
 * @typedef {object} Performance
 * @property {Track} track
 * @property {Clip | null} clip null where the recording cannot be looked at again
 * @property {boolean} isMirrored whether the video is shown as in a mirror
 * @property {number} offsetS where the video's time 0 lies in the track's time
 * @property {Blob | null} recording what the camera filmed; null for a file, and where this browser cannot record
 * @property {boolean} isRecorded by the camera, in the actor's time: it ends where the visitor stopped
 */
/** @typedef {import('./part.js').Part} Part */
/** @typedef {{blob: Blob | null, track: Track, offsetS: number, isRecorded: boolean, isMirrored: boolean}} Taken */
/**
 * @typedef {object} Person
 * @property {HTMLVideoElement} video
 * @property {Performance | null} performance
 * @property {(blob: Blob, name: string, part?: Part | null) => Promise<boolean>} open reads a video file, or a part of it; false if
 *   it was cancelled
 * @property {(taken: Taken) => Promise<void>} take a video whose track is known already
 * @property {(isMirrored: boolean) => void} showCamera the video plays one
 * @property {(text: string) => void} count large, over the video
 * @property {(text: string) => void} hint what is wrong with the picture; empty: nothing
 * @property {() => void} cancel
 * @property {() => void} clear
 * @property {(sentence: () => string) => void} say
 * @property {(timeS: number) => void} seek the video
 * @property {() => void} putVideoBack into its card
 * @property {(timeS: number | null) => void} setPlayhead of the chart; null takes it away
 */

const CHART_EVERY_MS = 250;
const ESTIMATE_AFTER_S = 2; // before, it would be a guess

/**
 * @param {HTMLElement} root the card
 * @param {() => Promise<import('../../pipeline.js').EmotionPipeline>} getPipeline
 * @param {() => Promise<import('../../inference/manifest.js').Manifest>} getManifest names the emotions before anything can be read
 * @param {(timeS: number) => void} onSeek the chart was clicked
 * @param {(file: import('../samples.js').NamedBlob, part: Part) => void} onPart only a part of the file is wanted
 * @returns {Person}
 */
export function createPerson(root, getPipeline, getManifest, onSeek, onPart) {
  const video = find(root, 'video', HTMLVideoElement);
  const screen = find(root, '.screen', HTMLElement);
  const working = find(root, '.working', HTMLElement);
  const progress = find(root, 'progress', HTMLProgressElement);
  const status = find(root, '.person-status', HTMLElement);
  const countdown = find(root, '.countdown', HTMLElement);
  const note = find(root, '.face-note', HTMLElement);
  const chart = createChart(find(root, '.chart', HTMLElement), onSeek);
  const parts = connectPart(find(root, '.part', HTMLElement), onPart);
  /** @type {() => string} */
  let sentence = () => '';
  /** @type {AbortController | null} */
  let controller = null;
  let url = '';
  let chartedMs = 0;
  /** @type {{track: Track, endS: number, labels: readonly import('../../inference/manifest.js').Label[]} | null} */
  let charted = null;
  find(root, '.cancel', HTMLButtonElement).addEventListener('click', () => controller?.abort());

  /** @type {Person} */
  const person = {video, performance: null, open, take, showCamera, count, hint, cancel, clear, say, seek, putVideoBack, setPlayhead: chart.setPlayhead};
  onLanguageChange(render);
  return person;

  /** @type {Person['open']} */
  async function open(blob, name, part = null) {
    clear();
    const mine = new AbortController();
    controller = mine;
    working.hidden = false;
    progress.removeAttribute('value');
    say(() => translate('person_opening', {name}));
    /** @type {Clip | null} */
    let clip = null;
    try {
      clip = await openClip(blob, name);
      mine.signal.throwIfAborted();
      parts.offer({blob, name}, clip.durationS, part);
      if (part !== null) clip = cutClip(clip, part.startS, part.endS);
      showVideo(blob);
      const pipeline = await getPipeline();
      mine.signal.throwIfAborted();
      const track = await analyseClip(clip, pipeline, {signal: mine.signal, onFrame: showProgress(name, pipeline.facts.spec.labels)});
      person.performance = {track, clip, offsetS: -(part?.startS ?? 0), recording: null, isRecorded: false, isMirrored: false};
      finish(track, pipeline.facts.spec.labels);
      return true;
    } catch (error) {
      clip?.destroy();
      if (controller !== mine) return false; // somebody else has the card now
      const isCancelled = mine.signal.aborted;
      clear();
      if (!isCancelled) throw error;
      say(() => translate('person_cancelled'));
      return false;
    } finally {
      if (controller === mine) {
        controller = null;
        working.hidden = true;
      }
    }
  }

  /**
   * @param {string} name
   * @param {readonly import('../../inference/manifest.js').Label[]} labels
   * @returns {(doneS: number, totalS: number, track: Track) => void}
   */
  function showProgress(name, labels) {
    const startedMs = performance.now();
    return (doneS, totalS, track) => {
      progress.value = Math.min(1, doneS / totalS);
      const isDue = performance.now() - chartedMs >= CHART_EVERY_MS;
      if (!isDue) return;
      const tookS = (performance.now() - startedMs) / 1000;
      const leftS = tookS < ESTIMATE_AFTER_S || doneS === 0 ? null : Math.ceil(tookS * (totalS / doneS - 1));
      say(() => describeProgress(name, doneS, totalS, leftS));
      showTrack(track, totalS, labels);
    };
  }

  /** @type {Person['take']} */
  async function take({blob, track, offsetS, isRecorded, isMirrored}) {
    clear();
    if (blob !== null) showVideo(blob);
    const clip = blob === null ? null : await openClip(blob, track.name).catch(() => null);
    person.performance = {track, clip, offsetS, recording: isRecorded ? blob : null, isRecorded, isMirrored};
    video.toggleAttribute('data-mirrored', isMirrored);
    finish(track, (await getManifest()).spec.labels);
  }

  /** @type {Person['showCamera']} */
  function showCamera(isMirrored) {
    root.dataset.filled = '';
    video.toggleAttribute('data-mirrored', isMirrored);
  }

  /** @type {Person['count']} */
  function count(text) {
    countdown.textContent = text;
  }

  /** @type {Person['hint']} */
  function hint(text) {
    setText(note, text);
    note.hidden = text === '';
  }

  /**
   * @param {Track} track
   * @param {readonly import('../../inference/manifest.js').Label[]} labels
   */
  function finish(track, labels) {
    showTrack(track, track.duration_s, labels);
    say(() => {
      const done = translate('person_done', {name: track.name, count: track.frames.length, percent: formatPercent(faceShare(track))});
      return track.notes?.some((note) => note.includes('HDR')) ? `${done} ${translate('note_hdr')}` : done;
    });
  }

  /**
   * @param {Track} track
   * @param {number} endS
   * @param {readonly import('../../inference/manifest.js').Label[]} labels
   */
  function showTrack(track, endS, labels) {
    chartedMs = performance.now();
    charted = {track, endS, labels};
    drawChart();
  }

  function drawChart() {
    if (charted === null) return;
    const {track, endS, labels} = charted;
    void chart.show(chartOfTrack(track, labels, endS, translate('chart_track', {name: track.name})));
  }

  /** @param {Blob} blob */
  function showVideo(blob) {
    url = URL.createObjectURL(blob);
    video.srcObject = null;
    video.src = url;
    root.dataset.filled = '';
  }

  /** @type {Person['say']} */
  function say(wanted) {
    sentence = wanted;
    setText(status, sentence());
  }

  /** @type {Person['seek']} */
  function seek(timeS) {
    if (person.performance !== null) video.currentTime = Math.max(0, timeS - person.performance.offsetS);
    chart.setPlayhead(timeS);
  }

  function putVideoBack() {
    if (video.parentElement !== screen) screen.append(video);
  }

  function cancel() {
    controller?.abort();
  }

  function clear() {
    cancel();
    controller = null;
    working.hidden = true;
    person.performance?.clip?.destroy();
    person.performance = null;
    parts.withdraw();
    charted = null;
    void chart.show(null);
    chart.setPlayhead(null);
    if (url !== '') {
      video.pause();
      video.removeAttribute('src');
      video.load();
      URL.revokeObjectURL(url);
      url = '';
    }
    delete root.dataset.filled;
    delete video.dataset.mirrored;
    say(() => '');
  }

  function render() {
    setText(status, sentence());
    drawChart();
  }
}

/**
 * @param {string} name
 * @param {number} doneS of the video
 * @param {number} totalS of the video
 * @param {number | null} leftS of waiting; null: nobody knows yet
 */
function describeProgress(name, doneS, totalS, leftS) {
  const text = translate('person_analysing', {name, done: formatNumber(doneS, 1), total: formatNumber(totalS, 1)});
  return leftS === null || leftS < 0 ? text : `${text}, ${translate('person_left', {seconds: formatNumber(leftS, 0)})}`;
}
