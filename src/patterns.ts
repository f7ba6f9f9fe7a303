import { DOORBELL_LOAD } from "../assembly/layout.ts";
import { checkAtLeast, checkKeys, checkPositive, checkWhole, describe, didYouMean } from "./check.ts";
import { ln } from "./normal.ts";
import { MOST_DRAWS, RandomBits, type RandomOptions } from "./random.ts";
import { blankTraffic, SLACK_NS, type Traffic } from "./traffic.ts";

/**
 * Who loads from whom. Every pattern deals hands of distinct GPUs, a hub and its spokes, at random:
 *
 *     uniform      a hand a load: from the spoke to the hub
 *     bursts       a hand a burst: from every spoke to the hub, all at one instant
 *     incast       one hand: from the spokes, in turn, to the hub
 *     hot-source   one hand: from the hub to the spokes, in turn
 */
export type TrafficPattern = "uniform" | "bursts" | "incast" | "hot-source";

export interface TrafficOptions {
  pattern: TrafficPattern;
  /** From 2 to 2^16. */
  gpus: number;
  /** Of incast one from each source, and of a hot source one to each destination, unless given. */
  loads?: number;
  /** 160,000,000 unless given: the expert of the verdicts of this project. */
  sizeBytes?: number;
  /** How many loads come in a second, on average. Where neither this nor `utilisation` is given, incast and hot-source come at 0. */
  loadsPerSecond?: number;
  /** The same as a share of what the DPU reads that is asked most, on average: above 1 its queue grows without end. */
  utilisation?: number;
  /** What one DPU reads, which `utilisation` is a share of; 1,600 unless given. */
  paceBytesPerNs?: number;
  /** GPUs that share the DPU which reads what they take in; 8, or all if they are fewer, unless given. */
  gpusPerDpu?: number;
  /** Independent of one another, or at equal distances from 0 on; Poisson unless given. */
  arrivals?: "poisson" | "regular";
  /** Of incast: all the others unless given. */
  sources?: number;
  /** Of a hot source: all the others unless given. */
  destinations?: number;
  /** Of bursts, of which the last may be smaller; 8, as many experts as a gate commonly asks, or all other GPUs if they are fewer, unless given. */
  loadsPerBurst?: number;
  /** From post to deadline; 180,000 unless given. */
  slackNs?: number;
  /** 1 unless given. */
  seed?: number;
}

const SIZE_BYTES = 160e6;

/** What counts the spokes of a hand, and how many they are unless given. */
const SPOKES: Record<TrafficPattern, { option?: "loadsPerBurst" | "sources" | "destinations"; usual: number }> = {
  uniform: { usual: 1 },
  bursts: { option: "loadsPerBurst", usual: 8 },
  incast: { option: "sources", usual: Number.POSITIVE_INFINITY },
  "hot-source": { option: "destinations", usual: Number.POSITIVE_INFINITY },
};

const KEYS: readonly (keyof TrafficOptions)[] = [
  "pattern",
  "gpus",
  "loads",
  "sizeBytes",
  "loadsPerSecond",
  "utilisation",
  "paceBytesPerNs",
  "gpusPerDpu",
  "arrivals",
  "sources",
  "destinations",
  "loadsPerBurst",
  "slackNs",
  "seed",
];

/** Loads, numbered from 0 by their fence ids. Equal options give equal bits; at one seed and rate all patterns share their arrivals. */
export function generateTraffic(options: TrafficOptions): Traffic {
  const { pattern, gpus, spokes, loads, sizeBytes, slackNs, arrivals, seed } = completed(options);
  const deal = dealer(gpus, 1 + spokes, { seed, stream: 1 });
  let hand = deal();
  const together = pattern === "bursts" ? spokes : 1;
  const instants = arrive(arrivals, together * gapNsOf(options, loads, isFixed(pattern) ? hand : null), { seed });

  const traffic = blankTraffic(loads);
  let postNs = 0;
  for (let load = 0; load < loads; load++) {
    const spoke = load % spokes;
    if (spoke === 0 && load > 0 && !isFixed(pattern)) hand = deal();
    if (load % together === 0) postNs = instants.next().value;
    const [hub, other] = [hand[0]!, hand[1 + spoke]!];
    traffic.postNs[load] = postNs;
    traffic.op[load] = DOORBELL_LOAD;
    traffic.fenceId[load] = load;
    traffic.sourceGpu[load] = pattern === "hot-source" ? hub : other;
    traffic.destinationGpu[load] = pattern === "hot-source" ? other : hub;
    traffic.sizeBytes[load] = sizeBytes;
    traffic.deadlineNs[load] = postNs + slackNs;
  }
  return traffic;
}

/** Whether one hand is dealt for all loads. */
function isFixed(pattern: TrafficPattern): boolean {
  return pattern === "incast" || pattern === "hot-source";
}

/** Words of 32 random bits, one at a time. */
function* words(random: RandomOptions): Generator<number, never> {
  const bits = new RandomBits(random);
  for (;;) yield* bits.next();
}

