import { checkAtLeast, checkBetween, checkKeys, checkLength, checkPositive, checkWhole, didYouMean } from "../check.ts";
import type { BalancePlan } from "./balance-plan.ts";

/** The plan in force: what each slot holds, and on which GPU it is. Any `BalancePlan` is one. */
export interface PlanInForce {
  physicalToLogicalMap: readonly (readonly number[])[];
  gpuOfSlot: readonly number[];
}

/** One way in which load can fall. */
export interface LoadScenario {
  /** `[layer][expert]`: tokens, or any other measure of load. */
  loads: readonly ArrayLike<number>[];
  /** What it counts in a mean; 1 unless given. */
  weight?: number;
}

/** What is to be balanced. */
export interface BalanceProblem {
  /** `[layer][expert]`: tokens, or any other measure of load. Either these, or `scenarios`. */
  loads?: readonly ArrayLike<number>[];
  /** Several loads that one plan is to serve. */
  scenarios?: readonly LoadScenario[];
  /** With `scenarios`: what is made least, the worst imbalance of any of them (so unless given) or their weighted mean. */
  over?: "worst" | "mean";
  /** What is balanced: each layer (unless given), or the sums over all layers, whose plans then differ to level them. */
  scope?: "layer" | "step";
  /** How copies share an expert's load: evenly (unless given), or by `shareOfSlot`, chosen to level GPUs. */
  split?: "even" | "weighted";
  /** Groups of equally many experts, side by side: all copies of a group's experts then stay on one node. */
  groups?: number;
  /** With `groups`: GPUs of a node, which stand side by side. */
  gpusPerNode?: number;
  gpus: number;
  /** Slots in all, spread as evenly as can be over GPUs; or those of each GPU. One of the two. */
  slots?: number;
  slotsPerGpu?: number | readonly number[];
  /** GPUs that are to hold nothing. */
  drained?: readonly number[];
  from?: PlanInForce;
  /** With `from`: the balancedness of each layer (or of the step) to reach, with as few moves as can be found. */
  target?: number;
  /** With `from`: the most moves, or the most bytes to move where an expert has `expertBytes`. */
  movesMax?: number;
  bytesMax?: number;
  expertBytes?: number;
}

/** When to stop. */
export interface BalanceLimits {
  /** 1 unless given. */
  seed?: number;
  /** Rounds of search a layer at the most; 48 unless given. Equal seeds and iterations give equal plans without a time limit. */
  iterations?: number;
  /** Looked at between calls of kernels; a plan is completed in any case. */
  timeLimitMs?: number;
  /** The gap that is good enough; 0.0005 unless given. */
  gap?: number;
  /** Told of each plan that improves, between calls of kernels. */
  onPlan?: (plan: BalancePlan) => void;
}

/** A problem with every figure stated. GPUs are numbered as in `active`, those that are not drained and have slots. */
export interface CompleteBalance {
  layers: number;
  experts: number;
  /** Of active GPUs, at most one an expert each: more can hold nothing. */
  slots: number;
  active: number[];
  slotsOf: number[];
  /** Where in a layer's plan the slots of each active GPU begin. */
  firstOf: number[];
  gpuOfSlot: number[];
  /** `[scenario][layer][expert]`: loads over the mean of a GPU in that layer, or in the step. */
  rows: Float64Array[][];
  /** What scenarios count in a mean: they add up to 1. */
  weights: number[];
  over: "worst" | "mean";
  scope: "layer" | "step";
  split: "even" | "weighted";
  /** Active GPUs of each node, and experts of each group; one of each where there are no groups. */
  nodes: number[][];
  groups: number[][];
}

/** The slots of each GPU. */
export function slotsOfGpus({ gpus, slots, slotsPerGpu }: BalanceProblem): number[] {
  if ((slots === undefined) === (slotsPerGpu === undefined))
    throw new TypeError("either slots or slotsPerGpu must be given");
  if (slots !== undefined) {
    checkWhole("slots", slots, 0, 2 ** 20);
    return Array.from(
      { length: gpus },
      (_, g) => Math.floor(((g + 1) * slots) / gpus) - Math.floor((g * slots) / gpus),
    );
  }
  const list = typeof slotsPerGpu === "number" ? new Array<number>(gpus).fill(slotsPerGpu) : [...slotsPerGpu!];
  checkLength("slotsPerGpu", list, gpus);
  list.forEach((count, g) => {
    checkWhole(`slotsPerGpu[${g}]`, count, 0, 2 ** 20);
  });
  return list;
}

