/** Face boxes on a canvas that lies over the picture. */
import {getContext} from '../../pixels/canvas.js';

/** @typedef {import('../../pixels/crop.js').Box} Box */
/**
 * @typedef {object} Outlines
 * @property {readonly Box[]} boxes
 * @property {number} chosen index of the box that is classified
 * @property {number} frameWidth
 * @property {number} frameHeight
 * @property {boolean} [isHeld] whether the boxes are those of an earlier frame: they are drawn faintly
 */
/** @typedef {{show: (outlines: Outlines) => void, clear: () => void, destroy: () => void}} Overlay */

/**
 * Lines keep their width on the screen, whatever the picture's resolution. Colours: --box-chosen and --box-other.
 * @param {HTMLCanvasElement} canvas laid out by CSS to cover the picture exactly
 * @returns {Overlay}
 */
export function createOverlay(canvas) {
  const context = getContext(canvas);
  /** @type {Outlines | null} */
  let shown = null;
  const observer = new ResizeObserver(redraw);
  observer.observe(canvas);
  return {
    show(outlines) {
      shown = outlines;
      redraw();
    },
    clear() {
      shown = null;
      redraw();
    },
    destroy() {
      observer.disconnect();
      shown = null;
      redraw();
    },
  };

  function redraw() {
    const {clientWidth, clientHeight} = canvas;
    canvas.width = Math.round(clientWidth * devicePixelRatio);
    canvas.height = Math.round(clientHeight * devicePixelRatio);
    if (shown === null || clientWidth === 0) return;
    const style = getComputedStyle(canvas);
    context.scale(devicePixelRatio * (clientWidth / shown.frameWidth), devicePixelRatio * (clientHeight / shown.frameHeight));
    context.globalAlpha = shown.isHeld ? 0.35 : 1;
    const pixel = shown.frameWidth / clientWidth;
    shown.boxes.forEach((box, i) => {
      const isChosen = i === shown?.chosen;
      context.setLineDash(isChosen ? [] : [6 * pixel, 5 * pixel]);
      // A dark line under the light one keeps the box visible on any picture.
      strokeBox(box, 'rgb(0 0 0 / 45%)', (isChosen ? 5 : 3.5) * pixel);
      strokeBox(box, style.getPropertyValue(isChosen ? '--box-chosen' : '--box-other'), (isChosen ? 2.5 : 1.5) * pixel);
    });
  }

  /**
   * @param {Box} box
   * @param {string} colour
   * @param {number} lineWidth
   */
  function strokeBox(box, colour, lineWidth) {
    context.strokeStyle = colour;
    context.lineWidth = lineWidth;
    context.beginPath();
    context.roundRect(box.x, box.y, box.width, box.height, Math.min(box.width, box.height) * 0.06);
    context.stroke();
  }
}
