import { checkWhole } from "./check.ts";
import type { QuantileInterval } from "./distribution.ts";
import { Histogram } from "./histogram.ts";
import { CONFIDENCE, rankInterval, standardErrors } from "./statistics.ts";

/** Anything that a doorbell can be rung over. */
export interface Transport {
  /** Rings one doorbell after another and fills `latencyNs` with how long each took, one way, in nanoseconds. */
  ring(latencyNs: Float32Array): void | Promise<void>;
  /** What it is and what it runs on, for the report. */
  readonly name?: string;
  /** How its numbers come about, in a sentence or two, for the report. */
  readonly method?: string;
  /** The clock that it reads; absent where none is read. */
  readonly clock?: ClockCost;
  /** What became of the doorbells so far; absent where none can be lost. */
  readonly losses?: Losses;
}

/** Doorbells that did not come through as they were rung. None of these is among the latencies. */
export interface Losses {
  /** Doorbells rung, lost ones included. */
  sent: number;
  /** Had no reply in time, and another was rung instead. */
  lost: number;
  /** Lost ones whose reply came all the same, when later doorbells had been rung. */
  reordered: number;
  /** Replies that came once more. */
  duplicated: number;
}

/** What it costs to look at a clock. */
export interface ClockCost {
  name: string;
  /** One reading, the median of many. */
  costNs: number;
  /** The least step between two readings that differ. */
  stepNs: number;
}

/** What the harness found. */
export interface TailReport {
  transport: string;
  method: string;
  clock: ClockCost | null;
  /** Of the timed doorbells; null where none can be lost. */
  losses: Losses | null;
  warmup: number;
  iterations: number;
  confidence: number;
  median: QuantileInterval;
  p99: QuantileInterval;
  p999: QuantileInterval;
  leastNs: number;
  mostNs: number;
  meanNs: number;
  /** The interval of the mean reaches so far to either side. */
  meanErrorNs: number;
  sigmaNs: number;
  threeSigmaNs: number;
  /** Latencies below 1 ns or from 2^32 ns on, which no cell of the histogram tells apart. */
  outside: number;
  /**
   * How many times wider than for independent latencies the shares beyond median, p99 and p99.9 vary from batch to batch:
   * latencies come in bursts, and the intervals, that of the mean too, allow for it. Null where there are too few batches to tell.
   */
  burstiness: { median: number; p99: number; p999: number } | null;
  /** The latency at falling exceedance probabilities, ten a decade, down to one doorbell. */
  curve: { u: number; ns: number }[];
}

export interface TailOptions {
  /** Doorbells rung before any is timed; 1,000 unless given. */
  warmup?: number;
  /** Doorbells timed; 1,000,000 unless given. */
  iterations?: number;
  /** Called after every batch. */
  onProgress?: (done: number, iterations: number) => void;
}

const BATCH = 4096;

/** Rings doorbells over `transport`: some to warm up, then the timed ones. */
export async function measureTail(
  transport: Transport,
  { warmup = 1000, iterations = 1_000_000, onProgress }: TailOptions = {},
): Promise<{ report: TailReport; histogram: Histogram }> {
  checkWhole("warmup", warmup, 0, 1e9);
  checkWhole("iterations", iterations, 100, 1e12);
  if (typeof transport?.ring !== "function") throw new TypeError("transport must have a method ring(latencyNs)");
  const latencyNs = new Float32Array(BATCH);
  for (let rung = 0; rung < warmup; rung += BATCH)
    await transport.ring(latencyNs.subarray(0, Math.min(BATCH, warmup - rung)));

  const bursts = new Bursts();
  const lossesBefore = { ...transport.losses };
  const histogram = new Histogram({ batch: BATCH });
  let [leastNs, mostNs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let rung = 0; rung < iterations; rung += BATCH) {
    // What the transport leaves out must not pass for a latency, least of all for the last batch's.
    const batch = latencyNs.subarray(0, Math.min(BATCH, iterations - rung)).fill(Number.NaN);
    await transport.ring(batch);
    for (const ns of batch) {
      if (!(ns >= 0)) throw new RangeError(`latencyNs must be at least 0, got ${ns} from the transport`);
      leastNs = Math.min(leastNs, ns);
      mostNs = Math.max(mostNs, ns);
    }
    bursts.add(batch, histogram);
    histogram.record(batch);
    onProgress?.(rung + batch.length, iterations);
  }
  const { mean, sigma } = histogram.moments();
  const within = (ns: number) => Math.min(mostNs, Math.max(leastNs, ns));
  const quantile = (u: number) => within(histogram.quantile(u));
  const interval = (u: (typeof QUANTILES_WATCHED)[number]): QuantileInterval => {
    // Bursty latencies tell as much as fewer independent ones.
    const independent = Math.max(1, Math.round(iterations / (bursts.factor(u) ?? 1)));
    const [low, high] = rankInterval(u, independent).map((rank) => Math.round((rank * iterations) / independent));
    return {
      ns: quantile(u),
      lowNs: within(histogram.atRank(low!)),
      highNs: high! > iterations ? null : within(histogram.atRank(high!)),
      thin: u * iterations < 10,
    };
  };
  const report: TailReport = {
    transport: transport.name ?? "unnamed",
    method: transport.method ?? "as the transport says",
    clock: transport.clock ?? null,
    losses: transport.losses ? lossesSince(lossesBefore, transport.losses) : null,
    warmup,
    iterations,
    confidence: CONFIDENCE,
    median: interval(0.5),
    p99: interval(0.01),
    p999: interval(0.001),
    leastNs,
    mostNs,
    meanNs: mean,
    meanErrorNs: standardErrors() * Math.max(sigma / Math.sqrt(iterations), bursts.meanErrorNs(iterations) ?? 0),
    sigmaNs: sigma,
    threeSigmaNs: 3 * sigma,
    outside: histogram.below + histogram.above,
    burstiness: bursts.all(),
    curve: exceedances(iterations).map((u) => ({ u, ns: quantile(u) })),
  };
  return { report, histogram };
}

