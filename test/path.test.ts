import { describe, expect, test } from "vitest";
import { Distribution } from "../src/distribution.ts";
import { type Path, PathSampler } from "../src/latency.ts";
import { opticsNamed } from "../src/optics/index.ts";
import { exactPath, pathThreeSigma } from "../src/path.ts";
import { shareInterval } from "../src/statistics.ts";

const NAMES = ["dsp-800g", "lpo-800g", "npo-800g", "cpo-800g", "pcb"];
const hopOf = (name: string) => opticsNamed(name).hop;
const three = (hop: Distribution) => [hop, hop, hop];
const FIXED_NS = 20 + 56;

test.each(NAMES)("%s: hops in step add their quantiles, whatever the quantile", (name) => {
  const hop = hopOf(name);
  const path = exactPath({ hops: three(hop), correlation: 1 });
  for (const u of [0.9, 0.5, 0.1, 0.01, 1e-3, 1e-5])
    expect(Math.abs(path.quantileNs(u) - (3 * hop.quantileNs(u) + FIXED_NS)), `at ${u}`).toBeLessThan(2 * path.stepNs);
});

test.each(NAMES)("%s: independent hops add their variances, hops in step their deviations", (name) => {
  const hop = hopOf(name);
  const { meanNs, sigmaNs } = hop.moments();
  for (const [correlation, variance] of [
    [0, 3 * sigmaNs ** 2],
    [1, 9 * sigmaNs ** 2],
    [0.25, (0.25 * 9 + 0.75 * 3) * sigmaNs ** 2], // both have one mean
  ] as const) {
    const path = exactPath({ hops: three(hop), correlation });
    const found = path.moments();
    expect(found.meanNs / (3 * meanNs + FIXED_NS)).toBeCloseTo(1, 6);
    // Each of the 3 hops is shared out to points at most a step apart, which adds at most step^2 / 4 to its variance.
    expect(found.sigmaNs ** 2 - variance).toBeGreaterThan(-1e-6 * variance);
    expect(found.sigmaNs ** 2 - variance).toBeLessThan((3 * path.stepNs ** 2) / 4 + 1e-6 * variance);
    const stated = pathThreeSigma({ hops: three(hop), correlation });
    expect(stated.mixedNs / (3 * Math.sqrt(variance))).toBeCloseTo(1, 6); // tables are floats
    expect(stated.apartNs / (3 * Math.sqrt(3) * sigmaNs)).toBeCloseTo(1, 12);
    expect(stated.togetherNs / (9 * sigmaNs)).toBeCloseTo(1, 6);
  }
});

test("different hops: means and variances add up, and in step, quantiles do", () => {
  const hops = ["dsp-800g", "pcb", "lpo-800g"].map(hopOf);
  const moments = hops.map((hop) => hop.moments());
  const apart = exactPath({ hops });
  expect(apart.moments().meanNs / (moments.reduce((sum, { meanNs }) => sum + meanNs, 0) + FIXED_NS)).toBeCloseTo(1, 6);
  const variance = moments.reduce((sum, { sigmaNs }) => sum + sigmaNs ** 2, 0);
  expect(apart.moments().sigmaNs ** 2 / variance).toBeCloseTo(1, 4);
  expect(pathThreeSigma({ hops }).mixedNs / (3 * Math.sqrt(variance))).toBeCloseTo(1, 12);
  const together = exactPath({ hops, correlation: 1 });
  const p99Ns = hops.reduce((sum, hop) => sum + hop.quantileNs(0.01), 0);
  expect(Math.abs(together.quantileNs(0.01) - p99Ns - FIXED_NS)).toBeLessThan(2 * together.stepNs);
});

test("two uniform hops make a triangle", () => {
  const hop = Distribution.uniform(100, 200);
  const path = exactPath({ hops: [hop, hop], pipelineNs: 0, serdesNs: 0 });
  // P(more than 400 - x) is (x / 100)^2 / 2 for x up to 100; u ends at 1 - 2^-9, so up to 2^-9 of each hop lies above its place.
  for (const x of [10, 50, 100])
    expect(Math.abs(path.exceedance(400 - x) - (x / 100) ** 2 / 2)).toBeLessThan(2 * 2 ** -9 * (x / 100));
});

