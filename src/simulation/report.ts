import * as sim from "../../assembly/simulation-layout.ts";
import { type MeanInterval, meanInterval } from "../statistics.ts";
import type { Engine } from "./engine.ts";
import type { OutageReport } from "./outages.ts";
import type { DecodingPlan } from "./plan.ts";
import { CountedTimes } from "./times.ts";

/** Of a step's nanoseconds: where they went, in the order of a layer. They sum to the step. */
export const CAUSES = ["compute", "gap", "command", "wait", "outage", "data", "fence", "barrier"] as const;
export type Cause = (typeof CAUSES)[number];

/** Where each cause is in a tally. */
const TALLIED: Record<Cause, number> = {
  compute: sim.TALLY_COMPUTE,
  gap: sim.TALLY_GAP,
  command: sim.PHASE_COMMAND,
  wait: sim.PHASE_WAIT,
  outage: sim.PHASE_OUTAGE,
  data: sim.PHASE_DATA,
  fence: sim.PHASE_FENCE,
  barrier: sim.TALLY_BARRIER,
};

/** A figure with its interval over repetitions; of one repetition the interval is null. */
export interface Figure {
  mean: number;
  low: number | null;
  high: number | null;
}

/** How long something took. */
export interface Times {
  meanNs: Figure;
  p50Ns: Figure;
  p99Ns: Figure;
  p999Ns: Figure;
}

/** What decoding came to: figures over repetitions. */
export interface DecodingReport {
  model: string;
  gpus: number;
  batch: number;
  sequence: number;
  steps: number;
  repetitions: number;
  /** From one token of a sequence to its next. */
  interTokenLatency: Times;
  /** As serving engines define it, (end - first token) / (n - 1) of `tpotTokens` tokens each; null where runs are shorter. */
  tpot: Times | null;
  tpotTokens: number;
  /** A step with all weights there. */
  residentStepNs: number;
  /** Mean of a step. */
  causesNs: Record<Cause, Figure>;
  loads: {
    /** A GPU's step: experts asked for, those of them that were there, or on their way already; loads posted, prefetches among them. */
    askedPerStep: Figure;
    heldShare: Figure;
    mergedPerStep: Figure;
    postedPerStep: Figure;
    prefetchesPerStep: Figure;
    /** Of prefetches that were asked for or evicted unused in the counted steps: what of them was asked for; 0 where none was either. */
    usedShare: Figure;
    refusedPerStep: Figure;
    /** Of what was demanded: from the router's choice to the weights in place, of what came once every GPU's steps counted. */
    times: Times;
    /** Of what was demanded in counted steps, the share that came after the deadline. */
    missShare: Figure;
    bytesPerStep: Figure;
    wastedBytesPerStep: Figure;
  };
  /** Of one GPU: what its HBM and its fabric carry, and the busiest share of any server's time. */
  hbmBytesPerNs: Figure;
  fabricGbps: Figure;
  busiestShare: Figure;
  gpuHoursPerMillionTokens: Figure;
  /** Of optics null where nobody states what a bit takes. */
  joulesPerToken: { gpu: Figure; fabric: Figure | null };
  /** What rare outages come to; null where no links go out, or no runs were made of it. */
  outages: OutageReport | null;
  /** How the run went. */
  events: { perLoad: number; overtakenPerLoad: number };
}

/** What one repetition left. */
export class Records {
  readonly #plan: DecodingPlan;
  /** Of each unit its counted steps, one after the other. */
  readonly #stepNs: Float64Array;
  readonly sums: Float64Array;
  readonly #loadsOf: Float64Array;
  /** When each step ended, those before the counted ones included, in order. */
  readonly endsNs: Float64Array;
  #ends = 0;
  /** Units whose steps count. */
  #warm = 0;
  #beganNs = Number.POSITIVE_INFINITY;
  #endNs = 0;
  counts = { posted: 0, overtaken: 0, events: 0, refused: 0 };
  busiestShare = 0;
  /** Counted steps of units that waited for a load which an outage held, and whether any links went out at all. */
  heldSteps = 0;
  wasOut = false;
  times: CountedTimes | null = null;

  constructor(plan: DecodingPlan, engine: Engine) {
    this.#plan = plan;
    this.#stepNs = new Float64Array(engine.units * plan.steps);
    this.endsNs = new Float64Array(engine.units * (plan.warmup + plan.steps));
    this.sums = new Float64Array(sim.TALLY);
    this.#loadsOf = new Float64Array(engine.times.length);
  }

