import { NONE } from "../../assembly/layout.ts";
import { bestPairs, isPaired, meanRow } from "./balance-bounds.ts";
import { spreadGroups } from "./balance-groups.ts";
import { answered, type BalanceAnswer } from "./balance-plan.ts";
import type { CompleteBalance, Limits } from "./balance-problem.ts";
import { BalanceSearch } from "./balance-search.ts";
import { evenShares, imbalances, packSplit } from "./balance-shares.ts";

/** Rounds of search that a layer is given at once where all layers are levelled together. */
const ROUNDS_AT_ONCE = 4;

/** From nothing. */
export function makePlan(balance: CompleteBalance, limits: Limits): BalanceAnswer {
  const search = new BalanceSearch(balance, limits);
  const { isStep, plans } = search;
  const layers = Array.from({ length: balance.layers }, (_, l) => l);
  for (const l of layers) {
    search.parts[l] = spreadGroups(balance, l, search.baseOf());
    search.onParts(l, undefined, (solver) => solver.pack(limits));
  }
  if (balance.split === "weighted") splitPlans(search);
  const tell = () => limits.onPlan?.(search.describe());
  tell();
  if (isPaired(balance) && !isStep && balance.nodes.length === 1 && balance.rows.length === 1)
    for (const l of layers) if (!search.isLate) pairPlan(search, l);
  const units = search.imbalance();
  for (let unit = 0; unit < units.length && !search.isLate; unit++)
    if (!search.isWithin(unit, units[unit]!)) search.raiseBound(unit);
  if (isStep) levelStep(search, tell);
  else
    for (const l of layers) {
      if (search.isLate) break;
      if (search.isWithin(l, units[l]!)) continue;
      const before = plans[l]!;
      search.onParts(l, undefined, (solver) => {
        if (!solver.goOn(before, limits)) solver.seek(limits, limits.iterations);
      });
      if (balance.split === "weighted") {
        const after = imbalances(balance, [plans[l]!], search.sharesOf([plans[l]!], l), l)[0]!;
        if (after > units[l]!) plans[l] = before;
      }
      if (plans[l] !== before) tell();
    }
  return answered(search.describe(), limits);
}

/**
 * Improves one layer after the other, on top of what the others bear, until the sums are level; where a round finds nothing, the
 * next begins with a layer that is shaken, whatever that costs.
 */
function levelStep(search: BalanceSearch, tell: () => void): void {
  const { limits, plans } = search;
  let before = search.imbalance()[0]!;
  let kept = [...plans];
  let isStuck = false;
  for (let done = 0; done < limits.iterations; done += ROUNDS_AT_ONCE) {
    if (isStuck) {
      search.adopt(kept);
      const l = (done / ROUNDS_AT_ONCE) % plans.length;
      const plan = plans[l]!;
      search.onParts(l, undefined, (solver) => solver.shakeOnce(plan));
    }
    isStuck = true;
    for (let l = 0; l < plans.length; l++) {
      if (search.isLate || search.isWithin(0, before)) break;
      const plan = plans[l]!;
      search.onParts(l, undefined, (solver) => {
        if (!solver.goOn(plan, limits)) solver.seek(limits, ROUNDS_AT_ONCE, done > 0);
      });
      const after = search.imbalance()[0]!;
      if (after >= before) continue;
      before = after;
      isStuck = false;
      kept = [...plans];
      tell();
    }
    if (search.isLate || search.isWithin(0, before)) break;
  }
  search.adopt(kept);
}

/** Takes the best of all pairs of copies, where it is better than what was packed. */
function pairPlan(search: BalanceSearch, layer: number): void {
  const { balance, plans } = search;
  const before = imbalances(balance, [plans[layer]!], evenShares(balance, [plans[layer]!]), layer)[0]!;
  if (search.isWithin(layer, before)) return;
  const { busiest, pairs } = bestPairs(balance.rows[0]![layer]!, balance);
  if (busiest < before) plans[layer] = Uint32Array.from(pairs.flat());
}

/** Where shares are free, tries plans that are packed for that, and keeps those that are better. */
function splitPlans(search: BalanceSearch): void {
  const { balance, plans } = search;
  const even = [...plans];
  const split = even.map((plan, l) => {
    if (search.isLate) return plan;
    const packed = plan.slice();
    const loads = meanRow(balance, l);
    for (const { experts, gpus } of search.parts[l]!) {
      const own = experts.map((expert) => loads[expert]!);
      const bound = own.reduce((a, b) => a + b, 0) / gpus.length;
      const held =
        bound > 0
          ? packSplit(
              own,
              gpus.map((gpu) => balance.slotsOf[gpu]!),
              bound,
            )
          : undefined;
      if (!held) return plan;
      gpus.forEach((gpu, g) => {
        const list = held[g]!.map((e) => experts[e]!);
        // Spare slots take what is heaviest: a share may be 0.
        const heaviest = [...experts].sort((a, b) => loads[b]! - loads[a]!).filter((expert) => !list.includes(expert));
        for (let j = 0; j < balance.slotsOf[gpu]!; j++)
          packed[balance.firstOf[gpu]! + j] = list[j] ?? heaviest[j - list.length] ?? NONE;
      });
    }
    return packed;
  });
  const before = imbalances(balance, even, search.sharesOf(even));
  const after = imbalances(balance, split, search.sharesOf(split));
  search.adopt(
    even.map((plan, l) => (after[search.isStep ? 0 : l]! < before[search.isStep ? 0 : l]! ? split[l]! : plan)),
  );
}
