import { expect, test } from "vitest";
import { hopsMade, loadHighs, problemOf, programmeOf } from "../../bench/hops.ts";
import { placeForLatency, verifyPlacement } from "../../src/index.ts";

/** Instances that are made here, so that a solver of integer programmes is met even where no data lies beside the project. */
test.each([
  ["slots", 3, false],
  ["slots", 4, false],
  ["slots and loads", 4, true],
] as const)(
  "64 experts on 8 GPUs, %s, %d asking for each: proved, and what HiGHS proves",
  async (_, sources, isLimited) => {
    const hops = hopsMade(64, 8, sources, "64 x 8");
    const problem = problemOf(hops, isLimited);
    const { plan, check, status, bound } = placeForLatency(problem, { gap: 0 });
    const solved = (await loadHighs()).solve(programmeOf(hops, isLimited), isLimited ? { mip_rel_gap: 0 } : {});
    expect(solved.Status).toBe("Optimal");
    expect(verifyPlacement(problem, plan!)).toEqual(check);
    expect(check!.violations).toEqual([]);
    expect(status).toBe("optimal");
    // All costs are whole numbers.
    expect(check!.cost).toBe(Math.round(solved.ObjectiveValue));
    expect(solved.ObjectiveValue).toBeCloseTo(check!.cost, 3);
    expect(bound).toBe(check!.cost);
  },
);
