import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { type BalancePlan, placeForBalance, verifyBalance } from "../../src/index.ts";

const SHARED = fileURLToPath(new URL("../../../shared/data/", import.meta.url));
const FOLDER = `${SHARED}placement`;
const read = (path: string) => JSON.parse(gunzipSync(readFileSync(`${SHARED}${path}`)).toString());
const instances = existsSync(FOLDER) ? readdirSync(FOLDER).filter((file) => file.startsWith("eplb-")) : [];

/** The least that each must reach: what EPLB, FlashLB and the rest do, as reference.json rounds it. */
describe.skipIf(instances.length === 0)("balance on real loads (../shared/data/placement)", () => {
  test.each(instances)("%s: never below what others reach", (file) => {
    const { weight, gpus, slots } = read(`placement/${file}`);
    const reference = JSON.parse(readFileSync(`${FOLDER}/reference.json`, "utf8"));
    const others: { inst: string; mean: number; worst: number }[] = reference.eplb;
    const problem = { loads: weight, gpus, slots };
    const plan = placeForBalance(problem) as BalancePlan;
    expect(verifyBalance(problem, plan).violations).toEqual([]);
    const rivals = others.filter(({ inst }) => inst === file.replace(".json.gz", ""));
    expect(rivals.length).toBeGreaterThan(3);
    for (const { mean, worst } of rivals) {
      expect(plan.balancednessMean).toBeGreaterThanOrEqual(mean - 5e-5);
      expect(plan.balancednessWorst).toBeGreaterThanOrEqual(worst - 5e-5);
    }
  });

  test.each([
    ["decode_in1000out1000", "decode_in500out1500", 1400],
    ["prefill_in4096", "decode_in2000out100", 2200],
  ])("drift from %s to %s: 0.99 in at most %d moves", (before, after, most) => {
    const loads = (name: string) => read(`loads/deepseek-r1.${name}.json.gz`).logical_count.slice(3);
    const shape = { gpus: 32, slots: 288 };
    const from = placeForBalance({ loads: loads(before), ...shape }) as BalancePlan;
    for (const wish of [{ target: 0.99 }, { movesMax: most }]) {
      const problem = { loads: loads(after), ...shape, from, ...wish };
      const plan = placeForBalance(problem) as BalancePlan;
      expect(verifyBalance(problem, plan).violations).toEqual([]);
      expect(plan.balancednessMean).toBeGreaterThanOrEqual(0.99);
      expect(plan.moves).toBeLessThanOrEqual(most);
    }
  });
});
