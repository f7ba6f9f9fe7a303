import { CELLS, OCTAVES, QUANTILES } from "../assembly/layout.ts";
import { checkAtLeast, checkBetween, checkLength, checkPositive, describe } from "./check.ts";
import type { CountedValues } from "./histogram.ts";
import { ln, normalQuantile } from "./normal.ts";
import { rankInterval } from "./statistics.ts";

/** The exceedance probability at which a profile's normal body ends and its tail, linear in ln u, begins. */
export const BODY_ENDS_AT = 0.05;

/** The least exceedance probability that is told apart. */
export const LEAST_EXCEEDANCE = 2 ** -OCTAVES;

/** The greatest at which a quantile function is asked: a normal body has no value at 1. */
const GREATEST_EXCEEDANCE = 1 - 2 ** -9;

/** What is known of one hop's latency, in nanoseconds. */
export interface LatencyQuantiles {
  medianNs: number;
  /** Exceeded in 1 of 100. */
  p99Ns: number;
  /** Exceeded in 1 of 1,000. */
  p999Ns?: number;
  /** Three standard deviations of the body: of what lies around the median, the tail left out. */
  bodyJitter3SigmaNs: number;
  /** No latency is below it; half the median unless given. */
  floorNs?: number;
}

/** A quantile, and the interval that holds the true one in 95 of 100 samples. */
export interface QuantileInterval {
  ns: number;
  /** Null where nothing was measured. */
  lowNs: number | null;
  /** Null where nothing was measured, or too little to bound it from above. */
  highNs: number | null;
  /** Whether fewer than 10 measurements lie beyond it. */
  thin: boolean;
}

/** What is always reported of a distribution. */
export interface DistributionSummary {
  /** How many measurements are behind it; null where it was stated. */
  samples: number | null;
  median: QuantileInterval;
  p99: QuantileInterval;
  p999: QuantileInterval;
  meanNs: number;
  threeSigmaNs: number;
  /** Below this exceedance probability a slope is continued. */
  extrapolatedBelow: number;
}

/**
 * A latency distribution: the latency Q(u) that is exceeded with probability u, at the edges of 32 octaves of u (from 1
 * down to 2^-32) with 128 cells each, and linear inside a cell.
 */
export class Distribution {
  /** Q at the cell edges, in ascending order of u, as the kernels read it. */
  readonly quantilesNs: Float32Array;
  /** Below this exceedance probability, Q continues a slope and is not known. 0 where all of it is known. */
  readonly extrapolatedBelow: number;
  /** How many measurements are behind it; null where it was stated. */
  readonly samples: number | null;

  #moments: { meanNs: number; sigmaNs: number } | undefined;

  private constructor(edges: Float32Array, extrapolatedBelow: number, samples: number | null) {
    const bad = edges.findIndex(
      (edgeNs, i) => !(edgeNs >= 0 && edgeNs < 2 ** 62 && (i === 0 || edgeNs <= edges[i - 1]!)),
    );
    if (bad >= 0)
      throw new RangeError(
        `quantileNs must fall from at most 2^62 to at least 0 as u rises, got ${edges[bad]} at u = ${EDGE_EXCEEDANCE[bad]!}`,
      );
    this.quantilesNs = edges;
    this.extrapolatedBelow = extrapolatedBelow;
    this.samples = samples;
  }

  /**
   * From stated quantiles: a normal body, and a tail that is linear in ln u through p99 and p99.9 and goes on so. `samples`:
   * how many measurements they sum up, where that is known.
   */
  static fromQuantiles(quantiles: LatencyQuantiles, samples: number | null = null): Distribution {
    checkQuantiles(quantiles);
    const { medianNs, p99Ns, p999Ns, bodyJitter3SigmaNs, floorNs = medianNs / 2 } = quantiles;
    const bodyNs = (u: number) => Math.max(floorNs, medianNs + normalQuantile(u) * (bodyJitter3SigmaNs / 3));
    const tailNs = logLinear([
      [BODY_ENDS_AT, bodyNs(BODY_ENDS_AT)],
      [0.01, p99Ns],
      ...(p999Ns === undefined ? [] : [[0.001, p999Ns] as const]),
    ]);
    return new Distribution(
      tabulated((u) => (u >= BODY_ENDS_AT ? bodyNs(u) : tailNs(u))),
      Math.max(p999Ns === undefined ? 0.01 : 0.001, samples === null ? 0 : 10 / samples),
      samples,
    );
  }

  /**
   * From measurements, at least 100: their own quantiles down to u = 10 / n, and beyond a slope in ln u, the steeper of that
   * over the decade before and that to the greatest value at 1 / n.
   */
  static fromCounted({ values, counts }: CountedValues): Distribution {
    checkLength("counts", counts, values.length);
    const samples = counts.reduce((sum, count) => sum + count, 0);
    checkAtLeast("the number of measurements", samples, 100);
    const empiricalNs = empiricalQuantile(values, counts, samples);
    const known = 10 / samples;
    const knownNs = empiricalNs(known);
    const slopeNs = Math.max(knownNs - empiricalNs(10 * known), values.at(-1)! - knownNs) / ln(10);
    return new Distribution(
      tabulated((u) => (u >= known ? empiricalNs(u) : knownNs + slopeNs * (ln(known) - ln(u)))),
      known,
      samples,
    );
  }

