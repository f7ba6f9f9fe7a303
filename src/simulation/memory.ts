import {
  BY_DEADLINE,
  CHUNK_BYTES,
  DPU,
  DPUS,
  DPUS_AT,
  FAULT_TABLES,
  HISTOGRAM_COUNTS,
  LINKS_AT,
  NONE,
  OUTAGE_END_NS,
  OUTAGE_GAP_NS,
  OUTAGE_NS,
  PINNED,
  QUANTILES,
  RATE,
  SEED_HIGH,
  SEED_LOW,
  STALL_BYTES,
  STALL_GAP_BYTES,
} from "../../assembly/layout.ts";
import * as sim from "../../assembly/simulation-layout.ts";
import type { DrivePlan } from "../drive/plan.ts";
import { outageGapNs } from "../pacing/faults.ts";
import { completePacer } from "../pacing/options.ts";
import { seedWords } from "../random.ts";
import { writeChances, writeFaults, writeTables } from "./tables.ts";

/** When cold weights let a layer's multiplication begin: see model.md, "Decoding". */
export type Fence = (typeof FENCES)[number];
export const FENCES = ["blocking", "overlapped", "additive"] as const;

/** What one layer with experts takes, aside from what steps say. */
export interface LayerShape {
  /** Before its router: dense parts, the layers without experts before it. */
  beforeNs: number;
  /** After its experts: shared ones, the output's head. */
  afterNs: number;
  expertBytes: number;
  /** All that a GPU's batch reads of the layer's experts, where cold ones are given as a share. */
  allBytes: number;
}

/** What the kernels run on: one cluster that decodes one model. */
export interface EnginePlan {
  fabric: DrivePlan;
  /** GPUs that begin each layer together; divides their number. */
  unitGpus: number;
  layers: readonly LayerShape[];
  experts: number;
  fence: Fence;
  /** Whether what is demanded is cold, whatever is held. */
  forced: boolean;
  /** Whether serving and receiving take from a GPU's HBM. */
  contended: boolean;
  gapNs: number;
  deadlineNs: number;
  predictNs: number;
  hbmBytesPerNs: number;
  /** How many times as long as by the roofline computing takes: what serves and receives takes as much less of such a rate. */
  stretch: number;
  /** Of a GPU's cache, beyond what is placed on it; and whether each layer has its own part. */
  cache: { budgetBytes: number; perLayer: boolean };
  /** Which GPUs hold block `layer * experts + expert`: `gpus[starts[block]]` to before `gpus[starts[block + 1]]`. */
  copies: { starts: Uint32Array; gpus: Uint32Array };
  /** Blocks that a GPU demands in a step at the most, and in a layer; predictions in a step; prefetches under way. */
  demandMost: number;
  layerDemandMost: number;
  aheadMost: number;
  prefetchesMost: number;
  /** Rows of the log. */
  logMost: number;
  /** About what a layer takes: what a prefetch has for each layer ahead. */
  layerNs: number;
  /** Whether all that is predicted is fetched, whatever it is worth. */
  eager: boolean;
  /** How likely it is that what a prefetch puts out is needed. */
  evictedChance: number;
}

/** Where the parts are, in words of 8 bytes, and how many there are. */
export type Parts = ReturnType<typeof partsOf>;

/** Servers of each kind: GPUs that share one, and its rate; undefined where nothing limits. */
function serversOf({ fabric }: EnginePlan) {
  const { gpusPerDpu, gpusPerNode, gpusPerPod, pace, rates, faults } = completePacer(fabric.pacer);
  const dpuRate = Math.min(pace, rates.ports ?? pace);
  const kinds: [kind: number, gpus: number, rate: number | undefined, links: number][] = [
    [sim.SERVER_DPU, gpusPerDpu, dpuRate, faults?.links.ports ?? 0],
    [sim.SERVER_SOURCE, 1, rates.source, faults?.links.source ?? 0],
    [sim.SERVER_SINK, 1, rates.sink, 0],
    [sim.SERVER_NODE_UP, gpusPerNode, rates.node, faults?.links.node ?? 0],
    [sim.SERVER_NODE_DOWN, gpusPerNode, rates.node, faults?.links.node ?? 0],
    [sim.SERVER_POD_UP, gpusPerPod, rates.pod, faults?.links.pod ?? 0],
    [sim.SERVER_POD_DOWN, gpusPerPod, rates.pod, faults?.links.pod ?? 0],
  ];
  return {
    faults,
    kinds: kinds.flatMap(([kind, gpus, rate, links]) => (rate === undefined ? [] : [{ kind, gpus, rate, links }])),
  };
}

