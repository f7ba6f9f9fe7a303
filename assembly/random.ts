import { LANES } from "./layout";

// The generator is xoshiro128++ 1.0 (Blackman, Vigna, "Scrambled linear pseudorandom number generators", 2021), its
// state comes from SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014).

const GOLDEN: u64 = 0x9e3779b97f4a7c15;

/** Sets `random` to the start of stream `stream` of the seed `seedLow + 2^32 seedHigh`. */
export function seedRandom(random: StaticArray<u32>, seedLow: u32, seedHigh: u32, stream: u32): void {
  // Hashed twice, so that neighbouring seeds and streams start far apart on SplitMix64's one cycle.
  let counter = mix(mix(((<u64>seedHigh) << 32) | <u64>seedLow) + <u64>stream * GOLDEN);
  for (let lane = 0; lane < LANES; lane++) {
    for (let word = 0; word < 4; word += 2) {
      // Two outputs a lane, never equal to each other: so no lane starts at the one state that stays at zero.
      counter += GOLDEN;
      const bits = mix(counter);
      random[word * LANES + lane] = <u32>bits;
      random[(word + 1) * LANES + lane] = <u32>(bits >>> 32);
    }
  }
}

/** Fills `bits` with uniform 32-bit words, lane by lane in turn. */
export function drawBits(bits: StaticArray<u32>, random: StaticArray<u32>): void {
  assert(bits.length % LANES === 0, "a batch is a whole number of lanes");
  if (ASC_FEATURE_SIMD) {
    drawBitsFour(bits, random);
  } else {
    for (let lane = 0; lane < LANES; lane++) drawBitsOne(bits, random, lane);
  }
}

/** Number `index` of the words of stream `stream` of a seed: for draws that are few, and in no order. */
export function bitsOf(seedLow: u32, seedHigh: u32, stream: u32, index: u32): u32 {
  return <u32>wordsOf(seedLow, seedHigh, stream, index);
}

/** The same, and the 32 bits above them. */
export function wordsOf(seedLow: u32, seedHigh: u32, stream: u32, index: u64): u64 {
  return wordsFrom(startOf(seedLow, seedHigh, stream, index), 0);
}

/** Where the words of a stream of a seed are from number `first` on: all that does not change from one to the next. */
export function startOf(seedLow: u32, seedHigh: u32, stream: u32, first: u64): u64 {
  return mix(mix(((<u64>seedHigh) << 32) | <u64>seedLow) + <u64>stream * GOLDEN) + (first + 1) * GOLDEN;
}

/** The words that are `index` behind a start. */
export function wordsFrom(start: u64, index: u32): u64 {
  return mix(start + <u64>index * GOLDEN);
}

/** Fills `bits` with the words of a stream of a seed from number `first` on: the same whenever they are drawn. */
export function drawBitsAt(bits: StaticArray<u32>, seedLow: u32, seedHigh: u32, stream: u32, first: u32): void {
  const start = startOf(seedLow, seedHigh, stream, first);
  for (let i = 0; i < bits.length; i++) bits[i] = <u32>wordsFrom(start, i);
}

/** Defines `drawBits`: the words of one lane. */
function drawBitsOne(bits: StaticArray<u32>, random: StaticArray<u32>, lane: i32): void {
  let s0 = random[lane];
  let s1 = random[lane + LANES];
  let s2 = random[lane + 2 * LANES];
  let s3 = random[lane + 3 * LANES];
  for (let i = lane; i < bits.length; i += LANES) {
    bits[i] = rotl<u32>(s0 + s3, 7) + s0;
    const t = s1 << 9;
    s2 ^= s0;
    s3 ^= s1;
    s1 ^= s2;
    s0 ^= s3;
    s2 ^= t;
    s3 = rotl<u32>(s3, 11);
  }
  random[lane] = s0;
  random[lane + LANES] = s1;
  random[lane + 2 * LANES] = s2;
  random[lane + 3 * LANES] = s3;
}

/** The four lanes of `drawBits` at once. */
function drawBitsFour(bits: StaticArray<u32>, random: StaticArray<u32>): void {
  const state = changetype<usize>(random);
  let s0 = v128.load(state);
  let s1 = v128.load(state, 16);
  let s2 = v128.load(state, 32);
  let s3 = v128.load(state, 48);
  const end = changetype<usize>(bits) + ((<usize>bits.length) << 2);
  for (let at = changetype<usize>(bits); at < end; at += 16) {
    v128.store(at, i32x4.add(rotateFour(i32x4.add(s0, s3), 7), s0));
    const t = i32x4.shl(s1, 9);
    s2 = v128.xor(s2, s0);
    s3 = v128.xor(s3, s1);
    s1 = v128.xor(s1, s2);
    s0 = v128.xor(s0, s3);
    s2 = v128.xor(s2, t);
    s3 = rotateFour(s3, 11);
  }
  v128.store(state, s0);
  v128.store(state, s1, 16);
  v128.store(state, s2, 32);
  v128.store(state, s3, 48);
}

function rotateFour(x: v128, k: i32): v128 {
  return v128.or(i32x4.shl(x, k), i32x4.shr_u(x, 32 - k));
}

/** A whole number below `count`, from 32 uniform bits. */
export function below(bits: u32, count: u32): u32 {
  return <u32>((<u64>bits * <u64>count) >>> 32);
}

/** Whether 32 uniform bits accept what is worse by `change`, as they do with probability exp(-change / temperature). */
export function isAccepted(change: f64, temperature: f64, bits: u32): bool {
  const ratio = change / temperature;
  return ratio < 22 && decay(ratio) * 4294967296.0 > bits;
}

/**
 * exp(-x) of an x from 0 to 22, off by at most 2^-41 of itself: 2^-k, where k is nearest to x / ln 2, and Taylor's series of what is
 * left. The library's exp brings a table of 2 KiB.
 */
function decay(x: f64): f64 {
  const k = nearest(x * Math.LOG2E);
  const r = k * Math.LN2 - x;
  let sum = 1.0 / 3628800;
  sum = sum * r + 1.0 / 362880;
  sum = sum * r + 1.0 / 40320;
  sum = sum * r + 1.0 / 5040;
  sum = sum * r + 1.0 / 720;
  sum = sum * r + 1.0 / 120;
  sum = sum * r + 1.0 / 24;
  sum = sum * r + 1.0 / 6;
  sum = sum * r + 1.0 / 2;
  return ((sum * r + 1) * r + 1) * reinterpret<f64>((<u64>(1023 - <i32>k)) << 52);
}

/** SplitMix64's finaliser, a bijection. */
function mix(x: u64): u64 {
  x = (x ^ (x >>> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >>> 27)) * 0x94d049bb133111eb;
  return x ^ (x >>> 31);
}
