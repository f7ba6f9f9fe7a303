import { type CompleteBalance, roomsOf } from "./balance-problem.ts";

/** What is equal but for rounding. */
export const ROUNDING = 1e-9;

/** One imbalance of all scenarios'. */
export function combined({ over, weights }: CompleteBalance, values: ArrayLike<number>): number {
  let [worst, mean] = [0, 0];
  for (let s = 0; s < values.length; s++) {
    worst = Math.max(worst, values[s]!);
    mean += weights[s]! * values[s]!;
  }
  return over === "worst" ? worst : mean;
}

/** Of each layer, or of the step, what no plan's imbalance is below. */
export function lowerBounds(balance: CompleteBalance, boundOf = quickBound): number[] {
  const { layers, rows, scope } = balance;
  const bounds = Array.from({ length: layers }, (_, l) => layerBound(balance, l, boundOf));
  if (scope === "layer") return bounds;
  const isLoaded = rows.map((row) => row.some((loads) => loads.some((load) => load > 0)));
  return [bounds.reduce((a, b) => Math.max(a, b), combined(balance, isLoaded.map(Number)) > 0 ? 1 : 0) || 1];
}

/** What no plan's imbalance in a layer is below: that of scenarios, and of their mean. */
export function layerBound(balance: CompleteBalance, layer: number, boundOf = quickBound): number {
  const { scope, rows } = balance;
  const each = rows.map((row) => boundOf(row[layer]!, balance));
  const bound = combined(balance, each);
  const least = scope === "layer" ? 1 : 0;
  const ofMean = rows.length > 1 ? boundOf(meanRow(balance, layer), balance) : 0;
  const grouped = balance.groups.length > 1 && scope === "layer";
  const ofGroups = grouped
    ? combined(
        balance,
        rows.map((row) => groupBound(row[layer]!, balance)),
      )
    : 0;
  return Math.max(least, bound, ofMean, ofGroups);
}

/** The heaviest group on the largest node; and of more groups than nodes, those that must stand together at their lightest. */
function groupBound(loads: Float64Array, balance: CompleteBalance): number {
  const { nodes, groups } = balance;
  const most = nodes.reduce((sum, node) => Math.max(sum, node.length), 0);
  const sums = groups.map((group) => group.reduce((sum, e) => sum + loads[e]!, 0)).sort((a, b) => b - a);
  let bound = 0;
  // Of the heaviest j * nodes + 1 groups, j + 1 are on one node.
  for (let j = 0; j * nodes.length < sums.length; j++) {
    const last = j * nodes.length;
    let together = 0;
    for (let i = 0; i <= j; i++) together += sums[last - i]!;
    bound = Math.max(bound, together / most);
  }
  // At most two on each node: the heaviest stands best beside the lightest, and so on.
  if (roomsOf(balance).every((room) => room <= 2))
    for (let i = 0; i < nodes.length; i++)
      bound = Math.max(bound, (sums[i]! + (sums[2 * nodes.length - 1 - i] ?? 0)) / most);
  return bound;
}

/** The weighted mean of the scenarios' loads in a layer. */
export function meanRow({ rows, weights }: CompleteBalance, layer: number): Float64Array {
  if (rows.length === 1) return rows[0]![layer]!;
  return rows[0]![layer]!.map((_, e) => rows.reduce((sum, row, s) => sum + weights[s]! * row[layer]![e]!, 0));
}

/**
 * The mean, and the heaviest copy where each further copy went to the expert that is then heaviest a copy, which makes that as
 * light as can be.
 */
export function quickBound(loads: Float64Array, { active, experts, slots, nodes }: CompleteBalance): number {
  const mean = loads.reduce((a, b) => a + b, 0) / active.length;
  const most = nodes.reduce((sum, node) => Math.max(sum, node.length), 0);
  // A level is too low if the experts need more than all slots, or one more copies than GPUs, for copies of at most that.
  const isEnough = (level: number) => {
    let needed = 0;
    for (let e = 0; e < experts; e++) {
      const copies = Math.max(1, Math.ceil(loads[e]! / level - ROUNDING));
      if (copies > most) return false;
      needed += copies;
    }
    return needed <= slots;
  };
  if (!(mean > 0) || isEnough(mean)) return mean;
  const candidates = [mean];
  for (let e = 0; e < experts; e++)
    for (let copies = 1; copies <= most && loads[e]! / copies > mean; copies++) candidates.push(loads[e]! / copies);
  const sorted = Float64Array.from(candidates).sort();
  let [low, high] = [0, sorted.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (isEnough(sorted[middle]!)) high = middle;
    else low = middle;
  }
  return sorted[high]!;
}

/** Where copies are even, the best of three: `quickBound`, what cannot stand together, and all numbers of copies tried. */
export function strongBound(loads: Float64Array, balance: CompleteBalance): number {
  const quick = quickBound(loads, balance);
  if (balance.split === "weighted" || !(quick > 0)) return quick;
  const apart = boundOfApart(loads, balance, quick);
  return isPaired(balance) ? Math.max(apart, bestPairs(loads, balance).bound) : apart;
}

/** How much of a GPU a copy is counted as, when it takes `x` of the level: the parts on one GPU never exceed 1. */
const BOUNDS_OF_PARTS = Array.from({ length: 24 }, (_, i) => (i + 1) / 48);
const SLOT_PRICES = [0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1, 2];

