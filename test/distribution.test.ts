import fc from "fast-check";
import { expect, test } from "vitest";
import { CELLS, QUANTILES } from "../assembly/layout.ts";
import { BODY_ENDS_AT, Distribution, type LatencyQuantiles } from "../src/distribution.ts";
import { normalQuantile } from "../src/normal.ts";
import { RandomBits } from "../src/random.ts";
import { rankInterval } from "../src/statistics.ts";
import { shareOf } from "./share.ts";
import { PROFILE_DRAWS } from "./vectors/draws.ts";

const [dsp, , , pcb, dsp999] = PROFILE_DRAWS.map(({ quantiles }) => quantiles) as LatencyQuantiles[] as [
  LatencyQuantiles,
  LatencyQuantiles,
  LatencyQuantiles,
  LatencyQuantiles,
  LatencyQuantiles,
];

/** The standard normal density at the value that is exceeded with probability `u`. */
const density = (u: number) => Math.exp(-(normalQuantile(u) ** 2) / 2) / Math.sqrt(2 * Math.PI);
const float = (ns: number) => ns * 2 ** -24; // what rounding a table's edge to a float moves it by at most

/** The slopes in ln u, in ns: of the body where it ends, of the tail before p99, and of the tail beyond p99. */
function slopesNs({ medianNs, p99Ns, p999Ns, bodyJitter3SigmaNs }: LatencyQuantiles) {
  const sigmaNs = bodyJitter3SigmaNs / 3;
  const bodyEndsNs = medianNs + normalQuantile(BODY_ENDS_AT) * sigmaNs;
  const before = (p99Ns - bodyEndsNs) / Math.log(5);
  const beyond = p999Ns === undefined ? before : (p999Ns - p99Ns) / Math.log(10);
  return { sigmaNs, bodyEndsNs, body: (sigmaNs * BODY_ENDS_AT) / density(BODY_ENDS_AT), before, beyond };
}

test.each(PROFILE_DRAWS)("$name passes through its knots, within a cell's error", ({ quantiles }) => {
  const hop = Distribution.fromQuantiles(quantiles);
  const { sigmaNs, bodyEndsNs, body, before, beyond } = slopesNs(quantiles);
  const errorNs = (u: number, ns: number) => Math.abs(hop.quantileNs(u) - ns);
  // A cell is at most u / 128 wide. The chord of a curve with slope s in ln u is off by at most s / 8 / 128^2, that of a
  // kink by at most the change of slope / 4 / 128.
  const chord = (slopeNs: number) => slopeNs / 8 / CELLS ** 2;
  const kink = (a: number, b: number) => Math.abs(a - b) / 4 / CELLS;
  expect(errorNs(0.5, quantiles.medianNs)).toBeLessThanOrEqual(float(quantiles.medianNs)); // an edge
  expect(errorNs(0.05, bodyEndsNs)).toBeLessThan(
    kink(body, before) + chord(Math.max(body, before)) + float(bodyEndsNs),
  );
  expect(errorNs(0.01, quantiles.p99Ns)).toBeLessThan(
    kink(before, beyond) + chord(Math.max(before, beyond)) + float(quantiles.p99Ns),
  );
  if (quantiles.p999Ns !== undefined)
    expect(errorNs(0.001, quantiles.p999Ns)).toBeLessThan(chord(beyond) + float(quantiles.p999Ns));
  // A chord of the body between 1/8 and 1/4 is off by at most (2^-10)^2 / 8 of the second derivative, sigma z / density^2.
  const oneSigma = 0.15865525393145705;
  expect(errorNs(oneSigma, quantiles.medianNs + sigmaNs)).toBeLessThan(
    (sigmaNs * 2 ** -23) / density(oneSigma) ** 2 + float(quantiles.medianNs),
  );
});

test.each(PROFILE_DRAWS)("$name goes on with its last slope", ({ quantiles }) => {
  const hop = Distribution.fromQuantiles(quantiles);
  const { beyond } = slopesNs(quantiles);
  const last = quantiles.p999Ns === undefined ? 0.01 : 0.001;
  expect(hop.extrapolatedBelow).toBe(last);
  const lastNs = quantiles.p999Ns ?? quantiles.p99Ns;
  for (const u of [last / 10, 1e-5, 1e-7, 2 ** -32]) {
    const expectedNs = lastNs + beyond * Math.log(last / u);
    expect(Math.abs(hop.quantileNs(u) - expectedNs)).toBeLessThan(beyond / 8 / CELLS ** 2 + float(expectedNs));
  }
  expect(hop.quantileNs(0)).toBe(hop.quantileNs(2 ** -32));
  expect(hop.samples).toBeNull();
});

