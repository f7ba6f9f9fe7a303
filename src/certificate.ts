import { checkAtLeast, checkBetween, checkFinite, checkPositive } from "./check.ts";
import type { Lattice } from "./convolution.ts";
import { duration, figure, percent } from "./words.ts";

/** Loads of one kind that a DPU is asked for: in any time t, ends included, at most burstBytes + bytesPerNs x t. */
export interface ShapedLoads {
  /** What the result calls them. */
  name: string;
  burstBytes: number;
  bytesPerNs: number;
  /** From the instant at which the shape counts a load to the one by which the DPU has to be done with it. */
  deadlineNs: number;
  /** A read of such a load is not interrupted for this long; no more than a burst counts. */
  chunkBytes: number;
  /** By how much a load may be in the queue before `deadlineNs` counts, its doorbell faster than the bound; 0 unless given. */
  earlyNs?: number;
}

/**
 * A DPU that, in any t for all of which something waits, serves at least bytesPerNs x (t - latencyNs). One that takes
 * latencyNs over each doorbell, several at a time, and then never idles comes to the same: every load is later by it.
 */
export interface Service {
  bytesPerNs: number;
  latencyNs: number;
}

/** Whether every load is served by its deadline, whatever comes, as long as it comes as shaped. */
export interface Certificate {
  certified: boolean;
  /** What the DPU serves less what may have to be served, in the worst window. -Infinity, as below, where no window is the worst. */
  marginBytes: number;
  /** No load ends later than this after its deadline; where it is negative, all deadlines could be so much tighter. */
  latenessNs: number;
  /** How long the worst window is, and what may have to be served in it. */
  atNs: number;
  neededBytes: number;
  /** The loads that fall due as the worst window ends; null where the long run binds. */
  binding: string | null;
  /** Loads that are due later, a chunk of which may be in their way. */
  blockedBy: string | null;
  /** What is asked for over what is served, in the long run. */
  longTermShare: number;
  /** For each kind, how large its burst could be, all else as it is; null where nothing of it can be certified. */
  bursts: { name: string; burstBytesMax: number | null }[];
  /** The arithmetic, in words. */
  because: string;
}

/**
 * The schedulability theorem: a DPU that serves chunks, most urgent load first, meets every deadline if for all t from the
 * least D_j on
 *
 *     sum of alpha_j(t - D_j) over D_j <= t  +  the greatest chunk_k with t < D_k + early_k   <=   rate x (t - latency)
 *
 * with alpha_j(s) = burst_j + rate_j x s, which is burst_j at s = 0.
 *
 * Why: suppose a load due at d is not done by d, and let t0 be the last instant up to which nothing due by d waited. From t0
 * to d, for t = d - t0, something due by d always waits, so the DPU never idles and serves rate x (t - latency) or more.
 * Of that, what is due after d has at most the chunk under way at t0: a load k in the queue before t0 and due after d, thus
 * with D_k + early_k > t, strictly. All else is due by d, came at t0 or later, and was counted by its shape from t0 on (early
 * ones too: their D_j counts from the latest instant at which they could have come) up to d - D_j: in a window of length
 * t - D_j that holds both its ends. A burst at one instant lies in a window of length 0, so the shape counts at s = 0
 * and the jump at t = D_j belongs to t = D_j. By the inequality all of it is done by d. For t below every D_j nothing can
 * be due, and nothing is asked: a chunk alone would exceed what is served in no time.
 *
 * Why a few t are enough: between two of the D_j the left side falls only where a chunk drops out and else rises by at most
 * the sum of all rates. Where that is no more than the DPU's, what is left over is least at one of the D_j, from which it
 * grows up to the next; where it is more, it falls for ever. So the answer is exact.
 *
 * Where latencyNs is above t, the right side is negative, not 0: the inequality fails either way, and the margin stays
 * what the DPU would have to add.
 */
export function certify(loads: readonly ShapedLoads[], service: Service): Certificate {
  checkLoads(loads);
  checkPositive("bytesPerNs", service.bytesPerNs);
  checkAtLeast("latencyNs", service.latencyNs, 0);
  const longTermShare = loads.reduce((sum, { bytesPerNs }) => sum + bytesPerNs, 0) / service.bytesPerNs;
  const windows = loads.map((due) => windowOf(due, loads, service)).sort((a, b) => a.atNs - b.atNs);
  const bounded = longTermShare <= 1;
  const worst = bounded
    ? windows.reduce((least, next) => (next.marginBytes < least.marginBytes ? next : least))
    : ENDLESS;
  const { marginBytes, atNs, neededBytes, binding, blockedBy } = worst;
  return {
    certified: marginBytes >= 0,
    marginBytes,
    latenessNs: -marginBytes / service.bytesPerNs,
    atNs,
    neededBytes,
    binding,
    blockedBy,
    longTermShare,
    bursts: loads.map(({ name }, i) => ({
      name,
      burstBytesMax: bounded ? largestBurst(i, loads, windows, service) : null,
    })),
    because: bounded
      ? windowWords(worst, service)
      : `in the long run ${percent(longTermShare)} of what the DPU serves is asked for: no deadline is late enough`,
  };
}

