import fc from "fast-check";
import { expect, test } from "vitest";
import { type BalancePlan, type BalanceProblem, placeForBalance, verifyBalance } from "../../src/index.ts";
import { bestOf, evenBusiest, planOf, splitBusiest } from "../reference/balance.ts";
import { shareOf } from "../share.ts";

function verified(problem: BalanceProblem, limits = {}): BalancePlan {
  const plan = planOf(placeForBalance(problem, limits));
  expect(verifyBalance(problem, plan).violations).toEqual([]);
  return plan;
}

const matrix = (layers: number, experts: number) =>
  fc.array(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: experts, maxLength: experts }), {
    minLength: layers,
    maxLength: layers,
  });

/** How often the best of all plans is found; the bound must never be above it, nor a plan below. */
function shareFound(runs: [found: number, best: number, bound: number][]): number {
  for (const [found, best, bound] of runs) {
    expect(bound).toBeLessThanOrEqual(best * (1 + 1e-9));
    expect(found).toBeGreaterThanOrEqual(best * (1 - 1e-9));
  }
  return runs.filter(([found, best]) => found <= best * (1 + 1e-7)).length / runs.length;
}

const overMean = (busiest: number, loads: readonly number[], gpus: number) =>
  busiest / (loads.reduce((a, b) => a + b, 0) / gpus);

test("scenarios: the worst, or the mean, of all plans is least", () => {
  for (const over of ["worst", "mean"] as const) {
    const runs: [number, number, number][] = [];
    fc.assert(
      fc.property(matrix(2, 4), ([first, second]) => {
        const scenarios = [{ loads: [first!] }, { loads: [second!], weight: 3 }];
        const plan = verified({ scenarios, over, gpus: 3, slots: 6 }, { gap: 0, iterations: 200 });
        const best = bestOf(4, plan.gpuOfSlot, (held) => {
          const each = [first!, second!].map((row) => overMean(evenBusiest(held, row, plan.gpuOfSlot, 3), row, 3));
          return over === "worst" ? Math.max(...each) : each[0]! / 4 + (each[1]! * 3) / 4;
        });
        runs.push([plan.imbalance[0]!, best, plan.lowerBound[0]!]);
      }),
      { seed: 3, numRuns: shareOf(25) },
    );
    expect(shareFound(runs)).toBeGreaterThanOrEqual(0.8);
  }
});

test("weighted shares: never busier than even ones, nor below the best of all plans", () => {
  const runs: [number, number, number][] = [];
  fc.assert(
    fc.property(matrix(1, 4), (loads) => {
      const problem: BalanceProblem = { loads, gpus: 3, slots: 6 };
      const even = verified(problem, { gap: 0 });
      const plan = verified({ ...problem, split: "weighted" }, { gap: 0 });
      expect(plan.imbalance[0]).toBeLessThanOrEqual(even.imbalance[0]! * (1 + 1e-9));
      const best = bestOf(4, plan.gpuOfSlot, (held) => splitBusiest(held, loads[0]!, plan.gpuOfSlot, 3));
      runs.push([plan.imbalance[0]!, overMean(best, loads[0]!, 3), plan.lowerBound[0]!]);
    }),
    { seed: 4, numRuns: shareOf(40) },
  );
  expect(shareFound(runs)).toBeGreaterThanOrEqual(0.9);
});

