import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readRoutes } from "../../src/formats/routes.ts";
import { evaluatePredictors } from "../../src/prediction/evaluate.ts";

const DATA = new URL("../../../shared/data/routes/", import.meta.url);

describe.skipIf(!existsSync(DATA))("real routes, decode, in points: recall @k, @16, @32", () => {
  test.each([
    ["gptoss", [34.9, 71.5, 79.8]],
    ["qwen", [54.9, 79.6, 90.8]],
  ] as const)(
    "%s: Markov reaches the stated floor, what mixes is well above it and knows how sure it is",
    async (name, floor) => {
      const routes = await readRoutes(readFileSync(new URL(`${name}.route.csv.gz`, DATA)), { file: name });
      const { rows, warnings } = evaluatePredictors(routes, {
        predictors: ["markov", "recall", "blend", "mlp"],
        horizons: [1, 8],
      });
      expect(warnings).toHaveLength(1);
      const of = (predictor: string, horizon: number) => {
        const row = rows.find((one) => one.predictor === predictor && one.horizon === horizon)!;
        return { ...row, points: [row.recallK, row.recall16, row.recall32].map((share) => 100 * share) };
      };
      const markov = of("markov", 1);
      for (const [i, points] of floor.entries()) expect(Math.abs(markov.points[i]! - points)).toBeLessThan(0.5);
      for (const predictor of ["recall", "blend", "mlp"]) {
        const { points, calibrationError } = of(predictor, 1);
        expect(points[0]! - markov.points[0]!).toBeGreaterThan(2);
        expect(points[1]! - markov.points[1]!).toBeGreaterThan(3);
        if (predictor !== "recall") expect(calibrationError).toBeLessThan(0.005);
        // In layers, sight falls off slowly.
        expect(points[1]! - of(predictor, 8).points[1]!).toBeLessThan(10);
      }
    },
  );
});
