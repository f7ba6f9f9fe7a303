import { checkLength, checkMultiple } from "../check.ts";
import { mapsOf } from "../formats/eplb.ts";
import type { BalancePlan } from "./balance-plan.ts";
import { type BalanceProblem, slotsOfGpus } from "./balance-problem.ts";

/** A balance problem of one load. */
export type BalanceTask = BalanceProblem & { loads: readonly ArrayLike<number>[] };

/** GPUs of slots that lie on them in equal parts, as serving engines have them. */
export function gpusOfSlots(slots: number, gpus: number): number[] {
  checkMultiple("slots of equal parts", slots, gpus);
  return Array.from({ length: slots }, (_, slot) => Math.floor(slot / (slots / gpus)));
}

/**
 * What experts in slots come to as a plan, whoever placed them, and whether or not they keep the rules: `verifyBalance` says
 * that. Its bound is no more than the mean.
 */
export function balancePlanOf(
  problem: BalanceTask,
  physicalToLogicalMap: readonly (readonly number[])[],
  gpuOfSlot: readonly number[],
): BalancePlan {
  const { loads, gpus, drained = [], from, scope } = problem;
  checkLength("physicalToLogicalMap", { length: physicalToLogicalMap.length }, loads.length);
  const experts = loads[0]!.length;
  const inUse = slotsOfGpus(problem).filter((count, gpu) => count > 0 && !drained.includes(gpu)).length;
  const { logicalToPhysicalMap, expertCount } = mapsOf(physicalToLogicalMap, experts);
  const sums = physicalToLogicalMap.map((row, layer) => gpuLoadsOf(loads[layer]!, row, gpuOfSlot, gpus));
  const units = scope === "step" ? [sums[0]!.map((_, gpu) => sums.reduce((sum, row) => sum + row[gpu]!, 0))] : sums;
  // Over the mean of what slots bear, which is all of the load unless an expert is nowhere.
  const imbalance = units.map((row) => {
    const all = row.reduce((a, b) => a + b, 0);
    return all > 0 ? Math.max(1, (row.reduce((a, b) => Math.max(a, b), 0) * inUse) / all) : 1;
  });
  const balancedness = imbalance.map((value) => 1 / value);
  const held = from?.physicalToLogicalMap.map(
    (row) => new Set(row.flatMap((expert, slot) => (expert >= 0 ? [`${expert}/${from.gpuOfSlot[slot]}`] : []))),
  );
  const isExpert = (expert: number) => expert >= 0 && expert < experts;
  return {
    physicalToLogicalMap: physicalToLogicalMap.map((row) => [...row]),
    logicalToPhysicalMap: logicalToPhysicalMap.map((rows) => rows.map((row) => [...row])),
    expertCount: expertCount.map((row) => [...row]),
    shareOfSlot: physicalToLogicalMap.map((row, layer) =>
      row.map((expert) => (isExpert(expert) ? 1 / expertCount[layer]![expert]! : 0)),
    ),
    gpuOfSlot: [...gpuOfSlot],
    imbalance,
    balancedness,
    balancednessMean: balancedness.reduce((a, b) => a + b, 0) / balancedness.length,
    balancednessWorst: balancedness.reduce((a, b) => Math.min(a, b), 1),
    lowerBound: imbalance.map(() => 1),
    gap: imbalance.reduce((gap, value) => Math.max(gap, value - 1), 0),
    moves: physicalToLogicalMap.reduce(
      (sum, row, layer) =>
        sum +
        row.filter((expert, slot) => isExpert(expert) && !held?.[layer]?.has(`${expert}/${gpuOfSlot[slot]}`)).length,
      0,
    ),
  };
}

/** What each GPU bears of one layer: an expert's load in equal parts for its copies. */
export function gpuLoadsOf(
  loads: ArrayLike<number>,
  row: readonly number[],
  gpuOfSlot: readonly number[],
  gpus: number,
): Float64Array {
  const copies = new Uint32Array(loads.length);
  for (const expert of row) if (expert >= 0 && expert < loads.length) copies[expert]!++;
  const sums = new Float64Array(gpus);
  row.forEach((expert, slot) => {
    const gpu = gpuOfSlot[slot]!;
    if (expert >= 0 && expert < loads.length && gpu < gpus) sums[gpu]! += loads[expert]! / copies[expert]!;
  });
  return sums;
}
