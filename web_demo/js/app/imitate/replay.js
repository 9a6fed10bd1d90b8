/** One playhead for both videos and every chart. The clock leads, and the videos follow it. */

/** @typedef {{video: HTMLVideoElement, offsetS: number}} Player offsetS: where the video's time 0 lies */
/**
 * @typedef {object} Replay
 * @property {(timeS: number) => void} seek
 * @property {() => void} toggle play or pause
 * @property {(isLooped: boolean) => void} setLoop begin again at the end
 * @property {(rate: number) => void} setRate 1: as fast as it was filmed
 * @property {() => void} destroy
 */

const MAX_DRIFT_S = 0.15; // a video that is further off is put right; less is not seen

/**
 * @param {readonly Player[]} players
 * @param {number} endS
 * @param {object} calls
 * @param {(timeS: number) => void} calls.onTime while it plays, once a frame of the screen
 * @param {(isPlaying: boolean) => void} calls.onState
 * @returns {Replay}
 */
export function createReplay(players, endS, {onTime, onState}) {
  let timeS = 0;
  let isPlaying = false;
  let isLooped = false;
  let rate = 1;
  let lastMs = 0;
  let handle = 0;
  return {
    seek,
    toggle: () => (isPlaying ? pause() : play()),
    setLoop(wanted) { isLooped = wanted; },
    setRate(wanted) {
      rate = wanted;
      for (const {video} of players) video.playbackRate = rate;
    },
    destroy() {
      pause();
      for (const {video} of players) video.playbackRate = 1;
    },
  };

  /** @param {number} wantedS */
  function seek(wantedS) {
    timeS = Math.min(Math.max(0, wantedS), endS);
    players.forEach((player) => follow(player, 0));
    onTime(timeS);
  }

  function play() {
    if (timeS >= endS - 0.01) timeS = 0;
    isPlaying = true;
    lastMs = performance.now();
    players.forEach((player) => follow(player, 0));
    handle = requestAnimationFrame(tick);
    onState(true);
  }

  function pause() {
    isPlaying = false;
    cancelAnimationFrame(handle);
    players.forEach((player) => {
      player.video.pause();
      follow(player, 0); // both show the playhead's very moment
    });
    onState(false);
  }

  /** @param {number} nowMs */
  function tick(nowMs) {
    if (!isPlaying) return;
    timeS = Math.min(endS, timeS + rate * Math.max(0, nowMs - lastMs) / 1000);
    lastMs = nowMs;
    players.forEach((player) => follow(player, MAX_DRIFT_S));
    onTime(timeS);
    if (timeS >= endS && !isLooped) {
      pause();
      return;
    }
    if (timeS >= endS) seek(0);
    handle = requestAnimationFrame(tick);
  }

  /**
   * @param {Player} player
   * @param {number} maxDriftS 0: exactly, even if the video is still on its way to somewhere else
   */
  function follow({video, offsetS}, maxDriftS) {
    const lengthS = Number.isFinite(video.duration) ? video.duration : endS;
    const wantedS = Math.min(Math.max(0, timeS - offsetS), lengthS);
    if ((maxDriftS === 0 || !video.seeking) && Math.abs(video.currentTime - wantedS) > maxDriftS) video.currentTime = wantedS;
    const isWithin = timeS >= offsetS && wantedS < lengthS;
    if (isPlaying && isWithin && video.paused) void video.play().catch(() => {}); // the clock goes on without it
    if (!isWithin && !video.paused) video.pause();
  }
}
