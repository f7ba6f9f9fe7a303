import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { COMM_TABLES } from "../src/expert-parallel/index.ts";
import { readCommTimes } from "../src/formats/comm.ts";

const FILE = fileURLToPath(new URL("../../shared/data/comm/deepep_ll_measured.csv", import.meta.url));

test.skipIf(!existsSync(FILE))("built-in times are those of ../shared/data/comm", () => {
  const tables = readCommTimes(readFileSync(FILE, "utf8"), { file: "deepep_ll_measured.csv" });
  // 16 shapes of model on each of 4 systems.
  expect([tables.length, tables.every(({ points }) => points.length === 11)]).toEqual([64, true]);
  for (const { system, hidden, expertsPerToken, experts, points } of COMM_TABLES) {
    const measured = tables.find(
      (one) =>
        one.system === system &&
        one.hidden === hidden &&
        one.expertsPerToken === expertsPerToken &&
        one.experts === experts,
    )!;
    for (const point of points) {
      const { dispatchNs, combineNs } = measured.points.find(({ tokens }) => tokens === point.tokens)!;
      expect(Math.abs(dispatchNs - point.dispatchNs), system).toBeLessThan(0.5);
      expect(Math.abs(combineNs - point.combineNs), system).toBeLessThan(0.5);
    }
  }
});
