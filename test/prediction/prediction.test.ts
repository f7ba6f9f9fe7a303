import fc from "fast-check";
import { expect, test } from "vitest";
import { evaluatePredictors } from "../../src/prediction/evaluate.ts";
import { PREDICTORS, Predictor } from "../../src/prediction/index.ts";
import { logistic } from "../../src/prediction/mixing.ts";
import { RandomBits } from "../../src/random.ts";
import type { Routes } from "../../src/routes/routes.ts";
import { checksum } from "../reference/latency.ts";
import { markovScores } from "../reference/prediction.ts";
import { shareOf } from "../share.ts";

/** Routes drawn at random, some with fewer experts or none; the first half of each prompt is prefill. */
function drawn({ layers = 5, experts = 12, k = 3, tokens = 24, prompts = 2, seed = 1, skew = 2 } = {}): Routes {
  const bits = new RandomBits({ seed, batch: 65536 }).next();
  let at = 0;
  const uniform = () => bits[at++ % bits.length]! / 2 ** 32;
  const chosen = new Uint16Array(tokens * layers * k).fill(0xffff);
  for (let row = 0; row < tokens * layers; row++) {
    const set = new Set<number>();
    const count = uniform() < 0.1 ? Math.floor(uniform() * k) : k;
    while (set.size < count) set.add(Math.floor(uniform() ** skew * experts));
    chosen.set([...set], row * k);
  }
  const each = tokens / prompts;
  return {
    layers,
    experts,
    k,
    tokens,
    prompt: Uint32Array.from({ length: tokens }, (_, token) => Math.floor(token / each)),
    phase: Uint8Array.from({ length: tokens }, (_, token) => Number(token % each >= each / 2)),
    chosen,
  };
}

const rowOf = ({ chosen, k }: Routes, row: number) => chosen.subarray(row * k, (row + 1) * k);

const shapeOf = ({ layers, experts, k }: Routes) => ({ layers, experts, k });

test("Markov scores as its rule says, worked out from the whole past each time", () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 5 }), (seed, horizon) => {
      const routes = drawn({ seed, tokens: 8, prompts: 1 });
      const predictor = new Predictor("markov", { ...shapeOf(routes), horizon });
      const { layers, tokens } = routes;
      for (let row = 0; row + horizon < tokens * layers; row++) {
        predictor.observe(rowOf(routes, row));
        const [token, layer] = [Math.floor((row + horizon) / layers), (row + horizon) % layers];
        const expected = markovScores(routes, token, layer, horizon);
        predictor.predict().forEach((score, expert) => {
          expect(score).toBeCloseTo(expected[expert]!, 12);
        });
      }
    }),
    { seed: 1, numRuns: shareOf(20) },
  );
});

test.each(PREDICTORS)("%s sees the past only: what comes later does not change what it said", (name) => {
  const [one, other] = [drawn({ seed: 1 }), drawn({ seed: 1 })];
  const cut = 61; // layers, in the midst of a token
  other.chosen.set(drawn({ seed: 2 }).chosen.subarray(cut * 3), cut * 3);
  const said = [one, other].map((routes) => {
    const predictor = new Predictor(name, { ...shapeOf(routes), horizon: 2 });
    return Array.from({ length: cut + 20 }, (_, row) => {
      predictor.observe(rowOf(routes, row));
      return [...predictor.predict()];
    });
  });
  expect(said[0]!.slice(0, cut)).toEqual(said[1]!.slice(0, cut));
  expect(said[0]!.flat().every((score) => score >= 0 && score <= 1)).toBe(true);
  if (name !== "random") expect(said[0]).not.toEqual(said[1]);
});

test("what follows from the layer before is learnt by Markov, what follows from further back by recall and what mixes it", () => {
  // Layer 1 repeats layer 0's expert. Layer 2 is layer 0's expert times 2, whatever layer 1 says, which is drawn.
  const [layers, experts, tokens] = [3, 16, 400];
  const bits = new RandomBits({ seed: 4, batch: 2 * tokens }).next();
  const chosen = Uint16Array.from({ length: tokens * layers }, (_, row) => {
    const token = Math.floor(row / layers);
    const first = bits[2 * token]! % 8;
    return [first, 8 + (bits[2 * token + 1]! % 2), first * 2][row % layers]!;
  });
  const routes: Routes = {
    layers,
    experts,
    k: 1,
    tokens,
    prompt: new Uint32Array(tokens),
    phase: Uint8Array.from({ length: tokens }, (_, token) => Number(token >= tokens / 2)),
    chosen,
  };
  const of = (name: (typeof PREDICTORS)[number], horizon: number) =>
    evaluatePredictors(routes, { predictors: [name], horizons: [horizon] }).rows[0]!.recallK;
  // A third of the layers can be known; of the rest one in two, and one in eight.
  const ceiling = (1 + 1 / 2 + 1 / 8) / 3;
  expect(of("markov", 1)).toBeLessThan(0.35); // layer 2 cannot be told from layer 1
  for (const name of ["recall", "blend", "mlp"] as const) {
    expect(of(name, 1)).toBeGreaterThan(0.95 * ceiling - 0.05);
    expect(of(name, 1)).toBeLessThan(ceiling + 0.06); // none sees what is to come
  }
  expect(of("markov", 2)).toBeGreaterThan(0.95 * ceiling - 0.05);
});

