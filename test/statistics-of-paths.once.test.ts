import { expect, test } from "vitest";
import { Distribution } from "../src/distribution.ts";
import { type Path, PathSampler } from "../src/latency.ts";
import { opticsNamed } from "../src/optics/index.ts";
import { exactPath } from "../src/path.ts";

const DRAWS = 10_000_000;
/**
 * Kolmogorov and Smirnov's distance of a sample from its own distribution exceeds x with probability 2 exp(-2 n x^2), at
 * x = 0.001 and n = 10^7 in 4 of 10^9 seeds.
 */
const DISTANCE = 0.001;

/** The greatest difference between the shares that are exceeded, sampled and exact, at the ends of the lattice's cells. */
function distance(path: Path, seed: number): number {
  const exact = exactPath(path, { points: 2 ** 17 });
  const { startNs, stepNs, mass } = exact;
  const counts = new Float64Array(mass.length + 1);
  const sampler = new PathSampler(path, { seed, batch: 100_000 });
  for (let drawn = 0; drawn < DRAWS; drawn += 100_000) {
    for (const ns of sampler.next()) {
      const cell = Math.floor((ns - startNs) / stepNs + 0.5);
      counts[Math.min(Math.max(0, cell), mass.length)]!++;
    }
  }
  let [beyond, most] = [DRAWS, 0];
  for (let i = 0; i < mass.length; i++) {
    beyond -= counts[i]!;
    most = Math.max(most, Math.abs(beyond / DRAWS - exact.exceedance(startNs + (i + 0.5) * stepNs)));
  }
  return most;
}

const NAMES = ["dsp-800g", "lpo-800g", "npo-800g", "cpo-800g", "pcb"];

test.each(NAMES.flatMap((name, i) => [0, 0.5, 1].map((correlation, j) => ({ name, correlation, seed: 10 * i + j }))))(
  "ten million paths over 3 hops of $name, correlation $correlation",
  ({ name, correlation, seed }) => {
    const { hop } = opticsNamed(name);
    const found = distance({ hops: [hop, hop, hop], correlation }, seed);
    console.log(`${name}, 3 hops, correlation ${correlation}: Kolmogorov-Smirnov distance ${found.toFixed(6)}`);
    expect(found).toBeLessThan(DISTANCE);
  },
);

test("ten million paths over different hops, with faults in 1 of 100", () => {
  const found = distance(
    {
      hops: ["cpo-800g", "lpo-800g", "dsp-800g"].map((name) => opticsNamed(name).hop),
      correlation: 0.3,
      faults: [{ probability: 0.01, delay: Distribution.uniform(2000, 4000) }],
    },
    99,
  );
  console.log(`different hops with faults: Kolmogorov-Smirnov distance ${found.toFixed(6)}`);
  expect(found).toBeLessThan(DISTANCE);
});

test("the distance tells a correlation of 0.5 from one of 0.51", () => {
  const { hop } = opticsNamed("dsp-800g");
  const path = (correlation: number): Path => ({ hops: [hop, hop, hop], correlation });
  const [half, more] = [exactPath(path(0.5)), exactPath(path(0.51))];
  const most = Math.max(
    ...Array.from(half.mass.keys(), (i) => {
      const ns = half.startNs + i * half.stepNs;
      return Math.abs(half.exceedance(ns) - more.exceedance(ns));
    }),
  );
  expect(most).toBeGreaterThan(DISTANCE);
});
