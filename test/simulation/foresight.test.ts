import { expect, test } from "vitest";
import { RoutedDemand } from "../../src/simulation/demand.ts";
import { Engine } from "../../src/simulation/engine.ts";
import { type DecodingOptions, planDecoding } from "../../src/simulation/plan.ts";
import { routesAlike } from "../../src/simulation/study.ts";

const [LAYERS, EXPERTS] = [32, 8];
const routes = routesAlike({ layers: LAYERS, experts: EXPERTS, k: 2, seed: 3 });
const base = {
  model: "mixtral-8x7b",
  cluster: { gpus: 2, gpu: "r200" },
  cold: { routes },
  prefetch: "always",
} satisfies DecodingOptions;

/** Of GPU 0's steps: experts used, named, and both, layer by layer of one step; and of each expert how often it was named. */
function foreseenOver(options: DecodingOptions, steps: number) {
  const { engine: plan, batch, foresee } = planDecoding(options);
  const engine = new Engine(plan);
  const demand = new RoutedDemand(engine, routes, { batch, foresee });
  const into = engine.stepOf(0);
  let [used, named, both] = [0, 0, 0];
  const namedOf = new Float64Array(EXPERTS);
  for (let step = 0; step < steps; step++) {
    demand.fill(0, step, into);
    for (let layer = 1; layer < LAYERS; layer++) {
      const asked = new Set(into.demand.subarray(into.starts[layer], into.starts[layer + 1]));
      used += asked.size;
      for (let row = into.aheadStarts[layer - 1]!; row < into.aheadStarts[layer]!; row++) {
        const block = into.aheadBlocks[2 * row]!;
        named++;
        namedOf[block % EXPERTS]!++;
        both += Number(asked.has(block));
      }
    }
  }
  return { used, named, both, namedOf };
}

test.each([
  [0.58, 0.58, 1],
  [0.9, 0.5, 2],
  [0.3, 0.6, 3],
])("with a recall of %f and a precision of %f, %i sequences a GPU, so many are named", (recall, precision, batch) => {
  const { used, named, both } = foreseenOver({ ...base, batch, foresee: { predictor: { recall, precision } } }, 400);
  expect(used).toBeGreaterThan(20_000);
  // Each use is named by a draw of its own: four standard errors of a binomial share.
  const near = (share: number, of: number) => 4 * Math.sqrt((share * (1 - share)) / of);
  expect(Math.abs(both / used - recall)).toBeLessThan(near(recall, used));
  expect(Math.abs(both / named - precision)).toBeLessThan(near(precision, named));
});

test("where fewer may be named than a quality takes, no expert is left out more than others", () => {
  const foresee = { predictor: { recall: 0.58, precision: 0.58 }, most: 1 };
  const { named, namedOf } = foreseenOver({ ...base, foresee }, 400);
  const share = 1 / EXPERTS;
  // Four standard errors of what is named, and as many of what the routes themselves use.
  for (const count of namedOf)
    expect(Math.abs(count / named - share)).toBeLessThan(8 * Math.sqrt((share * (1 - share)) / named));
});
