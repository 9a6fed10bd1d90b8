/** Only a part of a video file: two sliders say which. Fields of text would do, too; but see js/app/camera.js. */
import {LEAST_PART_S} from '../../clip.js';
import {find, setText} from '../dom.js';
import {formatNumber, onLanguageChange, translate} from '../text.js';

/** @typedef {{startS: number, endS: number}} Part */
/** @typedef {import('../samples.js').NamedBlob} NamedBlob */

/**
 * @param {HTMLElement} root
 * @param {(file: NamedBlob, part: Part) => void} onPart
 */
export function connectPart(root, onPart) {
  const [from, to] = ['.part-from', '.part-to'].map((name) => find(root, name, HTMLInputElement));
  const [fromText, toText] = ['.part-from-text', '.part-to-text'].map((name) => find(root, name, HTMLElement));
  /** @type {NamedBlob | null} */
  let file = null;
  from.addEventListener('input', () => {
    to.valueAsNumber = Math.max(to.valueAsNumber, from.valueAsNumber + LEAST_PART_S);
    from.valueAsNumber = Math.min(from.valueAsNumber, to.valueAsNumber - LEAST_PART_S);
    render();
  });
  to.addEventListener('input', () => {
    from.valueAsNumber = Math.min(from.valueAsNumber, to.valueAsNumber - LEAST_PART_S);
    to.valueAsNumber = Math.max(to.valueAsNumber, from.valueAsNumber + LEAST_PART_S);
    render();
  });
  find(root, '.part-read', HTMLButtonElement).addEventListener('click', () => {
    if (file !== null) onPart(file, {startS: from.valueAsNumber, endS: to.valueAsNumber});
  });
  onLanguageChange(render);
  return {
    /**
     * @param {NamedBlob} wanted
     * @param {number} durationS
     * @param {Part | null} part that is read now
     */
    offer(wanted, durationS, part) {
      file = wanted;
      root.hidden = durationS < 2 * LEAST_PART_S;
      const endS = Math.ceil(durationS * 10) / 10;
      for (const slider of [from, to]) slider.max = String(endS);
      from.valueAsNumber = part?.startS ?? 0;
      to.valueAsNumber = part?.endS ?? endS;
      render();
    },
    withdraw() {
      file = null;
      root.hidden = true;
    },
  };

  function render() {
    setText(fromText, translate('part_from', {seconds: formatNumber(from.valueAsNumber, 1)}));
    setText(toText, translate('part_to', {seconds: formatNumber(to.valueAsNumber, 1)}));
  }
}
