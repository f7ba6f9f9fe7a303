import { checkKeys, checkWhole } from "../check.ts";
import { ColdShare, type Demand, RoutedDemand } from "./demand.ts";
import { Engine } from "./engine.ts";
import { DECODING_KEYS, type DecodingOptions, type DecodingPlan, planDecoding } from "./plan.ts";
import { type DecodingReport, Records, reportOf } from "./report.ts";
import { type DecodingTimeline, Timeline } from "./timeline.ts";

/** How a run is repeated and watched. */
export interface RunOptions {
  /** Repeated with other draws, so that figures have intervals; 5 unless given. */
  repetitions?: number;
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
  checkKeys("run", run, ["repetitions", "timeline", "onProgress"]);
  const { repetitions = 5, timeline: { gpu = 0, step = 0 } = {}, onProgress } = run;
  checkKeys("options", options, DECODING_KEYS);
  const { seed = 1 } = options;
  const plan = planDecoding(options);
  checkWhole("repetitions", repetitions, 1, 1e4);
  checkWhole("timeline: gpu", gpu, 0, plan.cluster.gpus - 1);
  checkWhole("timeline: step", step, 0, plan.steps - 1);
  const timeline = new Timeline(plan, { gpu, step: plan.warmup + step });
  const records: Records[] = [];
  const all = repetitions * (plan.warmup + plan.steps);
  for (let i = 0; i < repetitions; i++) {
    const done = i * (plan.warmup + plan.steps);
    const again = i === 0 ? timeline.plan : planDecoding({ ...options, seed: seed + i });
    records.push(decode(again, i === 0 ? timeline : null, onProgress && ((steps) => onProgress(done + steps, all))));
  }
  onProgress?.(all, all);
  return { report: reportOf(plan, records), timeline: timeline.spans() };
}

/** Runs all steps of all units. */
function decode(plan: DecodingPlan, timeline: Timeline | null, onProgress: ((steps: number) => void) | undefined) {
  const engine = new Engine(plan.engine);
  const demand = demandOf(plan, engine);
  const { unitGpus, fabric } = plan.engine;
  const steps = Array.from({ length: fabric.gpus }, (_, gpu) => engine.stepOf(gpu));
  const done = new Uint32Array(engine.units);
  const records = new Records(plan, engine);
  for (const step of steps) step.setCompute(plan.attentionNs, plan.multiplyNs);
  const start = (unit: number, atNs: number) => {
    for (let gpu = unit * unitGpus; gpu < (unit + 1) * unitGpus; gpu++) demand.fill(gpu, done[unit]!, steps[gpu]!);
    engine.start(unit, atNs);
  };
  for (let unit = 0; unit < engine.units; unit++) start(unit, 0);
  const last = plan.warmup + plan.steps;
  let told = 0;
  for (let unit = engine.run(); unit >= 0; unit = engine.run()) {
    timeline?.take(engine, unit, done[unit]!);
    records.take(unit, done[unit]!);
    if (++done[unit]! < last) start(unit, engine.endNs(unit));
    if (unit === 0 && done[0]! - told >= last / 100) {
      told = done[0]!;
      onProgress?.(told);
    }
  }
  records.end();
  return records;
}

function demandOf(plan: DecodingPlan, engine: Engine): Demand {
  const { cold, batch, foresee } = plan;
  return "routes" in cold
    ? new RoutedDemand(engine, cold.routes, { batch, foresee })
    : new ColdShare(engine, cold.share);
}
