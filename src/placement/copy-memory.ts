import {
  CLOSED,
  FORCED,
  HOME,
  KNOWN_WORDS,
  RANDOM_WORDS,
  ROW_ALL,
  ROW_BYTES,
  ROW_COLUMNS,
  ROW_LOAD,
  ROW_MOVE_COST,
  SHAPE_COPIES,
  SHAPE_COPIES_MAX,
  SHAPE_GPUS,
  SHAPE_LIMITED,
  SHAPE_NODE_GPUS,
  SHAPE_NODES,
  SHAPE_POD_GPUS,
  SHAPE_PODS,
  SHAPE_RADIUS,
  SHAPE_WORDS,
} from "../../assembly/layout.ts";
import { seedWords } from "../random.ts";
import { workspace } from "../wasm.ts";
import { shuffled } from "./memory.ts";
import { PROPOSALS } from "./price-search.ts";
import type { CompleteProblem } from "./problem.ts";

/** Words of a proposal. */
const WORDS = 5;
const CANDIDATES = 16;
/** Choices in one call of the kernel that bids. */
export const BIDS = 2 ** 13;

/** The kernels' arrays for one problem with several copies of an expert, and its kernels, each bound to them. */
export type CopyMemory = ReturnType<typeof layOutCopies>;

export function layOutCopies(problem: CompleteProblem, seed: number) {
  const { cluster, experts, copies, copiesMax, movedBytesMax } = problem;
  // Of one expert, a GPU has a slot at the most.
  const slots = cluster.slots.map((count) => Math.min(count, experts));
  const all = slots.reduce((sum, count) => sum + count, 0);
  const { kernels, at, views } = arraysOf(problem, all);
  kernels.seedRandom(at.random, ...seedWords({ seed }));
  const draw = () => {
    kernels.drawBits(at.bits, at.random);
    return views.bits;
  };
  views.order.set(shuffled(experts, draw));
  write(problem, slots, views);
  const isFree = copies < copiesMax || all > experts * copies;
  const tree = [at.work, at.marks, at.rows, at.flags] as const;
  const placement = [at.at, at.counts, at.places, at.holders, at.used] as const;
  const known = [at.gpuLoads, at.served, at.costs, at.known] as const;
  const asked = [at.rows, at.flags, at.tierCosts, at.shape, at.circles, at.capacity] as const;
  return {
    views,
    /** Copies of an expert for which there are slots. */
    copiesHeld: Math.min(copiesMax, Math.max(copies, all / experts)),
    bid(bytePrice: number, raise: number, waiting: number): number {
      const scratch = [at.chosen, at.sum, ...tree, at.tierCosts, at.shape] as const;
      const state = [...placement, at.waiting, at.turns, at.prices] as const;
      return kernels.bidForCopies(...state, ...scratch, at.firstSlots, bytePrice, raise, waiting, BIDS);
    },
    ascend(step: number, loadStep: number, byteStep: number): number {
      const state = [at.prices, at.priceSums, at.bytePrice] as const;
      const scratch = [at.chosen, at.chosenServed, at.sum, ...tree, at.tierCosts, at.shape] as const;
      const steps = [step, loadStep, byteStep, byteStep > 0 ? movedBytesMax : 0] as const;
      return kernels.ascendCopyPrices(...state, ...scratch, at.capacity, at.order, ...steps, isFree ? 1 : 0);
    },
    sum: (bytePrice: number) =>
      kernels.sumOfCopies(at.chosen, at.sum, ...tree, at.prices, at.tierCosts, at.shape, bytePrice),
    list(bytePrice: number): void {
      const scratch = [at.least, at.chosen, at.chosenServed, at.sum, ...tree, at.prices] as const;
      kernels.listCopyCandidates(at.candidates, ...scratch, at.tierCosts, at.shape, at.circles, bytePrice);
    },
    settle: () => kernels.settleCopies(...known, at.at, at.counts, ...asked),
    anneal(temperature: number, bytePenalty: number): void {
      const scratch = [at.proposal, at.trial, at.trialServed, at.before, at.bits, at.random] as const;
      const fixed = [at.candidates, ...asked, at.firstSlots, at.penalties] as const;
      kernels.annealCopies(...placement, ...known, ...scratch, ...fixed, temperature, bytePenalty, movedBytesMax);
    },
  };
}

function arraysOf({ cluster, experts, copiesMax }: CompleteProblem, slots: number) {
  const { gpus } = cluster;
  const { nodes, pods } = branchesOf(cluster);
  const places = copiesMax + 1;
  const children = Math.max(pods, cluster.gpusPerPod / cluster.gpusPerNode);
  const listed = Math.min(CANDIDATES, gpus);
  return workspace({
    rows: ["F64", experts * (gpus + nodes + pods + ROW_COLUMNS)],
    flags: ["U32", experts * gpus],
    circles: ["U32", experts],
    tierCosts: ["F64", 4],
    shape: ["U32", SHAPE_WORDS],
    prices: ["F64", 2 * gpus],
    priceSums: ["F64", 2 * gpus + 1],
    bytePrice: ["F64", 1],
    capacity: ["F64", 2 * gpus],
    order: ["U32", experts],
    chosen: ["U32", copiesMax],
    chosenServed: ["F64", copiesMax],
    sum: ["F64", 1],
    work: ["F64", gpus + (2 * gpus + nodes + pods + 2) * places],
    marks: ["U32", (nodes + pods + children + 1) * places + nodes + 2 * pods],
    at: ["U32", experts * copiesMax],
    counts: ["U32", experts],
    places: ["U32", experts * copiesMax],
    holders: ["U32", slots],
    firstSlots: ["U32", gpus + 1],
    used: ["U32", gpus],
    waiting: ["U32", experts],
    turns: ["U32", gpus],
    candidates: ["U32", experts * listed],
    least: ["F64", listed],
    gpuLoads: ["F64", gpus],
    served: ["F64", experts * copiesMax],
    costs: ["F64", experts],
    known: ["F64", KNOWN_WORDS],
    proposal: ["U32", 7],
    trial: ["U32", 2 * copiesMax],
    trialServed: ["F64", 2 * copiesMax],
    before: ["F64", 4 * copiesMax],
    penalties: ["F64", gpus],
    bits: ["U32", PROPOSALS * WORDS],
    random: ["U32", RANDOM_WORDS],
  });
}