export function partsOf(plan: EnginePlan) {
  const { fabric, unitGpus, layers, experts, cache, copies } = plan;
  const { gpus } = fabric;
  const { kinds, faults } = serversOf(plan);
  const blocks = layers.length * experts;
  const groups = cache.perLayer ? layers.length : 1;
  const loads = gpus * (plan.layerDemandMost + plan.prefetchesMost);
  // Besides those that will happen, events of loads that were looked at anew before, which are swept out when there is no room.
  const eventsMost = 2 * loads + 2 * gpus + gpus / unitGpus;
  let words: number = sim.SIM_HEADER;
  const part = (length: number) => {
    const at = words;
    words += Math.ceil(length / 8) * 8;
    return at;
  };
  const servers = kinds.map((kind) => ({ ...kind, first: part(Math.ceil(gpus / kind.gpus) * sim.SERVER) }));
  const at = {
    units: part((gpus / unitGpus) * sim.UNIT),
    gpus: part(gpus * sim.GPU),
    loads: part(loads * sim.SIM_LOAD),
    jobs: part(loads * sim.SERVER_KINDS * sim.JOB),
    events: part(eventsMost * sim.EVENT_ROW),
    free: part(loads / 2),
    rings: part(gpus * (plan.forced ? 0 : blocks + groups)),
    unused: part(gpus * (plan.forced ? 0 : Math.ceil(blocks / 64))),
    used: part(gpus * groups),
    starts: part((gpus * (layers.length + 1)) / 2),
    demand: part((gpus * plan.demandMost) / 2),
    aheadStarts: part((gpus * (layers.length + 1)) / 2),
    ahead: part(gpus * plan.aheadMost),
    copyStarts: part((blocks + 1) / 2),
    copies: part(copies.gpus.length / 2),
    layers: part(layers.length * sim.LAYER),
    times: part(HISTOGRAM_COUNTS),
    chances: part((sim.OVERTAKEN_UTILISATIONS * sim.OVERTAKEN_WORKS * sim.OVERTAKEN_TIMES) / 2),
    log: part(plan.logMost * sim.LOG_ROW),
  };
  return { servers, faults, blocks, groups, loads, eventsMost, at, words };
}

