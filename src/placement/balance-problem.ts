import { checkAtLeast, checkBetween, checkKeys, checkLength, checkPositive, checkWhole } from "../check.ts";

/** The plan in force: what each slot holds, and on which GPU it is. Any `BalancePlan` is one. */
export interface PlanInForce {
  physicalToLogicalMap: readonly (readonly number[])[];
  gpuOfSlot: readonly number[];
}

/** What is to be balanced. */
export interface BalanceProblem {
  /** `[layer][expert]`: tokens, or any other measure of load. */
  loads: readonly ArrayLike<number>[];
  gpus: number;
  /** Slots in all, spread as evenly as can be over GPUs; or those of each GPU. One of the two. */
  slots?: number;
  slotsPerGpu?: number | readonly number[];
  /** GPUs that are to hold nothing. */
  drained?: readonly number[];
  from?: PlanInForce;
  /** With `from`: the balancedness of each layer to reach, with as few moves as can be found. */
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
  timeLimitMs?: number;
  /** The gap that is good enough; 0.0005 unless given. */
  gap?: number;
  /** Told of each plan that improves, between calls of kernels. */
  onPlan?: (plan: import("./balance.ts").BalancePlan) => void;
}

/** A problem's size, and the GPUs that are not drained and have slots. */
export interface Cluster {
  experts: number;
  /** Of `active`, at most one an expert: more can hold nothing. */
  slots: number;
  active: number[];
  slotsOf: number[];
  gpuOfSlot: number[];
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

/** Refuses a problem that is none. */
export function checkProblem(problem: BalanceProblem): Cluster {
  const { loads, gpus, drained = [], from, target, movesMax, bytesMax, expertBytes } = problem;
  checkKeys("problem", problem, [
    ...["loads", "gpus", "slots", "slotsPerGpu", "drained"],
    ...["from", "target", "movesMax", "bytesMax", "expertBytes"],
  ]);
  checkWhole("gpus", gpus, 1, 2 ** 16);
  checkWhole("loads.length", loads.length, 1, 2 ** 16);
  const experts = loads[0]!.length;
  checkWhole("loads[0].length", experts, 1, 2 ** 16);
  loads.forEach((row, l) => {
    checkLength(`loads[${l}]`, row, experts);
    for (let e = 0; e < experts; e++) checkAtLeast(`loads[${l}][${e}]`, row[e]!, 0);
  });
  for (const gpu of drained) checkWhole("drained", gpu, 0, gpus - 1);
  const perGpu = slotsOfGpus(problem);
  const gone = new Set(drained);
  const active = perGpu.flatMap((count, g) => (count > 0 && !gone.has(g) ? [g] : []));
  const slotsOf = active.map((g) => Math.min(perGpu[g]!, experts));
  if (target !== undefined) checkBetween("target", target, 1e-6, 1);
  if (movesMax !== undefined) checkWhole("movesMax", movesMax, 0, Number.MAX_SAFE_INTEGER);
  if (bytesMax !== undefined) {
    checkAtLeast("bytesMax", bytesMax, 0);
    checkPositive("expertBytes", expertBytes as number);
  }
  if (from) checkPlanInForce(from, experts, loads.length, gpus);
  else if (target !== undefined || movesMax !== undefined || bytesMax !== undefined)
    throw new TypeError("target, movesMax and bytesMax need from, the plan in force");
  const gpuOfSlot = perGpu.flatMap((count, g) => new Array<number>(count).fill(g));
  return { experts, slots: slotsOf.reduce((a, b) => a + b, 0), active, slotsOf, gpuOfSlot };
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
  return { seed, iterations, timeLimitMs, gap, onPlan };
}
