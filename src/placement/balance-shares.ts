import { NONE } from "../../assembly/layout.ts";
import { combined, meanRow, ROUNDING } from "./balance-bounds.ts";
import type { CompleteBalance } from "./balance-problem.ts";

/** `[layer][slot of an active GPU]`: what each copy bears of its expert. */
export type Shares = Float64Array[];

/** Even shares. */
export function evenShares({ experts }: CompleteBalance, plans: readonly Uint32Array[]): Shares {
  return plans.map((plan) => {
    const copies = new Uint32Array(experts);
    for (let slot = 0; slot < plan.length; slot++) if (plan[slot] !== NONE) copies[plan[slot]!]!++;
    const shares = new Float64Array(plan.length);
    for (let slot = 0; slot < plan.length; slot++) if (plan[slot] !== NONE) shares[slot] = 1 / copies[plan[slot]!]!;
    return shares;
  });
}

/** What the busiest GPU bears over the mean, of all scenarios combined, in each layer or in the step. */
export function imbalances(
  balance: CompleteBalance,
  plans: readonly Uint32Array[],
  shares: Shares,
  first = 0,
): number[] {
  const { active, rows, scope } = balance;
  const gpus = gpuOfSlots(balance);
  const sums = rows.map(() => new Float64Array(active.length));
  const each: number[] = [];
  plans.forEach((plan, l) => {
    rows.forEach((row, s) => {
      if (scope === "layer") sums[s]!.fill(0);
      addLoads(sums[s]!, plan, shares[l]!, row[first + l]!, gpus);
    });
    if (scope === "layer" || l === plans.length - 1)
      each.push(
        Math.max(
          1,
          combined(
            balance,
            sums.map((sum) => sum.reduce((a, b) => Math.max(a, b), 0)),
          ),
        ),
      );
  });
  return each;
}

/** The active GPU of each slot. */
export function gpuOfSlots({ slotsOf }: CompleteBalance): number[] {
  return slotsOf.flatMap((count, gpu) => new Array<number>(count).fill(gpu));
}

/** Adds what GPUs bear of a layer. */
export function addLoads(
  sums: Float64Array,
  plan: Uint32Array,
  shares: Float64Array,
  loads: Float64Array,
  gpus: readonly number[],
): void {
  for (let slot = 0; slot < plan.length; slot++)
    if (plan[slot] !== NONE) sums[gpus[slot]!]! += loads[plan[slot]!]! * shares[slot]!;
}

const ROUNDS = 400;

/**
 * Shares that level GPUs: each expert in turn fills up its GPUs as water would, until none changes. The sum of squares falls
 * with each and is least in the end, and then no shares have a lighter busiest GPU (the loads that shares can give are a base
 * of a polymatroid, of which the least squares are the most level). Several scenarios are levelled by their mean; shares that
 * are worse than even ones are not taken.
 */
export function levelledShares(balance: CompleteBalance, plans: readonly Uint32Array[], first = 0): Shares {
  const even = evenShares(balance, plans);
  if (balance.scope === "step") return levelUnit(balance, plans, even, first);
  return plans.map((plan, l) => levelUnit(balance, [plan], [even[l]!], first + l)[0]!);
}

function levelUnit(balance: CompleteBalance, plans: readonly Uint32Array[], even: Shares, first: number): Shares {
  const gpus = gpuOfSlots(balance);
  const sums = new Float64Array(balance.active.length);
  const shares = even.map((row) => Float64Array.from(row));
  const split: { share: Float64Array; slots: number[]; load: number }[] = [];
  plans.forEach((plan, l) => {
    const loads = meanRow(balance, first + l);
    addLoads(sums, plan, shares[l]!, loads, gpus);
    const slotsOf = new Map<number, number[]>();
    plan.forEach((expert, slot) => {
      if (expert !== NONE) slotsOf.set(expert, [...(slotsOf.get(expert) ?? []), slot]);
    });
    for (const [expert, slots] of slotsOf)
      if (slots.length > 1 && loads[expert]! > 0) split.push({ share: shares[l]!, slots, load: loads[expert]! });
  });
  let changed = 1;
  for (let round = 0; round < ROUNDS && changed > 1e-10; round++) {
    changed = 0;
    for (const { share, slots, load } of split) {
      for (const slot of slots) sums[gpus[slot]!]! -= share[slot]! * load;
      slots.sort((a, b) => sums[gpus[a]!]! - sums[gpus[b]!]!);
      let level = load;
      for (let i = 0, under = 0; i < slots.length; i++) {
        under += sums[gpus[slots[i]!]!]!;
        level = (load + under) / (i + 1);
        if (i + 1 < slots.length && sums[gpus[slots[i + 1]!]!]! >= level) break;
      }
      let total = 0;
      for (const slot of slots) total += Math.max(0, level - sums[gpus[slot]!]!);
      for (const slot of slots) {
        const part = Math.max(0, level - sums[gpus[slot]!]!) / total;
        changed = Math.max(changed, Math.abs(part - share[slot]!) * load);
        share[slot] = part;
        sums[gpus[slot]!]! += part * load;
      }
    }
  }
  const isBetter = imbalances(balance, plans, shares, first)[0]! <= imbalances(balance, plans, even, first)[0]!;
  return isBetter ? shares : even;
}

/** An expert, and what of its load has no GPU yet. */
interface Rest {
  expert: number;
  load: number;
}

/**
 * What each GPU holds where loads can be split at will, at the lowest level found. A GPU takes the lightest window of as many
 * experts as it has slots that fills it, and the last of them only in part (Kling, Maecker, Riechers and Skopalik, "Sharing
 * is caring", 2017).
 */
export function packSplit(loads: ArrayLike<number>, slotsOf: readonly number[], bound: number): number[][] | undefined {
  let best: number[][] | undefined;
  let [low, high] = [bound, 4 * bound];
  for (let i = 0; i < 18 && high - low > ROUNDING * bound; i++) {
    const level = i === 0 ? bound * (1 + ROUNDING) : i === 1 ? high : (low + high) / 2;
    const held = windowsAt(loads, slotsOf, level);
    if (held) [best, high] = [held, level];
    else low = level;
    if (i === 1 && !held) return undefined;
  }
  return best;
}

function windowsAt(loads: ArrayLike<number>, slotsOf: readonly number[], level: number): number[][] | undefined {
  const rest: Rest[] = Array.from(loads, (load, expert) => ({ expert, load })).sort((a, b) => a.load - b.load);
  const held = slotsOf.map((slots) => {
    const count = Math.min(slots, rest.length);
    let start = 0;
    let sum = 0;
    for (let i = 0; i < count; i++) sum += rest[i]!.load;
    for (; sum < level && start + count < rest.length; start++) sum += rest[start + count]!.load - rest[start]!.load;
    const taken: number[] = [];
    let free = level;
    let last: Rest | undefined;
    for (let i = 0; i < count && free > 0; i++) {
      const { expert, load } = rest[start + i]!;
      taken.push(expert);
      if (load > free * (1 + ROUNDING)) last = { expert, load: load - free };
      free -= load;
    }
    rest.splice(start, taken.length);
    if (last) {
      const at = rest.findIndex(({ load }) => load >= last.load);
      rest.splice(at < 0 ? rest.length : at, 0, last);
    }
    return taken;
  });
  return rest.length === 0 ? held : undefined;
}
