/**
 * Writes the convolution kernel: a product of pixels and packed weights, register-blocked.
 *
 * R pixels by 8 channels are summed in 2 R registers; each of the K values of a pixel costs 2 loads of weights, and for every
 * pixel a load that spreads its value over 4 lanes and 2 multiply-adds. R is what x64's 16 registers hold, of which V8 keeps
 * one for itself: 6 where a multiply-add is one instruction, 5 where the product needs a register of its own. Unrolling K was
 * tried: V8 then spills, and all sizes lost 10 to 40 %. The bound is 2 multiply-adds of 4 lanes a cycle.
 * Rows are dealt out as evenly as they go (49 pixels: 4 tiles of 6 and 5 of 5): a tile of 1 costs as much as one of 4.
 *
 * What a pixel's K values are is told by a table of offsets: `runs` stretches of `length` floats, `step` bytes apart. A 1x1
 * convolution reads one run (the pixel), a 3x3 one three (rows of its window). The table's second column says where a pixel's
 * result goes, which may be inside a border that the next layer needs.
 */

/** @param {number} most pixels of a tile */
export function writeConvolution(most) {
  const tiles = Array.from({length: most}, (_, i) => i + 1);
  return `${tiles.map(writeRows).join('\n')}\n${writeConvolve(tiles)}`;
}

/** @param {number} rows */
function writeRows(rows) {
  const each = (/** @type {(i: number) => string} */ write) => Array.from({length: rows}, (_, i) => write(i)).join(' ');
  const finish = (/** @type {string} */ name) => each((i) => `c${i}0 = ${name}(c${i}0); c${i}1 = ${name}(c${i}1);`);
  return `
function convolveRows${rows}(
  table: usize, values: usize, runs: usize, length: usize, step: usize, weights: usize, biases: usize, from: usize, to: usize,
  out: usize, residual: usize, activation: i32,
): void {
  ${each((i) => `const a${i}: usize = values + load<u32>(table, ${i * 8}), o${i}: usize = load<u32>(table, ${i * 8 + 4});`)}
  const skipped: usize = step - (length << 2);
  let w: usize = weights;
  for (let n: usize = from; n < to; n += 32) {
    let w0: v128 = v128.load(biases + n), w1: v128 = v128.load(biases + n, 16), a: v128;
    ${each((i) => `let c${i}0: v128 = w0, c${i}1: v128 = w1, p${i}: usize = a${i};`)}
    for (let run: usize = 0; run < runs; run++) {
      for (let k: usize = length; k > 0; k--) {
        w0 = v128.load(w); w1 = v128.load(w, 16); w += 32;
        ${each((i) => `a = v128.load32_splat(p${i}); p${i} += 4; c${i}0 = multiplyAdd(a, w0, c${i}0); c${i}1 = multiplyAdd(a, w1, c${i}1);`)}
      }
      ${each((i) => `p${i} += skipped;`)}
    }
    if (residual) {
      ${each((i) => `c${i}0 = f32x4.add(c${i}0, v128.load(residual + o${i} + n)); c${i}1 = f32x4.add(c${i}1, v128.load(residual + o${i} + n, 16));`)}
    }
    if (activation == SILU) { ${finish('silu')} }
    else if (activation == LEAKY_RELU) { ${finish('leakyRelu')} }
    else if (activation == SIGMOID) { ${finish('sigmoid')} }
    ${each((i) => `v128.store(out + o${i} + n, c${i}0); v128.store(out + o${i} + n, c${i}1, 16);`)}
  }
}`;
}

/** @param {number[]} tiles */
function writeConvolve(tiles) {
  const most = tiles.length;
  const cases = tiles.slice(0, -1).map((rows) => `case ${rows}: convolveRows${rows}(ARGUMENTS); break;`).join('\n    ');
  const call = `switch (rows) {
    ${cases}
    default: convolveRows${most}(ARGUMENTS);
  }`;
  return `
// @ts-ignore: decorator
@inline function convolveSome(
  rows: usize, table: usize, values: usize, runs: usize, length: usize, step: usize, weights: usize, biases: usize, from: usize, to: usize,
  out: usize, residual: usize, activation: i32,
): void {
  ${call.replaceAll('ARGUMENTS', 'table, values, runs, length, step, weights, biases, from, to, out, residual, activation')}
}

/**
 * out[table] = activation(values[table] * weights + biases + residual[table]).
 *
 * table: count pairs of u32, bytes from \`values\` and from \`out\` (and \`residual\`; 0: none).
 * weights: [channels / 8][runs * length][8]; biases: [channels]; channels: a multiple of 8.
 * Whichever of pixels and channels are fewer are walked through inside, so that the larger operand is read once.
 */
export function convolve(
  table: usize, count: usize, values: usize, runs: usize, length: usize, step: usize, weights: usize, biases: usize, channels: usize,
  out: usize, residual: usize, activation: i32,
): void {
  const tiles: usize = (count + ${most - 1}) / ${most};
  const fewer: usize = count / tiles;
  const larger: usize = count - fewer * tiles; // tiles that have one more
  const panel: usize = (runs * length) << 5;
  const end: usize = channels << 2;
  const block: usize = channels > count ? 32 : end; // bytes of channels that all pixels are taken through
  for (let from: usize = 0; from < end; from += block) {
    const packed: usize = weights + (from >> 5) * panel;
    let place: usize = table;
    for (let tile: usize = 0; tile < tiles; tile++) {
      const rows: usize = fewer + (tile < larger ? 1 : 0);
      convolveSome(rows, place, values, runs, length, step, packed, biases, from, from + block, out, residual, activation);
      place += rows << 3;
    }
  }
}`;
}
