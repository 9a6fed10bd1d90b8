/**
 * Looks at a video while it plays: one frame in flight. Of the frames that come meanwhile the latest is looked at next; the
 * others are dropped and counted.
 */

/** @typedef {import('./inference/engine.js').Analysis} Analysis */
/** @typedef {{fps: number, seen: number, analysed: number, dropped: number}} LiveStats fps over the last second */
/**
 * @typedef {object} LiveLook
 * @property {() => LiveStats} stats
 * @property {() => void} stop no call comes after it
 */

const RATE_WINDOW_MS = 1000;

/**
 * @param {HTMLVideoElement} video
 * @param {import('./pipeline.js').EmotionPipeline} pipeline
 * @param {object} calls
 * @param {(analysis: Analysis, timeS: number) => void} calls.onAnalysis analysis.frame is the very picture; close it
 * @param {(error: unknown) => void} calls.onError called once; the look has stopped
 * @param {() => number} [calls.readTimeS] the time of a frame that has just come; else that of the video
 * @param {boolean} [calls.returnFrame]
 * @param {(timeS: number) => import('./inference/engine.js').AnalyzeOptions} [calls.ask] what else is asked of a frame
 * @returns {LiveLook}
 */
export function followVideo(video, pipeline, {onAnalysis, onError, readTimeS = () => video.currentTime, returnFrame = true, ask = () => ({})}) {
  let isStopped = false;
  let isBusy = false;
  let isWaiting = false; // whether a frame has come that has not been looked at
  let lastTimeS = -1;
  let handle = 0;
  const counts = {seen: 0, analysed: 0, dropped: 0};
  /** @type {number[]} */
  let ends = [];
  const hasFrameCallback = 'requestVideoFrameCallback' in video;
  waitForFrame();
  return {
    stats() {
      const sinceMs = performance.now() - RATE_WINDOW_MS;
      ends = ends.filter((end) => end > sinceMs);
      return {fps: ends.length * 1000 / RATE_WINDOW_MS, ...counts};
    },
    stop() {
      isStopped = true;
      if (hasFrameCallback) video.cancelVideoFrameCallback(handle);
      else cancelAnimationFrame(handle);
    },
  };

  function waitForFrame() {
    if (isStopped) return;
    handle = hasFrameCallback ? video.requestVideoFrameCallback(onFrame) : requestAnimationFrame(onAnimationFrame);
  }

  // Without requestVideoFrameCallback: a frame is new when the video's time is.
  function onAnimationFrame() {
    if (video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA && video.currentTime !== lastTimeS) onFrame();
    else waitForFrame();
    lastTimeS = video.currentTime;
  }

  function onFrame() {
    waitForFrame();
    counts.seen += 1;
    if (isWaiting) counts.dropped += 1; // this one takes its place
    isWaiting = true;
    if (!isBusy) void look();
  }

  async function look() {
    isBusy = true;
    isWaiting = false;
    const timeS = readTimeS();
    try {
      const analysis = await pipeline.analyze(video, {playingS: timeS, returnFrame, ...ask(timeS)});
      if (isStopped) {
        analysis.frame?.close();
        return;
      }
      counts.analysed += 1;
      ends.push(performance.now());
      onAnalysis(analysis, timeS);
    } catch (error) {
      if (isStopped) return;
      isStopped = true;
      onError(error);
    } finally {
      isBusy = false;
      if (isWaiting && !isStopped) void look();
    }
  }
}
