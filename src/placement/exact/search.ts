import { Cells, type ExactProblem } from "./cells.ts";
import { Dual } from "./dual.ts";
import { forbidOthers, probe } from "./probe.ts";
import { tolerance } from "./relaxation.ts";
import { startWorth } from "./start.ts";

/** Evaluations of the bound at the root, and below it, where it starts close to its best. */
const ROOT_EVALUATIONS = 2000;
const NODE_EVALUATIONS = 60;
/** A node is probed again when this share of its open cells was forbidden. */
const WORTHWHILE = 0.05;
/** The first guess, as a share of the bound, at how far above it the optimum is; and by how much a wrong one grows. */
const FIRST_GUESS = 0.002;
const GUESS_GROWTH = 4;

/** How far a search is: the optimum is from `bound` to `cost`. */
export interface ExactProgress {
  bound: number;
  cost: number;
  nodes: number;
}

interface SearchHooks {
  stopped: () => boolean;
  statesMax: number | undefined;
  onProgress?: (progress: ExactProgress) => void;
}

/** Branch and bound, depth first, over the GPUs of one expert at a time, each node bounded by `Dual` and thinned out by `probe`. */
export class Search {
  /** The cheapest plan known, Infinity and nothing where there is none. */
  cost: number;
  at: Uint32Array;
  nodes = 0;
  readonly #dual: Dual;
  readonly #cells: Cells;
  readonly #whole: boolean;
  readonly #ceiling: number;
  readonly #hooks: SearchHooks;
  /** What no plan of an open branch is below, for each branch on the way down from the root. */
  readonly #open: number[] = [];
  #goal: number;
  #rootBound: number;
  #using: Float64Array;

