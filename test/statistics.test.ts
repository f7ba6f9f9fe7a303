import betaQuantileOf from "@stdlib/stats-base-dists-beta-quantile";
import fc from "fast-check";
import { expect, test } from "vitest";
import { normalQuantile } from "../src/normal.ts";
import { betaShare, leastWhole, meanInterval, rankInterval, shareInterval, standardErrors } from "../src/statistics.ts";
import { shareOf } from "./share.ts";

/** The probabilities of 0 .. n successes of probability `p`, by the recurrence from the likeliest on, summing to 1. */
function binomial(n: number, p: number): Float64Array {
  const weights = new Float64Array(n + 1);
  const mode = Math.min(n, Math.floor((n + 1) * p));
  weights[mode] = 1;
  for (let k = mode; k < n; k++) weights[k + 1] = (weights[k]! * (n - k) * p) / ((k + 1) * (1 - p));
  for (let k = mode; k > 0; k--) weights[k - 1] = (weights[k]! * k * (1 - p)) / ((n - k + 1) * p);
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight) => weight / sum);
}

const sumOf = (values: Float64Array) => values.reduce((a, b) => a + b, 0);

test("shareInterval's ends are quantiles of stdlib's beta distribution", () => {
  const counts = fc
    .integer({ min: 1, max: 1_000_000 })
    .chain((trials) =>
      fc.tuple(
        fc.constant(trials),
        fc.oneof(fc.integer({ min: 0, max: trials }), fc.integer({ min: 0, max: Math.min(20, trials) })),
      ),
    );
  fc.assert(
    fc.property(counts, fc.constantFrom(0.9, 0.95, 0.999), ([trials, hits], confidence) => {
      const rest = (1 - confidence) / 2;
      const { share, low, high } = shareInterval(hits, trials, confidence);
      expect(share).toBe(hits / trials);
      const lowest = hits === 0 ? 0 : betaQuantileOf(rest, hits, trials - hits + 1);
      const highest = hits === trials ? 1 : betaQuantileOf(1 - rest, hits + 1, trials - hits);
      expect(Math.abs(low - lowest)).toBeLessThanOrEqual(1e-10);
      expect(Math.abs(high - highest)).toBeLessThanOrEqual(1e-10);
    }),
    { seed: 1, numRuns: shareOf(300) },
  );
});

test("shareInterval equals closed forms and published values", () => {
  // None of n: 1 - (rest)^(1/n); all of n: its mirror.
  expect(shareInterval(0, 20).high).toBeCloseTo(1 - 0.025 ** (1 / 20), 12);
  expect(shareInterval(20, 20).low).toBeCloseTo(0.025 ** (1 / 20), 12);
  // Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I, method 5: 81 of 263, 15 of 148.
  for (const [hits, trials, low, high] of [
    [81, 263, 0.2527, 0.3676],
    [15, 148, 0.0578, 0.1617],
    [0, 20, 0, 0.1684],
    [1, 29, 0.0009, 0.1776],
  ] as const) {
    const interval = shareInterval(hits, trials);
    expect(Number(interval.low.toFixed(4))).toBe(low);
    expect(Number(interval.high.toFixed(4))).toBe(high);
  }
});

test("betaShare is the sum of binomial probabilities", () => {
  // P(at least k of n) = I_p(k, n - k + 1).
  for (const [n, p] of [
    [1, 0.3],
    [10, 0.5],
    [200, 0.01],
    [5000, 0.2],
  ] as const) {
    const probabilities = binomial(n, p);
    for (const share of [0.001, 0.2, 0.5, 0.8, 0.999]) {
      const k = Math.max(
        1,
        leastWhole(0, n, (k) => sumOf(probabilities.subarray(0, k + 1)) >= share),
      );
      expect(Math.abs(betaShare(p, k, n - k + 1) - sumOf(probabilities.subarray(k)))).toBeLessThan(1e-11);
    }
  }
  expect([betaShare(0, 2, 3), betaShare(1, 2, 3)]).toEqual([0, 1]);
});

