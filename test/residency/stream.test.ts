import { describe, expect, test } from "vitest";
import { accessesOf, gatherAccesses, streamAccesses } from "../../src/residency/accesses.ts";
import { residencyChart } from "../../src/residency/chart.ts";
import { guideOf } from "../../src/residency/guide.ts";
import { streamResidency, sweepResidency } from "../../src/residency/sweep.ts";
import { RouteGenerator } from "../../src/routes/generate.ts";
import { NO_EXPERT, type Routes } from "../../src/routes/routes.ts";

const workload = { name: "all", share: 1, topics: 2, topicShare: 0.3, topicSwitch: 0.05 };
const { routes } = new RouteGenerator({
  layers: 5,
  experts: 24,
  k: 3,
  workloads: [{ ...workload, zipf: 1, repetition: 0.4, dependence: 0.2 }],
}).generate({ prompts: 3, prefillTokens: 6, decodeTokens: 30 });
const accesses = accessesOf(routes);
const expertBytes = [10, 20, 30, 40, 50];
const budgetsBytes = [150, 400, 900, 2000];

function* rowsOf({ layers, k, tokens, prompt, phase, chosen }: Routes) {
  for (let token = 0; token < tokens; token++)
    for (let layer = 0; layer < layers; layer++) {
      const at = (token * layers + layer) * k;
      yield { prompt: prompt[token]!, phase: phase[token]!, layer, experts: chosen.subarray(at, at + k) };
    }
}
const batches = (batch: number) => streamAccesses(rowsOf(routes), { layers: 5, experts: 24, batch });

describe("in batches", () => {
  test.each([1, 37, 65536])("of about %i accesses a sweep comes to the same", async (batch) => {
    const policies = ["lfu", "lru", "layer", "random", "layerlfu"] as const;
    const options = { expertBytes, budgetsBytes, policies, pinned: [{ layer: 1, expert: 3 }], seed: 7 };
    expect(await streamResidency(batches(batch), options)).toEqual(sweepResidency(accesses, options));
  });

  test("the cliff is told where LRU is not asked for", async () => {
    const options = { expertBytes, budgetsBytes, policies: ["lfu"] as const };
    const { points, cliff } = await streamResidency(batches(50), options);
    expect(points.map(({ policy }) => policy)).toEqual(budgetsBytes.map(() => "lfu"));
    expect(cliff.cliffBytes).not.toBeNull();
    expect(cliff).toEqual(sweepResidency(accesses, { expertBytes, budgetsBytes }).cliff);
  });

  test("they go together again", async () => {
    expect(await gatherAccesses(batches(37))).toEqual(accesses);
  });

  test("Belady is refused, as is what holds nothing", async () => {
    await expect(streamResidency(batches(50), { expertBytes, budgetsBytes, policies: ["belady"] })).rejects.toThrow(
      "policies must leave out belady",
    );
    await expect(streamResidency([], { expertBytes, budgetsBytes })).rejects.toThrow("at least 1 event, got none");
    await expect(gatherAccesses([])).rejects.toThrow("at least 1 event, got none");
  });
});

describe("guided", () => {
  test("budgets side by side come to what each comes to alone", () => {
    const score = guideOf(routes, { predictor: "moving-average" });
    const options = { expertBytes, policies: ["guided"] as const, score };
    const together = sweepResidency(accesses, { ...options, budgetsBytes }).points;
    const alone = budgetsBytes.flatMap((one) => sweepResidency(accesses, { ...options, budgetsBytes: [one] }).points);
    expect(together).toEqual(alone);
  });

  test("scores before an event do not change with what comes from it on", () => {
    // A prompt is 5 events of prefill and 30 tokens of decode; this token is the 19th of the second one's.
    const from = 36 + 6 + 18;
    const event = 5 + 30 * 5 + 5 + 18 * 5;
    const events = [...Array(accesses.phases.length).keys()];
    const scoresOf = (of: Routes, until: number) => {
      const scores = new Float32Array(5 * 24);
      const score = guideOf(of, { predictor: "blend" });
      for (const event of events.slice(0, until + 1)) score(scores, event);
      return scores;
    };
    const other = { ...routes, chosen: routes.chosen.map((e, at) => (at >= from * 15 ? (e + 1) % 24 : e)) };
    expect(scoresOf(other, event)).toEqual(scoresOf(routes, event));
    expect(scoresOf(other, event + 2)).not.toEqual(scoresOf(routes, event + 2));
  });

  test("what every token chooses again is held", () => {
    const tokens = 40;
    const chosen = Uint16Array.from({ length: tokens * 4 }, (_, at) =>
      at % 2 === 0 ? 0 : 1 + ((7 * Math.floor(at / 4)) % 23),
    );
    const phase = new Uint8Array(tokens).fill(1);
    const steady = { layers: 2, experts: 24, k: 2, tokens, prompt: new Uint32Array(tokens), phase, chosen };
    const options = { expertBytes: [1, 1], budgetsBytes: [3] };
    const sweep = (policies: readonly ("guided" | "lru")[]) =>
      sweepResidency(accessesOf(steady), { ...options, policies, score: guideOf(steady) }).points[0]!;
    expect(sweep(["lru"]).decode.hits).toBe(0);
    // Two experts of which each token asks, and a place for what else an event asks for.
    expect(sweep(["guided"]).decode.hits).toBeGreaterThan(2 * (tokens - 5));
  });

  test("what a layer leaves out is no event, and events come in order", () => {
    const chosen = routes.chosen.slice();
    chosen.fill(NO_EXPERT, 0, 3);
    chosen.fill(NO_EXPERT, 50 * 15 + 3, 50 * 15 + 6);
    const gaps = { ...routes, chosen };
    const score = guideOf(gaps);
    const scores = new Float32Array(5 * 24);
    const events = accessesOf(gaps).phases.length;
    expect(events).toBe(accesses.phases.length - 1); // other tokens of the prefill ask for the first layer's experts
    for (let event = 0; event < events; event++) score(scores, event);
    expect(() => score(scores, events)).toThrow(`event must be below ${events}`);
    expect(() => guideOf(gaps, { predictr: "blend" } as never)).toThrow("options has no field predictr; did you mean");
    expect(() => guideOf(gaps)(scores, 3)).toThrow("event must be 0, the one after the last, got 3");
  });
});

test("a picture has a line a policy and marks the cliff", () => {
  const sweep = sweepResidency(accesses, { expertBytes, budgetsBytes });
  const svg = residencyChart(sweep, { subtitle: "5 layers" });
  expect(svg.match(/<polyline /g)).toHaveLength(6);
  for (const word of ["belady", "layerlfu", "cliff of lru", "5 layers"]) expect(svg).toContain(word);
});
