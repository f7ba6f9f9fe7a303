import { MLP_STRIP } from "./layout";

export const STRIP_BYTES: usize = MLP_STRIP << 2;

// What a perceptron's forward pass and its training are made of. Each is written twice, four lanes at once and one by one, with
// additions in the same order: the bits are the same.

// 2^x by rounding with 1.5 * 2^23, ln 2 in two pieces, and the polynomial of Cephes' expf (Moshier, 1992).
const ROUND: f32 = 12582912;
const LOG2_E: f32 = <f32>Math.LOG2E;
const LN2_HIGH: f32 = 0.693359375;
const LN2_LOW: f32 = -2.1219444e-4;
const E6: f32 = 1.98756915e-4;
const E5: f32 = 1.3981999507e-3;
const E4: f32 = 8.3334519073e-3;
const E3: f32 = 4.1665795894e-2;
const E2: f32 = 1.6666665459e-1;
const E1: f32 = 5.0000001201e-1;
/** Beyond it, e^-x is no normal f32. */
const MOST: f32 = 87;
/** The same where a load spreads them over four lanes: of a constant vector V8 makes four instructions, in every round of a loop. */
const FOUR = memory.data<f32>([ROUND, LOG2_E, LN2_HIGH, LN2_LOW, E6, E5, E4, E3, E2, E1, MOST, -MOST, 1]);

/**
 * Lists which of `count` values, `stride` bytes apart from `values` on, are not 0: at `list` the bytes of the list, then for each how
 * far the value lies from the first, and its row from the first row. Offsets, because a product here would keep an adder busy.
 */
export function listLive(list: usize, values: usize, stride: usize, rowBytes: usize, count: i32): void {
  let end = list + 8;
  let offsets: u64 = 0;
  const next = ((<u64>rowBytes) << 32) | <u64>stride;
  const last = values + <usize>count * stride;
  if (ASC_FEATURE_SIMD && stride === 4) {
    // Rows are whole strips.
    for (let at = values; at < last; at += 16) {
      const live = i32x4.bitmask(i32x4.ne(i32x4.shl(v128.load(at), 1), i32x4.splat(0)));
      store<u64>(end, offsets);
      end += (<usize>(live & 1)) << 3;
      store<u64>(end, offsets + next);
      end += (<usize>(live & 2)) << 2;
      store<u64>(end, offsets + 2 * next);
      end += (<usize>(live & 4)) << 1;
      store<u64>(end, offsets + 3 * next);
      end += <usize>(live & 8);
      offsets += 4 * next;
    }
    store<u32>(list, <u32>(end - list - 8));
    return;
  }
  for (let at = values; at < last; at += stride) {
    // Written in any case: half of what a rectifier lets through is 0, and a branch would be guessed wrong as often.
    store<u64>(end, offsets);
    offsets += next;
    end += (<usize>i32(load<u32>(at) << 1 !== 0)) << 3;
  }
  store<u32>(list, <u32>(end - list - 8));
}

/**
 * Fills `count` strips of `sums`, `sumsNext` bytes apart, with `start` + the sum over the values i that a list names of value times
 * strip i of `rows`, of which the list says where they lie. The next sum's values are `next` bytes on, its list `listNext`.
 */
export function sumStrips(
  sums: usize,
  sumsNext: usize,
  start: usize,
  values: usize,
  next: usize,
  rows: usize,
  lists: usize,
  listNext: usize,
  count: i32,
): void {
  for (let i = 0; i < count; i++) {
    if (ASC_FEATURE_SIMD) {
      sumStripFour(sums, start, values, rows, lists);
    } else {
      sumStripOne(sums, start, values, rows, lists);
    }
    sums += sumsNext;
    values += next;
    lists += listNext;
  }
}

