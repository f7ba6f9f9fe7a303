import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readRoutes } from "../../src/formats/routes.ts";
import { accessesOf } from "../../src/residency/accesses.ts";
import type { Policy } from "../../src/residency/policies.ts";
import { recencyCliff, sweepResidency } from "../../src/residency/sweep.ts";

const DATA = new URL("../../../shared/data/routes/", import.meta.url);
const MIB = 2 ** 20;
const POLICIES = ["lru", "lfu", "layer", "layerlfu", "belady"] as const satisfies Policy[];

const read = (name: string) => readRoutes(readFileSync(new URL(`${name}.route.csv.gz`, DATA)), { file: name });

/** Lines of a published curve, as they are printed. */
function published(name: string, policy: Policy): string[] {
  const lines = readFileSync(new URL(`${name}-curve.csv`, DATA), "utf8")
    .trimEnd()
    .split("\n");
  return lines.filter((line) => line.split(",")[1] === policy);
}

test.skipIf(!existsSync(DATA)).each(["gptoss", "qwen"])(
  "%s: published hit curves, to the printed digit",
  async (name) => {
    const routes = await read(name);
    const accesses = accessesOf(routes);
    for (const policy of POLICIES) {
      const expected = published(name, policy);
      expect(expected).toHaveLength(11);
      const budgetsBytes = expected.map((line) => Number(line.split(",")[0]) * MIB);
      const { points } = sweepResidency(accesses, {
        expertBytes: routes.expertBytes!,
        budgetsBytes,
        policies: [policy],
      });
      const printed = points.map(({ budgetBytes, hitShare, decode, readBytes }) =>
        [
          budgetBytes / MIB,
          policy,
          (100 * hitShare!).toFixed(3),
          (100 * decode.hitShare!).toFixed(3),
          (readBytes / MIB).toFixed(1),
        ].join(","),
      );
      expect(printed).toEqual(expected);
      // One for LRU below its cliff, one for layers whose shares are less than the k experts of a token.
      const token = routes.layers * routes.k * Math.max(...routes.expertBytes!);
      for (const { budgetBytes, warnings } of points) {
        const isCliff = policy === "lru" && budgetBytes <= 750 * MIB;
        const isExcess = (policy === "layer" || policy === "layerlfu") && budgetBytes < token;
        expect(warnings).toHaveLength(isCliff || isExcess ? 1 : 0);
      }
    }
  },
);

test.skipIf(!existsSync(DATA)).each(["gptoss", "qwen"])("%s: LRU falls to 0 below one token's cycle", async (name) => {
  const routes = await read(name);
  const { cliffBytes, cycleBytes } = recencyCliff(accessesOf(routes), routes.expertBytes!);
  // Every token of decode asks for k distinct experts of every layer.
  expect(cycleBytes).toBe(routes.k * routes.expertBytes!.reduce((sum, bytes) => sum + bytes, 0));
  // The last expert of a layer comes again, as the first of the next token, when all other layers have.
  expect(cliffBytes!).toBeGreaterThan(cycleBytes! - routes.k * Math.max(...routes.expertBytes!));
  expect(cliffBytes!).toBeLessThanOrEqual(cycleBytes!);
});
