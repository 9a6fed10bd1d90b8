/** Lines over time, drawn by uPlot, with a playhead that can be put elsewhere by a click. */
import {formatNumber, formatSeconds, formatWholePercent, nameOf, translate} from '../text.js';
import {listColours, readColour} from './colours.js';
import {importChart} from '../../vendor.js';

/** @typedef {{colour: string, values: readonly (number | null)[]}} Line colour: a custom property; null: a gap */
/**
 * @typedef {object} ChartContent
 * @property {readonly number[]} timesS ascending
 * @property {readonly Line[]} lines
 * @property {number} endS of the time axis
 * @property {number} top of the other axis, which begins at 0
 * @property {(value: number) => string} formatTime
 * @property {(value: number) => string} formatValue
 * @property {string} label for screen readers
 * @property {(index: number) => string} [describe] what there is at a time, by its index: shown under the pointer
 */
/**
 * @typedef {object} Chart
 * @property {(content: ChartContent | null) => Promise<void>} show null: nothing
 * @property {(timeS: number | null) => void} setPlayhead
 * @property {() => void} destroy
 */

const MAX_POINTS = 1200; // of a line: more than there are pixels cost time and show nothing

/**
 * @param {HTMLElement} container sized by CSS
 * @param {(timeS: number) => void} onSeek
 * @returns {Chart}
 */
export function createChart(container, onSeek) {
  /** @type {import('uplot') | null} */
  let plot = null;
  let shape = '';
  /** @type {ChartContent | null} */
  let shown = null;
  /** @type {number | null} */
  let playheadS = null;
  const readout = document.createElement('span');
  readout.className = 'readout';
  readout.setAttribute('aria-hidden', 'true');
  readout.hidden = true;
  container.hidden = true;
  const observer = new ResizeObserver(() => {
    if (plot !== null && container.clientWidth > 0) plot.setSize({width: container.clientWidth, height: container.clientHeight});
  });
  observer.observe(container);
  const theme = matchMedia('(prefers-color-scheme: dark)');
  theme.addEventListener('change', rebuild);
  return {show, setPlayhead, destroy};

  /** @type {Chart['show']} */
  async function show(content) {
    shown = content;
    container.hidden = content === null;
    if (content === null) {
      remove();
      return;
    }
    container.setAttribute('role', 'img');
    container.setAttribute('aria-label', content.label);
    const {UPlot} = /** @type {typeof import('../../../tools/vendor_chart.js')} */ (await importChart());
    if (shown !== content) return; // a later call was quicker
    const wanted = `${content.lines.map((line) => line.colour)}|${content.endS}|${content.label}`;
    const data = thin(content);
    if (plot !== null && shape === wanted) {
      plot.setData(data);
      return;
    }
    remove();
    shape = wanted;
    plot = new UPlot(describe(content), data, container);
    container.append(readout);
    plot.over.addEventListener('click', (event) => {
      if (plot !== null) onSeek(Math.min(Math.max(plot.posToVal(event.offsetX, 'x'), 0), content.endS));
    });
  }

  /** @type {Chart['setPlayhead']} */
  function setPlayhead(timeS) {
    playheadS = timeS;
    plot?.redraw(false);
  }

  /**
   * @param {ChartContent} content
   * @returns {import('uplot').Options}
   */
  function describe({lines, endS, top, formatTime, formatValue}) {
    const axis = {stroke: readColour('--quiet'), grid: {stroke: readColour('--line'), width: 1}, ticks: {show: false}, font: '12px system-ui'};
    return {
      width: container.clientWidth || 300,
      height: container.clientHeight || 140,
      legend: {show: false},
      cursor: {drag: {x: false, y: false}, points: {show: false}, y: false},
      scales: {x: {time: false, range: () => [0, endS]}, y: {range: () => [0, top]}},
      axes: [
        {...axis, size: 24, values: (_, values) => values.map(formatTime)},
        {...axis, size: 44, values: (_, values) => values.map(formatValue)},
      ],
      series: [{}, ...lines.map((line) => ({stroke: readColour(line.colour), width: 2, points: {show: false}}))],
      hooks: {draw: [drawPlayhead], setCursor: [showReadout]},
    };
  }

  /** @param {import('uplot')} chart */
  function showReadout({cursor: {idx, left = -1}}) {
    const isOver = left >= 0 && typeof idx === 'number' && shown?.describe !== undefined;
    readout.hidden = !isOver;
    if (isOver) readout.textContent = /** @type {(index: number) => string} */ (shown?.describe)(idx * stepOf(/** @type {ChartContent} */ (shown)));
  }

  /** @param {import('uplot')} chart */
  function drawPlayhead(chart) {
    if (playheadS === null) return;
    const {ctx, bbox} = chart;
    const x = chart.valToPos(playheadS, 'x', true);
    ctx.save();
    ctx.strokeStyle = readColour('--ink');
    ctx.lineWidth = 2 * devicePixelRatio;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.restore();
  }

  function rebuild() {
    shape = '';
    if (shown !== null) void show({...shown});
  }

  function remove() {
    plot?.destroy();
    plot = null;
    shape = '';
  }

  function destroy() {
    observer.disconnect();
    theme.removeEventListener('change', rebuild);
    remove();
  }
}

/**
 * @param {ChartContent} content
 * @returns {number} every so many points one is drawn
 */
function stepOf({timesS}) {
  return Math.max(1, Math.ceil(timesS.length / MAX_POINTS));
}

/**
 * @param {ChartContent} content
 * @returns {import('uplot').AlignedData}
 */
function thin(content) {
  const {timesS, lines} = content;
  const step = stepOf(content);
  /** @type {<Value>(values: readonly Value[]) => Value[]} */
  const pick = (values) => values.filter((_, i) => i % step === 0);
  return [pick(timesS), ...lines.map((line) => pick(line.values))];
}

/**
 * A track, a line a label.
 * @param {import('../../score.js').Track} track
 * @param {readonly import('../../inference/manifest.js').Label[]} labels
 * @param {number} endS of the time axis
 * @param {string} label for screen readers
 * @returns {ChartContent}
 */
export function chartOfTrack({frames}, labels, endS, label) {
  return {
    timesS: frames.map((frame) => frame.time_s),
    lines: listColours(labels).map((colour, k) => ({colour, values: frames.map((frame) => frame.probabilities?.[k] ?? null)})),
    endS,
    top: 1,
    formatTime: formatSeconds,
    formatValue: (value) => `${Math.round(value * 100)}%`,
    label,
    describe: (index) => describeFrame(frames[index], labels),
  };
}

/**
 * @param {import('../../score.js').TrackFrame | undefined} frame
 * @param {readonly import('../../inference/manifest.js').Label[]} labels
 */
function describeFrame(frame, labels) {
  if (frame === undefined) return '';
  const seconds = formatNumber(frame.time_s, 1);
  if (frame.probabilities === null) return translate('playhead_text', {seconds, score: translate('result_no_face')});
  const top = frame.probabilities.indexOf(Math.max(...frame.probabilities));
  return translate('readout_track', {seconds, label: nameOf(labels[top]), percent: formatWholePercent(frame.probabilities[top])});
}
