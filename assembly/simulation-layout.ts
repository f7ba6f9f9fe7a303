/**
 * All that a simulation of decoding knows is one array of words of 8 bytes, which begins with what holds for all of it: whole
 * numbers as u32 in the lower half of a word, the rest as f64. The header says where each part begins; parts of u32 have two
 * to a word.
 *
 *     | header | servers | units | GPUs | loads | jobs | events | free loads | rings | ... | layers | times | log |
 *
 * Words 2, 8, 11 to 15, 29 and 32 are where links.ts looks for them: see layout.ts.
 */
export const SIM_GPUS = 0;
/** GPUs that begin each layer together. */
export const SIM_UNIT_GPUS = 1;
export const SIM_UNITS = 3;
export const SIM_LAYERS = 4;
/** Experts of a layer; a block is `layer * experts + expert`. */
export const SIM_EXPERTS = 5;
/** Caches of a GPU that each have a budget of their own: one, or one a layer. */
export const SIM_GROUPS = 6;
/** When the weights that had to come let the multiplication begin: one of the three below. */
export const SIM_FENCE = 7;
/** 1 if what is demanded is cold, whatever is held. */
export const SIM_FORCED = 9;
/** 1 if a GPU that serves or receives has less of its HBM left. */
export const SIM_CONTENDED = 10;
/** Where the parts begin. */
export const SIM_UNITS_AT = 16;
export const SIM_GPUS_AT = 17;
export const SIM_LOADS_AT = 18;
export const SIM_JOBS_AT = 19;
export const SIM_EVENTS_AT = 20;
export const SIM_FREE_AT = 21;
export const SIM_RINGS_AT = 22;
export const SIM_UNUSED_AT = 23;
export const SIM_USED_AT = 24;
export const SIM_STARTS_AT = 25;
export const SIM_DEMAND_AT = 26;
export const SIM_AHEAD_STARTS_AT = 27;
export const SIM_AHEAD_AT = 28;
export const SIM_COPY_STARTS_AT = 30;
export const SIM_COPIES_AT = 31;
export const SIM_LAYERS_AT = 33;
export const SIM_TIMES_AT = 34;
export const SIM_LOG_AT = 35;
/** How many there are, or may be: events, the next one's number, free loads, demand and predictions of a GPU, rows of the log. */
export const SIM_EVENTS = 36;
export const SIM_SEQUENCE = 37;
export const SIM_FREE = 38;
export const SIM_DEMAND_MOST = 39;
export const SIM_AHEAD_MOST = 40;
export const SIM_LOG = 41;
export const SIM_LOG_MOST = 42;
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
/** The event taken last. */
export const SIM_EVENT = 74;
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

/**
 * A server is a link (see layout.ts) that knows in these of its words its queue, `[head, tail]`, and how long it was busy; and
 * behind them a meter: from when on, how long with what was demanded, and the share that came of it the last time.
 */
export const SERVER = 16;
export const SERVER_QUEUE = 9;
export const SERVER_BUSY_NS = 10;
export const SERVER_METER_NS = 12;
export const SERVER_DEMANDED_NS = 13;
export const SERVER_UTILISATION = 14;

/**
 * A load's turn at a server: from when to when, what it still takes at its beginning, `[next, previous]`, `[server, load]`, and
 * how long the server had been out when the load came.
 */
export const JOB = 6;
export const JOB_START_NS = 0;
export const JOB_END_NS = 1;
export const JOB_SERVICE_NS = 2;
export const JOB_LINKS = 3;
export const JOB_SERVER = 4;
export const JOB_LOST_NS = 5;

