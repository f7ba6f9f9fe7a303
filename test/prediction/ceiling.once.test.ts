import { expect, test } from "vitest";
import { evaluatePredictors } from "../../src/prediction/evaluate.ts";
import { RouteGenerator } from "../../src/routes/generate.ts";

test("4,000 tokens of generated routes: what mixes reaches 97% of the ceiling, Markov does not reach 95%", () => {
  const workload = {
    name: "all",
    share: 1,
    zipf: 1,
    repetition: 0.25,
    dependence: 0.3,
    topics: 1,
    topicShare: 0,
    topicSwitch: 0,
  };
  const generator = new RouteGenerator({ layers: 6, experts: 32, k: 4, seed: 3, workloads: [workload] });
  const made = generator.generate({ prompts: 40, prefillTokens: 0, decodeTokens: 100, seed: 5 });
  // With one topic and one workload a predictor sees all that a choice depends on, at horizon 1.
  const { ceiling, rows } = evaluatePredictors(made.routes, {
    predictors: ["markov", "mlp"],
    horizons: [1],
    origin: { generator, ...made },
  });
  const [markov, mlp] = rows;
  expect(mlp!.ceilingShare!.recallK).toBeGreaterThan(0.97);
  expect(mlp!.ceilingShare!.recall16).toBeGreaterThan(0.97);
  expect(markov!.ceilingShare!.recallK).toBeLessThan(0.95);
  // 2,000 scored tokens x 6 layers x 4 experts: 5 standard errors of a share are below 0.012.
  for (const { ceilingShare } of rows)
    expect(ceilingShare!.recallK * ceiling!.recallK).toBeLessThan(ceiling!.recallK + 0.012);
});
