import { NONE } from "../../assembly/layout.ts";
import { BIDS, layOut, type SearchMemory } from "./memory.ts";
import { PriceSearch, sumOf } from "./price-search.ts";
import type { CompleteProblem } from "./problem.ts";

/** What no auction takes: 2 to 10 bids an expert are usual. */
const BIDS_EACH = 4096;

/** Costs, loads, bytes and limits are f32 in the kernels: off by at most one part in 2^24 each. */
const ROUNDING = 2 ** -22;

/** Placements of one copy an expert. Inside, experts are shuffled, and GPUs go in fours. */
export class Search extends PriceSearch {
  readonly #memory: SearchMemory;

  constructor(problem: CompleteProblem, seed: number) {
    const memory = layOut(problem, seed);
    const meanServed = sumOf(problem.loads) / problem.experts || 1;
    super(problem, memory, { meanServed, rounding: ROUNDING, hasStrides: true });
    this.#memory = memory;
    memory.fill(0);
  }

  /** Says that the search is over: its arrays go to the next one of this size. */
  release(): void {
    this.#memory.release();
  }

  get gpusOfExpert(): number[][] {
    const { views, expertOf } = this.#memory;
    const gpus: number[][] = Array(expertOf.length);
    for (let row = 0; row < gpus.length; row++) gpus[expertOf[row]!] = [views.at[row]!];
    return gpus;
  }

  /** An auction from nothing, at the best prices of load and bytes: see auction.ts in assembly. */
  bid(raise: number, isOver: () => boolean): boolean {
    const { views, width } = this.#memory;
    const { bytePrice } = this.best;
    const prices = this.best.prices.slice().fill(0, 0, width);
    if (bytePrice > 0) this.#memory.fill(bytePrice);
    views.slotPrices.fill(0);
    views.holders.fill(NONE);
    views.at.fill(NONE);
    let count = views.waiting.length;
    for (let i = 0; i < count; i++) views.waiting[i] = count - 1 - i;
    const most = BIDS_EACH * count;
    this.at({ prices, bytePrice }, () => {
      for (let bids = 0; count > 0 && bids < most && !(isOver() && bids > 0); bids += BIDS)
        count = this.#memory.bid(raise * this.scale, count);
      if (bytePrice > 0) this.#memory.fill(0);
      if (count === 0) this.judge();
    });
    return count === 0;
  }
}
