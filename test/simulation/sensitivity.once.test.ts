import { expect, test } from "vitest";
import { sourceScenario } from "../../src/simulation/scenario.ts";
import { decodingSensitivity } from "../../src/simulation/sensitivity.ts";
import { boundDecoding, judgeDecoding } from "../../src/simulation/verdict.ts";

const small = () => {
  const options = sourceScenario();
  return { ...options, cluster: { ...options.cluster!, gpus: 8 }, steps: 20 };
};

test("each parameter is changed both ways, and what moves the p99 most comes first", () => {
  let told = 0;
  const report = decodingSensitivity(small(), { repetitions: 1, factor: 2, onProgress: (done) => (told = done) });
  const rowOf = (name: string) => report.rows.find(({ parameter }) => parameter === name)!;
  expect(report.rows).toHaveLength(11);
  // One GPU a DPU and one sequence a GPU cannot be halved.
  expect(told).toBe(1 + 2 * 11 - 2);
  const swings = report.rows.map(({ swingNs }) => swingNs);
  expect(swings).toEqual(swings.toSorted((a, b) => b - a));
  // 56 gaps of 62 µs more; other loads are met then, which moves one step by about one load, 0.21 ms.
  expect(Math.abs(rowOf("gap").higher!.changeNs.mean - 56 * 62e3)).toBeLessThan(0.21e6);
  expect(rowOf("share that is cold").higher!.changeNs.mean).toBeGreaterThan(1e6);
  expect(Math.abs(rowOf("tail of a hop").higher!.changeNs.mean)).toBeLessThan(1e5);
  expect(rowOf("GPUs a DPU")).toMatchObject({ value: "1", lower: null, higher: { value: "2" } });
});

test("what no fabric can keep is said with the bound that proves it", () => {
  const bound = boundDecoding(small());
  expect(bound).toMatchObject({ stepNs: 31.2e6, gapsNs: 56 * 62e3, layers: 56 });
  expect(judgeDecoding(bound, { sloNs: 30e6 }, null)).toMatchObject({ status: "impossible", marginNs: -1.2e6 });
  expect(() => judgeDecoding(bound, { sloNs: -5 }, null)).toThrow("sloNs must be above 0, got -5");
  expect(() => judgeDecoding(bound, { sloNs: 4e7, of: "ttl" as "itl" }, null)).toThrow("of must be itl, tpot");
  expect(() => decodingSensitivity(small(), { factor: 1 })).toThrow("factor must be above 1, got 1");
});
