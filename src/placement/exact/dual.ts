import type { Cells } from "./cells.ts";
import { climb, type Limits } from "./climb.ts";
import { Knapsack } from "./knapsack.ts";

/** How many sets of each GPU are remembered: under new prices one of them often starts the next search well. */
const REMEMBERED = 24;

/**
 * Lagrange's relaxation of "each expert on one GPU": expert e is worth u_e on whatever GPU, each GPU chooses what serves it best, and
 *
 *     L(u)  =  sum of u_e  +  sum over GPUs of the min over sets that fit of the set's sum of (cost - u_e)
 *
 * is no more than the cost of any plan, for every u. The greatest L is the optimum of the linear programme over whole sets
 * (Dantzig and Wolfe), above that of the one over cells. It is sought by subgradients with momentum (Camerini, Fratta and
 * Maffioli), with Polyak's steps towards an aim that is lowered when it seems out of reach.
 */
export class Dual {
  readonly cells: Cells;
  /** What the experts are worth where `bound` was reached. */
  readonly worth: Float64Array;
  bound = Number.NEGATIVE_INFINITY;
  /** The cheapest plan met, when each expert was chosen by one GPU. */
  readonly plan: Uint32Array;
  planCost = Number.POSITIVE_INFINITY;
  /** What each GPU's choice came to in the last evaluation, at least. */
  readonly least: Float64Array;
  readonly knapsack: Knapsack;
  /** The prices that the last `choose` was at: cost - u. */
  readonly price: Float64Array;
  readonly #u: Float64Array;
  /** 1 less the number of GPUs that chose the expert. */
  readonly #missing: Float64Array;
  readonly #chosenBy: Uint32Array;
  readonly #memory: Int32Array[][];
  evaluations = 0;

  constructor(cells: Cells, statesMax: number | undefined) {
    const { experts, gpus, problem } = cells;
    this.cells = cells;
    this.knapsack = new Knapsack(problem.loads, statesMax);
    this.worth = new Float64Array(experts);
    this.plan = new Uint32Array(experts);
    this.least = new Float64Array(gpus);
    this.price = new Float64Array(experts);
    this.#u = new Float64Array(experts);
    this.#missing = new Float64Array(experts);
    this.#chosenBy = new Uint32Array(experts);
    this.#memory = Array.from({ length: gpus }, () => []);
  }

  /** Raises the bound from where `worth` is. */
  ascend(limits: Limits): void {
    const evaluate = () => this.#evaluate();
    this.bound = climb({ point: this.#u, slope: this.#missing, evaluate }, this.worth, limits);
  }

  /** The bound at `worth` once more, with `least` as it is there. A search that grew too large the last time may not now. */
  revisit(): number {
    this.#u.set(this.worth);
    return this.#evaluate();
  }

  /** L(u), less what rounding may have added to it. */
  #evaluate(): number {
    const { home, homeCost, experts, gpus } = this.cells;
    this.evaluations++;
    let value = 0;
    let size = 0;
    let slack = 0;
    for (let e = 0; e < experts; e++) {
      this.#missing[e] = home[e]! < 0 ? 1 : 0;
      this.#chosenBy[e] = home[e]!;
      if (home[e]! < 0) value += this.#u[e]!;
      size += Math.abs(this.#u[e]!);
    }
    for (let g = 0; g < gpus; g++) {
      const least = this.choose(g, this.#u);
      if (least === Number.POSITIVE_INFINITY) return least;
      this.least[g] = least;
      value += least + homeCost[g]!;
      slack += this.knapsack.relaxation.slack;
      size += Math.abs(least) + Math.abs(homeCost[g]!);
      const { set, setCount } = this.knapsack;
      for (let i = 0; i < setCount; i++) {
        this.#missing[set[i]!]!--;
        this.#chosenBy[set[i]!] = g;
      }
    }
    if (this.#missing.every((missing) => missing === 0)) this.#notePlan();
    return value - slack - 1e-12 * size;
  }

  #notePlan(): void {
    const { experts, gpus, problem } = this.cells;
    let cost = 0;
    for (let e = 0; e < experts; e++) cost += problem.costs[e * gpus + this.#chosenBy[e]!]!;
    if (cost >= this.planCost) return;
    this.planCost = cost;
    this.plan.set(this.#chosenBy);
  }

  /** What GPU `g` chooses when experts are worth `u`: its sum of prices, the set left in `knapsack`. */
  choose(g: number, u: Float64Array): number {
    const { gpus, problem, sacks, home } = this.cells;
    const { price, knapsack } = this;
    const sack = sacks[g]!;
    for (let i = 0; i < sack.count; i++) {
      const e = sack.items[i]!;
      price[e] = problem.costs[e * gpus + g]! - u[e]!;
    }
    const memory = this.#memory[g]!;
    let known = -1;
    let upper = Number.POSITIVE_INFINITY;
    for (let m = 0; m < memory.length; m++) {
      const value = this.#recall(g, memory[m]!);
      if (value >= upper) continue;
      upper = value;
      known = m;
    }
    const least = knapsack.solve(sack, price, upper);
    if (knapsack.setCount < 0) {
      // What was remembered is as cheap as any; at home is not in the set.
      const set = memory[known];
      knapsack.setCount = 0;
      if (set) for (const e of set) if (home[e]! < 0) knapsack.set[knapsack.setCount++] = e;
    } else {
      const set = knapsack.set.slice(0, knapsack.setCount + this.cells.homeCount[g]!);
      let size = knapsack.setCount;
      for (let e = 0; size < set.length; e++) if (home[e] === g) set[size++] = e;
      memory.push(set);
      if (memory.length > REMEMBERED) memory.shift();
    }
    return least;
  }

  /** The sum of prices of a remembered set, Infinity where the cells no longer allow it. */
  #recall(g: number, set: Int32Array): number {
    const { gpus, home, homeCount, allowed } = this.cells;
    let atHome = 0;
    let value = 0;
    for (const e of set) {
      if (!allowed[e * gpus + g]) return Number.POSITIVE_INFINITY;
      if (home[e] === g) atHome++;
      else value += this.price[e]!;
    }
    return atHome === homeCount[g] ? value : Number.POSITIVE_INFINITY;
  }
}
