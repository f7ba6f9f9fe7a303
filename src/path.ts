import { convolve, Lattice, mix } from "./convolution.ts";
import { Distribution } from "./distribution.ts";
import { completePath, type Path } from "./latency.ts";

/** Points of a lattice at the most: some 100 ms for a transform. */
const MOST_POINTS = 2 ** 18;

/**
 * The distribution of a path's traversals by numerical convolution, on a lattice of at least about `points` points: what
 * sampling must come to. Faults too long to share a lattice with the hops are refused.
 */
export function exactPath(path: Path, { points = 2 ** 15 }: { points?: number } = {}): Lattice {
  const { hops, correlation, pipelineNs, serdesNs, faults } = completePath(path);
  const leastNs = hops.reduce((sum, hop) => sum + hop.leastNs, 0);
  const mostNs = [...hops, ...faults.map(({ delay }) => delay)].reduce((sum, { mostNs }) => sum + mostNs, 0);
  // Fine beside the narrowest body; no finer than an f32 tells sums apart, and above 0.
  const bodyNs = narrowestBodyNs(hops);
  const fineNs = Math.max((mostNs - leastNs) / MOST_POINTS, Math.min((mostNs - leastNs) / points, bodyNs / 4));
  const stepNs = Math.max(fineNs, mostNs * 2 ** -23, 1e-9);
  if (faults.length > 0 && bodyNs > 0 && stepNs > bodyNs)
    throw new RangeError(
      `faults must be short enough to be told beside hops that vary by ${bodyNs} ns, got a range of ${mostNs} ns in all`,
    );
  const lattices = new Map([...new Set(hops)].map((hop) => [hop, Lattice.of(hop, stepNs)]));
  const apart = () => convolve(hops.map((hop) => lattices.get(hop)!));
  // One point early: as an f32, the sum's least value may lie just below the sum of the least values.
  const startNs = leastNs - stepNs;
  const together = () => Lattice.of(Distribution.together(hops), stepNs, startNs);
  const sum = correlation === 0 ? apart() : correlation === 1 ? together() : mix(together(), apart(), correlation);
  const nothing = new Lattice(0, stepNs, Float64Array.of(1));
  const struck = faults.map(({ probability, delay }) => mix(Lattice.of(delay, stepNs, 0), nothing, probability));
  return convolve([sum, ...struck]).shifted(pipelineNs + serdesNs);
}

/** How far apart the 84% and the 16% quantile lie in the hop that varies least: two sigma of a normal body. */
export function narrowestBodyNs(hops: readonly Distribution[]): number {
  return Math.min(...hops.map((hop) => hop.quantileNs(0.16) - hop.quantileNs(0.84)));
}

/** Three standard deviations of the sum of `hops`, faults left out: independent, in step, and the share `correlation` in step. */
export function pathThreeSigma({ hops, correlation = 0 }: Path): {
  apartNs: number;
  togetherNs: number;
  mixedNs: number;
} {
  const apart = hops.reduce((sum, hop) => sum + hop.moments().sigmaNs ** 2, 0);
  const together = Distribution.together(hops).moments().sigmaNs ** 2;
  const mixed = correlation * together + (1 - correlation) * apart;
  return { apartNs: 3 * Math.sqrt(apart), togetherNs: 3 * Math.sqrt(together), mixedNs: 3 * Math.sqrt(mixed) };
}
