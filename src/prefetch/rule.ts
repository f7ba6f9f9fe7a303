import { checkAtLeast, checkBetween, checkKeys, checkPositive } from "../check.ts";
import { checkDistribution, type Distribution } from "../distribution.ts";
import { exp, ln } from "../normal.ts";

/** What a load takes, and what it takes up. */
export interface LoadTimes {
  /** Command, data and fence of one load on an idle fabric. */
  loadNs: Distribution;
  /** How long a load keeps the bottleneck busy. */
  serviceNs: number;
  /** How long a chunk does: what is urgent waits for that of a speculative load under way, and for no more. */
  chunkNs: number;
}

/** An expert that might be fetched before its router asks for it, and how things stand. */
export interface PrefetchCase {
  /** That the expert is used at its layer. */
  confidence: number;
  /** Until it is needed. */
  leadNs: number;
  /** Work that the bottleneck has before it: what has been asked for, and what has been guessed. */
  urgentNs: number;
  speculativeNs: number;
  /** The share of its time that the bottleneck spends on what has been asked for; 1 and more is saturation. */
  utilisation: number;
  /** That what must be evicted is needed at that layer itself; 0 where there is room. */
  evictedChance: number;
}

export interface PrefetchDecision {
  savedNs: number;
  causedNs: number;
  /** Whether more stall is saved than caused. */
  prefetch: boolean;
}

/**
 * Prefetch where the expected stall that it saves exceeds the expected stall that it causes. With a load time X on an idle
 * fabric, a service time S, a chunk C, the lead T, and a utilisation rho by what is urgent and comes at random,
 *
 *     demand   = E[X] + rho S / (2 (1 - rho))            what a load takes that is posted when its router asks (M/D/1)
 *     work     = urgent + speculative + S                must be done before a prefetch is there
 *     late(n)  = min(demand, max(0, X + work - S + n S - T))        if n urgent loads come in between and are served first
 *     P(n)     = a (a + n rho)^(n - 1) e^-(a + n rho) / n!, a = rho work / S          (Borel and Tanner)
 *     saved    = confidence x (demand - sum over n of P(n) E[late(n)])
 *     caused   = evictedChance x demand + (1 - confidence) x rho / (1 - rho) x C / 2
 *
 * At a utilisation of 1 and more the queue has no mean, and nothing is prefetched.
 */
export class PrefetchRule {
  readonly #loadNs = new Float64Array(POINTS);
  readonly #meanNs: number;
  readonly #leastNs: number;
  readonly #mostNs: number;
  readonly #serviceNs: number;
  readonly #chunkNs: number;

  constructor(times: LoadTimes) {
    checkKeys("times", times, ["loadNs", "serviceNs", "chunkNs"]);
    checkDistribution("loadNs", times.loadNs);
    checkPositive("serviceNs", times.serviceNs);
    checkBetween("chunkNs", times.chunkNs, Number.MIN_VALUE, times.serviceNs);
    for (let i = 0; i < POINTS; i++) this.#loadNs[i] = times.loadNs.quantileNs(EXCEEDANCES[i]!);
    this.#leastNs = this.#loadNs[0]!;
    this.#mostNs = this.#loadNs[POINTS - 1]!;
    this.#meanNs = this.#meanBeyond(0, Number.POSITIVE_INFINITY);
    this.#serviceNs = times.serviceNs;
    this.#chunkNs = times.chunkNs;
  }

  /** What a load is expected to take that is posted when its router asks for it; Infinity at a utilisation of 1 and more. */
  demandNs(utilisation: number): number {
    checkAtLeast("utilisation", utilisation, 0);
    if (utilisation >= 1) return Number.POSITIVE_INFINITY;
    return this.#meanNs + (utilisation / (2 * (1 - utilisation))) * this.#serviceNs;
  }

  decide(asked: PrefetchCase): PrefetchDecision {
    const { confidence, leadNs, urgentNs, speculativeNs, utilisation, evictedChance } = asked;
    checkBetween("confidence", confidence, 0, 1);
    checkAtLeast("leadNs", leadNs, 0);
    checkAtLeast("urgentNs", urgentNs, 0);
    checkAtLeast("speculativeNs", speculativeNs, 0);
    checkAtLeast("utilisation", utilisation, 0);
    checkBetween("evictedChance", evictedChance, 0, 1);
    if (utilisation >= 1) return { savedNs: 0, causedNs: 0, prefetch: false };
    const demandNs = this.demandNs(utilisation);
    const savedNs = confidence * (demandNs - this.#lateNs(urgentNs + speculativeNs, leadNs, utilisation, demandNs));
    const blockedNs = (utilisation / (1 - utilisation)) * (this.#chunkNs / 2);
    const causedNs = evictedChance * demandNs + (1 - confidence) * blockedNs;
    return { savedNs, causedNs, prefetch: savedNs > causedNs };
  }

  /** How late a prefetch is expected to be that has `beforeNs` of work before it, at most `mostNs` each time. */
  #lateNs(beforeNs: number, leadNs: number, utilisation: number, mostNs: number): number {
    const serviceNs = this.#serviceNs;
    const a = (utilisation * (beforeNs + serviceNs)) / serviceNs;
    let [lateNs, left, lnFactorial] = [0, 1, 0];
    for (let n = 0; n < MOST_OVERTAKING; n++) {
      const fromNs = leadNs - beforeNs - n * serviceNs;
      // From here on all are as late as can be.
      if (this.#leastNs - fromNs >= mostNs) break;
      if (n > 1) lnFactorial += ln(n);
      const share = n === 0 ? exp(-a) : a === 0 ? 0 : a * power(a + n * utilisation, n, lnFactorial);
      lateNs += share * this.#meanBeyond(fromNs, mostNs);
      left -= share;
      if (a === 0) break;
    }
    return lateNs + Math.max(0, left) * mostNs;
  }

  /** How much of a load's time lies beyond `fromNs`, at most `mostNs` each time, in the mean. */
  #meanBeyond(fromNs: number, mostNs: number): number {
    if (this.#mostNs <= fromNs) return 0;
    let sum = 0;
    for (let i = 0; i < POINTS; i++) sum += SHARES[i]! * Math.min(mostNs, Math.max(0, this.#loadNs[i]! - fromNs));
    return sum;
  }
}

/** b^(n - 1) e^-b / n! */
function power(b: number, n: number, lnFactorial: number): number {
  return exp(Math.min(0, (n - 1) * ln(b) - b - lnFactorial));
}

/** Urgent loads that are thought of as coming in between; if more do, a prefetch is as late as can be. */
const MOST_OVERTAKING = 64;

/** A distribution as 16 points: eight octaves of u, two cells each, and the middle of each cell; the last takes what is beyond. */
const OCTAVES = 8;
const CELLS = 2;
const POINTS = OCTAVES * CELLS;
const EXCEEDANCES = new Float64Array(POINTS);
const SHARES = new Float64Array(POINTS);
for (let i = 0; i < POINTS; i++) {
  const topOfOctave = 2 ** -Math.floor(i / CELLS);
  SHARES[i] = topOfOctave / (2 * CELLS);
  EXCEEDANCES[i] = topOfOctave * (1 - ((i % CELLS) + 0.5) / (2 * CELLS));
}
SHARES[POINTS - 1]! += 2 ** -OCTAVES;
