import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ExactProblem, knapsackBound, solveExactly } from "../../src/placement/exact.ts";

const DATA = fileURLToPath(new URL("../../../shared/data/placement", import.meta.url));

/** What a plan costs, Infinity where it does not fit. */
function costOf({ costs, loads, slots, capacity }: ExactProblem, at: ArrayLike<number>): number {
  const gpus = slots.length;
  const used = new Float64Array(gpus);
  const count = new Uint32Array(gpus);
  let cost = 0;
  for (let e = 0; e < loads.length; e++) {
    cost += costs[e * gpus + at[e]!]!;
    used[at[e]!]! += loads[e]!;
    count[at[e]!]!++;
  }
  for (let g = 0; g < gpus; g++) {
    if (count[g]! > slots[g]! || used[g]! > capacity[g]! + 1e-9) return Number.POSITIVE_INFINITY;
  }
  return cost;
}

/** The least of all gpus^experts plans. */
function bruteForce(problem: ExactProblem): number {
  const experts = problem.loads.length;
  const gpus = problem.slots.length;
  const at = new Uint32Array(experts);
  let least = Number.POSITIVE_INFINITY;
  for (let plan = 0; plan < gpus ** experts; plan++) {
    for (let e = 0, rest = plan; e < experts; e++, rest = Math.floor(rest / gpus)) at[e] = rest % gpus;
    least = Math.min(least, costOf(problem, at));
  }
  return least;
}

const problems = (value: fc.Arbitrary<number>): fc.Arbitrary<ExactProblem> =>
  fc
    .record({ experts: fc.integer({ min: 1, max: 8 }), gpus: fc.integer({ min: 1, max: 3 }) })
    .chain(({ experts, gpus }) =>
      fc.record({
        costs: fc
          .array(
            fc.oneof({ weight: 9, arbitrary: value }, { weight: 1, arbitrary: fc.constant(Number.POSITIVE_INFINITY) }),
            {
              minLength: experts * gpus,
              maxLength: experts * gpus,
            },
          )
          .map((costs) => Float64Array.from(costs)),
        loads: fc
          .array(fc.integer({ min: 0, max: 20 }), { minLength: experts, maxLength: experts })
          .map((loads) => Float64Array.from(loads)),
        slots: fc.array(fc.integer({ min: 0, max: 5 }), { minLength: gpus, maxLength: gpus }),
        capacity: fc.array(
          fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 10, max: 50 }) }, fc.constant(Number.POSITIVE_INFINITY)),
          { minLength: gpus, maxLength: gpus },
        ),
      }),
    );

const whole = fc.integer({ min: -10, max: 100 });
const fraction = fc.double({ min: -10, max: 100, noNaN: true });

function expectSolved(problem: ExactProblem, least: number, result: ReturnType<typeof solveExactly>): void {
  if (least === Number.POSITIVE_INFINITY) {
    expect(result).toMatchObject({ status: "infeasible", at: null, cost: least, bound: least });
    return;
  }
  expect(result.status).toBe("optimal");
  expect(Math.abs(result.cost - least)).toBeLessThanOrEqual(1e-9 * (1 + Math.abs(least)));
  expect(costOf(problem, result.at!)).toBeCloseTo(result.cost, 9);
  expect(result.bound).toBe(result.cost);
}

describe("the exact solver", () => {
  test.each([
    ["whole", whole],
    ["fractional", fraction],
  ])("agrees with brute force where costs are %s", (_, value) => {
    fc.assert(
      fc.property(problems(value), (problem) => {
        expectSolved(problem, bruteForce(problem), solveExactly(problem, { timeLimitMs: 60_000 }));
      }),
      { numRuns: 600, seed: 1 },
    );
  });

  test("agrees with brute force where it is handed a plan, the best one or another", () => {
    fc.assert(
      fc.property(problems(whole), fc.array(fc.nat(2), { minLength: 8, maxLength: 8 }), (problem, random) => {
        const at = Uint32Array.from(problem.loads, (_, e) => random[e]! % problem.slots.length);
        const cost = costOf(problem, at);
        fc.pre(cost < Number.POSITIVE_INFINITY);
        const least = bruteForce(problem);
        const result = solveExactly(problem, { upper: { at, cost }, timeLimitMs: 60_000 });
        expectSolved(problem, least, result);
        expectSolved(
          problem,
          least,
          solveExactly(problem, { upper: { at: result.at!, cost: least }, timeLimitMs: 60_000 }),
        );
      }),
      { numRuns: 300, seed: 2 },
    );
  });

  test("never has its bound above the optimum, however early it stops", () => {
    fc.assert(
      fc.property(problems(whole), fc.nat(200), (problem, readings) => {
        const least = bruteForce(problem);
        // A clock that runs out after so many readings.
        let read = 0;
        const result = solveExactly(problem, { timeLimitMs: readings, clock: () => read++ });
        if (result.status === "optimal") expect(result.cost).toBe(least);
        if (result.status === "infeasible") expect(least).toBe(Number.POSITIVE_INFINITY);
        expect(result.bound).toBeLessThanOrEqual(least);
        expect(result.cost).toBeGreaterThanOrEqual(least);
        expect(knapsackBound(problem, { evaluations: 1 + readings }).bound).toBeLessThanOrEqual(least);
      }),
      { numRuns: 400, seed: 3 },
    );
  });

  test("comes to the same optimum of 13 experts on 4 GPUs without a plan, from one, and with hardly room to search", () => {
    const cells = fc.array(fc.integer({ min: 0, max: 999 }), { minLength: 52, maxLength: 52 });
    const sizes = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 13, maxLength: 13 });
    fc.assert(
      fc.property(cells, sizes, (costs, loads) => {
        const capacity = new Array<number>(4).fill(Math.ceil(loads.reduce((sum, load) => sum + load) * 0.27));
        const problem = {
          costs: Float64Array.from(costs),
          loads: Float64Array.from(loads),
          slots: [4, 3, 4, 4],
          capacity,
        };
        const { at, cost } = solveExactly(problem, { timeLimitMs: 60_000 });
        const limits = { timeLimitMs: 60_000, statesMax: 5 };
        const again = solveExactly(problem, at ? { ...limits, upper: { at, cost: cost + 50 } } : limits);
        expect(again.cost).toBe(cost);
      }),
      { numRuns: 60, seed: 5 },
    );
  });

  test("needs no more than 1,000 evaluations and 10 nodes over 8 experts on 3 GPUs", () => {
    const samples = fc.sample(problems(whole), { numRuns: 200, seed: 4 });
    const found = samples.map((problem) => solveExactly(problem, { timeLimitMs: 60_000 }));
    expect(found.filter(({ status }) => status === "optimal").length).toBeGreaterThan(50);
    for (const { evaluations, nodes } of found) {
      expect(evaluations).toBeLessThanOrEqual(1000);
      expect(nodes).toBeLessThanOrEqual(10);
    }
  });
});

