import { expect, test } from "vitest";
import { judgeClaims } from "../../src/claims/index.ts";
import { commandLine, longLines, SLIPS } from "../run-cli.ts";

const { run } = commandLine("claims");
const TAKEN = new Set(["input", "context"]);

test("no statement is without an answer, and none but parameters without a computation", {
  timeout: 300_000,
}, async () => {
  const answers = await judgeClaims({ isQuick: true });
  expect(answers).toHaveLength(83);
  for (const { id, kind, verdict, arithmetic, because, figures, readings, seeds, needs } of answers) {
    expect(because.length, id).toBeGreaterThan(10);
    if (TAKEN.has(kind)) {
      expect(verdict, id).toBe(kind);
      continue;
    }
    expect(TAKEN.has(verdict), id).toBe(false);
    expect(arithmetic.length, id).toBeGreaterThan(0);
    expect(figures.length + readings.length, id).toBeGreaterThan(0);
    if (kind === "simulated") expect(seeds, id).toBeGreaterThanOrEqual(5);
    if (verdict === "not reproduced" && kind === "simulated") expect(needs.length, id).toBeGreaterThan(0);
    // What was solved for gives what is stated, within a hundredth, when it is put back.
    for (const { parameter, value, gives } of needs)
      if (
        value !== null &&
        gives &&
        !/ports of|sequences of a GPU|layers after|above|traversals|ingress/.test(parameter)
      )
        expect(Math.abs(gives.found / gives.stated - 1), `${id}: ${parameter}`).toBeLessThan(0.02);
  }
});

test("one statement in full, and as JSON", { timeout: 60_000 }, async () => {
  const said = await run("power.switch-saving");
  expect(said.stdout).toMatch(/does not follow/);
  expect(said.stdout).toMatch(/60 Tb\/s/);
  expect(said.stdout).not.toMatch(SLIPS);
  expect(longLines(said.stdout)).toEqual([]);
  const [answer] = JSON.parse((await run("tpot.headroom --json")).stdout);
  expect(answer).toMatchObject({ id: "tpot.headroom", verdict: "follows" });
  const wrong = await run("power.switch-savin");
  expect(wrong.status).toBe(2);
  expect(wrong.stderr).toMatch(/power\.switch-saving/);
});
