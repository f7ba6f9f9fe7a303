import { HISTOGRAM_COUNTS } from "../../assembly/layout.ts";
import * as sim from "../../assembly/simulation-layout.ts";
import { completePacer } from "../pacing/options.ts";
import type { EnginePlan } from "./memory.ts";

/** Where the parts are, in bytes from where all begins, and how many there are. */
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
  let bytes = 8 * sim.SIM_HEADER;
  const part = (length: number) => {
    const at = bytes;
    bytes += Math.ceil(length / 64) * 64;
    return at;
  };
  const servers = kinds.map((kind) => ({ ...kind, first: part(Math.ceil(gpus / kind.gpus) * sim.SERVER) }));
  const at = {
    units: part((gpus / unitGpus) * sim.UNIT),
    gpus: part(gpus * sim.GPU),
    loads: part(loads * sim.SIM_LOAD),
    events: part(eventsMost * sim.EVENT),
    rings: part(plan.forced ? 0 : gpus * ringBytes(blocks, groups)),
    unused: part(plan.forced ? 0 : gpus * unusedBytes(blocks)),
    starts: part(4 * gpus * (layers.length + 1)),
    demand: part(4 * gpus * plan.demandMost),
    aheadStarts: part(4 * gpus * (layers.length + 1)),
    ahead: part(gpus * plan.aheadMost * sim.AHEAD),
    copyStarts: part(4 * (blocks + 1)),
    copies: part(4 * copies.gpus.length),
    layers: part(layers.length * sim.LAYER),
    times: part(8 * HISTOGRAM_COUNTS),
    chances: part(4 * sim.OVERTAKEN_UTILISATIONS * sim.OVERTAKEN_WORKS * sim.OVERTAKEN_TIMES),
    log: part(8 * plan.logMost * sim.LOG_ROW),
  };
  return { servers, faults, blocks, groups, loads, eventsMost, at, bytes };
}

/** What a GPU's rings take: its blocks, their ends, and what each of them holds. */
export function ringBytes(blocks: number, groups: number): number {
  return (blocks + 2 * groups) * sim.RING;
}

/** A bit a block, in whole words. */
export function unusedBytes(blocks: number): number {
  return Math.ceil(blocks / 64) * 8;
}