test("the whole step: sums over layers are leveller than those of layers that were balanced alone", () => {
  const runs: [number, number, number][] = [];
  fc.assert(
    fc.property(matrix(2, 3), (loads) => {
      const plan = verified({ loads, gpus: 2, slots: 4, scope: "step" }, { gap: 0, iterations: 200 });
      const all = loads.flat();
      // Two layers of 3 experts in 4 slots of 2 GPUs: every pair of layers' plans.
      const sumsOf = (row: number[]) => {
        const sums: number[][] = [];
        bestOf(3, plan.gpuOfSlot, (held) => {
          sums.push([0, 1].map((gpu) => gpuLoad(held, row, plan.gpuOfSlot, gpu)));
          return 0;
        });
        return sums;
      };
      const [first, second] = [sumsOf(loads[0]!), sumsOf(loads[1]!)];
      const best = Math.min(...first.flatMap((a) => second.map((b) => Math.max(a[0]! + b[0]!, a[1]! + b[1]!))));
      runs.push([plan.imbalance[0]!, overMean(best, all, 2), plan.lowerBound[0]!]);
    }),
    { seed: 5, numRuns: shareOf(40) },
  );
  expect(shareFound(runs)).toBeGreaterThanOrEqual(0.9);
});

function gpuLoad(held: readonly number[], row: readonly number[], gpuOfSlot: readonly number[], gpu: number): number {
  return held.reduce(
    (sum, expert, slot) =>
      gpuOfSlot[slot] === gpu ? sum + row[expert]! / held.filter((other) => other === expert).length : sum,
    0,
  );
}

test("all modes together, drained GPUs and plans in force: nothing is violated", () => {
  const shapes = fc.record({
    before: matrix(2, 6),
    after: matrix(2, 6),
    other: matrix(2, 6),
    scope: fc.constantFrom("layer", "step"),
    split: fc.constantFrom("even", "weighted"),
    over: fc.constantFrom("worst", "mean"),
    groups: fc.constantFrom(1, 2, 3),
    slotsPerGpu: fc.array(fc.integer({ min: 3, max: 5 }), { minLength: 4, maxLength: 4 }),
    drained: fc.subarray([0, 1, 2, 3], { maxLength: 1 }),
    movesMax: fc.integer({ min: 0, max: 20 }),
  });
  fc.assert(
    fc.property(shapes, ({ before, after, other, slotsPerGpu, drained, movesMax, ...modes }) => {
      const shape = { ...(modes as object), gpus: 4, slotsPerGpu, gpusPerNode: 2 };
      const from = verified({ ...shape, loads: before });
      const scenarios = [{ loads: after }, { loads: other }];
      const expertBytes = 10;
      for (const wish of [{ movesMax }, { bytesMax: movesMax * expertBytes, expertBytes }, { target: 0.9 }]) {
        const problem = { ...shape, scenarios, from, drained, ...wish };
        const answer = placeForBalance(problem, { iterations: 8 });
        if (answer.status !== "infeasible") expect(verifyBalance(problem, answer).violations).toEqual([]);
        else if (answer.constraint !== "groups") {
          expect(answer.constraint).toBe("movesMax" in wish ? "moves" : "moved bytes");
          expect(Number.parseInt(answer.because, 10)).toBeGreaterThan(movesMax);
        }
      }
    }),
    { seed: 6, numRuns: shareOf(40) },
  );
});

test("copies that fall with their slots are among the moves that must be, and no more than those", () => {
  // GPU 0 held 0, 1, 2 and keeps one slot; 0 is on GPU 1 as well, so one of 1 and 2 is lost.
  const from = { physicalToLogicalMap: [[0, 1, 2, 0, 3]], gpuOfSlot: [0, 0, 0, 1, 1] };
  const problem = { loads: [[8, 4, 2, 1]], gpus: 2, slotsPerGpu: [1, 3], from };
  expect(placeForBalance({ ...problem, movesMax: 0 })).toEqual({
    status: "infeasible",
    constraint: "moves",
    because: "1 experts have lost their slots, which takes as many moves, and 0 are allowed",
    relax: "movesMax 1",
  });
  expect(placeForBalance({ ...problem, bytesMax: 19, expertBytes: 20 })).toMatchObject({
    constraint: "moved bytes",
    because: "1 experts have lost their slots, which takes 20 bytes, and 19 may move",
    relax: "bytesMax 20",
  });
  expect(verified({ ...problem, movesMax: 1 }).moves).toBe(1);
  expect(verified({ ...problem, bytesMax: 20, expertBytes: 20 }).moves).toBe(1);
});

