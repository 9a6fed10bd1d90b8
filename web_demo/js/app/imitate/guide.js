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

/**
 * @param {HTMLVideoElement} video
 * @param {number} offsetS where the video's time 0 lies in the track's time
 * @returns {Guide}
 */
export function followClip(video, offsetS) {
  return {
    showFirst() {
      video.pause();
      video.currentTime = 0;
    },
    // With sound, or where the browser forbids that, without.
    start() {
      video.currentTime = 0; // its controls are at hand in the countdown
      return video.play().catch(() => {
        video.muted = true;
        return video.play();
      });
    },
    readTimeS: () => video.currentTime + offsetS,
    isRunning: () => !video.paused,
    ended: () => new Promise((resolve) => { video.addEventListener('ended', () => resolve(), {once: true}); }),
    stop: () => video.pause(),
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
