import { checkBetween, checkPositive, checkWhole, describe } from "./check.ts";
import { convolve, geometricSum, Lattice } from "./convolution.ts";
import { Distribution } from "./distribution.ts";
import type { Fault } from "./latency.ts";
import { FRAME_BYTES } from "./optics/index.ts";
import { bytesPerNsFromGbps } from "./units.ts";

/**
 * How doorbells share a link with bulk: *dedicated*, bulk cannot delay them; *priority*, they go next, but wait for the frame
 * that is on the wire; *shared*, they queue behind all bulk that came before.
 */
export type Lane = "dedicated" | "priority" | "shared";

export const LANES_OF_DOORBELLS: readonly Lane[] = ["dedicated", "priority", "shared"];

/** Of a link that is busier still, no distribution of the wait is worked out. */
export const UTILISATION_MAX = 0.999;

export interface LaneOptions {
  /** The share of the time that bulk keeps a link busy, at most 0.999. */
  utilisation: number;
  /** 800 unless given. */
  portGbps?: number;
  /** 9,000 unless given. */
  frameBytes?: number;
}

/** What one hop of a lane adds to a doorbell: a delay that strikes with the link's utilisation, or nothing. */
export function laneFaults(
  lane: Lane,
  { utilisation, portGbps = 800, frameBytes = FRAME_BYTES }: LaneOptions,
): Fault[] {
  if (!LANES_OF_DOORBELLS.includes(lane))
    throw new RangeError(`lane must be ${LANES_OF_DOORBELLS.join(", ")}, got ${describe(lane)}`);
  checkBetween("utilisation", utilisation, 0, UTILISATION_MAX);
  checkPositive("portGbps", portGbps);
  checkPositive("frameBytes", frameBytes);
  const frameNs = frameBytes / bytesPerNsFromGbps(portGbps);
  if (lane === "dedicated" || utilisation === 0) return [];
  // A doorbell that finds the wire busy finds a frame at any point of its transmission, all as likely.
  if (lane === "priority") return [{ probability: utilisation, delay: Distribution.uniform(0, frameNs) }];
  return [{ probability: utilisation, delay: queueDelay(utilisation, frameNs) }];
}

/**
 * The wait behind frames that come at random (M/D/1), of those who wait at all: by Pollaczek and Khinchine a sum of leftover
 * frames, as many as a geometric number says, one at least.
 */
function queueDelay(utilisation: number, frameNs: number): Distribution {
  // The tail falls as e^(-theta t), with theta at least 2 (1 - utilisation) / frameNs: 2^-32 of it is left at 23 / theta.
  const rangeNs = (23 * frameNs) / (2 * (1 - utilisation)) + 2 * frameNs;
  const points = 2 ** 15;
  const leftover = Lattice.of(Distribution.uniform(0, frameNs), rangeNs / points, 0);
  const wait = convolve([leftover, geometricSum(leftover, utilisation, points)]);
  return Distribution.fromFunction((u) => Math.max(0, wait.quantileNs(u)));
}

/** What a path of some hops adds to a doorbell on each lane. */
export interface LaneReport {
  lane: Lane;
  /** On average, and exceeded by 1 in 100 and by 1 in 1,000 doorbells. */
  meanNs: number;
  p99Ns: number;
  p999Ns: number;
  /** The most that is possible; null where there is no such bound. */
  mostNs: number | null;
  /** What the lane gains over the shared one: so much less on average, and at the p99. */
  meanGainNs: number;
  p99GainNs: number;
}

/** The three lanes side by side, for 64-byte doorbells behind frames of bulk, `hops` links one after the other. */
export function compareLanes({ hops = 3, ...options }: LaneOptions & { hops?: number }): LaneReport[] {
  checkWhole("hops", hops, 1, 64);
  const delays = LANES_OF_DOORBELLS.map((lane) => ({ lane, ...pathDelay(lane, hops, options) }));
  const shared = delays.at(-1)!;
  return delays.map((delay) => ({
    ...delay,
    meanGainNs: shared.meanNs - delay.meanNs,
    p99GainNs: shared.p99Ns - delay.p99Ns,
  }));
}

function pathDelay(lane: Lane, hops: number, options: LaneOptions) {
  const [fault] = laneFaults(lane, options);
  if (!fault) return { meanNs: 0, p99Ns: 0, p999Ns: 0, mostNs: 0 };
  const { probability, delay } = fault;
  const stepNs = delay.mostNs / 2 ** 13;
  const { mass } = Lattice.of(delay, stepNs, 0);
  const hop = new Lattice(
    0,
    stepNs,
    mass.map((share, i) => probability * share + (i === 0 ? 1 - probability : 0)),
  );
  const path = convolve(Array.from({ length: hops }, () => hop));
  return {
    meanNs: hops * probability * delay.moments().meanNs,
    p99Ns: Math.max(0, path.quantileNs(0.01)),
    p999Ns: Math.max(0, path.quantileNs(0.001)),
    mostNs: lane === "priority" ? hops * delay.mostNs : null,
  };
}
