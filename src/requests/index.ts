import { checkBoolean, checkKeys, checkWhole } from "../check.ts";
import { type ServingReport, servingReportOf } from "./report.ts";
import { checkRequests, type Requests, type ServedTimes } from "./requests.ts";
import { inBlocks, type Limits, type PlannedStep, Scheduler } from "./scheduler.ts";
import { COST_KEYS, kvTokensOf, type RankStep, RooflineSteps, type StepOptions, type StepTimes } from "./steps.ts";

/** An engine that serves requests with continuous batching. */
export interface ServingOptions extends Partial<StepOptions> {
  /** Sequences of a rank at once; 128 unless given. */
  maxSequences?: number;
  /** Tokens of a rank's step, of prompts and sequences together; 2,048 unless given. */
  maxBatchedTokens?: number;
  /** Tokens that a rank has room for; what is left of 90% of its HBM beside the weights unless given. */
  kvTokens?: number;
  /** Whether prompts are computed in pieces that fill up a step; they are unless given. */
  chunked?: boolean;
  /** Whether a step is planned while the one before it runs, as vLLM does; it is unless given. */
  ahead?: boolean;
  /** How long steps take; by the roofline, at what is said to be reached of it, unless given. */
  steps?: StepTimes;
}

/** A report, and the times of each request. */
export interface ServingResult {
  report: ServingReport;
  times: ServedTimes;
}

const KEYS: readonly (keyof ServingOptions)[] = [
  "model",
  "gpu",
  "ranks",
  ...COST_KEYS,
  "maxSequences",
  "maxBatchedTokens",
  "kvTokens",
  "chunked",
  "ahead",
  "steps",
];

/** What an engine is made of. */
export interface ServingPlan {
  ranks: number;
  limits: Limits;
  isAhead: boolean;
  steps: StepTimes;
}

/** `options` with every default filled in, checked. */
export function planServing(options: ServingOptions = {}): ServingPlan {
  checkKeys("options", options, KEYS);
  const { model = "qwen3-30b", gpu = "h100", maxSequences = 128, maxBatchedTokens = 2048, steps: given } = options;
  const { chunked = true, ahead = true } = options;
  checkWhole("maxSequences", maxSequences, 1, 2 ** 20);
  checkWhole("maxBatchedTokens", maxBatchedTokens, 1, 2 ** 30);
  if (options.kvTokens !== undefined) checkWhole("kvTokens", options.kvTokens, 1, 2 ** 40);
  checkBoolean("chunked", chunked);
  checkBoolean("ahead", ahead);
  if (maxBatchedTokens < maxSequences)
    throw new RangeError(
      `maxBatchedTokens must be at least ${maxSequences}, a token for each of maxSequences, got ${maxBatchedTokens}`,
    );
  const stray = given && COST_KEYS.find((key) => options[key] !== undefined);
  if (stray) throw new TypeError(`${stray} goes with steps of the roofline: steps are given`);
  const costs = Object.fromEntries(
    (["ranks", ...COST_KEYS] as const).flatMap((key) => (options[key] === undefined ? [] : [[key, options[key]]])),
  );
  const roofline = new RooflineSteps({ model, gpu, ...costs });
  return {
    ranks: roofline.ranks,
    limits: {
      sequencesMax: maxSequences,
      batchedTokensMax: maxBatchedTokens,
      kvTokensMax: options.kvTokens ?? kvTokensOf(roofline),
      isChunked: chunked,
    },
    isAhead: ahead,
    steps: given ?? roofline,
  };
}

/** Serves `requests` and says when each had its tokens. */
export function simulateServing(requests: Requests, options: ServingOptions = {}): ServingResult {
  checkRequests(requests);
  const plan = planServing(options);
  checkRoom(requests, plan.limits);
  const run = new Run(requests, plan);
  run.serve();
  return { report: servingReportOf(requests, run.times, run.counts), times: run.times };
}

