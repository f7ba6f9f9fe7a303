import { KNOWN_MOVED_BYTES, KNOWN_OVERLOAD } from "../../assembly/layout.ts";
import type { CompleteProblem } from "./problem.ts";

/** Prices of what is scarce: of a slot and of a unit of load on each GPU, and of a byte that is moved. */
export interface Prices {
  slot: Float64Array;
  load: Float64Array;
  byte: number;
}

type Numbers = Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;

/** The kernels' arrays for one problem, whatever else there is in them, and its kernels, each bound to them. */
export interface PricedMemory {
  views: {
    /** Of slots of each GPU, then of load; so is what there is of both. */
    prices: Numbers;
    capacity: Numbers;
    /** Prices summed over blocks of a pass, and that of bytes. */
    priceSums: Float64Array;
    bytePrice: Float64Array;
    penalties: Float64Array;
    /** Cost, overload and bytes moved of the plan at hand. */
    known: Float64Array;
  };
  /** A pass of prices over all experts; returns its blocks. */
  ascend(step: number, loadStep: number, byteStep: number): number;
  /** What all experts cost at the present prices, each where that is least. */
  sum(bytePrice: number): number;
  /** Lists where each expert is best off at the present prices. */
  list(bytePrice: number): void;
  /** Works out anew what is known of the plan at hand. */
  settle(): void;
  /** Makes PROPOSALS proposals. */
  anneal(temperature: number, bytePenalty: number): void;
}

/** How searches differ. */
export interface SearchTraits {
  /** Load that a copy serves, on average: what prices of load are for. */
  meanServed: number;
  /** What rounding may add to a bound, over all that is summed, where costs are not exact. */
  rounding: number;
  /** Whether strides grow while prices go on one way. */
  hasStrides: boolean;
}

/** Proposals that one call of an annealing kernel makes. */
export const PROPOSALS = 4096;

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
/** How much longer penalties may go on rising until no GPU is overloaded: so many times as long, and so many calls. */
const PATIENCE = 1.5;
const PATIENCE_CALLS = 64;

/** Prices that ascend, the bound that they prove, and plans annealed from them: what is the same for one copy and for several. */
export abstract class PriceSearch {
  /** What an expert pays for a tier more, on average: the scale of prices. */
  readonly scale: number;
  /** Whether all costs are whole numbers that an f32 holds, so that bounds may be rounded up. */
  readonly isWhole: boolean;
  protected readonly problem: CompleteProblem;
  protected best: { bound: number; prices: Numbers; bytePrice: number };
  readonly #memory: PricedMemory;
  readonly #traits: SearchTraits;
  #passes = 0;
  #stride = 1;
  /** Where the last pass led. */
  #way: Float64Array | undefined;
  #blocks = 0;

  constructor(problem: CompleteProblem, memory: PricedMemory, traits: SearchTraits) {
    this.problem = problem;
    this.#memory = memory;
    this.#traits = traits;
    this.scale = scaleOf(problem);
    this.isWhole = isWhole(problem);
    this.best = { bound: Number.NEGATIVE_INFINITY, prices: memory.views.prices.slice(), bytePrice: 0 };
  }

  /** GPUs of experts as the search has them now. */
  abstract get gpusOfExpert(): number[][];

  /** Gives all experts slots at the best prices so far, with raises of `raise` times the scale; whether all have one: not if time is over. */
  abstract bid(raise: number, isOver: () => boolean): boolean;

  /** The best bound so far: no plan costs less. */
  get bound(): number {
    return this.best.bound;
  }

  /** The prices that give it. */
  get prices(): Prices {
    const { prices, bytePrice } = this.best;
    const { gpus } = this.problem.cluster;
    const half = prices.length / 2;
    const of = (first: number) => Float64Array.from(prices.subarray(first, first + gpus));
    return { slot: of(0), load: of(half), byte: bytePrice };
  }

  /** Whether no GPU serves more than it may, and no more is moved. */
  get isFeasible(): boolean {
    const { known } = this.#memory.views;
    return known[KNOWN_OVERLOAD]! <= 0 && known[KNOWN_MOVED_BYTES]! <= this.problem.movedBytesMax;
  }