/** An instance of the placement data: experts with demands from a few GPUs each, costs in demand x tier. */
interface Hops {
  E: number;
  G: number;
  gpusPerNode: number;
  nodesPerPod: number;
  hop: number[];
  slotsPerGpu: number;
  bwCapPerGpu: number;
  load: number[];
  src: number[][];
  demand: number[][];
}

function readHops(name: string): ExactProblem {
  const hops: Hops = JSON.parse(gunzipSync(readFileSync(`${DATA}/hop-${name}.json.gz`)).toString());
  const { E, G, gpusPerNode, nodesPerPod, hop, src, demand } = hops;
  const tier = (a: number, b: number): number => {
    if (a === b) return 0;
    if (Math.floor(a / gpusPerNode) === Math.floor(b / gpusPerNode)) return 1;
    return Math.floor(a / gpusPerNode / nodesPerPod) === Math.floor(b / gpusPerNode / nodesPerPod) ? 2 : 3;
  };
  return {
    costs: Float64Array.from({ length: E * G }, (_, cell) => {
      const e = Math.floor(cell / G);
      return src[e]!.reduce((sum, from, i) => sum + demand[e]![i]! * hop[tier(from, cell % G)]!, 0);
    }),
    loads: Float64Array.from(hops.load),
    slots: new Array<number>(G).fill(hops.slotsPerGpu),
    capacity: new Array<number>(G).fill(hops.bwCapPerGpu),
  };
}

// The optima, and the optima of the linear programmes over cells, are those of HiGHS (reference.json).
describe.each([
  ["64x8-s1", 28_794, 28_643.72],
  ["64x8-s0.3", 30_906, 30_229.43],
])("hop-%s", (name, optimum, relaxed) => {
  test.skipIf(!existsSync(DATA))("has its optimum proved, without a plan to start from and with the best one", () => {
    const problem = readHops(name);
    const first = solveExactly(problem, { timeLimitMs: 60_000 });
    expectSolved(problem, optimum, first);
    const upper = { at: first.at!, cost: first.cost };
    const again = solveExactly(problem, { upper, timeLimitMs: 60_000 });
    expectSolved(problem, optimum, again);
    expect(again.evaluations).toBeLessThan(first.evaluations);
  });

  test.skipIf(!existsSync(DATA))("has its optimum proved with hardly room to search for what a GPU chooses", () => {
    const problem = readHops(name);
    for (const statesMax of [3, 40])
      expectSolved(problem, optimum, solveExactly(problem, { timeLimitMs: 60_000, statesMax }));
  });

  test.skipIf(!existsSync(DATA))("is bounded more tightly by sets than by cells, and never above its optimum", () => {
    const problem = readHops(name);
    const { bound } = knapsackBound(problem);
    expect(bound).toBeGreaterThan(relaxed + 0.9 * (optimum - relaxed));
    expect(bound).toBeLessThanOrEqual(optimum);
    for (const readings of [0, 1, 2, 5, 10, 100, 300, 500, 700, 1000]) {
      let read = 0;
      const result = solveExactly(problem, { timeLimitMs: readings, clock: () => read++ });
      expect(result.bound).toBeLessThanOrEqual(optimum);
      expect(result.cost).toBeGreaterThanOrEqual(optimum);
    }
  });
});

test.each([
  [{ loads: Float64Array.of(1, -1) }, "loads[1] must be at least 0, got -1"],
  [{ costs: Float64Array.of(1, 2, 3) }, "costs must hold 4 values, got 3"],
  [{ costs: Float64Array.of(1, 2, 3, Number.NaN) }, "costs[3] must be finite, got NaN"],
  [{ slots: [1, 0.5] }, "slots[1] must be a whole number, got 0.5"],
  [{ capacity: [1, -1] }, "capacity[1] must be at least 0, got -1"],
])("refuses %j", (wrong, message) => {
  const problem = { costs: new Float64Array(4), loads: new Float64Array(2), slots: [1, 1], capacity: [1, 1], ...wrong };
  expect(() => solveExactly(problem, { timeLimitMs: 1 })).toThrow(message);
});

test("refuses a plan to start from that is not one", () => {
  const problem = { costs: new Float64Array(4), loads: new Float64Array(2), slots: [1, 1], capacity: [1, 1] };
  const upper = { at: Uint32Array.of(0, 2), cost: 0 };
  expect(() => solveExactly(problem, { upper, timeLimitMs: 1 })).toThrow("upper.at[1] must be from 0 to 1, got 2");
});
