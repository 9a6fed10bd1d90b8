/**
 * The score so far, at the same small price however long the recording gets: a second is counted once and for all
 * as soon as no window that a score averages over reaches back into it.
 */
import {RATE_HZ, scoreTracks} from '../../score.js';

/** @typedef {import('../../score.js').Track} Track */

const CONTEXT_S = 3; // over the widest half window of a spec, 2 s, and the longest that a frame is held, 0.5 s

/** @returns {{update: (actor: Track, user: Track, timeS: number) => number | null}} 0..100; null: the two never had a face at once */
export function createRunningScore() {
  let doneS = 0; // whole seconds
  let [sum, count] = [0, 0];
  return {
    update(actor, user, timeS) {
      const fromS = Math.max(0, doneS - CONTEXT_S);
      const {cells} = scoreTracks(takePart(actor, fromS, timeS), takePart(user, fromS, timeS));
      /** @param {number} startS @param {number} endS */
      const scoresOf = (startS, endS) => cells.slice((startS - fromS) * RATE_HZ, (endS - fromS) * RATE_HZ).flatMap(({score}) => (score === null ? [] : [score]));
      while (doneS + 1 + CONTEXT_S <= timeS) {
        const settled = scoresOf(doneS, doneS + 1);
        sum += add(settled);
        count += settled.length;
        doneS += 1;
      }
      const open = scoresOf(doneS, Infinity);
      return count + open.length === 0 ? null : (sum + add(open)) / (count + open.length);
    },
  };
}

/** @param {readonly number[]} values */
function add(values) {
  return values.reduce((total, value) => total + value, 0);
}

/**
 * @param {Track} track
 * @param {number} fromS becomes 0
 * @param {number} endS
 * @returns {Track}
 */
function takePart(track, fromS, endS) {
  const frames = track.frames.filter((frame) => frame.time_s >= fromS && frame.time_s < endS);
  return {...track, duration_s: endS - fromS, frames: frames.map((frame) => ({...frame, time_s: frame.time_s - fromS}))};
}
