import { tierOf } from "./cluster.ts";
import type { CompleteProblem } from "./problem.ts";

/** What an expert with one copy costs on a GPU: its ways, and its move if it comes from elsewhere; Infinity where it must not be. */
export function costOf(problem: CompleteProblem, expert: number, gpu: number): number {
  const { cluster, firsts, sources, demand, tierCosts, radius, pins, from, moveCosts } = problem;
  if (cluster.slots[gpu] === 0) return Number.POSITIVE_INFINITY;
  const pinned = pins.get(expert);
  if (pinned && !pinned.includes(gpu)) return Number.POSITIVE_INFINITY;
  let cost = !from || from[expert]!.length === 0 || from[expert]!.includes(gpu) ? 0 : moveCosts[expert]!;
  for (let i = firsts[expert]!; i < firsts[expert + 1]!; i++) {
    const tier = tierOf(cluster, sources[i]!, gpu);
    if (tier > radius) return Number.POSITIVE_INFINITY;
    cost += demand[i]! * tierCosts[tier];
  }
  return cost;
}

/** All costs, a row an expert. */
export function costRows(problem: CompleteProblem): Float64Array {
  const { gpus } = problem.cluster;
  return Float64Array.from({ length: problem.experts * gpus }, (_, i) =>
    costOf(problem, Math.floor(i / gpus), i % gpus),
  );
}