/** Defines one strip of `sumStrips`. */
function sumStripOne(sums: usize, start: usize, values: usize, rows: usize, list: usize): void {
  const last = list + <usize>load<u32>(list);
  for (let at: usize = 0; at < STRIP_BYTES; at += 4) store<f32>(sums + at, load<f32>(start + at));
  for (; list < last; list += 8) {
    const value = load<f32>(values + <usize>load<u32>(list, 8));
    const row = rows + <usize>load<u32>(list, 12);
    for (let at: usize = 0; at < STRIP_BYTES; at += 4)
      store<f32>(sums + at, load<f32>(sums + at) + value * load<f32>(row + at));
  }
}

/** The same in four vectors, whose additions hide one another's latency. With eight, V8 runs out of registers. */
function sumStripFour(sums: usize, start: usize, values: usize, rows: usize, list: usize): void {
  let s0 = v128.load(start);
  let s1 = v128.load(start, 16);
  let s2 = v128.load(start, 32);
  let s3 = v128.load(start, 48);
  const last = list + <usize>load<u32>(list);
  for (; list < last; list += 8) {
    const value = v128.load_splat<f32>(values + <usize>load<u32>(list, 8));
    const row = rows + <usize>load<u32>(list, 12);
    s0 = f32x4.add(s0, f32x4.mul(value, v128.load(row)));
    s1 = f32x4.add(s1, f32x4.mul(value, v128.load(row, 16)));
    s2 = f32x4.add(s2, f32x4.mul(value, v128.load(row, 32)));
    s3 = f32x4.add(s3, f32x4.mul(value, v128.load(row, 48)));
  }
  v128.store(sums, s0);
  v128.store(sums, s1, 16);
  v128.store(sums, s2, 32);
  v128.store(sums, s3, 48);
}

/**
 * Writes into place i of `products`, for each listed i, the product of `row` with the weights of input i of a layer, whose strips
 * are `stripBytes` apart: four sums, lane by lane, then theirs.
 */
export function multiplyRows(
  products: usize,
  row: usize,
  strips: usize,
  stripBytes: usize,
  width: i32,
  list: usize,
): void {
  const end = row + ((<usize>width) << 2);
  const last = list + <usize>load<u32>(list);
  list += 8;
  if (ASC_FEATURE_SIMD) {
    for (; list <= last; list += 32) {
      // Four inputs at a time; past the last one, that one again.
      const a = list;
      const b = min(list + 8, last);
      const c = min(list + 16, last);
      const d = min(list + 24, last);
      const atA = <usize>load<u32>(a, 4);
      const atB = <usize>load<u32>(b, 4);
      const atC = <usize>load<u32>(c, 4);
      const atD = <usize>load<u32>(d, 4);
      let sumA = f32x4.splat(0);
      let sumB = sumA;
      let sumC = sumA;
      let sumD = sumA;
      let strip = strips;
      for (let at = row; at < end; at += STRIP_BYTES) {
        for (let o: usize = 0; o < STRIP_BYTES; o += 16) {
          const values = v128.load(at + o);
          sumA = f32x4.add(sumA, f32x4.mul(values, v128.load(strip + atA + o)));
          sumB = f32x4.add(sumB, f32x4.mul(values, v128.load(strip + atB + o)));
          sumC = f32x4.add(sumC, f32x4.mul(values, v128.load(strip + atC + o)));
          sumD = f32x4.add(sumD, f32x4.mul(values, v128.load(strip + atD + o)));
        }
        strip += stripBytes;
      }
      store<f32>(products + <usize>load<u32>(a), sumOfLanes(sumA));
      store<f32>(products + <usize>load<u32>(b), sumOfLanes(sumB));
      store<f32>(products + <usize>load<u32>(c), sumOfLanes(sumC));
      store<f32>(products + <usize>load<u32>(d), sumOfLanes(sumD));
    }
  } else {
    for (; list <= last; list += 8) {
      let s0: f32 = 0;
      let s1: f32 = 0;
      let s2: f32 = 0;
      let s3: f32 = 0;
      let strip = strips + <usize>load<u32>(list, 4);
      for (let at = row; at < end; at += STRIP_BYTES) {
        for (let o: usize = 0; o < STRIP_BYTES; o += 16) {
          s0 += load<f32>(at + o) * load<f32>(strip + o);
          s1 += load<f32>(at + o, 4) * load<f32>(strip + o, 4);
          s2 += load<f32>(at + o, 8) * load<f32>(strip + o, 8);
          s3 += load<f32>(at + o, 12) * load<f32>(strip + o, 12);
        }
        strip += stripBytes;
      }
      store<f32>(products + <usize>load<u32>(list), s0 + s1 + (s2 + s3));
    }
  }
}

