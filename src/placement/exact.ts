import { checkAtLeast, checkBetween, checkLength, checkWhole } from "../check.ts";
import type { ExactProblem } from "./exact/cells.ts";
import { type ExactProgress, Search } from "./exact/search.ts";

export type { ExactProblem } from "./exact/cells.ts";
export type { ExactProgress } from "./exact/search.ts";

/** A plan that fits: the GPU of each expert, and what that costs. */
export interface ExactPlan {
  at: Uint32Array;
  cost: number;
}

export interface ExactOptions {
  /** A plan to better: the closer it is to the best, the less there is to search. It is believed to fit. */
  upper?: ExactPlan;
  timeLimitMs: number;
  onProgress?: (progress: ExactProgress) => void;
  /** So many states, 2^20 unless given, a GPU's choice may need before a weaker bound on it has to do (40 bytes each). */
  statesMax?: number;
  /** Milliseconds since some moment; `performance.now` unless given. */
  clock?: () => number;
}

/** What the search found. The cost is Infinity and `at` null where there is no plan, or none was found in time. */
export interface ExactResult {
  status: "optimal" | "time limit" | "infeasible";
  at: Uint32Array | null;
  cost: number;
  /** No plan costs less, whatever the status. */
  bound: number;
  /** Branches looked into; 0 where the bound alone was the proof. */
  nodes: number;
  /** How often the bound was computed. */
  evaluations: number;
}

/** A bound from below on the cost of every plan, Infinity where it turns out that there is none. */
export interface KnapsackBound {
  bound: number;
  evaluations: number;
}

/**
 * The cheapest plan, proved so (to one part in 10^9 where costs are not all whole). Meant for up to 100 experts on 16 GPUs; the
 * bound holds, whenever the time limit ends it, for any number.
 */
export function solveExactly(problem: ExactProblem, options: ExactOptions): ExactResult {
  const { upper, timeLimitMs, onProgress, statesMax, clock = () => performance.now() } = options;
  checkProblem(problem, upper);
  checkAtLeast("timeLimitMs", timeLimitMs, 0);
  if (statesMax !== undefined) checkWhole("statesMax", statesMax, 1, 2 ** 26);
  const end = clock() + timeLimitMs;
  const search = new Search(problem, upper, {
    stopped: () => clock() > end,
    statesMax,
    ...(onProgress ? { onProgress } : {}),
  });
  const ended = search.run();
  const { cost, bound, nodes, evaluations } = search;
  const found = cost < Number.POSITIVE_INFINITY;
  const status = !ended ? "time limit" : found ? "optimal" : "infeasible";
  return { status, at: found ? search.at : null, cost, bound, nodes, evaluations };
}

/** The bound of `solveExactly` before it branches: tighter than that of the linear programme over cells, and for larger problems. */
export function knapsackBound(
  problem: ExactProblem,
  options: Partial<Pick<ExactOptions, "upper" | "timeLimitMs" | "statesMax" | "clock">> & { evaluations?: number } = {},
): KnapsackBound {
  const { upper, timeLimitMs = Number.MAX_VALUE, evaluations, statesMax, clock = () => performance.now() } = options;
  checkProblem(problem, upper);
  checkAtLeast("timeLimitMs", timeLimitMs, 0);
  if (statesMax !== undefined) checkWhole("statesMax", statesMax, 1, 2 ** 26);
  if (evaluations !== undefined) checkWhole("evaluations", evaluations, 1, 1e6);
  const end = clock() + timeLimitMs;
  const search = new Search(problem, upper, { stopped: () => clock() > end, statesMax });
  search.root(evaluations);
  return { bound: search.bound, evaluations: search.evaluations };
}

function checkProblem({ costs, loads, slots, capacity }: ExactProblem, upper: ExactPlan | undefined): void {
  const experts = loads.length;
  const gpus = slots.length;
  checkWhole("the number of GPUs", gpus, 1, 2 ** 16);
  checkLength("costs", costs, experts * gpus);
  checkLength("capacity", capacity, gpus);
  for (let g = 0; g < gpus; g++) {
    checkWhole(`slots[${g}]`, slots[g]!, 0, 2 ** 31 - 1);
    if (capacity[g] !== Number.POSITIVE_INFINITY) checkAtLeast(`capacity[${g}]`, capacity[g]!, 0);
  }
  for (let e = 0; e < experts; e++) checkAtLeast(`loads[${e}]`, loads[e]!, 0);
  for (let cell = 0; cell < costs.length; cell++) {
    if (costs[cell] !== Number.POSITIVE_INFINITY) checkBetween(`costs[${cell}]`, costs[cell]!, -COST_MAX, COST_MAX);
  }
  if (!upper) return;
  checkLength("upper.at", upper.at, experts);
  for (let e = 0; e < experts; e++) checkWhole(`upper.at[${e}]`, upper.at[e]!, 0, gpus - 1);
}

/** So that sums of costs keep nine digits behind them, or are whole to the last. */
const COST_MAX = 2 ** 40;