test("nothing is below the floor, and where the body would be, it holds", () => {
  const wide = { medianNs: 100, p99Ns: 400, bodyJitter3SigmaNs: 150 }; // at u = 0.998 the body alone would be at -44
  expect(Distribution.fromQuantiles(wide).quantileNs(1)).toBe(50);
  expect(Distribution.fromQuantiles(wide).quantileNs(0.5)).toBe(100);
  expect(Distribution.fromQuantiles({ ...wide, floorNs: 90 }).quantileNs(1)).toBe(90);
  // P(body < 90) = P(z > 10 / 50) = 0.4207: above u = 0.58 all is floor.
  expect(Distribution.fromQuantiles({ ...wide, floorNs: 90 }).quantileNs(0.59)).toBe(90);
  expect(Distribution.fromQuantiles({ ...wide, floorNs: 90 }).quantileNs(0.57)).toBeGreaterThan(90.5);
  expect(Distribution.fromQuantiles({ ...wide, floorNs: 90 }).exceedance(89.9)).toBe(1);
});

/** Quantiles that do not contradict each other, with a body that is nowhere flat. */
const quantiles = fc
  .record({
    medianNs: fc.double({ min: 1, max: 1e5, noNaN: true }),
    jitter: fc.double({ min: 0.01, max: 0.5, noNaN: true }),
    spread: fc.double({ min: 1.2, max: 4, noNaN: true }),
    more: fc.double({ min: 1.1, max: 4, noNaN: true }),
  })
  .map(({ medianNs, jitter, spread, more }) => ({
    medianNs,
    p99Ns: medianNs * (1 + jitter * spread),
    p999Ns: medianNs * (1 + jitter * spread * more),
    bodyJitter3SigmaNs: medianNs * jitter,
  }));
const share = fc.oneof(
  fc.double({ min: 2 ** -31, max: 1, noNaN: true }),
  fc.double({ min: -31, max: 0, noNaN: true }).map((octave) => 2 ** octave),
);

test("quantileNs never rises with u", () => {
  fc.assert(
    fc.property(quantiles, share, share, (q, a, b) => {
      const hop = Distribution.fromQuantiles(q);
      expect(hop.quantileNs(Math.min(a, b))).toBeGreaterThanOrEqual(hop.quantileNs(Math.max(a, b)));
    }),
    { seed: 1, numRuns: shareOf(200) },
  );
});

test("exceedance and quantileNs are inverses", () => {
  fc.assert(
    fc.property(quantiles, share, (q, u) => {
      const hop = Distribution.fromQuantiles(q);
      // A cell is higher than 3e-6 of the median here, so a rounding of ns by 2^-53 moves u by less than 1e-10 of itself.
      expect(Math.abs(hop.exceedance(hop.quantileNs(u)) / u - 1)).toBeLessThan(1e-10);
      const ns = hop.quantileNs(u);
      expect(Math.abs(hop.quantileNs(hop.exceedance(ns)) / ns - 1)).toBeLessThan(1e-12);
    }),
    { seed: 2, numRuns: shareOf(300) },
  );
});

test("exceedance at and beyond the ends, and where the function is flat", () => {
  const hop = Distribution.fromQuantiles(dsp);
  expect(hop.exceedance(hop.quantileNs(0))).toBe(0);
  expect(hop.exceedance(1e9)).toBe(0);
  expect(hop.exceedance(0)).toBe(1);
  expect(hop.exceedance(hop.quantileNs(1) - 1)).toBe(1);
  // A step: 10 with probability 3/4, 20 with 1/4.
  const step = Distribution.fromFunction((u) => (u < 0.25 ? 20 : 10));
  expect(step.exceedance(10)).toBe(0.25);
  expect(step.exceedance(9.9)).toBe(1);
  expect(step.exceedance(20)).toBe(0);
  expect(Distribution.fromFunction(() => 7).exceedance(7)).toBe(0);
  expect(Distribution.fromFunction(() => 7).exceedance(6.9)).toBe(1);
});

