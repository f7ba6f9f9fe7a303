import fc from "fast-check";
import { expect, test } from "vitest";
import { type LatencyProblem, placeForLatency, verifyPlacement } from "../../src/index.ts";
import { cheapestOfAll, costOfAll } from "../reference/placement.ts";
import { shareOf } from "../share.ts";

/** Up to 7 experts on 3 or 4 GPUs, in nodes and pods of any size, with whatever rules there are. */
const small: fc.Arbitrary<LatencyProblem> = fc
  .record({
    gpus: fc.integer({ min: 3, max: 4 }),
    gpusPerNode: fc.integer({ min: 1, max: 2 }),
    nodesPerPod: fc.integer({ min: 1, max: 2 }),
    experts: fc.integer({ min: 1, max: 6 }),
  })
  .chain(({ gpus, gpusPerNode, nodesPerPod, experts }) => {
    const perGpu = (most: number) => fc.array(fc.nat({ max: most }), { minLength: gpus, maxLength: gpus });
    const perExpert = <T>(one: fc.Arbitrary<T>) => fc.array(one, { minLength: experts, maxLength: experts });
    return fc.record(
      {
        objective: fc.constant("latency" as const),
        cluster: fc
          .record({ slotsPerGpu: fc.oneof(fc.integer({ min: 1, max: 4 }), perGpu(4)), drained: fc.subarray([1]) })
          .map((rest) => ({ gpus, gpusPerNode, gpusPerPod: gpusPerNode * nodesPerPod, ...rest })),
        demand: perExpert(perGpu(20)),
        tierCosts: fc.constantFrom([0, 1, 2, 3] as const, [1, 1.5, 7, 7] as const),
        gpuLoadMax: fc.oneof(fc.integer({ min: 40, max: 200 }), perGpu(200)),
        radius: fc.constantFrom(3, 3, 3, 2, 1),
        pinned: fc.array(fc.record({ expert: fc.nat({ max: experts - 1 }), gpu: fc.nat({ max: gpus - 1 }) }), {
          maxLength: 1,
        }),
        from: perExpert(fc.nat({ max: gpus - 1 }).map((gpu) => [gpu])),
        moveCost: fc.nat({ max: 20 }),
        movedBytesMax: fc.nat({ max: 6 }),
      },
      { requiredKeys: ["objective", "cluster", "demand"] },
    ) as fc.Arbitrary<LatencyProblem>;
  });

test("any plan keeps all rules and costs what it says; no bound is above the best; infeasible is what has no plan", () => {
  fc.assert(
    fc.property(small, (problem) => {
      const best = cheapestOfAll(problem);
      const placed = placeForLatency(problem, { gap: 0, rounds: 3 });
      if (placed.status === "infeasible") {
        expect(best.cost).toBe(Number.POSITIVE_INFINITY);
        expect(placed.infeasible!.because).toMatch(/\d/);
        return;
      }
      expect(placed.bound).toBeLessThanOrEqual(best.cost * (1 + 1e-9));
      if (!placed.plan) return;
      const gpus = placed.plan.gpusOfExpert.map(([gpu]) => gpu!);
      expect(placed.check!.cost).toBeCloseTo(costOfAll(problem, gpus), 6);
      expect(placed.check!.cost).toBeGreaterThanOrEqual(best.cost - 1e-6);
      if (placed.status === "optimal") expect(placed.check!.cost).toBeCloseTo(best.cost, 6);
    }),
    { numRuns: shareOf(300) },
  );
});

test("the verifier says of any placement what trying says, and names what is wrong with it", () => {
  fc.assert(
    fc.property(small, fc.array(fc.nat({ max: 2 }), { minLength: 6, maxLength: 6 }), (problem, drawn) => {
      const gpus = drawn.slice(0, problem.demand.length);
      const cost = costOfAll(problem, gpus);
      const check = verifyPlacement(problem, { gpusOfExpert: gpus.map((gpu) => [gpu]) });
      expect(check.violations.length === 0).toBe(cost < Number.POSITIVE_INFINITY);
      if (check.violations.length === 0) expect(check.cost).toBeCloseTo(cost, 6);
    }),
    { numRuns: shareOf(500) },
  );
});
