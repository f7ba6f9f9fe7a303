import { NONE } from "../../assembly/layout.ts";
import { ROUNDING } from "./balance-bounds.ts";
import type { CompleteBalance, Limits } from "./balance-problem.ts";
import { imbalances, type Shares } from "./balance-shares.ts";

/** Where the copies of every layer's experts are. */
export interface BalancePlan {
  /**
   * `[layer][slot]`: the expert that a slot holds, -1 for none. Slots of one GPU lie side by side. With a plan in force a slot
   * stays empty where to fill it would take a move, or unbalance GPUs; without, where its GPU holds all that it may already.
   */
  physicalToLogicalMap: number[][];
  /** `[layer][expert][copy]`: slots, padded with -1 to the most copies of any expert. */
  logicalToPhysicalMap: number[][][];
  /** `[layer][expert]`: copies. */
  expertCount: number[][];
  /** `[layer][slot]`: the share of its expert's load that a slot is to bear; 0 in an empty one. Those of an expert add up to 1. */
  shareOfSlot: number[][];
  gpuOfSlot: number[];
  /** Of each layer, or of the step alone: what the busiest GPU bears over the mean, of all scenarios combined; 1 at best. */
  imbalance: number[];
  /** And 1 over that. */
  balancedness: number[];
  balancednessMean: number;
  balancednessWorst: number;
  /** What no plan's `imbalance` is below. */
  lowerBound: number[];
  /** The greatest of `imbalance / lowerBound - 1`. */
  gap: number;
  /** Copies on GPUs that did not hold that expert in the plan in force; all of them where there is none. */
  moves: number;
}

/** Why no plan keeps all rules. */
export interface BalanceInfeasible {
  status: "infeasible";
  /** The rule that cannot be kept. */
  constraint: "slots" | "groups" | "moves" | "moved bytes";
  /** What is asked and what there is, with numbers. */
  because: string;
  /** What would have to change. */
  relax: string;
}

/**
 * A plan: *optimal* where the bound is met, *within gap* where the gap or the balancedness asked for is, else stopped by the
 * time limit or by that of iterations.
 */
export type BalanceAnswer =
  | ({ status: "optimal" | "within gap" | "time limit" | "iteration limit" } & BalancePlan)
  | BalanceInfeasible;

/** All that follows from the experts in the slots, worked out afresh. `held` is by layer and active GPU. */
export function describePlan(
  balance: CompleteBalance,
  plans: readonly Uint32Array[],
  shares: Shares,
  lowerBound: readonly number[],
  held?: readonly (readonly (readonly number[])[])[],
): BalancePlan {
  const { active, experts, slotsOf, firstOf, gpuOfSlot } = balance;
  const start = new Map<number, number>();
  gpuOfSlot.forEach((gpu, slot) => {
    if (!start.has(gpu)) start.set(gpu, slot);
  });
  let moves = 0;
  const shareOfSlot = plans.map(() => new Array<number>(gpuOfSlot.length).fill(0));
  const physicalToLogicalMap = plans.map((plan, l) => {
    const row = new Array<number>(gpuOfSlot.length).fill(-1);
    active.forEach((gpu, g) => {
      const before = new Set(held ? held[l]![g] : []);
      for (let j = 0; j < slotsOf[g]!; j++) {
        const expert = plan[firstOf[g]! + j]!;
        if (expert === NONE) continue;
        row[start.get(gpu)! + j] = expert;
        shareOfSlot[l]![start.get(gpu)! + j] = shares[l]![firstOf[g]! + j]!;
        if (!before.has(expert)) moves++;
      }
    });
    return row;
  });
  let most = 0;
  const expertCount = physicalToLogicalMap.map((row) => {
    const counts = new Array<number>(experts).fill(0);
    for (const expert of row) if (expert >= 0) most = Math.max(most, ++counts[expert]!);
    return counts;
  });
  const logicalToPhysicalMap = physicalToLogicalMap.map((row) => {
    const slots = Array.from({ length: experts }, () => new Array<number>(most).fill(-1));
    const next = new Uint32Array(experts);
    row.forEach((expert, slot) => {
      if (expert >= 0) slots[expert]![next[expert]!++] = slot;
    });
    return slots;
  });
  const imbalance = imbalances(balance, plans, shares);
  const balancedness = imbalance.map((value) => 1 / value);
  return {
    physicalToLogicalMap,
    logicalToPhysicalMap,
    expertCount,
    shareOfSlot,
    gpuOfSlot: [...gpuOfSlot],
    imbalance,
    balancedness,
    balancednessMean: balancedness.reduce((a, b) => a + b, 0) / balancedness.length,
    balancednessWorst: balancedness.reduce((a, b) => Math.min(a, b), 1),
    lowerBound: [...lowerBound],
    gap: imbalance.reduce((gap, value, u) => Math.max(gap, value / lowerBound[u]! - 1), 0),
    moves,
  };
}

/** Says of a plan how good it is. */
export function answered(plan: BalancePlan, { gap, endMs }: Limits, target?: number): BalanceAnswer {
  if (plan.gap <= ROUNDING) return { status: "optimal", ...plan };
  const isEnough = target === undefined ? plan.gap <= gap : plan.balancednessWorst >= target - ROUNDING;
  if (isEnough) return { status: "within gap", ...plan };
  return { status: performance.now() > endMs ? "time limit" : "iteration limit", ...plan };
}
