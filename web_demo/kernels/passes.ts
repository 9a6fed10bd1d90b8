// Passes over memory that are no products.
import {multiplyAdd} from './arithmetic';

/**
 * Bytes to floats, less the channel's mean: count bytes of RGB.
 * means: 12 floats, the three means four times, so that 4 pixels are 3 vectors.
 */
export function centreBytes(bytes: usize, count: usize, means: usize, out: usize): void {
  const m0 = v128.load(means), m1 = v128.load(means, 16), m2 = v128.load(means, 32);
  let i: usize = 0;
  for (; i + 16 <= count; i += 12) { // 16 are read, 12 are used
    const sixteen = v128.load(bytes + i);
    const low = i16x8.extend_low_i8x16_u(sixteen), high = i16x8.extend_high_i8x16_u(sixteen);
    const to = out + (i << 2);
    v128.store(to, f32x4.sub(f32x4.convert_i32x4_u(i32x4.extend_low_i16x8_u(low)), m0));
    v128.store(to, f32x4.sub(f32x4.convert_i32x4_u(i32x4.extend_high_i16x8_u(low)), m1), 16);
    v128.store(to, f32x4.sub(f32x4.convert_i32x4_u(i32x4.extend_low_i16x8_u(high)), m2), 32);
  }
  for (; i < count; i++) store<f32>(out + (i << 2), <f32>load<u8>(bytes + i) - load<f32>(means + (i % 3 << 2)));
}

/** The largest of 2x2 values; a window that leaves the picture takes what is inside. Into rows of outPitch bytes. */
export function maxPool(
  values: usize, height: usize, width: usize, channels: usize, stride: usize, out: usize, outPitch: usize,
): void {
  const pixel: usize = channels << 2, pitch: usize = width * pixel;
  for (let y: usize = 0; y < height; y += stride) {
    const first: usize = values + y * pitch;
    const below: usize = y + 1 < height ? pitch : 0;
    let to: usize = out + (y / stride) * outPitch;
    for (let x: usize = 0; x < width; x += stride) {
      const from: usize = first + x * pixel;
      const beside: usize = x + 1 < width ? pixel : 0;
      for (let c: usize = 0; c < pixel; c += 16) {
        const upper = f32x4.max(v128.load(from + c), v128.load(from + beside + c));
        const lower = f32x4.max(v128.load(from + below + c), v128.load(from + below + beside + c));
        v128.store(to + c, f32x4.max(upper, lower));
      }
      to += pixel;
    }
  }
}

/** sums[channel] += the channel's values over count pixels. */
export function addPixels(values: usize, count: usize, channels: usize, sums: usize): void {
  const pixel: usize = channels << 2;
  for (let c: usize = 0; c < pixel; c += 16) {
    let sum = v128.load(sums + c);
    for (let i: usize = 0, from = values + c; i < count; i++, from += pixel) sum = f32x4.add(sum, v128.load(from));
    v128.store(sums + c, sum);
  }
}

/** values *= factor, for count floats, a multiple of 4. */
export function multiply(values: usize, count: usize, factor: f32): void {
  const vector = f32x4.splat(factor);
  for (let i: usize = 0; i < count << 2; i += 16) v128.store(values + i, f32x4.mul(v128.load(values + i), vector));
}

/** Every pixel times the gate of its channel, in place. */
export function gatePixels(values: usize, count: usize, channels: usize, gates: usize): void {
  const pixel: usize = channels << 2;
  for (let i: usize = 0, at = values; i < count; i++, at += pixel) {
    for (let c: usize = 0; c < pixel; c += 16) v128.store(at + c, f32x4.mul(v128.load(at + c), v128.load(gates + c)));
  }
}

/** Packed weights [panels][inputs][8], times the gate of their input: for maps that have more pixels than the layer outputs. */
export function gateWeights(weights: usize, panels: usize, inputs: usize, gates: usize, out: usize): void {
  let from: usize = weights, to: usize = out;
  for (let panel: usize = 0; panel < panels; panel++) {
    for (let i: usize = 0; i < inputs; i++) {
      const gate = v128.load32_splat(gates + (i << 2));
      v128.store(to, f32x4.mul(v128.load(from), gate));
      v128.store(to, f32x4.mul(v128.load(from, 16), gate), 16);
      from += 32; to += 32;
    }
  }
}

/** Zeros around a picture of height x width pixels that lies in a frame of `pitch` bytes a row. */
export function clearBorder(
  out: usize, height: usize, width: usize, pixel: usize, top: usize, left: usize, bottom: usize, right: usize,
): void {
  const pitch: usize = (left + width + right) * pixel;
  memory.fill(out, 0, top * pitch + left * pixel);
  const between: usize = (right + left) * pixel; // the end of one row and the start of the next
  let at: usize = out + top * pitch + (left + width) * pixel;
  for (let y: usize = 1; y < height; y++, at += pitch) memory.fill(at, 0, between);
  memory.fill(at, 0, right * pixel + bottom * pitch);
}

/** Zeros, for count floats. */
export function clear(values: usize, count: usize): void {
  memory.fill(values, 0, count << 2);
}

/**
 * Rows of RGBA bytes, each shrunk (or grown) sideways: out[row][x] = 4 floats, the sum over taps t of weights[x][t] times the
 * pixel first[x] + t. Of one sum the alpha is left at zero.
 * taps: for each x the first pixel's offset in bytes and how many count (2 u32), then `most` weights.
 */
export function shrinkRows(
  rgba: usize, height: usize, width: usize, taps: usize, most: usize, outWidth: usize, out: usize,
): void {
  const step: usize = (most + 2) << 2;
  const keepRgb = i32x4(-1, -1, -1, 0);
  let to: usize = out;
  for (let y: usize = 0, row = rgba; y < height; y++, row += width << 2) {
    for (let x: usize = 0, tap = taps; x < outWidth; x++, tap += step, to += 16) {
      let from: usize = row + load<u32>(tap);
      let sum = f32x4.splat(0);
      const end: usize = tap + 8 + (load<u32>(tap, 4) << 2);
      for (let weight: usize = tap + 8; weight < end; weight += 4, from += 4) {
        const bytes = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(from)));
        sum = multiplyAdd(f32x4.convert_i32x4_u(bytes), v128.load32_splat(weight), sum);
      }
      v128.store(to, v128.and(sum, keepRgb));
    }
  }
}

/**
 * Such rows, summed downwards by the same kind of taps (their offsets in rows of 16 bytes a pixel), as RGB: 3 floats a pixel, in
 * rows of outPitch bytes, from right to left if they are mirrored. A pixel's fourth float, a zero, is overwritten by the next.
 */
export function blendRows(
  rows: usize, width: usize, taps: usize, most: usize, outHeight: usize, out: usize, outPitch: usize, isMirrored: i32,
): void {
  const step: usize = (most + 2) << 2, pitch: usize = width << 4;
  for (let y: usize = 0, tap = taps; y < outHeight; y++, tap += step) {
    const first: usize = rows + load<u32>(tap);
    const end: usize = tap + 8 + (load<u32>(tap, 4) << 2);
    let to: usize = out + y * outPitch;
    for (let i: usize = 0; i < width; i++, to += 12) {
      let from: usize = first + ((isMirrored ? width - 1 - i : i) << 4);
      let sum = f32x4.splat(0);
      for (let weight: usize = tap + 8; weight < end; weight += 4, from += pitch) {
        sum = multiplyAdd(v128.load(from), v128.load32_splat(weight), sum);
      }
      v128.store(to, sum);
    }
  }
}
