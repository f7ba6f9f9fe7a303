import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readRoutes } from "../../src/formats/routes.ts";
import { fitRoutes, routeStatistics } from "../../src/routes/fit.ts";
import { RouteGenerator, type RouteWorkload } from "../../src/routes/generate.ts";
import { findTopics } from "../../src/routes/topics.ts";

const DATA = new URL("../../../shared/data/routes/", import.meta.url);

test.skipIf(!existsSync(DATA)).each(["gptoss", "qwen"])(
  "%s: generated routes have the statistics of the real ones",
  async (name) => {
    const real = await readRoutes(readFileSync(new URL(`${name}.route.csv.gz`, DATA)), { file: name });
    const model = fitRoutes(real);
    // One prompt of some 150 tokens cannot show topics apart from what it is about.
    expect(model.workloads[0]!.topics).toBe(1);
    const { routes } = new RouteGenerator(model).generate({
      prompts: 1,
      prefillTokens: 0,
      decodeTokens: real.tokens,
      seed: 99,
    });
    const [theirs, ours] = [routeStatistics(real), routeStatistics(routes)];
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    const layersApart = theirs.topShare.map((share, layer) => Math.abs(share - ours.topShare[layer]!));
    // About 150 tokens in 36 or 48 layers. A single layer may lie far off: repetition and dependence are those of all layers.
    expect(Math.abs(theirs.repetition - ours.repetition)).toBeLessThan(0.02);
    expect(Math.abs(theirs.dependence - ours.dependence)).toBeLessThan(0.02);
    expect(Math.abs(mean(theirs.topShare) - mean(ours.topShare))).toBeLessThan(0.03);
    expect(mean(layersApart)).toBeLessThan(0.05);
  },
);

const WORKLOAD: RouteWorkload = {
  name: "all",
  share: 1,
  zipf: 0.8,
  repetition: 0.25,
  dependence: 0.25,
  topics: 4,
  topicShare: 0.5,
  topicSwitch: 0.03,
};
const SIZE = { prompts: 40, prefillTokens: 0, decodeTokens: 100 };
const made = (workload: RouteWorkload, seed: number) =>
  new RouteGenerator({ layers: 8, experts: 32, k: 4, seed: 3, workloads: [workload] }).generate({ ...SIZE, seed })
    .routes;

test("4,000 tokens of four topics: they are found, and come about again", () => {
  const routes = made(WORKLOAD, 5);
  const model = fitRoutes(routes);
  const [found] = model.workloads;
  expect(found!.topics).toBe(4);
  // Some 160 topics begin, of which three in four are others: four standard errors are a third of the chance.
  expect(Math.abs(found!.topicSwitch - 0.03)).toBeLessThan(0.03 / 3);
  expect(Math.abs(found!.topicShare - 0.5)).toBeLessThan(0.1);
  expect(Math.abs(found!.repetition - 0.25)).toBeLessThan(0.05);
  const again = new RouteGenerator(model).generate({ ...SIZE, seed: 77 }).routes;
  const [theirs, ours] = [routeStatistics(routes), routeStatistics(again)];
  for (const [i, likeness] of theirs.windowLikeness.entries())
    expect(Math.abs(likeness - ours.windowLikeness[i]!)).toBeLessThan(0.02);
  // Without topics windows are as unlike as they come, but for the tokens at their edges.
  const plain = routeStatistics(made({ ...WORKLOAD, topics: 1 }, 5)).windowLikeness;
  expect(theirs.windowLikeness[1]! - plain[1]!).toBeGreaterThan(0.03);
});

test.each([
  ["none", { topics: 1 }],
  ["none, and much repetition and dependence", { topics: 1, repetition: 0.5, dependence: 0.4 }],
  ["some that choose as all do", { topicShare: 0.02 }],
] as const)("4,000 tokens, topics: %s, are taken for one topic", (_, change) => {
  for (const seed of [5, 6])
    expect(findTopics(made({ ...WORKLOAD, ...change }, seed))).toEqual({ topics: 1, topicSwitch: 0 });
});

test("topics that are given are taken, and how often they switch is found", () => {
  const found = findTopics(made(WORKLOAD, 7), { topics: 4 });
  expect(found.topics).toBe(4);
  expect(Math.abs(found.topicSwitch - 0.03)).toBeLessThan(0.03 / 3);
});
