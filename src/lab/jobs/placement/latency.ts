import {
  explainPlacement,
  formatPlan,
  type LatencyPlacement,
  type LatencyProblem,
  type PlacementExplanation,
  type PlanCheck,
  placeForLatency,
  readPlacementInput,
  readPlan,
  type StatedProblem,
  verifyPlacement,
} from "../../../index.ts";
import { Checksum } from "../checksum.ts";
import { madeDemand } from "./example.ts";
import { overMean, type PlacementAnswer, type PlacementQuestion, type Side, type Tell, Trace } from "./plans.ts";

/** Rounds for one of balance's: each is twice as thorough as the one before. */
const ROUNDS_SHARE = 1 / 8;
const ROUNDS_MAX = 24;

/** Who asks for whom, with what is known of the cluster from the knobs where a file does not say. */
export function problemOf(question: PlacementQuestion, stated: StatedProblem | null): LatencyProblem {
  const { gpus, slots, gpusPerNode, drained, layers, experts, loadMax } = question;
  const rows = stated?.demand.length ?? layers * experts;
  const from = stated?.cluster ?? {};
  const cluster = {
    gpus,
    gpusPerNode: Math.min(gpusPerNode, from.gpus ?? gpus),
    slotsPerGpu: Math.ceil(((stated ? 1 : slots / experts) * rows) / (from.gpus ?? gpus)),
    ...from,
    drained: [...new Set([...(from.drained ?? []), ...drained])].sort((a, b) => a - b),
  };
  if (stated) return { ...stated, cluster };
  const demand = madeDemand(question, gpus);
  const all = demand.reduce((sum, row) => sum + row.demand.reduce((a, b) => a + b, 0), 0);
  return { objective: "latency", cluster, demand, gpuLoadMax: (loadMax * all) / gpus };
}

/** Puts experts near to who asks for them. */
export function placeDemand(question: PlacementQuestion, problem: LatencyProblem, tell: Tell): PlacementAnswer {
  const named = naming(question.own?.name);
  const { gpus, drained = [], gpusPerNode = gpus } = problem.cluster;
  const force = named(() => inForce(question, problem));
  const asked = force ? { ...problem, from: force.plan, ...budgetOf(question, problem, force.plan) } : problem;
  const shut = shutIn(problem);
  const trace = new Trace(question.gapOfWays, tell);
  const placed = named(() =>
    placeForLatency(asked, {
      ...limitsOf(question),
      onPlan: (plan, cost, bound) => {
        const gap = bound > 0 ? Math.max(0, cost / bound - 1) : 0;
        trace.add(gap, gap, () => heatOf(verifyPlacement(problem, plan), shut));
      },
    }),
  );
  const tookMs = trace.elapsedMs;
  if (placed.plan) trace.add(placed.gap, placed.gap);
  const { infeasible, check } = placed;
  const stood = force ?? { name: "experts in their order", plan: inOrder(problem) };
  const experts = problem.demand.length;
  return {
    objective: "latency",
    source: `${question.own ? "" : `made from seed ${question.seed}, `}${experts.toLocaleString("en")} experts`,
    gpus,
    drained: [...drained],
    layers: [0],
    experts,
    loads: Float64Array.from(problem.loads ?? problem.demand.map(sumOf)),
    gpusPerNode,
    scope: "layer",
    before: sideOf(problem, stood.name, stood.plan, verifyPlacement(asked, { gpusOfExpert: stood.plan })),
    after: placed.plan ? sideOf(problem, "after", placed.plan.gpusOfExpert, check!, force?.plan) : null,
    status: placed.status,
    bound: placed.bound,
    gap: placed.gap,
    moves: check && force ? check.moves : null,
    copies: force ? force.plan.reduce((sum, row) => sum + row.length, 0) : experts,
    movesMax: force ? Math.floor(question.moveShare * force.plan.reduce((sum, row) => sum + row.length, 0)) : null,
    infeasible: infeasible ? { ...infeasible, moves: null } : null,
    trace: trace.taken,
    tookMs,
    files: placed.plan ? { plan: planText(question, problem, placed), maps: null } : null,
    checksum: placed.plan
      ? String(new Checksum().add(new Uint32Array(slotsOf(placed.plan.gpusOfExpert).gpu.buffer)))
      : null,
    slotWorth: worthOf(placed, shut),
    prices: placed.prices,
  };
}

