/** Reading one face: a photograph, a video file while it plays, or the camera. source -> pipeline -> picture and result. */
import {openCamera} from '../camera.js';
import {getContext} from '../../pixels/canvas.js';
import {find, isVideo, setText} from '../dom.js';
import {describeReason, PageError, toPageError} from '../../errors.js';
import {followVideo} from '../../live.js';
import {createOverlay} from './overlay.js';
import {createResultView} from './reading_view.js';
import {createSmoother} from './smooth.js';
import {translate} from '../text.js';

/** @typedef {import('../../inference/engine.js').Analysis} Analysis */
/** @typedef {import('../../pipeline.js').EmotionPipeline} EmotionPipeline */
/** @typedef {import('../text.js').Language} Language */
/**
 * @typedef {object} Reader
 * @property {(blob: Blob, name: string) => void} readFile
 * @property {(fetchPhoto: () => Promise<{blob: Blob, name: string}>) => Promise<void>} readPhoto
 * @property {() => void} useCamera to be called from a click
 * @property {() => void} togglePause
 * @property {() => void} stop lets go of the camera or the video; what was read stays
 * @property {(language: Language) => void} render
 */

const LONGEST_SHOWN_PX = 1600;
const LEAVING_SHARE = 0.08; // of the box, outside the picture

/**
 * @param {HTMLElement} root the page
 * @param {import('../status.js').Status} status
 * @param {() => Promise<EmotionPipeline>} getPipeline
 * @param {Language} firstLanguage
 * @returns {Reader}
 */