test.each(PROFILE_DRAWS)("moments of $name are those of its function, integrated on a finer grid", ({ quantiles }) => {
  const hop = Distribution.fromQuantiles(quantiles);
  // Midpoints in t = -ln u, 500,000 up to 2^-32, beyond which Q stays: cells hold 100 and more, and no edge is an edge of both.
  // The midpoint rule errs by dt^2 / 24 of the second derivative: 1e-10 of Q; its square's root is told apart to 1e-7.
  const [steps, end] = [500_000, 32 * Math.LN2];
  const dt = end / steps;
  let [total, mean, square] = [
    2 ** -32,
    2 ** -32 * hop.quantileNs(0),
    2 ** -32 * (hop.quantileNs(0) - quantiles.medianNs) ** 2,
  ];
  for (let i = 0; i < steps; i++) {
    const u = Math.exp(-(i + 0.5) * dt);
    const ns = hop.quantileNs(u);
    total += u * dt;
    mean += u * dt * ns;
    square += u * dt * (ns - quantiles.medianNs) ** 2;
  }
  expect(Math.abs(total - 1)).toBeLessThan(1e-9);
  const sigma = Math.sqrt(square - (mean - quantiles.medianNs) ** 2);
  const { meanNs, sigmaNs } = hop.moments();
  expect(Math.abs(meanNs / mean - 1)).toBeLessThan(1e-8);
  expect(Math.abs(sigmaNs / sigma - 1)).toBeLessThan(1e-6);
});

test.each(PROFILE_DRAWS)("the mean of $name is that of a normal body and an exponential tail", ({ quantiles }) => {
  // In closed form: the normal's mean over u > 0.05 is 0.95 median - sigma density(0.05); a floor lifts it by
  // sigma (a P(z < a) + density there), a in sigmas from the median; a tail of slope s in ln u has the mean s beyond its start.
  const { medianNs, p99Ns } = quantiles;
  const { sigmaNs, bodyEndsNs, before, beyond } = slopesNs(quantiles);
  const a = -medianNs / 2 / sigmaNs;
  let [below, above] = [1e-150, 0.5]; // P(z < a), by bisection: the normal's own function is not here
  while (above / below > 1 + 1e-12) {
    const middle = Math.sqrt(below * above);
    if (-normalQuantile(middle) < a) below = middle;
    else above = middle;
  }
  const liftNs = sigmaNs * (a * below + Math.exp((-a * a) / 2) / Math.sqrt(2 * Math.PI));
  const bodyNs = 0.95 * medianNs - sigmaNs * density(0.05) + liftNs;
  const tailNs = 0.05 * (bodyEndsNs + before) + 0.01 * (beyond - before);
  // The body is cut off at u = 1 - 2^-9, worth 0.001 sigma at most; all chords together are worth less than one of u = 1.
  const errorNs = 0.001 * sigmaNs + (before + beyond + sigmaNs) / 8 / CELLS ** 2;
  const { meanNs } = Distribution.fromQuantiles(quantiles).moments();
  expect(Math.abs(meanNs - (bodyNs + tailNs))).toBeLessThan(errorNs);
  expect(p99Ns - meanNs).toBeGreaterThan(100 * errorNs);
});

test("median and p99 alone force the stated 3 sigma to be the body's", () => {
  // At least half lies at or below m, a hundredth at or above q, so about the mean, m + x, the variance is at least
  // x^2 / 2 + (q - m - x)^2 / 100, which is least, (q - m)^2 / 102, at x = (q - m) / 51.
  for (const [stated, least] of [
    [dsp, 96.24],
    [pcb, 0.594],
  ] as const) {
    const forced = (3 * (stated.p99Ns - stated.medianNs)) / Math.sqrt(102);
    expect(forced).toBeCloseTo(least, 2);
    expect(forced).toBeGreaterThan(stated.bodyJitter3SigmaNs);
    expect(3 * Distribution.fromQuantiles(stated).moments().sigmaNs).toBeGreaterThan(forced);
  }
});