test("the oracle is right, the rest count as a plain count says", () => {
  const routes = drawn({ tokens: 40 });
  const report = evaluatePredictors(routes, { horizons: [1, 3] });
  expect(report.tokens).toEqual({ warm: 30, scored: 10 });
  expect(report.warnings).toEqual([]);
  expect(report.rows).toHaveLength(18);
  for (const row of report.rows) {
    expect(row.recall16).toBe(1); // there are 12
    expect(row.prompts).toEqual([{ prompt: 1, recallK: row.recallK }]);
    expect(row.exact).toBeLessThanOrEqual(row.recallK);
    // As many bytes are fetched as k experts have: what is not used is wasted.
    const scored = row.reliability.reduce((sum, { count }) => sum + count, 0) / routes.experts;
    const used = Array.from(routes.chosen.subarray(30 * 5 * 3)).filter((expert) => expert !== 0xffff).length;
    expect(row.wasteK).toBeCloseTo((scored * routes.k) / used - row.recallK, 12);
  }
  const oracle = report.rows.filter(({ predictor }) => predictor === "oracle");
  for (const row of oracle) expect([row.recallK, row.exact, row.calibrationError]).toEqual([1, 1, 0]);
});

test("says where prompts cannot be split, and where nothing is scored", () => {
  const one = evaluatePredictors(drawn({ prompts: 1 }), { predictors: ["popularity"], horizons: [1] });
  expect(one.warnings).toEqual([
    "the trace has one prompt: what is scored was learnt from its own beginning, not from other prompts",
  ]);
  const none = evaluatePredictors(drawn(), { predictors: ["popularity"], horizons: [1], promptsToWarm: 2 });
  expect(none.warnings).toEqual(["no token is scored: no prompt left to score has decoding tokens"]);
});

test("a prompt begins with nothing before it, and what was learnt is kept", () => {
  const predictor = new Predictor("previous-token", { layers: 1, experts: 4, k: 1 });
  predictor.observe([2]);
  expect([...predictor.predict()]).toEqual([0, 0, 1, 0]);
  predictor.startPrompt();
  expect([...predictor.predict()]).toEqual([0, 0, 0.5, 0]);
});

test("every build and host says the same, to the last bit", () => {
  const routes = drawn({ layers: 6, experts: 32, k: 4, tokens: 40, seed: 9 });
  const sums = (["recall", "blend", "mlp"] as const).map((name) => {
    const predictor = new Predictor(name, shapeOf(routes));
    const said = Array.from({ length: 240 }, (_, row) => {
      predictor.observe(rowOf(routes, row));
      return [...predictor.predict()];
    });
    return checksum(Float32Array.from(said.flat()));
  });
  // These constants are its own, of the release in Node: what is tested is that other builds and hosts agree with it.
  expect(sums).toMatchInlineSnapshot(`
    [
      2015456625,
      4071216338,
      2450272202,
    ]
  `);
});

test("the logistic function is within 4e-15 of the host's, and whole at the ends", () => {
  for (let x = -40; x < 40; x += 0.0317) expect(Math.abs(logistic(x) * (1 + Math.exp(-x)) - 1)).toBeLessThan(4e-15);
  expect([logistic(0), logistic(1e9), logistic(-1e9) < 1e-300]).toEqual([0.5, 1, true]);
});

test("names the bad argument", () => {
  const shape = { layers: 4, experts: 8, k: 2 };
  expect(() => new Predictor("markow" as "markov", shape)).toThrow(
    new TypeError("there is no predictor markow; did you mean markov?"),
  );
  for (const [options, message] of [
    [{ horizon: 5 }, "horizon must be from 1 to 4, got 5"],
    [{ k: 9 }, "k must be from 1 to 8, got 9"],
    [{ layers: 0 }, "layers must be from 1 to 4096, got 0"],
    [
      { layers: 48, experts: 4096 },
      "experts must be fewer: 1 x 48 layers x 4096 x 4096 counts take 3.2 GB of at most 2, got 4096",
    ],
  ] as const)
    expect(() => new Predictor("markov", { ...shape, ...options })).toThrow(new RangeError(message));
  expect(() => new Predictor("blend", { layers: 1, experts: 15_000, k: 2 })).toThrow(
    "experts must be fewer: 3 x 1 layers x 15000 x 15000 counts take 2.7 GB of at most 2, got 15000",
  );
  expect(() => new Predictor("blend", { ...shape, horizn: 2 } as never)).toThrow(
    new TypeError("options has no field horizn; did you mean horizon?"),
  );
  const predictor = new Predictor("markov", shape);
  expect(() => predictor.predict()).toThrow("a layer must have been observed before the first prediction");
  expect(() => predictor.observe([1, 8])).toThrow("experts[1] must be from 0 to 7, got 8");
  expect(() => predictor.observe([1, 2, 3])).toThrow("experts must be at most 2, got 3");
  expect(() => predictor.observe([3, 3])).toThrow("experts must be distinct, got 3 twice");
  predictor.observe([1, 2]);
  expect(() => predictor.startPrompt()).toThrow("a prompt must start after 4 layers of a token, got 1");
  expect(() => evaluatePredictors(drawn(), { horizons: [6] })).toThrow("horizon must be from 1 to 5, got 6");
  expect(() => evaluatePredictors(drawn(), { promptsToWarm: 3 })).toThrow("promptsToWarm must be from 0 to 2, got 3");
});
