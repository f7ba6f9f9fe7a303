import { describe, expect, test } from "vitest";
import {
  type RankStep,
  requestsOf,
  servingChart,
  servingOnFabric,
  simulateDecoding,
  simulateServing,
  TabledSteps,
} from "../../src/index.ts";

const idle = { decodes: 0, decodeContext: 0, pieces: 0, prefillTokens: 0, prefillContext: 0, prefillRows: 0 };
const decodes = (count: number): RankStep => ({ ...idle, decodes: count, decodeContext: 10 * count });

describe("steps by a table", () => {
  const table = [
    { batch: 2, meanNs: 100 },
    { batch: 6, meanNs: 300 },
  ];
  /** A prompt costs its tokens, a sequence 7. */
  const prompts = {
    stepNs: (ranks: readonly RankStep[]) => ranks.reduce((sum, rank) => sum + rank.prefillTokens + 7 * rank.decodes, 0),
  };
  const steps = new TabledSteps(table, prompts);

  test.each([
    [1, 100],
    [2, 100],
    [3, 150],
    [6, 300],
  ])("%i sequences take %i ns", (batch, ns) => {
    expect(steps.stepNs([decodes(batch)])).toBe(ns);
    expect(steps.stepNs([decodes(1), decodes(batch)])).toBe(ns);
  });

  test("prompts add what they add elsewhere, and alone take what they take there", () => {
    const prompt = { ...idle, pieces: 1, prefillTokens: 40, prefillContext: 820, prefillRows: 40 };
    expect(steps.stepNs([prompt])).toBe(40);
    expect(steps.stepNs([{ ...prompt, decodes: 3, decodeContext: 30 }])).toBe(190);
  });

  test("what is beyond the table, or no table, is refused", () => {
    expect(() => steps.stepNs([decodes(7)])).toThrow("maxSequences must be at most 6, the table's last batch, got 7");
    expect(() => new TabledSteps([], prompts)).toThrow("table must hold at least 1 batch, got 0");
    expect(() => new TabledSteps([table[1]!, table[0]!], prompts)).toThrow(
      "table[1].batch must be from 7 to 65536, got 2",
    );
  });
});

describe("an engine on a fabric", () => {
  const cluster = { gpus: 8, gpu: "h200" };

  test("with nothing cold a token takes the resident step; with cold loads it takes what the simulation says", () => {
    const requests = requestsOf([{ arrivalNs: 0, input: 64, output: 9 }]);
    const tpotNs = (share: number) => {
      const decoding = { cluster, cold: { share } };
      const { table, serving } = servingOnFabric(decoding, { batches: [1, 2], steps: 6 });
      const { report } = simulateDecoding({ ...decoding, steps: 6 }, { repetitions: 1 });
      const tpot = simulateServing(requests, serving).report.tpot!.meanNs;
      expect(table[0]!.meanNs).toBe(report.interTokenLatency.meanNs.mean);
      expect(tpot / table[0]!.meanNs).toBeCloseTo(1, 9);
      return { tpot, resident: report.residentStepNs };
    };
    const [warm, cold] = [tpotNs(0), tpotNs(0.5)];
    expect(warm.tpot / warm.resident).toBeCloseTo(1, 6);
    expect(cold.tpot).toBeGreaterThan(warm.tpot);
  });

  test("options by their names", () => {
    expect(() => servingOnFabric({ cluster }, { batch: [1] } as object)).toThrow(
      "options has no field batch; did you mean batches?",
    );
  });
});

test("a picture shows both times, and measured ones beside them", () => {
  const requests = requestsOf([0, 1e6, 5e6].map((arrivalNs, i) => ({ arrivalNs, input: 10, output: i + 1 })));
  const { times } = simulateServing(requests, { gpu: "h100" });
  const plain = servingChart(requests, times);
  expect(plain.match(/<polyline/g)).toHaveLength(2);
  expect(servingChart(requests, times, { measured: times }).match(/<polyline/g)).toHaveLength(4);
  expect(plain).not.toMatch(/NaN|undefined/);
});
