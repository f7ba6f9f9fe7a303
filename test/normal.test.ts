import normalQuantileOf from "@stdlib/stats-base-dists-normal-quantile";
import fc from "fast-check";
import { expect, test } from "vitest";
import { exp, ln, normalQuantile } from "../src/normal.ts";
import { shareOf } from "./share.ts";
import { NORMAL_QUANTILES } from "./vectors/draws.ts";

const bits = new DataView(new ArrayBuffer(8));

/** The distance from `x` to the next double away from 0. */
function ulp(x: number): number {
  bits.setFloat64(0, Math.abs(x));
  bits.setBigInt64(0, bits.getBigInt64(0) + 1n);
  return bits.getFloat64(0) - Math.abs(x);
}

/** Any positive, finite double by its bits: all magnitudes alike, subnormals among them. */
const positive = fc.bigInt({ min: 1n, max: 0x7fefffffffffffffn }).map((word) => {
  bits.setBigInt64(0, word);
  return bits.getFloat64(0);
});

test("ln is within 2 units in the last place of the host's", () => {
  // Each is within 1 of the true value: V8's Math.log is fdlibm's, which says so of itself.
  const nearOne = fc.double({ min: 0.5, max: 2, noNaN: true });
  fc.assert(
    fc.property(fc.oneof(positive, nearOne), (x) => {
      expect(Math.abs(ln(x) - Math.log(x))).toBeLessThanOrEqual(2 * ulp(Math.log(x)));
    }),
    {
      seed: 1,
      numRuns: shareOf(20_000),
      examples: [
        [1],
        [Number.MIN_VALUE],
        [Number.MAX_VALUE],
        [Math.SQRT2],
        [Math.SQRT1_2],
        [1 + 2 ** -52],
        [1 - 2 ** -53],
      ],
    },
  );
  expect(ln(1)).toBe(0);
});

test("ln refuses what has no finite logarithm", () => {
  for (const x of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
    expect(() => ln(x)).toThrow(new RangeError(`x must be above 0 and finite, got ${x}`));
});

test("normalQuantile is that of stdlib around the middle", () => {
  // stdlib takes the probability p below and works on 2p - 1, which holds few digits of p farther out: -ours at p is theirs.
  fc.assert(
    fc.property(fc.double({ min: 0.01, max: 0.99, noNaN: true }), (u) => {
      const expected = -normalQuantileOf(u, 0, 1);
      expect(Math.abs(normalQuantile(u) - expected)).toBeLessThanOrEqual(1e-14 * Math.abs(expected));
    }),
    { seed: 2, numRuns: shareOf(20_000) },
  );
  expect(normalQuantile(0.5)).toBe(0);
});

test.each(NORMAL_QUANTILES)("normalQuantile of %d is the C twin's, found by bisecting erfcl", (u, z) => {
  expect(Math.abs(normalQuantile(u) / z - 1)).toBeLessThanOrEqual(1e-14);
});

test("normalQuantile falls as u rises, across the borders of its three formulas too", () => {
  fc.assert(
    fc.property(
      fc.constantFrom(0.075, 0.925, Math.exp(-25), 0.5, 0.3),
      fc.double({ min: 1e-9, max: 1e-3, noNaN: true }),
      (border, apart) => {
        expect(normalQuantile(border * (1 - apart))).toBeGreaterThan(normalQuantile(border));
        expect(normalQuantile(1 - (1 - border) * (1 - apart))).toBeLessThan(normalQuantile(border));
      },
    ),
    { seed: 3 },
  );
});

test("exp is within 1e-12 of the host's, in proportion down to -250, and ends in 0", () => {
  fc.assert(
    fc.property(fc.double({ min: -800, max: 0, noNaN: true }), (x) => {
      expect(Math.abs(exp(x) - Math.exp(x))).toBeLessThanOrEqual(1e-12 * (x > -250 ? Math.exp(x) : 1));
    }),
    { seed: 4, numRuns: shareOf(2000) },
  );
  expect([exp(0), exp(-746), exp(Number.NEGATIVE_INFINITY)]).toEqual([1, 0, 0]);
});
