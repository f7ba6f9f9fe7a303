import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type LatencyProblem, placeForLatency, useKernels } from "../../src/index.ts";
import { drawer, tinyProblem } from "../reference/copies.ts";

/** Experts of unequal popularity, asked for everywhere and most in a pod of their own: whole numbers, so that bounds are too. */
function skewedProblem(experts: number, gpus: number, slotsPerGpu: number): LatencyProblem {
  const draw = drawer(3);
  const gpusPerPod = 16;
  const demand = Array.from({ length: experts }, () => {
    const popular = Math.min(8, (1000 / (1 + draw(1000))) ** 0.6);
    const pod = draw(gpus / gpusPerPod);
    return Array.from({ length: gpus }, (_, gpu) =>
      Math.round(popular * draw(1000) * (Math.floor(gpu / gpusPerPod) === pod ? 1 : 0.3)),
    );
  });
  return { objective: "latency", cluster: { gpus, gpusPerNode: 8, gpusPerPod, slotsPerGpu }, demand, copies: 2 };
}

const sum = (rows: readonly ArrayLike<number>[]) =>
  rows.reduce((all, row) => all + Array.from(row).reduce((some, amount) => some + amount, 0), 0);

test.each<[string, Partial<LatencyProblem> & { gpuLoadMax?: number }, number]>([
  ["slots alone", {}, 0.002],
  ["loads at most 5% above the mean", { gpuLoadMax: 1.05 }, 0.005],
  ["up to 4 copies", { copies: 1, copiesMax: 4 }, 0.005],
])("1,024 experts with 2 copies on 64 GPUs, %s: a plan within the gap", (_, { gpuLoadMax: over, ...change }, gap) => {
  const problem = skewedProblem(1024, 64, 34);
  const gpuLoadMax = over && (over * sum(problem.demand as number[][])) / 64;
  const found = placeForLatency({ ...problem, ...change, ...(gpuLoadMax ? { gpuLoadMax } : {}) }, { gap });
  expect(found.status).toBe("within gap");
  expect(found.check!.violations).toEqual([]);
  expect(found.gap).toBeLessThanOrEqual(gap);
});

test("debug, release and portable find the same plans and bounds", () => {
  const problems = [
    ...Array.from({ length: 40 }, (_, seed) => tinyProblem(seed)),
    { ...skewedProblem(96, 32, 7), gpuLoadMax: sum(skewedProblem(96, 32, 7).demand as number[][]) / 25 },
  ];
  const found = ["debug", "release", "portable"].map((build) => {
    useKernels(new WebAssembly.Module(readFileSync(`build/${build}.wasm`)));
    return problems.map((problem) => {
      const { plan, bound, status } = placeForLatency(problem, { gap: 0, rounds: 2, seed: 9 });
      return { plan, bound, status };
    });
  });
  expect(found[0]!.filter(({ plan }) => plan).length).toBeGreaterThan(15);
  expect(found[0]!.at(-1)!.plan).toBeDefined();
  expect(found[1]).toEqual(found[0]);
  expect(found[2]).toEqual(found[0]);
});
