// Four floats at a time: multiply-add, and the activations.

/** a * b + c. With relaxed SIMD in one rounding where the processor can. */
// @ts-ignore: decorator
@inline export function multiplyAdd(a: v128, b: v128, c: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(a, b, c) : f32x4.add(c, f32x4.mul(a, b));
}

export const SILU: i32 = 1;
export const SIGMOID: i32 = 2;
export const LEAKY_RELU: i32 = 3;

/**
 * Constants, each four times over: loading one is a single instruction, while V8 builds a constant in a register anew at every
 * use. -log2(e) and 1.5 * 2^23 are for splitting an exponent; the six after them are the coefficients of 2^f, highest first.
 */
const CONSTANTS: usize = memory.data<f32>([
  -87, -87, -87, -87,
  87, 87, 87, 87,
  -1.44269504, -1.44269504, -1.44269504, -1.44269504,
  12582912, 12582912, 12582912, 12582912,
  0.0013276472454890609, 0.0013276472454890609, 0.0013276472454890609, 0.0013276472454890609,
  0.009675540961325169, 0.009675540961325169, 0.009675540961325169, 0.009675540961325169,
  0.05550713092088699, 0.05550713092088699, 0.05550713092088699, 0.05550713092088699,
  0.24022120237350464, 0.24022120237350464, 0.24022120237350464, 0.24022120237350464,
  0.6931469440460205, 0.6931469440460205, 0.6931469440460205, 0.6931469440460205,
  1.0000001192092896, 1.0000001192092896, 1.0000001192092896, 1.0000001192092896,
  1, 1, 1, 1,
  0.1, 0.1, 0.1, 0.1,
], 16);

// @ts-ignore: decorator
@inline function constant(index: usize): v128 {
  return v128.load(CONSTANTS + (index << 4));
}

/** x for x > 0, else 0.1 x: TinyFaceDetector's, whose slope is float32's nearest to 0.1. */
// @ts-ignore: decorator
@inline export function leakyRelu(x: v128): v128 {
  return f32x4.max(x, f32x4.mul(x, constant(11)));
}

/** x / (1 + exp(-x)). */
// @ts-ignore: decorator
@inline export function silu(x: v128): v128 {
  return f32x4.div(x, onePlusExponential(x));
}

/** 1 / (1 + exp(-x)). */
// @ts-ignore: decorator
@inline export function sigmoid(x: v128): v128 {
  return f32x4.div(constant(10), onePlusExponential(x));
}

/**
 * 1 + exp(-x) = 1 + 2^n 2^f with n the whole number nearest to -x log2(e) and f in -0.5..0.5. 2^f is a polynomial of degree 5
 * (of least relative error, 7.5e-8, by Remez' algorithm); n goes into the exponent's bits. x is kept within +-87, where 2^n is a
 * normal float.
 */
// @ts-ignore: decorator
@inline function onePlusExponential(x: v128): v128 {
  const kept = f32x4.pmax(f32x4.pmin(x, constant(1)), constant(0)); // in this order NaN stays NaN
  // Adding 1.5 * 2^23 leaves n in the lowest bits of the sum.
  const shifted = multiplyAdd(kept, constant(2), constant(3));
  const f = multiplyAdd(kept, constant(2), f32x4.sub(constant(3), shifted));
  let power = multiplyAdd(f, constant(4), constant(5));
  power = multiplyAdd(power, f, constant(6));
  power = multiplyAdd(power, f, constant(7));
  power = multiplyAdd(power, f, constant(8));
  power = multiplyAdd(power, f, constant(9));
  return f32x4.add(constant(10), i32x4.add(power, i32x4.shl(shifted, 23)));
}
