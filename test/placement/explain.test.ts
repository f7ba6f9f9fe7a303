import fc from "fast-check";
import { expect, test } from "vitest";
import { explainPlacement } from "../../src/placement/explain.ts";
import { placeForLatency } from "../../src/placement/latency.ts";
import type { LatencyProblem } from "../../src/placement/problem.ts";
import { verifyPlacement } from "../../src/placement/verify.ts";
import { shareOf } from "../share.ts";

const anyProblem = fc
  .record({
    experts: fc.integer({ min: 2, max: 10 }),
    gpus: fc.integer({ min: 2, max: 8 }),
    isLimited: fc.boolean(),
    hasFrom: fc.boolean(),
  })
  .chain(({ experts, gpus, isLimited, hasFrom }) =>
    fc
      .record({
        demand: fc.array(fc.array(fc.nat({ max: 9 }), { minLength: gpus, maxLength: gpus }), {
          minLength: experts,
          maxLength: experts,
        }),
        from: fc.array(fc.nat({ max: gpus - 1 }), { minLength: experts, maxLength: experts }),
      })
      .map(({ demand, from }): LatencyProblem => {
        const all = demand.flat().reduce((a, b) => a + b, 0);
        return {
          objective: "latency",
          cluster: { gpus, gpusPerNode: 2, gpusPerPod: 4, slotsPerGpu: Math.ceil(experts / gpus) + 1 },
          demand,
          ...(isLimited ? { gpuLoadMax: Math.max(90, (2 * all) / gpus) } : {}),
          ...(hasFrom ? { from: from.map((gpu) => [gpu]), moveCost: 3 } : {}),
        };
      }),
  );

test("another place costs what the verifier says the plan with it would cost more", () => {
  fc.assert(
    fc.property(anyProblem, fc.nat(), (problem, turn) => {
      const placement = placeForLatency(problem, { rounds: 2 });
      fc.pre(placement.plan !== undefined);
      const expert = turn % problem.demand.length;
      const { here, others, askers, demand } = explainPlacement(problem, placement, expert);
      const { gpusOfExpert } = placement.plan!;
      expect(here.gpus).toEqual(gpusOfExpert[expert]);
      expect(askers.reduce((sum, one) => sum + one.demand, 0)).toBeCloseTo(demand, 9);
      expect(others.length).toBe(problem.cluster.gpus - 1);
      for (const other of others) {
        const moved = gpusOfExpert.map((gpus, e) => (e === expert ? [other.gpu] : gpus));
        const more = verifyPlacement(problem, { gpusOfExpert: moved }).cost - placement.check!.cost;
        expect(other.waysCost + other.moveCost - here.waysCost - here.moveCost).toBeCloseTo(more, 6);
        expect(other.more).toBeCloseTo(other.total - here.total, 9);
        const held = gpusOfExpert.filter((gpus) => gpus.includes(other.gpu)).length;
        expect(other.freeSlots).toBe((problem.cluster.slotsPerGpu as number) - held);
      }
    }),
    { numRuns: shareOf(60) },
  );
});

test("what experts would rather pay for another place comes to no more than the gap", () => {
  fc.assert(
    fc.property(anyProblem, (problem) => {
      const placement = placeForLatency(problem, { rounds: 4, gap: 0 });
      fc.pre(placement.plan !== undefined);
      let regret = 0;
      for (let expert = 0; expert < problem.demand.length; expert++)
        regret += Math.max(0, -explainPlacement(problem, placement, expert).others[0]!.more);
      // Prices are f32.
      expect(regret).toBeLessThan(placement.check!.cost - placement.priceBound + 1e-2);
    }),
    { numRuns: shareOf(40) },
  );
});

test("of several copies, one at a time goes elsewhere", () => {
  const problem: LatencyProblem = {
    objective: "latency",
    cluster: { gpus: 4, gpusPerNode: 2, slotsPerGpu: 2 },
    demand: [
      [9, 0, 8, 0],
      [0, 5, 0, 5],
      [1, 0, 0, 1],
    ],
    copies: 2,
  };
  const placement = placeForLatency(problem);
  const { here, others } = explainPlacement(problem, placement, 0);
  expect(here).toMatchObject({ gpus: expect.arrayContaining([0, 2]), waysCost: 0, demandOfTier: [17, 0, 0, 0] });
  for (const { gpu, insteadOf, gpus, waysCost } of others) {
    expect(gpus.toSorted()).toEqual([gpu, ...[0, 2].filter((other) => other !== insteadOf)].toSorted());
    const plan = placement.plan!.gpusOfExpert.with(0, gpus);
    expect(waysCost).toBeCloseTo(verifyPlacement(problem, { gpusOfExpert: plan }).cost - placement.check!.cost, 9);
  }
  expect(others.map(({ gpu }) => gpu).toSorted()).toEqual([1, 3]);
});

test("places out of the radius, drained GPUs and pinned copies are no other places", () => {
  const problem: LatencyProblem = {
    objective: "latency",
    cluster: { gpus: 6, gpusPerNode: 2, gpusPerPod: 4, slotsPerGpu: 2, drained: [1] },
    demand: [
      { groups: [0], demand: [5] },
      { groups: [4], demand: [2] },
    ],
    radius: 2,
    pinned: [{ expert: 1, gpu: 4 }],
  };
  const placement = placeForLatency(problem);
  const first = explainPlacement(problem, placement, 0);
  expect(first.here).toMatchObject({ gpus: [0], waysCost: 0, demandOfTier: [5, 0, 0, 0] });
  expect(first.others.map(({ gpu, waysCost }) => [gpu, waysCost])).toEqual([
    [2, 10],
    [3, 10],
  ]);
  expect(explainPlacement(problem, placement, 1).others).toEqual([]);
});

test("what is wrong is named", () => {
  const problem: LatencyProblem = { objective: "latency", cluster: { gpus: 1, slotsPerGpu: 1 }, demand: [[1], [1]] };
  const placement = placeForLatency(problem);
  expect(() => explainPlacement(problem, placement, 2)).toThrow("expert must be from 0 to 1, got 2");
  expect(() => explainPlacement(problem, placement, 0)).toThrow(
    "placement must have a plan, got one that is infeasible",
  );
});
