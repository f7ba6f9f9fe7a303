import { FORBIDDEN, KNOWN_WORDS, NONE, RANDOM_WORDS } from "../../assembly/layout.ts";
import { seedWords } from "../random.ts";
import { workspace } from "../wasm.ts";
import { PROPOSALS } from "./price-search.ts";
import type { CompleteProblem } from "./problem.ts";

/** Words of a proposal. */
const WORDS = 4;
const CANDIDATES = 12;
/** Bids in one call of the kernel. */
export const BIDS = 2 ** 17;
/** Costs up to which arrays are kept for the next problem: 64 MiB. */
const SPARE_COSTS = 2 ** 24;

/** The kernels' arrays for one problem, and its kernels, each bound to them. Experts are shuffled, and GPUs go in fours. */
export type SearchMemory = ReturnType<typeof layOut>;

export function layOut(problem: CompleteProblem, seed: number) {
  const { cluster, experts, movedBytesMax } = problem;
  const { gpus } = cluster;
  const width = Math.ceil(gpus / 4) * 4;
  const closed = Array.from({ length: width }, (_, gpu) => gpu).filter((gpu) => !cluster.slots[gpu]);
  const slots = cluster.slots.reduce((sum, count) => sum + count, 0);
  const made = arraysFor(problem, width, closed.length, slots);
  const { kernels, at, views } = made;
  for (const view of [views.prices, views.priceSums, views.bytePrice, views.known]) view.fill(0);
  const draw = () => {
    kernels.drawBits(at.bits, at.random);
    return views.bits;
  };
  kernels.seedRandom(at.random, ...seedWords({ seed }));
  const expertOf = shuffled(experts, draw);
  views.closed.set(closed);
  writeExperts(problem, expertOf, views);
  writeGpus(problem, width, views);
  const rows = [at.costs, at.loads] as const;
  const moves = [at.from, at.moveBytes] as const;
  const placement = [at.holders, at.places, at.used, at.gpuLoads, at.known] as const;
  /** Fills the costs, moves at their cost and at a price a byte. */
  const fill = (bytePrice: number): void => {
    for (let row = 0; row < experts; row++) {
      const expert = expertOf[row]!;
      views.moveCosts[row] = problem.moveCosts[expert]! + bytePrice * problem.expertBytes[expert]!;
    }
    const who = [at.firsts, at.sources, at.demand, at.from, at.moveCosts, at.pins, at.closed] as const;
    const tree = [gpus, cluster.gpusPerNode, cluster.gpusPerPod, problem.radius] as const;
    kernels.fillCosts(at.costs, ...who, at.sums, at.tierCosts, ...tree);
  };
  return {
    views,
    width,
    expertOf,
    /** Says that no more is done with these arrays: the next problem of this size takes them, unless they are huge. */
    release(): void {
      if (experts * width <= SPARE_COSTS) spare = made;
    },
    fill,
    bid(raise: number, waiting: number): number {
      const state = [at.at, at.slotPrices, at.holders, at.prices, at.waiting] as const;
      return kernels.bidForSlots(...state, ...rows, at.firstSlots, at.found, raise, waiting, BIDS);
    },
    ascend(step: number, loadStep: number, byteStep: number): number {
      const state = [at.prices, at.priceSums, at.bytePrice, ...rows, at.capacity, at.order, ...moves] as const;
      const limit = byteStep > 0 ? movedBytesMax : 0;
      return kernels.ascendPrices(...state, step, loadStep, byteStep, limit, slots > experts ? 1 : 0);
    },
    sum: (bytePrice: number) => kernels.sumOfLeast(...rows, at.prices, ...moves, bytePrice),
    list(bytePrice: number): void {
      if (bytePrice > 0) fill(bytePrice);
      kernels.listCandidates(at.candidates, at.least, ...rows, at.prices);
      if (bytePrice > 0) fill(0);
    },
    settle: () => kernels.settlePlacement(...placement, at.at, ...rows, at.capacity, at.firstSlots, ...moves),
    anneal(temperature: number, bytePenalty: number): void {
      const fixed = [at.candidates, ...rows, at.capacity, at.firstSlots, ...moves, at.penalties] as const;
      const draws = [at.bits, at.random] as const;
      kernels.annealPlacement(at.at, ...placement, ...draws, ...fixed, temperature, bytePenalty, movedBytesMax);
    },
  };
}

/** The arrays of the last problem: fresh memory costs a third of the time of placing by slots, and plans are made twice a second. */
let spare: ReturnType<typeof arraysOf> | undefined;