  constructor(problem: ExactProblem, upper: { at: Uint32Array; cost: number } | undefined, hooks: SearchHooks) {
    const cells = new Cells(problem);
    this.#cells = cells;
    this.#dual = new Dual(cells, hooks.statesMax);
    this.#hooks = hooks;
    this.#whole = problem.costs.every((cost) => Number.isInteger(cost) || cost === Number.POSITIVE_INFINITY);
    this.#using = new Float64Array(problem.costs.length);
    this.cost = upper?.cost ?? Number.POSITIVE_INFINITY;
    this.at = upper?.at.slice() ?? new Uint32Array(cells.experts);
    const { least, most } = extremes(problem, this.#dual.worth);
    this.#rootBound = least;
    this.#ceiling = most;
    this.#goal = this.#below(Math.min(this.cost, most + 1));
  }

  /** No plan costs less. */
  get bound(): number {
    // Closed branches hold nothing up to the goal, which only falls.
    const bound = this.#open.length > 0 ? Math.min(this.#goal, ...this.#open) : this.#rootBound;
    return this.#rounded(Math.max(this.#rootBound, bound));
  }

  /** The bound of the root alone. */
  root(evaluations = ROOT_EVALUATIONS): void {
    if (!this.#cells.settle()) this.#rootBound = Number.POSITIVE_INFINITY;
    else {
      startWorth(this.#cells, { goal: this.#goal, evaluations, stopped: this.#hooks.stopped }, this.#dual.worth);
      this.#ascend(evaluations, (bound) => {
        this.#rootBound = Math.max(this.#rootBound, bound);
      });
    }
  }

  get evaluations(): number {
    return this.#dual.evaluations;
  }

  /** Runs to the end, or until it is told to stop: then it returns false. */
  run(): boolean {
    this.root();
    if (this.#dual.bound > this.#goal || this.#rootBound > this.#goal) return this.#finish();
    const rootCells = this.#cells.allowed.slice();
    const rootWorth = this.#dual.worth.slice();
    const guessing = this.cost === Number.POSITIVE_INFINITY;
    let guess = FIRST_GUESS * Math.abs(this.#rootBound) + 1;
    for (;;) {
      if (guessing) this.#goal = Math.min(this.#goal, this.#rootBound + guess);
      this.#cells.allowed.set(rootCells);
      this.#dual.worth.set(rootWorth);
      if (!this.#explore(this.#rootBound)) return false;
      // A plan met on the way may lie above the guess: then what lies between is still to be searched.
      const needed = this.#below(Math.min(this.cost, this.#ceiling + 1));
      if (this.#goal >= needed) return this.#finish();
      this.#rootBound = Math.max(this.#rootBound, this.#goal);
      guess *= GUESS_GROWTH;
      this.#goal = needed;
    }
  }

  #finish(): boolean {
    this.#rootBound = this.cost;
    return true;
  }

  /** Explores the plans that the cells allow, of which none is below `bound`; false when stopped. */
  #explore(bound: number): boolean {
    const depth = this.#open.length;
    const cells = this.#cells;
    this.nodes++;
    this.#open.push(bound);
    for (;;) {
      if (!cells.settle()) return this.#close(depth);
      this.#ascend(depth === 0 ? ROOT_EVALUATIONS : NODE_EVALUATIONS, (reached) => {
        this.#open[depth] = Math.max(this.#open[depth]!, reached);
      });
      if (this.#dual.bound > this.#goal) return this.#close(depth);
      if (this.#hooks.stopped()) return false;
      const left = cells.allowed.reduce((sum, cell) => sum + cell, 0);
      const forbade = probe(this.#dual, this.#goal, this.#using, this.#hooks.stopped);
      if (this.#hooks.stopped()) return false;
      if (forbade <= WORTHWHILE * left) break;
    }
    if (!cells.settle()) return this.#close(depth);
    this.#report();
    const e = this.#choose();
    if (e >= 0) return this.#branch(e, depth);
    // All are at home: what is left is one plan.
    this.#ascend(1, () => {});
    return this.#close(depth);
  }

  #branch(e: number, depth: number): boolean {
    const { allowed, gpus } = this.#cells;
    const { worth } = this.#dual;
    const cellsHere = allowed.slice();
    const worthHere = worth.slice();
    const using = this.#using.slice(e * gpus, (e + 1) * gpus);
    const order = [...using.keys()].filter((g) => allowed[e * gpus + g]).sort((a, b) => using[a]! - using[b]!);
    const here = this.#open[depth]!;
    for (const g of order) {
      const bound = using[g]! - tolerance(using[g]!);
      if (bound > this.#goal) break;
      this.#open[depth] = Math.max(here, bound);
      allowed.set(cellsHere);
      worth.set(worthHere);
      forbidOthers(this.#cells, e, g);
      if (!this.#explore(this.#open[depth]!)) return false;
    }
    return this.#close(depth);
  }

  #close(depth: number): boolean {
    this.#open.length = depth;
    return true;
  }

  #ascend(evaluations: number, note: (bound: number) => void): void {
    const dual = this.#dual;
    dual.ascend({ goal: this.#goal, evaluations, stopped: this.#hooks.stopped });
    note(dual.bound);
    if (dual.planCost >= this.cost) return;
    this.cost = dual.planCost;
    this.at.set(dual.plan);
    this.#goal = Math.min(this.#goal, this.#below(this.cost));
  }

  /** The expert whose branches promise to be smallest; -1 where all are at home. */
  #choose(): number {
    const { experts, gpus, allowed, home } = this.#cells;
    const bound = this.#dual.bound;
    const gap = this.#goal - bound + tolerance(bound);
    let best = -1;
    let bestSize = Number.POSITIVE_INFINITY;
    for (let e = 0; e < experts; e++) {
      if (home[e]! >= 0) continue;
      let size = 0;
      for (let g = 0; g < gpus; g++) {
        if (allowed[e * gpus + g]) size += Math.exp((-4 * Math.max(0, this.#using[e * gpus + g]! - bound)) / gap);
      }
      if (size >= bestSize) continue;
      bestSize = size;
      best = e;
    }
    return best;
  }

  #report(): void {
    this.#hooks.onProgress?.({ bound: this.bound, cost: this.cost, nodes: this.nodes });
  }

  /** What a plan better than one of `cost` costs at most. */
  #below(cost: number): number {
    return this.#whole ? cost - 1 : cost - tolerance(cost);
  }

  #rounded(bound: number): number {
    // Adding 0 makes a 0 of -0.
    return this.#whole ? Math.ceil(bound) + 0 : bound;
  }
}

/** The least and the most that any plan can cost; fills `worth` with a first guess of what the experts are worth. */
function extremes(problem: ExactProblem, worth: Float64Array): { least: number; most: number } {
  const { costs, loads } = problem;
  const gpus = problem.slots.length;
  let least = 0;
  let most = 0;
  for (let e = 0; e < loads.length; e++) {
    const row = costs.subarray(e * gpus, (e + 1) * gpus).filter((cost) => cost < Number.POSITIVE_INFINITY);
    worth[e] = row.reduce((low, cost) => Math.min(low, cost), Number.POSITIVE_INFINITY);
    least += worth[e]!;
    most += row.reduce((high, cost) => Math.max(high, cost), 0);
    if (row.length === 0) worth[e] = 0;
  }
  const spread = (most - least) / loads.length / gpus;
  const total = loads.reduce((sum, load) => sum + load, 0);
  for (let e = 0; e < loads.length; e++) worth[e]! += (spread * loads[e]! * loads.length) / (total || 1);
  return { least, most };
}
