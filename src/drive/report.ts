import { DOORBELL_CANCEL, DOORBELL_FENCE, DOORBELL_LOAD } from "../../assembly/layout.ts";
import type { Outage, Pacer } from "../pacing/index.ts";
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
  /** What it read, of loads that were then dropped or cancelled too. */
  bytes: number;
  misses: number;
  /** From its first read to its last byte, idle times among it. */
  activeSpanNs: number;
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
  /** Link by link: where several of its links were held at once, each counts. */
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
  /** Sizes of all loads, whatever came of them; `dpus` say what was read. */
  bytes: number;
  /** From the first post to the last end, which is at `endNs`. */
  spanNs: number;
  endNs: number;
  /** From post to end. */
  loadNs: DurationSummary;
  /** Shares of loads that take longer, and than what. */
  curve: { u: number; ns: number }[];
  /** From when the first doorbell came to the DPU to when one found a place in its queue: 0 where the first did. */
  gpuWaitNs: DurationSummary;
  /** From arrival in the DPU's queue to the first read. */
  queueNs: DurationSummary;
  outcomes: Record<Outcome, number>;
  /** Loads that came late or were dropped. */
  misses: ShareInterval & { count: number };
  /** Loads that could not make their deadline any more before their last byte was read; they are told at once. */
  expired: number;
  /** Doorbells that found no place in the queue, and had to wait for one at their GPU. */
  pushedBack: number;
  dpus: DpuReport[];
  faults: {
    /** Of the links that stand with DPUs' ports, from the first post to the end: each is of one link, and holds all of its DPU's. */
    outages: number;
    /** The share of that time that such a link is out, on average; a DPU's are held as long as all of them are out together. */
    linkTimeShare: number;
    /** By these outages, by those of nodes' and pods' links, or by stalls. */
    held: HeldLoad[];
  };
}

/** What came of a run that has ended. */
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
  const firstNs = postNs[0] ?? 0;
  const outages = perDpu.flatMap((_, dpu) => outagesFrom(pacer, dpu, firstNs, lastNs));
  const outNs = outages.reduce(
    (sum, { beginNs, endNs }) => sum + Math.min(endNs, lastNs) - Math.max(beginNs, firstNs),
    0,
  );
  const linksPerDpu = plan.pacer.faults?.links?.ports ?? 1;
  return {
    means: plan.means,
    optics: plan.fabric.optics.profile.name,
    gpus: plan.gpus,
    loads,
    cancels: counts[DOORBELL_CANCEL],
    fences: counts[DOORBELL_FENCE],
    bytes,
    spanNs: lastNs - firstNs,
    endNs: lastNs,
    loadNs: summaryOf(loadNs),
    curve: exceedances(loadNs.length).map((u) => ({ u, ns: exceededBy(loadNs, u) })),
    gpuWaitNs: summaryOf(durations(all, ends, (row) => ends.gpuWaitNs[row]!)),
    queueNs: summaryOf(durations(all, ends, (row) => ends.firstReadNs[row]! - ends.arrivalNs[row]!)),
    outcomes,
    misses: { count: missed, ...shareInterval(missed, Math.max(1, loads)) },
    expired,
    pushedBack: run.pushedBack,
    dpus: perDpu.map((rows, dpu) => dpuReport(plan, traffic, run, rows, dpu)),
    faults: {
      outages: outages.length,
      linkTimeShare: outNs === 0 ? 0 : outNs / ((lastNs - firstNs) * pacer.dpus * linksPerDpu),
      held,
    },
  };
}

/** The outages of a DPU's ports that end after `fromNs` and begin before `untilNs`. */
export function outagesFrom(pacer: Pacer, dpu: number, fromNs: number, untilNs: number): Outage[] {
  return pacer.outagesOf(dpu, untilNs).filter(({ endNs }) => endNs > fromNs);
}

function dpuReport(
  plan: DrivePlan,
  traffic: Traffic,
  { ends, reads }: Run,
  rows: readonly number[],
  dpu: number,
): DpuReport {
  const read = rows.filter((row) => wasRead(ends, row));
  const bytes = reads.bytes[dpu]!;
  const activeSpanNs = Math.max(0, reads.lastNs[dpu]! - reads.firstNs[dpu]!);
  const bytesPerNs = activeSpanNs === 0 ? 0 : bytes / activeSpanNs;
  return {
    dpu,
    loads: rows.length,
    bytes,
    misses: rows.filter((row) => ["late", "dropped"].includes(outcomeOf(ends, row))).length,
    activeSpanNs,
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
