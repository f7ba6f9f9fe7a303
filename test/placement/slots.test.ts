import fc from "fast-check";
import { expect, test } from "vitest";
import { placeForBalance } from "../../src/placement/balance.ts";
import { type BalanceTask, balancePlanOf, gpusOfSlots } from "../../src/placement/slots.ts";
import { verifyBalance } from "../../src/placement/verify-balance.ts";

const anyProblem = fc
  .record({
    layers: fc.integer({ min: 1, max: 3 }),
    experts: fc.integer({ min: 1, max: 9 }),
    gpus: fc.integer({ min: 1, max: 4 }),
  })
  .chain(({ layers, experts, gpus }) =>
    fc.record({
      loads: fc.array(fc.array(fc.nat({ max: 1000 }), { minLength: experts, maxLength: experts }), {
        minLength: layers,
        maxLength: layers,
      }),
      gpus: fc.constant(gpus),
      slotsPerGpu: fc.integer({ min: Math.ceil(experts / gpus), max: Math.ceil(experts / gpus) + 2 }),
    }),
  );

test("slots of a plan come to what the plan said of itself", () => {
  fc.assert(
    fc.property(anyProblem, (problem: BalanceTask) => {
      const plan = placeForBalance(problem);
      if (plan.status === "infeasible") return;
      const again = balancePlanOf(problem, plan.physicalToLogicalMap, plan.gpuOfSlot);
      const { status, lowerBound, gap, ...said } = plan;
      for (const key of ["balancedness", "imbalance"] as const)
        again[key].forEach((value, layer) => {
          expect(value).toBeCloseTo(said[key][layer]!, 6);
        });
      for (const key of ["physicalToLogicalMap", "logicalToPhysicalMap", "expertCount", "gpuOfSlot", "moves"] as const)
        expect(again[key]).toEqual(said[key]);
      again.lowerBound.forEach((bound, layer) => {
        expect(bound).toBeLessThanOrEqual(lowerBound[layer]! * (1 + 1e-9));
      });
    }),
  );
});

test("whatever stands in the slots, the verifier finds what is wrong with it, and no more", () => {
  fc.assert(
    fc.property(
      anyProblem.chain((problem) =>
        fc.record({
          problem: fc.constant(problem),
          rows: fc.array(
            fc.array(fc.integer({ min: -1, max: problem.loads[0]!.length - 1 }), {
              minLength: problem.gpus * problem.slotsPerGpu,
              maxLength: problem.gpus * problem.slotsPerGpu,
            }),
            { minLength: problem.loads.length, maxLength: problem.loads.length },
          ),
        }),
      ),
      ({ problem, rows }) => {
        const gpuOfSlot = gpusOfSlots(rows[0]!.length, problem.gpus);
        const { violations } = verifyBalance(problem, balancePlanOf(problem, rows, gpuOfSlot));
        const missing = rows.flatMap((row) => problem.loads[0]!.filter((_, expert) => !row.includes(expert)));
        const twice = rows.flatMap((row) =>
          problem.loads[0]!.filter((_, expert) => {
            const held = row.flatMap((other, slot) => (other === expert ? [gpuOfSlot[slot]] : []));
            return new Set(held).size < held.length;
          }),
        );
        expect(violations.filter((words) => words.endsWith("no copy"))).toHaveLength(missing.length);
        expect(violations.filter((words) => words.endsWith("two copies on one GPU"))).toHaveLength(twice.length);
        expect(violations).toHaveLength(missing.length + twice.length);
      },
    ),
  );
});

test("slots that are no equal parts are refused", () => {
  expect(() => gpusOfSlots(9, 4)).toThrow("slots of equal parts must be a positive multiple of 4, got 9");
});
