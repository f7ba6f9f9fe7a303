import { DOORBELL_LOAD } from "../../assembly/layout.ts";
import { checkColumns, checkTraffic, type Traffic } from "../traffic.ts";
import { type DriveOptions, planDrive } from "./plan.ts";
import { type DriveReport, reportOf } from "./report.ts";
import { type Chunk, Run } from "./run.ts";
import { Spans, type TraceHooks } from "./spans.ts";

/** Who is told while a drive goes on. */
export interface DriveHooks extends TraceHooks {
  /** Told now and then how many of the loads have ended. */
  onProgress?: (ended: number, loads: number) => void;
}

/** Drives doorbells through the built-in fabric, and says what came of every load. */
export function drive(traffic: Traffic, options: DriveOptions, hooks: DriveHooks = {}): DriveReport {
  const plan = planDrive(options, gpusOf(traffic));
  checkTraffic(traffic, plan.gpus);
  const { onProgress, onSpan } = hooks;
  const loads = traffic.op.filter((op) => op === DOORBELL_LOAD).length;
  const spans = onSpan && new Spans(plan, traffic, onSpan);
  const run = new Run(plan, traffic, {
    ...(onProgress ? { onProgress: (ended: number) => onProgress(ended, loads) } : {}),
    ...(spans ? { onChunk: (chunk: Chunk) => spans.take(chunk) } : {}),
  });
  run.run();
  const report = reportOf(plan, traffic, run);
  spans?.end(run, traffic.postNs[0] ?? 0, report.endNs);
  return report;
}

/** The GPUs that a traffic names: as many as the greatest number says. */
export function gpusOf(traffic: Traffic): number {
  checkColumns(traffic);
  const { sourceGpu, destinationGpu } = traffic;
  let most = 0;
  for (const column of [sourceGpu, destinationGpu]) for (const gpu of column) if (gpu > most) most = gpu;
  return most + 1;
}
