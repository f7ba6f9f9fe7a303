import { OUTAGE_NS, PASSED_NS, PASSED_UNTIL_NS, RATE, TAKEN_NS } from "./layout";

/**
 * All that a simulation of decoding knows is one array of words of 8 bytes, which begins with what holds for all of it: whole
 * numbers as u32 in the lower half of a word, the rest as f64. The header is numbered by words, and says at what addresses the
 * other parts begin; what they are made of follows below, in bytes.
 *
 *     | header | servers | units | GPUs | loads | events | rings | ... | layers | times | log |
 *
 * Words 2, 8, 11 to 15, 29 and 32 are where links.ts looks for them: see layout.ts.
 */
/** Blocks in all: `layer * experts + expert`. */
export const SIM_BLOCKS = 0;
/** GPUs that begin each layer together. */
export const SIM_UNIT_GPUS = 1;
export const SIM_LAYERS = 4;
/** Experts of a layer. */
export const SIM_EXPERTS = 5;
/** Caches of a GPU that each have a budget of their own: one, or one a layer. */
export const SIM_GROUPS = 6;
/** When the weights that had to come let the multiplication begin: one of the three below. */
export const SIM_FENCE = 7;
/** 1 if what is demanded is cold, whatever is held. */
export const SIM_FORCED = 9;
/** 1 if a GPU that serves or receives has less of its HBM left. */
export const SIM_CONTENDED = 10;
/** Where the parts begin: addresses. */
export const SIM_UNITS_AT = 16;
export const SIM_EVENTS_AT = 20;
export const SIM_COPY_STARTS_AT = 30;
export const SIM_COPIES_AT = 31;
export const SIM_LAYERS_AT = 33;
export const SIM_TIMES_AT = 34;
export const SIM_LOG_AT = 35;
/** Tables of ways, there and back a tier, and of faults (see layout.ts), which lie elsewhere; 0 where there are no faults. */
export const SIM_TABLES_AT = 43;
export const SIM_FAULTS_AT = 44;
/** Rows of the heap of events, and whether the first of them was taken; the next event's number; the first free load. */
export const SIM_EVENTS = 36;
export const SIM_TAKEN = 37;
export const SIM_SEQUENCE = 38;
export const SIM_FREE = 39;
/** Rows of the log: written, and in all. */
export const SIM_LOG = 41;
export const SIM_LOG_MOST = 42;
/** The number of the GPU of which the log tells; NONE for all. */
export const SIM_LOG_GPU = 50;
/** Loads posted, times that one overtook another, events, and prefetches that were not worth their while. */
export const SIM_POSTED = 45;
export const SIM_OVERTAKEN = 46;
export const SIM_HAPPENED = 47;
export const SIM_REFUSED = 48;
/** Kinds of servers up to the last that there is. */
export const SIM_KINDS = 49;
/** From here on f64: before a doorbell and after a completion, aside from the fabric; from the router's choice on. */
export const SIM_BEFORE_NS = 63;
export const SIM_AFTER_NS = 64;
export const SIM_GAP_NS = 65;
export const SIM_DEADLINE_NS = 66;
/** What predicting takes before a prefetch is posted. */
export const SIM_PREDICT_NS = 67;
export const SIM_HBM_BYTES_PER_NS = 68;
/** What a GPU receives, and what it serves, while it does. */
export const SIM_RECEIVED_BYTES_PER_NS = 69;
export const SIM_SERVED_BYTES_PER_NS = 70;
/** Of each cache. */
export const SIM_BUDGET_BYTES = 71;
/** A load alone: its slowest server's rate. */
export const SIM_LOAD_BYTES_PER_NS = 72;
/** What events have come to. */
export const SIM_NOW_NS = 73;
/** A layer, about: what a prefetch has until it is needed, for each layer ahead. */
export const SIM_LAYER_NS = 75;
/** 1 to post whatever is predicted, 0 to weigh it. */
export const SIM_EAGER = 76;
/** How likely it is that what a prefetch puts out is needed; and the mean of a load's command, data and fence. */
export const SIM_EVICTED_CHANCE = 77;
export const SIM_LOAD_NS = 78;
/** Where the chances of being overtaken are: see OVERTAKEN_TIMES. */
export const SIM_CHANCES_AT = 79;
/** Prefetches of a GPU under way at the most, and rows that the heap of events has. */
export const SIM_PREFETCHES_MOST = 80;
export const SIM_EVENTS_MOST = 81;
export const SIM_HEADER = 88;

/** Ways of loads are drawn from the streams from here on, one a GPU; the first streams are those of faults. */
export const WAYS_STREAM = 0x80000000;

