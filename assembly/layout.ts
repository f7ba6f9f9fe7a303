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

/**
 * 32-bit words of a doorbell. It is 64 bytes, a cache line and what a DPU reads at once, little-endian:
 *
 *     byte 0    1       2       4              8              12                16
 *          | op | flags | layer |    expert    |  source GPU  | destination GPU |
 *            u8   u8      u16     u32             u32            u32
 *          16                                  24                               32
 *          |        destination address        |         size in bytes          |
 *            u64                                 u64: 1 to 2^53, 0 unless a load
 *          32                   36             40                               48
 *          |      fence id      |   sequence   |     deadline in nanoseconds    |
 *            u32                  u32            f64: finite, at least 0
 *          48                                                                   64
 *          |                       reserved: 16 bytes of zero                   |
 */
export const DOORBELL_WORDS = 16;

/** What a doorbell asks for. */
export const DOORBELL_LOAD = 1;
export const DOORBELL_CANCEL = 2;
export const DOORBELL_FENCE = 3;

/** Flags of a doorbell, which add up; the other bits are reserved. */
export const DOORBELL_PREFETCH = 1;
export const DOORBELL_DROP_LATE = 2;

/** Sizes of loads are whole numbers up to 2^53, so that an f64 holds any of them. */
export const DOORBELL_SIZE_BYTES_MAX = 9007199254740992;

/**
 * Doorbells by columns, which lie end to end in two arrays, one of u32 and one of f64, each with a place a doorbell:
 *
 *     | op ...... | flags ... | layer ... | ...... | fence id ... | sequence ... |        u32, 10 columns
 *     | size ............................ | deadline ........................... |        f64,  2 columns
 */
export const DOORBELL_U32_COLUMNS = 10;
export const DOORBELL_OP = 0;
export const DOORBELL_FLAGS = 1;
export const DOORBELL_LAYER = 2;
export const DOORBELL_EXPERT = 3;
export const DOORBELL_SOURCE_GPU = 4;
export const DOORBELL_DESTINATION_GPU = 5;
export const DOORBELL_ADDRESS_LOW = 6;
export const DOORBELL_ADDRESS_HIGH = 7;
export const DOORBELL_FENCE_ID = 8;
export const DOORBELL_SEQUENCE = 9;

export const DOORBELL_F64_COLUMNS = 2;
export const DOORBELL_SIZE_BYTES = 0;
export const DOORBELL_DEADLINE_NS = 1;

/** What is wrong with a doorbell, if anything: the first of these rules that it breaks, in the order of its bytes. */
export const DOORBELL_GOOD = 0;
export const DOORBELL_BAD_OP = 1;
export const DOORBELL_BAD_FLAGS = 2;
export const DOORBELL_BAD_LAYER = 3;
export const DOORBELL_BAD_SIZE = 4;
export const DOORBELL_BAD_DEADLINE = 5;
export const DOORBELL_BAD_RESERVED = 6;

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
