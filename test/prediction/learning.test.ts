import { expect, test } from "vitest";
import { evaluatePredictors } from "../../src/prediction/evaluate.ts";
import { learningOf } from "../../src/prediction/learning.ts";
import { RandomBits } from "../../src/random.ts";
import { RouteGenerator, type RouteModel, stateOf } from "../../src/routes/generate.ts";

const MODEL: RouteModel = {
  layers: 4,
  experts: 24,
  k: 3,
  workloads: [
    {
      name: "all",
      share: 1,
      zipf: 1,
      repetition: 0.25,
      dependence: 0.3,
      topics: 2,
      topicShare: 0.5,
      topicSwitch: 0.05,
    },
  ],
  seed: 3,
};

test("learning goes in ten equal steps, over prompts where there are five and else over blocks", () => {
  // Of 100 tokens the first 20 predicted nothing; of the others each used 4, and hit 1 before token 60 and 3 after.
  const used = Uint32Array.from({ length: 100 }, (_, token) => (token < 20 ? 0 : 4));
  const hits = Uint32Array.from({ length: 100 }, (_, token) => (token < 20 ? 0 : token < 60 ? 1 : 3));
  const prompt = Uint32Array.from({ length: 100 }, (_, token) => (token < 50 ? 0 : Math.floor(token / 2)));
  const steps = learningOf(prompt, used, hits);
  expect(steps.map(({ tokens }) => tokens)).toEqual([24.5, 34.5, 44.5, 54.5, 64.5, 74.5, 84.5, 94.5]);
  expect(steps.map(({ recallK }) => recallK)).toEqual([0.25, 0.25, 0.25, 0.25, 0.75, 0.75, 0.75, 0.75]);
  expect(steps.map(({ over }) => over)).toEqual([...Array(3).fill("blocks"), ...Array(5).fill("prompts")]);
  // None differs from the others.
  for (const { interval, recallK } of steps) expect(interval).toEqual([recallK, recallK]);
  // A step of one token has nothing to tell an interval from.
  const ten = new Uint32Array(10).fill(1);
  expect(learningOf(new Uint32Array(10), ten, ten)).toHaveLength(10);
  for (const { interval } of learningOf(new Uint32Array(10), ten, ten)) expect(interval).toBeNull();
});

test("recall grows as fast as there is something new to learn", () => {
  // Layer 0 takes any of 64 experts, and layer 1 what belongs to it: Markov knows it once it has seen it, after t tokens with a
  // chance of 1 - (63 / 64)^t. Layer 0 it can only guess.
  const [experts, tokens] = [64, 1000];
  const bits = new RandomBits({ seed: 12, batch: tokens }).next();
  const chosen = Uint16Array.from({ length: 2 * tokens }, (_, row) => {
    const first = bits[row >> 1]! >>> 26;
    return row % 2 === 0 ? first : (first * 37 + 11) % experts;
  });
  const prompt = Uint32Array.from({ length: tokens }, (_, token) => Math.floor(token / 10));
  const phase = new Uint8Array(tokens).fill(1);
  const routes = { layers: 2, experts, k: 1, tokens, prompt, phase, chosen };
  const { rows } = evaluatePredictors(routes, { predictors: ["markov"], horizons: [1] });
  const { learning } = rows[0]!;
  expect(learning).toHaveLength(10);
  learning.forEach(({ recallK, over }, step) => {
    expect(over).toBe("prompts");
    let [mean, variance, count] = [0, 0, 0];
    for (let token = step * 100; token < step * 100 + 100; token++) {
      // The first layer of a prompt is not predicted.
      for (const p of [...(token % 10 === 0 ? [] : [1 / 64]), 1 - (63 / 64) ** token]) {
        mean += p;
        variance += p * (1 - p);
        count++;
      }
    }
    expect(Math.abs(recallK - mean / count)).toBeLessThan((4 * Math.sqrt(variance)) / count);
  });
  expect(learning[9]!.recallK - learning[0]!.recallK).toBeGreaterThan(0.2);
});

