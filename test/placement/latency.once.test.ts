import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { type LatencyPlacement, type LatencyProblem, placeForLatency, verifyPlacement } from "../../src/index.ts";

const DATA = new URL("../../../shared/data/placement/", import.meta.url);
const isThere = existsSync(DATA);

/** An instance as it lies beside the project, with its limit on loads or without. */
function hops(name: string, isLimited: boolean): LatencyProblem {
  const { G, gpusPerNode, nodesPerPod, hop, slotsPerGpu, bwCapPerGpu, load, src, demand } = JSON.parse(
    gunzipSync(readFileSync(new URL(`hop-${name}.json.gz`, DATA))).toString(),
  );
  return {
    objective: "latency",
    cluster: { gpus: G, gpusPerNode, gpusPerPod: gpusPerNode * nodesPerPod, slotsPerGpu },
    demand: src.map((groups: number[], expert: number) => ({ groups, demand: demand[expert] })),
    tierCosts: hop,
    ...(isLimited ? { loads: load, gpuLoadMax: bwCapPerGpu } : {}),
  };
}

/** What a solver of integer programmes says of an instance: the best cost, or the best bound, that it came to. */
function solved(name: string, variant: "a" | "b", kind: "lp" | "mip"): number {
  const { hop } = JSON.parse(readFileSync(new URL("reference.json", DATA), "utf8"));
  const costs = hop.flatMap((row: Record<string, unknown>) =>
    row["inst"] === `hop-${name}` && row["variant"] === variant && row["kind"] === kind && row["obj"]
      ? [row["obj"] as number]
      : [],
  );
  return Math.min(...costs);
}

function expectSound(problem: LatencyProblem, { plan, check, bound, gap }: LatencyPlacement): void {
  const verified = verifyPlacement(problem, plan!);
  expect(verified.violations).toEqual([]);
  expect(verified).toEqual(check);
  expect(gap).toBeCloseTo((check!.cost - bound) / bound, 9);
}

test
  .skipIf(!isThere)
  .each(["64x8-s1", "64x8-s0.3", "256x32-s1", "1024x64-s0.3", "2048x96-s0.3", "4096x128-s0.3", "4096x128-s1"])(
  "%s, slots only: within 0.15% of the optimum, and 0.3% of its own bound",
  (name) => {
    const problem = hops(name, false);
    const placed = placeForLatency(problem);
    expectSound(problem, placed);
    const optimum = solved(name, "a", "lp"); // a transport problem is integral
    expect(placed.check!.cost).toBeGreaterThanOrEqual(optimum - 1e-6);
    expect(placed.check!.cost).toBeLessThanOrEqual(1.0015 * optimum);
    expect(placed.bound).toBeLessThanOrEqual(optimum + 1e-6);
    expect(placed.gap).toBeLessThanOrEqual(0.003);
  },
);

test.skipIf(!isThere).each(["64x8-s1", "256x32-s0.3", "1024x64-s1"])("%s, slots only: proved, if asked", (name) => {
  const placed = placeForLatency(hops(name, false), { gap: 0 });
  expect(placed).toMatchObject({ status: "optimal", gap: 0 });
  expect(placed.check!.cost).toBe(solved(name, "a", "lp"));
});

test.skipIf(!isThere)("14848x288-dsr1, slots only: certified within 0.3%", () => {
  const problem = hops("14848x288-dsr1", false);
  const placed = placeForLatency(problem);
  expectSound(problem, placed);
  expect(placed.gap).toBeLessThanOrEqual(0.003);
});

test.skipIf(!isThere).each(["64x8-s1", "64x8-s0.3"])("%s under loads: proved, and what HiGHS proves", (name) => {
  const problem = hops(name, true);
  const placed = placeForLatency(problem, { gap: 0 });
  expectSound(problem, placed);
  expect(placed.status).toBe("optimal");
  expect(placed.check!.cost).toBeCloseTo(solved(name, "b", "mip"), 3);
});

test.skipIf(!isThere).each(["256x32-s0.3", "1024x64-s0.3"])("%s under loads: within 1% of HiGHS's plan", (name) => {
  const problem = hops(name, true);
  const placed = placeForLatency(problem, { gap: 0.0125 });
  expectSound(problem, placed);
  expect(placed.check!.cost).toBeLessThanOrEqual(1.01 * solved(name, "b", "mip"));
});

