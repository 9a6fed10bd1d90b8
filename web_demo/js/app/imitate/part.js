/** Only a part of a video file: the fields that say which. */
import {LEAST_PART_S} from '../../clip.js';
import {find} from '../dom.js';

/** @typedef {{startS: number, endS: number}} Part */
/** @typedef {import('../samples.js').NamedBlob} NamedBlob */

/**
 * @param {HTMLElement} root
 * @param {(file: NamedBlob, part: Part) => void} onPart
 */
export function connectPart(root, onPart) {
  const [from, to] = ['.part-from', '.part-to'].map((name) => find(root, name, HTMLInputElement));
  /** @type {NamedBlob | null} */
  let file = null;
  find(root, '.part-read', HTMLButtonElement).addEventListener('click', () => {
    to.min = String(from.valueAsNumber + LEAST_PART_S);
    // The browser says what is wrong with them; what was read stays.
    if (file !== null && from.reportValidity() && to.reportValidity()) onPart(file, {startS: from.valueAsNumber, endS: to.valueAsNumber});
  });
  return {
    /**
     * @param {NamedBlob} wanted
     * @param {number} durationS
     * @param {Part | null} part that is read now
     */
    offer(wanted, durationS, part) {
      file = wanted;
      root.hidden = false;
      const endS = Math.ceil(durationS * 10) / 10;
      to.max = String(endS);
      from.max = String(Math.max(0, endS - LEAST_PART_S));
      from.value = String(part?.startS ?? 0);
      to.value = String(part?.endS ?? endS);
    },
    withdraw() {
      file = null;
      root.hidden = true;
    },
  };
}
