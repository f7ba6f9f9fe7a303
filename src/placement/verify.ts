import { type CompleteCluster, tierOf } from "./cluster.ts";
import { type CompleteProblem, completeProblem, type LatencyPlan, type LatencyProblem } from "./problem.ts";

/** What a plan comes to, worked out from nothing but the problem and the plan. */
export interface PlanCheck {
  /** In words, with numbers; none where the plan keeps every rule. */
  violations: string[];
  /** Demand times the cost of its way, and of moves. */
  cost: number;
  waysCost: number;
  movesCost: number;
  moves: number;
  movedBytes: number;
  /** Demand by the tier from which it is served. */
  demandOfTier: [number, number, number, number];
  slotsUsed: Uint32Array;
  gpuLoads: Float64Array;
}

/** How much more than its limit a sum of f64 may be before it counts. */
const ROUNDING = 1e-9;

/** Checks a plan against every rule of a problem; each GPU is served by the nearest copy, the first of those in the plan. */
export function verifyPlacement(problem: LatencyProblem, plan: LatencyPlan): PlanCheck {
  return verifyComplete(completeProblem(problem), plan.gpusOfExpert);
}

/** `verifyPlacement` of a problem with every figure stated. */
export function verifyComplete(problem: CompleteProblem, gpusOfExpert: readonly ArrayLike<number>[]): PlanCheck {
  const { cluster, experts } = problem;
  const check: PlanCheck = {
    violations: [],
    cost: 0,
    waysCost: 0,
    movesCost: 0,
    moves: 0,
    movedBytes: 0,
    demandOfTier: [0, 0, 0, 0],
    slotsUsed: new Uint32Array(cluster.gpus),
    gpuLoads: new Float64Array(cluster.gpus),
  };
  if (gpusOfExpert.length !== experts)
    return { ...check, violations: [`the plan has ${gpusOfExpert.length} experts, the problem ${experts}`] };
  for (let expert = 0; expert < experts; expert++) {
    let held = gpusOfExpert[expert]!;
    const wrong = wrongCopies(problem, expert, held);
    if (wrong.length > 0) {
      check.violations.push(...wrong);
      held = Array.from(held).filter((gpu) => isGpu(problem, gpu));
      if (held.length === 0) continue;
    }
    for (let i = 0; i < held.length; i++) check.slotsUsed[held[i]!]!++;
    countMoves(problem, expert, held, check);
    countWays(problem, expert, held, check);
  }
  check.cost = check.waysCost + check.movesCost;
  check.violations.push(...wrongGpus(problem, check));
  return check;
}

/** Adds up what serves the demand for an expert, and from where. */
function countWays(problem: CompleteProblem, expert: number, held: ArrayLike<number>, check: PlanCheck): void {
  const { cluster, firsts, sources, tierCosts, radius } = problem;
  const asked = problem.demandOfExpert[expert]!;
  const load = problem.loads[expert]!;
  if (asked === 0) check.gpuLoads[held[0]!]! += load;
  let farthest = -1;
  for (let i = firsts[expert]!; i < firsts[expert + 1]!; i++) {
    const source = sources[i]!;
    const demand = problem.demand[i]!;
    const gpu = nearest(cluster, source, held);
    const tier = tierOf(cluster, source, gpu);
    check.demandOfTier[tier] += demand;
    check.waysCost += demand * tierCosts[tier];
    check.gpuLoads[gpu]! += (load * demand) / asked;
    if (tier > radius) farthest = source;
  }
  if (farthest >= 0)
    check.violations.push(
      `expert ${expert} is ${tierOf(cluster, farthest, nearest(cluster, farthest, held))} hops from GPU ${farthest}, which asks for it: the radius is ${radius}`,
    );
}

/** The copy that serves a GPU: the nearest, the first of those. */
export function nearest(cluster: CompleteCluster, source: number, held: ArrayLike<number>): number {
  let best = held[0]!;
  for (let i = 1; i < held.length; i++)
    if (tierOf(cluster, source, held[i]!) < tierOf(cluster, source, best)) best = held[i]!;
  return best;
}

function isGpu({ cluster }: CompleteProblem, gpu: number): boolean {
  return Number.isInteger(gpu) && gpu >= 0 && gpu < cluster.gpus;
}

const NOTHING: string[] = [];

function wrongCopies(problem: CompleteProblem, expert: number, held: ArrayLike<number>): string[] {
  const { cluster, copies, copiesMax, pins } = problem;
  const isPlain = held.length === 1 && copies === 1 && isGpu(problem, held[0]!) && !pins.has(expert);
  if (isPlain && !cluster.drained.has(held[0]!)) return NOTHING;
  const gpus = Array.from(held);
  const wrong: string[] = [];
  const distinct = new Set(gpus).size;
  if (gpus.length === 0) wrong.push(`expert ${expert} is nowhere`);
  else if (distinct < copies) wrong.push(`expert ${expert} is on ${distinct} GPUs, of at least ${copies}`);
  else if (distinct > copiesMax) wrong.push(`expert ${expert} is on ${distinct} GPUs, of at most ${copiesMax}`);
  if (distinct < gpus.length) wrong.push(`expert ${expert} has ${gpus.length} copies on ${distinct} GPUs`);
  for (const gpu of gpus) {
    if (!isGpu(problem, gpu)) wrong.push(`expert ${expert} is on GPU ${gpu}, of ${cluster.gpus}`);
    else if (cluster.drained.has(gpu)) wrong.push(`expert ${expert} is on GPU ${gpu}, which is drained`);
  }
  for (const gpu of pins.get(expert) ?? [])
    if (!gpus.includes(gpu)) wrong.push(`expert ${expert} is pinned to GPU ${gpu}, and not there`);
  return wrong;
}

function countMoves(problem: CompleteProblem, expert: number, held: ArrayLike<number>, check: PlanCheck): void {
  if (!problem.from) return;
  for (let i = 0; i < held.length; i++) {
    if (problem.from[expert]!.includes(held[i]!)) continue;
    check.moves++;
    check.movedBytes += problem.expertBytes[expert]!;
    check.movesCost += problem.moveCosts[expert]!;
  }
}

function wrongGpus({ cluster, gpuLoadMax, movedBytesMax }: CompleteProblem, check: PlanCheck): string[] {
  const wrong: string[] = [];
  for (let gpu = 0; gpu < cluster.gpus; gpu++) {
    const [used, slots] = [check.slotsUsed[gpu]!, cluster.slots[gpu]!];
    const [load, most] = [check.gpuLoads[gpu]!, gpuLoadMax[gpu]!];
    if (used > slots && !cluster.drained.has(gpu)) wrong.push(`GPU ${gpu} holds ${used} experts in ${slots} slots`);
    if (load > most * (1 + ROUNDING)) wrong.push(`GPU ${gpu} serves ${load}, of at most ${most}`);
  }
  if (check.movedBytes > movedBytesMax * (1 + ROUNDING))
    wrong.push(`${check.movedBytes} bytes are moved, of at most ${movedBytesMax}`);
  return wrong;
}
