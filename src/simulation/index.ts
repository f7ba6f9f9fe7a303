import { checkKeys, checkWhole } from "../check.ts";
import { decode } from "./decode.ts";
import { mayGoOut, OutageRuns } from "./outages.ts";
import { type DecodingOptions, planDecoding } from "./plan.ts";
import { type DecodingReport, type Records, reportOf } from "./report.ts";
import { type DecodingTimeline, Timeline } from "./timeline.ts";

/** How a run is repeated and watched. */
export interface RunOptions {
  /** Repeated with other draws, so that figures have intervals; 5 unless given. */
  repetitions?: number;
  /**
   * Runs of each repetition in which links go out exactly once, so that rare outages count for what they are worth: 16 where links
   * may train again, unless given; see `OutageReport`.
   */
  outages?: number;
  /** Of which GPU's step the spans are kept, in the first repetition: GPU 0's first counted step unless given. */
  timeline?: { gpu?: number; step?: number };
  /** Told now and then how many steps of all are done. */
  onProgress?: (done: number, of: number) => void;
}

/** A report, and what one step looked like. */
export interface DecodingResult {
  report: DecodingReport;
  timeline: DecodingTimeline;
}

/** Decodes on a cluster whose experts are fetched over its fabric, and says what came of it and where the time went. */
export function simulateDecoding(options: DecodingOptions = {}, run: RunOptions = {}): DecodingResult {
  checkKeys("run", run, ["repetitions", "outages", "timeline", "onProgress"]);
  const { repetitions = 5, outages = 16, timeline: watched = {}, onProgress } = run;
  checkKeys("timeline", watched, ["gpu", "step"]);
  const { gpu = 0, step = 0 } = watched;
  const plan = planDecoding(options);
  const { seed = 1 } = options;
  checkWhole("repetitions", repetitions, 1, 1e4);
  checkWhole("outages", outages, 0, 1e4);
  checkWhole("timeline: gpu", gpu, 0, plan.cluster.gpus - 1);
  checkWhole("timeline: step", step, 0, plan.steps - 1);
  const timeline = new Timeline(plan, { gpu, step: plan.warmup + step });
  const records: Records[] = [];
  const struck = outages > 0 && mayGoOut(plan) ? new OutageRuns(plan, outages) : null;
  const steps = plan.warmup + plan.steps;
  const each = steps * (struck ? 2 : 1);
  const all = repetitions * each;
  for (let i = 0; i < repetitions; i++) {
    const again = { ...options, seed: seed + i };
    const told = onProgress && ((done: number) => onProgress(i * each + done, all));
    const ran = decode(i === 0 ? timeline.plan : planDecoding(again), i === 0 ? timeline : null, told);
    records.push(ran);
    struck?.add(again, ran, (share) => told?.(steps * (1 + share)));
  }
  onProgress?.(all, all);
  return { report: reportOf(plan, records, struck?.report() ?? null), timeline: timeline.spans() };
}
