/** Words and digits that can be read while a face is read 30 times a second. The bars move with every reading. */

/** @typedef {{top: number, shares: number[]}} Words top: index of the emotion that is named; shares: the digits, 0..1 a label */

const LEAD_MS = 300; // for so long another emotion leads before it is named
const REFRESH_MS = 350; // between two changes of the digits: fewer than three a second

/** @returns {{show: (probabilities: readonly number[] | null, nowMs: number) => Words | null, reset: () => void}} */
export function createSteadyWords() {
  /** @type {Words | null} */
  let words = null;
  let refreshedMs = 0;
  let leader = -1;
  let leadsSinceMs = 0;
  return {show, reset: () => { words = null; }};

  /**
   * @param {readonly number[] | null} probabilities null: no face
   * @param {number} nowMs
   * @returns {Words | null}
   */
  function show(probabilities, nowMs) {
    if (probabilities === null) {
      words = null;
      return null;
    }
    const first = probabilities.indexOf(Math.max(...probabilities));
    if (first !== leader) [leader, leadsSinceMs] = [first, nowMs];
    const top = words === null || nowMs - leadsSinceMs >= LEAD_MS ? leader : words.top;
    if (words === null || top !== words.top || nowMs - refreshedMs >= REFRESH_MS) {
      words = {top, shares: [...probabilities]};
      refreshedMs = nowMs;
    }
    return words;
  }
}
