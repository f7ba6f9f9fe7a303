import { expect, test } from "vitest";
import { Distribution } from "../src/distribution.ts";
import { HopSampler } from "../src/latency.ts";
import { shareInterval } from "../src/statistics.ts";
import { PROFILE_DRAWS } from "./vectors/draws.ts";

const DRAWS = 10_000_000;
/**
 * Thirty shares are compared, so one that is right leaves this interval in 1 of 330 seeds; the quantiles' 4 standard
 * errors are left by one of fifteen in 1 of 1,000.
 */
const CONFIDENCE = 0.9999;

/** Draws above `ns`. */
function countAbove(draws: Float32Array, ns: number): number {
  let above = 0;
  for (let i = 0; i < draws.length; i++) if (draws[i]! > ns) above++;
  return above;
}

/** The draw that `rank` others lie at or above: only those within `reachNs` of where it should be are put in order. */
function valueBelow(draws: Float32Array, rank: number, aboutNs: number, reachNs: number): number {
  const near = draws.filter((draw) => draw > aboutNs - reachNs && draw <= aboutNs + reachNs).sort();
  const beyond = countAbove(draws, aboutNs + reachNs);
  return near[near.length - 1 - (rank - beyond)] ?? Number.NaN;
}

test.each(PROFILE_DRAWS.slice(0, 5).map((profile, stream) => ({ ...profile, stream })))(
  "ten million draws of $name have its quantiles and its shares",
  ({ name, quantiles, stream }) => {
    const hop = Distribution.fromQuantiles(quantiles);
    const sampler = new HopSampler(hop, { seed: 2026, stream, batch: 100_000 });
    const draws = new Float32Array(DRAWS);
    for (let drawn = 0; drawn < DRAWS; drawn += 100_000) draws.set(sampler.next(), drawn);

    // 1e-1 down to 1e-5, of which a hundred are expected.
    for (const u of [0.5, 0.1, 0.01, 1e-3, 1e-4, 100 / DRAWS]) {
      const ns = hop.quantileNs(u);
      const beyond = countAbove(draws, ns);
      const { low, high } = shareInterval(beyond, DRAWS, CONFIDENCE);
      console.log(`${name}: ${beyond} of ${Math.round(DRAWS * u)} expected draws beyond u = ${u}`);
      expect(u, `the share beyond u = ${u}`).toBeGreaterThan(low);
      expect(u, `the share beyond u = ${u}`).toBeLessThan(high);
    }

    for (const u of [0.5, 0.01, 0.001]) {
      // The standard error of a sample's quantile: sqrt(u (1 - u) / n) of probability, through the slope dQ/du of the table.
      const step = u / 100;
      const slopeNs = (hop.quantileNs(u - step) - hop.quantileNs(u + step)) / (2 * step);
      const errorNs = slopeNs * Math.sqrt((u * (1 - u)) / DRAWS);
      const offNs = valueBelow(draws, Math.round(u * DRAWS), hop.quantileNs(u), 8 * errorNs) - hop.quantileNs(u);
      console.log(
        `${name}: at u = ${u} off by ${offNs.toFixed(4)} ns, ${(offNs / errorNs).toFixed(2)} standard errors`,
      );
      expect(Math.abs(offNs / errorNs), `standard errors at u = ${u}`).toBeLessThan(4);
    }
  },
);