test("rankInterval covers at least as often as it claims, and no narrower interval of ranks would", () => {
  const cases = fc.record({
    count: fc.integer({ min: 1, max: 3000 }),
    u: fc.oneof(fc.constantFrom(0.5, 0.1, 0.01, 0.001), fc.double({ min: 1e-6, max: 1 - 1e-6, noNaN: true })),
    confidence: fc.constantFrom(0.5, 0.9, 0.95, 0.999),
  });
  fc.assert(
    fc.property(cases, ({ count, u, confidence }) => {
      const [low, high] = rankInterval(u, count, confidence);
      const atOrBelow = binomial(count, 1 - u); // how many values are at or below the quantile
      const rest = (1 - confidence) / 2;
      // The value in place `low` is above the quantile when fewer than `low` are at or below it.
      const missedBelow = sumOf(atOrBelow.subarray(0, low));
      const missedAbove = sumOf(atOrBelow.subarray(high));
      expect(missedBelow).toBeLessThanOrEqual(rest + 1e-12);
      expect(missedAbove).toBeLessThanOrEqual(rest + 1e-12);
      expect(low).toBeGreaterThanOrEqual(0);
      expect(high).toBeLessThanOrEqual(count + 1);
      // One place further in on either side would miss too often.
      expect(missedBelow + atOrBelow[low]!).toBeGreaterThan(rest - 1e-12);
      if (high > 1) expect(missedAbove + atOrBelow[high - 1]!).toBeGreaterThan(rest - 1e-12);
    }),
    {
      seed: 2,
      numRuns: shareOf(500),
      examples: [[{ count: 1, u: 0.5, confidence: 0.95 }], [{ count: 100, u: 0.01, confidence: 0.95 }]],
    },
  );
});

test("rankInterval gives the tabulated places for a median", () => {
  // Campbell, Gardner, "Calculating confidence intervals for some non-parametric analyses" (1988): n = 100, 95%: 40 to 61.
  expect(rankInterval(0.5, 100)).toEqual([40, 61]);
  // Five values bound no 95% interval of a median: each side is missed with 1/32 = 3.1%, above 2.5%; six do.
  expect(rankInterval(0.5, 5)).toEqual([0, 6]);
  expect(rankInterval(0.5, 6)).toEqual([1, 6]);
  // The greatest of 100 is below the 99th percentile with 0.99^100 = 37%.
  expect(rankInterval(0.01, 100)[1]).toBe(101);
});

test("standardErrors is the two-sided normal value", () => {
  expect(standardErrors(0.95)).toBeCloseTo(1.959963984540054, 13);
  expect(standardErrors(0.99)).toBeCloseTo(2.5758293035489, 12);
  expect(standardErrors()).toBe(normalQuantile((1 - 0.95) / 2));
});

test("leastWhole is the first that holds, or the last", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: -50, max: 50 }),
      fc.nat({ max: 60 }),
      fc.integer({ min: -60, max: 120 }),
      (low, more, from) => {
        const expected = Math.min(low + more, Math.max(low, from));
        expect(leastWhole(low, low + more, (value) => value >= from)).toBe(expected);
      },
    ),
    { seed: 3 },
  );
});

test("names the bad argument", () => {
  for (const [call, message] of [
    [() => shareInterval(3, 2), "hits must be from 0 to 2, got 3"],
    [() => shareInterval(0, 0), `trials must be from 1 to ${2 ** 53 - 1}, got 0`],
    [() => shareInterval(0.5, 2), "hits must be a whole number, got 0.5"],
    [() => shareInterval(1, 2, 1.5), "confidence must be from 0 to 1, got 1.5"],
    [() => rankInterval(2, 10), "u must be from 0 to 1, got 2"],
    [() => rankInterval(0.5, 0), `count must be from 1 to ${2 ** 53 - 1}, got 0`],
  ] as const)
    expect(call).toThrow(new RangeError(message));
});

test("a mean's interval is Student's, by the tables of NIST's handbook", () => {
  // Five values with mean 3 and variance 2.5; 9 degrees of freedom below.
  const five = meanInterval([1, 2, 3, 4, 5]);
  expect(five.mean).toBe(3);
  expect(five.high - 3).toBeCloseTo(2.776 * Math.sqrt(2.5 / 5), 3);
  expect(3 - five.low).toBeCloseTo(five.high - 3, 12);
  const ten = meanInterval([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0.99);
  expect(ten.high - 5.5).toBeCloseTo(3.25 * Math.sqrt(55 / 60), 2);
  expect(meanInterval([4, 4, 4])).toEqual({ mean: 4, low: 4, high: 4 });
  expect(() => meanInterval([4])).toThrow("values.length must be from 2 to 9007199254740991, got 1");
});
