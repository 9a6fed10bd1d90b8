/** Reading faces: a photograph, a video file while it plays, or the camera. source -> pipeline -> what is on show. */
import {HEAD_BYTES, MAX_PIXELS, readImageSize} from '../../pixels/image_size.js';
import {explainVideo} from '../../clip.js';
import {describeReason, PageError, toPageError} from '../../errors.js';
import {followVideo} from '../../live.js';
import {openCamera} from '../camera.js';
import {find, isVideo} from '../dom.js';
import {translate} from '../text.js';
import {createControls} from './controls.js';
import {createShown} from './shown.js';
import {createTurns} from './turns.js';

/** @typedef {import('../../pipeline.js').EmotionPipeline} EmotionPipeline */
/** @typedef {import('../samples.js').NamedBlob} NamedBlob */
/**
 * @typedef {object} Reader
 * @property {(blob: Blob, name: string) => void} readFile
 * @property {(fetchPhoto: () => Promise<NamedBlob>) => Promise<void>} readPhoto
 * @property {() => void} useCamera to be called from a click
 * @property {() => void} togglePause
 * @property {() => void} reset forgets what was read: another pipeline takes over
 * @property {() => void} stop lets go of the camera or the video; what was read stays
 */

/**
 * @param {HTMLElement} root the page
 * @param {import('../status.js').Status} status
 * @param {() => Promise<EmotionPipeline>} getPipeline
 * @returns {Reader}
 */
export function createReader(root, status, getPipeline) {
  const shown = createShown(root, {
    onSeek(timeS) {
      if (video !== null && !isCamera) video.currentTime = timeS;
    },
    onError: (error) => status.fail(toPageError(error)),
  });
  const {stage} = shown;
  const controls = createControls(root, {
    onMirror: stage.mirror,
    onCamera() {
      if (isCamera) void playCamera();
    },
  });
  const turns = createTurns();
  /** @type {EmotionPipeline | null} */
  let pipeline = null;
  /** @type {HTMLVideoElement | null} */
  let video = null;
  let isCamera = false;
  awaitPipeline();
  return {
    readPhoto,
    readFile(blob, name) {
      if (isVideo(blob, name)) void playFile(blob, name);
      else void readPhoto(async () => ({blob, name}));
    },
    useCamera: () => void playCamera(),
    togglePause: controls.togglePause,
    reset() {
      begin();
      pipeline = null;
      shown.setPipeline(null);
      awaitPipeline();
    },
    stop() {
      turns.end();
      release();
      if (pipeline !== null) status.say(shown.hasFace ? 'result' : 'ready', 'status_ready');
    },
  };

  function awaitPipeline() {
    const awaited = getPipeline();
    awaited.then((ready) => {
      if (awaited !== getPipeline()) return; // another one has taken over
      pipeline = ready;
      shown.setPipeline(ready);
    }, () => {});
  }

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
      try {
        if (isMine()) await shown.showPhoto(name, analysis, ready, isMine);
      } finally {
        analysis.frame?.close();
      }
      if (isMine()) status.say('result', 'status_done');
    } catch (error) {
      if (isMine()) status.fail(toPageError(error));
    }
  }

  /**
   * What the file looks like, before it has been read: as the browser shows it.
   * @param {Blob} blob
   * @param {() => boolean} isMine
   */
  async function preview(blob, isMine) {
    const {width, height} = readImageSize(new Uint8Array(await blob.slice(0, HEAD_BYTES).arrayBuffer())) ?? {width: 0, height: 0};
    if (width * height > MAX_PIXELS) return;
    const bitmap = await createImageBitmap(blob).catch(() => null); // the pipeline says what is wrong with it
    if (bitmap !== null && isMine()) stage.drawFrame(bitmap);
    bitmap?.close();
  }

  async function playCamera() {
    const isMine = begin();
    status.say('working', 'status_camera');
    const added = addVideo();
    isCamera = true;
    try {
      const camera = await openCamera(added, () => { if (isMine()) fail(new PageError('error_camera_ended')); });
      if (!isMine()) {
        camera.destroy();
        return;
      }
      turns.keep(camera.destroy);
      stage.mirror(camera.isMirrored);
      controls.showMirror(camera.isMirrored);
      await follow(added, translate('use_camera'), 0, isMine);
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
    const added = addVideo();
    const url = URL.createObjectURL(blob);
    turns.keep(() => URL.revokeObjectURL(url));
    added.muted = true;
    added.loop = true;
    added.src = url;
    try {
      const failure = await added.play().then(() => null, describeReason);
      if (failure !== null) throw await explainVideo(blob, name, added.error?.message || failure);
      if (added.videoWidth === 0) throw await explainVideo(blob, name, 'it shows no picture'); // only its sound plays
      if (!isMine()) return;
      controls.showPause();
      await follow(added, name, Number.isFinite(added.duration) ? added.duration : 0, isMine);
    } catch (error) {
      if (isMine()) fail(error);
    }
  }

  /**
   * @param {HTMLVideoElement} added
   * @param {string} name
   * @param {number} durationS 0: it has no end
   * @param {() => boolean} isMine
   */
  async function follow(added, name, durationS, isMine) {
    controls.showStop();
    const ready = await getPipeline();
    if (!isMine()) return;
    status.say('live', 'status_live');
    showBarsToo();
    controls.announce('off'); // twenty readings a second are no announcement
    shown.startVideo(name, ready.facts, durationS);
    const look = followVideo(added, ready, {
      ask: () => ({near: shown.near}),
      onAnalysis(analysis, timeS) {
        shown.showFrame(analysis, timeS, look.stats());
        analysis.frame?.close();
      },
      onError: fail,
    });
    turns.keep(look.stop);
  }

  /** On a small screen the picture moves up, so that the bars under it are in view. */
  function showBarsToo() {
    const {bottom} = find(root, '#bars', HTMLElement).getBoundingClientRect();
    if (bottom > innerHeight) find(root, '#stage', HTMLElement).scrollIntoView({block: 'start'});
  }

  function addVideo() {
    const added = stage.addVideo();
    video = added;
    controls.follow(added);
    turns.keep(() => {
      added.pause();
      added.removeAttribute('src');
      added.load();
      added.remove();
    });
    return added;
  }

  /** @param {unknown} error */
  function fail(error) {
    turns.release();
    release();
    status.fail(toPageError(error));
  }

  /** @returns {() => boolean} whether the source that begins here is still the one that is wanted */
  function begin() {
    const isMine = turns.begin();
    release();
    controls.announce('polite');
    shown.clear();
    return isMine;
  }

  function release() {
    shown.settle();
    controls.hide();
    video = null;
    isCamera = false;
  }
}
