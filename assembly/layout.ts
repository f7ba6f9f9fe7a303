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

/** No load, no gate, no place. */
export const NONE = 0xffffffff;

/** Children of a node of a tree of minima (see minima.ts). */
export const FAN = 32;
export const FAN_BITS = 5;

/**
 * All that a pacer knows is one array of words of 8 bytes, which begins with what holds for all of it: whole numbers as u32
 * in the lower half of a word, the rest as f64.
 *
 *     | header | next instants of queues | winners | links of gates ...... | DPU 0 ...... | DPU 1 ...... | ......
 *
 * Queues are one a DPU, then one a gate. Offsets are in words, from the start of the array or of a DPU.
 */
export const GPUS = 0;
export const GPUS_PER_DPU = 1;
export const DPUS = 2;
export const QUEUES = 3;
/** Leaves of the tournament of queues, a power of two. */
export const LEAVES = 4;
/** A slot is `DPU << SLOT_BITS | place`; of places a DPU has so many. */
export const SLOT_BITS = 5;
export const DEPTH = 6;
/** Inner nodes of a DPU's trees. */
export const INNER = 7;
/** Words of a DPU; where in it the free places and the loads begin. */
export const DPU = 8;
export const FREE_AT = 9;
export const LOADS_AT = 10;
export const LINKS_AT = 11;
export const DPUS_AT = 12;
/** 1 to read in order of deadlines, 0 in order of arrival. */
export const BY_DEADLINE = 13;
/** Of faults. */
export const SEED_LOW = 14;
export const SEED_HIGH = 15;
/** 1 if a load ends when it has been read, 0 if its reads are to be completed. */
export const SELF_COMPLETING = 28;
/** Kinds of gates, two words each: how many GPUs share one, and which queue is the first of the kind; 0 if there is none. */
export const GATES_AT = 16;
/** From here on f64: */
export const CHUNK_BYTES = 29;
export const AFTER_READ_NS = 30;
/** Loads accepted so far. */
export const ACCEPTED = 31;
/** Bytes from one stall to the next, on average; Infinity if there are none. */
export const STALL_GAP_BYTES = 32;
export const HEADER = 40;

/** Kinds of gates in the header, two words each. The first two are a GPU's, the others count where a load leaves node or pod. */
export const SOURCE_GATE = 0;
export const SINK_GATE = 1;
export const NODE_UP = 2;
export const NODE_DOWN = 3;
export const POD_UP = 4;
export const POD_DOWN = 5;
export const GATE_KINDS = 6;

/**
 * A DPU: its token bucket, its ports (a link), three trees and the best of the first one's nodes, free places, loads.
 *
 *     | clock | free, - | pace | saved | credit | least rate | - | ports | keys | latest starts | arrivals | best | free | loads |
 */
export const CLOCK_NS = 0;
export const FREE = 1;
export const PACE = 2;
/** The nanoseconds that it can save up, and the instant from which it has a chunk's credit. */
export const SAVED_NS = 3;
export const CREDIT_NS = 4;
/** The lesser rate of bucket and ports. */
export const LEAST_RATE = 5;
export const PORTS = 8;
/** Node 0 of a tree is the last word of a cache line, so that children begin with one. */
export const TREES = 23;
export const KEYS = 0;
export const LATEST_STARTS = 1;
export const ARRIVALS = 2;
export const BEST = 3;

/**
 * A link, or some in step. It is taken until an instant. Outages that have begun by the instant that it has come to are
 * passed: of those it keeps how long they were and when the last ended; and it knows the next. Bytes are left until a frame
 * stalls; of stalls it keeps how long they were, and until when it is held by those of the last chunk, and how long. How many
 * outages and stalls were drawn are two halves of a word.
 *
 *     | rate | taken | outage | its end | passed | last's end | bytes to stall | gap | drawn | stalls | held until | how long |
 */
export const LINK = 12;
export const RATE = 0;
export const TAKEN_NS = 1;
export const OUTAGE_NS = 2;
export const OUTAGE_END_NS = 3;
export const PASSED_NS = 4;
export const PASSED_UNTIL_NS = 5;
export const STALL_BYTES = 6;
/** From one outage's end to the next one's beginning, on average; Infinity if there are none. */
export const OUTAGE_GAP_NS = 7;
export const DRAWN = 8;
export const STALLS_NS = 9;
export const STALLED_UNTIL_NS = 10;
export const STALLED_NS = 11;

/** Tables of what is drawn of faults: gaps of 1 on average, lengths of outages, lengths of stalls. */
export const FAULT_GAPS = 0;
export const FAULT_OUTAGES = 1;
export const FAULT_STALLS = 2;
export const FAULT_TABLES = 3;

/** A load under way. `bytes out` are to be completed, -1 in a free place; what it has held before, links had lost. */
export const LOAD = 8;
export const BYTES_LEFT = 0;
export const BYTES_OUT = 1;
export const LOCAL_DEADLINE = 2;
export const KEY = 3;
export const SEQUENCE = 4;
export const END_NS = 5;
export const LOST_BEFORE_NS = 6;
export const DROPS = 7;

/** What a slot takes where there are gates, in words of 4 bytes: its place in a heap (see heap.ts) and the gates of its load. */
export const WAITING = 12;
export const CHILD = 0;
export const NEXT = 1;
export const PREVIOUS = 2;
/** The gate that it waits for, or NONE. */
export const HELD_BY = 3;
/** How many gates, and which. */
export const ROUTE = 4;

