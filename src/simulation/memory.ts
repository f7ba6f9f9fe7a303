import {
  BY_DEADLINE,
  CHUNK_BYTES,
  DPU,
  DPUS,
  DPUS_AT,
  FAULT_TABLES,
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
import { type Parts, ringBytes, unusedBytes } from "./parts.ts";
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
  /** Rows of the log, and the GPU that it tells of: all unless given. */
  logMost: number;
  logGpu?: number;
  /** About what a layer takes: what a prefetch has for each layer ahead. */
  layerNs: number;
  /** Whether all that is predicted is fetched, whatever it is worth. */
  eager: boolean;
  /** How likely it is that what a prefetch puts out is needed. */
  evictedChance: number;
}

/** All memory, of which a field at address `at` is `words[at / 4]` or `values[at / 8]`; and where a simulation begins in it. */
interface Memory {
  words: Uint32Array;
  values: Float64Array;
  base: number;
}

/** What ways and faults are drawn from. */
interface Tables {
  tables: Float32Array;
  faults: Float32Array;
}

/** Writes a cluster at rest; `startFaults` is called with each server that may fail. */
export function layOut(
  plan: EnginePlan,
  parts: Parts,
  state: Float64Array,
  views: Tables,
  startFaults: (server: number) => void,
): void {
  const base = state.byteOffset;
  const memory: Memory = { words: new Uint32Array(state.buffer), values: new Float64Array(state.buffer), base };
  const { words, values } = memory;
  writeHeader(plan, parts, state, views);
  const pathNs = writeTables(plan.fabric, views.tables);
  const meanBytes = plan.layers.reduce((sum, { expertBytes }) => sum + expertBytes, 0) / plan.layers.length;
  state[sim.SIM_LOAD_NS] =
    plan.fabric.beforeNs + pathNs + meanBytes / state[sim.SIM_LOAD_BYTES_PER_NS]! + plan.fabric.afterNs;
  const { OVERTAKEN_UTILISATIONS, OVERTAKEN_WORKS, OVERTAKEN_TIMES } = sim;
  const chances = OVERTAKEN_UTILISATIONS * OVERTAKEN_WORKS * OVERTAKEN_TIMES;
  writeChances(new Float32Array(state.buffer, base + parts.at.chances, chances));
  if (parts.faults) writeFaults(parts.faults, views.faults);
  for (const { first, gpus, rate, links } of parts.servers)
    for (let i = 0; i < Math.ceil(plan.fabric.gpus / gpus); i++) {
      const server = (first + i * sim.SERVER) / 8;
      state[server + RATE] = rate;
      state[server + OUTAGE_GAP_NS] = outageGapNs(parts.faults, links);
      state[server + OUTAGE_NS] = Number.POSITIVE_INFINITY;
      state[server + STALL_BYTES] = Number.POSITIVE_INFINITY;
      if (parts.faults && links > 0) startFaults(server);
      else state[server + OUTAGE_END_NS] = Number.POSITIVE_INFINITY;
    }
  // Free loads are a list: the header knows the first one.
  for (let load = 0; load + 1 < parts.loads; load++) {
    const row = base + parts.at.loads + load * sim.SIM_LOAD;
    words[(row + sim.SIM_LOAD_SOURCE) / 4] = row + sim.SIM_LOAD;
  }
  for (let unit = 0; unit < plan.fabric.gpus / plan.unitGpus; unit++) {
    const row = base + parts.at.units + unit * sim.UNIT;
    words[(row + sim.UNIT_GPUS_AT) / 4] = gpuAt(parts, base, unit * plan.unitGpus);
    words[(row + sim.UNIT_GPUS_END) / 4] = gpuAt(parts, base, (unit + 1) * plan.unitGpus);
  }
  for (let gpu = 0; gpu < plan.fabric.gpus; gpu++) writeGpu(plan, parts, memory, gpu);
  plan.layers.forEach(({ beforeNs, afterNs, expertBytes, allBytes }, layer) => {
    values.set([beforeNs, afterNs, expertBytes, allBytes], (base + parts.at.layers + layer * sim.LAYER) / 8);
  });
  words.set(plan.copies.starts, (base + parts.at.copyStarts) / 4);
  const rows = plan.copies.gpus.map((gpu) => gpuAt(parts, base, gpu));
  words.set(rows, (base + parts.at.copies) / 4);
  if (!plan.forced) writeCaches(plan, parts, memory);
}

