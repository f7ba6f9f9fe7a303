/** Lanes drawn side by side; batch lengths are multiples of it. */
export const LANES = 4;

/** xoshiro128++ state: word w of lane l is `random[w * LANES + l]`. */
export const RANDOM_WORDS = 16;

/** Octaves of the exceedance probability, from 1 down to 2^-32. */
export const OCTAVES = 32;

/** Linear cells in an octave of exceedance. */
export const CELLS = 128;

/** Cell edges of a quantile table: one past the last octave, and one more that its (empty) cell reads. */
export const QUANTILES = 4098;

/** Faults of a path, one after the other: `[strikesBelow, table]`, a probability in 2^-31 and the table of its delay. */
export const FAULT_WORDS = 2;

/** A probability of 1 where a draw's upper 31 bits are compared with it. */
export const CERTAIN = 0x80000000;

/** Cells in an octave of values, of equal width: a cell is at most 1/1024 of its values wide. */
export const HISTOGRAM_CELLS = 1024;

/**
 * Counts of a histogram: below 1, then 32 octaves of cells from 1 up to 2^32, then the rest (NaN among it).
 *
 *     | below 1 | 1 .. 2 | 2 .. 4 | 4 .. 8 | ...... | 2^31 .. 2^32 | from 2^32 |
 *         1       1024     1024     1024                1024            1
 */
export const HISTOGRAM_COUNTS = 32770;

/** No load, no bucket. */
export const NONE = 0xffffffff;

/** A load's links in the pairing heap that it is in: `[child, next sibling, previous sibling or parent]`. */
export const LINKS = 3;

/** What a load's reads draw on: `[DPU, gate, gate]`, numbers of buckets; a gate may be NONE. */
export const ROUTE = 3;

/** A token bucket: `[bytes a nanosecond, burst in bytes, instant at which it is full again]`. */
export const BUCKET = 3;
