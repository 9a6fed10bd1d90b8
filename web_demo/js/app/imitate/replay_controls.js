/** The play button and the slider under the two videos. */
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

/**
 * @param {HTMLElement} root
 * @param {(timeS: number) => void} onTime
 * @returns {ReplayControls}
 */
export function createReplayControls(root, onTime) {
  const slider = find(root, '#playhead', HTMLInputElement);
  const button = find(root, '#play', HTMLButtonElement);
  /** @type {import('./replay.js').Replay | null} */
  let replay = null;
  let isPlaying = false;
  slider.addEventListener('input', () => replay?.seek(Number(slider.value)));
  button.addEventListener('click', () => replay?.toggle());
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

  function render() {
    button.textContent = translate(isPlaying ? 'play_pause' : 'play');
  }
}
