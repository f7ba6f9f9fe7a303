import { checkAtLeast, checkKeys, checkWhole, describe } from "../check.ts";
import { type Cluster, type CompleteCluster, completeCluster, eachOf } from "./cluster.ts";

/** Who asks for an expert: groups of GPUs, and how much each. */
export interface SparseDemand {
  groups: ArrayLike<number>;
  demand: ArrayLike<number>;
}

/**
 * Where are experts to live, so that demand times the cost of its way, and of moving what is not where it was, is least? Costs
 * have the unit of `tierCosts`.
 */
export interface LatencyProblem {
  objective: "latency";
  cluster: Cluster;
  /** A row an expert: what each group of GPUs asks of it, or of which groups how much. */
  demand: readonly (ArrayLike<number> | SparseDemand)[];
  /** GPUs of a group, which stand side by side and ask for equal parts; 1 unless given. */
  gpusPerGroup?: number;
  /** What a unit of demand costs from the same GPU, node, pod, and anywhere; 0, 1, 2, 3 (hops) unless given. */
  tierCosts?: readonly [number, number, number, number];
  /** What each expert's GPUs have to serve; its demand unless given. */
  loads?: ArrayLike<number>;
  /** The most that a GPU may serve; not limited unless given. */
  gpuLoadMax?: number | ArrayLike<number>;
  /** The farthest tier at which any demand may be served; 3, anywhere, unless given. */
  radius?: number;
  /** The least number of copies of each expert, on distinct GPUs; 1 unless given. */
  copies?: number;
  /** The most, where more of them are worth their slots; `copies` unless given. */
  copiesMax?: number;
  /** Experts that must have a copy on a GPU. */
  pinned?: readonly { expert: number; gpu: number }[];
  /** The plan in force: GPUs of each expert's copies. */
  from?: readonly ArrayLike<number>[];
  /** What it costs to move a copy to a GPU that does not hold one: one number, or one an expert; 0 unless given. */
  moveCost?: number | ArrayLike<number>;
  /** What is moved then; 1 unless given, so that bytes are moves. */
  expertBytes?: number | ArrayLike<number>;
  /** The most bytes that may be moved; not limited unless given. */
  movedBytesMax?: number;
}

/** GPUs of each expert's copies. */
export interface LatencyPlan {
  gpusOfExpert: number[][];
}

/** A problem with every figure stated, its demand in rows of GPUs and what they ask for, one behind the other. */
export interface CompleteProblem {
  cluster: CompleteCluster;
  experts: number;
  /** Of expert e from `firsts[e]` to `firsts[e + 1]`. */
  firsts: Uint32Array;
  sources: Uint32Array;
  demand: Float64Array;
  demandOfExpert: Float64Array;
  tierCosts: readonly [number, number, number, number];
  loads: Float64Array;
  gpuLoadMax: Float64Array;
  isLoadLimited: boolean;
  radius: number;
  copies: number;
  copiesMax: number;
  /** GPUs that must hold an expert, by expert. */
  pins: ReadonlyMap<number, readonly number[]>;
  from: readonly (readonly number[])[] | undefined;
  moveCosts: Float64Array;
  expertBytes: Float64Array;
  movedBytesMax: number;
}

/** The fields of a problem. */
export const PROBLEM_KEYS = [
  "objective",
  "cluster",
  "demand",
  "gpusPerGroup",
  "tierCosts",
  "loads",
  "gpuLoadMax",
  "radius",
  "copies",
  "copiesMax",
  "pinned",
  "from",
  "moveCost",
  "expertBytes",
  "movedBytesMax",
] as const satisfies readonly (keyof LatencyProblem)[];

const MOST_EXPERTS = 2 ** 24;

/** States every figure of a problem, and refuses what is none. */
export function completeProblem(problem: LatencyProblem): CompleteProblem {
  checkKeys("problem", problem, PROBLEM_KEYS);
  const cluster = completeCluster(problem.cluster);
  const { radius = 3, copies = 1, tierCosts = [0, 1, 2, 3], movedBytesMax = Number.POSITIVE_INFINITY } = problem;
  if (!Array.isArray(problem.demand)) throw new TypeError(`demand must be rows, got ${describe(problem.demand)}`);
  const experts = problem.demand.length;
  checkWhole("experts in demand", experts, 1, MOST_EXPERTS);
  checkWhole("radius", radius, 0, 3);
  checkWhole("copies", copies, 1, cluster.gpus);
  const { copiesMax = copies } = problem;
  checkWhole("copiesMax", copiesMax, copies, cluster.gpus);
  if (movedBytesMax !== Number.POSITIVE_INFINITY) checkAtLeast("movedBytesMax", movedBytesMax, 0);
  if (tierCosts.length !== 4) throw new RangeError(`tierCosts must hold 4 values, got ${tierCosts.length}`);
  for (let tier = 0; tier < 4; tier++)
    checkAtLeast(`tierCosts[${tier}]`, tierCosts[tier]!, tier === 0 ? 0 : tierCosts[tier - 1]!);
  const rows = demandRows(problem, cluster);
  const loads = problem.loads === undefined ? rows.demandOfExpert : eachOf("loads", problem.loads, experts);
  loads.forEach((load, expert) => {
    if (!(load >= 0 && load < Number.POSITIVE_INFINITY)) checkAtLeast(`load of expert ${expert}`, load, 0);
  });
  const gpuLoadMax = eachOf("gpuLoadMax", problem.gpuLoadMax ?? Number.POSITIVE_INFINITY, cluster.gpus);
  gpuLoadMax.forEach((most, gpu) => {
    if (most !== Number.POSITIVE_INFINITY) checkAtLeast(`gpuLoadMax of GPU ${gpu}`, most, 0);
  });
  const moveCosts = eachOf("moveCost", problem.moveCost ?? 0, experts);
  moveCosts.forEach((cost, expert) => {
    if (!(cost >= 0 && cost < Number.POSITIVE_INFINITY)) checkAtLeast(`moveCost of expert ${expert}`, cost, 0);
  });
  const expertBytes = eachOf("expertBytes", problem.expertBytes ?? 1, experts);
  expertBytes.forEach((bytes, expert) => {
    if (!(bytes >= 0 && bytes < Number.POSITIVE_INFINITY)) checkAtLeast(`expertBytes of expert ${expert}`, bytes, 0);
  });
  return {
    cluster,
    experts,
    ...rows,
    tierCosts: [tierCosts[0], tierCosts[1], tierCosts[2], tierCosts[3]],
    loads,
    gpuLoadMax,
    isLoadLimited: problem.gpuLoadMax !== undefined,
    radius,
    copies,
    copiesMax,
    pins: pinsOf(problem, experts, cluster.gpus),
    from: problem.from && gpusOf("from", problem.from, experts, cluster.gpus),
    moveCosts,
    expertBytes,
    movedBytesMax,
  };
}

