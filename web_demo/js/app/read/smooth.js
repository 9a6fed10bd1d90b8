/**
 * Calm on the screen: probabilities glide, and a face that is lost for a moment is not yet gone. For display only: scores and
 * tracks are made of what the classifier said.
 */

/** @typedef {import('../../inference/engine.js').Analysis} Analysis */
/**
 * @typedef {object} Shown
 * @property {number[] | null} probabilities null: there has been no face for HOLD_MS
 * @property {Analysis | null} held the last analysis that had a face, while this one has none and it is still held
 */

const TIME_CONSTANT_MS = 200; // after that long, 63 % of a jump are shown
const HOLD_MS = 400;

/** @returns {{show: (analysis: Analysis, nowMs: number) => Shown, reset: () => void}} */
export function createSmoother() {
  /** @type {number[] | null} */
  let shown = null;
  /** @type {Analysis | null} */
  let last = null;
  let lastMs = 0;
  return {
    show(analysis, nowMs) {
      const {probabilities} = analysis;
      if (probabilities !== null) {
        const share = shown === null ? 1 : 1 - Math.exp(-(nowMs - lastMs) / TIME_CONSTANT_MS);
        shown = Array.from(probabilities, (value, i) => {
          const before = shown?.[i] ?? value;
          return before + (value - before) * share;
        });
        last = {...analysis, frame: undefined};
        lastMs = nowMs;
        return {probabilities: shown, held: null};
      }
      if (nowMs - lastMs <= HOLD_MS) return {probabilities: shown, held: last};
      shown = null;
      last = null;
      return {probabilities: null, held: null};
    },
    reset() {
      shown = null;
      last = null;
      lastMs = 0;
    },
  };
}
