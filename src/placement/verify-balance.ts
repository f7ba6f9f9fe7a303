import type { BalancePlan } from "./balance.ts";
import { type BalanceProblem, slotsOfGpus } from "./balance-problem.ts";

/** What a plan breaks, in words; and what its GPUs bear, `[layer][gpu]`, worked out from the slots alone. */
export interface BalanceCheck {
  violations: string[];
  gpuLoads: number[][];
  balancedness: number[];
  moves: number;
}

/** Recounts a plan in the plainest way there is. */
export function verifyBalance(problem: BalanceProblem, plan: BalancePlan): BalanceCheck {
  const violations: string[] = [];
  const { loads, gpus, drained = [], from, movesMax, bytesMax, expertBytes } = problem;
  const perGpu = slotsOfGpus(problem);
  const { physicalToLogicalMap: map, gpuOfSlot } = plan;
  perGpu.forEach((count, g) => {
    const got = gpuOfSlot.filter((gpu) => gpu === g).length;
    if (got !== count) violations.push(`GPU ${g} has ${count} slots, the plan says ${got}`);
  });
  let moves = 0;
  const gpuLoads = loads.map((row, l) => {
    const sums = new Array<number>(gpus).fill(0);
    for (let e = 0; e < row.length; e++) {
      const slots = gpuOfSlot.flatMap((_, slot) => (map[l]![slot] === e ? [slot] : []));
      const holders = slots.map((slot) => gpuOfSlot[slot]!);
      const name = `layer ${l}, expert ${e}`;
      if (slots.length === 0) violations.push(`${name}: no copy`);
      if (new Set(holders).size !== holders.length) violations.push(`${name}: two copies on one GPU`);
      if (plan.expertCount[l]![e] !== slots.length) violations.push(`${name}: expertCount is not ${slots.length}`);
      const listed = plan.logicalToPhysicalMap[l]![e]!.filter((slot) => slot >= 0);
      if (listed.join() !== slots.join()) violations.push(`${name}: logicalToPhysicalMap is not ${slots.join()}`);
      for (const gpu of holders) {
        sums[gpu]! += row[e]! / slots.length;
        if (drained.includes(gpu)) violations.push(`${name}: on GPU ${gpu}, which is drained`);
        const wasHeld =
          from?.physicalToLogicalMap[l]?.some((held, slot) => held === e && from.gpuOfSlot[slot] === gpu) ?? false;
        if (!wasHeld) moves++;
      }
    }
    map[l]!.forEach((expert, slot) => {
      if (!Number.isInteger(expert) || expert < -1 || expert >= row.length)
        violations.push(`layer ${l}, slot ${slot}: ${expert} is no expert`);
    });
    return sums;
  });
  const inUse = perGpu.filter((count, g) => count > 0 && !drained.includes(g)).length;
  const balancedness = gpuLoads.map((sums) => {
    const busiest = Math.max(...sums);
    return busiest > 0 ? sums.reduce((a, b) => a + b, 0) / inUse / busiest : 1;
  });
  balancedness.forEach((value, l) => {
    if (Math.abs(value - plan.balancedness[l]!) > 1e-9) violations.push(`layer ${l}: balancedness is ${value}`);
    const busiest = Math.max(...gpuLoads[l]!);
    if (plan.lowerBound[l]! > busiest * (1 + 1e-9)) violations.push(`layer ${l}: the bound is above the busiest GPU`);
  });
  if (moves !== plan.moves) violations.push(`there are ${moves} moves, the plan says ${plan.moves}`);
  if (movesMax !== undefined && moves > movesMax) violations.push(`${moves} moves are more than ${movesMax}`);
  if (bytesMax !== undefined && moves * expertBytes! > bytesMax)
    violations.push(`${moves} moves are more than ${bytesMax} bytes`);
  return { violations, gpuLoads, balancedness, moves };
}