/** A load: `[GPU, block]`, `[source, stage]`, `[flags, number of the event at which it is looked at]`. */
export const SIM_LOAD = 13;
export const SIM_LOAD_GPU = 0;
export const SIM_LOAD_SOURCE = 1;
export const SIM_LOAD_FLAGS = 2;
export const SIM_LOAD_KEY = 3;
export const SIM_LOAD_BYTES = 4;
export const SIM_LOAD_POSTED_NS = 5;
export const SIM_LOAD_ARRIVED_NS = 6;
/** When it is looked at next; -1 of a free one. */
export const SIM_LOAD_NEXT_NS = 7;
export const SIM_LOAD_SOLO_NS = 8;
export const SIM_LOAD_DONE_NS = 9;
/** What faults took of its way, and what its completion takes. */
export const SIM_LOAD_LOST_NS = 10;
export const SIM_LOAD_FENCE_NS = 11;
/** How many servers carry it: `[turns, -]`. */
export const SIM_LOAD_TURNS = 12;

export const STAGE_POSTED = 0;
export const STAGE_CARRIED = 1;
export const STAGE_FENCED = 2;

/** Flags of a load, which add up. */
export const LOAD_DEMANDED = 1;
export const LOAD_PREFETCHED = 2;

/** Prefetches come after all that is demanded: their keys are so much greater. */
export const SPECULATIVE_NS: f64 = 1125899906842624;

/** Units: `[GPUs still at work in the layer, steps done]`, when the step began, when the slowest is done. */
export const UNIT = 4;
export const UNIT_LEFT = 0;
export const UNIT_START_NS = 1;
export const UNIT_END_NS = 2;

/** What a GPU knows of its place: its servers, one u32 a kind, 0 where there is none; its node, pod and unit. */
export const PLACE_NODE = 7;
export const PLACE_POD = 8;
export const PLACE_UNIT = 9;

/**
 * A GPU: `[layer, loads that the layer waits for]`, `[loads under way, of which carried]`, when the layer began, the router
 * chose, weights were there, and the layer ended; what it reads from HBM for held and for cold experts; of the load that came
 * last its phases; of the step, as given: attention, and what multiplying takes at least; its tally; where its ways are drawn
 * from (see random.ts); and its place.
 */
export const GPU = 40;
export const GPU_LAYER = 0;
export const GPU_LOADS = 1;
export const GPU_START_NS = 2;
export const GPU_ROUTER_NS = 3;
export const GPU_READY_NS = 4;
export const GPU_END_NS = 5;
export const GPU_HELD_BYTES = 6;
export const GPU_COLD_BYTES = 7;
export const GPU_PHASES_AT = 8;
export const GPU_ATTENTION_NS = 14;
export const GPU_MULTIPLY_NS = 15;
export const GPU_TALLY_AT = 16;
export const GPU_WAYS = 34;
export const GPU_PLACE_AT = 35;

/** Phases of a load, in their order. */
export const PHASE_COMMAND = 0;
export const PHASE_WAIT = 1;
export const PHASE_OUTAGE = 2;
export const PHASE_DATA = 3;
export const PHASE_FENCE = 4;
export const PHASES = 5;

/** Where a step's time went, and what it moved: the phases first, then these. */
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
export const LAYER = 4;
export const LAYER_BEFORE_NS = 0;
export const LAYER_AFTER_NS = 1;
export const LAYER_EXPERT_BYTES = 2;
export const LAYER_ALL_BYTES = 3;

/** A prediction: `[block, confidence as f32]`. */

/** An event: its instant, and `[number, what]`; of what the upper bits are its kind. */
export const EVENT_ROW = 2;
export const EVENT_KIND_BITS = 28;
export const EVENT_LOAD = 0;
export const EVENT_ROUTE = 1;
export const EVENT_MULTIPLY = 2;
export const EVENT_STEP = 3;

/** Where a block stands instead of its newer neighbour: on its way; `[1]` of its links is the load. */
export const IN_FLIGHT = 0xfffffffd;

/** A row of the log: `[kind, GPU]`, `[layer or block, source or flags]`, and instants. */
export const LOG_ROW = 10;
export const LOG_LAYER = 0;
export const LOG_LOAD = 1;
