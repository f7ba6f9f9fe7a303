import { RandomBits } from "../random.ts";
import { nsFromHours } from "../units.ts";
import { decode, Run } from "./decode.ts";
import type { Engine } from "./engine.ts";
import { heldFabric } from "./fabric.ts";
import { type DecodingOptions, type DecodingPlan, planDecoding } from "./plan.ts";
import { type Figure, figureOf, Records, type Times, tpotTokens } from "./report.ts";

// Links go out so seldom that no run sees it. So there are runs in which links of one DPU, node or pod go out exactly once, at
// an instant drawn evenly from the counted steps, and steps are held beside those of the same run without it. What differs is
// weighed by the exposure: by how many outages such a run meets in the mean. Up to the outage both runs are the same, and some
// steps after it nearly so: a run goes on from what was saved just before, and only so far.

/** What outages of links come to. */
export interface OutageReport {
  /** Runs in which links go out once, all repetitions together. */
  runs: number;
  /** How long for. */
  lowNs: number;
  highNs: number;
  /** Links that may go out, each so often an hour: null where nobody states it. */
  links: number;
  ratePerLinkHour: number | null;
  /** Outages that the counted steps of a run meet in the mean: rate x links x time. */
  exposure: Figure | null;
  /** Of one outage: steps that wait for a load which it held, what it adds to all steps together, and the longest step then. */
  one: { heldSteps: Figure; addedNs: Figure; longestNs: number };
  /** With outages counted for what they are worth; null where nobody states how often they are. */
  counted: OutageTimes | null;
  /** How much of that is due to them. */
  due: OutageTimes | null;
  /** At so many outages of each link an hour a step in a hundred is held, and they make the p99; null where none is held. */
  ratePerLinkHourAtP99: number | null;
}

/** Times of steps, and of outputs where runs are long enough. */
export interface OutageTimes {
  interTokenLatency: Times;
  tpot: Times | null;
}

/** Whether a plan's links may train again. */
export function mayGoOut({ cluster }: DecodingPlan): boolean {
  return cluster.tiers.anywhere.optics.profile.retrain !== null;
}

/** Streams before this one are those of demand, of ways and of faults. */
const OUTAGE_STREAM = 0xc0000000;
/** Words of a run: which links, when, how long. */
const WORDS = 3;
/** What begins so many resident steps after an outage is taken to be as without it. */
const STEPS_AFTER = 2;

/** Sorted values, and those that differ once something has happened: what is no more, and what is instead. */
interface Changed {
  sorted: Float64Array;
  gone: number[];
  come: number[];
}

/** Links that go out, and when. */
interface Outage {
  server: number;
  beginNs: number;
  endNs: number;
}

/** What one repetition came to. */
interface Struck {
  windowNs: number;
  heldSteps: number;
  addedNs: number;
  longestNs: number;
  steps: Changed;
  outputs: Changed | null;
}

/** Runs of each repetition in which links go out once. */
export class OutageRuns {
  readonly #plan: DecodingPlan;
  readonly #runs: number;
  readonly #struck: Struck[] = [];
  #links = 0;

  constructor(plan: DecodingPlan, runs: number) {
    this.#plan = plan;
    this.#runs = runs;
  }