  /** From single measurements, at least 100, in any order. */
  static fromSamples(samplesNs: ArrayLike<number>): Distribution {
    for (let i = 0; i < samplesNs.length; i++) checkPositive(`sample ${i + 1}`, samplesNs[i]!);
    const values = Float64Array.from(samplesNs).sort();
    return Distribution.fromCounted({ values, counts: new Float64Array(values.length).fill(1) });
  }

  /** From a quantile function of the exceedance probability, never increasing in it. */
  static fromFunction(quantileNs: (u: number) => number): Distribution {
    return new Distribution(tabulated(quantileNs), 0, null);
  }

  /** The sum of latencies that always take the same u. */
  static together(terms: readonly Distribution[]): Distribution {
    return new Distribution(
      Float32Array.from({ length: QUANTILES }, (_, i) =>
        terms.reduce((sum, { quantilesNs }) => sum + quantilesNs[i]!, 0),
      ),
      Math.max(0, ...terms.map(({ extrapolatedBelow }) => extrapolatedBelow)),
      null,
    );
  }

  /** Any latency from `lowNs` to `highNs`, all as likely. */
  static uniform(lowNs: number, highNs: number): Distribution {
    checkAtLeast("lowNs", lowNs, 0);
    checkAtLeast("highNs", highNs, lowNs);
    return Distribution.fromFunction((u) => highNs + (lowNs - highNs) * u);
  }

  get leastNs(): number {
    return this.quantilesNs[QUANTILES - 1]!;
  }
  /** Exceeded with probability 2^-32 at the most. */
  get mostNs(): number {
    return this.quantilesNs[0]!;
  }

  /** The latency that is exceeded with probability `u`; u below 2^-32 is taken as that. */
  quantileNs(u: number): number {
    checkBetween("u", u, 0, 1);
    if (u === 1) return this.leastNs;
    const scaled = Math.max(u, LEAST_EXCEEDANCE) * 2 ** OCTAVES;
    const octave = Math.min(OCTAVES - 1, Math.floor(Math.log2(scaled)));
    const place = (scaled / 2 ** octave - 1) * CELLS;
    const cell = Math.min(CELLS - 1, Math.floor(place));
    const [low, high] = [this.quantilesNs[octave * CELLS + cell]!, this.quantilesNs[octave * CELLS + cell + 1]!];
    return low + (place - cell) * (high - low);
  }

  /** The probability that a latency exceeds `ns`. */
  exceedance(ns: number): number {
    const edges = this.quantilesNs;
    if (ns >= edges[0]!) return 0;
    let [low, high] = [0, QUANTILES - 2]; // the first edge at or below ns lies in (low, high]
    if (ns < edges[high]!) return 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (edges[middle]! > ns) low = middle;
      else high = middle;
    }
    const place = (edges[low]! - ns) / (edges[low]! - edges[high]!);
    return EDGE_EXCEEDANCE[low]! + place * (EDGE_EXCEEDANCE[high]! - EDGE_EXCEEDANCE[low]!);
  }

  /** Mean and standard deviation, exact for the table. */
  moments(): { meanNs: number; sigmaNs: number } {
    this.#moments ??= this.#measure();
    return this.#moments;
  }

  /** Median, p99, p99.9 with their intervals by order statistics, mean and 3 sigma. */
  summary(): DistributionSummary {
    const { meanNs, sigmaNs } = this.moments();
    return {
      samples: this.samples,
      median: this.#interval(0.5),
      p99: this.#interval(0.01),
      p999: this.#interval(0.001),
      meanNs,
      threeSigmaNs: 3 * sigmaNs,
      extrapolatedBelow: this.extrapolatedBelow,
    };
  }

  #interval(u: number): QuantileInterval {
    const ns = this.quantileNs(u);
    const { samples } = this;
    if (samples === null) return { ns, lowNs: null, highNs: null, thin: false };
    const [low, high] = rankInterval(u, samples);
    return {
      ns,
      lowNs: this.quantileNs(1 - Math.max(0, low - 0.5) / samples),
      highNs: high > samples ? null : this.quantileNs(1 - (high - 0.5) / samples),
      thin: u * samples < 10,
    };
  }

  /** The cells from the tail on: between `lowNs` and `highNs` lies `share` of all latencies, evenly. */
  *cells(): Generator<{ lowNs: number; highNs: number; share: number }> {
    const edges = this.quantilesNs;
    yield { lowNs: edges[0]!, highNs: edges[0]!, share: LEAST_EXCEEDANCE };
    for (let i = 0; i + 2 < QUANTILES; i++)
      yield { lowNs: edges[i + 1]!, highNs: edges[i]!, share: EDGE_EXCEEDANCE[i + 1]! - EDGE_EXCEEDANCE[i]! };
  }

  #measure(): { meanNs: number; sigmaNs: number } {
    let [mean, square] = [0, 0];
    const originNs = this.quantileNs(0.5);
    for (const { lowNs, highNs, share } of this.cells()) {
      const [a, b] = [lowNs - originNs, highNs - originNs];
      mean += (share * (a + b)) / 2;
      square += (share * (a * a + a * b + b * b)) / 3;
    }
    return { meanNs: originNs + mean, sigmaNs: Math.sqrt(Math.max(0, square - mean * mean)) };
  }
}

