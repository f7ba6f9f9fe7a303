import { ColdShare, type Demand, RoutedDemand } from "./demand.ts";
import { Engine } from "./engine.ts";
import type { DecodingPlan } from "./plan.ts";
import { Records } from "./report.ts";
import type { Timeline } from "./timeline.ts";

/** Where a run is: all that it goes on from. */
export interface SavedRun {
  state: Float64Array;
  done: Uint32Array;
  demand: Uint32Array;
}

/** All steps of all units, one after the other. */
export class Run {
  readonly engine: Engine;
  /** Steps that each unit has done. */
  readonly done: Uint32Array;
  readonly #steps: number;
  readonly #start: (unit: number, atNs: number) => void;
  readonly #demand: Demand;

  constructor(plan: DecodingPlan) {
    const { unitGpus, fabric } = plan.engine;
    const engine = new Engine(plan.engine);
    const steps = Array.from({ length: fabric.gpus }, (_, gpu) => engine.stepOf(gpu));
    for (const step of steps) step.setCompute(plan.attentionNs, plan.multiplyNs);
    this.engine = engine;
    this.done = new Uint32Array(engine.units);
    this.#steps = plan.warmup + plan.steps;
    this.#demand = demandOf(plan, engine);
    this.#start = (unit, atNs) => {
      for (let gpu = unit * unitGpus; gpu < (unit + 1) * unitGpus; gpu++)
        this.#demand.fill(gpu, this.done[unit]!, steps[gpu]!);
      engine.start(unit, atNs);
    };
    for (let unit = 0; unit < engine.units; unit++) this.#start(unit, 0);
  }

  /** Goes on until a unit is through with a step, tells of it before the next one begins, and says which it was; or -1. */
  next(onStep: (unit: number, step: number) => void = () => {}): number {
    const unit = this.engine.run();
    if (unit < 0) return unit;
    onStep(unit, this.done[unit]!);
    if (++this.done[unit]! < this.#steps) this.#start(unit, this.engine.endNs(unit));
    return unit;
  }

  save(): SavedRun {
    return { state: this.engine.save(), done: this.done.slice(), demand: this.#demand.save() };
  }

  restore({ state, done, demand }: SavedRun): void {
    this.engine.restore(state);
    this.done.set(done);
    this.#demand.restore(demand);
  }
}

/** Runs all steps. */
export function decode(
  plan: DecodingPlan,
  timeline: Timeline | null = null,
  onProgress: (steps: number) => void = () => {},
): Records {
  const run = new Run(plan);
  const { engine, done } = run;
  const records = new Records(plan, engine);
  let told = 0;
  const taken = (unit: number, step: number) => {
    timeline?.take(engine, unit, step);
    records.take(engine, unit, step);
  };
  for (let unit = run.next(taken); unit >= 0; unit = run.next(taken)) {
    if (unit !== 0 || done[0]! - told < (plan.warmup + plan.steps) / 100) continue;
    told = done[0]!;
    onProgress(told);
  }
  records.end(engine);
  return records;
}

function demandOf(plan: DecodingPlan, engine: Engine): Demand {
  const { cold, batch, foresee } = plan;
  return "routes" in cold
    ? new RoutedDemand(engine, cold.routes, { batch, foresee })
    : new ColdShare(engine, cold.share);
}
