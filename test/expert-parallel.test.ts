import { describe, expect, test } from "vitest";
import { commTimesFor, compareExpertParallel, type ExpertParallelOptions } from "../src/expert-parallel/index.ts";
import { sampleRanks } from "../src/expert-parallel/ranks.ts";
import { type CommTable, readCommTimes } from "../src/formats/comm.ts";
import { modelNamed } from "../src/models/index.ts";
import { distinctExperts } from "../src/models/shape.ts";
import { sourceScenario } from "../src/simulation/scenario.ts";

const table: CommTable = {
  system: "r200",
  nodes: 1,
  hidden: 6144,
  expertsPerToken: 2,
  experts: 8,
  points: [
    { tokens: 1, dispatchNs: 1e3, combineNs: 2e3 },
    { tokens: 11, dispatchNs: 2e3, combineNs: 4e3 },
  ],
  evidence: { about: "", grade: "assumed", source: "", note: "" },
};
const mixtral = modelNamed("mixtral-8x22b");

/** What comes out where there is room. */
function feasible(options: ExpertParallelOptions) {
  const report = compareExpertParallel(options);
  if (report.status !== "feasible") throw new Error(report.because);
  return report;
}

test("times lie on lines between what was measured, and go on beyond", () => {
  const times = commTimesFor([table], "r200", mixtral);
  expect(times.at(6)).toEqual({ tokens: 6, dispatchNs: 1500, combineNs: 3000 });
  expect(times.at(21)).toEqual({ tokens: 21, dispatchNs: 3000, combineNs: 6000 });
  expect(times.at(0)).toMatchObject({ dispatchNs: 1000, combineNs: 2000 });
  expect(times.source).toMatchObject({ isSameGpu: true, isSameShape: true });
  // Twice the bytes a token: read at twice the tokens.
  const wide = commTimesFor([{ ...table, hidden: 3072 }], "h100", mixtral);
  expect(wide.at(3).dispatchNs).toBe(1500);
  expect(wide.source).toMatchObject({ isSameGpu: false, isSameShape: false });
});

test("times over as many nodes come before those of the same shape, and notes say where they reach no further", () => {
  const two: CommTable = { ...table, nodes: 2, experts: 16 };
  expect([1, 2, 3].map((nodes) => commTimesFor([table, two], "r200", mixtral, nodes).source.nodes)).toEqual([1, 2, 2]);
  const notesOf = (ranks: number, times: CommTable[]) =>
    feasible({ decoding: sourceScenario(), ranks, times, batches: [1], samples: 2 }).notes;
  expect(notesOf(8, [table])).toEqual(["dispatch and combine are means, measured on one node"]);
  expect(notesOf(16, [table])).toEqual([expect.stringContaining("measured on one node, and 16 GPUs are 2 nodes")]);
  expect(notesOf(16, [{ ...table, nodes: 2 }])).toEqual(["dispatch and combine are means, measured on 2 nodes"]);
  expect(notesOf(24, [table, two])).toContainEqual(expect.stringContaining("measured on 2 nodes, and 24 GPUs are 3"));
});

test("ranks are asked for as many experts as arithmetic says", () => {
  const tokens = 16;
  const drawn = sampleRanks(mixtral, { tokens, ranks: 1, samples: 4000, seed: 7, routes: null });
  const distinct = drawn.meanOfSlowest((count) => count);
  expect(drawn.meanOfSlowest((_, rows) => rows)).toBe(2 * tokens);
  // The count varies by less than 1 expert: three standard errors of 4,000 samples are below 0.05.
  expect(Math.abs(distinct - distinctExperts(8, 2, tokens))).toBeLessThan(0.05);
  expect(drawn.imbalance).toBe(1);
});

test("one token of two experts: the busiest of 8 ranks has one row, four times the mean", () => {
  const drawn = sampleRanks(mixtral, { tokens: 1, ranks: 8, samples: 10, seed: 1, routes: null });
  expect(drawn.imbalance).toBe(4);
  expect(drawn.meanOfSlowest((distinct, rows) => 10 * distinct + rows)).toBe(11);
  // Twice as many ranks as experts: two copies of each, taken in turn.
  const copies = sampleRanks(mixtral, { tokens: 2, ranks: 16, samples: 10, seed: 1, routes: null });
  expect(copies.meanOfSlowest((_, rows) => rows)).toBe(1);
});

test("a step is what its layers come to", () => {
  const decoding = sourceScenario();
  const report = feasible({ decoding, ranks: 8, times: [table], batches: [1, 64], samples: 8 });
  const { at } = report;
  const layers = 56;
  expect(at.residentNs).toBeCloseTo(31.2e6, 0);
  // Instead of two experts the slowest rank reads one.
  const gemmNs = at.slowestRankNs;
  expect(at.tokensNs).toBeCloseTo(at.residentNs + layers * (at.dispatchNs + at.combineNs + gemmNs - 2 * gemmNs), 0);
  // One cold load in a quarter of gates, each 302 MB at the 1,524 bytes/ns of 16 ports and what lies around it.
  const mean = (at.weightsNs - at.residentNs) / layers;
  expect(mean).toBeGreaterThan(0.25 * (302e6 / 1600));
  expect(mean).toBeLessThan(0.25 * (302e6 / 1500 + 25e3));
});

test("ranks without room for all experts are an answer, and name what they lack", () => {
  const decoding = { model: "deepseek-v3", cluster: { gpus: 64, gpu: "h100" } };
  const layers = modelNamed("deepseek-v3").moeLayers.length;
  const report = compareExpertParallel({ decoding, ranks: 4 });
  if (report.status === "feasible") throw new Error("expected no room");
  expect(report).toMatchObject({ ranks: 4, experts: 256 * layers });
  // Eighty gigabytes a GPU hold no more than that over the size of an expert.
  expect(report.room * modelNamed("deepseek-v3").expertBytes).toBeLessThan(4 * 80e9);
  expect(report.because).toBe(`4 GPUs have room for ${report.room} of ${256 * layers} experts of deepseek-v3`);
});

describe("refusals", () => {
  const head =
    "system,node_num,hidden_size,num_token,num_topk,num_experts,combine_avg_t_us,dispatch_avg_t_us\nh100,1,8,1,2,4,";
  test.each([
    ["system,tokens\n", "t.csv:1: expected known columns, got tokens"],
    ["system,num_tokn\n", "did you mean num_token?"],
    ["system\n", "t.csv:1: expected a column node_num, got system"],
    [`${head}x,1`, "t.csv:2: expected combine_avg_t_us to be a number above 0, got x"],
    [`${head}1`, "t.csv:2: expected 8 fields, got 7"],
    [`${head}1,1\nh100,1,8,1,2,4,1,1`, "expected one row for each number of tokens of h100, 8 x 2, got two of 1"],
  ])("%j", (text, message) => {
    expect(() => readCommTimes(text, { file: "t.csv" })).toThrow(message);
  });

  test.each([
    [{ ranks: 0 }, "ranks must be from 1 to 128, got 0"],
    [{ batches: [4, 2] }, "batches must be from 5 to 16384, got 2"],
    [{ batch: 3 }, "options has no field batch; did you mean batches?"],
    [{ times: [] }, "times must hold at least 1 table, got 0"],
  ])("%j", (options, message) => {
    expect(() => compareExpertParallel({ decoding: sourceScenario(), ...options } as object)).toThrow(message);
  });
});