export function createReader(root, status, getPipeline, firstLanguage) {
  const stage = find(root, '#stage', HTMLElement);
  const photo = find(root, '#photo', HTMLCanvasElement);
  const photoContext = getContext(photo);
  const note = find(root, '#face-note', HTMLElement);
  const pause = find(root, '#pause', HTMLButtonElement);
  const announcement = find(root, '#announcement', HTMLElement);
  const overlay = createOverlay(find(root, '#overlay', HTMLCanvasElement));
  const view = createResultView({
    headline: find(root, '#headline', HTMLElement),
    note: find(root, '#note', HTMLElement),
    seen: find(root, '#seen', HTMLElement),
    crop: find(root, '#crop', HTMLCanvasElement),
    bars: find(root, '#bars', HTMLElement),
    facts: find(root, '#facts', HTMLElement),
  });
  const smoother = createSmoother();
  /** @type {EmotionPipeline | null} */
  let pipeline = null;
  /** @type {import('./reading_view.js').Reading | null} */
  let reading = null;
  let language = firstLanguage;
  let faceCount = 0;
  let turn = 0; // a later source takes over: whatever an earlier one still finds out is dropped
  /** @type {(() => void)[]} */
  let cleanUps = [];
  void getPipeline().then((ready) => {
    pipeline = ready;
    render();
  }, () => {});
  return {
    readPhoto,
    readFile(blob, name) {
      if (isVideo(blob, name)) void playFile(blob, name);
      else void readPhoto(async () => ({blob, name}));
    },
    useCamera: () => void playCamera(),
    togglePause() {
      const video = /** @type {HTMLVideoElement | null} */ (stage.querySelector('video'));
      if (video?.paused) void video.play();
      else video?.pause();
    },
    stop() {
      turn += 1;
      release();
      if (pipeline !== null) status.say(reading?.probabilities ? 'result' : 'ready', 'status_ready');
    },
    render(wanted) {
      language = wanted;
      render();
    },
  };

  /** @type {Reader['readPhoto']} */
  async function readPhoto(fetchPhoto) {
    const isMine = begin();
    if (pipeline !== null) status.say('working', 'status_working');
    try {
      const {blob, name} = await fetchPhoto();
      if (isMine()) await preview(blob, isMine);
      const ready = await getPipeline();
      if (!isMine()) return;
      status.say('working', 'status_working');
      const analysis = await ready.analyze(blob, {name, returnFrame: true});
      if (isMine()) showPhoto(analysis);
      analysis.frame?.close();
    } catch (error) {
      if (isMine()) status.fail(toPageError(error));
    }
  }

  /** @param {Analysis} analysis */
  function showPhoto(analysis) {
    if (analysis.frame) drawFrame(analysis.frame);
    if (analysis.probabilities === null) throw new PageError('error_no_face');
    outline(analysis, false);
    const probabilities = Array.from(analysis.probabilities);
    reading = {probabilities, exact: probabilities, cropRgb: analysis.cropRgb, faceCount, stats: null, ...analysis.timings};
    status.say('result', 'status_done');
    render();
  }

  /**
   * What the file looks like, before it has been read: as the browser shows it.
   * @param {Blob} blob
   * @param {() => boolean} isMine
   */
  async function preview(blob, isMine) {
    const bitmap = await createImageBitmap(blob).catch(() => null); // the pipeline says what is wrong with it
    if (bitmap !== null && isMine()) drawFrame(bitmap);
    bitmap?.close();
  }

  async function playCamera() {
    const isMine = begin();
    status.say('working', 'status_camera');
    const video = addVideo();
    try {
      const camera = await openCamera(video, () => { if (isMine()) fail(new PageError('error_camera_ended')); });
      cleanUps.push(camera.destroy);
      stage.dataset.mirrored = '';
      if (isMine()) await follow(video, isMine);
      else camera.destroy();
    } catch (error) {
      if (isMine()) fail(error);
    }
  }

  /**
   * @param {Blob} blob
   * @param {string} name
   */
  async function playFile(blob, name) {
    const isMine = begin();
    status.say('working', 'status_working');
    const video = addVideo();
    const url = URL.createObjectURL(blob);
    cleanUps.push(() => URL.revokeObjectURL(url));
    video.muted = true;
    video.loop = true;
    video.src = url;
    try {
      await video.play().catch((error) => {
        throw new PageError('error_not_a_video', {name, reason: video.error?.message || describeReason(error)});
      });
      pause.hidden = false;
      if (isMine()) await follow(video, isMine);
    } catch (error) {
      if (isMine()) fail(error);
    }
  }

  /**
   * @param {HTMLVideoElement} video
   * @param {() => boolean} isMine
   */
  async function follow(video, isMine) {
    find(root, '#stop', HTMLButtonElement).hidden = false;
    const ready = await getPipeline();
    if (!isMine()) return;
    status.say('live', 'status_live');
    announcement.setAttribute('aria-live', 'off'); // twenty readings a second are no announcement
    const look = followVideo(video, ready, {
      onAnalysis: (analysis) => {
        showLive(analysis, look.stats());
        analysis.frame?.close();
      },
      onError: fail,
    });
    cleanUps.push(look.stop);
  }

  /**
   * @param {Analysis} analysis
   * @param {import('../../live.js').LiveStats} stats
   */
  function showLive(analysis, stats) {
    if (analysis.frame) drawFrame(analysis.frame);
    const {probabilities, held} = smoother.show(analysis, performance.now());
    outline(held ?? analysis, held !== null);
    const exact = analysis.probabilities && Array.from(analysis.probabilities);
    reading = {probabilities, exact, cropRgb: (held ?? analysis).cropRgb, faceCount, stats, ...analysis.timings};
    describeFaces(held ?? analysis);
    view.render({facts: pipeline?.facts ?? null, reading}, language);
  }

  /** @param {Analysis} analysis */
  function describeFaces({faces, width, height}) {
    const [first] = faces;
    const isLeaving = first !== undefined && (first.x < -LEAVING_SHARE * first.width || first.y < -LEAVING_SHARE * first.height
      || first.x + first.width * (1 - LEAVING_SHARE) > width || first.y + first.height * (1 - LEAVING_SHARE) > height);
    const many = faces.length > 1 ? translate(language, 'face_many', {count: faces.length}) : '';
    const leaving = isLeaving ? translate(language, 'face_leaving') : many;
    const text = first === undefined ? translate(language, 'face_none') : leaving;
    setText(note, text);
    note.hidden = text === '';
  }

  /**
   * @param {Analysis} analysis
   * @param {boolean} isHeld
   */
  function outline({faces, square, width, height}, isHeld) {
    faceCount = faces.length;
    overlay.show({boxes: faces, chosen: 0, frameWidth: width, frameHeight: height, isHeld});
    stage.dataset.faces = JSON.stringify(faces);
    stage.dataset.square = JSON.stringify(square);
  }

  /** @param {ImageBitmap} frame */
  function drawFrame(frame) {
    const scale = Math.min(1, LONGEST_SHOWN_PX / Math.max(frame.width, frame.height));
    const width = Math.max(1, Math.round(frame.width * scale));
    const height = Math.max(1, Math.round(frame.height * scale));
    if (photo.width !== width || photo.height !== height) {
      photo.width = width;
      photo.height = height;
    }
    photoContext.fillStyle = '#fff';
    photoContext.fillRect(0, 0, width, height);
    photoContext.drawImage(frame, 0, 0, width, height);
    stage.dataset.filled = '';
  }

  /** @returns {HTMLVideoElement} plays out of sight: what is shown are the very frames that were looked at */
  function addVideo() {
    const video = document.createElement('video');
    video.playsInline = true;
    video.className = 'unseen';
    video.setAttribute('aria-hidden', 'true');
    video.addEventListener('pause', showPaused);
    video.addEventListener('play', showPaused);
    stage.append(video);
    cleanUps.push(() => {
      video.pause();
      video.removeAttribute('src');
      video.load();
      video.remove();
    });
    return video;

    function showPaused() {
      pause.setAttribute('aria-pressed', String(video.paused));
    }
  }

  /** @param {unknown} error */
  function fail(error) {
    release();
    status.fail(toPageError(error));
    render();
  }

  /** @returns {() => boolean} whether the source that begins here is still the one that is wanted */
  function begin() {
    turn += 1;
    const mine = turn;
    release();
    overlay.clear();
    delete stage.dataset.faces;
    delete stage.dataset.square;
    delete stage.dataset.filled;
    faceCount = 0;
    reading = null;
    announcement.setAttribute('aria-live', 'polite');
    render();
    return () => mine === turn;
  }

  function release() {
    for (const cleanUp of cleanUps.splice(0).reverse()) cleanUp();
    smoother.reset();
    delete stage.dataset.mirrored;
    note.hidden = true;
    pause.hidden = true;
    find(root, '#stop', HTMLButtonElement).hidden = true;
  }

  function render() {
    view.render({facts: pipeline?.facts ?? null, reading}, language);
    const unread = 'filled' in stage.dataset ? 'photo_waiting' : 'photo_none';
    const key = faceCount === 0 ? unread : faceCount === 1 ? 'photo_face' : 'photo_faces';
    photo.setAttribute('aria-label', translate(language, key, {count: faceCount}));
  }
}
