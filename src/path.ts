import { convolve, Lattice, mix } from "./convolution.ts";
import { Distribution } from "./distribution.ts";
import { completePath, type Path } from "./latency.ts";

/**
 * The distribution of a path's traversals by numerical convolution, on a lattice of about `points` points: what sampling
 * must come to.
 */
export function exactPath(path: Path, { points = 2 ** 15 }: { points?: number } = {}): Lattice {
  const { hops, correlation, pipelineNs, serdesNs, faults } = completePath(path);
  const leastNs = hops.reduce((sum, hop) => sum + hop.leastNs, 0);
  const mostNs = [...hops, ...faults.map(({ delay }) => delay)].reduce((sum, { mostNs }) => sum + mostNs, 0);
  // No finer than an f32 tells sums apart, and above 0.
  const stepNs = Math.max((mostNs - leastNs) / points, mostNs * 2 ** -23, 1e-9);
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
