import { NONE } from "../../assembly/layout.ts";
import { BIDS, type CopyMemory, layOutCopies } from "./copy-memory.ts";
import { PriceSearch, sumOf } from "./price-search.ts";
import type { CompleteProblem } from "./problem.ts";

/** Choices in all, for each expert, and what raises grow by with each choice of all. */
const BIDS_EACH = 256;
const RAISE_GROWTH = 1.1;

/** Costs are f64 in the kernels: nothing but their sums is rounded. */
const ROUNDING = 2 ** -40;

/** Plans with several copies of an expert. */
export class CopySearch extends PriceSearch {
  readonly #memory: CopyMemory;

  constructor(problem: CompleteProblem, seed: number) {
    const memory = layOutCopies(problem, seed);
    const meanServed = sumOf(problem.loads) / problem.experts / memory.copiesHeld || 1;
    super(problem, memory, { meanServed, rounding: ROUNDING, hasStrides: false });
    this.#memory = memory;
    this.judge();
  }

  get gpusOfExpert(): number[][] {
    const { at, counts } = this.#memory.views;
    const most = this.problem.copiesMax;
    return Array.from(counts, (count, expert) => Array.from(at.subarray(expert * most, expert * most + count)));
  }

  /** Experts take slots at the best prices, which rise where there are too few: see copybids.ts in assembly. */
  bid(raise: number, isOver: () => boolean): boolean {
    const { at, counts, holders, used, turns, waiting, order } = this.#memory.views;
    const { experts } = this.problem;
    const { bytePrice } = this.best;
    at.fill(NONE);
    holders.fill(NONE);
    counts.fill(0);
    used.fill(0);
    turns.fill(0);
    waiting.set(order);
    let count = experts;
    const inCall = Math.min(BIDS, Math.max(64, experts));
    const most = BIDS_EACH * experts + 2 ** 14;
    this.at(this.best, () => {
      for (let bids = 0; count > 0 && bids < most && !(isOver() && bids > 0); bids += inCall)
        count = this.#memory.bid(bytePrice, raise * this.scale * RAISE_GROWTH ** (bids / experts), count);
    });
    if (count !== 0) return false;
    this.#memory.settle();
    return true;
  }
}
