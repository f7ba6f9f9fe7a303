import { DOORBELL_LOAD } from "../../assembly/layout.ts";
import { checkColumns, checkTraffic, type Traffic } from "../traffic.ts";
import { type DriveOptions, planDrive } from "./plan.ts";
import { type DriveReport, reportOf } from "./report.ts";
import { Run } from "./run.ts";
import { spansOf, type TraceHooks, tellOutages } from "./spans.ts";

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
  const run = new Run(plan, traffic, {
    ...(onProgress ? { onProgress: (ended: number) => onProgress(ended, loads) } : {}),
    ...(onSpan ? { onChunk: spansOf(plan, traffic, onSpan) } : {}),
  });
  run.run();
  const report = reportOf(plan, traffic, run);
  if (onSpan) tellOutages(run.pacer, report.endNs, onSpan);
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