function sumOfLanes(x: v128): f32 {
  return f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 1) + (f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3));
}

/** Puts 0 in the place of what is not above 0, in `count` values. */
export function rectify(values: usize, count: i32): void {
  const end = values + ((<usize>count) << 2);
  if (ASC_FEATURE_SIMD) {
    const zero = f32x4.splat(0);
    for (let at = values; at < end; at += 16) v128.store(at, f32x4.pmax(zero, v128.load(at)));
  } else {
    for (let at = values; at < end; at += 4) store<f32>(at, 0 < load<f32>(at) ? load<f32>(at) : 0);
  }
}

/** Puts 1 / (1 + e^-x) in the place of x, in `count` values, whole strips of them. Neither end loses digits: where e^-x is huge, so is what it adds to. */
export function squash(values: usize, count: i32): void {
  const end = values + ((<usize>count) << 2);
  if (ASC_FEATURE_SIMD) {
    for (let at = values; at < end; at += 16) v128.store(at, sigmoidFour(v128.load(at)));
  } else {
    for (let at = values; at < end; at += 4) store<f32>(at, sigmoidOne(load<f32>(at)));
  }
}

function sigmoidOne(x: f32): f32 {
  const low: f32 = x < -MOST ? -MOST : x;
  const y = MOST < low ? MOST : low;
  const rounded = ROUND - y * LOG2_E;
  const n = rounded - ROUND;
  const r = -y - n * LN2_HIGH - n * LN2_LOW;
  const terms = ((((E6 * r + E5) * r + E4) * r + E3) * r + E2) * r + E1;
  const e = (terms * (r * r) + r + 1) * reinterpret<f32>((reinterpret<i32>(rounded) + 127) << 23);
  return 1 / (1 + e);
}

function sigmoidFour(x: v128): v128 {
  const one = v128.load32_splat(FOUR, 48);
  const round = v128.load32_splat(FOUR, 0);
  const y = f32x4.pmin(f32x4.pmax(x, v128.load32_splat(FOUR, 44)), v128.load32_splat(FOUR, 40));
  const rounded = f32x4.sub(round, f32x4.mul(y, v128.load32_splat(FOUR, 4)));
  const n = f32x4.sub(rounded, round);
  const high = f32x4.sub(f32x4.neg(y), f32x4.mul(n, v128.load32_splat(FOUR, 8)));
  const r = f32x4.sub(high, f32x4.mul(n, v128.load32_splat(FOUR, 12)));
  let terms = f32x4.add(f32x4.mul(v128.load32_splat(FOUR, 16), r), v128.load32_splat(FOUR, 20));
  terms = f32x4.add(f32x4.mul(terms, r), v128.load32_splat(FOUR, 24));
  terms = f32x4.add(f32x4.mul(terms, r), v128.load32_splat(FOUR, 28));
  terms = f32x4.add(f32x4.mul(terms, r), v128.load32_splat(FOUR, 32));
  terms = f32x4.add(f32x4.mul(terms, r), v128.load32_splat(FOUR, 36));
  const scale = i32x4.shl(i32x4.add(rounded, i32x4.splat(127)), 23);
  const e = f32x4.mul(f32x4.add(f32x4.add(f32x4.mul(terms, f32x4.mul(r, r)), r), one), scale);
  return f32x4.div(one, f32x4.add(one, e));
}
