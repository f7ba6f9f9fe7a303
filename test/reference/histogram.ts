import { HISTOGRAM_CELLS, HISTOGRAM_COUNTS } from "../../assembly/layout.ts";

// The kernel of the room histogram again: a value's octave by halving, its cell by division.

/** The place in the counts of one value. */
export function placeOf(value: number): number {
  if (value < 1) return 0;
  if (!(value < 2 ** 32)) return HISTOGRAM_COUNTS - 1;
  let [octave, part] = [0, value];
  while (part >= 2) {
    part /= 2;
    octave++;
  }
  return 1 + octave * HISTOGRAM_CELLS + Math.floor((part - 1) * HISTOGRAM_CELLS);
}

/** The counts of `values`. */
export function countsOf(values: Iterable<number>): Float64Array {
  const counts = new Float64Array(HISTOGRAM_COUNTS);
  for (const value of values) counts[placeOf(value)]!++;
  return counts;
}