const QUANTILES_WATCHED = [0.5, 0.01, 0.001] as const;
/** Batches from which the thresholds come, and how many more it takes to tell how they vary. */
const [SETTLING, ENOUGH] = [10, 20];

/** Whether latencies beyond a quantile come alone or in bursts: how much their number varies from batch to batch. */
class Bursts {
  #thresholdsNs: number[] | undefined;
  #batches = 0;
  readonly #sums = QUANTILES_WATCHED.map(() => ({ beyond: 0, squares: 0 }));
  /** How many whole batches there were, the mean of their means, and its sum of squares (Welford). */
  readonly #means = { count: 0, meanNs: 0, squares: 0 };

  /** `histogram` holds the batches before this one. */
  add(batch: Float32Array, histogram: Histogram): void {
    if (batch.length < BATCH) return;
    this.#addMean(batch.reduce((sum, ns) => sum + ns, 0) / BATCH);
    if (!this.#thresholdsNs && histogram.count >= SETTLING * BATCH)
      this.#thresholdsNs = QUANTILES_WATCHED.map((u) => histogram.quantile(u));
    if (!this.#thresholdsNs) return;
    this.#batches++;
    this.#thresholdsNs.forEach((thresholdNs, i) => {
      let beyond = 0;
      for (let j = 0; j < batch.length; j++) if (batch[j]! > thresholdNs) beyond++;
      this.#sums[i]!.beyond += beyond;
      this.#sums[i]!.squares += beyond * beyond;
    });
  }

  #addMean(meanNs: number): void {
    const means = this.#means;
    const off = meanNs - means.meanNs;
    means.meanNs += off / ++means.count;
    means.squares += off * (meanNs - means.meanNs);
  }

  /** The standard error of the mean of `iterations` latencies, as the means of batches tell it. */
  meanErrorNs(iterations: number): number | null {
    const { count, squares } = this.#means;
    return count < ENOUGH ? null : Math.sqrt((squares / (count - 1)) * (BATCH / iterations));
  }

  /** The variance of the share beyond the quantile over that of independent latencies; 1 at the least. */
  factor(u: (typeof QUANTILES_WATCHED)[number]): number | null {
    const { beyond, squares } = this.#sums[QUANTILES_WATCHED.indexOf(u)]!;
    const mean = beyond / this.#batches;
    if (this.#batches < ENOUGH || beyond === 0 || mean === BATCH) return null;
    const variance = (squares - this.#batches * mean * mean) / (this.#batches - 1);
    return Math.max(1, variance / (mean * (1 - mean / BATCH)));
  }

  all(): TailReport["burstiness"] {
    const [median, p99, p999] = QUANTILES_WATCHED.map((u) => this.factor(u));
    return median && p99 && p999 ? { median, p99, p999 } : null;
  }
}

function lossesSince(before: Partial<Losses>, now: Losses): Losses {
  const since = (key: keyof Losses) => now[key] - (before[key] ?? 0);
  return {
    sent: since("sent"),
    lost: since("lost"),
    reordered: since("reordered"),
    duplicated: since("duplicated"),
  };
}

/** Exceedance probabilities from 1 down to 1 / `count`, ten a decade. */
export function exceedances(count: number): number[] {
  const steps = Math.floor(10 * Math.log10(count));
  return Array.from({ length: steps + 1 }, (_, i) => 10 ** (-i / 10));
}
