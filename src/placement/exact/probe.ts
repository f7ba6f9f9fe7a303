import type { Cells } from "./cells.ts";
import type { Dual } from "./dual.ts";
import { type Sack, tolerance } from "./relaxation.ts";

/**
 * Forbids every cell that no plan up to `goal` uses, given the bound at `dual.worth`: a GPU's next best set, with the expert or
 * without it, has to fit between the bound and the goal. First by reduced prices, then, where those leave it open, by another
 * search. Fills `using` with a bound on the plans that use a cell. Returns how many cells it forbade. When stopped it leaves off, with `using` not filled.
 */
export function probe(dual: Dual, goal: number, using: Float64Array, stopped: () => boolean): number {
  const { cells, knapsack } = dual;
  const { gpus, problem, allowed } = cells;
  const without: Sack = { items: new Int32Array(cells.experts), count: 0, least: 0, most: 0, capacity: 0 };
  const keep = goal + tolerance(goal);
  const bound = dual.revisit();
  let forbade = 0;
  for (let g = 0; g < gpus; g++) {
    const sack = cells.sacks[g]!;
    const least = dual.choose(g, dual.worth);
    // What all but this GPU's choice comes to.
    const rest = bound - dual.least[g]!;
    const relaxed = knapsack.relaxation.relaxed;
    const reduced = knapsack.relaxation.reduced.slice();
    for (let i = 0; i < sack.count; i++) {
      const e = sack.items[i]!;
      const cell = e * gpus + g;
      if (!allowed[cell]) continue;
      if (stopped()) return forbade;
      const price = dual.price[e]!;
      without.count = 0;
      for (let j = 0; j < sack.count; j++) if (j !== i) without.items[without.count++] = sack.items[j]!;
      using[cell] = rest + Math.max(least, relaxed + Math.max(0, reduced[e]!));
      if (using[cell]! <= keep) {
        without.least = Math.max(0, sack.least - 1);
        without.most = sack.most - 1;
        without.capacity = sack.capacity - problem.loads[e]!;
        const upper = keep - rest - price + tolerance(keep);
        using[cell] = rest + price + knapsack.solve(without, dual.price, upper) - knapsack.relaxation.slack;
      }
      if (using[cell]! > keep) {
        allowed[cell] = 0;
        forbade++;
        continue;
      }
      let avoiding = rest + Math.max(least, relaxed - Math.min(0, reduced[e]!));
      if (avoiding <= keep) {
        without.least = sack.least;
        without.most = sack.most;
        without.capacity = sack.capacity;
        avoiding =
          rest + knapsack.solve(without, dual.price, keep - rest + tolerance(keep)) - knapsack.relaxation.slack;
      }
      if (avoiding > keep) forbade += forbidOthers(cells, e, g);
    }
  }
  return forbade;
}

/** Leaves expert `e` no GPU but `home`. */
export function forbidOthers({ allowed, gpus }: Cells, e: number, home: number): number {
  let forbade = 0;
  for (let g = 0; g < gpus; g++) {
    if (g === home || !allowed[e * gpus + g]) continue;
    allowed[e * gpus + g] = 0;
    forbade++;
  }
  return forbade;
}