/**
 * A bound by a dual feasible function (Fekete and Schepers, "New classes of fast lower bounds for bin packing problems",
 * 2001) that sees numbers of slots too. Beside a copy of more than 1 - part of the level none of part or more fits; of
 * those from part up a GPU holds so many as fit and as it has slots. So each copy takes of its GPU
 *
 *     1 if it is above 1 - part,    1 / (so many) from part up,    0 below,      and a slot besides, at any price,
 *
 * and where the experts take more than all GPUs and slots, in whatever number of copies each takes least, the level is too low.
 */
function boundOfApart(loads: Float64Array, { active, slots, slotsOf, nodes }: CompleteBalance, quick: number): number {
  const most = nodes.reduce((sum, node) => Math.max(sum, node.length), 0);
  const slotsMost = slotsOf.reduce((a, b) => Math.max(a, b), 0);
  const isTooLow = (level: number) =>
    BOUNDS_OF_PARTS.some((part) => {
      const middle = 1 / Math.min(slotsMost, Math.floor(1 / part + ROUNDING));
      return SLOT_PRICES.some((price) => {
        let taken = 0;
        const limit = (active.length + price * slots) * (1 + ROUNDING);
        for (let e = 0; e < loads.length && taken <= limit; e++) {
          const x = loads[e]! / level;
          const big = Math.max(1, Math.ceil(x - ROUNDING));
          const mid = Math.max(1, Math.ceil(x / (1 - part) - ROUNDING));
          const small = Math.max(1, Math.floor(x / part + ROUNDING) + 1);
          let least = Number.POSITIVE_INFINITY;
          if (big <= most) least = big * (partOf(x / big, part, middle) + price);
          if (mid <= most) least = Math.min(least, mid * (partOf(x / mid, part, middle) + price));
          if (small <= most) least = Math.min(least, small * price);
          taken += least;
        }
        return taken > limit;
      });
    });
  let [low, high] = [quick, 2 * quick];
  for (let i = 0; i < 12 && high - low > 1e-4 * quick; i++) {
    const level = i === 0 ? low * (1 + 1e-4) : (low + high) / 2;
    if (isTooLow(level)) low = level;
    else if (i === 0) return quick;
    else high = level;
  }
  return low;
}

function partOf(x: number, part: number, middle: number): number {
  if (x > 1 - part + ROUNDING) return 1;
  return x >= part + ROUNDING ? middle : 0;
}

/** Whether all numbers of copies can be tried. */
export function isPaired({ experts, slots, slotsOf, split }: CompleteBalance): boolean {
  return split === "even" && experts <= 8 && slots <= 16 && slotsOf.every((count) => count === 2);
}

/**
 * Few experts and two slots a GPU: for each numbers of copies, the heaviest copy stands best beside the lightest, and so on.
 * That two of one expert would stand together is let pass in the bound; a plan that fills all slots takes the lightest of
 * another expert, and is told with what its busiest GPU bears.
 */
export function bestPairs(loads: Float64Array, { active, slots }: CompleteBalance) {
  const gpus = active.length;
  const order = Array.from(loads.keys()).sort((a, b) => loads[b]! - loads[a]!);
  const copies = new Int32Array(loads.length);
  const sizes = new Float64Array(2 * gpus);
  const found = { bound: Number.POSITIVE_INFINITY, busiest: Number.POSITIVE_INFINITY, pairs: [] as [number, number][] };
  const pair = (): void => {
    const rest = order.flatMap((e) => new Array<number>(copies[e]!).fill(e));
    rest.sort((a, b) => loads[b]! / copies[b]! - loads[a]! / copies[a]!);
    const pairs: [number, number][] = [];
    let busiest = 0;
    while (rest.length > 0) {
      const heavy = rest.shift()!;
      let at = rest.length - 1;
      while (at >= 0 && rest[at] === heavy) at--;
      if (at < 0) return;
      const light = rest.splice(at, 1)[0]!;
      pairs.push([heavy, light]);
      busiest = Math.max(busiest, loads[heavy]! / copies[heavy]! + loads[light]! / copies[light]!);
    }
    if (busiest >= found.busiest) return;
    found.busiest = busiest;
    found.pairs = pairs;
  };
  const choose = (i: number, left: number): void => {
    if (i === order.length) {
      sizes.fill(0);
      let at = 0;
      for (const e of order) {
        sizes.fill(loads[e]! / copies[e]!, at, at + copies[e]!);
        at += copies[e]!;
      }
      sizes.sort();
      let busiest = 0;
      for (let g = 0; g < gpus; g++) busiest = Math.max(busiest, sizes[g]! + sizes[2 * gpus - 1 - g]!);
      found.bound = Math.min(found.bound, busiest);
      if (left === 0 && busiest < found.busiest) pair();
      return;
    }
    const expert = order[i]!;
    for (let count = Math.min(gpus, left - (order.length - 1 - i)); count > 0; count--) {
      // What is cut off is no better than the plan that there is.
      if (loads[expert]! / count >= found.busiest) break;
      copies[expert] = count;
      choose(i + 1, left - count);
    }
  };
  choose(0, slots);
  found.bound = Math.min(found.bound, found.busiest) * (1 - ROUNDING / 10);
  return found;
}
