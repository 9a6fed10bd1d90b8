/** Which of several faces is read while a picture moves: the largest at first, then the same one, or the one that was chosen. */
import {findSame} from '../../pixels/measure.js';

/** @typedef {import('../../pixels/crop.js').Box} Box */

const LOST_MS = 500; // for so long a face that is not found is waited for, and no other is read

export function createFollowedFace() {
  /** @type {Box | null} */
  let near = null;
  let seenMs = 0;
  return {
    /** @returns {Box | null} where it was last; null: the largest is wanted */
    get near() {
      return near;
    },
    /**
     * @param {Box} face
     * @param {number} nowMs
     */
    choose(face, nowMs) {
      near = face;
      seenMs = nowMs;
    },
    /**
     * What a look found. One that was under way when another face was chosen found the old one, and changes nothing.
     * @param {Box | null} found
     * @param {number} nowMs
     */
    see(found, nowMs) {
      if (found !== null && (near === null || findSame(near, [found]) !== null)) {
        near = found;
        seenMs = nowMs;
      } else if (nowMs - seenMs > LOST_MS) near = null;
    },
    reset() {
      near = null;
    },
  };
}
