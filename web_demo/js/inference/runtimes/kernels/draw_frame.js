/** A frame as the detector's input, by the rule of js/pixels/detector_input.js, in float32: 255 is off by 1e-4 at most. */
import {HELD_PIXELS} from '../../../pixels/image_size.js';
import {layOut, showFrame} from '../../../pixels/detector_input.js';
import {roundUp} from './module.js';

/** @typedef {import('../../../pixels/detector_input.js').Taps} Taps */

const READ_AHEAD = 16; // bytes that a kernel may load past the end

/**
 * @param {import('./module.js').KernelMemory} memory
 * @param {number} address of the input: size * size * 3 floats
 * @param {import('../../../pixels/preprocess.js').PixelFrame} frame
 * @param {number} size
 * @param {import('../../../pixels/measure.js').View} view
 */
export function drawFrame(memory, address, frame, size, view) {
  if (frame.width * frame.height > HELD_PIXELS) { // is read piece by piece
    memory.floats(address, size * size * 3).set(showFrame(frame, size, view));
    return;
  }
  const {kernels} = memory;
  const {width, height, left, top, columns, rows} = layOut(frame, size, view);
  const {data} = frame.readRgba({left: 0, top: 0, width: frame.width, height: frame.height});
  const [columnTaps, rowTaps] = [packTaps(columns, 4), packTaps(rows, width * 16)];
  const bytes = [data.length + READ_AHEAD, frame.height * width * 16, columnTaps.values.byteLength, rowTaps.values.byteLength];
  const start = memory.borrow(bytes.reduce((sum, count) => sum + count + READ_AHEAD, 0));
  const places = bytes.map((_, i) => start + bytes.slice(0, i).reduce((sum, count) => sum + roundUp(count, READ_AHEAD), 0));
  const [rgba, shrunk, forColumns, forRows] = places;
  const {buffer} = kernels.memory;
  new Uint8Array(buffer, rgba, data.length).set(data);
  new Uint8Array(buffer, forColumns, columnTaps.values.byteLength).set(columnTaps.values);
  new Uint8Array(buffer, forRows, rowTaps.values.byteLength).set(rowTaps.values);
  kernels.clear(address, size * size * 3);
  kernels.shrinkRows(rgba, frame.height, frame.width, forColumns, columnTaps.most, width, shrunk);
  const first = view.isMirrored ? size - left - width : left;
  kernels.blendRows(shrunk, width, forRows, rowTaps.most, height, address + (top * size + first) * 12, size * 12, Number(view.isMirrored));
}

/**
 * @param {Taps} taps
 * @param {number} step bytes from one pixel to the next
 * @returns {{values: Uint8Array<ArrayBuffer>, most: number}} for each output: first pixel in bytes, number of taps, `most` weights
 */
function packTaps({first, weights}, step) {
  const most = weights.reduce((largest, {length}) => Math.max(largest, length), 0);
  const values = new ArrayBuffer(first.length * (most + 2) * 4);
  const [integers, floats] = [new Uint32Array(values), new Float32Array(values)];
  for (let i = 0, at = 0; i < first.length; i += 1, at += most + 2) {
    integers[at] = first[i] * step;
    integers[at + 1] = weights[i].length;
    floats.set(weights[i], at + 2);
  }
  return {values: new Uint8Array(values), most};
}
