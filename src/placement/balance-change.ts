import { NONE } from "../../assembly/layout.ts";
import { ROUNDING } from "./balance-bounds.ts";
import { keepGroups } from "./balance-groups.ts";
import { heldIn, keptPlan } from "./balance-kept.ts";
import { answered, type BalanceAnswer, type BalanceInfeasible, type BalancePlan } from "./balance-plan.ts";
import type { BalanceProblem, CompleteBalance, Limits } from "./balance-problem.ts";
import { BalanceSearch } from "./balance-search.ts";

/** How the level is found that is to be asked of layers: tried at first at a share of the highest, then by halving. */
interface Halving {
  tries: number;
  first: number;
  isTooLow: (plan: BalancePlan) => boolean;
  isBetter: (plan: BalancePlan) => boolean;
}

/** From a plan in force. */
export function changePlan(problem: BalanceProblem, balance: CompleteBalance, limits: Limits): BalanceAnswer {
  const search = new BalanceSearch(balance, limits);
  const held = heldIn(problem.from!, balance);
  const kept = held.map((row, l) => {
    search.parts[l] = keepGroups(balance, row);
    return keptPlan(balance, l, row, search.parts[l]);
  });
  const lost = kept.reduce((sum, { lost }) => sum + lost, 0);
  const movesMax = movesAllowed(problem);
  if (lost > movesMax) return tooFewMoves(problem, lost);
  const { target } = problem;
  kept.forEach(({ plan }, l) => {
    search.onParts(l, held[l], (solver) => solver.mend(plan));
  });
  const mended = [...search.plans];
  const attempt = (level: number) => {
    changeAll(search, mended, held, level, movesMax);
    return search.describe(held);
  };
  let best = attempt(1 / (target ?? 1));
  limits.onPlan?.(best);
  const take = (plan: BalancePlan) => {
    best = plan;
    limits.onPlan?.(best);
  };
  const halve = (by: Halving) => {
    let [low, high] = [0, target ?? 1];
    for (let i = 0; i < by.tries && high - low > 1e-4 && !search.isLate; i++) {
      const middle = i === 0 ? by.first * high : (low + high) / 2;
      const plan = attempt(1 / middle);
      if (by.isTooLow(plan)) low = middle;
      else high = middle;
      if (by.isBetter(plan)) take(plan);
    }
  };
  const isEnough = (plan: BalancePlan) => target !== undefined && plan.balancednessWorst >= target - ROUNDING;
  if (best.moves >= movesMax) {
    // A budget is best spent by asking the same of every layer: the most that it buys.
    halve({
      tries: 14,
      first: 0.9,
      isTooLow: ({ moves }) => moves < movesMax,
      isBetter: ({ balancednessMean }) => balancednessMean > best.balancednessMean,
    });
  } else if (balance.split === "weighted" && isEnough(best)) {
    // Shares do a part of it: the least that even shares must reach.
    halve({
      tries: 10,
      first: 1 / 8,
      isTooLow: (plan) => !isEnough(plan),
      isBetter: (plan) => isEnough(plan) && plan.moves < best.moves,
    });
  }
  best.imbalance.forEach((value, unit) => {
    if (!search.isWithin(unit, value)) search.raiseBound(unit);
  });
  const gap = best.imbalance.reduce((most, value, unit) => Math.max(most, value / search.bounds[unit]! - 1), 0);
  return answered({ ...best, lowerBound: [...search.bounds], gap }, limits, target);
}

/** Moves that a budget of moves and one of bytes leave. */
function movesAllowed({ movesMax = Number.POSITIVE_INFINITY, bytesMax, expertBytes }: BalanceProblem): number {
  return bytesMax === undefined ? movesMax : Math.min(movesMax, Math.floor(bytesMax / expertBytes!));
}

function tooFewMoves({ movesMax, bytesMax, expertBytes }: BalanceProblem, lost: number): BalanceInfeasible {
  const isBytes =
    bytesMax !== undefined && Math.floor(bytesMax / expertBytes!) < (movesMax ?? Number.POSITIVE_INFINITY);
  return {
    status: "infeasible",
    constraint: isBytes ? "moved bytes" : "moves",
    because: isBytes
      ? `${lost} experts have lost their slots, which takes ${lost * expertBytes!} bytes, and ${bytesMax} may move`
      : `${lost} experts have lost their slots, which takes as many moves, and ${movesMax} are allowed`,
    relax: isBytes ? `bytesMax ${lost * expertBytes!}` : `movesMax ${lost}`,
  };
}

/** Changes all layers from where they were mended, as far as `level` needs and moves last. */
function changeAll(
  search: BalanceSearch,
  mended: readonly Uint32Array[],
  held: readonly (readonly (readonly number[])[])[],
  level: number,
  movesMax: number,
): void {
  const { limits, plans, isStep } = search;
  const { gap, endMs, iterations } = limits;
  search.adopt(mended);
  let left = movesMax - movesOf(search, mended, held);
  const change = (l: number, steps: number, shakes: number) => {
    const plan = plans[l]!;
    const aim = Math.max(level, search.boundOf(l) * (level > 1 ? 1 : 1 + gap));
    search.onParts(l, held[l], (solver) => {
      const before = solver.movesOf(plan);
      left -= solver.change(plan, aim, before + left, { steps, shakes, endMs }) - before;
    });
  };
  const settle = (l: number) => {
    const plan = plans[l]!;
    search.onParts(l, held[l], (solver) => {
      left += solver.movesOf(plan) - solver.settle(plan, level, endMs);
    });
  };
  const shakes = Math.min(iterations, 8);
  const steps = 8 * search.balance.slots;
  if (!isStep)
    for (let l = 0; l < plans.length; l++) {
      change(l, steps, shakes);
      settle(l);
    }
  else {
    // A few changes a layer, so that those that gain most a move come first; then what is left to gain.
    let before = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 64 && !search.isLate; round++) {
      for (let l = 0; l < plans.length; l++) change(l, 2, round > 8 ? 1 : 0);
      const now = search.totals.reduce((most, total) => total.reduce((a, b) => Math.max(a, b), most), 0);
      if (now >= before - 1e-9) break;
      before = now;
    }
    for (let l = 0; l < plans.length; l++) settle(l);
  }
}

function movesOf(
  { balance }: BalanceSearch,
  plans: readonly Uint32Array[],
  held: readonly (readonly (readonly number[])[])[],
): number {
  let moves = 0;
  plans.forEach((plan, l) => {
    balance.firstOf.forEach((first, g) => {
      const before = new Set(held[l]![g]);
      for (let j = 0; j < balance.slotsOf[g]!; j++)
        if (plan[first + j] !== NONE && !before.has(plan[first + j]!)) moves++;
    });
  });
  return moves;
}
