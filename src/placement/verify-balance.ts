import type { BalancePlan } from "./balance-plan.ts";
import { type BalanceProblem, scenariosOf, slotsOfGpus } from "./balance-problem.ts";

/** What a plan breaks, in words; and what its GPUs bear, `[scenario][layer][gpu]`, worked out from slots and shares alone. */
export interface BalanceCheck {
  violations: string[];
  gpuLoads: number[][][];
  balancedness: number[];
  moves: number;
}

/** Recounts a plan in the plainest way there is. */
export function verifyBalance(problem: BalanceProblem, plan: BalancePlan): BalanceCheck {
  const violations: string[] = [];
  const { gpus, drained = [], from, movesMax, bytesMax, expertBytes, groups = 1, gpusPerNode = gpus } = problem;
  const scenarios = scenariosOf(problem);
  const perGpu = slotsOfGpus(problem);
  const { physicalToLogicalMap: map, gpuOfSlot, shareOfSlot: shares } = plan;
  const [layers, experts] = [scenarios[0]!.loads.length, scenarios[0]!.loads[0]!.length];
  perGpu.forEach((count, g) => {
    const got = gpuOfSlot.filter((gpu) => gpu === g).length;
    if (got !== count) violations.push(`GPU ${g} has ${count} slots, the plan says ${got}`);
  });
  const gpuLoads = scenarios.map(({ loads }) => loads.map(() => new Array<number>(gpus).fill(0)));
  let moves = 0;
  for (let l = 0; l < layers; l++) {
    const nodeOfGroup = new Map<number, number>();
    for (let e = 0; e < experts; e++) {
      const slots = gpuOfSlot.flatMap((_, slot) => (map[l]![slot] === e ? [slot] : []));
      const holders = slots.map((slot) => gpuOfSlot[slot]!);
      const name = `layer ${l}, expert ${e}`;
      if (slots.length === 0) violations.push(`${name}: no copy`);
      if (new Set(holders).size !== holders.length) violations.push(`${name}: two copies on one GPU`);
      if (plan.expertCount[l]![e] !== slots.length) violations.push(`${name}: expertCount is not ${slots.length}`);
      const listed = plan.logicalToPhysicalMap[l]![e]!.filter((slot) => slot >= 0);
      if (listed.join() !== slots.join()) violations.push(`${name}: logicalToPhysicalMap is not ${slots.join()}`);
      let whole = 0;
      for (const slot of slots) {
        const [gpu, share] = [gpuOfSlot[slot]!, shares[l]![slot]!];
        whole += share;
        scenarios.forEach(({ loads }, s) => {
          gpuLoads[s]![l]![gpu]! += loads[l]![e]! * share;
        });
        if (!(share >= 0)) violations.push(`${name}: share ${share}`);
        if (problem.split !== "weighted" && Math.abs(share - 1 / slots.length) > 1e-9)
          violations.push(`${name}: share ${share} is not even`);
        if (drained.includes(gpu)) violations.push(`${name}: on GPU ${gpu}, which is drained`);
        const group = Math.floor((e * groups) / experts);
        const node = Math.floor(gpu / gpusPerNode);
        if (groups > 1 && (nodeOfGroup.get(group) ?? node) !== node)
          violations.push(`${name}: on node ${node}, its group is on ${nodeOfGroup.get(group)}`);
        nodeOfGroup.set(group, node);
        const before = from ? from.physicalToLogicalMap[l]! : [];
        if (!before.some((held, at) => held === e && from!.gpuOfSlot[at] === gpu)) moves++;
      }
      if (slots.length > 0 && !(Math.abs(whole - 1) <= 1e-9)) violations.push(`${name}: shares add up to ${whole}`);
    }
    map[l]!.forEach((expert, slot) => {
      if (!Number.isInteger(expert) || expert < -1 || expert >= experts)
        violations.push(`layer ${l}, slot ${slot}: ${expert} is no expert`);
      if (expert < 0 && shares[l]![slot] !== 0) violations.push(`layer ${l}, slot ${slot}: nothing has a share`);
    });
  }
  const inUse = perGpu.filter((count, g) => count > 0 && !drained.includes(g)).length;
  const total = scenarios.reduce((sum, { weight = 1 }) => sum + weight, 0);
  const units =
    problem.scope === "step" ? [gpuLoads.map(summed)] : gpuLoads[0]!.map((_, l) => gpuLoads.map((rows) => rows[l]!));
  const balancedness = units.map((rows) => {
    const each = rows.map((sums) => {
      const busiest = Math.max(...sums);
      return busiest > 0 ? busiest / (sums.reduce((a, b) => a + b, 0) / inUse) : 0;
    });
    const mean = each.reduce((sum, value, s) => sum + ((scenarios[s]!.weight ?? 1) / total) * value, 0);
    return 1 / Math.max(1, problem.over === "mean" ? mean : Math.max(...each));
  });
  balancedness.forEach((value, u) => {
    if (Math.abs(value - plan.balancedness[u]!) > 1e-9) violations.push(`unit ${u}: balancedness is ${value}`);
    if (plan.lowerBound[u]! * value > 1 + 1e-9) violations.push(`unit ${u}: the bound is above the busiest GPU`);
  });
  if (plan.balancedness.length !== balancedness.length) violations.push(`there are ${balancedness.length} units`);
  if (moves !== plan.moves) violations.push(`there are ${moves} moves, the plan says ${plan.moves}`);
  if (movesMax !== undefined && moves > movesMax) violations.push(`${moves} moves are more than ${movesMax}`);
  if (bytesMax !== undefined && moves * expertBytes! > bytesMax)
    violations.push(`${moves} moves are more than ${bytesMax} bytes`);
  return { violations, gpuLoads, balancedness, moves };
}

function summed(rows: number[][]): number[] {
  return rows[0]!.map((_, g) => rows.reduce((sum, row) => sum + row[g]!, 0));
}
