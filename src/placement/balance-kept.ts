import { NONE } from "../../assembly/layout.ts";
import { meanRow } from "./balance-bounds.ts";
import type { Part } from "./balance-groups.ts";
import type { CompleteBalance, PlanInForce } from "./balance-problem.ts";

/** `[layer][active GPU]`: the experts that it holds in the plan in force. */
export function heldIn(from: PlanInForce, { active }: CompleteBalance): number[][][] {
  const placeOf = new Map(active.map((gpu, i) => [gpu, i]));
  return from.physicalToLogicalMap.map((row) => {
    const held: number[][] = active.map(() => []);
    row.forEach((expert, slot) => {
      const gpu = placeOf.get(from.gpuOfSlot[slot]!);
      if (gpu !== undefined && expert >= 0) held[gpu]!.push(expert);
    });
    return held;
  });
}

/**
 * What stays of the plan in force in the slots that there are, so that as many experts as can be keep a copy: a matching of
 * experts with slots, grown along paths. Experts that are lost must move, and they are no more than that.
 */
export function keptPlan(
  balance: CompleteBalance,
  layer: number,
  held: readonly (readonly number[])[],
  parts: readonly Part[],
): { plan: Uint32Array; lost: number } {
  const { slots, slotsOf, firstOf } = balance;
  const plan = new Uint32Array(slots).fill(NONE);
  const loads = meanRow(balance, layer);
  let lost = 0;
  for (const { experts, gpus } of parts) {
    const own = new Set(experts);
    const holders = new Map<number, number[]>(experts.map((expert) => [expert, []]));
    for (const gpu of gpus) for (const expert of held[gpu]!) if (own.has(expert)) holders.get(expert)!.push(gpu);
    const kept = new Map<number, number[]>(gpus.map((gpu) => [gpu, []]));
    const place = (expert: number, tried: Set<number>): boolean => {
      for (const gpu of holders.get(expert)!) {
        if (tried.has(gpu)) continue;
        tried.add(gpu);
        const list = kept.get(gpu)!;
        if (list.length < slotsOf[gpu]!) {
          list.push(expert);
          return true;
        }
        for (let i = 0; i < list.length; i++) {
          if (!place(list[i]!, tried)) continue;
          list[i] = expert;
          return true;
        }
      }
      return false;
    };
    for (const expert of experts) if (!place(expert, new Set())) lost++;
    for (const gpu of gpus) {
      const list = kept.get(gpu)!;
      const rest = held[gpu]!.filter((expert) => own.has(expert) && !list.includes(expert));
      rest.sort((a, b) => loads[b]! - loads[a]!);
      [...list, ...rest].slice(0, slotsOf[gpu]!).forEach((expert, j) => {
        plan[firstOf[gpu]! + j] = expert;
      });
    }
  }
  return { plan, lost };
}