test("a target is reached with the fewest moves that any plan needs, nearly always", () => {
  let fewest = 0;
  let all = 0;
  fc.assert(
    fc.property(matrix(2, 4), ([before, after]) => {
      const shape = { gpus: 3, slots: 6 };
      const from = verified({ ...shape, loads: [before!] });
      const isHeld = (expert: number, gpu: number) =>
        from.physicalToLogicalMap[0]!.some((other, slot) => other === expert && from.gpuOfSlot[slot] === gpu);
      const least = bestOf(4, from.gpuOfSlot, (held) =>
        overMean(evenBusiest(held, after!, from.gpuOfSlot, 3), after!, 3) > 1 / 0.85
          ? Number.POSITIVE_INFINITY
          : held.filter((expert, slot) => !isHeld(expert, from.gpuOfSlot[slot]!)).length,
      );
      if (least === Number.POSITIVE_INFINITY) return;
      const plan = verified({ ...shape, loads: [after!], from, target: 0.85 });
      if (plan.balancednessWorst >= 0.85) expect(plan.moves).toBeGreaterThanOrEqual(least);
      all++;
      if (plan.balancednessWorst >= 0.85 && plan.moves === least) fewest++;
    }),
    { seed: 7, numRuns: shareOf(60) },
  );
  expect(fewest / all).toBeGreaterThanOrEqual(0.75);
});

test("groups stay on a node, and a problem with too few slots for that says so", () => {
  const loads = [[9, 1, 1, 1, 5, 5, 5, 5]];
  verified({ loads, gpus: 4, slotsPerGpu: 3, groups: 4, gpusPerNode: 2 });
  expect(placeForBalance({ loads, gpus: 4, slotsPerGpu: [4, 3, 1, 0], groups: 2, gpusPerNode: 2 })).toMatchObject({
    constraint: "groups",
    because: "2 groups of 4 experts stay on a node each, and 2 nodes have slots for 1",
  });
});

test("a time limit of 0 still gives a whole plan; each plan told is better than the one before", () => {
  const loads = Array.from({ length: 3 }, (_, l) => Array.from({ length: 24 }, (_, e) => ((e * 7 + l) % 24) ** 3 + 1));
  const problem = { loads, gpus: 6, slots: 30 };
  const quick = planOf(placeForBalance(problem, { timeLimitMs: 0, gap: 0 }));
  expect(quick).toMatchObject({ status: "time limit" });
  expect(verifyBalance(problem, quick).violations).toEqual([]);
  const told: number[] = [];
  const plan = planOf(placeForBalance(problem, { gap: 0, onPlan: (next) => told.push(next.balancednessMean) }));
  expect(told.length).toBeGreaterThan(1);
  expect(told).toEqual([...told].sort((a, b) => a - b));
  expect(told.at(-1)).toBeCloseTo(plan.balancednessMean, 12);
  const later = { ...problem, loads: [...loads].reverse(), from: quick, target: 0.999 };
  expect(verifyBalance(later, planOf(placeForBalance(later, { timeLimitMs: 0 }))).violations).toEqual([]);
});

test("names what is no problem", () => {
  const problem = { loads: [[1, 2]], gpus: 2, slots: 2 };
  for (const [wrong, message] of [
    [{ scenarios: [{ loads: [[1, 2]] }] }, "either loads or scenarios must be given"],
    [{ groups: 2 }, "groups stay on a node: gpusPerNode must be given too"],
    [{ scope: "stap" }, "scope is not known: stap; did you mean step?"],
    [{ movesMax: 1 }, "target, movesMax and bytesMax need from, the plan in force"],
  ] as const)
    expect(() => placeForBalance({ ...problem, ...wrong } as BalanceProblem)).toThrow(new TypeError(message));
});
