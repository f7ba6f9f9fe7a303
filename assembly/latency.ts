import { CELLS, FAULT_WORDS, LANES, QUANTILES } from "./layout";
import { drawBits } from "./random";

// A distribution is its quantile function over the exceedance probability u = bits / 2^32, tabulated at the edges of 32
// octaves of 128 linear cells. Converted to f32, a draw spells where it falls:
//
//     | sign |   exponent: octave   |  7 bits: cell  |  16 bits: place in the cell  |

/** Fills `latencyNs` with draws from the distribution in `quantileNs`. */
export function drawHops(latencyNs: StaticArray<f32>, quantileNs: StaticArray<f32>, random: StaticArray<u32>): void {
  assert(quantileNs.length === QUANTILES, "a table has an edge a cell and two more");
  const bits = changetype<StaticArray<u32>>(latencyNs); // each draw is replaced by its latency where it stands
  drawBits(bits, random);
  for (let i = 0; i < bits.length; i += LANES) {
    if (ASC_FEATURE_SIMD) {
      storeFour(latencyNs, i, quantileFour(changetype<usize>(quantileNs), loadFour(bits, i)));
    } else {
      for (let at = i; at < i + LANES; at++) latencyNs[at] = quantileOne(changetype<usize>(quantileNs), bits[at]);
    }
  }
}

/**
 * Fills `latencyNs` with traversals of the hops whose tables, of those laid end to end in `quantileNs`, `hopTable`
 * names. In the share `correlatedBelow` / 2^31 of traversals all hops take the first one's u; in the rest each draws its
 * own. Each of `faults` (see FAULT_WORDS) adds its delay with its probability. `fixedNs` is added to all.
 */
export function drawPaths(
  latencyNs: StaticArray<f32>,
  firstBits: StaticArray<u32>,
  ownBits: StaticArray<u32>,
  choiceBits: StaticArray<u32>,
  quantileNs: StaticArray<f32>,
  hopTable: StaticArray<u32>,
  faults: StaticArray<u32>,
  random: StaticArray<u32>,
  correlatedBelow: u32,
  fixedNs: f32,
): void {
  assert(latencyNs.length === firstBits.length, "firstBits is as long as the batch");
  assert(latencyNs.length === ownBits.length, "ownBits is as long as the batch");
  assert(latencyNs.length === choiceBits.length, "choiceBits is as long as the batch");
  assert(quantileNs.length >= QUANTILES, "there is a table at least");
  assert(faults.length % FAULT_WORDS === 0, "a fault is two words");
  drawBits(firstBits, random);
  drawBits(choiceBits, random);
  for (let i = 0; i < latencyNs.length; i++) latencyNs[i] = fixedNs;
  for (let hop = 0; hop < hopTable.length; hop++) {
    const table = tableAt(quantileNs, hopTable[hop]);
    if (hop === 0) {
      addQuantiles(latencyNs, table, firstBits);
    } else {
      drawBits(ownBits, random);
      addChosenQuantiles(latencyNs, table, firstBits, ownBits, choiceBits, correlatedBelow);
    }
  }
  for (let fault = 0; fault < faults.length; fault += FAULT_WORDS) {
    drawBits(choiceBits, random);
    drawBits(ownBits, random);
    addStrikes(latencyNs, tableAt(quantileNs, faults[fault + 1]), ownBits, choiceBits, faults[fault]);
  }
}

/** Where table number `table` starts; a number past the last one means the last. */
function tableAt(quantileNs: StaticArray<f32>, table: u32): usize {
  const last = <u32>(quantileNs.length / QUANTILES - 1);
  return changetype<usize>(quantileNs) + <usize>(min(table, last) * (QUANTILES * 4));
}

/** Adds to each latency the quantile at its bits. */
function addQuantiles(latencyNs: StaticArray<f32>, table: usize, bits: StaticArray<u32>): void {
  for (let i = 0; i < latencyNs.length; i += LANES) {
    if (ASC_FEATURE_SIMD) {
      addFour(latencyNs, i, quantileFour(table, loadFour(bits, i)));
    } else {
      for (let at = i; at < i + LANES; at++) latencyNs[at] += quantileOne(table, bits[at]);
    }
  }
}

