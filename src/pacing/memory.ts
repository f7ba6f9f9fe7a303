import {
  AFTER_READ_NS,
  BEST,
  BY_DEADLINE,
  BYTES_OUT,
  CHUNK_BYTES,
  CREDIT_NS,
  DEPTH,
  DPU,
  DPUS,
  DPUS_AT,
  FAN,
  FAULT_GAPS,
  FAULT_OUTAGES,
  FAULT_STALLS,
  FAULT_TABLES,
  FREE,
  FREE_AT,
  GATE_KINDS,
  GATES_AT,
  GPUS,
  GPUS_PER_DPU,
  HEADER,
  INNER,
  LEAST_RATE,
  LEAVES,
  LINK,
  LINKS_AT,
  LOAD,
  LOADS_AT,
  NODE_DOWN,
  NODE_UP,
  NONE,
  OUTAGE_GAP_NS,
  OUTAGE_NS,
  PACE,
  POD_DOWN,
  POD_UP,
  PORTS,
  QUANTILES,
  QUEUES,
  RATE,
  SAVED_NS,
  SEED_HIGH,
  SEED_LOW,
  SELF_COMPLETING,
  SINK_GATE,
  SLOT_BITS,
  SOURCE_GATE,
  STALL_BYTES,
  STALL_GAP_BYTES,
  TREES,
  WAITING,
} from "../../assembly/layout.ts";
import { Distribution } from "../distribution.ts";
import { ln } from "../normal.ts";
import { seedWords } from "../random.ts";
import { type CompleteFaults, outageGapNs } from "./faults.ts";
import type { CompletePacer } from "./options.ts";

/** A kind of gates: one to so many GPUs, each of some links in step that carry so much together. */
interface Gates {
  kind: number;
  gpusPerGate: number;
  bytesPerNs: number;
  links: number;
  first: number;
  count: number;
}

/** What `planOf` says. */
export type Plan = ReturnType<typeof planOf>;

/** Where the parts of a pacer's memory are, in words of 8 bytes, and how many of what there are: see assembly/layout.ts. */
export function planOf(options: CompletePacer) {
  const { gpus, gpusPerNode, gpusPerPod, dpus, queueDepth, rates, faults } = options;
  const kinds: [kind: number, gpusPerGate: number, rate: keyof typeof rates][] = [
    [SOURCE_GATE, 1, "source"],
    [SINK_GATE, 1, "sink"],
    [NODE_UP, gpusPerNode, "node"],
    [NODE_DOWN, gpusPerNode, "node"],
    [POD_UP, gpusPerPod, "pod"],
    [POD_DOWN, gpusPerPod, "pod"],
  ];
  const gates: Gates[] = [];
  let queues = dpus;
  for (const [kind, gpusPerGate, name] of kinds) {
    const bytesPerNs = rates[name];
    if (bytesPerNs === undefined) continue;
    const count = Math.ceil(gpus / gpusPerGate);
    const links = faults?.links[name] ?? 0;
    gates.push({ kind, gpusPerGate, bytesPerNs, links, first: queues, count });
    queues += count;
  }
  const leaves = 2 ** Math.ceil(Math.log2(queues));
  const inner = Math.max(1, Math.ceil((queueDepth - 1) / (FAN - 1)));
  const tree = FAN * inner + 8;
  const bestAt = TREES + BEST * tree;
  const freeAt = bestAt + tree / 2;
  const loadsAt = lines(freeAt + queueDepth / 2);
  const dpu = loadsAt + lines(queueDepth * LOAD);
  const linksAt = lines(HEADER + 2 * leaves);
  const dpusAt = lines(linksAt + (queues - dpus) * LINK);
  const slotBits = Math.ceil(Math.log2(queueDepth));
  const slots = dpus * 2 ** slotBits;
  return {
    gates,
    queues,
    leaves,
    inner,
    tree,
    bestAt,
    freeAt,
    loadsAt,
    dpu,
    linksAt,
    dpusAt,
    slotBits,
    slots,
    words: dpusAt + dpus * dpu,
    waiting: gates.length === 0 ? 0 : queues - dpus + slots * WAITING,
    faults: faults ? FAULT_TABLES * QUANTILES : 0,
  };
}

/** Words, filled up to whole cache lines. */
function lines(words: number): number {
  return Math.ceil(words / 8) * 8;
}

