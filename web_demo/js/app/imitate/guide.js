/** What a recording follows: the actor's clip, or, where the actor is recorded, a clock. */

/**
 * @typedef {object} Guide
 * @property {() => void} showFirst its picture, before it starts
 * @property {() => Promise<void>} start
 * @property {() => number} readTimeS in the recording's track
 * @property {() => boolean} isRunning
 * @property {() => Promise<void>} ended
 * @property {() => void} stop
 */

const LOOK_MS = 15;

/**
 * @param {HTMLVideoElement} video
 * @param {number} offsetS where the video's time 0 lies in the track's time
 * @param {number} durationS of the track
 * @returns {Guide}
 */
export function followClip(video, offsetS, durationS) {
  const startS = Math.max(0, -offsetS);
  let isStopped = false;
  return {
    showFirst() {
      video.pause();
      video.currentTime = startS;
    },
    // With sound, or where the browser forbids that, without.
    start() {
      video.currentTime = startS;
      return video.play().catch(() => {
        video.muted = true;
        return video.play();
      });
    },
    readTimeS: () => video.currentTime + offsetS,
    isRunning: () => !video.paused,
    ended: () => new Promise((resolve) => {
      const look = () => {
        if (isStopped || video.ended || video.currentTime + offsetS >= durationS) resolve();
        else setTimeout(look, LOOK_MS); // 'ended' does not come where only a part is played
      };
      look();
    }),
    stop() {
      isStopped = true;
      video.pause();
    },
  };
}

/**
 * @param {number} longestS
 * @returns {Guide}
 */
export function followClock(longestS) {
  let startedMs = 0;
  /** @type {number | null} */
  let endS = null;
  const readTimeS = () => endS ?? Math.min(longestS, (performance.now() - startedMs) / 1000);
  return {
    showFirst() {},
    async start() {
      startedMs = performance.now();
    },
    readTimeS,
    isRunning: () => endS === null,
    ended: () => new Promise((resolve) => { setTimeout(resolve, longestS * 1000); }),
    stop() {
      endS = readTimeS();
    },
  };
}