function tabulated(quantileNs: (u: number) => number): Float32Array {
  return Float32Array.from({ length: QUANTILES }, (_, i) =>
    quantileNs(Math.min(EDGE_EXCEEDANCE[i]!, GREATEST_EXCEEDANCE)),
  );
}

/** The exceedance probability at each edge: asked for thousands of times a distribution, and powers are slow. */
const EDGE_EXCEEDANCE = Float64Array.from(
  { length: QUANTILES },
  (_, i) => 2 ** (Math.floor(i / CELLS) - OCTAVES) * (1 + (i % CELLS) / CELLS),
);

/** Refuses quantiles that contradict each other, with both numbers. */
export function checkQuantiles(quantiles: LatencyQuantiles): void {
  const { medianNs, p99Ns, p999Ns, bodyJitter3SigmaNs, floorNs } = quantiles;
  checkPositive("medianNs", medianNs);
  checkPositive("p99Ns", p99Ns);
  checkAtLeast("bodyJitter3SigmaNs", bodyJitter3SigmaNs, 0);
  if (p99Ns < medianNs) throw new RangeError(`p99Ns must be at least medianNs, got ${p99Ns} below ${medianNs}`);
  if (p999Ns !== undefined) {
    checkPositive("p999Ns", p999Ns);
    if (p999Ns < p99Ns) throw new RangeError(`p999Ns must be at least p99Ns, got ${p999Ns} below ${p99Ns}`);
  }
  if (floorNs !== undefined) {
    checkAtLeast("floorNs", floorNs, 0);
    if (floorNs > medianNs) throw new RangeError(`floorNs must be at most medianNs, got ${floorNs} above ${medianNs}`);
  }
  const bodyEndsNs = medianNs + normalQuantile(BODY_ENDS_AT) * (bodyJitter3SigmaNs / 3);
  if (bodyEndsNs > p99Ns)
    throw new RangeError(
      `bodyJitter3SigmaNs must leave the 95th percentile at or below p99Ns, got ${bodyJitter3SigmaNs}, which puts it at ${bodyEndsNs.toFixed(1)}, above ${p99Ns}`,
    );
}

/** The function that is linear in ln u through `knots` (u falling) and goes on with the last slope. */
function logLinear(knots: readonly (readonly [u: number, ns: number])[]): (u: number) => number {
  const points = knots.map(([u, ns]) => [ln(u), ns] as const);
  return (u) => {
    const x = ln(u);
    let from = 0;
    while (from + 2 < points.length && x <= points[from + 1]![0]) from++;
    const [[x0, y0], [x1, y1]] = [points[from]!, points[from + 1]!];
    return y0 + ((y1 - y0) * (x - x0)) / (x1 - x0);
  };
}

/** The quantile function of counted values: linear between the middles of their shares. */
function empiricalQuantile(values: Float64Array, counts: Float64Array, samples: number): (u: number) => number {
  const middles = new Float64Array(values.length); // share of the values below the middle of this one's
  let seen = 0;
  for (let i = 0; i < values.length; i++) {
    const [value, count] = [values[i]!, counts[i]!];
    if (!(value > 0 && Number.isFinite(value)))
      throw new RangeError(`value ${i + 1} must be above 0 ns and finite, got ${value}`);
    if (!(count > 0 && Number.isFinite(count)))
      throw new RangeError(`count ${i + 1} must be above 0 and finite, got ${count}`);
    if (i > 0 && value < values[i - 1]!)
      throw new RangeError(`values must ascend, got ${value} after ${values[i - 1]} at ${i + 1}`);
    middles[i] = (seen + count / 2) / samples;
    seen += count;
  }
  return (u) => {
    const share = 1 - u;
    let [low, high] = [0, values.length - 1];
    if (share <= middles[low]!) return values[low]!;
    if (share >= middles[high]!) return values[high]!;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (middles[middle]! <= share) low = middle;
      else high = middle;
    }
    const place = (share - middles[low]!) / (middles[high]! - middles[low]!);
    return values[low]! + place * (values[high]! - values[low]!);
  };
}

/** Refuses all but a distribution. */
export function checkDistribution(name: string, value: unknown): void {
  if (!(value instanceof Distribution)) throw new TypeError(`${name} must be a Distribution, got ${describe(value)}`);
}
