import { expect, test } from "vitest";
import { claimsHeadline, judgeClaims } from "../../src/claims/index.ts";
import { commandLine, longLines, SLIPS } from "../run-cli.ts";

const { run } = commandLine("claims");
const TAKEN = new Set(["input", "context"]);

/** What does not come to what is stated when it is put back, and why. */
const APART: Readonly<Record<string, string>> = {
  "sla.data-phase: ports of 800 Gb/s side by side": "ports are whole, and one fewer has nothing to spare",
  "results.hbm-bandwidth: sequences of a GPU, before": "sequences are whole: the nearest number of them",
  "results.hbm-bandwidth: sequences of a GPU, after": "sequences are whole: the nearest number of them",
};

test("no statement is without an answer, and none but parameters without a computation", {
  timeout: 300_000,
}, async () => {
  const answers = await judgeClaims({ isQuick: true });
  expect(answers).toHaveLength(83);
  const apart = new Set(Object.keys(APART));
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
    for (const { parameter, value, gives } of needs) {
      const name = `${id}: ${parameter}`;
      if (value === null || !gives) continue;
      if (name in APART) apart.delete(name);
      else expect(Math.abs(gives.found / gives.stated - 1), name).toBeLessThan(0.01);
    }
  }
  expect([...apart]).toEqual([]);
});

test("the latency of optics costs a step 1% at no recall and utilisation", { timeout: 120_000 }, () => {
  const { joint, addedNsPerLoad, addedShareOfStep } = claimsHeadline({ isQuick: true });
  const utilisations = joint.recalls.map(({ utilisation }) => utilisation);
  expect(utilisations).toEqual(utilisations.toSorted((a, b) => a - b));
  expect(utilisations[0]).toBeLessThan(0.15);
  expect(utilisations.at(-1)).toBeGreaterThan(0.8);
  expect(joint.recalls.every(({ recall }) => recall === null)).toBe(true);
  expect(joint.mostShare).toBeLessThan(0.01);
  for (const { added, loads, recall, utilisation } of joint.points) {
    // A load is late by what its optics add at the most, and it is hidden where it is foreseen.
    const stepNs = (14 * addedNsPerLoad) / addedShareOfStep;
    expect(added.low, `${recall} at ${utilisation}`).toBeLessThan((loads * addedNsPerLoad) / stepNs);
  }
  // Where nothing queues and nothing is foreseen it is just that.
  const [{ added, loads, recall } = joint.points[0]!] = joint.points;
  const alone = (loads * addedShareOfStep) / 14;
  expect([recall, added.low < alone, alone < added.high]).toEqual([0, true, true]);
});

test("one statement in full, and as JSON", { timeout: 60_000 }, async () => {
  const said = await run("power.switch-saving");
  expect(said.stdout).toMatch(/does not follow/);
  expect(said.stdout).toMatch(/60 Tb\/s/);
  expect(said.stdout).not.toMatch(SLIPS);
  expect(longLines(said.stdout)).toEqual([]);
  const [answer] = JSON.parse((await run("tpot.headroom --json")).stdout);
  expect(answer).toMatchObject({ id: "tpot.headroom", verdict: "follows" });
  const both = await run("tpot.headroom --only input");
  expect([both.status, both.stdout]).toEqual([2, ""]);
  expect(both.stderr).toContain("--only is for all statements, and tpot.headroom is one: leave one of them out");
  const wrong = await run("power.switch-savin");
  expect(wrong.status).toBe(2);
  expect(wrong.stderr).toMatch(/power\.switch-saving/);
});
