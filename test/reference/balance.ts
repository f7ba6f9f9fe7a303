import type { BalanceAnswer, BalancePlan } from "../../src/index.ts";

/** The least that `cost` says of any way to fill the slots so that each expert is held, none twice on a GPU; by trying each. */
export function bestOf(
  experts: number,
  gpuOfSlot: readonly number[],
  cost: (held: readonly number[]) => number,
): number {
  const held: number[] = [];
  let best = Number.POSITIVE_INFINITY;
  const fill = (): void => {
    if (held.length === gpuOfSlot.length) {
      if (new Set(held).size === experts) best = Math.min(best, cost(held));
      return;
    }
    for (let e = 0; e < experts; e++) {
      if (held.some((expert, i) => expert === e && gpuOfSlot[i] === gpuOfSlot[held.length])) continue;
      held.push(e);
      fill();
      held.pop();
    }
  };
  fill();
  return best;
}

/** What the busiest GPU bears when copies bear the same. */
export function evenBusiest(
  held: readonly number[],
  loads: readonly number[],
  gpuOfSlot: readonly number[],
  gpus: number,
): number {
  const copies = loads.map((_, e) => held.filter((expert) => expert === e).length);
  const sums = new Array<number>(gpus).fill(0);
  held.forEach((expert, slot) => {
    sums[gpuOfSlot[slot]!]! += loads[expert]! / copies[expert]!;
  });
  return Math.max(...sums);
}

/** And when loads are split at will: the most, of any set of experts, that falls on each of those who hold one of them (Hall). */
export function splitBusiest(
  held: readonly number[],
  loads: readonly number[],
  gpuOfSlot: readonly number[],
  gpus: number,
): number {
  let most = 0;
  for (let set = 1; set < 2 ** gpus; set++) {
    // Experts that are on no GPU but those of the set.
    let sum = 0;
    let members = 0;
    for (let g = 0; g < gpus; g++) members += (set >> g) & 1;
    loads.forEach((load, e) => {
      if (held.every((expert, slot) => expert !== e || ((set >> gpuOfSlot[slot]!) & 1) === 1)) sum += load;
    });
    most = Math.max(most, sum / members);
  }
  return most;
}

/** The least that the busiest GPU can bear, of all ways to fill the slots. */
export function bestBusiest(loads: readonly number[], gpus: number, gpuOfSlot: readonly number[]): number {
  return bestOf(loads.length, gpuOfSlot, (held) => evenBusiest(held, loads, gpuOfSlot, gpus));
}

/** The plan of an answer that is one. */
export function planOf(answer: BalanceAnswer): BalancePlan {
  if (answer.status === "infeasible") throw new Error(`${answer.because}; ${answer.relax}`);
  return answer;
}
