import {
  type BalanceAnswer,
  type BalancePlan,
  type BalanceTask,
  balancePlanOf,
  formatMaps,
  formatPlan,
  type LoadStatistics,
  mapsOf,
  type PlanInForce,
  placeForBalance,
  planInForce,
  readPlan,
} from "../../../index.ts";
import { Checksum } from "../checksum.ts";
import {
  cameOf,
  flat,
  heatOf,
  type Infeasibility,
  type NamedBytes,
  type PlacementAnswer,
  type PlacementQuestion,
  type Side,
  type Tell,
  Trace,
} from "./plans.ts";

/** What is to be balanced, of layers that bear load: now, and when the plan in force was made. */
interface Task {
  question: PlacementQuestion;
  statistics: LoadStatistics;
  /** Their numbers in the model. */
  layers: number[];
  experts: number;
  problem: BalanceTask;
  earlier: BalanceTask;
  gpuOfSlot: number[];
}

type Placed = Exclude<BalanceAnswer, { status: "infeasible" }>;

/** Levels GPUs under loads; `loadsThen` are those for which a plan in force would have been made. */
export function placeLoads(
  question: PlacementQuestion,
  statistics: LoadStatistics,
  loadsThen: readonly Float64Array[],
  tell: Tell,
): PlacementAnswer {
  const task = taskOf(question, statistics, loadsThen);
  const { problem } = task;
  const force = inForce(task);
  const held = force?.plan ?? null;
  const copies = (held ?? { physicalToLogicalMap: task.layers.map(() => task.gpuOfSlot) }).physicalToLogicalMap.reduce(
    (sum, row) => sum + row.filter((expert) => expert >= 0).length,
    0,
  );
  const movesMax = held ? Math.floor(question.moveShare * copies) : null;
  const asked: BalanceTask = held ? { ...problem, from: held, movesMax: movesMax! } : problem;
  const shut = shutIn(problem.gpus, task.gpuOfSlot, question.drained);
  const trace = new Trace(question.gap, tell);
  const onPlan = (plan: BalancePlan) =>
    trace.add(plan.gap, meanGap(plan), () => heatOf(problem.loads, plan, problem.gpus, shut));
  const answer = fitting(question.force, () => placeForBalance(asked, { ...limitsOf(question), onPlan }));
  const tookMs = trace.elapsedMs;
  const plan = answer.status === "infeasible" ? null : answer;
  if (plan) trace.add(plan.gap, meanGap(plan));
  return {
    objective: "balance",
    source: statistics.source,
    gpus: problem.gpus,
    drained: [...question.drained],
    layers: task.layers,
    experts: task.experts,
    loads: flat(problem.loads, new Float64Array(task.layers.length * task.experts)),
    gpusPerNode: problem.gpus,
    scope: question.scope,
    before: beforeOf(task, force),
    after: plan && sideOf(task, "after", plan, held, shut),
    status: answer.status,
    bound: plan ? most(plan.lowerBound) : 1,
    gap: plan ? plan.gap : Number.POSITIVE_INFINITY,
    moves: plan && held ? plan.moves : null,
    copies,
    movesMax,
    infeasible: answer.status === "infeasible" ? obstacleOf(answer) : null,
    trace: trace.taken,
    tookMs,
    files: plan && filesOf(task, plan),
    checksum: plan && String(new Checksum().add(new Uint32Array(sideSlots(plan).buffer))),
    slotWorth: null,
    prices: null,
  };
}

function taskOf(question: PlacementQuestion, statistics: LoadStatistics, loadsThen: readonly Float64Array[]): Task {
  const { gpus, slots, groups, gpusPerNode, scope, drained } = question;
  const { loads, idleLayers } = statistics;
  const layers = loads.flatMap((_, layer) => (idleLayers.includes(layer) ? [] : [layer]));
  if (layers.length === 0)
    throw new RangeError(`${question.own?.name ?? "skew"}: every load is 0: there is nothing to balance`);
  const cluster = { gpus, slots, scope, ...(groups > 1 ? { groups, gpusPerNode } : {}) };
  return {
    question,
    statistics,
    layers,
    experts: loads[0]!.length,
    problem: { loads: layers.map((layer) => loads[layer]!), ...cluster, drained },
    earlier: { loads: layers.map((layer) => loadsThen[layer]!), ...cluster },
    gpuOfSlot: Array.from({ length: gpus }, (_, gpu) =>
      new Array<number>(Math.floor(((gpu + 1) * slots) / gpus) - Math.floor((gpu * slots) / gpus)).fill(gpu),
    ).flat(),
  };
}

const limitsOf = ({ gap, iterations, timeLimitMs, seed }: PlacementQuestion) => ({
  gap,
  iterations,
  timeLimitMs,
  seed,
});

interface Force {
  name: string;
  plan: PlanInForce;
}

/** The plan in force: a file's, or one that follows from what the knobs say, so that an address says all of it. */
function inForce(task: Task): Force | null {
  const { force, start, drained, drift, own } = task.question;
  if (force) return { name: force.name, plan: planIn(task, force) };
  if (start === "order" && task.gpuOfSlot.length >= task.experts) {
    const rows = task.layers.map(() => inOrder(task, []));
    return { name: "experts in their order", plan: { physicalToLogicalMap: rows, gpuOfSlot: task.gpuOfSlot } };
  }
  if (start === "none" || (drained.length === 0 && (own !== null || drift === 0))) return null;
  const whole = placeForBalance(task.earlier, limitsOf(task.question));
  return whole.status === "infeasible" ? null : { name: "the plan for all GPUs", plan: whole };
}

