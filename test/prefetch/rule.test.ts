import fc from "fast-check";
import { expect, test } from "vitest";
import { Distribution } from "../../src/distribution.ts";
import { type PrefetchCase, PrefetchRule } from "../../src/prefetch/rule.ts";
import { overtaken } from "../reference/prefetch.ts";
import { shareOf } from "../share.ts";

const SERVICE_NS = 28_000;
const loadNs = Distribution.fromQuantiles({ medianNs: 51_000, p99Ns: 54_000, bodyJitter3SigmaNs: 900 });
const rule = new PrefetchRule({ loadNs, serviceNs: SERVICE_NS, chunkNs: 700 });

const IDLE: PrefetchCase = {
  confidence: 1,
  leadNs: 1e9,
  urgentNs: 0,
  speculativeNs: 0,
  utilisation: 0,
  evictedChance: 0,
};
const share = fc.double({ min: 0, max: 1, noNaN: true });
const ns = fc.double({ min: 0, max: 1e6, noNaN: true });
const cases = fc.record({
  confidence: share,
  leadNs: ns,
  urgentNs: ns,
  speculativeNs: ns,
  utilisation: fc.double({ min: 0, max: 1.2, noNaN: true }),
  evictedChance: share,
});
/** What is saved less what is caused, in ns; sums of doubles of up to 1e10 are right to about 1e-5. */
const willing = (asked: PrefetchCase) => {
  const { savedNs, causedNs } = rule.decide(asked);
  return savedNs - causedNs;
};
const ROUNDING_NS = 1e-5;

test.each([
  ["confidence", share, 1],
  ["leadNs", ns, 1],
  ["urgentNs", ns, -1],
  ["speculativeNs", ns, -1],
  ["evictedChance", share, -1],
] as const)("the more %s, the more or the less willing, never both", (name, values, sign) => {
  fc.assert(
    fc.property(cases, values, values, (asked, one, other) => {
      const [less, more] = [Math.min(one, other), Math.max(one, other)];
      const [before, after] = [willing({ ...asked, [name]: less }), willing({ ...asked, [name]: more })];
      expect(sign * (after - before)).toBeGreaterThanOrEqual(-ROUNDING_NS);
    }),
    { seed: 1, numRuns: shareOf(400) },
  );
});

test("what is hopeless is never prefetched, and what is certain always where there is time", () => {
  fc.assert(
    fc.property(cases, (asked) => {
      const { savedNs, causedNs } = rule.decide(asked);
      expect(savedNs).toBeGreaterThanOrEqual(0);
      expect(causedNs).toBeGreaterThanOrEqual(0);
      expect(rule.decide({ ...asked, confidence: 0 }).prefetch).toBe(false);
      expect(rule.decide({ ...asked, utilisation: 1 + asked.utilisation }).prefetch).toBe(false);
      const { leadNs, evictedChance } = asked;
      if (evictedChance < 1)
        expect(rule.decide({ ...IDLE, evictedChance, leadNs: loadNs.mostNs + leadNs }).prefetch).toBe(true);
    }),
    { seed: 1, numRuns: shareOf(400) },
  );
});

test("on an idle fabric what is saved is the lead, up to the load's time", () => {
  const sure = new PrefetchRule({ loadNs: Distribution.uniform(5e4, 5e4), serviceNs: 2e4, chunkNs: 500 });
  for (const [leadNs, savedNs] of [
    [0, 0],
    [1e4, 1e4],
    [4e4, 4e4],
    [5e4, 5e4],
    [9e4, 5e4],
  ] as const)
    for (const confidence of [0.25, 1])
      expect(sure.decide({ ...IDLE, leadNs, confidence }).savedNs).toBeCloseTo(confidence * savedNs, 6);
  // Work before it puts it off by as much.
  expect(sure.decide({ ...IDLE, leadNs: 6e4, urgentNs: 1e4, speculativeNs: 5e3 }).savedNs).toBeCloseTo(4.5e4, 6);
});

test("what overtakes is distributed as in a queue that is played through", () => {
  const sure = new PrefetchRule({ loadNs: Distribution.uniform(5e4, 5e4), serviceNs: 2e4, chunkNs: 500 });
  for (const [utilisation, beforeNs, leadNs] of [
    [0.3, 0, 6e4],
    [0.5, 3e4, 9e4],
    [0.8, 1e4, 15e4],
  ] as const) {
    const demandNs = 5e4 + (utilisation / (2 * (1 - utilisation))) * 2e4;
    const runs = 40_000;
    const lates = overtaken({ runs, utilisation, beforeNs, serviceNs: 2e4, seed: 5 }).map((behindNs) =>
      Math.min(demandNs, Math.max(0, 5e4 + behindNs - leadNs)),
    );
    const mean = lates.reduce((sum, late) => sum + late, 0) / runs;
    const sigma = Math.sqrt(lates.reduce((sum, late) => sum + (late - mean) ** 2, 0) / runs);
    const { savedNs } = sure.decide({ ...IDLE, leadNs, utilisation, urgentNs: beforeNs });
    expect(Math.abs(demandNs - savedNs - mean)).toBeLessThan((4 * sigma) / Math.sqrt(runs));
  }
});

test("a queue at saturation has no mean", () => {
  expect(rule.demandNs(0.999)).toBeGreaterThan(rule.demandNs(0.9));
  expect([rule.demandNs(1), rule.demandNs(1.5)]).toEqual([Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);
  expect(() => rule.demandNs(-0.1)).toThrow("utilisation must be at least 0, got -0.1");
});

test("names the bad argument", () => {
  const times = { loadNs, serviceNs: 1000, chunkNs: 100 };
  expect(() => new PrefetchRule({ ...times, chunkNs: 2000 })).toThrow("chunkNs must be from 5e-324 to 1000, got 2000");
  expect(() => new PrefetchRule({ ...times, serviceNs: 0 })).toThrow("serviceNs must be above 0, got 0");
  expect(() => rule.decide({ ...IDLE, confidence: 1.1 })).toThrow("confidence must be from 0 to 1, got 1.1");
  expect(() => rule.decide({ ...IDLE, leadNs: -5 })).toThrow("leadNs must be at least 0, got -5");
  expect(() => rule.decide({ ...IDLE, utilisation: Number.NaN })).toThrow("utilisation must be finite, got NaN");
});
