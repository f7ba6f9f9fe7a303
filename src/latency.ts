import { CERTAIN, FAULT_WORDS, LANES, QUANTILES, RANDOM_WORDS } from "../assembly/layout.ts";
import { checkAtLeast, checkBetween, checkKeys, checkMultiple, describe } from "./check.ts";
import { checkDistribution, type Distribution } from "./distribution.ts";
import { MOST_DRAWS, type RandomOptions, seedWords } from "./random.ts";
import { workspace } from "./wasm.ts";

export interface SamplerOptions extends RandomOptions {
  /** Draws per `next()`, a multiple of 4; 4096 unless given. */
  batch?: number;
}

/** Draws the latency of one hop. */
export class HopSampler {
  readonly #draw: () => void;
  readonly #latencyNs: Float32Array;

  constructor(hop: Distribution, { batch = 4096, ...random }: SamplerOptions = {}) {
    checkDistribution("hop", hop);
    checkMultiple("batch", batch, LANES, MOST_DRAWS);
    const words = seedWords(random);
    const { kernels, views, at } = workspace({
      latencyNs: ["F32", batch],
      quantileNs: ["F32", QUANTILES],
      random: ["U32", RANDOM_WORDS],
    });
    views.quantileNs.set(hop.quantilesNs);
    kernels.seedRandom(at.random, ...words);
    this.#latencyNs = views.latencyNs;
    this.#draw = () => kernels.drawHops(at.latencyNs, at.quantileNs, at.random);
  }

  /** The next batch of hop latencies, in nanoseconds. The next call overwrites it. */
  next(): Float32Array {
    this.#draw();
    return this.#latencyNs;
  }
}

/** A delay that strikes some traversals of a path. */
export interface Fault {
  /** Of striking one traversal; told apart to 2^-31. */
  probability: number;
  delay: Distribution;
}

/** One traversal of the fabric: the sum of its hops and what is fixed. */
export interface Path {
  /** One distribution a hop. */
  hops: readonly Distribution[];
  /** The share of traversals in which all hops take the same u; in the others they are independent. 0 unless given. */
  correlation?: number;
  /** Once a traversal; 20 unless given. */
  pipelineNs?: number;
  /** Once a traversal; 56 unless given. */
  serdesNs?: number;
  /** Each strikes independently of all else. */
  faults?: readonly Fault[];
}

/** A switch pipeline and the SERDES of one traversal, as the sources of the built-in profiles put them. */
export const PIPELINE_NS = 20;
export const SERDES_NS = 56;

/** `path` with every default filled in, checked. */
export function completePath(path: Path): Required<Path> {
  const { hops, correlation = 0, pipelineNs = PIPELINE_NS, serdesNs = SERDES_NS, faults = [] } = path;
  checkKeys("path", path, ["hops", "correlation", "pipelineNs", "serdesNs", "faults"]);
  if (!Array.isArray(hops)) throw new TypeError(`hops must be an array of distributions, got ${describe(hops)}`);
  if (hops.length === 0) throw new RangeError("hops must hold at least 1 distribution, got 0");
  for (const hop of hops) checkDistribution("a hop", hop);
  checkBetween("correlation", correlation, 0, 1);
  checkAtLeast("pipelineNs", pipelineNs, 0);
  checkAtLeast("serdesNs", serdesNs, 0);
  for (const { probability, delay } of faults) {
    checkBetween("probability", probability, 0, 1);
    checkDistribution("delay", delay);
  }
  return { hops, correlation, pipelineNs, serdesNs, faults };
}

/** Draws traversals of a path. */
export class PathSampler {
  readonly #draw: () => void;
  readonly #latencyNs: Float32Array;

  constructor(path: Path, { batch = 4096, ...random }: SamplerOptions = {}) {
    checkMultiple("batch", batch, LANES, MOST_DRAWS);
    const { hops, correlation, pipelineNs, serdesNs, faults } = completePath(path);
    const words = seedWords(random);
    const tables = [...new Set([...hops, ...faults.map(({ delay }) => delay)])];
    const { kernels, views, at } = workspace({
      latencyNs: ["F32", batch],
      firstBits: ["U32", batch],
      ownBits: ["U32", batch],
      choiceBits: ["U32", batch],
      quantileNs: ["F32", QUANTILES * tables.length],
      hopTable: ["U32", hops.length],
      faults: ["U32", FAULT_WORDS * faults.length],
      random: ["U32", RANDOM_WORDS],
    });
    tables.forEach((table, i) => {
      views.quantileNs.set(table.quantilesNs, i * QUANTILES);
    });
    views.hopTable.set(hops.map((hop) => tables.indexOf(hop)));
    views.faults.set(faults.flatMap(({ probability, delay }) => [wordsBelow(probability), tables.indexOf(delay)]));
    kernels.seedRandom(at.random, ...words);
    this.#latencyNs = views.latencyNs;
    this.#draw = () =>
      kernels.drawPaths(
        at.latencyNs,
        at.firstBits,
        at.ownBits,
        at.choiceBits,
        at.quantileNs,
        at.hopTable,
        at.faults,
        at.random,
        wordsBelow(correlation),
        pipelineNs + serdesNs,
      );
  }

  /** The next batch of traversals, in nanoseconds. The next call overwrites it. */
  next(): Float32Array {
    this.#draw();
    return this.#latencyNs;
  }
}

/** How many of 2^31 words are below `share`: one at least where it is not 0, so that nothing rare becomes impossible. */
function wordsBelow(share: number): number {
  return Math.ceil(share * CERTAIN);
}
