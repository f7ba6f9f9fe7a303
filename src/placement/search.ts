import { FORBIDDEN, NONE, RANDOM_WORDS } from "../../assembly/layout.ts";
import { seedWords } from "../random.ts";
import { workspace } from "../wasm.ts";
import type { CompleteProblem } from "./problem.ts";

/** Prices of what is scarce: of a slot and of a unit of load on each GPU, and of a byte that is moved. */
export interface Prices {
  slot: Float64Array;
  load: Float64Array;
  byte: number;
}

/** Proposals that one call of the kernel makes, four words each. */
const PROPOSALS = 4096;
const WORDS = 4;
const CANDIDATES = 12;
/** Bids in one call of the kernel. */
const BIDS = 2 ** 17;
/** What no auction takes: 2 to 10 bids an expert are usual. */
const BIDS_EACH = 4096;

/**
 * Step of prices in the first pass, over the slots of a GPU: measured, on experts of 8 to 52 a GPU; it is the best of 1, 2 and
 * 4 on all of them, and where prices are far from 0, as with strong skew, larger steps help long runs.
 */
const STEP = 2;

/** Temperatures, over the cost of a tier of a mean expert, and penalties, over the price of a load, from first to last. */
const HOT = 0.03;
const COLD = 3e-4;
const PENALTY = 1;
const PENALTY_LAST = 100;
/** How much longer penalties may go on rising until no GPU is overloaded. */
const PATIENCE = 1.5;

/** Placements of one copy an expert: the kernels' arrays for one problem. Inside, experts are shuffled, and GPUs go in fours. */
export class Search {
  /** What an expert pays for a tier more, on average: the scale of prices. */
  readonly scale: number;
  /** Whether costs are whole numbers that the kernels hold exactly, so that bounds may be rounded up. */
  readonly isWhole: boolean;
  readonly #problem: CompleteProblem;
  readonly #width: number;
  /** Which expert stands in a row. */
  readonly #expertOf: Uint32Array;
  readonly #rowOf: Uint32Array;
  readonly #views: Views;
  readonly #fill: (bytePrice: number) => void;
  readonly #bid: (raise: number, waiting: number) => number;
  readonly #ascend: (step: number, loadStep: number, byteStep: number) => number;
  readonly #sum: (bytePrice: number) => number;
  readonly #list: () => void;
  readonly #settle: () => void;
  readonly #anneal: (temperature: number, bytePenalty: number) => void;
  #passes = 0;
  #blocks = 0;
  #best: { bound: number; prices: Float32Array; bytePrice: number };

