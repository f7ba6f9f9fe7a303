import { changePlan } from "./balance-change.ts";
import { makePlan } from "./balance-make.ts";
import type { BalanceAnswer, BalanceInfeasible } from "./balance-plan.ts";
import {
  type BalanceLimits,
  type BalanceProblem,
  type CompleteBalance,
  checkLimits,
  completeBalance,
  roomsOf,
} from "./balance-problem.ts";

/** Chooses where copies of experts go, so that the busiest GPU bears as little as can be (see model.md, "Placement"). */
export function placeForBalance(problem: BalanceProblem, limits: BalanceLimits = {}): BalanceAnswer {
  const chosen = checkLimits(limits);
  const balance = completeBalance(problem);
  const obstacle = slotObstacle(balance);
  if (obstacle) return obstacle;
  return problem.from ? changePlan(problem, balance, chosen) : makePlan(balance, chosen);
}

function slotObstacle(balance: CompleteBalance): BalanceInfeasible | undefined {
  const { experts, slots, groups, nodes } = balance;
  if (slots < experts)
    return {
      status: "infeasible",
      constraint: "slots",
      because: `${experts} experts need as many slots, and GPUs that are not drained have ${slots}`,
      relax: `${experts - slots} slots more`,
    };
  const rooms = roomsOf(balance).reduce((a, b) => a + b, 0);
  if (groups.length === 1 || rooms >= groups.length) return undefined;
  return {
    status: "infeasible",
    constraint: "groups",
    because: `${groups.length} groups of ${groups[0]!.length} experts stay on a node each, and ${nodes.length} nodes have slots for ${rooms}`,
    relax: `slots for ${groups.length - rooms} groups more, or smaller groups`,
  };
}
