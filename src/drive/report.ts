import { DOORBELL_CANCEL, DOORBELL_FENCE, DOORBELL_LOAD } from "../../assembly/layout.ts";
import { type ShareInterval, shareInterval } from "../statistics.ts";
import { exceedances } from "../tail.ts";
import type { Traffic } from "../traffic.ts";
import type { DrivePlan, Means } from "./plan.ts";
import { type Ends, OUTCOMES, type Outcome, type Run } from "./run.ts";

/** Durations, all told and by how many take longer: half of them, 1 in 100, 1 in 1,000, none. */
export interface DurationSummary {
  count: number;
  meanNs: number;
  medianNs: number;
  p99Ns: number;
  p999Ns: number;
  mostNs: number;
}

/** What passed through one DPU. */
export interface DpuReport {
  dpu: number;
  loads: number;
  bytes: number;
  misses: number;
  /** From its first read to its last byte. */
  busyNs: number;
  /** Bytes over that time, and the share of the pace that this is. */
  bytesPerNs: number;
  paceShare: number;
  queueNs: DurationSummary;
  loadNs: DurationSummary;
}

/** A load that faults held from its arrival to its last byte; not of those that were cancelled. */
export interface HeldLoad {
  fenceId: number;
  dpu: number;
  heldNs: number;
  endNs: number;
  outcome: Outcome;
}

/** What came of a drive. Durations are of loads that were read to their end. */
export interface DriveReport {
  means: Means;
  optics: string;
  gpus: number;
  loads: number;
  cancels: number;
  fences: number;
  bytes: number;
  /** From the first post to the last end, which is at `endNs`. */
  spanNs: number;
  endNs: number;
  /** From post to end. */
  loadNs: DurationSummary;
  /** Shares of loads that take longer, and than what. */
  curve: { u: number; ns: number }[];
  /** From arrival in the DPU's queue to the first read. */
  queueNs: DurationSummary;
  outcomes: Record<Outcome, number>;
  /** Loads that came late or were dropped. */
  misses: ShareInterval & { count: number };
  /** Loads that could not make their deadline any more before their last byte was read; they are told at once. */
  expired: number;
  /** Doorbells that had to wait at their GPU for a place in the queue. */
  pushedBack: number;
  dpus: DpuReport[];
  faults: {
    /** Outages of DPUs' links up to the end, and the share of the links' time that they took; links of a DPU stop together. */
    outages: number;
    linkTimeShare: number;
    held: HeldLoad[];
  };
}

