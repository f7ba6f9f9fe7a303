import { CELLS, LANES, QUANTILES } from "../../assembly/layout.ts";

// The kernels of the rooms random and latency again: one draw after the other, in the order in which they are handed out.

export const MASK = (1n << 64n) - 1n;
export const GOLDEN = 0x9e3779b97f4a7c15n;

export function mix(x: bigint): bigint {
  const a = ((x ^ (x >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
  const b = ((a ^ (a >> 27n)) * 0x94d049bb133111ebn) & MASK;
  return b ^ (b >> 31n);
}

/** SplitMix64: the next state and its output. */
export function splitMix64(state: bigint): [state: bigint, output: bigint] {
  const next = (state + GOLDEN) & MASK;
  return [next, mix(next)];
}

/** The state that `seedRandom` writes. */
export function seedRandom(seed: number, stream = 0): Uint32Array {
  const random = new Uint32Array(4 * LANES);
  let state = mix((mix(BigInt(seed)) + BigInt(stream) * GOLDEN) & MASK);
  for (let lane = 0; lane < LANES; lane++) {
    for (const word of [0, 2]) {
      let bits: bigint;
      [state, bits] = splitMix64(state);
      random[word * LANES + lane] = Number(bits & 0xffffffffn);
      random[(word + 1) * LANES + lane] = Number(bits >> 32n);
    }
  }
  return random;
}

/** The next 32 bits of one lane of xoshiro128++. */
export function nextBits(random: Uint32Array, lane: number): number {
  let s0 = random[lane]!;
  let s1 = random[lane + LANES]!;
  let s2 = random[lane + 2 * LANES]!;
  let s3 = random[lane + 3 * LANES]!;
  const sum = (s0 + s3) | 0;
  const bits = (((sum << 7) | (sum >>> 25)) + s0) >>> 0;
  const t = s1 << 9;
  s2 ^= s0;
  s3 ^= s1;
  s1 ^= s2;
  s0 ^= s3;
  s2 ^= t;
  s3 = (s3 << 11) | (s3 >>> 21);
  random[lane] = s0;
  random[lane + LANES] = s1;
  random[lane + 2 * LANES] = s2;
  random[lane + 3 * LANES] = s3;
  return bits;
}

export function drawBits(bits: Uint32Array, random: Uint32Array): void {
  for (let i = 0; i < bits.length; i++) bits[i] = nextBits(random, i % LANES);
}

const float = new Float32Array(1);
const spelled = new Uint32Array(float.buffer);

/** The quantile at exceedance probability bits / 2^32. */
export function quantileOf(quantilesNs: Float32Array, bits: number): number {
  float[0] = (bits | 1) >>> 0;
  const cell = (spelled[0]! >>> 16) - 127 * CELLS;
  const low = quantilesNs[cell]!;
  const rise = Math.fround(quantilesNs[cell + 1]! - low);
  const place = Math.fround((spelled[0]! & 0xffff) / 65536);
  return Math.fround(low + Math.fround(place * rise));
}

export function drawHops(latencyNs: Float32Array, quantilesNs: Float32Array, random: Uint32Array): void {
  for (let i = 0; i < latencyNs.length; i++) latencyNs[i] = quantileOf(quantilesNs, nextBits(random, i % LANES));
}

export interface PathTables {
  hops: readonly Float32Array[];
  faults: readonly { probability: number; quantilesNs: Float32Array }[];
  correlation: number;
  fixedNs: number;
}

/** Draws are handed out row by row: first, choice, each further hop's own, then choice and delay of each fault. */
export function drawPaths(latencyNs: Float32Array, path: PathTables, random: Uint32Array): void {
  const row = () => {
    const bits = new Uint32Array(latencyNs.length);
    drawBits(bits, random);
    return bits;
  };
  const isBelow = (bits: number, share: number) => (bits >>> 1) / 2 ** 31 < share;
  const [first, choice] = [row(), row()];
  latencyNs.fill(path.fixedNs);
  path.hops.forEach((quantilesNs, hop) => {
    const own = hop === 0 ? first : row();
    for (let i = 0; i < latencyNs.length; i++)
      latencyNs[i]! += quantileOf(quantilesNs, isBelow(choice[i]!, path.correlation) ? first[i]! : own[i]!);
  });
  for (const { probability, quantilesNs } of path.faults) {
    const [strikes, delay] = [row(), row()];
    for (let i = 0; i < latencyNs.length; i++)
      if (isBelow(strikes[i]!, probability)) latencyNs[i]! += quantileOf(quantilesNs, delay[i]!);
  }
}

/** A quantile table anyone can rebuild, and jagged: on a smooth one a fused multiply-add goes unnoticed. */
export function jaggedQuantiles(): Float32Array {
  return Float32Array.from({ length: QUANTILES }, (_, i) => 1e6 / ((i % 97) + 7));
}

/** FNV-1a over 32-bit words. */
export function checksum(values: Float32Array, hash = 0x811c9dc5): number {
  for (const word of new Uint32Array(values.buffer, values.byteOffset, values.length))
    hash = Math.imul(hash ^ word, 0x01000193);
  return hash >>> 0;
}