function gpuAt({ at }: Parts, base: number, gpu: number): number {
  return base + at.gpus + gpu * sim.GPU;
}

function writeHeader(plan: EnginePlan, parts: Parts, state: Float64Array, views: Tables): void {
  const base = state.byteOffset;
  const { fabric, cache } = plan;
  const { at, servers } = parts;
  const [low, high] = seedWords({ seed: fabric.seed });
  const wholes: [at: number, value: number][] = [
    [sim.SIM_BLOCKS, parts.blocks],
    [sim.SIM_UNIT_GPUS, plan.unitGpus],
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
    [LINKS_AT, servers[0]!.first / 8],
    [sim.SIM_UNITS_AT, base + at.units],
    [sim.SIM_EVENTS_AT, base + at.events],
    [sim.SIM_FREE, base + at.loads],
    [sim.SIM_COPY_STARTS_AT, base + at.copyStarts],
    [sim.SIM_COPIES_AT, base + at.copies],
    [sim.SIM_LAYERS_AT, base + at.layers],
    [sim.SIM_TIMES_AT, base + at.times],
    [sim.SIM_LOG_AT, base + at.log],
    [sim.SIM_CHANCES_AT, base + at.chances],
    [sim.SIM_TABLES_AT, views.tables.byteOffset],
    [sim.SIM_FAULTS_AT, parts.faults ? views.faults.byteOffset : 0],
    [sim.SIM_PREFETCHES_MOST, plan.prefetchesMost],
    [sim.SIM_EVENTS_MOST, parts.eventsMost],
    [sim.SIM_LOG_MOST, plan.logMost],
    [sim.SIM_LOG_GPU, plan.logGpu ?? NONE],
  ];
  wholes.push([sim.SIM_KINDS, servers.at(-1)!.kind + 1]);
  const words = new Uint32Array(state.buffer, base);
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

/** Writes which servers a GPU has, where it is, and where what it alone has is. */
function writeGpu(
  plan: EnginePlan,
  { at, blocks, groups, servers }: Parts,
  { words, base }: Memory,
  gpu: number,
): void {
  const { fabric, unitGpus, layers, demandMost, aheadMost } = plan;
  const fields: [field: number, value: number][] = [
    [sim.GPU_NUMBER, gpu],
    [sim.GPU_NODE, Math.floor(gpu / fabric.gpusPerNode)],
    [sim.GPU_POD, Math.floor(gpu / fabric.gpusPerPod)],
    [sim.GPU_UNIT, base + at.units + Math.floor(gpu / unitGpus) * sim.UNIT],
    [sim.GPU_STARTS_AT, base + at.starts + 4 * gpu * (layers.length + 1)],
    [sim.GPU_DEMAND_AT, base + at.demand + 4 * gpu * demandMost],
    [sim.GPU_AHEAD_STARTS_AT, base + at.aheadStarts + 4 * gpu * (layers.length + 1)],
    [sim.GPU_AHEAD_AT, base + at.ahead + gpu * aheadMost * sim.AHEAD],
    [sim.GPU_RINGS_AT, base + at.rings + gpu * ringBytes(blocks, groups)],
    [sim.GPU_UNUSED_AT, base + at.unused + gpu * unusedBytes(blocks)],
  ];
  for (const { kind, gpus, first } of servers)
    fields.push([sim.GPU_SERVERS_AT + 4 * kind, base + first + Math.floor(gpu / gpus) * sim.SERVER]);
  const row = base + at.gpus + gpu * sim.GPU;
  for (const [field, value] of fields) words[(row + field) / 4] = value;
}

/** Caches that hold what is placed on their GPUs, and nothing else. */
function writeCaches(plan: EnginePlan, { blocks, groups, at }: Parts, { words, base }: Memory): void {
  const ringsOf = (gpu: number) => (base + at.rings + gpu * ringBytes(blocks, groups)) / 4;
  for (let gpu = 0; gpu < plan.fabric.gpus; gpu++) {
    const first = ringsOf(gpu);
    words.fill(NONE, first, first + 2 * blocks);
    for (let ring = blocks; ring < blocks + groups; ring++) words.fill(ring, first + 2 * ring, first + 2 * ring + 2);
  }
  const { starts, gpus } = plan.copies;
  for (let block = 0; block < blocks; block++)
    for (let i = starts[block]!; i < starts[block + 1]!; i++) words[ringsOf(gpus[i]!) + 2 * block] = PINNED;
}

export const FAULT_WORDS_OF_TABLES = FAULT_TABLES * QUANTILES;
