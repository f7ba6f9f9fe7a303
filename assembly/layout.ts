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

/** No load, no bucket, no gate. */
export const NONE = 0xffffffff;

/** What is in a heap, in words of 8 bytes: `| key | tie | place, queue |`. */
export const NODE = 3;

/** Where a node is in a heap, in words of 8 bytes: `| key | node, - |`; and how many of them a page holds. */
export const ENTRY = 2;
export const PAGE = 64;

/**
 * A load under way, in words of 8 bytes. `least rate` is that of its slowest bucket. It has two nodes: number `slot` waits
 * for a bucket, number `capacity + slot` for its latest start.
 *
 *     | bytes to read | bytes to complete | local deadline | least rate | DPU, source gate | sink gate, drop |
 */
export const LOAD = 6;

/** A token bucket: `[bytes a nanosecond, nanoseconds that it can save up, instant from which it has a chunk's credit]`. */
export const BUCKET = 3;

/** A queue of loads, in words of 8 bytes: `| wakeNs | root, size |`. Queues are one a bucket, then one a DPU for latest starts. */
export const QUEUE = 2;

/** What holds for all loads of a pacer: `pacer[CHUNK_BYTES]` and so on. */
export const GPUS = 0;
export const GPUS_PER_DPU = 1;
/** The first bucket that is a source's gate, or NONE; and a sink's. */
export const FIRST_SOURCE = 2;
export const FIRST_SINK = 3;
export const BUCKETS = 4;
export const CHUNK_BYTES = 5;
/** 1 to read in order of deadlines, 0 in order of arrival. */
export const BY_DEADLINE = 6;
export const AFTER_READ_NS = 7;
/** Loads accepted so far; and how many slots are free, of which the last is taken first. */
export const ACCEPTED = 8;
export const FREE = 9;
export const PACER = 10;
