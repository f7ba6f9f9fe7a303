import * as sim from "../../assembly/simulation-layout.ts";
import type { TraceSpan } from "../formats/trace.ts";
import type { Engine } from "./engine.ts";
import type { EnginePlan, Fence } from "./memory.ts";
import type { DecodingPlan } from "./plan.ts";

/** One layer of a GPU's step. */
export interface LayerSpan {
  /** Of those with experts, from 0. */
  layer: number;
  startNs: number;
  /** The router has chosen. */
  routerNs: number;
  /** All weights are there: the router's instant if they were. */
  readyNs: number;
  /** The multiplication, and what comes behind it in the layer, begin; and end. */
  multiplyNs: number;
  endNs: number;
}

/** One load of a GPU, from the router's choice or from a prefetch's post. */
export interface LoadSpan {
  layer: number;
  expert: number;
  sourceGpu: number;
  bytes: number;
  prefetched: boolean;
  postedNs: number;
  /** At its DPU. */
  arrivedNs: number;
  /** All bytes have come, and may be used. */
  doneNs: number;
  readyNs: number;
  /** Of the time from arrival to `doneNs`: what it takes alone, and what faults took. */
  aloneNs: number;
  lostNs: number;
}

/** One step of one GPU, layer by layer. Instants are from the step's beginning. */
export interface DecodingTimeline {
  gpu: number;
  step: number;
  stepNs: number;
  gapNs: number;
  deadlineNs: number;
  fence: Fence;
  layers: LayerSpan[];
  loads: LoadSpan[];
}

/** Watches for the step that is to be shown. */
export class Timeline {
  /** The plan to run: with a log. */
  readonly plan: DecodingPlan;
  readonly #gpu: number;
  readonly #step: number;
  readonly #layers: LayerSpan[] = [];
  readonly #loads: LoadSpan[] = [];
  #startNs = 0;
  #endNs = 0;
  #isOver = false;

  constructor(plan: DecodingPlan, { gpu, step }: { gpu: number; step: number }) {
    this.plan = { ...plan, engine: { ...plan.engine, logMost: stepRows(plan.engine), logGpu: gpu } };
    this.#gpu = gpu;
    this.#step = step;
  }

  /** Takes what the log has when a unit ends its step `step`. */
  take(engine: Engine, unit: number, step: number): void {
    if (this.#isOver) return;
    const isOurs = unit === Math.floor(this.#gpu / this.plan.engine.unitGpus);
    const { words, values, rows } = engine.takeLog();
    const { experts } = this.plan.engine;
    for (let row = 0; row < rows; row++) {
      const [at, word] = [row * sim.LOG_ROW, 2 * row * sim.LOG_ROW];
      const value = (field: number) => values[at + field]!;
      if (words[word] === sim.LOG_LAYER) {
        const [startNs, routerNs, readyNs, endNs] = [value(2), value(3), value(4), value(5)];
        const layer = words[word + 2]!;
        this.#layers.push({ layer, startNs, routerNs, readyNs, multiplyNs: endNs - value(6), endNs });
      } else {
        const block = words[word + 2]!;
        const [postedNs, arrivedNs, doneNs, readyNs] = [value(2), value(3), value(4), value(5)];
        this.#loads.push({
          layer: Math.floor(block / experts),
          expert: block % experts,
          sourceGpu: words[word + 3]!,
          bytes: value(8),
          prefetched: (value(9) & sim.LOAD_PREFETCHED) !== 0,
          postedNs,
          arrivedNs,
          doneNs,
          readyNs,
          aloneNs: value(6),
          lostNs: value(7),
        });
      }
    }
    if (!isOurs || step !== this.#step) return;
    this.#isOver = true;
    [this.#startNs, this.#endNs] = [engine.startNs(unit), engine.endNs(unit)];
  }

  spans(): DecodingTimeline {
    const [from, to] = [this.#startNs, this.#endNs];
    const { gapNs, deadlineNs, fence } = this.plan.engine;
    const layers = this.#layers.filter(({ startNs, endNs }) => startNs >= from && endNs <= to);
    const loads = this.#loads.filter(({ postedNs, readyNs }) => readyNs > from && postedNs < to);
    return {
      gpu: this.#gpu,
      step: this.#step - this.plan.warmup,
      stepNs: to - from,
      gapNs,
      deadlineNs,
      fence,
      layers: layers.map((span) => moved(span, ["startNs", "routerNs", "readyNs", "multiplyNs", "endNs"], -from)),
      loads: loads.map((span) => moved(span, ["postedNs", "arrivedNs", "doneNs", "readyNs"], -from)),
    };
  }
}

/** What the log has of a GPU's step at the most: its layers, what it may post, and what was under way before. */
function stepRows({ layers, demandMost, aheadMost, layerDemandMost, prefetchesMost }: EnginePlan): number {
  return layers.length + demandMost + aheadMost + layerDemandMost + prefetchesMost;
}

/** A copy of a span in which the fields that are instants lie `ns` later. */
function moved<T extends object>(span: T, fields: readonly (keyof T & string)[], ns: number): T {
  const instants = fields.map((field) => [field, (span[field] as number) + ns]);
  return { ...span, ...Object.fromEntries(instants) };
}

/** The spans of a timeline as `formatTrace` writes them: the GPU's phases on one track, each layer's loads on others. */
export function timelineSpans({ gpu, gapNs, layers, loads }: DecodingTimeline): TraceSpan[] {
  const process = `GPU ${gpu}`;
  const spans: TraceSpan[] = [];
  const add = (track: string, name: string, startNs: number, endNs: number, args: Record<string, string | number>) => {
    if (endNs > startNs) spans.push({ process, track, name, startNs, endNs, args });
  };
  for (const { layer, startNs, routerNs, multiplyNs, endNs } of layers) {
    const args = { layer };
    add("decode", "attention and router", startNs, routerNs, args);
    add("decode", "gap", routerNs, Math.min(multiplyNs, routerNs + gapNs), args);
    add("decode", "stall", routerNs + gapNs, multiplyNs, args);
    add("decode", "multiply", multiplyNs, endNs, args);
  }
  // Loads that overlap go on tracks of their own: the first that is free.
  const freeNs: number[] = [];
  for (const load of [...loads].sort((a, b) => a.postedNs - b.postedNs)) {
    let lane = freeNs.findIndex((ns) => ns <= load.postedNs);
    if (lane < 0) lane = freeNs.push(0) - 1;
    freeNs[lane] = load.readyNs;
    const track = `loads ${lane + 1}`;
    const args = { layer: load.layer, expert: load.expert, source: load.sourceGpu, bytes: load.bytes };
    const name = `${load.prefetched ? "prefetch" : "load"} of ${load.layer}/${load.expert}`;
    add(track, `${name}: command`, load.postedNs, load.arrivedNs, args);
    add(
      track,
      `${name}: wait`,
      load.arrivedNs,
      Math.max(load.arrivedNs, load.doneNs - load.aloneNs - load.lostNs),
      args,
    );
    add(track, `${name}: data`, Math.max(load.arrivedNs, load.doneNs - load.aloneNs - load.lostNs), load.doneNs, args);
    add(track, `${name}: fence`, load.doneNs, load.readyNs, args);
  }
  return spans;
}