describe("hops that never vary", () => {
  // 412.3 is no float: neither is three times the float next to it, so the sum of the tables is rounded.
  test.each([50, 412.3, 411.7, 1_000_000.3])("%d ns", (ns) => {
    const hop = Distribution.fromQuantiles({ medianNs: ns, p99Ns: ns, bodyJitter3SigmaNs: 0 });
    for (const correlation of [0, 0.5, 1]) {
      const path = exactPath({ hops: three(hop), correlation });
      const withinNs = 3 * ns * 2 ** -21; // floats and points
      expect(path.exceedance(3 * ns + FIXED_NS - withinNs)).toBeCloseTo(1, 9);
      expect(path.exceedance(3 * ns + FIXED_NS + withinNs)).toBeLessThan(1e-9);
      expect(path.mass.length).toBeLessThan(100);
    }
  });

  test("nothing at all", () => {
    const path = exactPath({ hops: [Distribution.uniform(0, 0)], pipelineNs: 0, serdesNs: 0 });
    expect([path.exceedance(-1e-6), path.exceedance(1e-6)]).toEqual([1, 0]);
  });
});

describe("faults", () => {
  test("that always strike add their delay, those that never do nothing", () => {
    const [hop, delay] = [hopOf("cpo-800g"), Distribution.uniform(500, 500)];
    const bare = exactPath({ hops: [hop] });
    for (const [probability, laterNs] of [
      [1, 500],
      [0, 0],
    ] as const) {
      const struck = exactPath({ hops: [hop], faults: [{ probability, delay }] });
      for (const u of [0.5, 0.01])
        expect(Math.abs(struck.quantileNs(u) - bare.quantileNs(u) - laterNs)).toBeLessThan(2 * struck.stepNs);
    }
  });

  test("add p times their mean, and p m^2 - (p m)^2 to the variance", () => {
    const hop = hopOf("cpo-800g");
    const faults = [0.01, 0.3].map((probability) => ({ probability, delay: Distribution.uniform(2000, 2000) }));
    const [bare, struck] = [exactPath({ hops: [hop] }).moments(), exactPath({ hops: [hop], faults }).moments()];
    expect(struck.meanNs - bare.meanNs).toBeCloseTo(0.31 * 2000, 2);
    const added = (0.01 - 0.01 ** 2 + 0.3 - 0.3 ** 2) * 2000 ** 2;
    expect((struck.sigmaNs ** 2 - bare.sigmaNs ** 2) / added).toBeCloseTo(1, 5);
  });
});

test("names the bad argument", () => {
  expect(() => exactPath({ hops: [] })).toThrow(new RangeError("hops must hold at least 1 distribution, got 0"));
  expect(() => exactPath({ hops: [hopOf("pcb")], correlation: 2 })).toThrow(
    new RangeError("correlation must be from 0 to 1, got 2"),
  );
});

/** At this confidence, the shares below leave their interval in about 1 of 1,000 seeds. */
const CONFIDENCE = 0.9999;

test.each<Path & { what: string }>([
  { what: "faults in 1 of 100", hops: three(hopOf("dsp-800g")), correlation: 0.5, faults: faultsOf(0.01) },
  { what: "different hops", hops: ["cpo-800g", "lpo-800g", "dsp-800g"].map(hopOf), correlation: 0.3 },
])("a quarter of a million traversals exceed what is exceeded exactly: $what", ({ what: _, ...path }) => {
  const exact = exactPath(path);
  const draws = 2 ** 18;
  const latencyNs = new PathSampler(path, { seed: 5, batch: draws }).next();
  for (const u of [0.5, 0.1, 0.01, 1e-3]) {
    const ns = exact.quantileNs(u);
    const { low, high } = shareInterval(latencyNs.filter((drawn) => drawn > ns).length, draws, CONFIDENCE);
    expect(u, `the share beyond ${ns} ns`).toBeGreaterThan(low);
    expect(u, `the share beyond ${ns} ns`).toBeLessThan(high);
  }
});

function faultsOf(probability: number) {
  return [2, 4].map((us) => ({ probability, delay: Distribution.uniform(1000 * us, 2000 * us) }));
}
