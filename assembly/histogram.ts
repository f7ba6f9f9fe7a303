import { HISTOGRAM_CELLS, HISTOGRAM_COUNTS } from "./layout";

// The upper bits of an f32, its exponent and the first ten of its mantissa, number the cells: 1.0 starts the first one.
const FIRST = 127 * HISTOGRAM_CELLS;

/** Counts each of the first `valueCount` values in its cell; what lies outside 1 .. 2^32 in the first count or the last. */
export function recordValues(counts: StaticArray<f64>, values: StaticArray<f32>, valueCount: i32): void {
  assert(counts.length === HISTOGRAM_COUNTS, "counts has every cell and the two outside");
  assert(valueCount <= values.length, "there are as many values as are to be recorded");
  for (let i = 0; i < valueCount; i++) counts[cellOf(values[i])] += 1;
}

/** Where a value is counted. */
export function cellOf(value: f32): i32 {
  // Below 1 by comparison, not by its bits: a NaN may bear either sign, and hosts differ in which.
  const cell = value < 1 ? 0 : ((reinterpret<i32>(value) & 0x7fffffff) >> 13) - (FIRST - 1);
  return min(cell, HISTOGRAM_COUNTS - 1);
}

/** Adds the counts of `others` to `counts`. */
export function mergeCounts(counts: StaticArray<f64>, others: StaticArray<f64>): void {
  assert(counts.length === others.length, "two histograms of one layout");
  for (let i = 0; i < counts.length; i++) counts[i] += others[i];
}

/** The first place in `counts` up to which at least `rank` values are counted; the last place if there are fewer. */
export function placeOfRank(counts: StaticArray<f64>, rank: f64): i32 {
  let seen = 0.0;
  for (let i = 0; i < counts.length; i++) {
    seen += counts[i];
    if (seen >= rank) return i;
  }
  return counts.length - 1;
}