/** Demand by GPU: what a group asks for, its GPUs ask for in equal parts. */
function demandRows({ demand: rows, gpusPerGroup = 1 }: LatencyProblem, { gpus }: CompleteCluster) {
  checkWhole("gpusPerGroup", gpusPerGroup, 1, gpus);
  const groups = Math.ceil(gpus / gpusPerGroup);
  const pairs = rows.map((row, expert) => pairsOf(row, expert, groups));
  const most = pairs.reduce((sum, { demand }) => sum + demand.length * gpusPerGroup, 0);
  const firsts = new Uint32Array(rows.length + 1);
  const demandOfExpert = new Float64Array(rows.length);
  const sources = new Uint32Array(most);
  const demand = new Float64Array(most);
  let next = 0;
  for (let expert = 0; expert < pairs.length; expert++) {
    const { groups: asking, demand: asked } = pairs[expert]!;
    let all = 0;
    for (let i = 0; i < asked.length; i++) {
      const group = asking === undefined ? i : asking[i]!;
      const amount = asked[i]!;
      if (!(amount >= 0 && amount < Number.POSITIVE_INFINITY))
        checkAtLeast(`demand of group ${group} for expert ${expert}`, amount, 0);
      if (!(group >= 0 && group < groups && Number.isInteger(group)))
        checkWhole(`group of expert ${expert}`, group, 0, groups - 1);
      if (amount === 0) continue;
      const first = group * gpusPerGroup;
      const end = Math.min(first + gpusPerGroup, gpus);
      for (let gpu = first; gpu < end; gpu++) {
        sources[next] = gpu;
        demand[next++] = amount / (end - first);
      }
      all += amount;
    }
    demandOfExpert[expert] = all;
    firsts[expert + 1] = next;
  }
  return { firsts, sources: sources.subarray(0, next), demand: demand.subarray(0, next), demandOfExpert };
}

/** A row as it is given: which groups, all of them in turn unless it says so, and how much. */
function pairsOf(
  row: ArrayLike<number> | SparseDemand,
  expert: number,
  groups: number,
): { groups?: ArrayLike<number>; demand: ArrayLike<number> } {
  if (typeof row !== "object" || row === null)
    throw new TypeError(`demand of expert ${expert} must be a row, got ${describe(row)}`);
  if ("groups" in row) {
    checkKeys(`demand of expert ${expert}`, row, ["groups", "demand"]);
    if (row.groups.length !== row.demand.length)
      throw new RangeError(
        `demand of expert ${expert} must have as many amounts as groups, got ${row.demand.length} for ${row.groups.length}`,
      );
    return row;
  }
  if (row.length !== groups)
    throw new RangeError(`demand of expert ${expert} must hold ${groups} values, a group each, got ${row.length}`);
  return { demand: row };
}

function pinsOf({ pinned = [] }: LatencyProblem, experts: number, gpus: number): Map<number, readonly number[]> {
  const pins = new Map<number, number[]>();
  for (const { expert, gpu } of pinned) {
    checkWhole("pinned expert", expert, 0, experts - 1);
    checkWhole(`GPU of pinned expert ${expert}`, gpu, 0, gpus - 1);
    const others = pins.get(expert) ?? [];
    if (!others.includes(gpu)) pins.set(expert, [...others, gpu]);
  }
  return pins;
}

/** GPUs of each expert, checked. */
export function gpusOf(
  name: string,
  given: readonly ArrayLike<number>[],
  experts: number,
  gpus: number,
): (readonly number[])[] {
  if (!Array.isArray(given)) throw new TypeError(`${name} must be a row of GPUs an expert, got ${describe(given)}`);
  if (given.length !== experts)
    throw new RangeError(`${name} must hold a row for each of ${experts} experts, got ${given.length}`);
  return given.map((row: ArrayLike<number>, expert) => {
    if (typeof row !== "object" || row === null)
      throw new TypeError(`${name} of expert ${expert} must be a row of GPUs, got ${describe(row)}`);
    const held = Array.from(row);
    for (const gpu of held) checkWhole(`${name}: GPU of expert ${expert}`, gpu, 0, gpus - 1);
    const twice = held.find((gpu, i) => held.indexOf(gpu) < i);
    if (twice !== undefined) throw new RangeError(`${name}: expert ${expert} is on GPU ${twice} twice`);
    return held;
  });
}