/**
 * How likely it is that `n` demanded loads come in before a prefetch is served, which has `w` loads' work before it, at a
 * utilisation of `u / OVERTAKEN_UTILISATIONS`: `[(u * OVERTAKEN_WORKS + w) * OVERTAKEN_TIMES + n]`, as f32.
 */
export const OVERTAKEN_UTILISATIONS = 16;
export const OVERTAKEN_WORKS = 16;
export const OVERTAKEN_TIMES = 64;
/** A server's meter is read every so many loads' time. */
export const METERED_LOADS = 64;

export const FENCE_BLOCKING = 0;
export const FENCE_OVERLAPPED = 1;
export const FENCE_ADDITIVE = 2;

/** Kinds of servers: of the GPUs that share a DPU, of the source, of the sink, and where a load leaves or enters node or pod. */
export const SERVER_DPU = 0;
export const SERVER_SOURCE = 1;
export const SERVER_SINK = 2;
export const SERVER_NODE_UP = 3;
export const SERVER_NODE_DOWN = 4;
export const SERVER_POD_UP = 5;
export const SERVER_POD_DOWN = 6;
export const SERVER_KINDS = 7;

/*
 * What follows is rows, in bytes: each is known by its address, and its fields by bytes from there (see fields.ts). A field without
 * a unit in its name is a u32; those that end in _AT, and the names of rows, are addresses. A row is whole words of 8 bytes.
 */

/**
 * A server is a link (see layout.ts) that knows in these of its words its queue, first and last turn, and how long it was busy; and
 * behind them a meter: from when on, how long with what was demanded, and the share that came of it the last time.
 */
export const SERVER = 128;
export const SERVER_RATE = RATE * 8;
export const SERVER_TAKEN_NS = TAKEN_NS * 8;
export const SERVER_OUTAGE_NS = OUTAGE_NS * 8;
export const SERVER_PASSED_NS = PASSED_NS * 8;
export const SERVER_PASSED_UNTIL_NS = PASSED_UNTIL_NS * 8;
export const SERVER_HEAD = 72;
export const SERVER_TAIL = 76;
export const SERVER_BUSY_NS = 80;
export const SERVER_METER_NS = 96;
export const SERVER_DEMANDED_NS = 104;
export const SERVER_UTILISATION = 112;

/**
 * A load's turn at a server: from when to when, what it still takes at its beginning, how long the server had been out when the load
 * came; the turns after and before it, and whose turn it is where.
 */
export const JOB = 48;
export const JOB_START_NS = 0;
export const JOB_END_NS = 8;
export const JOB_SERVICE_NS = 16;
export const JOB_LOST_NS = 24;
export const JOB_NEXT = 32;
export const JOB_PREVIOUS = 36;
export const JOB_SERVER = 40;
export const JOB_LOAD = 44;

/** A load: for which GPU, from which one, and what; how far it is; and its turns at servers behind. */
export const SIM_LOAD = 104 + SERVER_KINDS * JOB;
export const SIM_LOAD_GPU = 0;
/** Of a free one, the next one that is free. */
export const SIM_LOAD_SOURCE = 4;
export const SIM_LOAD_BLOCK = 8;
export const SIM_LOAD_STAGE = 12;
export const SIM_LOAD_FLAGS = 16;
/** The number of the event at which it is looked at. */
export const SIM_LOAD_EVENT = 20;
export const SIM_LOAD_KEY = 24;
export const SIM_LOAD_BYTES = 32;
export const SIM_LOAD_POSTED_NS = 40;
export const SIM_LOAD_ARRIVED_NS = 48;
/** When it is looked at next. */
export const SIM_LOAD_NEXT_NS = 56;
/** What faults took of its way. */
export const SIM_LOAD_LOST_NS = 64;
export const SIM_LOAD_SOLO_NS = 72;
/** What its completion takes. */
export const SIM_LOAD_FENCE_NS = 80;
export const SIM_LOAD_DONE_NS = 88;
/** Where its turns end, and where they begin. */
export const SIM_LOAD_TURNS_END = 96;
export const SIM_LOAD_TURNS_AT = 104;

export const STAGE_POSTED = 0;
export const STAGE_CARRIED = 1;
export const STAGE_FENCED = 2;

/** Flags of a load, which add up. */
export const LOAD_DEMANDED = 1;
export const LOAD_PREFETCHED = 2;

/** Prefetches come after all that is demanded: their keys are so much greater. */
export const SPECULATIVE_NS: f64 = 1125899906842624;