  /** Takes in the step that a unit has just ended, and clears its GPUs' tallies. */
  take(engine: Engine, unit: number, step: number): void {
    const { unitGpus } = this.#plan.engine;
    const { warmup, steps } = this.#plan;
    const counted = step - warmup;
    this.endsNs[this.#ends++] = engine.endNs(unit);
    if (step + 1 === warmup && ++this.#warm === engine.units) this.#loadsOf.set(engine.times);
    if (counted >= 0) {
      const [startNs, endNs] = [engine.startNs(unit), engine.endNs(unit)];
      this.#stepNs[unit * steps + counted] = endNs - startNs;
      this.#beganNs = Math.min(this.#beganNs, startNs);
      this.#endNs = Math.max(this.#endNs, endNs);
    }
    let isHeld = false;
    for (let gpu = unit * unitGpus; gpu < (unit + 1) * unitGpus; gpu++) {
      const tally = engine.tally(gpu);
      isHeld ||= tally[sim.PHASE_OUTAGE]! > 0;
      if (counted >= 0) for (let i = 0; i < tally.length; i++) this.sums[i]! += tally[i]!;
      tally.fill(0);
    }
    if (counted >= 0 && isHeld) this.heldSteps++;
  }

  end(engine: Engine): void {
    this.counts = engine.counts;
    this.wasOut = engine.wasOut(this.#endNs);
    const cells = engine.times.map((count, i) => count - this.#loadsOf[i]!);
    this.times = new CountedTimes(cells);
    let busiest = 0;
    for (let kind = 0; kind < sim.SERVER_KINDS; kind++)
      for (const ns of engine.busyNs(kind)) busiest = Math.max(busiest, ns);
    this.busiestShare = busiest / this.#endNs;
  }

  /** From when to when steps were counted. */
  get window(): { beganNs: number; endNs: number } {
    return { beganNs: this.#beganNs, endNs: this.#endNs };
  }

  /** Times of steps, unit by unit; 0 of those that were not run. */
  get stepNs(): Float64Array {
    return this.#stepNs;
  }

  /** Times of steps, sorted. */
  sortedSteps(): Float64Array {
    return this.#stepNs.slice().sort();
  }

  /** Times per token of outputs of so many tokens, each a unit's steps one after the other. */
  outputs(tokens: number, stepNs = this.#stepNs): Float64Array {
    const { steps } = this.#plan;
    const gaps = tokens - 1;
    const each = Math.floor(steps / gaps);
    const units = stepNs.length / steps;
    const outputs = new Float64Array(each * units);
    for (let unit = 0; unit < units; unit++)
      for (let i = 0; i < each; i++) {
        let sum = 0;
        for (let step = i * gaps; step < (i + 1) * gaps; step++) sum += stepNs[unit * steps + step]!;
        outputs[unit * each + i] = sum / gaps;
      }
    return outputs;
  }
}

/** Tokens of an output; its TPOT averages over one step fewer. */
const TPOT_TOKENS = 257;

/** Of runs of so many steps; fewer than 3 make no TPOT. */
export function tpotTokens(steps: number): number {
  return Math.min(TPOT_TOKENS, steps + 1);
}

/** Figures of all repetitions. */
export function reportOf(
  plan: DecodingPlan,
  records: readonly Records[],
  outages: OutageReport | null,
): DecodingReport {
  const { batch, steps, cluster, model, roofline, sequence } = plan;
  const { gpus } = cluster;
  const over = (figure: (run: Records) => number): Figure => figureOf(records.map(figure));
  const perStep = (at: number) => over(({ sums }) => sums[at]! / (steps * gpus));
  const steps_ = records.map((run) => run.sortedSteps());
  const meanStepNs = (run: Records) =>
    CAUSES.reduce((sum, cause) => sum + run.sums[TALLIED[cause]]!, 0) / (steps * gpus);
  const tokens = tpotTokens(steps);
  const outputs = tokens >= 3 ? records.map((run) => run.outputs(tokens).sort()) : null;
  const resolved = (sums: Float64Array) =>
    sums[sim.TALLY_USED_PREFETCHES]! + sums[sim.TALLY_WASTED_BYTES]! / model.expertBytes;
  const share = (of: number, all: (sums: Float64Array) => number) =>
    over(({ sums }) => (all(sums) > 0 ? sums[of]! / all(sums) : 0));
  const demanded = (sums: Float64Array) => sums[sim.TALLY_ASKED]! - sums[sim.TALLY_HELD]!;
  // Where routes say which experts are read, they are counted; else they are those of tokens that choose alike and apart.
  const { hbmBytes } = roofline.step(batch, sequence, ...(plan.engine.forced ? [] : [0]));
  const readBytes = ({ sums }: Records) =>
    plan.engine.forced ? hbmBytes : hbmBytes + (sums[sim.TALLY_ASKED]! * model.expertBytes) / (steps * gpus);
  const { picojoulesPerBit } = cluster.tiers.anywhere.optics.profile;
  const fabricJoules = (picojoules: number) => (run: Records) =>
    (run.sums[sim.TALLY_BYTES]! * 8 * picojoules * 1e-12) / (steps * gpus * batch);
  return {
    model: model.name,
    gpus,
    batch,
    sequence,
    steps,
    repetitions: records.length,
    interTokenLatency: timesOf(steps_),
    tpot: outputs && timesOf(outputs),
    tpotTokens: tokens,
    residentStepNs: plan.residentStepNs,
    causesNs: Object.fromEntries(CAUSES.map((cause) => [cause, perStep(TALLIED[cause])])) as Record<Cause, Figure>,
    loads: {
      askedPerStep: perStep(sim.TALLY_ASKED),
      heldShare: share(sim.TALLY_HELD, (sums) => sums[sim.TALLY_ASKED]!),
      mergedPerStep: perStep(sim.TALLY_MERGED),
      postedPerStep: perStep(sim.TALLY_LOADS),
      prefetchesPerStep: perStep(sim.TALLY_PREFETCHES),
      usedShare: share(sim.TALLY_USED_PREFETCHES, resolved),
      refusedPerStep: over(({ counts }) => counts.refused / ((steps + plan.warmup) * gpus)),
      times: loadTimes(records),
      missShare: share(sim.TALLY_LATE, demanded),
      bytesPerStep: perStep(sim.TALLY_BYTES),
      wastedBytesPerStep: perStep(sim.TALLY_WASTED_BYTES),
    },
    hbmBytesPerNs: over(
      (run) =>
        (readBytes(run) + (run.sums[sim.TALLY_BYTES]! + run.sums[sim.TALLY_SERVED_BYTES]!) / (steps * gpus)) /
        meanStepNs(run),
    ),
    fabricGbps: over((run) => ((run.sums[sim.TALLY_BYTES]! / (steps * gpus)) * 8) / meanStepNs(run)),
    busiestShare: over((run) => run.busiestShare),
    gpuHoursPerMillionTokens: over((run) => (meanStepNs(run) / 3.6e12 / batch) * 1e6),
    joulesPerToken: {
      gpu: over((run) => (cluster.gpu.watts * meanStepNs(run) * 1e-9) / batch),
      fabric: picojoulesPerBit === null ? null : over(fabricJoules(picojoulesPerBit)),
    },
    outages,
    events: {
      perLoad: ratio(records, (run) => run.counts.events),
      overtakenPerLoad: ratio(records, (run) => run.counts.overtaken),
    },
  };
}

function ratio(records: readonly Records[], of: (run: Records) => number): number {
  const posted = records.reduce((sum, run) => sum + run.counts.posted, 0);
  return posted === 0 ? 0 : records.reduce((sum, run) => sum + of(run), 0) / posted;
}

export function figureOf(values: readonly number[]): Figure {
  if (values.length === 1) return { mean: values[0]!, low: null, high: null };
  const { mean, low, high }: MeanInterval = meanInterval(values);
  return { mean, low, high };
}

function timesOf(sorted: readonly Float64Array[]): Times {
  const at = (u: number) =>
    figureOf(sorted.map((values) => values[Math.min(values.length - 1, Math.floor(u * values.length))]!));
  return {
    meanNs: figureOf(sorted.map((values) => values.reduce((sum, value) => sum + value, 0) / values.length)),
    p50Ns: at(0.5),
    p99Ns: at(0.99),
    p999Ns: at(0.999),
  };
}

function loadTimes(records: readonly Records[]): Times {
  const at = (u: number) => figureOf(records.map(({ times }) => times!.exceededNs(u)));
  return {
    meanNs: figureOf(records.map(({ times }) => times!.meanNs())),
    p50Ns: at(0.5),
    p99Ns: at(0.01),
    p999Ns: at(0.001),
  };
}