/** Groups that each node has slots for. */
export function roomsOf({ nodes, groups, slotsOf }: CompleteBalance): number[] {
  return nodes.map((node) => Math.floor(node.reduce((sum, gpu) => sum + slotsOf[gpu]!, 0) / groups[0]!.length));
}

/** The scenarios of a problem, which may be one. */
export function scenariosOf({ loads, scenarios }: BalanceProblem): readonly LoadScenario[] {
  if ((loads === undefined) === (scenarios === undefined))
    throw new TypeError("either loads or scenarios must be given");
  return scenarios ?? [{ loads: loads! }];
}

function checkWord(name: string, word: string, known: readonly string[]): void {
  if (!known.includes(word)) throw new TypeError(`${name} is not known: ${word}${didYouMean(word, known)}`);
}

/** States every figure of a problem, and refuses what is none. */
export function completeBalance(problem: BalanceProblem): CompleteBalance {
  const { gpus, drained = [], from, target, movesMax, bytesMax, expertBytes } = problem;
  const { over = "worst", scope = "layer", split = "even", groups = 1, gpusPerNode } = problem;
  checkKeys("problem", problem, [
    ...["loads", "scenarios", "over", "scope", "split", "groups", "gpusPerNode"],
    ...["gpus", "slots", "slotsPerGpu", "drained", "from", "target", "movesMax", "bytesMax", "expertBytes"],
  ]);
  checkWhole("gpus", gpus, 1, 2 ** 16);
  checkWord("over", over, ["worst", "mean"]);
  checkWord("scope", scope, ["layer", "step"]);
  checkWord("split", split, ["even", "weighted"]);
  const scenarios = scenariosOf(problem);
  checkWhole("scenarios.length", scenarios.length, 1, 64);
  const layers = scenarios[0]!.loads.length;
  checkWhole("loads.length", layers, 1, 2 ** 16);
  const experts = scenarios[0]!.loads[0]!.length;
  checkWhole("loads[0].length", experts, 1, 2 ** 16);
  scenarios.forEach(({ loads, weight = 1 }, s) => {
    const name = problem.scenarios ? `scenarios[${s}].loads` : "loads";
    if (problem.scenarios) checkKeys(`scenarios[${s}]`, scenarios[s]!, ["loads", "weight"]);
    checkPositive(`scenarios[${s}].weight`, weight);
    if (loads.length !== layers) throw new RangeError(`${name} must have ${layers} layers, got ${loads.length}`);
    loads.forEach((row, l) => {
      checkLength(`${name}[${l}]`, row, experts);
      for (let e = 0; e < experts; e++)
        if (!(row[e]! >= 0 && row[e]! < Number.POSITIVE_INFINITY)) checkAtLeast(`${name}[${l}][${e}]`, row[e]!, 0);
    });
  });
  for (const gpu of drained) checkWhole("drained", gpu, 0, gpus - 1);
  const perGpu = slotsOfGpus(problem);
  const gone = new Set(drained);
  const active = perGpu.flatMap((count, g) => (count > 0 && !gone.has(g) ? [g] : []));
  if (target !== undefined) checkBetween("target", target, 1e-6, 1);
  if (movesMax !== undefined) checkWhole("movesMax", movesMax, 0, Number.MAX_SAFE_INTEGER);
  if (bytesMax !== undefined) {
    checkAtLeast("bytesMax", bytesMax, 0);
    checkPositive("expertBytes", expertBytes as number);
  }
  if (from) checkPlanInForce(from, experts, layers, gpus);
  else if (target !== undefined || movesMax !== undefined || bytesMax !== undefined)
    throw new TypeError("target, movesMax and bytesMax need from, the plan in force");
  const { nodes, perGroup } = nodesOf(active, experts, gpus, groups, gpusPerNode);
  const slotsOf = active.map((g) => Math.min(perGpu[g]!, experts));
  let slots = 0;
  const firstOf = slotsOf.map((count) => {
    slots += count;
    return slots - count;
  });
  const total = scenarios.reduce((sum, { weight = 1 }) => sum + weight, 0);
  return {
    layers,
    experts,
    slots,
    active,
    slotsOf,
    firstOf,
    gpuOfSlot: perGpu.flatMap((count, g) => new Array<number>(count).fill(g)),
    rows: scenarios.map(({ loads }) => scaled(loads, active.length, scope)),
    weights: scenarios.map(({ weight = 1 }) => weight / total),
    over,
    scope,
    split,
    nodes,
    groups: Array.from({ length: groups }, (_, i) => Array.from({ length: perGroup }, (_, j) => i * perGroup + j)),
  };
}

