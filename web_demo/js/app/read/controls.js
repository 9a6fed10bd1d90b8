/** Pause and stop while something plays, and how loudly a screen reader takes what changes. */
import {find} from '../dom.js';

/** @param {HTMLElement} root the page */
export function createControls(root) {
  const pause = find(root, '#pause', HTMLButtonElement);
  const stop = find(root, '#stop', HTMLButtonElement);
  const announcement = find(root, '#announcement', HTMLElement);
  /** @type {HTMLVideoElement | null} */
  let video = null;
  return {
    /** @param {HTMLVideoElement} wanted its state is the button's */
    follow(wanted) {
      video = wanted;
      for (const event of ['pause', 'play']) {
        wanted.addEventListener(event, () => pause.setAttribute('aria-pressed', String(wanted.paused)));
      }
    },
    togglePause() {
      if (video?.paused) void video.play();
      else video?.pause();
    },
    showPause() {
      pause.hidden = false;
    },
    showStop() {
      stop.hidden = false;
    },
    hide() {
      pause.hidden = true;
      stop.hidden = true;
    },
    /** @param {'off' | 'polite'} politeness */
    announce(politeness) {
      announcement.setAttribute('aria-live', politeness);
    },
  };
}