/** Writes a cluster at rest; `startFaults` is called with each server that may fail. */
export function layOut(
  plan: EnginePlan,
  parts: Parts,
  state: Float64Array,
  views: { tables: Float32Array; faults: Float32Array },
  startFaults: (server: number) => void,
): void {
  const words = new Uint32Array(state.buffer, state.byteOffset, 2 * state.length);
  writeHeader(plan, parts, state, words);
  const pathNs = writeTables(plan.fabric, views.tables);
  const meanBytes = plan.layers.reduce((sum, { expertBytes }) => sum + expertBytes, 0) / plan.layers.length;
  state[sim.SIM_LOAD_NS] =
    plan.fabric.beforeNs + pathNs + meanBytes / state[sim.SIM_LOAD_BYTES_PER_NS]! + plan.fabric.afterNs;
  const { OVERTAKEN_UTILISATIONS, OVERTAKEN_WORKS, OVERTAKEN_TIMES } = sim;
  const chances = OVERTAKEN_UTILISATIONS * OVERTAKEN_WORKS * OVERTAKEN_TIMES;
  writeChances(new Float32Array(state.buffer, state.byteOffset + 8 * parts.at.chances, chances));
  if (parts.faults) writeFaults(parts.faults, views.faults);
  for (const { first, gpus, rate, links } of parts.servers)
    for (let i = 0; i < Math.ceil(plan.fabric.gpus / gpus); i++) {
      const server = first + i * sim.SERVER;
      state[server + RATE] = rate;
      state[server + OUTAGE_GAP_NS] = outageGapNs(parts.faults, links);
      state[server + OUTAGE_NS] = Number.POSITIVE_INFINITY;
      state[server + STALL_BYTES] = Number.POSITIVE_INFINITY;
      words.fill(NONE, 2 * (server + sim.SERVER_QUEUE), 2 * (server + sim.SERVER_QUEUE) + 2);
      if (parts.faults && links > 0) startFaults(server);
      else state[server + OUTAGE_END_NS] = Number.POSITIVE_INFINITY;
    }
  for (let load = 0; load < parts.loads; load++) words[2 * parts.at.free + load] = parts.loads - 1 - load;
  for (let gpu = 0; gpu < plan.fabric.gpus; gpu++) writePlace(plan, parts, words, gpu);
  plan.layers.forEach(({ beforeNs, afterNs, expertBytes, allBytes }, layer) => {
    state.set([beforeNs, afterNs, expertBytes, allBytes], parts.at.layers + layer * sim.LAYER);
  });
  words.set(plan.copies.starts, 2 * parts.at.copyStarts);
  words.set(plan.copies.gpus, 2 * parts.at.copies);
  if (!plan.forced) writeCaches(plan, parts, words);
}

function writeHeader(plan: EnginePlan, parts: Parts, state: Float64Array, words: Uint32Array): void {
  const { fabric, cache } = plan;
  const { at, servers } = parts;
  const [low, high] = seedWords({ seed: fabric.seed });
  const wholes: [at: number, value: number][] = [
    [sim.SIM_GPUS, fabric.gpus],
    [sim.SIM_UNIT_GPUS, plan.unitGpus],
    [sim.SIM_UNITS, fabric.gpus / plan.unitGpus],
    [sim.SIM_LAYERS, plan.layers.length],
    [sim.SIM_EXPERTS, plan.experts],
    [sim.SIM_GROUPS, parts.groups],
    [sim.SIM_FENCE, FENCES.indexOf(plan.fence)],
    [sim.SIM_FORCED, Number(plan.forced)],
    [sim.SIM_CONTENDED, Number(plan.contended)],
    [sim.SIM_EAGER, Number(plan.eager)],
    [BY_DEADLINE, Number(fabric.pacer.order !== "arrival")],
    [SEED_LOW, low],
    [SEED_HIGH, high],
    // Servers are links of gates to links.ts, numbered from the first, and none is a DPU.
    [DPUS, 0],
    [DPU, 1],
    [DPUS_AT, NONE],
    [LINKS_AT, servers[0]!.first],
    [sim.SIM_UNITS_AT, at.units],
    [sim.SIM_GPUS_AT, at.gpus],
    [sim.SIM_LOADS_AT, at.loads],
    [sim.SIM_JOBS_AT, at.jobs],
    [sim.SIM_EVENTS_AT, at.events],
    [sim.SIM_FREE_AT, at.free],
    [sim.SIM_FREE, parts.loads],
    [sim.SIM_RINGS_AT, at.rings],
    [sim.SIM_UNUSED_AT, at.unused],
    [sim.SIM_USED_AT, at.used],
    [sim.SIM_STARTS_AT, at.starts],
    [sim.SIM_DEMAND_AT, at.demand],
    [sim.SIM_DEMAND_MOST, plan.demandMost],
    [sim.SIM_AHEAD_STARTS_AT, at.aheadStarts],
    [sim.SIM_AHEAD_AT, at.ahead],
    [sim.SIM_AHEAD_MOST, plan.aheadMost],
    [sim.SIM_COPY_STARTS_AT, at.copyStarts],
    [sim.SIM_COPIES_AT, at.copies],
    [sim.SIM_LAYERS_AT, at.layers],
    [sim.SIM_TIMES_AT, at.times],
    [sim.SIM_LOG_AT, at.log],
    [sim.SIM_CHANCES_AT, at.chances],
    [sim.SIM_PREFETCHES_MOST, plan.prefetchesMost],
    [sim.SIM_EVENTS_MOST, parts.eventsMost],
    [sim.SIM_LOG_MOST, plan.logMost],
  ];
  wholes.push([sim.SIM_KINDS, servers.at(-1)!.kind + 1]);
  for (const [word, value] of wholes) words[2 * word] = value;
  const rateOf = (kind: number) => servers.find((server) => server.kind === kind)?.rate ?? Number.POSITIVE_INFINITY;
  const dpuRate = rateOf(sim.SERVER_DPU);
  state[CHUNK_BYTES] = completePacer(fabric.pacer).chunk;
  state[STALL_GAP_BYTES] = 1 / (parts.faults?.stalls?.stallsPerByte ?? 0);
  state[sim.SIM_BEFORE_NS] = fabric.beforeNs;
  state[sim.SIM_AFTER_NS] = fabric.afterNs;
  state[sim.SIM_GAP_NS] = plan.gapNs;
  state[sim.SIM_DEADLINE_NS] = plan.deadlineNs;
  state[sim.SIM_PREDICT_NS] = plan.predictNs;
  state[sim.SIM_HBM_BYTES_PER_NS] = plan.hbmBytesPerNs;
  state[sim.SIM_SERVED_BYTES_PER_NS] = Math.min(dpuRate, rateOf(sim.SERVER_SOURCE)) / plan.stretch;
  state[sim.SIM_RECEIVED_BYTES_PER_NS] = Math.min(dpuRate, rateOf(sim.SERVER_SINK)) / plan.stretch;
  state[sim.SIM_BUDGET_BYTES] = cache.budgetBytes / parts.groups;
  state[sim.SIM_LOAD_BYTES_PER_NS] = Math.min(...servers.map(({ rate }) => rate));
  state[sim.SIM_LAYER_NS] = plan.layerNs;
  state[sim.SIM_EVICTED_CHANCE] = plan.evictedChance;
}

