/** One source at a time: a later one takes over, and what an earlier one still finds out is dropped. */

/**
 * @typedef {object} Turns
 * @property {() => () => boolean} begin ends the turn before; returns whether the new one is still the current one
 * @property {(cleanUp: () => void) => void} keep to be called when the turn ends, the last one first
 * @property {() => void} release calls the clean-ups; the turn goes on
 * @property {() => void} end
 */

/** @returns {Turns} */
export function createTurns() {
  let turn = 0;
  /** @type {(() => void)[]} */
  let cleanUps = [];
  return {begin, keep: (cleanUp) => void cleanUps.push(cleanUp), release, end};

  function begin() {
    end();
    const mine = turn;
    return () => mine === turn;
  }

  function release() {
    for (const cleanUp of cleanUps.splice(0).reverse()) cleanUp();
  }

  function end() {
    turn += 1;
    release();
  }
}
