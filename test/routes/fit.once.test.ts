import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readRoutes } from "../../src/formats/routes.ts";
import { fitRoutes, routeStatistics } from "../../src/routes/fit.ts";
import { RouteGenerator } from "../../src/routes/generate.ts";

const DATA = new URL("../../../shared/data/routes/", import.meta.url);

test.skipIf(!existsSync(DATA)).each(["gptoss", "qwen"])(
  "%s: generated routes have the statistics of the real ones",
  async (name) => {
    const real = await readRoutes(readFileSync(new URL(`${name}.route.csv.gz`, DATA)), { file: name });
    const model = fitRoutes(real);
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