test.skipIf(!isThere).each(["64x8-s1", "256x32-s1", "1024x64-s1", "4096x128-s1", "14848x288-s1"])(
  "%s under loads, of strong skew: certified within 1%",
  (name) => {
    const problem = hops(name, true);
    const placed = placeForLatency(problem, { gap: 0.01 });
    expectSound(problem, placed);
    expect(placed.gap).toBeLessThanOrEqual(0.01);
  },
);

test.skipIf(!isThere)("14848x288-dsr1 under loads: certified within 0.5%", () => {
  const problem = hops("14848x288-dsr1", true);
  const placed = placeForLatency(problem);
  expectSound(problem, placed);
  expect(placed.gap).toBeLessThanOrEqual(0.005);
});

test.skipIf(!isThere)(
  "bounds of a round's prices are never above the linear programme's, and within 1.5% of it",
  () => {
    for (const name of ["256x32-s0.3", "1024x64-s0.3", "1024x64-s1", "4096x128-s1"]) {
      const lp = solved(name, "b", "lp");
      // One round: nothing but prices has given the bound.
      const { bound } = placeForLatency(hops(name, true), { gap: 0, rounds: 1 });
      expect(bound).toBeLessThanOrEqual(Math.ceil(lp));
      expect(bound).toBeGreaterThan(0.985 * lp);
    }
  },
);

test.skipIf(!isThere)("equal seeds give equal plans, and others others", () => {
  const problem = hops("256x32-s1", true);
  const plan = (seed: number) => placeForLatency(problem, { seed, rounds: 1 }).plan;
  expect(plan(1)).toEqual(plan(1));
  expect(plan(1)).not.toEqual(plan(2));
});

test.skipIf(!isThere)("plans that are told get better and better, and a time limit keeps the best", () => {
  const problem = hops("1024x64-s1", true);
  const told: number[] = [];
  const placed = placeForLatency(problem, { gap: 0, timeLimitMs: 400, onPlan: (_, cost) => told.push(cost) });
  expect(told.length).toBeGreaterThan(1);
  for (let i = 1; i < told.length; i++) expect(told[i]).toBeLessThan(told[i - 1]!);
  expect(placed.status).toBe("time limit");
  expect(placed.check!.cost).toBe(told.at(-1));
  expectSound(problem, placed);
});

test.skipIf(!isThere)("a budget of moves is kept, and the more may be moved, the less it costs", () => {
  const problem = hops("1024x64-s0.3", true);
  const from = placeForLatency(problem, { gap: 0.02 }).plan!.gpusOfExpert;
  // Half of all demand comes from elsewhere now.
  const demand = problem.demand.map((row, expert) => (expert % 2 ? problem.demand[(expert * 7 + 3) % 1024]! : row));
  const drifted: LatencyProblem = { ...problem, demand, from, gpuLoadMax: 30_000 };
  delete (drifted as { loads?: unknown }).loads;
  const costs = [20, 60, 200].map((movedBytesMax) => {
    const moved = { ...drifted, movedBytesMax };
    const placed = placeForLatency(moved, { gap: 0.01, rounds: 4 });
    expectSound(moved, placed);
    expect(placed.check!.movedBytes).toBeLessThanOrEqual(movedBytesMax);
    return placed.check!.cost;
  });
  expect(costs[1]).toBeLessThan(costs[0]!);
  expect(costs[2]).toBeLessThan(costs[1]!);
});

test.skipIf(!isThere)("drained GPUs hold nothing, and what was there finds room elsewhere", () => {
  const problem = hops("1024x64-s0.3", false);
  const cluster = { ...problem.cluster, slotsPerGpu: 18, drained: [3, 40] };
  const placed = placeForLatency({ ...problem, cluster });
  expect(placed.status).toBe("within gap");
  expect([3, 40].map((gpu) => placed.check!.slotsUsed[gpu])).toEqual([0, 0]);
});

test.skipIf(!isThere)("14848x288-dsr1 under loads takes less than 256 MiB, Node and the instance included", () => {
  const script = `
    const { placeForLatency } = await import("./dist/index.js");
    const { readFileSync } = await import("node:fs");
    placeForLatency(JSON.parse(readFileSync(0, "utf8")));
    console.log(process.resourceUsage().maxRSS / 1024);`;
  const input = JSON.stringify(hops("14848x288-dsr1", true));
  const args = ["--input-type=module", "--eval", script];
  const mebibytes = Number(execFileSync(process.execPath, args, { input, cwd: new URL("../..", import.meta.url) }));
  expect(mebibytes).toBeGreaterThan(30);
  expect(mebibytes).toBeLessThan(256);
});