/** Samples of an exponential distribution with mean 100 from seeded bits, in the order in which they are drawn. */
function exponential(count: number): Float64Array {
  const bits = new RandomBits({ seed: 11, batch: Math.ceil(count / 4) * 4 }).next();
  return Float64Array.from(bits.subarray(0, count), (word) => -100 * Math.log((word + 0.5) / 2 ** 32));
}

test("fromSamples has the quantiles of what was sampled, within those of order statistics", () => {
  const count = 100_000;
  const samples = exponential(count);
  const hop = Distribution.fromSamples(samples);
  const sorted = samples.slice().sort();
  expect(hop.samples).toBe(count);
  expect(hop.extrapolatedBelow).toBe(10 / count);
  for (const u of [0.9, 0.5, 0.1, 0.01, 0.001]) {
    // The true quantile is between these ranks in 99.99% of samples; so is what is read from the table.
    const [low, high] = rankInterval(u, count, 0.9999);
    const [lowNs, highNs] = [sorted[low - 1]!, sorted[high - 1]!];
    expect(-100 * Math.log(u)).toBeGreaterThan(lowNs);
    expect(-100 * Math.log(u)).toBeLessThan(highNs);
    expect(hop.quantileNs(u)).toBeGreaterThan(lowNs);
    expect(hop.quantileNs(u)).toBeLessThan(highNs);
    expect((highNs - lowNs) / -Math.log(u)).toBeLessThan(30); // so the bounds above say something
  }
  expect(samples).toEqual(exponential(count)); // left as they were
});

test("fromSamples goes on with the steeper slope beyond ten measurements", () => {
  // Ten decades of exactly exponential values, the greatest pulled out: the slope is that to it.
  const count = 10_000;
  const values = Float64Array.from({ length: count }, (_, i) => -100 * Math.log(1 - (i + 0.5) / count));
  const known = 10 / count;
  const chordNs = 200 / 8 / CELLS ** 2 + 1e-3;
  const pulled = values.with(count - 1, 3000);
  const empirical = Distribution.fromSamples(pulled);
  const knownNs = -100 * Math.log(10 / count);
  // The value at u lies between those in the places around (1 - u) n, here half a place from each.
  const between = (values[count - 11]! + values[count - 10]!) / 2;
  expect(Math.abs(empirical.quantileNs(known) - between)).toBeLessThan(1); // a kink's cell
  expect(Math.abs(between - knownNs)).toBeLessThan(1);
  const slopeNs = (3000 - between) / Math.log(10);
  for (const u of [known / 2, known / 10, known / 1000])
    expect(Math.abs(empirical.quantileNs(u) - (between + slopeNs * Math.log(known / u)))).toBeLessThan(
      slopeNs / 8 / CELLS ** 2 + 1e-3,
    );
  // Cut off instead, the slope is that of the decade before.
  const cut = Distribution.fromSamples(values.map((ns) => Math.min(ns, values[count - 10]!)));
  const decadeNs = (values[count - 101]! + values[count - 100]!) / 2;
  const slope = (between - decadeNs) / Math.log(10);
  expect(Math.abs(cut.quantileNs(known / 10) - (between + slope * Math.log(10)))).toBeLessThan(chordNs);
});

test("counted values are those values, each as often", () => {
  const values = Float64Array.from({ length: 50 }, (_, i) => 10 + i * i);
  const counts = Float64Array.from({ length: 50 }, (_, i) => 1 + (i % 7));
  const all = [...values].flatMap((value, i) => new Array<number>(counts[i]!).fill(value));
  const counted = Distribution.fromCounted({ values, counts });
  const single = Distribution.fromSamples(all);
  expect([counted.samples, counted.extrapolatedBelow]).toEqual([all.length, 10 / all.length]);
  expect(single.samples).toBe(all.length);
  // One steps where the other slopes: they meet within one value, to either side of which the share of one more lies.
  for (const u of [0.9, 0.7, 0.5, 0.3, 0.1]) {
    const place = values.findIndex((value) => value >= counted.quantileNs(u));
    expect(single.quantileNs(u)).toBeGreaterThanOrEqual(values[Math.max(0, place - 2)]!);
    expect(single.quantileNs(u)).toBeLessThanOrEqual(values[Math.min(49, place + 1)]!);
  }
});

