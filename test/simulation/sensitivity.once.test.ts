import { expect, test } from "vitest";
import { DECODE } from "../../src/routes/routes.ts";
import { planDecoding } from "../../src/simulation/plan.ts";
import { resizedModel, sourceScenario } from "../../src/simulation/scenario.ts";
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

test("what cannot be is left out before anything runs: the rest of the table stands", () => {
  let most = 0;
  // 14,848 experts of 44 MB fill the 16 GPUs: half as many bytes again have no room.
  const full = { model: "deepseek-v3", cluster: { gpus: 16, gpu: "h100" }, steps: 4 };
  const report = decodingSensitivity(full, { repetitions: 1, onProgress: (_, all) => (most = all) });
  const size = report.rows.find(({ parameter }) => parameter === "size of an expert")!;
  expect(size.higher).toBeNull();
  expect(size.lower).not.toBeNull();
  const changes = report.rows.flatMap(({ lower, higher }) => [lower, higher]).filter((change) => change !== null);
  expect(most).toBe(1 + changes.length);
});

test("an expert that is larger has no fewer copies", () => {
  const ours = { ...small(), cluster: { gpus: 6, gpu: "h100" }, steps: 4 };
  const { model, copies } = planDecoding(ours);
  const larger = { ...ours, model: resizedModel(model, { expertBytes: 1.5 * model.expertBytes }) };
  expect([copies, planDecoding(larger).copies]).toEqual([2, 1]);
  const { rows } = decodingSensitivity(ours, { repetitions: 1 });
  expect(rows.find(({ parameter }) => parameter === "size of an expert")!.higher).toBeNull();
});

test("a stated cache may grow up to the room that is left", () => {
  const { model } = small();
  const chosen = Uint16Array.from({ length: 4 * 56 * 2 }, (_, i) => (i * 5 + (i >> 4)) % 8);
  const routes = {
    layers: 56,
    experts: 8,
    k: 2,
    tokens: 4,
    prompt: new Uint32Array(4),
    phase: new Uint8Array(4),
    chosen,
  };
  routes.phase.fill(DECODE);
  const ours = { model, cluster: { gpus: 8, gpu: "h100" }, steps: 2, warmup: 0 };
  const room = planDecoding({ ...ours, cold: { routes } }).engine.cache.budgetBytes;
  const words = (bytes: number) => `${Number((bytes / 1e9).toPrecision(3))} GB`;
  const higherOf = (cacheBytes: number) =>
    decodingSensitivity({ ...ours, cold: { routes, cacheBytes } }, { repetitions: 1 }).rows.find(
      ({ parameter }) => parameter === "cache of a GPU",
    )!.higher;
  expect(higherOf(room / 2)!.value).toBe(words(0.75 * room));
  expect(higherOf(room / 1.2)!.value).toBe(words(room));
  expect(higherOf(room)).toBeNull();
});

test("an objective that is none is refused, and steps too few for it before anything runs", () => {
  expect(() => decodingSensitivity(small(), { of: "ttft" as "itl" })).toThrow('of must be itl, tpot, got "ttft"');
  let told = 0;
  const short = { ...small(), steps: 1 };
  expect(() => decodingSensitivity(short, { of: "tpot", onProgress: () => told++ })).toThrow(
    "steps must be at least 2 where tpot is asked for, got 1",
  );
  expect(told).toBe(0);
});

test("what no fabric can keep is said with the bound that proves it", () => {
  const bound = boundDecoding(small());
  expect(bound).toMatchObject({ stepNs: 31.2e6, gapsNs: 56 * 62e3, layers: 56 });
  expect(judgeDecoding(bound, { sloNs: 30e6 }, null)).toMatchObject({ status: "impossible", marginNs: -1.2e6 });
  expect(() => judgeDecoding(bound, { sloNs: -5 }, null)).toThrow("sloNs must be above 0, got -5");
  expect(() => judgeDecoding(bound, { sloNs: 4e7, of: "ttl" as "itl" }, null)).toThrow("of must be itl, tpot");
  expect(() => decodingSensitivity(small(), { factor: 1 })).toThrow("factor must be above 1, got 1");
});