/** Writes an idle pacer; `startFaults` is called with each link that may fail. */
export function layOut(
  options: CompletePacer,
  plan: Plan,
  views: { pacer: Float64Array; waiting: Uint32Array; faults: Float32Array },
  startFaults: (link: number) => void,
): void {
  const { pacer, waiting } = views;
  const { dpus, queueDepth, pace, rates, faults } = options;
  const words = new Uint32Array(pacer.buffer, pacer.byteOffset, 2 * pacer.length);
  writeHeader(options, plan, pacer, words);
  if (faults) writeFaults(faults, views.faults);
  const link = (at: number, bytesPerNs: number, links: number) => {
    pacer[at + RATE] = bytesPerNs;
    pacer[at + OUTAGE_GAP_NS] = outageGapNs(faults, links);
    pacer[at + OUTAGE_NS] = Number.POSITIVE_INFINITY;
    pacer[at + STALL_BYTES] = Number.POSITIVE_INFINITY;
    if (faults && links > 0) startFaults(at);
  };
  for (const { first, count, bytesPerNs, links } of plan.gates)
    for (let i = 0; i < count; i++) link(plan.linksAt + (first - dpus + i) * LINK, bytesPerNs, links);
  const savedNs = (options.burst - options.chunk) / pace;
  for (let i = 0; i < dpus; i++) {
    const dpu = plan.dpusAt + i * plan.dpu;
    words[2 * (dpu + FREE)] = queueDepth;
    pacer[dpu + PACE] = pace;
    pacer[dpu + SAVED_NS] = savedNs;
    pacer[dpu + LEAST_RATE] = Math.min(pace, rates.ports ?? pace);
    pacer[dpu + CREDIT_NS] = -savedNs; // full at 0
    link(dpu + PORTS, rates.ports ?? Number.POSITIVE_INFINITY, faults?.links.ports ?? 0);
    pacer.fill(Number.POSITIVE_INFINITY, dpu + TREES, dpu + plan.bestAt);
    const best = words.subarray((dpu + plan.bestAt) * 2);
    for (let place = 0; place < (FAN - 1) * plan.inner + 1; place++) best[plan.inner + place] = place;
    const free = words.subarray((dpu + plan.freeAt) * 2);
    for (let place = 0; place < queueDepth; place++) {
      free[place] = queueDepth - 1 - place;
      pacer[dpu + plan.loadsAt + place * LOAD + BYTES_OUT] = -1;
    }
  }
  waiting.fill(NONE);
}

/** Writes what holds for all of a pacer; `words` are the halves of those of `pacer`. */
function writeHeader(options: CompletePacer, plan: Plan, pacer: Float64Array, words: Uint32Array): void {
  const [low, high] = seedWords({ seed: options.faults?.seed ?? 0 });
  const wholes: [at: number, value: number][] = [
    [GPUS, options.gpus],
    [GPUS_PER_DPU, options.gpusPerDpu],
    [DPUS, options.dpus],
    [QUEUES, plan.queues],
    [LEAVES, plan.leaves],
    [SLOT_BITS, plan.slotBits],
    [DEPTH, options.queueDepth],
    [INNER, plan.inner],
    [DPU, plan.dpu],
    [FREE_AT, plan.freeAt],
    [LOADS_AT, plan.loadsAt],
    [LINKS_AT, plan.linksAt],
    [DPUS_AT, plan.dpusAt],
    [BY_DEADLINE, options.byDeadline ? 1 : 0],
    [SELF_COMPLETING, options.selfCompleting ? 1 : 0],
    [SEED_LOW, low],
    [SEED_HIGH, high],
  ];
  for (let kind = 0; kind < GATE_KINDS; kind++) wholes.push([GATES_AT + 2 * kind, 1]);
  for (const { kind, gpusPerGate, first } of plan.gates)
    wholes.push([GATES_AT + 2 * kind, gpusPerGate], [GATES_AT + 2 * kind + 1, first]);
  for (const [at, value] of wholes) words[2 * at] = value;
  pacer[CHUNK_BYTES] = options.chunk;
  pacer[AFTER_READ_NS] = options.afterReadNs;
  pacer[STALL_GAP_BYTES] = 1 / (options.faults?.stalls?.stallsPerByte ?? 0);
  pacer.fill(Number.POSITIVE_INFINITY, HEADER, HEADER + plan.leaves);
  const winners = words.subarray((HEADER + plan.leaves) * 2, (HEADER + 2 * plan.leaves) * 2);
  for (let i = 0; i < plan.leaves; i++) winners[plan.leaves + i] = i;
  for (let i = plan.leaves - 1; i >= 1; i--) winners[i] = winners[2 * i]!;
}

/** Writes the tables that faults are drawn from; what never happens takes 0 ns. */
function writeFaults({ outages, stalls }: CompleteFaults, tables: Float32Array): void {
  tables.set(Distribution.fromFunction((u) => -ln(u)).quantilesNs, FAULT_GAPS * QUANTILES);
  if (outages) tables.set(outages.lengthNs.quantilesNs, FAULT_OUTAGES * QUANTILES);
  if (stalls) tables.set(stalls.lengthNs.quantilesNs, FAULT_STALLS * QUANTILES);
}