/** Refuses requests that would wait for ever. */
function checkRoom({ inputTokens, outputTokens }: Requests, { kvTokensMax, batchedTokensMax, isChunked }: Limits) {
  for (let i = 0; i < inputTokens.length; i++) {
    const tokens = inputTokens[i]! + outputTokens[i]!;
    if (inBlocks(tokens) > kvTokensMax)
      throw new RangeError(
        `kvTokens must be at least ${inBlocks(tokens)}, what request ${i} takes up in whole blocks, got ${kvTokensMax}`,
      );
    if (!isChunked && tokens > batchedTokensMax)
      throw new RangeError(
        `maxBatchedTokens must be at least ${tokens}, what request ${i} takes up, where prompts are computed whole, got ${batchedTokensMax}`,
      );
  }
}

/** What a run counted. */
export interface RunCounts {
  steps: number;
  mixedSteps: number;
  stepNs: number;
  tokens: number;
  preemptions: number;
}

/** A step of all ranks on its way: what each computes. */
type Steps = (PlannedStep | null)[];

/** The steps of all ranks, one after the other. */
class Run {
  readonly times: ServedTimes;
  readonly counts: RunCounts = { steps: 0, mixedSteps: 0, stepNs: 0, tokens: 0, preemptions: 0 };
  readonly #requests: Requests;
  readonly #plan: ServingPlan;
  readonly #ranks: Scheduler[];
  #arrived = 0;

  constructor(requests: Requests, plan: ServingPlan) {
    this.#requests = requests;
    this.#plan = plan;
    this.#ranks = Array.from({ length: plan.ranks }, () => new Scheduler(requests, plan.limits));
    const column = () => new Float64Array(requests.arrivalNs.length);
    this.times = { queuedNs: column(), firstNs: column(), endNs: column() };
  }

  /**
   *     begins 1          begins 2          begins 3
   *       | plans 2         | plans 3
   *       +---- step 1 -----+---- step 2 -----+      a request that comes during step 1 is in step 3 at the soonest
   */
  serve(): void {
    const { arrivalNs } = this.#requests;
    let nowNs = 0;
    let next: Steps = this.#ranks.map(() => null);
    while (this.#arrived < arrivalNs.length || this.#ranks.some((rank) => !rank.isIdle)) {
      this.#admit(nowNs);
      // What was planned empty may have something to do by now.
      const now: PlannedStep[] = next.map((step, rank) =>
        step && step.outputs.length + step.work.pieces > 0 ? step : this.#planOf(rank),
      );
      const work = now.map((step) => step.work);
      if (work.every(({ decodes, pieces }) => decodes + pieces === 0)) {
        nowNs = Math.max(nowNs, arrivalNs[this.#arrived]!);
        continue;
      }
      next = now.map((_, rank) => (this.#plan.isAhead ? this.#planOf(rank) : null));
      nowNs = this.#end(now, nowNs, this.#plan.steps.stepNs(work), work);
    }
    this.counts.preemptions = this.#ranks.reduce((sum, { preemptions }) => sum + preemptions, 0);
  }

  #planOf(rank: number): PlannedStep {
    return this.#ranks[rank]!.plan();
  }

  /** Requests that have come by now go to the rank with the least to do; who waits counts four times, as in vLLM. */
  #admit(nowNs: number): void {
    const { arrivalNs } = this.#requests;
    for (; this.#arrived < arrivalNs.length && arrivalNs[this.#arrived]! <= nowNs; this.#arrived++) {
      const load = ({ waiting, running }: Scheduler) => 4 * waiting + running;
      this.#ranks.reduce((least, rank) => (load(rank) < load(least) ? rank : least)).add(this.#arrived);
      this.times.queuedNs[this.#arrived] = nowNs;
    }
  }

  /** Hands out the tokens of a step at its end. */
  #end(steps: readonly PlannedStep[], startNs: number, ns: number, work: readonly RankStep[]): number {
    const endNs = startNs + ns;
    const { firstNs, endNs: ends } = this.times;
    steps.forEach(({ outputs, leaving }, rank) => {
      for (const one of outputs) if (firstNs[one] === 0) firstNs[one] = endNs;
      for (const one of leaving) ends[one] = endNs;
      this.#ranks[rank]!.release(leaving);
      this.counts.tokens += outputs.length;
    });
    this.counts.steps++;
    this.counts.stepNs += ns;
    if (work.some(({ pieces }) => pieces > 0)) this.counts.mixedSteps++;
    return endNs;
  }
}
