import {
  BALANCE_COPIES_AT,
  BALANCE_EXPERT_AT,
  BALANCE_EXPERTS,
  BALANCE_FIRST_AT,
  BALANCE_GPU_AT,
  BALANCE_GPU_LOADS_AT,
  BALANCE_GPUS,
  BALANCE_HEAD_AT,
  BALANCE_LEVELS_AT,
  BALANCE_NEXT_AT,
  BALANCE_ORDER_AT,
  BALANCE_ROWS,
  BALANCE_SLOTS,
  BALANCE_WEIGHTS_AT,
  NONE,
} from "./layout";
import {
  addCopy,
  dropCopy,
  excessOf,
  excessOn,
  growth,
  growthOfAdding,
  isHeld,
  loadPlan,
  swapCopies,
  wasHeld,
} from "./plan";
import { below } from "./random";

// A layer's plan from another one: changes that take off the most excess over the levels, a move.
//
//     swap     a copy on the busiest GPU for one on another        two moves
//     replace  a copy, of an expert that has more, by another's    one move: on the busiest GPU, or elsewhere by a copy
//                                                                  of what the busiest holds, which all its copies feel

/** What a change must gain to be one: less is rounding. */
const LEAST_GAIN = 1e-12;

/** What a change without a move counts as: going back to the plan in force is worth more than a move. */
const FREE_MOVES = 0.25;

/** Moves that one change can take back. */
const MOST_BACK = 2;

/**
 * Makes up to `steps` changes, each that which takes off the most excess (a move, if `isFrugal`) of those on the busiest GPU
 * that can be helped, and none that takes more than `movesLeft`. Returns the moves that are then left.
 */
export function easeGpus(
  plan: StaticArray<u32>,
  loads: StaticArray<f64>,
  isFrugal: u32,
  movesLeft: i32,
  steps: i32,
): i32 {
  const gpus = plan[BALANCE_GPUS];
  const order = plan[BALANCE_ORDER_AT];
  for (let step = 0; step < steps; step++) {
    for (let g: u32 = 0; g < gpus; g++) plan[order + g] = 0;
    let cost = NONE;
    // Those that cannot be helped are passed over, until something changes.
    for (let tried: u32 = 0; tried < gpus && cost === NONE; tried++) {
      const busiest = busiestOf(plan, loads);
      if (busiest === NONE) break;
      plan[order + busiest] = 1;
      cost = changeBest(plan, loads, busiest, isFrugal !== 0, movesLeft);
    }
    if (cost === NONE) break;
    movesLeft -= <i32>cost - MOST_BACK;
  }
  loadPlan(plan, loads);
  return movesLeft;
}

/** The GPU with the most excess of those that have not been tried, or NONE. */
function busiestOf(plan: StaticArray<u32>, loads: StaticArray<f64>): u32 {
  let busiest = NONE;
  let most = LEAST_GAIN;
  for (let g: u32 = 0; g < plan[BALANCE_GPUS]; g++) {
    if (plan[plan[BALANCE_ORDER_AT] + g] !== 0) continue;
    const excess = excessOn(plan, loads, g);
    if (excess <= most) continue;
    most = excess;
    busiest = g;
  }
  return busiest;
}

/** What it counts that `expert` comes to `gpu`: a move, unless it was there. */
function arrival(plan: StaticArray<u32>, gpu: u32, expert: u32): i32 {
  return expert === NONE || wasHeld(plan, expert, gpu) ? 0 : 1;
}

/** What a gain is worth for the moves that it costs. */
function worth(gain: f64, cost: i32, isFrugal: bool): f64 {
  if (gain <= LEAST_GAIN) return 0;
  if (!isFrugal) return gain;
  return cost > 0 ? gain / <f64>cost : gain / FREE_MOVES;
}

/** Makes the change on GPU `p` that is worth most, and returns MOST_BACK more than its moves, or NONE. */
function changeBest(plan: StaticArray<u32>, loads: StaticArray<f64>, p: u32, isFrugal: bool, movesLeft: i32): u32 {
  const expertAt = plan[BALANCE_EXPERT_AT];
  const copies = plan[BALANCE_COPIES_AT];
  const start = plan[plan[BALANCE_FIRST_AT] + p];
  const end = plan[plan[BALANCE_FIRST_AT] + p + 1];
  let best = 0.0;
  let isSwap = false;
  let bestSlot: u32 = 0;
  let bestOther: u32 = 0;
  let bestCost = 0;
  for (let slot: u32 = 0; slot < plan[BALANCE_SLOTS]; slot++) {
    const q = plan[plan[BALANCE_GPU_AT] + slot];
    const b = plan[expertAt + slot];
    if (q !== p && (b === NONE || !isHeld(plan, b, p))) {
      const shareB = b === NONE ? 0 : 1 / <f64>plan[copies + b];
      for (let at = start; at < end; at++) {
        const a = plan[expertAt + at];
        if (a === NONE || isHeld(plan, a, q)) continue;
        const shareA = 1 / <f64>plan[copies + a];
        const gain = -swapGrowth(plan, loads, p, q, a, b, shareA, shareB);
        if (gain <= LEAST_GAIN) continue;
        const cost = arrival(plan, q, a) + arrival(plan, p, b) - arrival(plan, p, a) - arrival(plan, q, b);
        const value = worth(gain, cost, isFrugal);
        if (value <= best || cost > movesLeft) continue;
        best = value;
        isSwap = true;
        bestSlot = slot;
        bestOther = at;
        bestCost = cost;
      }
    }
    if (b !== NONE && plan[copies + b] < 2) continue;
    const loss = b === NONE ? 0 : growthOfDropping(plan, loads, q, b);
    dropCopy(plan, loads, slot);
    const back = arrival(plan, q, b);
    const last = q === p ? plan[BALANCE_EXPERTS] : end - start;
    for (let i: u32 = 0; i < last; i++) {
      const a = q === p ? i : plan[expertAt + start + i];
      if (a === NONE || a === b || isHeld(plan, a, q)) continue;
      const gain = -loss - growthOfAdding(plan, loads, q, a);
      if (gain <= LEAST_GAIN) continue;
      const cost = arrival(plan, q, a) - back;
      const value = worth(gain, cost, isFrugal);
      if (value <= best || cost > movesLeft) continue;
      best = value;
      isSwap = false;
      bestSlot = slot;
      bestOther = a;
      bestCost = cost;
    }
    addCopy(plan, loads, slot, b);
  }
  if (!(best > 0)) return NONE;
  if (isSwap) swapCopies(plan, loads, bestSlot, bestOther);
  else replaceCopy(plan, loads, bestSlot, bestOther);
  return <u32>(bestCost + MOST_BACK);
}