export function reportOf(plan: DrivePlan, traffic: Traffic, run: Run): DriveReport {
  const { ends, pacer } = run;
  const { op, postNs, sizeBytes, destinationGpu, fenceId } = traffic;
  const perDpu = Array.from({ length: pacer.dpus }, (): number[] => []);
  const outcomes: Record<Outcome, number> = { done: 0, late: 0, dropped: 0, cancelled: 0 };
  const held: HeldLoad[] = [];
  let [bytes, expired, lastNs] = [0, 0, 0];
  const counts = { [DOORBELL_LOAD]: 0, [DOORBELL_CANCEL]: 0, [DOORBELL_FENCE]: 0 };
  for (let row = 0; row < op.length; row++) {
    counts[op[row] as keyof typeof counts]++;
    lastNs = Math.max(lastNs, ends.endNs[row]!);
    if (op[row] !== DOORBELL_LOAD) continue;
    const outcome = outcomeOf(ends, row);
    const dpu = pacer.dpuOf(destinationGpu[row]!);
    outcomes[outcome]++;
    bytes += sizeBytes[row]!;
    expired += ends.expired[row]!;
    if (ends.heldNs[row]! > 0)
      held.push({ fenceId: fenceId[row]!, dpu, heldNs: ends.heldNs[row]!, endNs: ends.endNs[row]!, outcome });
    perDpu[dpu]!.push(row);
  }
  const loads = counts[DOORBELL_LOAD];
  const missed = outcomes.late + outcomes.dropped;
  const all = perDpu.flat();
  const loadNs = durations(all, ends, (row) => ends.endNs[row]! - postNs[row]!);
  const outages = perDpu.map((_, dpu) => pacer.outagesOf(dpu, lastNs));
  const lostNs = outages.flat().reduce((sum, { beginNs, endNs }) => sum + Math.min(endNs, lastNs) - beginNs, 0);
  const linksPerDpu = plan.pacer.faults?.links?.ports ?? 1;
  return {
    means: plan.means,
    optics: plan.fabric.optics.profile.name,
    gpus: plan.gpus,
    loads,
    cancels: counts[DOORBELL_CANCEL],
    fences: counts[DOORBELL_FENCE],
    bytes,
    spanNs: op.length === 0 ? 0 : lastNs - postNs[0]!,
    endNs: lastNs,
    loadNs: summaryOf(loadNs),
    curve: exceedances(loadNs.length).map((u) => ({ u, ns: exceededBy(loadNs, u) })),
    queueNs: summaryOf(durations(all, ends, (row) => ends.firstReadNs[row]! - ends.arrivalNs[row]!)),
    outcomes,
    misses: { count: missed, ...shareInterval(missed, Math.max(1, loads)) },
    expired,
    pushedBack: run.pushedBack,
    dpus: perDpu.map((rows, dpu) => dpuReport(plan, traffic, ends, rows, dpu)),
    faults: {
      outages: outages.flat().length,
      linkTimeShare: lastNs === 0 ? 0 : lostNs / (lastNs * pacer.dpus * linksPerDpu),
      held,
    },
  };
}

function dpuReport(plan: DrivePlan, traffic: Traffic, ends: Ends, rows: readonly number[], dpu: number): DpuReport {
  const read = rows.filter((row) => wasRead(ends, row));
  let [bytes, firstNs, lastNs, misses] = [0, Number.POSITIVE_INFINITY, 0, 0];
  for (const row of rows) if (["late", "dropped"].includes(outcomeOf(ends, row))) misses++;
  for (const row of read) {
    bytes += traffic.sizeBytes[row]!;
    firstNs = Math.min(firstNs, ends.firstReadNs[row]!);
    lastNs = Math.max(lastNs, ends.dataNs[row]!);
  }
  const busyNs = Math.max(0, lastNs - firstNs);
  const bytesPerNs = busyNs === 0 ? 0 : bytes / busyNs;
  return {
    dpu,
    loads: rows.length,
    bytes,
    misses,
    busyNs,
    bytesPerNs,
    paceShare: bytesPerNs / plan.pacer.paceBytesPerNs!,
    queueNs: summaryOf(durations(read, ends, (row) => ends.firstReadNs[row]! - ends.arrivalNs[row]!)),
    loadNs: summaryOf(durations(read, ends, (row) => ends.endNs[row]! - traffic.postNs[row]!)),
  };
}

/** How the load of a row ended. */
export function outcomeOf({ outcome }: Ends, row: number): Outcome {
  return OUTCOMES[outcome[row]!] as Outcome;
}

function wasRead(ends: Ends, row: number): boolean {
  return ends.dataNs[row]! > 0;
}

/** What `of` says of those rows that were read to their end, the least first. */
function durations(rows: readonly number[], ends: Ends, of: (row: number) => number): Float64Array {
  return Float64Array.from(
    rows.filter((row) => wasRead(ends, row)),
    of,
  ).sort();
}

/** What the share `u` of sorted durations exceeds; 0 where there are none. */
function exceededBy(sorted: Float64Array, u: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * (1 - u)) - 1)] ?? 0;
}

function summaryOf(sorted: Float64Array): DurationSummary {
  const count = sorted.length;
  return {
    count,
    meanNs: count === 0 ? 0 : sorted.reduce((sum, ns) => sum + ns, 0) / count,
    medianNs: exceededBy(sorted, 0.5),
    p99Ns: exceededBy(sorted, 0.01),
    p999Ns: exceededBy(sorted, 0.001),
    mostNs: exceededBy(sorted, 0),
  };
}