  constructor(problem: CompleteProblem, seed: number) {
    this.#problem = problem;
    const { cluster, experts, tierCosts, demandOfExpert, moveCosts, demand } = problem;
    const { gpus } = cluster;
    const width = Math.ceil(gpus / 4) * 4;
    const slots = cluster.slots.reduce((sum, count) => sum + count, 0);
    const count = Math.min(CANDIDATES, gpus);
    const { kernels, at, views } = workspace({
      costs: ["F32", experts * width],
      firsts: ["U32", experts + 1],
      sources: ["U32", demand.length],
      demand: ["F64", demand.length],
      from: ["U32", experts],
      moveCosts: ["F64", experts],
      pins: ["U32", experts],
      closed: ["U32", width],
      sums: ["F64", 3 * gpus],
      tierCosts: ["F64", 4],
      loads: ["F32", experts],
      moveBytes: ["F32", experts],
      prices: ["F32", 2 * width],
      priceSums: ["F64", 2 * width + 1],
      bytePrice: ["F64", 1],
      capacity: ["F32", 2 * width],
      best: ["U32", experts],
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
      known: ["F64", 3],
      penalties: ["F64", width],
      bits: ["U32", PROPOSALS * WORDS],
      random: ["U32", RANDOM_WORDS],
      candidates: ["U32", experts * count],
      least: ["F32", count],
    });
    const free = slots > experts;
    const rows = [at.costs, at.loads] as const;
    const moves = [at.from, at.moveBytes] as const;
    const placement = [at.holders, at.places, at.used, at.gpuLoads, at.known] as const;
    const most = problem.movedBytesMax;
    this.#fill = (bytePrice) => {
      for (let row = 0; row < experts; row++) {
        const expert = this.#expertOf[row]!;
        views.moveCosts[row] = moveCosts[expert]! + bytePrice * problem.expertBytes[expert]!;
      }
      const { gpusPerNode, gpusPerPod } = cluster;
      const who = [at.firsts, at.sources, at.demand, at.from, at.moveCosts, at.pins, at.closed] as const;
      kernels.fillCosts(at.costs, ...who, at.sums, at.tierCosts, gpus, gpusPerNode, gpusPerPod, problem.radius);
    };
    this.#bid = (raise, waiting) => {
      const state = [at.at, at.slotPrices, at.holders, at.prices, at.waiting] as const;
      return kernels.bidForSlots(...state, ...rows, at.firstSlots, at.found, raise, waiting, BIDS);
    };
    this.#ascend = (step, loadStep, byteStep) => {
      const state = [at.prices, at.priceSums, at.bytePrice, ...rows, at.capacity, at.order, ...moves] as const;
      const limit = byteStep > 0 ? most : 0;
      return kernels.ascendPrices(...state, step, loadStep, byteStep, limit, free ? 1 : 0);
    };
    this.#sum = (bytePrice) => kernels.sumOfLeast(at.best, ...rows, at.prices, ...moves, bytePrice);
    this.#list = () => kernels.listCandidates(at.candidates, at.least, ...rows, at.prices);
    this.#settle = () => kernels.settlePlacement(...placement, at.at, ...rows, at.capacity, at.firstSlots, ...moves);
    this.#anneal = (temperature, bytePenalty) => {
      const fixed = [at.candidates, ...rows, at.capacity, at.firstSlots, ...moves, at.penalties] as const;
      const draws = [at.bits, at.random] as const;
      kernels.annealPlacement(at.at, ...placement, ...draws, ...fixed, temperature, bytePenalty, most);
    };
    this.#views = views;
    this.#width = width;
    kernels.seedRandom(at.random, ...seedWords({ seed }));
    this.#expertOf = shuffled(experts, () => {
      kernels.drawBits(at.bits, at.random);
      return views.bits;
    });
    this.#rowOf = new Uint32Array(experts);
    this.#expertOf.forEach((expert, row) => {
      this.#rowOf[expert] = row;
    });
    const span = tierCosts[3] - tierCosts[0];
    const mean = demandOfExpert.reduce((sum, asked) => sum + asked, 0) / experts;
    const meanMove = moveCosts.reduce((sum, cost) => sum + cost, 0) / experts;
    this.scale = (mean * span) / 3 + meanMove || 1;
    this.isWhole = isWhole(problem);
    this.#layOut();
    this.#fill(0);
    this.#best = { bound: Number.NEGATIVE_INFINITY, prices: views.prices.slice(), bytePrice: 0 };
  }

  /** The best bound so far. */
  get bound(): number {
    return this.#best.bound;
  }

  /** The prices that give it. */
  get prices(): Prices {
    const { prices, bytePrice } = this.#best;
    const { gpus } = this.#problem.cluster;
    const slot = Float64Array.from(prices.subarray(0, gpus));
    return { slot, load: Float64Array.from(prices.subarray(this.#width, this.#width + gpus)), byte: bytePrice };
  }

  /** GPUs of experts as the search has them now. */
  get gpuOfExpert(): Uint32Array {
    const gpus = new Uint32Array(this.#expertOf.length);
    for (let row = 0; row < gpus.length; row++) gpus[this.#expertOf[row]!] = this.#views.at[row]!;
    return gpus;
  }

  /** The placement as a plan. */
  get gpusOfExpert(): number[][] {
    return Array.from(this.gpuOfExpert, (gpu) => [gpu]);
  }

  /** Whether no GPU serves more than it may, and no more is moved. */
  get isFeasible(): boolean {
    const [, overload, movedBytes] = this.#views.known;
    return overload! <= 0 && movedBytes! <= this.#problem.movedBytesMax;
  }

  /** GPUs that are not forbidden to an expert. */
  gpusAllowed(expert: number): number[] {
    const row = this.#rowOf[expert]! * this.#width;
    const costs = this.#views.costs.subarray(row, row + this.#problem.cluster.gpus);
    return Array.from(costs.keys()).filter((gpu) => costs[gpu]! < FORBIDDEN);
  }

  /** Begins from a placement, where there is room for it. */
  set gpuOfExpert(gpus: ArrayLike<number>) {
    for (let row = 0; row < this.#expertOf.length; row++) this.#views.at[row] = gpus[this.#expertOf[row]!]!;
  }

  /** Goes over all experts so many times, and takes the prices for the best if their bound is; see prices.ts in assembly. */
  ascend(passes: number, isOver: () => boolean): void {
    const { prices, priceSums, bytePrice, capacity } = this.#views;
    const { experts, isLoadLimited, movedBytesMax, loads, expertBytes } = this.#problem;
    const width = this.#width;
    const slots = capacity.subarray(0, width).reduce((sum, count) => sum + count, 0) / this.#problem.cluster.gpus;
    const meanLoad = loads.reduce((sum, load) => sum + load, 0) / experts || 1;
    const meanBytes = expertBytes.reduce((sum, bytes) => sum + bytes, 0) / experts || 1;
    for (const until = this.#passes + passes; this.#passes < until && !(isOver() && this.#passes > 0); this.#passes++) {
      const step = ((STEP / slots) * this.scale) / (this.#passes + 1);
      const loadStep = isLoadLimited ? step / meanLoad ** 2 : 0;
      // As many share the one price of bytes as share all GPUs' slots.
      const isBudgeted = movedBytesMax < Number.POSITIVE_INFINITY && this.#problem.from !== undefined;
      const byteStep = isBudgeted ? (step * slots) / experts / meanBytes ** 2 : 0;
      // The mean is of the last half of passes, where prices are nearest to what they come to.
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
   * Lets experts bid for slots, at the best prices of load and bytes so far, with raises of `raise` times the scale. Returns the
   * expert that can find no slot, if there is one, "all" if all have one, "over" if it took too long.
   */
  bid(raise: number, isOver: () => boolean): number | "all" | "over" {
    const { prices, bytePrice, slotPrices, holders, at, waiting } = this.#views;
    const [nowPrices, nowByte] = [prices.slice(), bytePrice[0]!];
    prices.set(this.#best.prices);
    prices.fill(0, 0, this.#width);
    bytePrice[0] = this.#best.bytePrice;
    if (bytePrice[0] > 0) this.#fill(bytePrice[0]);
    slotPrices.fill(0);
    holders.fill(NONE);
    at.fill(NONE);
    for (let i = 0; i < waiting.length; i++) waiting[i] = waiting.length - 1 - i;
    let count = waiting.length;
    for (let bids = 0; count > 0 && bids < BIDS_EACH * waiting.length && !(isOver() && bids > 0); bids += BIDS)
      count = this.#bid(raise * this.scale, count);
    if (bytePrice[0] > 0) this.#fill(0);
    if (count === 0) this.#judge();
    prices.set(nowPrices);
    bytePrice[0] = nowByte;
    if (count < 0) return this.#expertOf[~count]!;
    return count === 0 ? "all" : "over";
  }

  /** Anneals the placement with so many proposals, at the best prices so far, until no GPU is overloaded or patience ends. */
  *anneal(proposals: number): Generator<void> {
    const { prices, penalties, known } = this.#views;
    const [nowPrices, { bytePrice }] = [prices.slice(), this.#best];
    prices.set(this.#best.prices);
    if (bytePrice > 0) this.#fill(bytePrice);
    this.#list();
    if (bytePrice > 0) this.#fill(0);
    const width = this.#width;
    const loadPrices = prices.slice(width);
    prices.set(nowPrices);
    const { experts, loads } = this.#problem;
    const meanLoad = loads.reduce((sum, load) => sum + load, 0) / experts || 1;
    const meanPrice = loadPrices.reduce((sum, price) => sum + price, 0) / width + (0.01 * this.scale) / meanLoad;
    const meanBytes = this.#problem.expertBytes.reduce((sum, bytes) => sum + bytes, 0) / experts || 1;
    this.#settle();
    const calls = Math.max(1, Math.round(proposals / PROPOSALS));
    for (let call = 0; call < calls || (!this.isFeasible && call < PATIENCE * calls + 64); call++) {
      const share = call / calls;
      const penalty = PENALTY * (PENALTY_LAST / PENALTY) ** share;
      for (let gpu = 0; gpu < width; gpu++) penalties[gpu] = (loadPrices[gpu]! + 0.3 * meanPrice) * penalty;
      const bytePenalty = (bytePrice + (0.3 * this.scale) / meanBytes) * penalty;
      this.#anneal(HOT * this.scale * (COLD / HOT) ** share, bytePenalty);
      if (call % 16 === 15) yield;
    }
    // What is left of sums that went up and down is not overload.
    this.#settle();
    if (known[1]! > 0) known[1] = 1;
  }

  /** Works out the bound of the present prices, and keeps them if it is the best. */
  #judge(): void {
    const { prices, bytePrice, capacity } = this.#views;
    const { movedBytesMax, demandOfExpert, tierCosts, moveCosts } = this.#problem;
    let bound = this.#sum(bytePrice[0]!);
    let worth = 0;
    for (let i = 0; i < prices.length; i++) if (prices[i] !== 0) worth += Math.abs(prices[i]! * capacity[i]!);
    for (let i = 0; i < prices.length; i++) if (prices[i] !== 0) bound -= prices[i]! * capacity[i]!;
    if (bytePrice[0]! > 0) bound -= bytePrice[0]! * movedBytesMax;
    // Costs, loads and limits are f32 in the kernels: off by at most one part in 2^24 each.
    let most = worth;
    for (let i = 0; i < moveCosts.length; i++) most += demandOfExpert[i]! * tierCosts[3] + moveCosts[i]!;
    bound -= most * (this.isWhole && !this.#problem.isLoadLimited ? 2 ** -44 : 2 ** -22);
    if (bound > this.#best.bound) this.#best = { bound, prices: prices.slice(), bytePrice: bytePrice[0]! };
  }

  #layOut(): void {
    const { cluster, firsts, sources, demand, from, pins, tierCosts, gpuLoadMax, loads, expertBytes } = this.#problem;
    const { gpus } = cluster;
    const views = this.#views;
    const width = this.#width;
    let next = 0;
    this.#expertOf.forEach((expert, row) => {
      views.firsts[row] = next;
      for (let i = firsts[expert]!; i < firsts[expert + 1]!; i++) {
        views.sources[next] = sources[i]!;
        views.demand[next++] = demand[i]!;
      }
      views.from[row] = from?.[expert]?.[0] ?? NONE;
      views.pins[row] = pins.get(expert)?.[0] ?? NONE;
      views.loads[row] = roundedUp(loads[expert]!);
      views.moveBytes[row] = expertBytes[expert]!;
      views.order[row] = row;
    });
    views.firsts[this.#expertOf.length] = next;
    views.tierCosts.set(tierCosts);
    let slot = 0;
    for (let gpu = 0; gpu < width; gpu++) {
      const slots = gpu < gpus ? cluster.slots[gpu]! : 0;
      views.closed[gpu] = slots === 0 ? 1 : 0;
      views.capacity[gpu] = slots;
      const most = slots === 0 ? 0 : gpuLoadMax[gpu]!;
      // A limit that never binds: as a number, since prices are multiplied with it.
      views.capacity[width + gpu] = most === Number.POSITIVE_INFINITY ? FORBIDDEN : roundedDown(most);
      views.firstSlots[gpu] = slot;
      slot += slots;
    }
    views.firstSlots[width] = slot;
  }
}

type Views = Record<"demand" | "moveCosts" | "sums" | "tierCosts" | "priceSums", Float64Array> &
  Record<"bytePrice" | "gpuLoads" | "known" | "penalties", Float64Array> &
  Record<"costs" | "loads" | "moveBytes" | "prices" | "capacity" | "slotPrices", Float32Array> &
  Record<"firsts" | "sources" | "from" | "pins" | "closed" | "order" | "at" | "holders" | "waiting", Uint32Array> &
  Record<"firstSlots" | "bits", Uint32Array>;

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

export function isWhole({ demand, demandOfExpert, tierCosts, moveCosts }: CompleteProblem): boolean {
  const isSmall = demandOfExpert.every((asked, i) => asked * tierCosts[3] + moveCosts[i]! < 2 ** 24);
  return isSmall && [demand, tierCosts, moveCosts].every((costs) => costs.every(Number.isInteger));
}

function roundedUp(value: number): number {
  const near = Math.fround(value);
  return near >= value ? near : Math.fround(value * (1 + 2 ** -23));
}

function roundedDown(value: number): number {
  const near = Math.fround(value);
  return near <= value ? near : Math.fround(value * (1 - 2 ** -23));
}