function branchesOf({ gpus, gpusPerNode, gpusPerPod }: CompleteProblem["cluster"]) {
  return { nodes: Math.ceil(gpus / gpusPerNode), pods: Math.ceil(gpus / gpusPerPod) };
}

/** What is written of experts and GPUs. */
type Views = Record<"rows" | "tierCosts" | "capacity", Float64Array> &
  Record<"flags" | "circles" | "shape" | "firstSlots", Uint32Array>;

function write(problem: CompleteProblem, slots: Uint32Array, views: Views): void {
  const { cluster, experts, copies, copiesMax, radius, isLoadLimited, gpuLoadMax, tierCosts } = problem;
  const { gpus, gpusPerNode, gpusPerPod } = cluster;
  const { nodes, pods } = branchesOf(cluster);
  const { shape, capacity, firstSlots } = views;
  shape[SHAPE_GPUS] = gpus;
  shape[SHAPE_NODE_GPUS] = gpusPerNode;
  shape[SHAPE_POD_GPUS] = gpusPerPod;
  shape[SHAPE_COPIES] = copies;
  shape[SHAPE_COPIES_MAX] = copiesMax;
  shape[SHAPE_RADIUS] = radius;
  shape[SHAPE_LIMITED] = isLoadLimited ? 1 : 0;
  shape[SHAPE_NODES] = nodes;
  shape[SHAPE_PODS] = pods;
  views.tierCosts.set(tierCosts);
  for (let gpu = 0; gpu < gpus; gpu++) {
    capacity[gpu] = slots[gpu]!;
    capacity[gpus + gpu] = slots[gpu] === 0 ? 0 : gpuLoadMax[gpu]!;
    firstSlots[gpu + 1] = firstSlots[gpu]! + slots[gpu]!;
  }
  for (let expert = 0; expert < experts; expert++) {
    writeRow(problem, expert, nodes, views);
    writeFlags(problem, expert, views);
  }
  closeFull(slots, views.flags);
}

/** What is asked of an expert, by GPU, node and pod. */
function writeRow(problem: CompleteProblem, expert: number, nodes: number, { rows, circles }: Views): void {
  const { cluster, firsts, sources, demand, radius, from, loads, moveCosts, expertBytes } = problem;
  const { gpus, gpusPerNode, gpusPerPod } = cluster;
  const columns = rows.length / circles.length;
  const row = rows.subarray(expert * columns, (expert + 1) * columns);
  const whole = columns - ROW_COLUMNS;
  for (let i = firsts[expert]!; i < firsts[expert + 1]!; i++) {
    const gpu = sources[i]!;
    row[gpu]! += demand[i]!;
    row[gpus + Math.floor(gpu / gpusPerNode)]! += demand[i]!;
    row[gpus + nodes + Math.floor(gpu / gpusPerPod)]! += demand[i]!;
    row[whole + ROW_ALL]! += demand[i]!;
  }
  row[whole + ROW_LOAD] = loads[expert]!;
  row[whole + ROW_MOVE_COST] = from ? moveCosts[expert]! : 0;
  row[whole + ROW_BYTES] = from ? expertBytes[expert]! : 0;
  const asking = radius === 1 ? row.subarray(gpus, gpus + nodes) : row.subarray(gpus + nodes, whole);
  circles[expert] = asking.reduce((sum, asked) => sum + (asked > 0 ? 1 : 0), 0);
}

function writeFlags(
  { cluster, radius, pins, from }: CompleteProblem,
  expert: number,
  { rows, flags: all, circles }: Views,
): void {
  const { gpus, slots } = cluster;
  const flags = all.subarray(expert * gpus, (expert + 1) * gpus);
  for (let gpu = 0; gpu < gpus; gpu++) if (slots[gpu] === 0) flags[gpu]! |= CLOSED;
  for (const gpu of from?.[expert] ?? []) flags[gpu]! |= HOME;
  for (const gpu of pins.get(expert) ?? []) flags[gpu]! |= FORCED;
  if (radius > 0) return;
  const row = expert * (rows.length / circles.length);
  for (let gpu = 0; gpu < gpus; gpu++) if (rows[row + gpu]! > 0) flags[gpu]! |= FORCED;
}

/** Closes GPUs all of whose slots are taken by experts that must be there to all others. */
function closeFull(slots: Uint32Array, flags: Uint32Array): void {
  const gpus = slots.length;
  const forced = new Uint32Array(gpus);
  for (let i = 0; i < flags.length; i++) if ((flags[i]! & FORCED) !== 0) forced[i % gpus]!++;
  for (let i = 0; i < flags.length; i++)
    if (forced[i % gpus]! >= slots[i % gpus]! && (flags[i]! & FORCED) === 0) flags[i]! |= CLOSED;
}
