import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compound, convolve, greatestOf, Lattice, mix } from "../src/convolution.ts";
import { Distribution } from "../src/distribution.ts";
import { shareOf } from "./share.ts";

const sum = (values: Float64Array | readonly number[]) => (values as readonly number[]).reduce((a, b) => a + b, 0);

/** Mass that sums to 1 on a few points, some of them empty. */
const masses = (maxLength = 40) =>
  fc
    .array(fc.oneof(fc.constant(0), fc.double({ min: 1e-6, max: 1, noNaN: true })), { minLength: 1, maxLength })
    .filter((weights) => sum(weights) > 0)
    .map((weights) => Float64Array.from(weights, (weight) => weight / sum(weights)));

/** Every point of one with every point of the other. */
function direct(a: Float64Array, b: Float64Array): Float64Array {
  const mass = new Float64Array(a.length + b.length - 1);
  for (let i = 0; i < a.length; i++) for (let j = 0; j < b.length; j++) mass[i + j]! += a[i]! * b[j]!;
  return mass;
}

function expectMass(got: Float64Array, expected: ArrayLike<number>, within = 1e-14): void {
  expect(got.length).toBeGreaterThanOrEqual(expected.length);
  for (let i = 0; i < got.length; i++)
    expect(Math.abs(got[i]! - (expected[i] ?? 0)), `point ${i}`).toBeLessThan(within);
}

test("sums by transform are those of every point with every point", () => {
  fc.assert(
    fc.property(masses(), masses(), masses(), (a, b, c) => {
      const { mass, startNs, stepNs } = convolve([a, b, c].map((mass, i) => new Lattice(10 ** i, 0.5, mass)));
      expect([startNs, stepNs]).toEqual([111, 0.5]);
      expect(mass).toHaveLength(a.length + b.length + c.length - 2);
      expectMass(mass, direct(direct(a, b), c));
      expect(mass.every((share) => share >= 0)).toBe(true);
    }),
    { seed: 1, numRuns: shareOf(200) },
  );
});

test("the same term twice is its square, one term is itself", () => {
  const die = new Lattice(1, 1, new Float64Array(6).fill(1 / 6));
  // Of 36 throws of two dice, 1, 2 ... 6 ... 2, 1 come to 2, 3 ... 7 ... 11, 12.
  const two = convolve([die, die]);
  expect(two.startNs).toBe(2);
  expectMass(
    two.mass,
    [1, 2, 3, 4, 5, 6, 5, 4, 3, 2, 1].map((ways) => ways / 36),
  );
  expectMass(convolve([die]).mass, die.mass);
});

test("one or the other has the weighted mass of both, wherever they start", () => {
  const a = new Lattice(5, 0.25, Float64Array.of(0.5, 0.5));
  const b = new Lattice(4.5, 0.25, Float64Array.of(0.2, 0, 0.8));
  for (const [mixed, shareOfA] of [
    [mix(a, b, 0.3), 0.3],
    [mix(b, a, 0.7), 0.3],
  ] as const) {
    expect(mixed.startNs).toBe(4.5);
    expectMass(mixed.mass, [0.2 * (1 - shareOfA), 0, 0.8 * (1 - shareOfA) + 0.5 * shareOfA, 0.5 * shareOfA]);
  }
});

test("lattices whose points do not coincide are refused", () => {
  const a = new Lattice(5, 0.25, Float64Array.of(1));
  expect(() => mix(a, new Lattice(5.1, 0.25, Float64Array.of(1)), 0.5)).toThrow(
    new RangeError("the points of two lattices must coincide, got 5.1 off 5 by 0.25"),
  );
  expect(() => mix(a, new Lattice(5, 0.5, Float64Array.of(1)), 0.5)).toThrow(/must coincide/);
});