/** Errors of a problem from a file begin with its name, so that they are said where it was given. */
function naming(file: string | undefined): <T>(work: () => T) => T {
  return (work) => {
    try {
      return work();
    } catch (cause) {
      const { message } = cause as Error;
      if (
        file === undefined ||
        /^(drained|gap|seed|timeLimitMs|rounds)\b/.test(message) ||
        message.includes(": expected")
      )
        throw cause;
      throw new RangeError(`${file}: ${message}`);
    }
  };
}

const limitsOf = ({ gapOfWays, iterations, timeLimitMs, seed }: PlacementQuestion) => ({
  gap: gapOfWays,
  rounds: Math.max(1, Math.min(ROUNDS_MAX, Math.round(iterations * ROUNDS_SHARE))),
  timeLimitMs,
  seed,
});

interface Force {
  name: string;
  plan: number[][];
}

/** The plan in force: a file's, the problem's own, or that for all GPUs. */
function inForce(question: PlacementQuestion, problem: LatencyProblem): Force | null {
  const { force, start, drained } = question;
  if (force) {
    const plan = readPlan(new TextDecoder().decode(force.bytes), { file: force.name });
    if (plan.objective !== "latency")
      throw new RangeError(`${force.name}: expected a plan of GPUs by expert, got one of layers and slots`);
    if (plan.gpusOfExpert.length !== problem.demand.length)
      throw new RangeError(
        `${force.name}: expected ${problem.demand.length} experts, as the problem has, got ${plan.gpusOfExpert.length}`,
      );
    return { name: force.name, plan: plan.gpusOfExpert.map((row) => [...row]) };
  }
  if (start === "none") return null;
  if (problem.from) return { name: "the plan in force", plan: problem.from.map((row) => Array.from(row)) };
  if (start === "order")
    return { name: "experts in their order", plan: inOrder({ ...problem, cluster: wholeOf(question, problem) }) };
  if (drained.length === 0) return null;
  const whole = placeForLatency({ ...problem, cluster: wholeOf(question, problem) }, limitsOf(question));
  return whole.plan ? { name: "the plan for all GPUs", plan: whole.plan.gpusOfExpert } : null;
}

/** The cluster with what the knobs drain. */
const wholeOf = ({ drained }: PlacementQuestion, { cluster }: LatencyProblem) => ({
  ...cluster,
  drained: (cluster.drained ?? []).filter((gpu) => !drained.includes(gpu)),
});

/** As many experts as there are for each GPU that holds some, one GPU after the other. */
function inOrder(problem: LatencyProblem): number[][] {
  const shut = shutIn(problem);
  const open = Array.from({ length: problem.cluster.gpus }, (_, gpu) => gpu).filter((gpu) => !shut.has(gpu));
  const experts = problem.demand.length;
  return problem.demand.map((_, expert) =>
    open.length > 0 ? [open[Math.floor((expert * open.length) / experts)]!] : [],
  );
}

/** As many copies, or their bytes where they have some. */
function budgetOf({ moveShare }: PlacementQuestion, { expertBytes, movedBytesMax }: LatencyProblem, held: number[][]) {
  if (movedBytesMax !== undefined) return {};
  const bytesOf = (expert: number) => (typeof expertBytes === "object" ? expertBytes[expert]! : (expertBytes ?? 1));
  const all = held.reduce((sum, row, expert) => sum + row.length * bytesOf(expert), 0);
  return { movedBytesMax: Math.floor(moveShare * all) };
}

const sumOf = (row: LatencyProblem["demand"][number]) =>
  Array.from("groups" in row ? row.demand : row).reduce((a, b) => a + b, 0);

/** Copies in a row, by GPU, then by expert. */
function slotsOf(gpusOfExpert: readonly (readonly number[])[]): { expert: Int32Array; gpu: Int32Array } {
  const all = gpusOfExpert.flatMap((row, expert) => row.map((gpu) => ({ gpu, expert })));
  all.sort((a, b) => a.gpu - b.gpu || a.expert - b.expert);
  return {
    expert: Int32Array.from(all, ({ expert }) => expert),
    gpu: Int32Array.from(all, ({ gpu }) => gpu),
  };
}