/** Units: GPUs still at work in the layer, steps done, when the step began, when the slowest is done; from which GPU to before which. */
export const UNIT = 32;
export const UNIT_LEFT = 0;
export const UNIT_STEPS = 4;
export const UNIT_START_NS = 8;
export const UNIT_END_NS = 16;
export const UNIT_GPUS_AT = 24;
export const UNIT_GPUS_END = 28;

/**
 * A GPU: the layer it is in, and the loads that it waits for; loads under way, and which of them are carried; when the layer began,
 * the router chose, weights were there, and the layer ended; what it reads from HBM for held and for cold experts; where its ways are
 * drawn from (see random.ts); of the load that came last its phases; of the step, as given: attention, and what multiplying takes at least; its tally; its servers, one a kind, NO_ROW where there is none; where it is, and where what it alone has is.
 */
export const GPU = 352;
export const GPU_LAYER = 0;
export const GPU_WAITS_FOR = 4;
export const GPU_LOADS = 8;
export const GPU_CARRIED = 12;
export const GPU_START_NS = 16;
export const GPU_ROUTER_NS = 24;
export const GPU_READY_NS = 32;
export const GPU_END_NS = 40;
export const GPU_HELD_BYTES = 48;
export const GPU_COLD_BYTES = 56;
export const GPU_WAYS = 64;
export const GPU_PHASES_AT = 72;
export const GPU_ATTENTION_NS = 112;
export const GPU_MULTIPLY_NS = 120;
export const GPU_TALLY_AT = 128;
export const GPU_SERVERS_AT = 272;
export const GPU_NUMBER = 300;
export const GPU_NODE = 304;
export const GPU_POD = 308;
export const GPU_UNIT = 312;
export const GPU_STARTS_AT = 316;
export const GPU_DEMAND_AT = 320;
export const GPU_AHEAD_STARTS_AT = 324;
export const GPU_AHEAD_AT = 328;
export const GPU_RINGS_AT = 332;
export const GPU_UNUSED_AT = 336;

/** Phases of a load, in their order. */
export const PHASE_COMMAND = 0;
export const PHASE_WAIT = 1;
export const PHASE_OUTAGE = 2;
export const PHASE_DATA = 3;
export const PHASE_FENCE = 4;
export const PHASES = 5;

/** Where a step's time went, and what it moved, in words of 8 bytes: the phases first, then these. */
export const TALLY_COMPUTE = 5;
export const TALLY_GAP = 6;
export const TALLY_BARRIER = 7;
export const TALLY_CAUSES = 8;
export const TALLY_ASKED = 8;
export const TALLY_HELD = 9;
export const TALLY_MERGED = 10;
export const TALLY_LOADS = 11;
export const TALLY_LATE = 12;
export const TALLY_BYTES = 13;
export const TALLY_PREFETCHES = 14;
export const TALLY_WASTED_BYTES = 15;
export const TALLY_SERVED_BYTES = 16;
export const TALLY_USED_PREFETCHES = 17;
export const TALLY = 18;

/**
 * A layer: what it takes before its router, and after its experts, aside from what steps say; the bytes of one expert; and of all
 * that a GPU reads where loads are given, not routed.
 */
export const LAYER = 32;
export const LAYER_BEFORE_NS = 0;
export const LAYER_AFTER_NS = 8;
export const LAYER_EXPERT_BYTES = 16;
export const LAYER_ALL_BYTES = 24;

/** A prediction: how likely a block is, as f32. */
export const AHEAD = 8;
export const AHEAD_BLOCK = 0;
export const AHEAD_CONFIDENCE = 4;

/** A block in the list by recency, or the end of one. */
export const RING = 8;
/** Its newer neighbour, or PINNED, IN_FLIGHT, NONE. */
export const RING_NEWER = 0;
/** Its older neighbour; the load of one that is on its way. */
export const RING_OLDER = 4;

/** An event: its instant, its number, and the row that it happens to, whose lowest bits are free for its kind. */
export const EVENT = 16;
export const EVENT_NS = 0;
export const EVENT_NUMBER = 8;
export const EVENT_WHAT = 12;
export const EVENT_KINDS = 3;
export const EVENT_LOAD = 0;
export const EVENT_ROUTE = 1;
export const EVENT_MULTIPLY = 2;
export const EVENT_STEP = 3;

/** Where a block stands instead of its newer neighbour: on its way. */
export const IN_FLIGHT = 0xfffffffd;

/** A row of the log, in words of 8 bytes: `[kind, GPU]`, `[layer or block, source]`, and instants. */
export const LOG_ROW = 10;
export const LOG_LAYER = 0;
export const LOG_LOAD = 1;
