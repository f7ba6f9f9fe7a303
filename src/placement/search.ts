import { NONE } from "../../assembly/layout.ts";
import { BIDS, layOut, PROPOSALS, type SearchMemory } from "./memory.ts";
import type { CompleteProblem } from "./problem.ts";

/** Prices of what is scarce: of a slot and of a unit of load on each GPU, and of a byte that is moved. */
export interface Prices {
  slot: Float64Array;
  load: Float64Array;
  byte: number;
}

/** What no auction takes: 2 to 10 bids an expert are usual. */
const BIDS_EACH = 4096;

/**
 * Step of prices in the first pass, over the slots of a GPU, and how it changes beside 1 over the passes: it grows while prices go
 * on in one direction, as they do where they end far from 0, and shrinks again when they turn. Measured on experts of 8 to 52 a
 * GPU: on all of them the first is the best of 1, 2 and 4, and the second halves what is left of the gap where skew is strong.
 */
const STEP = 2;
const STEP_GROWS = 1.2;
const STEP_SHRINKS = 0.8;
const SAME_WAY = 0.1;

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
  readonly #memory: SearchMemory;
  readonly #views: SearchMemory["views"];
  #passes = 0;
  #stride = 1;
  /** Where the last pass led. */
  #way: Float64Array | undefined;
  #blocks = 0;
  #best: { bound: number; prices: Float32Array; bytePrice: number };

  constructor(problem: CompleteProblem, seed: number) {
    this.#problem = problem;
    this.#memory = layOut(problem, seed);
    const { views, width, expertOf } = this.#memory;
    this.#views = views;
    this.#width = width;
    this.#expertOf = expertOf;
    const { tierCosts, demandOfExpert, moveCosts, experts } = problem;
    const span = tierCosts[3] - tierCosts[0];
    const mean = demandOfExpert.reduce((sum, asked) => sum + asked, 0) / experts;
    const meanMove = moveCosts.reduce((sum, cost) => sum + cost, 0) / experts;
    this.scale = (mean * span) / 3 + meanMove || 1;
    this.isWhole = isWhole(problem);
    this.#memory.fill(0);
    this.#best = { bound: Number.NEGATIVE_INFINITY, prices: views.prices.slice(), bytePrice: 0 };
  }

  /** Says that the search is over: its arrays go to the next one of this size. */
  release(): void {
    this.#memory.release();
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
  get gpusOfExpert(): number[][] {
    const gpus: number[][] = Array(this.#expertOf.length);
    for (let row = 0; row < gpus.length; row++) gpus[this.#expertOf[row]!] = [this.#views.at[row]!];
    return gpus;
  }

  /** Whether no GPU serves more than it may, and no more is moved. */
  get isFeasible(): boolean {
    const [, overload, movedBytes] = this.#views.known;
    return overload! <= 0 && movedBytes! <= this.#problem.movedBytesMax;
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
      const step = ((STEP * this.#stride) / slots / (this.#passes + 1)) * this.scale;
      const loadStep = isLoadLimited ? step / meanLoad ** 2 : 0;
      // As many share the one price of bytes as share all GPUs' slots.
      const isBudgeted = movedBytesMax < Number.POSITIVE_INFINITY && this.#problem.from !== undefined;
      const byteStep = isBudgeted ? (step * slots) / experts / meanBytes ** 2 : 0;
      // The mean is of the last half of passes, where prices are nearest to what they come to.
      if ((this.#passes & (this.#passes - 1)) === 0) {
        priceSums.fill(0);
        this.#blocks = 0;
      }
      const before = prices.slice();
      this.#blocks += this.#memory.ascend(step, loadStep, byteStep);
      this.#stretch(before, meanLoad);
    }
    const now = { prices: prices.slice(), bytePrice: bytePrice[0]! };
    for (let i = 0; i < prices.length; i++) prices[i] = priceSums[i]! / this.#blocks;
    bytePrice[0] = priceSums[prices.length]! / this.#blocks;
    this.#judge();
    prices.set(now.prices);
    bytePrice[0] = now.bytePrice;
  }

  /** Takes longer strides while passes lead one way. */
  #stretch(before: Float32Array, meanLoad: number): void {
    const { prices } = this.#views;
    const way = Float64Array.from(prices, (price, i) => (price - before[i]!) * (i < this.#width ? 1 : meanLoad));
    const [last, dot] = [this.#way, (a: Float64Array, b: Float64Array) => a.reduce((sum, x, i) => sum + x * b[i]!, 0)];
    this.#way = way;
    if (!last) return;
    const isSameWay = dot(way, last) > SAME_WAY * Math.sqrt(dot(way, way) * dot(last, last));
    this.#stride = isSameWay ? this.#stride * STEP_GROWS : Math.max(1, this.#stride * STEP_SHRINKS);
  }

  /**
   * Lets experts bid for slots, at the best prices of load and bytes so far, with raises of `raise` times the scale. Returns
   * whether all have one then: not if time is over.
   */
  bid(raise: number, isOver: () => boolean): boolean {
    const { prices, bytePrice, slotPrices, holders, at, waiting } = this.#views;
    const [nowPrices, nowByte] = [prices.slice(), bytePrice[0]!];
    prices.set(this.#best.prices);
    prices.fill(0, 0, this.#width);
    bytePrice[0] = this.#best.bytePrice;
    if (bytePrice[0] > 0) this.#memory.fill(bytePrice[0]);
    slotPrices.fill(0);
    holders.fill(NONE);
    at.fill(NONE);
    for (let i = 0; i < waiting.length; i++) waiting[i] = waiting.length - 1 - i;
    let count = waiting.length;
    for (let bids = 0; count > 0 && bids < BIDS_EACH * waiting.length && !(isOver() && bids > 0); bids += BIDS)
      count = this.#memory.bid(raise * this.scale, count);
    if (bytePrice[0] > 0) this.#memory.fill(0);
    if (count === 0) this.#judge();
    prices.set(nowPrices);
    bytePrice[0] = nowByte;
    return count === 0;
  }

  /** Anneals the placement with so many proposals, at the best prices so far, until no GPU is overloaded or patience ends. */
  *anneal(proposals: number): Generator<void> {
    const { prices, penalties, known } = this.#views;
    const [nowPrices, { bytePrice }] = [prices.slice(), this.#best];
    prices.set(this.#best.prices);
    if (bytePrice > 0) this.#memory.fill(bytePrice);
    this.#memory.list();
    if (bytePrice > 0) this.#memory.fill(0);
    const width = this.#width;
    const loadPrices = prices.slice(width);
    prices.set(nowPrices);
    const { experts, loads } = this.#problem;
    const meanLoad = loads.reduce((sum, load) => sum + load, 0) / experts || 1;
    const meanPrice = loadPrices.reduce((sum, price) => sum + price, 0) / width + (0.01 * this.scale) / meanLoad;
    const meanBytes = this.#problem.expertBytes.reduce((sum, bytes) => sum + bytes, 0) / experts || 1;
    this.#memory.settle();
    const calls = Math.max(1, Math.round(proposals / PROPOSALS));
    for (let call = 0; call < calls || (!this.isFeasible && call < PATIENCE * calls + 64); call++) {
      const share = call / calls;
      const penalty = PENALTY * (PENALTY_LAST / PENALTY) ** share;
      for (let gpu = 0; gpu < width; gpu++) penalties[gpu] = (loadPrices[gpu]! + 0.3 * meanPrice) * penalty;
      const bytePenalty = (bytePrice + (0.3 * this.scale) / meanBytes) * penalty;
      this.#memory.anneal(HOT * this.scale * (COLD / HOT) ** share, bytePenalty);
      if (call % 16 === 15) yield;
    }
    // What is left of sums that went up and down is not overload.
    this.#memory.settle();
    if (known[1]! > 0) known[1] = 1;
  }

  /** Works out the bound of the present prices, and keeps them if it is the best. */
  #judge(): void {
    const { prices, bytePrice, capacity } = this.#views;
    const { movedBytesMax, demandOfExpert, tierCosts, moveCosts } = this.#problem;
    let bound: number = this.#memory.sum(bytePrice[0]!);
    let worth = 0;
    for (let i = 0; i < prices.length; i++) if (prices[i] !== 0) worth += Math.abs(prices[i]! * capacity[i]!);
    for (let i = 0; i < prices.length; i++) if (prices[i] !== 0) bound -= prices[i]! * capacity[i]!;
    const bytesWorth = bytePrice[0]! > 0 ? bytePrice[0]! * movedBytesMax : 0;
    bound -= bytesWorth;
    // Costs, loads, bytes and limits are f32 in the kernels: off by at most one part in 2^24 each.
    let most = worth + bytesWorth;
    for (let i = 0; i < moveCosts.length; i++) most += demandOfExpert[i]! * tierCosts[3] + moveCosts[i]!;
    const isExact = this.isWhole && !this.#problem.isLoadLimited && bytesWorth === 0;
    bound -= most * (isExact ? 2 ** -44 : 2 ** -22);
    if (bound > this.#best.bound) this.#best = { bound, prices: prices.slice(), bytePrice: bytePrice[0]! };
  }
}

/** Whether all costs of a problem are whole numbers that an f32 holds. */
export function isWhole({ demand, demandOfExpert, tierCosts, moveCosts }: CompleteProblem): boolean {
  const isSmall = demandOfExpert.every((asked, i) => asked * tierCosts[3] + moveCosts[i]! < 2 ** 24);
  return isSmall && [demand, tierCosts, moveCosts].every((costs) => costs.every(Number.isInteger));
}
