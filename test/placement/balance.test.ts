import fc from "fast-check";
import { expect, test } from "vitest";
import { type BalanceProblem, placeForBalance, verifyBalance } from "../../src/index.ts";
import { bestBusiest, planOf } from "../reference/balance.ts";
import { shareOf } from "../share.ts";

const loadsOf = (experts: number) =>
  fc.array(fc.integer({ min: 0, max: 50 }), { minLength: experts, maxLength: experts });

test("small layers: the best of all plans is found, and no bound is above it", () => {
  let found = 0;
  let all = 0;
  fc.assert(
    fc.property(loadsOf(4), fc.integer({ min: 4, max: 6 }), fc.constantFrom(2, 3), (loads, slots, gpus) => {
      const problem = { loads: [loads], gpus, slots };
      const plan = planOf(placeForBalance(problem, { gap: 0, iterations: 200 }));
      expect(verifyBalance(problem, plan).violations).toEqual([]);
      const best = bestBusiest(loads, gpus, plan.gpuOfSlot);
      const mean = loads.reduce((a, b) => a + b, 0) / gpus;
      const least = mean > 0 ? best / mean : 1;
      expect(plan.lowerBound[0]).toBeLessThanOrEqual(least * (1 + 1e-9));
      expect(plan.imbalance[0]).toBeGreaterThanOrEqual(least * (1 - 1e-9));
      all++;
      if (plan.imbalance[0]! <= least * (1 + 1e-9)) found++;
    }),
    { seed: 1, numRuns: shareOf(60) },
  );
  expect(found / all).toBeGreaterThanOrEqual(0.95);
});

test("any slots, drained GPUs and plans in force: nothing is violated", () => {
  const shapes = fc.record({
    loads: fc.array(loadsOf(7), { minLength: 2, maxLength: 2 }),
    later: fc.array(loadsOf(7), { minLength: 2, maxLength: 2 }),
    slotsPerGpu: fc.array(fc.integer({ min: 3, max: 9 }), { minLength: 4, maxLength: 4 }),
    drained: fc.subarray([0, 1, 2, 3], { maxLength: 1 }),
    movesMax: fc.integer({ min: 0, max: 12 }),
  });
  fc.assert(
    fc.property(shapes, ({ loads, later, slotsPerGpu, drained, movesMax }) => {
      const first: BalanceProblem = { loads, gpus: 4, slotsPerGpu };
      const from = planOf(placeForBalance(first));
      expect(verifyBalance(first, from).violations).toEqual([]);
      const second: BalanceProblem = { loads: later, gpus: 4, slotsPerGpu, drained, from, movesMax };
      const answer = placeForBalance(second);
      if (answer.status === "infeasible") {
        expect(answer.constraint).toBe("moves");
        expect(Number.parseInt(answer.because, 10)).toBeGreaterThan(movesMax);
      } else expect(verifyBalance(second, answer).violations).toEqual([]);
      const free: BalanceProblem = { loads: later, gpus: 4, slotsPerGpu, drained, from, target: 0.9 };
      expect(verifyBalance(free, planOf(placeForBalance(free))).violations).toEqual([]);
    }),
    { seed: 2, numRuns: shareOf(60) },
  );
});

test("the plan in force is kept where it is good enough, and equal seeds give equal plans", () => {
  const loads = [Array.from({ length: 16 }, (_, e) => 100 / (e + 1))];
  const from = planOf(placeForBalance({ loads, gpus: 4, slots: 22 }));
  expect(planOf(placeForBalance({ loads, gpus: 4, slots: 22, from, target: 0.9 })).moves).toBe(0);
  expect(placeForBalance({ loads, gpus: 4, slots: 22 })).toEqual(from);
});

test("names what is missing, and the bad argument", () => {
  expect(placeForBalance({ loads: [[1, 2, 3, 4, 5]], gpus: 2, slotsPerGpu: 2 })).toEqual({
    status: "infeasible",
    constraint: "slots",
    because: "5 experts need as many slots, and GPUs that are not drained have 4",
    relax: "1 slots more",
  });
  const problem = { loads: [[1, 2]], gpus: 2, slots: 2 };
  const from = (row: number[]) => ({ physicalToLogicalMap: [row], gpuOfSlot: [0, 0, 1] });
  for (const [wrong, message] of [
    [{ loads: [[1, -2]] }, "loads[0][1] must be at least 0, got -2"],
    [{ loads: [[Number.NaN, 2]] }, "loads[0][0] must be finite, got NaN"],
    [{ from: from([0, 0, 1]) }, "from must have one copy of an expert on a GPU, got two of 0 on 0 in layer 0"],
    [{ from: from([0, -1, 0]) }, "from must hold every expert, got none of 1 in layer 0"],
  ] as const)
    expect(() => placeForBalance({ ...problem, ...wrong })).toThrow(new RangeError(message));
});