function arraysFor(problem: CompleteProblem, width: number, closed: number, slots: number) {
  // Demand comes from more GPUs at one time than at another.
  const demand = 2 ** Math.ceil(Math.log2(problem.demand.length + 1));
  const { experts, cluster } = problem;
  const sizes = { experts, demand, gpus: cluster.gpus, width, closed, slots };
  const last = spare;
  spare = undefined;
  const isAlike =
    last && Object.entries(sizes).every(([name, size]) => last.sizes[name as keyof typeof sizes] === size);
  return isAlike ? last : arraysOf(sizes);
}

function arraysOf(sizes: Record<"experts" | "demand" | "gpus" | "width" | "closed" | "slots", number>) {
  const { experts, demand, gpus, width, closed, slots } = sizes;
  const listed = Math.min(CANDIDATES, gpus);
  const made = workspace({
    costs: ["F32", experts * width],
    firsts: ["U32", experts + 1],
    sources: ["U32", demand],
    demand: ["F64", demand],
    from: ["U32", experts],
    moveCosts: ["F64", experts],
    pins: ["U32", experts],
    closed: ["U32", closed],
    sums: ["F64", 3 * gpus],
    tierCosts: ["F64", 4],
    loads: ["F32", experts],
    moveBytes: ["F32", experts],
    prices: ["F32", 2 * width],
    priceSums: ["F64", 2 * width + 1],
    bytePrice: ["F64", 1],
    capacity: ["F32", 2 * width],
    order: ["U32", experts],
    at: ["U32", experts],
    slotPrices: ["F32", slots],
    holders: ["U32", slots],
    waiting: ["U32", experts],
    firstSlots: ["U32", width + 1],
    found: ["F32", 2],
    places: ["U32", experts],
    used: ["U32", width],
    gpuLoads: ["F64", width],
    known: ["F64", KNOWN_WORDS],
    penalties: ["F64", width],
    bits: ["U32", PROPOSALS * WORDS],
    random: ["U32", RANDOM_WORDS],
    candidates: ["U32", experts * listed],
    least: ["F32", listed],
  });
  return { ...made, sizes };
}

/** What is written of experts and GPUs. */
type Views = Record<"demand" | "tierCosts", Float64Array> &
  Record<"loads" | "moveBytes" | "capacity", Float32Array> &
  Record<"firsts" | "sources" | "from" | "pins" | "order" | "firstSlots", Uint32Array>;

function writeExperts(problem: CompleteProblem, expertOf: Uint32Array, views: Views): void {
  const { firsts, sources, demand, from, pins, loads, expertBytes } = problem;
  let next = 0;
  expertOf.forEach((expert, row) => {
    views.firsts[row] = next;
    for (let i = firsts[expert]!; i < firsts[expert + 1]!; i++) {
      views.sources[next] = sources[i]!;
      views.demand[next++] = demand[i]!;
    }
    views.from[row] = from?.[expert]?.[0] ?? NONE;
    views.pins[row] = pins.get(expert)?.[0] ?? NONE;
    views.loads[row] = roundedUp(loads[expert]!);
    views.moveBytes[row] = roundedUp(expertBytes[expert]!);
    views.order[row] = row;
  });
  views.firsts[expertOf.length] = next;
  views.tierCosts.set(problem.tierCosts);
}

function writeGpus({ cluster, gpuLoadMax }: CompleteProblem, width: number, views: Views): void {
  let slot = 0;
  for (let gpu = 0; gpu < width; gpu++) {
    const slots = gpu < cluster.gpus ? cluster.slots[gpu]! : 0;
    views.capacity[gpu] = slots;
    const most = slots === 0 ? 0 : gpuLoadMax[gpu]!;
    // A limit that never binds: as a number, since prices are multiplied with it.
    views.capacity[width + gpu] = most === Number.POSITIVE_INFINITY ? FORBIDDEN : roundedDown(most);
    views.firstSlots[gpu] = slot;
    slot += slots;
  }
  views.firstSlots[width] = slot;
}

/** Experts in a random order (Fisher and Yates): neighbours in a list are often alike. */
export function shuffled(count: number, more: () => Uint32Array): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  let [bits, next] = [new Uint32Array(), 0];
  for (let i = count - 1; i > 0; i--) {
    if (next === bits.length) [bits, next] = [more().slice(), 0];
    const j = Math.floor((bits[next++]! / 2 ** 32) * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

function roundedUp(value: number): number {
  const near = Math.fround(value);
  return near >= value ? near : Math.fround(value * (1 + 2 ** -23));
}

function roundedDown(value: number): number {
  const near = Math.fround(value);
  return near <= value ? near : Math.fround(value * (1 - 2 ** -23));
}