/** What bounds a load on its way to the DPU's queue and back, in the terms of `ShapedLoads`. */
export interface LocalDeadline {
  deadlineNs: number;
  earlyNs: number;
  /** Q(epsilon) of one traversal: the certificate holds as long as none takes longer. */
  pathBoundNs: number;
  epsilon: number;
}

/**
 * The deadline of a load at its DPU, counted from the router's choice: what both traversals, each at most Q(epsilon) of
 * `path`, the post and the fence leave of `deadlineNs`. The doorbell's own traversal is in it, so that shapes hold at the
 * router and jitter between router and DPU does not loosen them.
 */
export function localDeadline(
  path: Lattice,
  times: { deadlineNs: number; postNs: number; localFenceNs: number; epsilon: number },
): LocalDeadline {
  const { deadlineNs, postNs, localFenceNs, epsilon } = times;
  checkPositive("deadlineNs", deadlineNs);
  checkAtLeast("postNs", postNs, 0);
  checkAtLeast("localFenceNs", localFenceNs, 0);
  checkPositive("epsilon", epsilon);
  checkBetween("epsilon", epsilon, 0, 1);
  const pathBoundNs = path.quantileNs(epsilon);
  return {
    deadlineNs: deadlineNs - postNs - 2 * pathBoundNs - localFenceNs,
    earlyNs: Math.max(0, pathBoundNs - path.startNs),
    pathBoundNs,
    epsilon,
  };
}

/** A window that ends as loads fall due that came at its beginning. */
type Window = Pick<Certificate, "marginBytes" | "atNs" | "neededBytes" | "binding" | "blockedBy">;

const ENDLESS: Window = {
  marginBytes: -Infinity,
  atNs: Infinity,
  neededBytes: Infinity,
  binding: null,
  blockedBy: null,
};

function windowOf(due: ShapedLoads, loads: readonly ShapedLoads[], service: Service): Window {
  const atNs = due.deadlineNs;
  const { dueBytes, chunk, blockedBy } = askedFor(atNs, loads);
  const neededBytes = dueBytes + chunk;
  return { marginBytes: served(atNs, service) - neededBytes, atNs, neededBytes, binding: due.name, blockedBy };
}

/** What `loads` may ask for in a window: what falls due in it, and the largest chunk that may be in the way. */
function askedFor(atNs: number, loads: readonly ShapedLoads[]) {
  let [dueBytes, chunk, blockedBy] = [0, 0, null as string | null];
  for (const { name, burstBytes, bytesPerNs, deadlineNs, chunkBytes, earlyNs = 0 } of loads) {
    if (deadlineNs <= atNs) dueBytes += burstBytes + bytesPerNs * (atNs - deadlineNs);
    const chunkThere = Math.min(chunkBytes, burstBytes);
    if (deadlineNs + earlyNs > atNs && chunkThere > chunk) [chunk, blockedBy] = [chunkThere, name];
  }
  return { dueBytes, chunk, blockedBy };
}

const served = (atNs: number, { bytesPerNs, latencyNs }: Service) => bytesPerNs * (atNs - latencyNs);

/** In every window from its deadline on a burst counts, and in those it may be in the way of so does a chunk of it. */
function largestBurst(
  index: number,
  loads: readonly ShapedLoads[],
  windows: readonly Window[],
  service: Service,
): number | null {
  const { bytesPerNs, deadlineNs, chunkBytes, earlyNs = 0 } = loads[index]!;
  const others = loads.toSpliced(index, 1);
  const most = windows.map(({ atNs }) => {
    const { dueBytes, chunk } = askedFor(atNs, others);
    const due = deadlineNs <= atNs;
    const room = served(atNs, service) - dueBytes - (due ? bytesPerNs * (atNs - deadlineNs) : 0);
    const besideOthers = room - chunk;
    const inTheWay = deadlineNs + earlyNs > atNs;
    // b + min(chunkBytes, b) <= room, where it is due and in the way of itself
    if (due) return inTheWay ? Math.min(besideOthers, Math.max(room - chunkBytes, room / 2)) : besideOthers;
    if (besideOthers < 0) return 0;
    return inTheWay && chunkBytes > room ? room : Number.POSITIVE_INFINITY;
  });
  const least = Math.min(...most);
  return least > 0 ? least : null;
}

function windowWords({ atNs, neededBytes, marginBytes, binding, blockedBy }: Window, service: Service): string {
  const served = `${figure(service.bytesPerNs)} bytes/ns less ${duration(service.latencyNs)}`;
  const behind = blockedBy === null ? "" : `, behind a chunk of ${blockedBy}`;
  return `${duration(atNs)} after a burst of ${binding}${behind}, ${figure(neededBytes / 1e6)} MB have to be served; ${served} leave ${figure(marginBytes / 1e6)} MB`;
}

function checkLoads(loads: readonly ShapedLoads[]): void {
  if (loads.length === 0) throw new RangeError("loads must hold at least 1 kind, got 0");
  for (const { burstBytes, bytesPerNs, deadlineNs, chunkBytes, earlyNs = 0 } of loads) {
    checkPositive("burstBytes", burstBytes);
    checkAtLeast("bytesPerNs", bytesPerNs, 0);
    checkFinite("deadlineNs", deadlineNs);
    checkPositive("chunkBytes", chunkBytes);
    checkAtLeast("earlyNs", earlyNs, 0);
  }
}
