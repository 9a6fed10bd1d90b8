/** Pause, stop, seek bar, mirror and full screen while something plays, and how loudly a screen reader takes what changes. */
import {chooseMirror, offerCameras} from '../camera.js';
import {find, setText} from '../dom.js';
import {formatNumber, onLanguageChange, translate} from '../text.js';

/**
 * @param {HTMLElement} root the page
 * @param {{onMirror: (isMirrored: boolean) => void, onCamera: () => void}} calls onCamera: another one is wanted
 */
export function createControls(root, {onMirror, onCamera}) {
  const pause = find(root, '#pause', HTMLButtonElement);
  const stop = find(root, '#stop', HTMLButtonElement);
  const mirror = find(root, '#mirror', HTMLButtonElement);
  const seekBar = find(root, '.seek', HTMLElement);
  const seek = find(root, '#seek', HTMLInputElement);
  const seekText = find(root, '#seek-text', HTMLOutputElement);
  const announcement = find(root, '#announcement', HTMLElement);
  /** @type {HTMLVideoElement | null} */
  let video = null;
  mirror.addEventListener('click', () => {
    const isMirrored = mirror.getAttribute('aria-pressed') !== 'true';
    showMirror(isMirrored);
    chooseMirror(isMirrored);
    onMirror(isMirrored);
  });
  seek.addEventListener('input', () => {
    if (video !== null) video.currentTime = Number(seek.value);
  });
  onLanguageChange(showTime);
  offerCameras(find(root, '#device', HTMLButtonElement), onCamera);
  const fullScreen = connectFullScreen(find(root, '#full-screen', HTMLButtonElement), find(root, '#read', HTMLElement));
  return {
    /** @param {HTMLVideoElement} wanted its state is the button's */
    follow(wanted) {
      video = wanted;
      for (const event of ['pause', 'play']) {
        wanted.addEventListener(event, () => pause.setAttribute('aria-pressed', String(wanted.paused)));
      }
      for (const event of ['timeupdate', 'seeked']) wanted.addEventListener(event, showTime);
    },
    togglePause() {
      if (video?.paused) void video.play();
      else video?.pause();
    },
    /** What a file can do. */
    showPause() {
      pause.hidden = false;
      seekBar.hidden = !Number.isFinite(video?.duration);
      seek.max = String(video?.duration ?? 0);
      showTime();
    },
    showStop() {
      stop.hidden = false;
      fullScreen.hidden = !document.fullscreenEnabled;
    },
    /** What a camera can do. */
    showMirror,
    hide() {
      for (const element of [pause, stop, mirror, seekBar, fullScreen]) element.hidden = true;
      video = null;
    },
    /** @param {'off' | 'polite'} politeness */
    announce(politeness) {
      announcement.setAttribute('aria-live', politeness);
    },
  };

  /** @param {boolean} isMirrored */
  function showMirror(isMirrored) {
    mirror.hidden = false;
    mirror.setAttribute('aria-pressed', String(isMirrored));
  }

  function showTime() {
    if (video === null || seekBar.hidden) return;
    seek.value = String(video.currentTime);
    const [now, total] = [video.currentTime, video.duration].map((seconds) => translate('axis_seconds', {seconds: formatNumber(seconds, 1)}));
    const text = translate('seek_text', {now, total});
    setText(seekText, text);
    seek.setAttribute('aria-valuetext', text);
  }
}

/**
 * @param {HTMLButtonElement} button
 * @param {HTMLElement} element
 */
function connectFullScreen(button, element) {
  button.addEventListener('click', () => {
    void (document.fullscreenElement === null ? element.requestFullscreen() : document.exitFullscreen()).catch(() => {}); // a browser may refuse
  });
  document.addEventListener('fullscreenchange', () => button.setAttribute('aria-pressed', String(document.fullscreenElement !== null)));
  return button;
}