/** By how much the excess grows when a copy of `a` on `p` is swapped for one of `b` on `q`. */
function swapGrowth(
  plan: StaticArray<u32>,
  loads: StaticArray<f64>,
  p: u32,
  q: u32,
  a: u32,
  b: u32,
  shareA: f64,
  shareB: f64,
): f64 {
  const experts = plan[BALANCE_EXPERTS];
  const gpus = plan[BALANCE_GPUS];
  let sum = 0.0;
  for (let row: u32 = 0; row < plan[BALANCE_ROWS]; row++) {
    const level = loads[plan[BALANCE_LEVELS_AT] + row];
    const atP = loads[plan[BALANCE_GPU_LOADS_AT] + row * gpus + p];
    const atQ = loads[plan[BALANCE_GPU_LOADS_AT] + row * gpus + q];
    let less = loads[row * experts + a] * shareA;
    if (b !== NONE) less -= loads[row * experts + b] * shareB;
    const change =
      excessOf(atP - less, level) - excessOf(atP, level) + excessOf(atQ + less, level) - excessOf(atQ, level);
    sum += loads[plan[BALANCE_WEIGHTS_AT] + row] * change;
  }
  return sum;
}

/** By how much the excess grows when the copy of `expert` on `gpu`, one of several, is dropped. */
function growthOfDropping(plan: StaticArray<u32>, loads: StaticArray<f64>, gpu: u32, expert: u32): f64 {
  const copies = <f64>plan[plan[BALANCE_COPIES_AT] + expert];
  const share = 1 / (copies - 1) - 1 / copies;
  let sum = 0.0;
  for (let slot = plan[plan[BALANCE_HEAD_AT] + expert]; slot !== NONE; slot = plan[plan[BALANCE_NEXT_AT] + slot]) {
    const holder = plan[plan[BALANCE_GPU_AT] + slot];
    sum += growth(plan, loads, holder, expert, holder === gpu ? -1 / copies : share);
  }
  return sum;
}

function replaceCopy(plan: StaticArray<u32>, loads: StaticArray<f64>, slot: u32, expert: u32): void {
  dropCopy(plan, loads, slot);
  addCopy(plan, loads, slot, expert);
}

/**
 * Shakes a plan: for each two words of `bits` up to `count`, swaps what two slots hold, or has one take another's expert as
 * well, where that is allowed.
 */
export function shakePlan(
  plan: StaticArray<u32>,
  loads: StaticArray<f64>,
  bits: StaticArray<u32>,
  start: u32,
  count: u32,
): void {
  assert(start + 2 * count <= <u32>bits.length, "there are two words a change");
  const slots = plan[BALANCE_SLOTS];
  for (let i: u32 = 0; i < count; i++) {
    const word = bits[start + 2 * i];
    const slot = below(word, slots);
    const other = below(bits[start + 2 * i + 1], slots);
    const p = plan[plan[BALANCE_GPU_AT] + slot];
    const q = plan[plan[BALANCE_GPU_AT] + other];
    const a = plan[plan[BALANCE_EXPERT_AT] + slot];
    const b = plan[plan[BALANCE_EXPERT_AT] + other];
    if (p === q || b === NONE || isHeld(plan, b, p)) continue;
    if ((word & 1) !== 0 && (a === NONE || plan[plan[BALANCE_COPIES_AT] + a] > 1)) replaceCopy(plan, loads, slot, b);
    else if (a !== NONE && !isHeld(plan, a, q)) swapCopies(plan, loads, slot, other);
  }
}

/** Gives experts that have no copy one each: in an empty slot, or in that of another expert's copy, where it adds the least. */
export function mendPlan(plan: StaticArray<u32>, loads: StaticArray<f64>): void {
  for (let e: u32 = 0; e < plan[BALANCE_EXPERTS]; e++) {
    if (plan[plan[BALANCE_COPIES_AT] + e] > 0) continue;
    let best = NONE;
    let least = Infinity;
    for (let slot: u32 = 0; slot < plan[BALANCE_SLOTS]; slot++) {
      const q = plan[plan[BALANCE_GPU_AT] + slot];
      const b = plan[plan[BALANCE_EXPERT_AT] + slot];
      if (b !== NONE && plan[plan[BALANCE_COPIES_AT] + b] < 2) continue;
      // A slot that is not in use, or that was changed already, costs no copy that could serve.
      let cost = b === NONE ? 0 : growthOfDropping(plan, loads, q, b);
      dropCopy(plan, loads, slot);
      cost += growth(plan, loads, q, e, 1);
      addCopy(plan, loads, slot, b);
      if (cost >= least) continue;
      least = cost;
      best = slot;
    }
    if (best !== NONE) replaceCopy(plan, loads, best, e);
  }
  loadPlan(plan, loads);
}