/** Deals `count` distinct ones of `gpus` GPUs: the first places of Fisher and Yates' shuffle. A GPU's odds are even within gpus / 2^32. */
function dealer(gpus: number, count: number, random: RandomOptions): () => Uint32Array {
  const bits = words(random);
  const pack = Uint32Array.from({ length: gpus }, (_, gpu) => gpu);
  return () => {
    for (let i = 0; i < count; i++) {
      const from = i + Math.floor((bits.next().value / 2 ** 32) * (gpus - i));
      [pack[i], pack[from]] = [pack[from]!, pack[i]!];
    }
    return pack.subarray(0, count);
  };
}

/** Instants a mean gap apart. A gap that is exceeded with probability u is -ln u means long, and u is any of 1 / 2^32 ... 1. */
function* arrive(arrivals: "poisson" | "regular", gapNs: number, random: RandomOptions): Generator<number, never> {
  if (arrivals === "regular") for (let i = 0; ; i++) yield i * gapNs;
  const bits = words(random);
  for (let ns = 0; ; ) {
    ns -= gapNs * ln((bits.next().value + 1) / 2 ** 32);
    yield ns;
  }
}

/** The mean gap between two loads. `hand`: who takes part, where that is fixed. */
function gapNsOf(options: TrafficOptions, loads: number, hand: Uint32Array | null): number {
  const { pattern, gpus, sizeBytes = SIZE_BYTES, loadsPerSecond, utilisation } = options;
  const { paceBytesPerNs = 1600, gpusPerDpu = Math.min(8, gpus) } = options;
  checkPositive("paceBytesPerNs", paceBytesPerNs);
  checkWhole("gpusPerDpu", gpusPerDpu, 1, gpus);
  if (loadsPerSecond !== undefined && utilisation !== undefined)
    throw new TypeError("options must leave out loadsPerSecond or utilisation, got both");
  let gapNs = 0;
  if (loadsPerSecond !== undefined) {
    checkPositive("loadsPerSecond", loadsPerSecond);
    gapNs = 1e9 / loadsPerSecond;
  } else if (utilisation !== undefined) {
    checkPositive("utilisation", utilisation);
    // Any GPU is as likely as another, unless one hand serves for all: then of its sinks so many share the busiest DPU.
    const sinks = hand && (pattern === "incast" ? hand.subarray(0, 1) : hand.subarray(1));
    const share = sinks ? mostOfOneDpu(sinks, gpusPerDpu) / sinks.length : gpusPerDpu / gpus;
    gapNs = (share * sizeBytes) / (utilisation * paceBytesPerNs);
  } else if (!isFixed(pattern)) {
    throw new TypeError(`options must have loadsPerSecond or utilisation for ${pattern}, got neither`);
  }
  if (!(gapNs * loads <= Number.MAX_SAFE_INTEGER))
    throw new RangeError(`loads must come within 2^53 ns, got ${loads} that are ${gapNs} ns apart`);
  return gapNs;
}

/** How many of `sinks` share a DPU at the most. */
function mostOfOneDpu(sinks: Uint32Array, gpusPerDpu: number): number {
  const counts = new Map<number, number>();
  for (const gpu of sinks) {
    const dpu = Math.floor(gpu / gpusPerDpu);
    counts.set(dpu, (counts.get(dpu) ?? 0) + 1);
  }
  return Math.max(...counts.values());
}

/** Options with their defaults filled in, checked but for the rate. */
function completed(options: TrafficOptions) {
  checkKeys("options", options, KEYS);
  const { pattern, gpus, sizeBytes = SIZE_BYTES, slackNs = SLACK_NS, arrivals = "poisson", seed = 1 } = options;
  if (!Object.hasOwn(SPOKES, pattern))
    throw new RangeError(`pattern must be known, got ${pattern}${didYouMean(`${pattern}`, Object.keys(SPOKES))}`);
  checkWhole("gpus", gpus, 2, 2 ** 16);
  const { option, usual } = SPOKES[pattern];
  for (const { option: other } of Object.values(SPOKES))
    if (other && other !== option && options[other] !== undefined)
      throw new TypeError(`options must leave out ${other} for ${pattern}, got ${options[other]}`);
  const spokes = (option && options[option]) ?? Math.min(usual, gpus - 1);
  if (option) checkWhole(option, spokes, 1, gpus - 1);
  const { loads = isFixed(pattern) ? spokes : undefined } = options;
  if (loads === undefined) throw new TypeError(`options must have loads for ${pattern}, got none`);
  checkWhole("loads", loads, 1, MOST_DRAWS);
  checkWhole("sizeBytes", sizeBytes, 1, Number.MAX_SAFE_INTEGER);
  checkAtLeast("slackNs", slackNs, 0);
  if (arrivals !== "poisson" && arrivals !== "regular")
    throw new RangeError(`arrivals must be "poisson" or "regular", got ${describe(arrivals)}`);
  return { pattern, gpus, spokes, loads, sizeBytes, slackNs, arrivals, seed };
}