test("intervals of recall hold what is true as often as they say", () => {
  const bits = new RandomBits({ seed: 8, batch: 65536 });
  let [held, count] = [0, 0];
  for (let round = 0; round < 100; round++) {
    const words = bits.next();
    // 300 tokens of 60 experts, 40 in every third, of which each is hit with a chance of 0.3.
    const used = Uint32Array.from({ length: 300 }, (_, token) => (token % 3 === 0 ? 40 : 60));
    const hits = used.map((most, token) => {
      let sum = 0;
      for (let i = 0; i < most; i++) sum += Number(words[token * 60 + i]! < 0.3 * 2 ** 32);
      return sum;
    });
    const prompts = Uint32Array.from(used, (_, token) => (round % 2 === 0 ? 0 : Math.floor(token / 5)));
    for (const { interval } of learningOf(prompts, used, hits)) {
      held += Number(interval![0] <= 0.3 && 0.3 <= interval![1]);
      count++;
    }
  }
  // 1,000 intervals: 4 standard errors of a share of 0.95.
  expect(count).toBe(1000);
  expect(Math.abs(held / count - 0.95)).toBeLessThan(4 * Math.sqrt((0.95 * 0.05) / 1000));
});

test("the ceiling is what the likeliest experts by the true probabilities recall", () => {
  const generator = new RouteGenerator(MODEL);
  const made = generator.generate({ prompts: 6, prefillTokens: 4, decodeTokens: 16 });
  const { routes, workload, topic } = made;
  const options = { predictors: ["markov", "oracle"], horizons: [1, 2], promptsToWarm: 0 } as const;
  const report = evaluatePredictors(routes, { ...options, origin: { generator, workload, topic } });
  let [hits, used] = [0, 0];
  for (let token = 0; token < routes.tokens; token++)
    for (let layer = 0; layer < 4; layer++) {
      if (routes.phase[token] === 0) continue;
      const p = generator.probabilities(stateOf(made, token, layer));
      const likeliest = [...p.keys()].sort((a, b) => p[b]! - p[a]! || a - b).slice(0, 3);
      const at = (token * 4 + layer) * 3;
      for (const expert of routes.chosen.subarray(at, at + 3)) hits += Number(likeliest.includes(expert));
      used += 3;
    }
  expect(report.ceiling!.recallK).toBeCloseTo(hits / used, 12);
  const [markov, , oracle] = report.rows;
  expect(markov!.ceilingShare!.recall16).toBeCloseTo(markov!.recall16 / report.ceiling!.recall16, 12);
  expect(markov!.ceilingShare!.recallK).toBeLessThan(1);
  expect(oracle!.ceilingShare!.recallK).toBeCloseTo(1 / report.ceiling!.recallK, 12);
  // Two layers ahead nobody knows what the choice depends on.
  expect(report.rows.map(({ ceilingShare }) => ceilingShare === null)).toEqual([false, true, false, true]);
  const untold = evaluatePredictors(routes, options);
  expect([untold.ceiling, untold.rows[0]!.ceilingShare]).toEqual([null, null]);
});

test("names the bad origin", () => {
  const generator = new RouteGenerator(MODEL);
  const { routes, ...behind } = generator.generate({ prompts: 2, prefillTokens: 0, decodeTokens: 3 });
  const other = new RouteGenerator({ ...MODEL, experts: 25 });
  for (const [origin, message] of [
    [{ generator: other, ...behind }, "origin's experts must be from 24 to 24, got 25"],
    [{ generator, ...behind, topic: behind.topic.subarray(1) }, "origin.topic must hold 6 values, got 5"],
    [{ generator, ...behind, workload: behind.workload.subarray(1) }, "origin.workload must hold 2 values, got 1"],
  ] as const)
    expect(() => evaluatePredictors(routes, { origin })).toThrow(new RangeError(message));
  expect(() => evaluatePredictors(routes, { horizon: [1] } as object)).toThrow(
    new TypeError("options has no field horizon; did you mean horizons?"),
  );
});