function sideOf(
  problem: LatencyProblem,
  name: string,
  gpusOfExpert: readonly (readonly number[])[],
  check: PlanCheck,
  from?: readonly (readonly number[])[],
): Side {
  const { expert, gpu } = slotsOf(gpusOfExpert);
  return {
    name,
    expertOfSlot: expert,
    shareOfSlot: Float64Array.from(expert, (e) => 1 / gpusOfExpert[e]!.length),
    gpuOfSlot: gpu,
    came: Uint8Array.from(expert, (e, i) => (from && !from[e]!.includes(gpu[i]!) ? 1 : 0)),
    heat: heatOf(check, shutIn(problem)),
    balancednessMean: null,
    balancednessWorst: null,
    value: check.cost,
    demandOfTier: [...check.demandOfTier],
  };
}

function heatOf({ gpuLoads }: PlanCheck, shut: ReadonlySet<number>): Float64Array {
  const heat = gpuLoads.slice();
  overMean(heat, shut);
  return heat;
}

function shutIn({ cluster: { gpus, drained = [], slotsPerGpu } }: LatencyProblem): Set<number> {
  const without = (gpu: number) => (typeof slotsPerGpu === "number" ? slotsPerGpu : slotsPerGpu[gpu]) === 0;
  return new Set(Array.from({ length: gpus }, (_, gpu) => gpu).filter((gpu) => drained.includes(gpu) || without(gpu)));
}

/** What a slot more on each GPU would save, over the one where it would save the least. */
function worthOf({ prices, plan }: LatencyPlacement, shut: ReadonlySet<number>): Float64Array | null {
  if (!plan) return null;
  const open = prices.slot.filter((_, gpu) => !shut.has(gpu));
  const least = open.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  return prices.slot.map((price, gpu) => (shut.has(gpu) ? Number.NaN : price - least));
}

function planText(question: PlacementQuestion, problem: LatencyProblem, placed: LatencyPlacement): string {
  const { demand, from, loads, ...asked } = problem;
  const { status, bound, gap, check, plan } = placed;
  return formatPlan({
    objective: "latency",
    asked: JSON.parse(JSON.stringify({ problem: question.own?.name ?? `made from seed ${question.seed}`, ...asked })),
    result: { status, cost: check!.cost, bound, gap, moves: check!.moves },
    gpusOfExpert: plan!.gpusOfExpert,
  });
}

/** Of a plan as the page has it: which expert is to be explained. */
export interface PlaceQuestion {
  asked: PlacementQuestion;
  expertOfSlot: Int32Array;
  gpuOfSlot: Int32Array;
  prices: LatencyPlacement["prices"];
  /** The plan in force, in the same columns. */
  before: { expertOfSlot: Int32Array; gpuOfSlot: Int32Array } | null;
  expert: number;
}

/** Why an expert is where it is, and what other places would cost. */
export async function placementPlace(question: PlaceQuestion): Promise<PlacementExplanation> {
  const { asked, before, expert, prices } = question;
  const input = asked.own && (await readPlacementInput(asked.own.bytes, { file: asked.own.name }));
  const problem = problemOf(asked, input?.problem ?? null);
  const plan = { gpusOfExpert: gpusOf(question, problem.demand.length) };
  const from = before && gpusOf(before, problem.demand.length);
  const placement: LatencyPlacement = {
    objective: "latency",
    status: "within gap",
    plan,
    bound: 0,
    gap: 0,
    prices,
    priceBound: 0,
    rounds: 0,
  };
  return explainPlacement(from ? { ...problem, from } : problem, placement, expert);
}

function gpusOf({ expertOfSlot, gpuOfSlot }: Pick<PlaceQuestion, "expertOfSlot" | "gpuOfSlot">, experts: number) {
  const rows: number[][] = Array.from({ length: experts }, () => []);
  expertOfSlot.forEach((expert, i) => {
    rows[expert]!.push(gpuOfSlot[i]!);
  });
  return rows;
}