test("the greatest of several has the mass that trying all combinations gives", () => {
  fc.assert(
    fc.property(masses(6), fc.integer({ min: 1, max: 4 }), (mass, count) => {
      const expected = new Float64Array(mass.length);
      for (let combination = 0; combination < mass.length ** count; combination++) {
        let [greatest, share, rest] = [0, 1, combination];
        for (let i = 0; i < count; i++, rest = Math.floor(rest / mass.length)) {
          greatest = Math.max(greatest, rest % mass.length);
          share *= mass[rest % mass.length]!;
        }
        expected[greatest]! += share;
      }
      const greatest = greatestOf(new Lattice(3, 2, mass), count);
      expect([greatest.startNs, greatest.stepNs]).toEqual([3, 2]);
      expectMass(greatest.mass, expected);
    }),
    { seed: 2, numRuns: shareOf(100) },
  );
});

describe("a compound sum", () => {
  test("is the repeated convolution of a term that is often nothing", () => {
    fc.assert(
      fc.property(
        masses(8),
        fc.integer({ min: 1, max: 9 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (mass, n, p) => {
          const once = Float64Array.from(mass, (share, i) => p * share + (i === 0 ? 1 - p : 0));
          let expected = Float64Array.of(1);
          for (let i = 0; i < n; i++) expected = direct(expected, once) as Float64Array<ArrayBuffer>;
          const { mass: found, startNs, stepNs } = compound(new Lattice(0, 7, mass), n, p, expected.length);
          expect([startNs, stepNs]).toEqual([0, 7]);
          expectMass(found, expected, 1e-13);
        },
      ),
      { seed: 3, numRuns: shareOf(100) },
    );
  });

  test("of ones is binomial", () => {
    // 10 of 0.3: 10! / (k! (10 - k)!) 0.3^k 0.7^(10 - k).
    const ways = [1, 10, 45, 120, 210, 252, 210, 120, 45, 10, 1];
    expectMass(
      compound(new Lattice(0, 1, Float64Array.of(0, 1)), 10, 0.3, 11).mass,
      ways.map((count, k) => count * 0.3 ** k * 0.7 ** (10 - k)),
    );
  });

  test("of thousands of trials has their mean and their spread", () => {
    // 3336 of 0.005, each 2 or 4: the mean is n p 3, the variance n p (10 - 9 p).
    const { meanNs, sigmaNs } = compound(
      new Lattice(0, 1, Float64Array.of(0, 0, 0.5, 0, 0.5)),
      3336,
      0.005,
      512,
    ).moments();
    expect(meanNs / (3336 * 0.005 * 3)).toBeCloseTo(1, 10);
    expect(sigmaNs / Math.sqrt(3336 * 0.005 * (10 - 9 * 0.005))).toBeCloseTo(1, 9);
  });
});

const quantiles = fc
  .record({
    medianNs: fc.double({ min: 1, max: 1e5, noNaN: true }),
    jitter: fc.double({ min: 0, max: 0.5, noNaN: true }),
    spread: fc.double({ min: 1.2, max: 4, noNaN: true }),
  })
  .map(({ medianNs, jitter, spread }) =>
    Distribution.fromQuantiles({
      medianNs,
      p99Ns: medianNs * (1 + jitter * spread),
      bodyJitter3SigmaNs: medianNs * jitter,
    }),
  );

test("a distribution on points keeps its mean and all of its mass, at any step", () => {
  fc.assert(
    fc.property(quantiles, fc.double({ min: 3, max: 20_000, noNaN: true }), fc.boolean(), (hop, points, earlier) => {
      const stepNs = Math.max(hop.mostNs - hop.leastNs, 1e-3 * hop.mostNs) / points;
      const lattice = Lattice.of(hop, stepNs, earlier ? hop.leastNs - 2.3 * stepNs : undefined);
      expect(Math.abs(sum(lattice.mass) - 1)).toBeLessThan(1e-12);
      expect(Math.abs(lattice.moments().meanNs / hop.moments().meanNs - 1)).toBeLessThan(1e-9);
    }),
    { seed: 4, numRuns: shareOf(100) },
  );
});

test("on fine points it has the spread and the tail of the distribution", () => {
  const hop = Distribution.fromQuantiles({ medianNs: 412, p99Ns: 736, bodyJitter3SigmaNs: 84 });
  const stepNs = 0.05;
  const lattice = Lattice.of(hop, stepNs);
  // Sharing out to points at most a step away adds at most (step / 2)^2 to the variance, which is above (84 / 3)^2.
  expect(lattice.moments().sigmaNs ** 2 - hop.moments().sigmaNs ** 2).toBeGreaterThanOrEqual(-1e-6);
  expect(lattice.moments().sigmaNs ** 2 - hop.moments().sigmaNs ** 2).toBeLessThan(stepNs ** 2 / 4);
  for (const u of [0.9, 0.5, 0.05, 0.01, 1e-3, 1e-5, 1e-8]) {
    const ns = hop.quantileNs(u);
    expect(lattice.exceedance(ns)).toBeGreaterThanOrEqual(hop.exceedance(ns + 2 * stepNs));
    expect(lattice.exceedance(ns)).toBeLessThanOrEqual(hop.exceedance(ns - 2 * stepNs));
  }
});

test("what never varies is an atom, on a point or shared by two", () => {
  const atom = Distribution.uniform(40, 40);
  expectMass(Lattice.of(atom, 0.5).mass, [1]);
  expectMass(Lattice.of(atom, 0.5, 39).mass, [0, 0, 1]);
  expectMass(Lattice.of(atom, 0.5, 39.125).mass, [0, 0.25, 0.75]); // 0.875 after the start: 1.75 points
  const { startNs, mass } = Lattice.of(atom, 0.5);
  expect([startNs, Lattice.of(atom, 0.5).quantileNs(0.5), sum(mass)]).toEqual([40, 40, 1]);
});

describe("exceedance and quantile", () => {
  test("count half of a point's mass to either side of it", () => {
    const lattice = new Lattice(10, 2, Float64Array.of(0.5, 0, 0.25, 0.25));
    for (const [ns, u] of [
      [8, 1],
      [9, 1],
      [10, 0.75], // half of 0.5 lies beyond
      [11, 0.5],
      [12, 0.5],
      [13, 0.5],
      [14, 0.375],
      [15, 0.25],
      [16, 0.125],
      [17, 0],
      [100, 0],
    ] as const)
      expect(lattice.exceedance(ns), `at ${ns}`).toBe(u);
    expect(lattice.shifted(3).exceedance(13)).toBe(0.75);
  });

  test("are inverses wherever there is mass", () => {
    fc.assert(
      fc.property(masses(), fc.double({ min: 1e-9, max: 1 - 1e-9, noNaN: true }), (mass, u) => {
        const lattice = new Lattice(100, 0.5, mass);
        expect(Math.abs(lattice.exceedance(lattice.quantileNs(u)) - u)).toBeLessThan(1e-12);
      }),
      { seed: 5, numRuns: shareOf(500) },
    );
  });

  test("keep small tails exact beside a large body", () => {
    const lattice = new Lattice(0, 1, Float64Array.of(1, 2 ** -65, 2 ** -64));
    expect(lattice.exceedance(0.5)).toBe(3 * 2 ** -65);
    expect(lattice.exceedance(1.5)).toBe(2 ** -64);
    expect(lattice.quantileNs(2 ** -65)).toBe(2);
  });

  test("moments are those of the points", () => {
    // Values 10 and 14, a quarter and three quarters: mean 13, variance 3.
    const { meanNs, sigmaNs } = new Lattice(10, 2, Float64Array.of(0.25, 0, 0.75)).moments();
    expect(meanNs).toBeCloseTo(13, 12);
    expect(sigmaNs).toBeCloseTo(Math.sqrt(3), 12);
  });
});
