import type { Cells } from "./cells.ts";
import { climb, type Limits } from "./climb.ts";

/** Evaluations of the relaxed bound: each is far cheaper than one over sets, and there are only two prices to a GPU. */
const EVALUATIONS = 600;

/**
 * Fills `worth` with what experts are worth in the linear programme over cells, about: each goes where its cost plus the GPU's price of a place
 * plus its load at the GPU's price of load is least, and prices rise where more go than fit. A good point to climb on from over sets.
 */
export function startWorth({ problem, experts, gpus, allowed }: Cells, limits: Limits, worth: Float64Array): void {
  const { costs, loads, slots, capacity } = problem;
  // Loads in units of the mean, so that both kinds of prices move alike.
  const unit = loads.reduce((sum, load) => sum + load, 0) / experts || 1;
  const point = new Float64Array(2 * gpus);
  const slope = new Float64Array(2 * gpus);
  const evaluate = (): number => {
    let value = 0;
    for (let g = 0; g < gpus; g++) {
      point[g] = Math.max(0, point[g]!);
      point[gpus + g] = capacity[g] === Number.POSITIVE_INFINITY ? 0 : Math.max(0, point[gpus + g]!);
      slope[g] = -slots[g]!;
      slope[gpus + g] = capacity[g] === Number.POSITIVE_INFINITY ? 0 : -capacity[g]! / unit;
      value += slope[g]! * point[g]! + slope[gpus + g]! * point[gpus + g]!;
    }
    for (let e = 0; e < experts; e++) {
      const load = loads[e]! / unit;
      let least = Number.POSITIVE_INFINITY;
      let home = 0;
      for (let g = 0; g < gpus; g++) {
        if (!allowed[e * gpus + g]) continue;
        const price = costs[e * gpus + g]! + point[g]! + load * point[gpus + g]!;
        if (price >= least) continue;
        least = price;
        home = g;
      }
      worth[e] = least;
      value += least;
      slope[home]!++;
      if (capacity[home] !== Number.POSITIVE_INFINITY) slope[gpus + home]! += load;
    }
    return value;
  };
  const best = new Float64Array(2 * gpus);
  climb({ point, slope, evaluate }, best, { ...limits, evaluations: EVALUATIONS });
  point.set(best);
  evaluate();
}
