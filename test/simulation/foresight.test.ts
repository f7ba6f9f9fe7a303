import { expect, test } from "vitest";
import { DECODE, type Routes } from "../../src/routes/routes.ts";
import { RoutedDemand } from "../../src/simulation/demand.ts";
import { Engine } from "../../src/simulation/engine.ts";
import { type DecodingOptions, planDecoding, type RoutedInput } from "../../src/simulation/plan.ts";
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
function foreseenOver(options: DecodingOptions & { cold: RoutedInput }, steps: number) {
  const { routes } = options.cold;
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

/** Prompts of so many tokens each, in which expert e of a layer is followed by e + 1, and in the second half of them by e + 3. */
function turning(prompts: number, tokens: number): Routes {
  const all = prompts * tokens;
  const chosen = new Uint16Array(all * LAYERS);
  for (let token = 0; token < all; token++)
    for (let layer = 0; layer < LAYERS; layer++)
      chosen[token * LAYERS + layer] = (token + (token < all / 2 ? 1 : 3) * layer) % EXPERTS;
  const prompt = Uint32Array.from({ length: all }, (_, token) => Math.floor(token / tokens));
  return {
    layers: LAYERS,
    experts: EXPERTS,
    k: 1,
    tokens: all,
    prompt,
    phase: new Uint8Array(all).fill(DECODE),
    chosen,
  };
}

test.each([
  [2, 64],
  [4, 32],
  [1, 128],
])("a table of %i prompts of %i tokens is judged on what it has not seen", (prompts, tokens) => {
  const options = { ...base, cold: { routes: turning(prompts, tokens) }, foresee: { most: 1 } };
  const { used, named, both } = foreseenOver(options, 128);
  expect([used, named]).toEqual([128 * (LAYERS - 1), 128 * (LAYERS - 1)]);
  // It would know all of what it has seen, where e + 1 follows e; in the other half it never does.
  expect(both).toBe(0);
});

test("where all prompts are alike a table knows those that it has not seen", () => {
  const same = turning(4, 32);
  same.chosen.copyWithin(64 * LAYERS, 0, 64 * LAYERS);
  const { used, both } = foreseenOver({ ...base, cold: { routes: same }, foresee: { most: 1 } }, 128);
  expect(both).toBe(used);
});
