import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { readRoutes } from "../../src/formats/routes.ts";
import { type PrefetchReport, simulatePrefetch } from "../../src/prefetch/index.ts";
import type { PrefetchPolicy } from "../../src/prefetch/plan.ts";

const rowOf = ({ rows }: PrefetchReport, policy: PrefetchPolicy, utilisation: number) =>
  rows.find((row) => row.policy === policy && row.utilisation === utilisation)!;

// Four GPUs on two DPUs decode 64 tokens each, 8 times: 2,048 tokens of 12 layers a policy and utilisation. Half of the experts
// are resident; their own misses ask the fabric for a fifth of its time, and what others ask comes on top of that.
test("prefetching by the rule is never worse than none, and saves half of what foresight would while there is room", () => {
  const report = simulatePrefetch({
    optics: "cpo-800g",
    fabric: { gpusPerDpu: 2 },
    model: {
      layers: 12,
      experts: 64,
      k: 4,
      workloads: [
        {
          name: "chat",
          share: 1,
          zipf: 0.8,
          repetition: 0.35,
          dependence: 0.4,
          topics: 4,
          topicShare: 0.5,
          topicSwitch: 0.02,
        },
      ],
    },
    gpus: 4,
    expertBytes: 44e6,
    budgetBytes: 12 * 32 * 44e6,
    layerNs: 250_000,
    policies: ["decided", "oracle"],
    repetitions: 8,
    seed: 101,
  });
  const idle = rowOf(report, "decided", 0).prefetches.posted;
  let before = Number.POSITIVE_INFINITY;
  for (const utilisation of [0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.1]) {
    const none = rowOf(report, "none", utilisation);
    const decided = rowOf(report, "decided", utilisation);
    const oracle = rowOf(report, "oracle", utilisation);
    // Not worse: the interval of the paired difference holds 0 or lies below it, and reaches no further up than 1% of the stall.
    expect(decided.changeNsPerToken.low).toBeLessThanOrEqual(0);
    expect(decided.changeNsPerToken.high).toBeLessThan(0.01 * none.stallNsPerToken.mean);
    if (utilisation <= 0.7) expect(decided.changeNsPerToken.high).toBeLessThan(0);
    if (utilisation <= 0.5) expect(decided.changeNsPerToken.mean / oracle.changeNsPerToken.mean).toBeGreaterThan(0.5);
    // It stops by itself.
    const { posted } = decided.prefetches;
    expect(posted).toBeLessThanOrEqual(before);
    before = posted;
    if (utilisation >= 0.9) expect(posted).toBeLessThan(0.2 * idle);
    if (utilisation > 1) expect(posted).toBeLessThan(0.01 * idle);
  }
});

const shared = fileURLToPath(new URL("../../../shared/data/routes/", import.meta.url));

// What others ask of the fabric is drawn anew 5 times; a trace has one prompt, which one GPU decodes.
describe.skipIf(!existsSync(shared))("real routes, foreseen by what learns from them", () => {
  test.each([
    ["gptoss", 64],
    ["qwen", 128],
  ])("%s: never worse than none, and better while there is room", async (name, decoding) => {
    const routes = await readRoutes(readFileSync(`${shared}${name}.route.csv.gz`));
    const report = simulatePrefetch({
      optics: "cpo-800g",
      routes,
      predictor: "blend",
      expertBytes: 44e6,
      budgetBytes: routes.layers * 32 * 44e6,
      layerNs: 250_000,
      utilisations: [0, 0.5, 0.9],
      policies: ["decided", "oracle"],
    });
    expect([report.gpus, report.tokens]).toEqual([1, routes.phase.filter((phase) => phase === 1).length]);
    expect(report.tokens).toBe(decoding);
    for (const utilisation of [0, 0.5, 0.9]) {
      const { changeNsPerToken } = rowOf(report, "decided", utilisation);
      expect(changeNsPerToken.low).toBeLessThanOrEqual(0);
      if (utilisation <= 0.5) expect(changeNsPerToken.high).toBeLessThan(0);
      // Nobody sees more than who sees everything.
      expect(rowOf(report, "oracle", utilisation).changeNsPerToken.mean).toBeLessThan(changeNsPerToken.mean);
    }
    expect(rowOf(report, "decided", 0.9).prefetches.posted).toBeLessThan(rowOf(report, "decided", 0).prefetches.posted);
  });
});