/** Adds to each latency the quantile at its first bits where its choice is below `chosenBelow`, at its own bits elsewhere. */
function addChosenQuantiles(
  latencyNs: StaticArray<f32>,
  table: usize,
  firstBits: StaticArray<u32>,
  ownBits: StaticArray<u32>,
  choiceBits: StaticArray<u32>,
  chosenBelow: u32,
): void {
  for (let i = 0; i < latencyNs.length; i += LANES) {
    if (ASC_FEATURE_SIMD) {
      const chosen = isBelowFour(loadFour(choiceBits, i), chosenBelow);
      const bits = v128.bitselect(loadFour(firstBits, i), loadFour(ownBits, i), chosen);
      addFour(latencyNs, i, quantileFour(table, bits));
    } else {
      for (let at = i; at < i + LANES; at++) {
        latencyNs[at] += quantileOne(table, choiceBits[at] >>> 1 < chosenBelow ? firstBits[at] : ownBits[at]);
      }
    }
  }
}

/** Adds to each latency the quantile at its bits where its choice is below `strikesBelow`. */
function addStrikes(
  latencyNs: StaticArray<f32>,
  table: usize,
  bits: StaticArray<u32>,
  choiceBits: StaticArray<u32>,
  strikesBelow: u32,
): void {
  for (let i = 0; i < latencyNs.length; i += LANES) {
    if (ASC_FEATURE_SIMD) {
      const struck = isBelowFour(loadFour(choiceBits, i), strikesBelow);
      addFour(latencyNs, i, v128.and(struck, quantileFour(table, loadFour(bits, i))));
    } else {
      for (let at = i; at < i + LANES; at++) {
        if (choiceBits[at] >>> 1 < strikesBelow) latencyNs[at] += quantileOne(table, bits[at]);
      }
    }
  }
}

/** The quantile at exceedance probability `bits` / 2^32; 0 is drawn as 1, and what rounds up to 2^32 reads the edge there. */
export function quantileOne(table: usize, bits: u32): f32 {
  const spelled = reinterpret<u32>(<f32>(bits | 1));
  const cell = table + ((<usize>((spelled >>> 16) - 127 * CELLS)) << 2);
  const low = load<f32>(cell);
  return low + <f32>(spelled & 0xffff) * <f32>(1.0 / 65536.0) * (load<f32>(cell, 4) - low);
}

/** `quantileOne` for four draws. */
function quantileFour(table: usize, bits: v128): v128 {
  const spelled = f32x4.convert_i32x4_u(v128.or(bits, i32x4.splat(1)));
  const place = f32x4.mul(f32x4.convert_i32x4_s(v128.and(spelled, i32x4.splat(0xffff))), f32x4.splat(1.0 / 65536.0));
  const cell = i32x4.sub(i32x4.shr_u(spelled, 16), i32x4.splat(127 * CELLS));
  const address = i32x4.add(i32x4.shl(cell, 2), i32x4.splat(<i32>table));
  // One 64-bit load a lane fetches both edges of its cell.
  const p0 = <usize>i32x4.extract_lane(address, 0);
  const p1 = <usize>i32x4.extract_lane(address, 1);
  const p2 = <usize>i32x4.extract_lane(address, 2);
  const p3 = <usize>i32x4.extract_lane(address, 3);
  const a = v128.load64_lane(p1, v128.load64_zero(p0), 1);
  const b = v128.load64_lane(p3, v128.load64_zero(p2), 1);
  const low = v128.shuffle<f32>(a, b, 0, 2, 4, 6);
  const high = v128.shuffle<f32>(a, b, 1, 3, 5, 7);
  return f32x4.add(low, f32x4.mul(place, f32x4.sub(high, low)));
}

/** All ones in the lanes whose upper 31 bits are below `limit`, which is at most 2^31. */
function isBelowFour(bits: v128, limit: u32): v128 {
  return i32x4.lt_u(i32x4.shr_u(bits, 1), i32x4.splat(<i32>limit));
}

function loadFour(bits: StaticArray<u32>, i: i32): v128 {
  return v128.load(changetype<usize>(bits) + ((<usize>i) << 2));
}

function storeFour(values: StaticArray<f32>, i: i32, four: v128): void {
  v128.store(changetype<usize>(values) + ((<usize>i) << 2), four);
}

function addFour(values: StaticArray<f32>, i: i32, four: v128): void {
  const at = changetype<usize>(values) + ((<usize>i) << 2);
  v128.store(at, f32x4.add(v128.load(at), four));
}
