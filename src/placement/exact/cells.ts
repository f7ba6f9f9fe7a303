import type { Sack } from "./relaxation.ts";

/** Experts to put on one GPU each; the cost of expert e on GPU g is at e x gpus + g, Infinity where it must not be. */
export interface ExactProblem {
  costs: Float64Array;
  loads: Float64Array;
  /** How many experts a GPU holds at most. */
  slots: ArrayLike<number>;
  /** What the loads on a GPU may sum to; Infinity where nothing bounds it. */
  capacity: ArrayLike<number>;
}

/** Loads may be above capacity by this share: the noise of sums in f64. */
export const FITS = 1 + 1e-9;

/** The cells (expert, GPU) that are still to be considered, and what follows from them. */
export class Cells {
  readonly problem: ExactProblem;
  readonly experts: number;
  readonly gpus: number;
  /** Which cells a plan may use: 1, else 0. Whoever changes it calls `settle`. */
  readonly allowed: Uint8Array;
  /** The GPU of an expert with one cell left, else -1. */
  readonly home: Int32Array;
  /** What each GPU may choose, on top of those at home there. */
  readonly sacks: Sack[];
  readonly homeCount: Int32Array;
  readonly homeCost: Float64Array;

  constructor(problem: ExactProblem) {
    this.problem = problem;
    this.experts = problem.loads.length;
    this.gpus = problem.slots.length;
    this.allowed = Uint8Array.from(problem.costs, (cost) => (cost < Number.POSITIVE_INFINITY ? 1 : 0));
    this.home = new Int32Array(this.experts);
    this.sacks = Array.from({ length: this.gpus }, () => ({
      items: new Int32Array(this.experts),
      count: 0,
      least: 0,
      most: 0,
      capacity: 0,
    }));
    this.homeCount = new Int32Array(this.gpus);
    this.homeCost = new Float64Array(this.gpus);
  }

  /** Works out homes and sacks, and forbids what no longer fits; false where that leaves no plan. */
  settle(): boolean {
    let free = -this.experts;
    for (let g = 0; g < this.gpus; g++) free += this.problem.slots[g]!;
    if (free < 0) return false;
    for (let changed = true; changed; ) {
      changed = false;
      if (!this.#findHomes()) return false;
      for (let g = 0; g < this.gpus; g++) {
        if (!this.#openSack(g, free)) return false;
        if (this.#fillSack(g)) changed = true;
      }
    }
    return this.sacks.every(({ count, least }) => count >= least);
  }

  #findHomes(): boolean {
    for (let e = 0; e < this.experts; e++) {
      let cells = 0;
      for (let g = 0; g < this.gpus; g++) {
        if (!this.allowed[e * this.gpus + g]) continue;
        cells++;
        this.home[e] = g;
      }
      if (cells === 0) return false;
      if (cells > 1) this.home[e] = -1;
    }
    return true;
  }

  /** What those at home on `g` leave; false where they do not fit. `free` slots of all stay empty in every plan. */
  #openSack(g: number, free: number): boolean {
    const { loads, costs, slots, capacity } = this.problem;
    const sack = this.sacks[g]!;
    let count = 0;
    let cost = 0;
    let load = 0;
    for (let e = 0; e < this.experts; e++) {
      if (this.home[e] !== g) continue;
      count++;
      cost += costs[e * this.gpus + g]!;
      load += loads[e]!;
    }
    this.homeCount[g] = count;
    this.homeCost[g] = cost;
    sack.capacity = capacity[g]! * FITS - load;
    sack.most = slots[g]! - count;
    // What the other GPUs cannot hold, this one has to.
    sack.least = Math.max(0, sack.most - free);
    return sack.most >= 0 && sack.capacity >= 0;
  }

  /** Fills the sack of `g` with all that fits; true where a cell had to be forbidden. */
  #fillSack(g: number): boolean {
    const sack = this.sacks[g]!;
    let forbade = false;
    sack.count = 0;
    for (let e = 0; e < this.experts; e++) {
      const cell = e * this.gpus + g;
      if (!this.allowed[cell] || this.home[e]! >= 0) continue;
      if (sack.most > 0 && this.problem.loads[e]! <= sack.capacity) sack.items[sack.count++] = e;
      else {
        this.allowed[cell] = 0;
        forbade = true;
      }
    }
    sack.most = Math.min(sack.most, sack.count);
    return forbade;
  }
}