/** Writes which servers a GPU has, and where it is. */
function writePlace({ fabric, unitGpus }: EnginePlan, { at, servers }: Parts, words: Uint32Array, gpu: number): void {
  const row = 2 * (at.gpus + gpu * sim.GPU + sim.GPU_PLACE_AT);
  for (const { kind, gpus, first } of servers) words[row + kind] = first + Math.floor(gpu / gpus) * sim.SERVER;
  words[row + sim.PLACE_NODE] = Math.floor(gpu / fabric.gpusPerNode);
  words[row + sim.PLACE_POD] = Math.floor(gpu / fabric.gpusPerPod);
  words[row + sim.PLACE_UNIT] = Math.floor(gpu / unitGpus);
}

/** Caches that hold what is placed on their GPUs, and nothing else. */
function writeCaches(plan: EnginePlan, parts: Parts, words: Uint32Array): void {
  const { blocks, groups, at } = parts;
  const stride = blocks + groups;
  for (let gpu = 0; gpu < plan.fabric.gpus; gpu++) {
    const first = 2 * (at.rings + gpu * stride);
    words.fill(NONE, first, first + 2 * blocks);
    for (let ring = blocks; ring < stride; ring++) words.fill(ring, first + 2 * ring, first + 2 * ring + 2);
  }
  const { starts, gpus } = plan.copies;
  for (let block = 0; block < blocks; block++)
    for (let i = starts[block]!; i < starts[block + 1]!; i++)
      words[2 * (at.rings + gpus[i]! * stride + block)] = PINNED;
}

export const FAULT_WORDS_OF_TABLES = FAULT_TABLES * QUANTILES;
