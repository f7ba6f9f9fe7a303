import type { ExactProblem } from "./exact/cells.ts";
import { Search } from "./exact/search.ts";

export type { ExactProblem } from "./exact/cells.ts";

export interface ExactResult {
  status: "optimal" | "time limit" | "infeasible";
  at: Uint32Array | null;
  cost: number;
  bound: number;
  nodes: number;
  evaluations: number;
}

export function solveExactly(
  problem: ExactProblem,
  options: { upper?: { at: Uint32Array; cost: number }; timeLimitMs: number; onProgress?: (p: { bound: number; cost: number; nodes: number }) => void },
): ExactResult {
  const deadline = performance.now() + options.timeLimitMs;
  const search = new Search(problem, options.upper, {
    stopped: () => performance.now() > deadline,
    ...(options.onProgress ? { onProgress: options.onProgress } : {}),
  });
  const ended = search.run();
  const { cost, nodes, evaluations } = search;
  const found = cost < Number.POSITIVE_INFINITY;
  const status = !ended ? "time limit" : found ? "optimal" : "infeasible";
  return { status, at: found ? search.at : null, cost, bound: search.bound, nodes, evaluations };
}