  /** Adds those of a repetition, of which `ran` is the run with outages as they are drawn; tells which share of them is done. */
  add(options: DecodingOptions, ran: Records, onProgress: (share: number) => void): void {
    const plan = planDecoding(options);
    plan.engine.fabric = heldFabric(options, plan.cluster, options.seed ?? 1);
    const calm = ran.wasOut ? decode(plan) : ran;
    const struck = emptyOf(calm, tpotTokens(plan.steps));
    const run = new Run(plan);
    const { failing } = run.engine;
    this.#links = failing.reduce((sum, { links }) => sum + links, 0);
    let ended = 0;
    for (const [i, outage] of this.#drawn(options.seed ?? 1, calm, failing).entries()) {
      while (calm.endsNs[ended]! <= outage.beginNs) {
        clear(run.engine, run.next(), plan);
        ended++;
      }
      const saved = run.save();
      this.#compare(struck, calm, struckBy(run, plan, outage));
      run.restore(saved);
      onProgress((i + 1) / this.#runs);
    }
    this.#struck.push(struck);
  }

  /** Outages in order: which links, from when, and until when. */
  #drawn(seed: number, { window: { beganNs, endNs } }: Records, failing: Engine["failing"]): Outage[] {
    const { lowNs, highNs } = this.#retrain();
    const batch = 4 * Math.ceil((WORDS * this.#runs) / 4);
    const bits = new RandomBits({ seed, stream: OUTAGE_STREAM, batch }).next();
    return Array.from({ length: this.#runs }, (_, run) => {
      const [which, when, long] = Array.from({ length: WORDS }, (_, i) => bits[WORDS * run + i]! / 2 ** 32);
      // A part of the window each, so that all of it is covered evenly.
      const beginNs = beganNs + ((run + when!) / this.#runs) * (endNs - beganNs);
      return { server: drawnLinks(failing, which!), beginNs, endNs: beginNs + lowNs + long! * (highNs - lowNs) };
    });
  }

  report(): OutageReport {
    const { lowNs, highNs, ratePerLinkHour } = this.#retrain();
    const links = this.#links;
    const over = (of: (struck: Struck) => number) => figureOf(this.#struck.map(of));
    const rate = ratePerLinkHour === null ? null : (links * ratePerLinkHour) / nsFromHours(1);
    const weights = rate === null ? null : this.#struck.map(({ windowNs }) => rate * windowNs);
    const heldSteps = over((struck) => struck.heldSteps / this.#runs);
    const steps = this.#struck.map((struck) => struck.steps.sorted.length);
    const stepsAnNs = steps[0]! / over(({ windowNs }) => windowNs).mean;
    return {
      runs: this.#struck.length * this.#runs,
      lowNs,
      highNs,
      links,
      ratePerLinkHour,
      exposure: weights && figureOf(weights),
      one: {
        heldSteps,
        addedNs: over(({ addedNs }) => addedNs / this.#runs),
        longestNs: Math.max(...this.#struck.map(({ longestNs }) => longestNs)),
      },
      counted: weights && this.#times(weights, false),
      due: weights && this.#times(weights, true),
      ratePerLinkHourAtP99:
        heldSteps.mean === 0 ? null : ((0.01 * stepsAnNs) / (heldSteps.mean * links)) * nsFromHours(1),
    };
  }

  #retrain() {
    return this.#plan.cluster.tiers.anywhere.optics.profile.retrain!;
  }

  /** Times with outages counted, or what is due to them. */
  #times(weights: readonly number[], isDue: boolean): OutageTimes {
    const of = (changes: readonly Changed[]): Times => {
      const over = (figure: (changed: Changed, weight: number) => number) =>
        figureOf(
          changes.map((changed, i) => figure(changed, weights[i]! / this.#runs) - (isDue ? figure(changed, 0) : 0)),
        );
      const at = (u: number) => over((changed, weight) => weighedQuantile(changed, weight, u));
      return { meanNs: over(weighedMean), p50Ns: at(0.5), p99Ns: at(0.99), p999Ns: at(0.999) };
    };
    const outputs = this.#struck.flatMap((struck) => struck.outputs ?? []);
    return {
      interTokenLatency: of(this.#struck.map(({ steps }) => steps)),
      tpot: outputs.length === 0 ? null : of(outputs),
    };
  }

  /** Adds what differs between a run without an outage and one with it. */
  #compare(into: Struck, calm: Records, one: Records): void {
    into.heldSteps += one.heldSteps;
    const stepNs = one.stepNs.map((ns, i) => ns || calm.stepNs[i]!);
    for (let i = 0; i < stepNs.length; i++) {
      into.addedNs += stepNs[i]! - calm.stepNs[i]!;
      if (stepNs[i] !== calm.stepNs[i]) into.longestNs = Math.max(into.longestNs, stepNs[i]!);
    }
    addChanges(into.steps, calm.stepNs, stepNs);
    const tokens = tpotTokens(this.#plan.steps);
    if (into.outputs) addChanges(into.outputs, calm.outputs(tokens), calm.outputs(tokens, stepNs));
  }
}

/** Goes on from where `run` is, with an outage, until no step begins that it may have changed. */
function struckBy(run: Run, plan: DecodingPlan, { server, beginNs, endNs }: Outage): Records {
  const { engine, done } = run;
  const records = new Records(plan, engine);
  const untilNs = endNs + STEPS_AFTER * plan.residentStepNs;
  engine.strike(server, beginNs, endNs);
  let before = done.reduce((count, steps) => count + Number(steps < plan.warmup + plan.steps), 0);
  const onStep = (unit: number, step: number) => {
    if (engine.startNs(unit) > untilNs) return;
    records.take(engine, unit, step);
    if (engine.endNs(unit) > untilNs || step + 1 === plan.warmup + plan.steps) before--;
  };
  while (before > 0) run.next(onStep);
  return records;
}

/** Forgets where the time of a unit's step went. */
function clear(engine: Engine, unit: number, { engine: { unitGpus } }: DecodingPlan): void {
  for (let gpu = unit * unitGpus; gpu < (unit + 1) * unitGpus; gpu++) engine.tally(gpu).fill(0);
}

function emptyOf(calm: Records, tokens: number): Struck {
  const changed = (values: Float64Array): Changed => ({ sorted: values.slice().sort(), gone: [], come: [] });
  const { beganNs, endNs } = calm.window;
  return {
    windowNs: endNs - beganNs,
    heldSteps: 0,
    addedNs: 0,
    longestNs: 0,
    steps: changed(calm.stepNs),
    outputs: tokens >= 3 ? changed(calm.outputs(tokens)) : null,
  };
}

function addChanges({ gone, come }: Changed, before: Float64Array, after: Float64Array): void {
  for (let i = 0; i < before.length; i++) {
    if (before[i] === after[i]) continue;
    gone.push(before[i]!);
    come.push(after[i]!);
  }
}

/** The links at the place `share` of all: those that have more links are struck more often. */
function drawnLinks(failing: readonly { server: number; links: number }[], share: number): number {
  let left = share * failing.reduce((sum, { links }) => sum + links, 0);
  for (const { server, links } of failing) {
    left -= links;
    if (left < 0) return server;
  }
  return failing.at(-1)!.server;
}

/** The mean, what differs having weight `weight` where each value has 1. */
export function weighedMean({ sorted, gone, come }: Changed, weight: number): number {
  const sum = (values: readonly number[]) => values.reduce((all, value) => all + value, 0);
  const plain = sorted.reduce((all, value) => all + value, 0);
  return (plain + weight * (sum(come) - sum(gone))) / sorted.length;
}

/** The value below which a share `u` of the weight lies, counted from the greatest down: the tail is what matters. */
export function weighedQuantile({ sorted, gone, come }: Changed, weight: number, u: number): number {
  // Half a value more than are above it: who weighs next to nothing moves no rank.
  const above = sorted.length - 0.5 - Math.floor(u * sorted.length);
  const rows = [...gone.map((value) => ({ value, weight: -weight })), ...come.map((value) => ({ value, weight }))].sort(
    (a, b) => b.value - a.value,
  );
  let [at, sum] = [0, 0];
  for (let i = sorted.length - 1; i >= 0 || at < rows.length; ) {
    const row = rows[at];
    const isRow = row !== undefined && (i < 0 || row.value >= sorted[i]!);
    sum += isRow ? row.weight : 1;
    if (sum > above) return isRow ? row.value : sorted[i]!;
    if (isRow) at++;
    else i--;
  }
  return sorted[0]!;
}
