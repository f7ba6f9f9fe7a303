import fc from "fast-check";
import { expect, test } from "vitest";
import { HISTOGRAM_COUNTS } from "../assembly/layout.ts";
import { Distribution } from "../src/distribution.ts";
import { Histogram } from "../src/histogram.ts";
import { HopSampler } from "../src/latency.ts";
import { workspace } from "../src/wasm.ts";
import { countsOf, placeOf } from "./reference/histogram.ts";
import { shareOf } from "./share.ts";

/** Any float, by its bits: NaN of both signs, infinities, subnormals and zeros among them. */
const anyFloats = fc
  .array(fc.oneof(fc.nat({ max: 2 ** 32 - 1 }), fc.integer({ min: 127 << 23, max: 159 << 23 })), { maxLength: 200 })
  .map((bits) => new Float32Array(Uint32Array.from(bits).buffer));

/** Floats of the range, evenly in their logarithm. */
const inRange = fc
  .array(fc.integer({ min: 127 << 23, max: (159 << 23) - 1 }), { minLength: 1, maxLength: 300 })
  .map((bits) => new Float32Array(Uint32Array.from(bits).buffer));

function recorded(values: Float32Array, batch = 4096): Histogram {
  const histogram = new Histogram({ batch });
  histogram.record(values);
  return histogram;
}

test("counts equal the reference's, whatever the bits", () => {
  const { kernels, views, at } = workspace({ counts: ["F64", HISTOGRAM_COUNTS], values: ["F32", 200] });
  fc.assert(
    fc.property(anyFloats, (values) => {
      views.counts.fill(0);
      views.values.set(values);
      kernels.recordValues(at.counts, at.values, values.length);
      const expected = countsOf(values);
      expect(views.counts.findIndex((count, place) => count !== expected[place])).toBe(-1);
    }),
    { seed: 1, numRuns: shareOf(500) },
  );
});

test("the first and the last value of every cell are counted in it", () => {
  const edges = Float32Array.from({ length: 32 * 1024 }, (_, i) => 2 ** (i >> 10) * (1 + (i & 1023) / 1024));
  const lasts = new Float32Array(new Uint32Array(edges.buffer).map((bits) => bits + (1 << 13) - 1).buffer);
  const { values, counts } = recorded(edges).counted();
  expect(counts.every((count) => count === 1)).toBe(true);
  expect(values).toHaveLength(edges.length);
  expect(recorded(lasts).counted()).toEqual({ values, counts });
});

test("every value of the range is read back within 1/2048", () => {
  fc.assert(
    fc.property(inRange, (values) => {
      for (const value of values.subarray(0, 5)) {
        const histogram = recorded(new Float32Array([value]));
        expect(Math.abs(histogram.quantile(0.5) / value - 1)).toBeLessThanOrEqual(1 / 2048);
        expect(histogram.counted().values).toEqual(new Float64Array([histogram.quantile(0.5)]));
        const counted = new Histogram();
        counted.recordCounted(value, 3);
        expect(counted.quantile(0.5)).toBe(histogram.quantile(0.5));
        expect(counted.count).toBe(3);
      }
    }),
    { seed: 2, numRuns: shareOf(40) },
  );
});

test("what lies outside is counted below or above", () => {
  const negativeNaN = new Float32Array(new Uint32Array([0xffc00000]).buffer)[0]!;
  const below = [0, -0, 0.5, 1 - 2 ** -24, -5, Number.NEGATIVE_INFINITY, 1e-45];
  const above = [2 ** 32, 1e30, Number.POSITIVE_INFINITY, Number.NaN, negativeNaN];
  const bits = new Float32Array(new Uint32Array([0xffc00000, 0x7fc00000, 0x7f800001, 0xffffffff]).buffer);
  const histogram = recorded(new Float32Array([...below, ...above, 1, 2 ** 32 - 256]));
  expect([histogram.below, histogram.above, histogram.count]).toEqual([below.length, above.length, 14]);
  expect(histogram.atRank(1)).toBe(1);
  expect(histogram.atRank(14)).toBe(2 ** 32);
  expect(recorded(bits).above).toBe(4);

  const counted = new Histogram();
  counted.recordCounted(0, 2);
  counted.recordCounted(2 ** 32, 3);
  counted.recordCounted(1e300, 4);
  counted.recordCounted(2 ** 32 - 1, 5);
  expect([counted.below, counted.above, counted.count]).toEqual([2, 7, 14]);
});

test("merging equals recording all in one, and leaves the other as it was", () => {
  fc.assert(
    fc.property(anyFloats, anyFloats, (a, b) => {
      const [one, other, all] = [recorded(a), recorded(b), recorded(Float32Array.of(...a, ...b))];
      one.merge(other);
      expect(one.counted()).toEqual(all.counted());
      expect([one.below, one.above, one.count]).toEqual([all.below, all.above, all.count]);
      expect(other.counted()).toEqual(recorded(b).counted());
    }),
    { seed: 3, numRuns: shareOf(40) },
  );
});

