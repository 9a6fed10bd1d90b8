/** What was read over time, as a track and as a chart: of a video each moment once, however often it is played. */
import {startTrack, toTrackFrame} from '../../clip.js';
import {SINGLE_LOOK} from '../../pixels/measure.js';
import {onLanguageChange, translate} from '../text.js';
import {chartOfTrack, createChart} from '../widgets/chart.js';

/** @typedef {import('../../score.js').Track} Track */
/** @typedef {import('../../inference/engine.js').Analysis} Analysis */

const CHART_EVERY_MS = 250;
const AXIS_STEP_S = 10; // an axis that grew with every frame would be drawn anew with every frame
const MOST_FRAMES = 36_000; // 20 minutes of a camera; then the oldest go

/**
 * @param {HTMLElement} container
 * @param {(timeS: number) => void} onSeek
 */
export function createTimeline(container, onSeek) {
  const chart = createChart(container, onSeek);
  /** @type {Track | null} */
  let track = null;
  /** @type {readonly import('../../inference/manifest.js').Label[]} */
  let labels = [];
  let chartedMs = 0;
  let lastS = -1;
  onLanguageChange(draw);
  return {
    get track() {
      return track;
    },
    /**
     * @param {string} name
     * @param {import('../../pipeline.js').PipelineFacts} facts
     * @param {number} durationS of a video; 0 where it has no end
     */
    start(name, facts, durationS) {
      ({labels} = facts.spec);
      track = {...startTrack(name, facts), duration_s: durationS, measurement: SINGLE_LOOK};
      lastS = -1;
    },
    /**
     * @param {number} timeS
     * @param {Analysis} analysis
     * @param {number} nowMs
     */
    add(timeS, analysis, nowMs) {
      if (track === null) return;
      insert(track.frames, toTrackFrame(timeS, analysis), lastS);
      if (track.frames.length > MOST_FRAMES) track.frames.shift();
      lastS = timeS;
      if (nowMs - chartedMs < CHART_EVERY_MS) return;
      chartedMs = nowMs;
      draw();
    },
    draw,
    clear() {
      track = null;
      void chart.show(null);
    },
  };

  function draw() {
    if (track === null || track.frames.length < 2) return;
    const endS = track.duration_s || Math.ceil((track.frames.at(-1)?.time_s ?? 0) / AXIS_STEP_S) * AXIS_STEP_S;
    void chart.show(chartOfTrack(track, labels, endS, translate('chart_reading')));
  }
}

/**
 * A frame takes the place of those that were read there before, back to the one before it.
 * @param {import('../../score.js').TrackFrame[]} frames in order of time; changed
 * @param {import('../../score.js').TrackFrame} frame
 * @param {number} lastS the time of the frame that was read before this one
 */
export function insert(frames, frame, lastS) {
  const last = frames.at(-1);
  if (last === undefined || last.time_s < frame.time_s) {
    frames.push(frame);
    return;
  }
  const first = frames.findIndex(({time_s: timeS}) => (lastS < frame.time_s ? timeS > lastS : timeS >= frame.time_s));
  let end = first;
  while (end < frames.length && frames[end].time_s <= frame.time_s) end += 1;
  frames.splice(first, end - first, frame);
}