  /** Goes over all experts so many times, and takes the prices for the best if their bound is; see prices.ts in assembly. */
  ascend(passes: number, isOver: () => boolean): void {
    const { prices, priceSums, capacity } = this.#memory.views;
    const { cluster, experts, isLoadLimited, movedBytesMax, expertBytes, from } = this.problem;
    const slots = sumOf(capacity.subarray(0, capacity.length / 2)) / cluster.gpus;
    const meanBytes = sumOf(expertBytes) / experts || 1;
    for (const until = this.#passes + passes; this.#passes < until && !(isOver() && this.#passes > 0); this.#passes++) {
      const step = ((STEP * this.#stride) / slots / (this.#passes + 1)) * this.scale;
      const loadStep = isLoadLimited ? step / this.#traits.meanServed ** 2 : 0;
      // As many share the one price of bytes as share all GPUs' slots.
      const isBudgeted = movedBytesMax < Number.POSITIVE_INFINITY && from !== undefined;
      const byteStep = isBudgeted ? (step * slots) / experts / meanBytes ** 2 : 0;
      // The mean is of the last half of passes, where prices are nearest to what they come to.
      if ((this.#passes & (this.#passes - 1)) === 0) {
        priceSums.fill(0);
        this.#blocks = 0;
      }
      const before = this.#traits.hasStrides ? prices.slice() : undefined;
      this.#blocks += this.#memory.ascend(step, loadStep, byteStep);
      if (before) this.#stretch(before);
    }
    this.at(
      { prices: priceSums.map((sum) => sum / this.#blocks), bytePrice: priceSums[prices.length]! / this.#blocks },
      () => this.judge(),
    );
  }

  /** Takes longer strides while passes lead one way. */
  #stretch(before: Numbers): void {
    const { prices } = this.#memory.views;
    const { meanServed } = this.#traits;
    const way = Float64Array.from(
      prices,
      (price, i) => (price - before[i]!) * (i < prices.length / 2 ? 1 : meanServed),
    );
    const [last, dot] = [this.#way, (a: Float64Array, b: Float64Array) => a.reduce((sum, x, i) => sum + x * b[i]!, 0)];
    this.#way = way;
    if (!last) return;
    const isSameWay = dot(way, last) > SAME_WAY * Math.sqrt(dot(way, way) * dot(last, last));
    this.#stride = isSameWay ? this.#stride * STEP_GROWS : Math.max(1, this.#stride * STEP_SHRINKS);
  }

  /** Anneals the plan at hand with so many proposals, at the best prices so far, until it keeps the rules or patience ends. */
  *anneal(proposals: number): Generator<void> {
    const { penalties, known } = this.#memory.views;
    const { experts, expertBytes } = this.problem;
    const { prices, bytePrice } = this.best;
    this.at(this.best, () => this.#memory.list(bytePrice));
    const loadPrices = prices.slice(prices.length / 2);
    const meanPrice = sumOf(loadPrices) / loadPrices.length + (0.01 * this.scale) / this.#traits.meanServed;
    const meanBytes = sumOf(expertBytes) / experts || 1;
    this.#memory.settle();
    const calls = Math.max(1, Math.round(proposals / PROPOSALS));
    for (let call = 0; call < calls || (!this.isFeasible && call < PATIENCE * calls + PATIENCE_CALLS); call++) {
      const share = call / calls;
      const penalty = PENALTY * (PENALTY_LAST / PENALTY) ** share;
      for (let gpu = 0; gpu < penalties.length; gpu++) penalties[gpu] = (loadPrices[gpu]! + 0.3 * meanPrice) * penalty;
      const bytePenalty = (bytePrice + (0.3 * this.scale) / meanBytes) * penalty;
      this.#memory.anneal(HOT * this.scale * (COLD / HOT) ** share, bytePenalty);
      // Sums that went up and down are off by their last bits, which is not overload.
      if (call >= calls - 1) this.#memory.settle();
      if (call % 16 === 15) yield;
    }
    this.#memory.settle();
    if (known[KNOWN_OVERLOAD]! > 0) known[KNOWN_OVERLOAD] = 1;
  }

  /** Has `work` done at other prices, and comes back to the present ones. */
  protected at(
    { prices: those, bytePrice: that }: { prices: ArrayLike<number>; bytePrice: number },
    work: () => void,
  ): void {
    const { prices, bytePrice } = this.#memory.views;
    const [now, nowByte] = [prices.slice(), bytePrice[0]!];
    for (let i = 0; i < prices.length; i++) prices[i] = those[i]!;
    bytePrice[0] = that;
    work();
    prices.set(now);
    bytePrice[0] = nowByte;
  }

  /** Works out the bound of the present prices, and keeps them if it is the best. */
  protected judge(): void {
    const { prices, bytePrice, capacity } = this.#memory.views;
    const { movedBytesMax, demandOfExpert, tierCosts, moveCosts, copiesMax, isLoadLimited } = this.problem;
    const bytesWorth = bytePrice[0]! > 0 ? bytePrice[0]! * movedBytesMax : 0;
    let bound = this.#memory.sum(bytePrice[0]!) - bytesWorth;
    let most = bytesWorth;
    for (let i = 0; i < prices.length; i++) {
      if (prices[i] === 0) continue;
      const worth = prices[i]! * capacity[i]!;
      bound -= worth;
      most += Math.abs(worth);
    }
    for (let i = 0; i < moveCosts.length; i++) most += demandOfExpert[i]! * tierCosts[3] + copiesMax * moveCosts[i]!;
    const isExact = this.isWhole && !isLoadLimited && bytesWorth === 0;
    bound -= most * (isExact ? EXACT : this.#traits.rounding);
    if (bound > this.best.bound) this.best = { bound, prices: prices.slice(), bytePrice: bytePrice[0]! };
  }
}

/** What rounding may add to sums of up to 2^24 terms of f64, over what is summed. */
const EXACT = 2 ** -40;

function scaleOf({ tierCosts, demandOfExpert, moveCosts, experts, from }: CompleteProblem): number {
  const span = tierCosts[3] - tierCosts[0];
  const meanMove = from ? sumOf(moveCosts) / experts : 0;
  return ((sumOf(demandOfExpert) / experts) * span) / 3 + meanMove || 1;
}

function isWhole({ demand, demandOfExpert, tierCosts, moveCosts }: CompleteProblem): boolean {
  const isSmall = demandOfExpert.every((asked, i) => asked * tierCosts[3] + moveCosts[i]! < 2 ** 24);
  return isSmall && [demand, tierCosts, moveCosts].every((costs) => costs.every(Number.isInteger));
}

/** The sum of numbers. */
export function sumOf(values: Numbers | Float64Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}