/** Columns of what happens. */
export const EVENT_BYTES = 0;
export const EVENT_BYTES_LEFT = 1;
export const EVENT_AT_NS = 2;
export const EVENT_END_NS = 3;
export const EVENT_HELD_NS = 4;
export const EVENT_COLUMNS = 5;

/** What it costs to have an expert where it must not be: far above any cost, far below what f32 holds. */
export const FORBIDDEN: f32 = 1e30;

/**
 * A plan of one layer is an array of u32 that begins with how many there are of each, and where each column begins:
 *
 *     | header | first slots of GPUs | experts in slots | GPUs of slots | next | heads | copies | held | was held | order | heap |
 *
 * Slots of one GPU lie side by side. A slot that holds no expert holds NONE, and so does `next` of an expert's last slot.
 * `held` and `was held` are bits, a row of BALANCE_BIT_WORDS an expert, one bit a GPU.
 */
export const BALANCE_EXPERTS = 0;
export const BALANCE_GPUS = 1;
export const BALANCE_SLOTS = 2;
/** Rows of loads: of one scenario, or of all together and then of each. Packing and levelling see the first row. */
export const BALANCE_ROWS = 3;
export const BALANCE_BIT_WORDS = 4;
export const BALANCE_FIRST_AT = 5;
export const BALANCE_EXPERT_AT = 6;
export const BALANCE_GPU_AT = 7;
export const BALANCE_NEXT_AT = 8;
export const BALANCE_HEAD_AT = 9;
export const BALANCE_COPIES_AT = 10;
export const BALANCE_HELD_AT = 11;
export const BALANCE_WAS_AT = 12;
export const BALANCE_ORDER_AT = 13;
export const BALANCE_HEAP_AT = 14;
/**
 * And the loads that go with it an array of f64, where these begin: a row of experts' loads for each scenario, a row of what
 * its GPUs hold, a row of what they bear of other layers, its level (beyond it a GPU is busy), its weight; and keys of a heap.
 */
export const BALANCE_GPU_LOADS_AT = 15;
export const BALANCE_BASE_AT = 16;
export const BALANCE_LEVELS_AT = 17;
export const BALANCE_WEIGHTS_AT = 18;
export const BALANCE_KEYS_AT = 19;
export const BALANCE_HEADER = 20;

/** What is known of a plan that is annealed: what it costs, what its GPUs are overloaded by, the bytes that it moves. */
export const KNOWN_COST = 0;
export const KNOWN_OVERLOAD = 1;
export const KNOWN_MOVED_BYTES = 2;
export const KNOWN_WORDS = 3;

/** What is said of a cluster and of copies of experts, in `shape`: sizes, copies, radius, 1 if loads are limited, counts. */
export const SHAPE_GPUS = 0;
export const SHAPE_NODE_GPUS = 1;
export const SHAPE_POD_GPUS = 2;
export const SHAPE_COPIES = 3;
export const SHAPE_COPIES_MAX = 4;
export const SHAPE_RADIUS = 5;
export const SHAPE_LIMITED = 6;
export const SHAPE_NODES = 7;
export const SHAPE_PODS = 8;
export const SHAPE_WORDS = 9;

/** Columns of what there is to know of an expert, behind its demand by GPU, by node and by pod. */
export const ROW_ALL = 0;
export const ROW_LOAD = 1;
export const ROW_MOVE_COST = 2;
export const ROW_BYTES = 3;
export const ROW_COLUMNS = 4;

/** What an expert and a GPU may have to do with one another, which adds up: a copy there comes free of a move, must be, may not be. */
export const HOME = 1;
export const FORCED = 2;
export const CLOSED = 4;

/**
 * A perceptron of three layers: its sizes are inputs, two hidden ones and outputs, each rounded up to whole strips. A strip of a
 * layer holds all that leads to 16 of its outputs, so that one pass over it stays in the nearest cache:
 *
 *     | strip 0: row of input 0 | row of input 1 | ...... | biases | strip 1 ...... |                 16 f32 a row
 *     | layer 0 ...... | layer 1 ...... | layer 2 ...... |                                  weights, and Adam's moments
 *     | inputs: a row a token | hidden | hidden | outputs |                                 activations, and deltas
 */
export const MLP_STRIP = 16;
export const MLP_LAYERS = 3;
export const MLP_SIZES = 4;

/** What Adam keeps from step to step: the powers of its two decays. */
export const ADAM_WORDS = 2;
export const ADAM_DECAY_MEAN = 0.9;
export const ADAM_DECAY_SQUARE = 0.999;
export const ADAM_EPSILON: f32 = 1e-7;

/** Tally of a replay: accesses, hits and bytes read of prefill, then the same of decode. */
export const TALLY_ACCESSES = 0;
export const TALLY_HITS = 1;
export const TALLY_READ_BYTES = 2;
export const TALLY_PHASE = 3;
export const TALLY_WORDS = 6;

/** Where an expert that is never evicted stands, in place of its place in a cache. */
export const PINNED = 0xfffffffe;

/** Keys that are looked at together where all are; places of a group are as many, or a multiple. */
export const KEY_LINE = 8;

/** How ranked residents get their ranks: counted by the kernel, or given access by access. */
export const RANK_COUNTED = 0;
export const RANK_GIVEN = 1;

/** What a bin of stack distances holds: accesses, and the bytes that they ask for. */
export const BIN_WORDS = 2;
