import {
  CLOSED,
  FORCED,
  HOME,
  NONE,
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
import type { CompleteProblem } from "./problem.ts";
import { isWhole, type Prices } from "./search.ts";

/** Proposals that one call of the kernel makes, five words each. */
const PROPOSALS = 4096;
const WORDS = 5;
const CANDIDATES = 16;
/** Choices in one call of the kernel that bids, and in all, for each expert; and what raises grow by with each choice of all. */
const BIDS = 2 ** 13;
const BIDS_EACH = 256;
const RAISE_GROWTH = 1.1;

/** As for one copy: see search.ts. */
const STEP = 2;
const HOT = 0.03;
const COLD = 3e-4;
const PENALTY = 1;
const PENALTY_LAST = 100;
const PATIENCE = 1.5;

/** What rounding may add to a bound, over what is summed: sums of up to 2^24 terms of f64. */
const ROUNDING = 2 ** -40;

/** Plans with several copies of an expert: the kernels' arrays for one problem, and what is done with them in turn. */
export class CopySearch {
  /** What an expert pays for a tier more, on average: the scale of prices. */
  readonly scale: number;
  /** Whether costs are whole numbers, so that bounds may be rounded up. */
  readonly isWhole: boolean;
  readonly #problem: CompleteProblem;
  readonly #isFree: boolean;
  readonly #meanSlots: number;
  readonly #meanServed: number;
  readonly #views: Views;
  readonly #ascend: (step: number, loadStep: number, byteStep: number) => number;
  readonly #sum: (bytePrice: number) => number;
  readonly #bid: (bytePrice: number, raise: number, waiting: number) => number;
  readonly #list: (bytePrice: number) => void;
  readonly #settle: () => void;
  readonly #anneal: (temperature: number, bytePenalty: number) => void;
  #passes = 0;
  #blocks = 0;
  #best: { bound: number; prices: Float64Array; bytePrice: number };

  constructor(problem: CompleteProblem, seed: number) {
    this.#problem = problem;
    const { cluster, experts, tierCosts, demandOfExpert, moveCosts, copies, copiesMax, from, loads } = problem;
    const { gpus } = cluster;
    const nodes = Math.ceil(gpus / cluster.gpusPerNode);
    const pods = Math.ceil(gpus / cluster.gpusPerPod);
    const places = copiesMax + 1;
    const children = Math.max(pods, cluster.gpusPerPod / cluster.gpusPerNode);
    // Of one expert, a GPU has a slot at the most.
    const slots = cluster.slots.map((count) => Math.min(count, experts));
    const all = slots.reduce((sum, count) => sum + count, 0);
    const { kernels, at, views } = workspace({
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
      holders: ["U32", all],
      firstSlots: ["U32", gpus + 1],
      used: ["U32", gpus],
      waiting: ["U32", experts],
      turns: ["U32", gpus],
      candidates: ["U32", experts * Math.min(CANDIDATES, gpus)],
      least: ["F64", Math.min(CANDIDATES, gpus)],
      gpuLoads: ["F64", gpus],
      served: ["F64", experts * copiesMax],
      costs: ["F64", experts],
      known: ["F64", 3],
      proposal: ["U32", 7],
      trial: ["U32", 2 * copiesMax],
      trialServed: ["F64", 2 * copiesMax],
      before: ["F64", 4 * copiesMax],
      penalties: ["F64", gpus],
      bits: ["U32", PROPOSALS * WORDS],
      random: ["U32", RANDOM_WORDS],
    });
    this.#views = views;
    this.#isFree = copies < copiesMax || all > experts * copies;
    this.#meanSlots = all / gpus;
    const held = Math.min(copiesMax, Math.max(copies, all / experts));
    this.#meanServed = loads.reduce((sum, load) => sum + load, 0) / experts / held || 1;
    const tree = [at.work, at.marks, at.rows, at.flags] as const;
    const set = [at.chosen, at.sum, ...tree, at.prices, at.tierCosts, at.shape] as const;
    const held5 = [at.at, at.counts, at.places, at.holders, at.used] as const;
    const known = [at.gpuLoads, at.served, at.costs, at.known] as const;
    const most = problem.movedBytesMax;
    this.#ascend = (step, loadStep, byteStep) => {
      const scratch = [at.chosen, at.chosenServed, at.sum, ...tree, at.tierCosts, at.shape] as const;
      const limit = byteStep > 0 ? most : 0;
      const free = this.#isFree ? 1 : 0;
      const state = [at.prices, at.priceSums, at.bytePrice] as const;
      return kernels.ascendCopyPrices(
        ...state,
        ...scratch,
        at.capacity,
        at.order,
        step,
        loadStep,
        byteStep,
        limit,
        free,
      );
    };
    this.#sum = (bytePrice) => kernels.sumOfCopies(...set, bytePrice);
    this.#bid = (bytePrice, raise, waiting) => {
      const scratch = [at.chosen, at.sum, ...tree, at.tierCosts, at.shape] as const;
      const state = [...held5, at.waiting, at.turns, at.prices] as const;
      return kernels.bidForCopies(...state, ...scratch, at.firstSlots, bytePrice, raise, waiting, BIDS);
    };
    this.#list = (bytePrice) => {
      const scratch = [at.least, at.chosen, at.chosenServed, at.sum, ...tree, at.prices] as const;
      kernels.listCopyCandidates(at.candidates, ...scratch, at.tierCosts, at.shape, at.circles, bytePrice);
    };
    const asked = [at.rows, at.flags, at.tierCosts, at.shape, at.circles, at.capacity] as const;
    this.#settle = () => kernels.settleCopies(...known, at.at, at.counts, ...asked);
    this.#anneal = (temperature, bytePenalty) => {
      const scratch = [at.proposal, at.trial, at.trialServed, at.before, at.bits, at.random] as const;
      const fixed = [at.candidates, ...asked, at.firstSlots, at.penalties] as const;
      kernels.annealCopies(...held5, ...known, ...scratch, ...fixed, temperature, bytePenalty, most);
    };
    kernels.seedRandom(at.random, ...seedWords({ seed }));
    views.order.set(
      shuffled(experts, () => {
        kernels.drawBits(at.bits, at.random);
        return views.bits;
      }),
    );
    const span = tierCosts[3] - tierCosts[0];
    const mean = demandOfExpert.reduce((sum, asking) => sum + asking, 0) / experts;
    const meanMove = from ? moveCosts.reduce((sum, cost) => sum + cost, 0) / experts : 0;
    this.scale = (mean * span) / 3 + meanMove || 1;
    this.isWhole = isWhole(problem);
    this.#layOut(slots, nodes);
    this.#best = { bound: Number.NEGATIVE_INFINITY, prices: views.prices.slice(), bytePrice: 0 };
    this.#judge();
  }

  /** No plan costs less. */
  get bound(): number {
    return this.#best.bound;
  }

  /** The prices behind the bound. */
  get prices(): Prices {
    const { prices, bytePrice } = this.#best;
    const { gpus } = this.#problem.cluster;
    return { slot: prices.slice(0, gpus), load: prices.slice(gpus), byte: bytePrice };
  }

  /** The plan as the search has it now. */
  get gpusOfExpert(): number[][] {
    const { at, counts } = this.#views;
    const most = this.#problem.copiesMax;
    return Array.from(counts, (count, expert) => Array.from(at.subarray(expert * most, expert * most + count)));
  }

  /** Whether no GPU serves more than it may, and no more is moved. */
  get isFeasible(): boolean {
    const [, overload, movedBytes] = this.#views.known;
    return overload! <= 0 && movedBytes! <= this.#problem.movedBytesMax;
  }

  /** Goes over all experts so many times, and takes the mean prices for the best if their bound is. */
  ascend(passes: number, isOver: () => boolean): void {
    const { prices, priceSums, bytePrice } = this.#views;
    const { experts, isLoadLimited, movedBytesMax, expertBytes, from } = this.#problem;
    const slots = this.#meanSlots;
    const meanBytes = expertBytes.reduce((sum, bytes) => sum + bytes, 0) / experts || 1;
    for (const until = this.#passes + passes; this.#passes < until && !(isOver() && this.#passes > 0); this.#passes++) {
      const step = ((STEP / slots) * this.scale) / (this.#passes + 1);
      const loadStep = isLoadLimited ? step / this.#meanServed ** 2 : 0;
      const isBudgeted = movedBytesMax < Number.POSITIVE_INFINITY && from !== undefined;
      const byteStep = isBudgeted ? (step * slots) / experts / meanBytes ** 2 : 0;
      if ((this.#passes & (this.#passes - 1)) === 0) {
        priceSums.fill(0);
        this.#blocks = 0;
      }
      this.#blocks += this.#ascend(step, loadStep, byteStep);
    }
    const now = { prices: prices.slice(), bytePrice: bytePrice[0]! };
    for (let i = 0; i < prices.length; i++) prices[i] = priceSums[i]! / this.#blocks;
    bytePrice[0] = priceSums[prices.length]! / this.#blocks;
    this.#judge();
    prices.set(now.prices);
    bytePrice[0] = now.bytePrice;
  }

  /**
   * Lets experts take slots at the best prices so far, which rise where there are too few, by `raise` times the scale at first.
   * Returns whether all have theirs then: not if time is over.
   */
  bid(raise: number, isOver: () => boolean): boolean {
    const { prices, at, counts, holders, used, turns, waiting, order } = this.#views;
    const { experts } = this.#problem;
    const now = prices.slice();
    prices.set(this.#best.prices);
    at.fill(NONE);
    holders.fill(NONE);
    counts.fill(0);
    used.fill(0);
    turns.fill(0);
    waiting.set(order);
    let count = experts;
    const inCall = Math.min(BIDS, Math.max(64, experts));
    for (let bids = 0; count > 0 && bids < BIDS_EACH * experts + 2 ** 14 && !(isOver() && bids > 0); bids += inCall)
      count = this.#bid(this.#best.bytePrice, raise * this.scale * RAISE_GROWTH ** (bids / experts), count);
    prices.set(now);
    if (count !== 0) return false;
    this.#settle();
    return true;
  }

  /** Anneals the plan with so many proposals, at the best prices so far, until it keeps the rules or patience ends. */
  *anneal(proposals: number): Generator<void> {
    const { prices, penalties, known } = this.#views;
    const { experts, expertBytes, cluster } = this.#problem;
    const now = prices.slice();
    const { bytePrice } = this.#best;
    prices.set(this.#best.prices);
    this.#list(bytePrice);
    prices.set(now);
    const loadPrices = this.#best.prices.slice(cluster.gpus);
    const meanPrice =
      loadPrices.reduce((sum, price) => sum + price, 0) / cluster.gpus + (0.01 * this.scale) / this.#meanServed;
    const meanBytes = expertBytes.reduce((sum, bytes) => sum + bytes, 0) / experts || 1;
    this.#settle();
    const calls = Math.max(1, Math.round(proposals / PROPOSALS));
    for (let call = 0; call < calls || (!this.isFeasible && call < PATIENCE * calls + 16); call++) {
      const share = call / calls;
      const penalty = PENALTY * (PENALTY_LAST / PENALTY) ** share;
      for (let gpu = 0; gpu < penalties.length; gpu++) penalties[gpu] = (loadPrices[gpu]! + 0.3 * meanPrice) * penalty;
      const bytePenalty = (bytePrice + (0.3 * this.scale) / meanBytes) * penalty;
      this.#anneal(HOT * this.scale * (COLD / HOT) ** share, bytePenalty);
      if (call >= calls - 1) this.#settle();
      if (call % 16 === 15) yield;
    }
    this.#settle();
    if (known[1]! > 0) known[1] = 1;
  }

  /** Works out the bound of the present prices, and keeps them if it is the best. */
  #judge(): void {
    const { prices, bytePrice, capacity } = this.#views;
    const { movedBytesMax, demandOfExpert, tierCosts, moveCosts, copiesMax } = this.#problem;
    const sum = this.#sum(bytePrice[0]!);
    let [worth, most] = [0, 0];
    for (let i = 0; i < prices.length; i++) {
      if (prices[i] === 0) continue;
      worth += prices[i]! * capacity[i]!;
      most += Math.abs(prices[i]! * capacity[i]!);
    }
    if (bytePrice[0]! > 0) worth += bytePrice[0]! * movedBytesMax;
    for (let i = 0; i < moveCosts.length; i++) most += demandOfExpert[i]! * tierCosts[3] + copiesMax * moveCosts[i]!;
    const bound = sum - worth - (most + Math.abs(worth)) * ROUNDING;
    if (bound > this.#best.bound) this.#best = { bound, prices: prices.slice(), bytePrice: bytePrice[0]! };
  }

  #layOut(slots: Uint32Array, nodes: number): void {
    const { cluster, experts, copies, copiesMax, radius, isLoadLimited, gpuLoadMax, tierCosts } = this.#problem;
    const { gpus, gpusPerNode, gpusPerPod } = cluster;
    const { shape, capacity, firstSlots } = this.#views;
    shape[SHAPE_GPUS] = gpus;
    shape[SHAPE_NODE_GPUS] = gpusPerNode;
    shape[SHAPE_POD_GPUS] = gpusPerPod;
    shape[SHAPE_COPIES] = copies;
    shape[SHAPE_COPIES_MAX] = copiesMax;
    shape[SHAPE_RADIUS] = radius;
    shape[SHAPE_LIMITED] = isLoadLimited ? 1 : 0;
    shape[SHAPE_NODES] = nodes;
    shape[SHAPE_PODS] = Math.ceil(gpus / gpusPerPod);
    this.#views.tierCosts.set(tierCosts);
    for (let gpu = 0; gpu < gpus; gpu++) {
      capacity[gpu] = slots[gpu]!;
      capacity[gpus + gpu] = slots[gpu] === 0 ? 0 : gpuLoadMax[gpu]!;
      firstSlots[gpu + 1] = firstSlots[gpu]! + slots[gpu]!;
    }
    for (let expert = 0; expert < experts; expert++) {
      this.#layOutRow(expert, nodes);
      this.#layOutFlags(expert);
    }
    this.#closeFull(slots);
  }

  /** What is asked of an expert, by GPU, node and pod. */
  #layOutRow(expert: number, nodes: number): void {
    const { cluster, firsts, sources, demand, radius, from, loads, moveCosts, expertBytes } = this.#problem;
    const { gpus, gpusPerNode, gpusPerPod } = cluster;
    const { rows, circles } = this.#views;
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

  #layOutFlags(expert: number): void {
    const { cluster, radius, pins, from } = this.#problem;
    const { gpus, slots } = cluster;
    const { rows, flags: all, circles } = this.#views;
    const flags = all.subarray(expert * gpus, (expert + 1) * gpus);
    for (let gpu = 0; gpu < gpus; gpu++) if (slots[gpu] === 0) flags[gpu]! |= CLOSED;
    for (const gpu of from?.[expert] ?? []) flags[gpu]! |= HOME;
    for (const gpu of pins.get(expert) ?? []) flags[gpu]! |= FORCED;
    if (radius > 0) return;
    const row = expert * (rows.length / circles.length);
    for (let gpu = 0; gpu < gpus; gpu++) if (rows[row + gpu]! > 0) flags[gpu]! |= FORCED;
  }

  /** Closes GPUs all of whose slots are taken by experts that must be there to all others. */
  #closeFull(slots: Uint32Array): void {
    const { flags } = this.#views;
    const { gpus } = this.#problem.cluster;
    const forced = new Uint32Array(gpus);
    for (let i = 0; i < flags.length; i++) if ((flags[i]! & FORCED) !== 0) forced[i % gpus]!++;
    for (let i = 0; i < flags.length; i++)
      if (forced[i % gpus]! >= slots[i % gpus]! && (flags[i]! & FORCED) === 0) flags[i]! |= CLOSED;
  }
}

type Views = Record<"rows" | "tierCosts" | "prices" | "priceSums" | "bytePrice" | "capacity" | "work", Float64Array> &
  Record<"gpuLoads" | "served" | "costs" | "known" | "penalties", Float64Array> &
  Record<"flags" | "circles" | "shape" | "order" | "at" | "counts" | "holders" | "firstSlots" | "used", Uint32Array> &
  Record<"waiting" | "turns" | "bits", Uint32Array>;
