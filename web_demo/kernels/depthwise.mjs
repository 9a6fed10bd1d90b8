/**
 * Writes the depthwise kernels: 3x3 and 5x5, at strides 1 and 2.
 *
 * Four neighbouring results of four channels are summed at once, so that each value of the window's rows is loaded once for
 * all of them: 3x3 at stride 1 loads 18 values and 9 weights for 36 multiply-adds. Each result has two sums, of the window's even
 * and odd rows: with one, 25 multiply-adds wait for each other (a latency of 4), and 5x5 took a third longer. Walking through a few
 * channels at a time, to stay in the first cache, gained nothing. The input has its border of zeros around it;
 * nothing here asks whether a window leaves the picture. The sums over all pixels, which squeeze-and-excitation wants, cost one
 * load and store for four results.
 */

const KINDS = [[3, 1], [3, 2], [5, 1], [5, 2]];
const BLOCKS = [4, 2, 1];

export function writeDepthwise() {
  return KINDS.map(([side, stride]) => writeKind(side, stride)).join('\n');
}

/**
 * @param {number} side
 * @param {number} stride
 */
function writeKind(side, stride) {
  const name = `depthwise${side}x${side}s${stride}`;
  const blocks = BLOCKS.map((block) => writeBlock(name, side, stride, block)).join('\n');
  const loops = BLOCKS.map((block) => `
    for (; left >= ${block}; left -= ${block}) {
      ${name}b${block}(from, pitch, pixel, weights, biases, to, sums, activation);
      from += ${block * stride} * pixel; to += ${block} * pixel;
    }`).join('');
  return `${blocks}
/**
 * out[y][x] = activation(sum of values[y * ${stride} + i][x * ${stride} + j] * weights[i][j] + biases), channel by channel; sums += out.
 *
 * values: rows of \`pitch\` bytes; weights: [channels / 4][${side * side}][4]; channels: a multiple of 4; out: rows of width pixels.
 */
export function ${name}(
  values: usize, pitch: usize, channels: usize, weights: usize, biases: usize, out: usize, height: usize, width: usize, sums: usize,
  activation: i32,
): void {
  const pixel: usize = channels << 2;
  let to: usize = out;
  for (let y: usize = 0; y < height; y++) {
    let from: usize = values + y * ${stride} * pitch;
    let left: usize = width;${loops}
  }
}`;
}

/**
 * @param {string} name
 * @param {number} side
 * @param {number} stride
 * @param {number} block
 */
function writeBlock(name, side, stride, block) {
  const range = (/** @type {number} */ length) => Array.from({length}, (_, i) => i);
  const each = (/** @type {(b: number) => string} */ write) => range(block).map(write).join(' ');
  const columns = (block - 1) * stride + side;
  const row = (/** @type {number} */ i) => `
    p = from + c${i === 0 ? '' : ` + ${i} * pitch`};
    ${range(side).map((j) => `w${j} = v128.load(w, ${(i * side + j) * 16});`).join(' ')}
    ${range(columns).map((x) => {
    const uses = range(block).filter((b) => x >= b * stride && x - b * stride < side);
    return `a = v128.load(p);${x + 1 < columns ? ' p += pixel;' : ''} ${uses.map((b) => `c${b}${i % 2} = multiplyAdd(a, w${x - b * stride}, c${b}${i % 2});`).join(' ')}`;
  }).join('\n    ')}`;
  return `
function ${name}b${block}(
  from: usize, pitch: usize, pixel: usize, weights: usize, biases: usize, to: usize, sums: usize, activation: i32,
): void {
  let w: usize = weights;
  for (let c: usize = 0; c < pixel; c += 16) {
    let p: usize, a: v128, ${range(side).map((j) => `w${j}: v128`).join(', ')};
    ${each((b) => `let c${b}0: v128 = v128.load(biases + c), c${b}1: v128 = f32x4.splat(0);`)}${range(side).map(row).join('')}
    w += ${side * side * 16};
    ${each((b) => `let c${b} = f32x4.add(c${b}0, c${b}1);`)}
    if (activation == SILU) { ${each((b) => `c${b} = silu(c${b});`)} }
    ${each((b) => `v128.store(to + ${b} * pixel + c, c${b});`)}
    v128.store(sums + c, f32x4.add(v128.load(sums + c), ${range(block).map((b) => `c${b}`).reduce((sum, next) => `f32x4.add(${sum}, ${next})`)}));
  }
}`;
}