test("batches longer and shorter than the kernel's are counted whole", () => {
  const values = Float32Array.from({ length: 1000 }, (_, i) => 1 + i * i);
  const expected = recorded(values).counted();
  for (const batch of [1, 3, 4, 999, 1000, 1001]) expect(recorded(values, batch).counted()).toEqual(expected);
  const pieces = new Histogram({ batch: 64 });
  for (const [from, to] of [
    [0, 0],
    [0, 1],
    [1, 64],
    [64, 65],
    [65, 400],
    [400, 1000],
  ])
    pieces.record(values.subarray(from, to));
  expect(pieces.counted()).toEqual(expected);
  expect(new Histogram().count).toBe(0);
});

test("ranks and quantiles are those of the sorted values", () => {
  fc.assert(
    fc.property(inRange, fc.integer({ min: 0, max: 1024 }), (values, parts) => {
      const histogram = recorded(values);
      const sorted = [...values].sort((a, b) => a - b);
      for (let rank = 1; rank <= sorted.length; rank++)
        expect(placeOf(histogram.atRank(rank))).toBe(placeOf(sorted[rank - 1]!));
      // u is a whole number of 1024ths, so that no rounding decides: n - floor(u n) values are at or below.
      const u = parts / 1024;
      const rank = Math.max(1, sorted.length - Math.floor((parts * sorted.length) / 1024));
      expect(placeOf(histogram.quantile(u))).toBe(placeOf(sorted[rank - 1]!));
    }),
    { seed: 4, numRuns: shareOf(60) },
  );
  const thousand = recorded(Float32Array.from({ length: 1000 }, (_, i) => i + 1));
  for (const [u, value] of [
    [0.5, 500],
    [0.05, 950],
    [0.01, 990],
    [0.001, 999],
    [0, 1000],
    [1, 1],
  ] as const)
    expect(placeOf(thousand.quantile(u))).toBe(placeOf(value));
  expect(new Histogram().quantile(0.5)).toBe(Number.NaN);
  expect(new Histogram().atRank(1)).toBe(Number.NaN);
  expect(thousand.atRank(5000)).toBe(thousand.atRank(1000));
});

test("moments are those of the values, within the cells' width", () => {
  // Reading a value back moves it by at most its 2048th part: the mean by as much, and sigma by at most the root mean square.
  const values = new HopSampler(Distribution.fromQuantiles({ medianNs: 198, p99Ns: 1240, bodyJitter3SigmaNs: 310 }), {
    batch: 100_000,
  }).next();
  const mean = values.reduce((sum, ns) => sum + ns, 0) / values.length;
  const sigma = Math.sqrt(values.reduce((sum, ns) => sum + (ns - mean) ** 2, 0) / (values.length - 1));
  const rootMeanSquare = Math.sqrt(values.reduce((sum, ns) => sum + ns * ns, 0) / values.length);
  const moments = recorded(values).moments();
  expect(Math.abs(moments.mean - mean)).toBeLessThan(mean / 2048);
  expect(Math.abs(moments.sigma - sigma)).toBeLessThan(rootMeanSquare / 2047);
  expect(sigma).toBeGreaterThan(100); // so the bounds above say something
  // Cells' middles are read back as they are: 3 and 5 are not, 3 + 1/1024 and 5 + 1/512 are.
  const exact = new Histogram();
  exact.recordCounted(3 + 2 ** -10, 2);
  exact.recordCounted(5 + 2 ** -9, 2);
  const half = (2 + 2 ** -10) / 2;
  expect(exact.moments().mean).toBe(3 + 2 ** -10 + half);
  expect(exact.moments().sigma).toBe(Math.sqrt((4 * half * half) / 3));
});

test("names the bad argument", () => {
  for (const [batch, message] of [
    [0, "batch must be from 1 to 16777216, got 0"],
    [1.5, "batch must be a whole number, got 1.5"],
    [2 ** 25, `batch must be from 1 to 16777216, got ${2 ** 25}`],
  ] as const)
    expect(() => new Histogram({ batch })).toThrow(new RangeError(message));
  const histogram = new Histogram();
  expect(() => histogram.recordCounted(-1, 1)).toThrow(new RangeError("value must be at least 0, got -1"));
  expect(() => histogram.recordCounted(Number.NaN, 1)).toThrow(new RangeError("value must be finite, got NaN"));
  expect(() => histogram.recordCounted(1, 0)).toThrow(new RangeError("count must be above 0, got 0"));
  expect(() => histogram.quantile(1.1)).toThrow(new RangeError("u must be from 0 to 1, got 1.1"));
  expect(histogram.count).toBe(0);
});