/** Loads over the mean of a GPU, so that 1 is level. */
function scaled(loads: readonly ArrayLike<number>[], gpus: number, scope: "layer" | "step"): Float64Array[] {
  const rows = loads.map((row) => Float64Array.from(row));
  const sums = rows.map((row) => row.reduce((a, b) => a + b, 0));
  const all = sums.reduce((a, b) => a + b, 0);
  return rows.map((row, l) => {
    const mean = (scope === "step" ? all : sums[l]!) / gpus || 1;
    return row.map((load) => load / mean);
  });
}

function nodesOf(active: number[], experts: number, gpus: number, groups: number, gpusPerNode: number | undefined) {
  checkWhole("groups", groups, 1, experts);
  if (experts % groups > 0) throw new RangeError(`groups must divide ${experts} experts, got ${groups}`);
  if (groups > 1 && gpusPerNode === undefined)
    throw new TypeError("groups stay on a node: gpusPerNode must be given too");
  const perNode = groups > 1 ? gpusPerNode! : gpus;
  if (gpusPerNode !== undefined) checkWhole("gpusPerNode", gpusPerNode, 1, gpus);
  const nodes: number[][] = Array.from({ length: Math.ceil(gpus / perNode) }, () => []);
  active.forEach((gpu, i) => {
    nodes[Math.floor(gpu / perNode)]!.push(i);
  });
  return { nodes: nodes.filter((node) => node.length > 0), perGroup: experts / groups };
}

/** Refuses a plan that misses an expert or has two copies of one on a GPU. */
function checkPlanInForce(from: PlanInForce, experts: number, layers: number, gpus: number): void {
  const { physicalToLogicalMap: map, gpuOfSlot } = from;
  if (map.length !== layers) throw new RangeError(`from must have ${layers} layers, got ${map.length}`);
  gpuOfSlot.forEach((gpu, slot) => {
    checkWhole(`from.gpuOfSlot[${slot}]`, gpu, 0, gpus - 1);
  });
  map.forEach((row, l) => {
    checkLength(`from.physicalToLogicalMap[${l}]`, row, gpuOfSlot.length);
    const seen = new Set<number>();
    const held = new Set<number>();
    row.forEach((expert, slot) => {
      checkWhole(`from.physicalToLogicalMap[${l}][${slot}]`, expert, -1, experts - 1);
      if (expert < 0) return;
      const key = gpuOfSlot[slot]! * experts + expert;
      if (held.has(key))
        throw new RangeError(
          `from must have one copy of an expert on a GPU, got two of ${expert} on ${gpuOfSlot[slot]} in layer ${l}`,
        );
      held.add(key);
      seen.add(expert);
    });
    for (let e = 0; e < experts; e++)
      if (!seen.has(e)) throw new RangeError(`from must hold every expert, got none of ${e} in layer ${l}`);
  });
}

/** The limits, with what holds unless given. */
export function checkLimits(limits: BalanceLimits) {
  checkKeys("limits", limits, ["seed", "iterations", "timeLimitMs", "gap", "onPlan"]);
  const { seed = 1, iterations = 48, timeLimitMs, gap = 0.0005, onPlan } = limits;
  checkWhole("iterations", iterations, 0, 2 ** 30);
  if (timeLimitMs !== undefined) checkAtLeast("timeLimitMs", timeLimitMs, 0);
  checkAtLeast("gap", gap, 0);
  return { seed, iterations, gap, onPlan, endMs: performance.now() + (timeLimitMs ?? Number.POSITIVE_INFINITY) };
}

/** The limits as the search sees them. */
export type Limits = ReturnType<typeof checkLimits>;
