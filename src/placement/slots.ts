import { checkLength, checkMultiple } from "../check.ts";
import { mapsOf } from "../formats/eplb.ts";
import type { BalancePlan } from "./balance.ts";
import { type BalanceProblem, slotsOfGpus } from "./balance-problem.ts";

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
  problem: BalanceProblem,
  physicalToLogicalMap: readonly (readonly number[])[],
  gpuOfSlot: readonly number[],
): BalancePlan {
  const { loads, gpus, drained = [], from } = problem;
  checkLength("physicalToLogicalMap", { length: physicalToLogicalMap.length }, loads.length);
  const inUse = slotsOfGpus(problem).filter((count, gpu) => count > 0 && !drained.includes(gpu)).length;
  const { logicalToPhysicalMap, expertCount } = mapsOf(physicalToLogicalMap, loads[0]!.length);
  const busiest = physicalToLogicalMap.map((row, layer) =>
    gpuLoadsOf(loads[layer]!, row, gpuOfSlot, gpus).reduce((a, b) => Math.max(a, b), 0),
  );
  // What slots bear, which is all of the load unless an expert is nowhere.
  const means = physicalToLogicalMap.map(
    (row, layer) => gpuLoadsOf(loads[layer]!, row, gpuOfSlot, gpus).reduce((a, b) => a + b, 0) / inUse,
  );
  const balancedness = busiest.map((load, layer) => (load > 0 ? means[layer]! / load : 1));
  const held = from?.physicalToLogicalMap.map(
    (row) => new Set(row.flatMap((expert, slot) => (expert >= 0 ? [`${expert}/${from.gpuOfSlot[slot]}`] : []))),
  );
  return {
    physicalToLogicalMap: physicalToLogicalMap.map((row) => [...row]),
    logicalToPhysicalMap: logicalToPhysicalMap.map((rows) => rows.map((row) => [...row])),
    expertCount: expertCount.map((row) => [...row]),
    gpuOfSlot: [...gpuOfSlot],
    balancedness,
    balancednessMean: balancedness.reduce((a, b) => a + b, 0) / balancedness.length,
    balancednessWorst: balancedness.reduce((a, b) => Math.min(a, b), 1),
    busiest,
    lowerBound: means,
    gap: busiest.reduce((gap, load, layer) => (load > 0 ? Math.max(gap, load / means[layer]! - 1) : gap), 0),
    moves: physicalToLogicalMap.reduce(
      (sum, row, layer) =>
        sum +
        row.filter(
          (expert, slot) =>
            expert >= 0 && expert < loads[layer]!.length && !held?.[layer]?.has(`${expert}/${gpuOfSlot[slot]}`),
        ).length,
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