test("uniform is uniform", () => {
  const hop = Distribution.uniform(50, 250);
  for (const u of [1e-6, 0.1, 0.5, 0.75, 0.99])
    expect(Math.abs(hop.quantileNs(u) - (250 - 200 * u))).toBeLessThan(2e-5);
  expect(hop.exceedance(200)).toBeCloseTo(0.25, 6);
  // u is not asked beyond 1 - 2^-9: over the last 2^-7 of it the mean may be off by as much of the range's 2^-9.
  expect(Math.abs(hop.moments().meanNs - 150)).toBeLessThan(200 * 2 ** -9 * 2 ** -7);
  expect(hop.moments().sigmaNs).toBeCloseTo(200 / Math.sqrt(12), 2);
  expect(hop.extrapolatedBelow).toBe(0);
  expect(Distribution.uniform(7, 7).quantilesNs).toEqual(new Float32Array(QUANTILES).fill(7));
});

test("cells hold all of the probability once", () => {
  const cells = [...Distribution.fromQuantiles(dsp999).cells()];
  expect(cells).toHaveLength(QUANTILES - 1);
  expect(cells.reduce((sum, { share }) => sum + share, 0)).toBe(1);
  for (const { lowNs, highNs } of cells) expect(lowNs).toBeLessThanOrEqual(highNs);
});

test("refuses quantiles that contradict each other, with both numbers", () => {
  for (const [change, message] of [
    [{ p99Ns: 400 }, "p99Ns must be at least medianNs, got 400 below 412"],
    [{ p999Ns: 700 }, "p999Ns must be at least p99Ns, got 700 below 736"],
    [{ floorNs: 500 }, "floorNs must be at most medianNs, got 500 above 412"],
    [
      { bodyJitter3SigmaNs: 600 },
      // 412 + 1.644854 x 200
      "bodyJitter3SigmaNs must leave the 95th percentile at or below p99Ns, got 600, which puts it at 741.0, above 736",
    ],
    [{ medianNs: 0 }, "medianNs must be above 0, got 0"],
    [{ p99Ns: Number.NaN }, "p99Ns must be finite, got NaN"],
    [{ bodyJitter3SigmaNs: -1 }, "bodyJitter3SigmaNs must be at least 0, got -1"],
    [{ floorNs: -1 }, "floorNs must be at least 0, got -1"],
  ] as [Partial<LatencyQuantiles>, string][])
    expect(() => Distribution.fromQuantiles({ ...dsp, ...change })).toThrow(new RangeError(message));
  expect(() => Distribution.fromQuantiles({ ...dsp, bodyJitter3SigmaNs: 590 })).not.toThrow(); // 735.5
});

test("names the bad argument", () => {
  const hundred = new Float64Array(100).fill(5);
  for (const [call, message] of [
    [() => Distribution.fromSamples([1, 2, 3]), "the number of measurements must be at least 100, got 3"],
    [() => Distribution.fromSamples(hundred.with(99, -1)), "sample 100 must be above 0, got -1"],
    [() => Distribution.fromSamples(hundred.with(0, Number.NaN)), "sample 1 must be finite, got NaN"],
    [
      () => Distribution.fromCounted({ values: Float64Array.of(2, 1), counts: Float64Array.of(99, 1) }),
      "values must ascend, got 1 after 2 at 2",
    ],
    [
      () => Distribution.fromCounted({ values: Float64Array.of(1, 2), counts: Float64Array.of(101, -1) }),
      "count 2 must be above 0 and finite, got -1",
    ],
    [
      () => Distribution.fromCounted({ values: Float64Array.of(1, 2), counts: Float64Array.of(101) }),
      "counts must hold 2 values, got 1",
    ],
    [() => Distribution.uniform(5, 4), "highNs must be at least 5, got 4"],
    [() => Distribution.uniform(-1, 4), "lowNs must be at least 0, got -1"],
    [() => Distribution.fromQuantiles(dsp).quantileNs(1.5), "u must be from 0 to 1, got 1.5"],
  ] as const)
    expect(call).toThrow(new RangeError(message));
  for (const rising of [(u: number) => u, () => -1, () => Number.NaN, () => Number.POSITIVE_INFINITY])
    expect(() => Distribution.fromFunction(rising)).toThrow("quantileNs must fall from at most 2^62 to at least 0");
});
