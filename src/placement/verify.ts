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
  const { cluster, experts, loads, demandOfExpert, tierCosts } = problem;
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
    const held = Array.from(gpusOfExpert[expert]!);
    check.violations.push(...wrongCopies(problem, expert, held));
    const known = held.filter((gpu) => gpu >= 0 && gpu < cluster.gpus);
    if (known.length === 0) continue;
    for (const gpu of known) check.slotsUsed[gpu]!++;
    countMoves(problem, expert, known, check);
    let [farthest, far] = [0, 0];
    for (let i = problem.firsts[expert]!; i < problem.firsts[expert + 1]!; i++) {
      const [gpu, tier] = nearest(cluster, problem.sources[i]!, known);
      const demand = problem.demand[i]!;
      check.demandOfTier[tier] += demand;
      check.waysCost += demand * tierCosts[tier];
      check.gpuLoads[gpu]! += (loads[expert]! * demand) / demandOfExpert[expert]!;
      if (tier > farthest) [farthest, far] = [tier, problem.sources[i]!];
    }
    if (demandOfExpert[expert] === 0) check.gpuLoads[known[0]!]! += loads[expert]!;
    if (farthest > problem.radius)
      check.violations.push(
        `expert ${expert} is ${farthest} hops from GPU ${far}, which asks for it: the radius is ${problem.radius}`,
      );
  }
  check.cost = check.waysCost + check.movesCost;
  check.violations.push(...wrongGpus(problem, check));
  return check;
}

/** The copy that serves a GPU, and how far it is. */
export function nearest(cluster: CompleteCluster, source: number, held: readonly number[]) {
  let [best, least] = [held[0]!, tierOf(cluster, source, held[0]!)];
  for (const gpu of held) {
    const tier = tierOf(cluster, source, gpu);
    if (tier < least) [best, least] = [gpu, tier];
  }
  return [best, least] as const;
}

function wrongCopies(
  { cluster, copies, copiesMax, pins }: CompleteProblem,
  expert: number,
  held: readonly number[],
): string[] {
  const wrong: string[] = [];
  const distinct = new Set(held).size;
  if (held.length === 0) wrong.push(`expert ${expert} is nowhere`);
  else if (distinct < copies) wrong.push(`expert ${expert} is on ${distinct} GPUs, of at least ${copies}`);
  else if (distinct > copiesMax) wrong.push(`expert ${expert} is on ${distinct} GPUs, of at most ${copiesMax}`);
  if (distinct < held.length) wrong.push(`expert ${expert} has ${held.length} copies on ${distinct} GPUs`);
  for (const gpu of held) {
    if (!(Number.isInteger(gpu) && gpu >= 0 && gpu < cluster.gpus))
      wrong.push(`expert ${expert} is on GPU ${gpu}, of ${cluster.gpus}`);
    else if (cluster.drained.has(gpu)) wrong.push(`expert ${expert} is on GPU ${gpu}, which is drained`);
  }
  for (const gpu of pins.get(expert) ?? [])
    if (!held.includes(gpu)) wrong.push(`expert ${expert} is pinned to GPU ${gpu}, and not there`);
  return wrong;
}

function countMoves(problem: CompleteProblem, expert: number, held: readonly number[], check: PlanCheck): void {
  if (!problem.from) return;
  for (const gpu of held) {
    if (problem.from[expert]!.includes(gpu)) continue;
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