/** What is wrong with a plan in force is said of the file that it is from. */
function fitting<T>(force: NamedBytes | null, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const { message } = cause as Error;
    throw force && /^from\b/.test(message) ? new RangeError(`${force.name}: does not fit: ${message}`) : cause;
  }
}

/** A file's rows of the layers that are placed. */
function planIn({ question, statistics, layers }: Task, { name: file, bytes }: NamedBytes): PlanInForce {
  const plan = readPlan(new TextDecoder().decode(bytes), { file });
  return planInForce(plan, { file, gpus: question.gpus, layers, layersOfLoads: statistics.loads.length }).held;
}

/** Experts 0, 1, 2 ... in slots of GPUs that hold some, and from 0 again: what engines start with. */
function inOrder({ gpuOfSlot, experts }: Task, drained: readonly number[]): number[] {
  let next = 0;
  const held = new Set<string>();
  return gpuOfSlot.map((gpu) => {
    if (drained.includes(gpu)) return -1;
    const key = `${gpu}/${next % experts}`;
    if (held.has(key)) return -1;
    held.add(key);
    return next++ % experts;
  });
}

function beforeOf(task: Task, force: Force | null): Side {
  const { problem, gpuOfSlot, layers, question } = task;
  if (!force) {
    const rows = layers.map(() => inOrder(task, question.drained));
    const shut = shutIn(problem.gpus, gpuOfSlot, question.drained);
    return sideOf(task, "experts in their order", balancePlanOf(problem, rows, gpuOfSlot), null, shut);
  }
  const slotsPerGpu = new Array<number>(problem.gpus).fill(0);
  for (const gpu of force.plan.gpuOfSlot) slotsPerGpu[gpu]!++;
  const then = { loads: problem.loads, gpus: problem.gpus, slotsPerGpu, scope: question.scope };
  const plan = balancePlanOf(then, force.plan.physicalToLogicalMap, force.plan.gpuOfSlot);
  return sideOf(task, force.name, plan, null, shutIn(problem.gpus, force.plan.gpuOfSlot, []));
}

function sideOf(
  { problem }: Task,
  name: string,
  plan: BalancePlan,
  from: PlanInForce | null,
  shut: ReadonlySet<number>,
): Side {
  const { physicalToLogicalMap, shareOfSlot, gpuOfSlot, imbalance } = plan;
  return {
    name,
    expertOfSlot: sideSlots(plan),
    shareOfSlot: flat(shareOfSlot, new Float64Array(shareOfSlot.length * gpuOfSlot.length)),
    gpuOfSlot: Int32Array.from(gpuOfSlot),
    came: cameOf(physicalToLogicalMap, gpuOfSlot, from),
    heat: heatOf(problem.loads, plan, problem.gpus, shut),
    balancednessMean: plan.balancednessMean,
    balancednessWorst: plan.balancednessWorst,
    value: most(imbalance),
    demandOfTier: null,
  };
}

const sideSlots = ({ physicalToLogicalMap: map, gpuOfSlot }: BalancePlan) =>
  flat(map, new Int32Array(map.length * gpuOfSlot.length));

const most = (values: readonly number[]) => values.reduce((a, b) => Math.max(a, b), 0);

function meanGap({ imbalance, lowerBound }: BalancePlan): number {
  return imbalance.reduce((sum, value, unit) => sum + value / lowerBound[unit]! - 1, 0) / imbalance.length;
}

function obstacleOf(answer: Extract<BalanceAnswer, { status: "infeasible" }>): Infeasibility {
  const { constraint, because, relax } = answer;
  const [, needed] = /^movesMax (\d+)$/.exec(relax) ?? [];
  return { constraint, because, relax, moves: needed === undefined ? null : Number(needed) };
}

/** GPUs that are to hold nothing: those that are drained, and those without slots. */
function shutIn(gpus: number, gpuOfSlot: readonly number[], drained: readonly number[]): Set<number> {
  const open = new Set(gpuOfSlot);
  for (const gpu of drained) open.delete(gpu);
  return new Set(Array.from({ length: gpus }, (_, gpu) => gpu).filter((gpu) => !open.has(gpu)));
}

function filesOf(task: Task, plan: Placed): { plan: string; maps: string } {
  const { problem, layers, experts, statistics, question } = task;
  const { physicalToLogicalMap, gpuOfSlot, balancednessMean, balancednessWorst, gap, moves } = plan;
  const { loads, ...asked } = problem;
  const idle = inOrder(task, question.drained);
  const rows = statistics.loads.map((_, layer) => physicalToLogicalMap[layers.indexOf(layer)] ?? idle);
  const isEqual = gpuOfSlot.every((gpu, slot) => gpu === Math.floor((slot * problem.gpus) / gpuOfSlot.length));
  return {
    plan: formatPlan({
      objective: "balance",
      asked: { loads: question.own?.name ?? statistics.source, ...asked },
      result: { balancednessMean, balancednessWorst, gap, moves },
      layers,
      gpuOfSlot,
      physicalToLogicalMap,
    }),
    maps: formatMaps({ ...mapsOf(rows, experts), ...(isEqual ? { gpus: problem.gpus } : {}) }),
  };
}
