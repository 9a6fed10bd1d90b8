/** The two videos in the score's card, and the buttons and the slider under them. */
import {find} from '../dom.js';
import {onLanguageChange, translate} from '../text.js';
import {createReplay} from './replay.js';

/**
 * @typedef {object} ReplayControls
 * @property {boolean} isActive
 * @property {(players: readonly import('./replay.js').Player[], endS: number) => void} start
 * @property {(timeS: number) => void} seek
 * @property {() => void} stop
 */

const SLOW_RATE = 0.5;

/**
 * @param {HTMLElement} root
 * @param {(timeS: number) => void} onTime
 * @returns {ReplayControls}
 */
export function createReplayControls(root, onTime) {
  const slider = find(root, '#playhead', HTMLInputElement);
  const button = find(root, '#play', HTMLButtonElement);
  const loop = find(root, '#loop', HTMLButtonElement);
  const slow = find(root, '#slow', HTMLButtonElement);
  /** @type {import('./replay.js').Replay | null} */
  let replay = null;
  let isPlaying = false;
  slider.addEventListener('input', () => replay?.seek(Number(slider.value)));
  button.addEventListener('click', () => replay?.toggle());
  for (const one of [loop, slow]) {
    one.addEventListener('click', () => {
      one.setAttribute('aria-pressed', String(!isPressed(one)));
      applyChoices();
    });
  }
  onLanguageChange(render);
  render();
  return {
    get isActive() {
      return replay !== null;
    },
    start(players, endS) {
      replay?.destroy();
      slider.max = String(endS);
      replay = createReplay(players, endS, {onTime: showTime, onState: showPlaying});
      applyChoices();
      replay.seek(0);
    },
    seek: (timeS) => replay?.seek(timeS),
    stop() {
      replay?.destroy();
      replay = null;
    },
  };

  /** @param {number} timeS */
  function showTime(timeS) {
    slider.value = String(timeS);
    onTime(timeS);
  }

  /** @param {boolean} wanted */
  function showPlaying(wanted) {
    isPlaying = wanted;
    root.toggleAttribute('data-playing', isPlaying);
    render();
  }

  function applyChoices() {
    replay?.setLoop(isPressed(loop));
    replay?.setRate(isPressed(slow) ? SLOW_RATE : 1);
  }

  function render() {
    button.textContent = translate(isPlaying ? 'play_pause' : 'play');
  }
}

/** @param {HTMLButtonElement} button */
function isPressed(button) {
  return button.getAttribute('aria-pressed') === 'true';
}
