import {
  BALANCE_BASE_AT,
  BALANCE_COPIES_AT,
  BALANCE_EXPERT_AT,
  BALANCE_EXPERTS,
  BALANCE_FIRST_AT,
  BALANCE_GPU_AT,
  BALANCE_GPU_LOADS_AT,
  BALANCE_GPUS,
  BALANCE_HEAP_AT,
  BALANCE_KEYS_AT,
  BALANCE_ORDER_AT,
  BALANCE_SLOTS,
  NONE,
} from "./layout";
import { flipHeld, isHeld, link, loadPlan, sumLoads } from "./plan";

// A layer's plan from nothing: how many copies, the heaviest first to the least loaded, then swaps on the busiest GPU.

/** Fills all slots: one more copy of what is heaviest a copy, until there are enough; then the heaviest copies first, each
 *  expert's at once, on the least loaded GPUs with room. `loads` are of the first row. */
export function packPlan(plan: StaticArray<u32>, loads: StaticArray<f64>): void {
  const gpus = plan[BALANCE_GPUS];
  const first = plan[BALANCE_FIRST_AT];
  const expertAt = plan[BALANCE_EXPERT_AT];
  const order = plan[BALANCE_ORDER_AT];
  const heap = plan[BALANCE_HEAP_AT];
  const keys = plan[BALANCE_KEYS_AT];
  const experts = plan[BALANCE_EXPERTS];
  countCopies(plan, loads);
  for (let slot: u32 = 0; slot < plan[BALANCE_SLOTS]; slot++) plan[expertAt + slot] = NONE;
  // Experts in ascending order of their copies' loads: what leaves the heap comes last.
  for (let end = experts; end > 1; ) swapOut(plan, loads, heap, --end);
  for (let i: u32 = 0; i < experts; i++) plan[plan[BALANCE_GPU_AT] + i] = plan[heap + i];
  // Now a heap of GPUs, the least loaded on top: keys are their loads, below 0.
  let open: u32 = 0;
  for (let g: u32 = 0; g < gpus; g++) {
    plan[order + g] = plan[first + g];
    loads[keys + g] = -loads[plan[BALANCE_BASE_AT] + g];
    if (plan[first + g] < plan[first + g + 1]) plan[heap + open++] = g;
  }
  for (let i = open >> 1; i > 0; ) sink(plan, loads, heap, --i, open);
  for (let i: u32 = 0; i < experts; i++) {
    const expert = plan[plan[BALANCE_GPU_AT] + i];
    const copies = min(plan[plan[BALANCE_COPIES_AT] + expert], open);
    const load = loads[expert] / <f64>copies;
    // The lightest `copies` GPUs leave the heap, so no GPU takes two; they stand behind it and come back with more.
    const rest = open - copies;
    for (let end = open; end > rest; ) swapOut(plan, loads, heap, --end);
    const all = open;
    open = rest;
    for (let j = rest; j < all; j++) {
      const gpu = plan[heap + j];
      plan[expertAt + plan[order + gpu]++] = expert;
      loads[keys + gpu] -= load;
      if (plan[order + gpu] === plan[first + gpu + 1]) continue;
      plan[heap + open] = gpu;
      rise(plan, loads, heap, open++);
    }
  }
  loadPlan(plan, loads);
  for (let slot: u32 = 0; slot < plan[BALANCE_SLOTS]; slot++)
    if (plan[expertAt + slot] === NONE) fill(plan, loads, slot);
  sumLoads(plan, loads);
}

/** Copies of each expert, as many as there are slots in all but at most one a GPU; leaves the heap of experts. */
function countCopies(plan: StaticArray<u32>, loads: StaticArray<f64>): void {
  const experts = plan[BALANCE_EXPERTS];
  const copies = plan[BALANCE_COPIES_AT];
  const heap = plan[BALANCE_HEAP_AT];
  const keys = plan[BALANCE_KEYS_AT];
  for (let e: u32 = 0; e < experts; e++) {
    plan[copies + e] = 1;
    plan[heap + e] = e;
    loads[keys + e] = loads[e];
  }
  for (let i = experts >> 1; i > 0; ) sink(plan, loads, heap, --i, experts);
  for (let more = plan[BALANCE_SLOTS] - experts; more > 0; more--) {
    const expert = plan[heap];
    if (loads[keys + expert] < 0) break; // each is on every GPU
    const next = ++plan[copies + expert];
    loads[keys + expert] = next < plan[BALANCE_GPUS] ? loads[expert] / <f64>next : -1;
    sink(plan, loads, heap, 0, experts);
  }
  // Sorting takes from the top what comes last, so there the keys are the other way round.
  for (let e: u32 = 0; e < experts; e++) loads[keys + e] = -loads[e] / <f64>plan[copies + e];
  for (let i = experts >> 1; i > 0; ) sink(plan, loads, heap, --i, experts);
}

/** Puts into an empty slot what is heaviest a copy of what its GPU does not hold. */
function fill(plan: StaticArray<u32>, loads: StaticArray<f64>, slot: u32): void {
  const gpu = plan[plan[BALANCE_GPU_AT] + slot];
  let best = NONE;
  let most = -1.0;
  for (let e: u32 = 0; e < plan[BALANCE_EXPERTS]; e++) {
    const load = loads[e] / <f64>plan[plan[BALANCE_COPIES_AT] + e];
    if (load <= most || isHeld(plan, e, gpu)) continue;
    most = load;
    best = e;
  }
  if (best !== NONE) link(plan, slot, best);
}

/** Of two in a heap: the greater key is nearer the top, of equal ones the lower number. */
function isAbove(loads: StaticArray<f64>, keys: u32, a: u32, b: u32): bool {
  return loads[keys + a] > loads[keys + b] || (loads[keys + a] === loads[keys + b] && a < b);
}

function sink(plan: StaticArray<u32>, loads: StaticArray<f64>, heap: u32, at: u32, end: u32): void {
  const keys = plan[BALANCE_KEYS_AT];
  const item = plan[heap + at];
  for (let child: u32 = 2 * at + 1; child < end; child = 2 * at + 1) {
    if (child + 1 < end && isAbove(loads, keys, plan[heap + child + 1], plan[heap + child])) child++;
    if (!isAbove(loads, keys, plan[heap + child], item)) break;
    plan[heap + at] = plan[heap + child];
    at = child;
  }
  plan[heap + at] = item;
}

function rise(plan: StaticArray<u32>, loads: StaticArray<f64>, heap: u32, at: u32): void {
  const keys = plan[BALANCE_KEYS_AT];
  const item = plan[heap + at];
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!isAbove(loads, keys, item, plan[heap + parent])) break;
    plan[heap + at] = plan[heap + parent];
    at = parent;
  }
  plan[heap + at] = item;
}

/** Moves the top of a heap of `end + 1` behind it, to `end`. */
function swapOut(plan: StaticArray<u32>, loads: StaticArray<f64>, heap: u32, end: u32): void {
  const top = plan[heap];
  plan[heap] = plan[heap + end];
  plan[heap + end] = top;
  sink(plan, loads, heap, 0, end);
}

/**
 * Swaps copies between the busiest GPU and another, each time the pair that levels the two best, until the busiest bears at
 * most `aim`, no swap helps, or `steps` are done. Returns how many were done.
 */
export function levelGpus(plan: StaticArray<u32>, loads: StaticArray<f64>, aim: f64, steps: i32): i32 {
  const gpus = plan[BALANCE_GPUS];
  const order = plan[BALANCE_ORDER_AT];
  const keys = plan[BALANCE_KEYS_AT];
  const gpuLoads = plan[BALANCE_GPU_LOADS_AT];
  for (let e: u32 = 0; e < plan[BALANCE_EXPERTS]; e++)
    loads[keys + e] = loads[e] / <f64>plan[plan[BALANCE_COPIES_AT] + e];
  for (let g: u32 = 0; g < gpus; g++) {
    sortSlots(plan, loads, g);
    plan[order + g] = g;
    settle(plan, loads, g, g + 1);
  }
  let step = 0;
  for (; step < steps; step++) {
    const busiest = plan[order + gpus - 1];
    if (loads[gpuLoads + busiest] <= aim || !swapBest(plan, loads, busiest, aim)) break;
  }
  loadPlan(plan, loads);
  return step;
}

/** The load of one copy of what a slot holds. */
function loadIn(plan: StaticArray<u32>, loads: StaticArray<f64>, slot: u32): f64 {
  const expert = plan[plan[BALANCE_EXPERT_AT] + slot];
  return expert === NONE ? 0 : loads[plan[BALANCE_KEYS_AT] + expert];
}

/** Makes the one swap of a copy on GPU `p` that levels best; false if none does. */
function swapBest(plan: StaticArray<u32>, loads: StaticArray<f64>, p: u32, aim: f64): bool {
  const first = plan[BALANCE_FIRST_AT];
  const expertAt = plan[BALANCE_EXPERT_AT];
  const order = plan[BALANCE_ORDER_AT];
  const gpuLoads = plan[BALANCE_GPU_LOADS_AT];
  const load = loads[gpuLoads + p];
  let best = load;
  let from: u32 = 0;
  let to: u32 = 0;
  let partner: u32 = 0;
  for (let place: u32 = 0; place < plan[BALANCE_GPUS] - 1; place++) {
    const q = plan[order + place];
    const other = loads[gpuLoads + q];
    // At best two are level, and the next ones are busier.
    if (best <= aim || (load + other) * 0.5 >= best) break;
    const apart = load - other;
    let i = plan[first + p];
    let j = plan[first + q];
    while (i < plan[first + p + 1] && j < plan[first + q + 1]) {
      const less = loadIn(plan, loads, i) - loadIn(plan, loads, j);
      const top = max(load - less, other + less);
      if (top < best && isSwappable(plan, p, plan[expertAt + j]) && isSwappable(plan, q, plan[expertAt + i])) {
        best = top;
        from = i;
        to = j;
        partner = q;
      }
      if (less + less > apart) i++;
      else j++;
    }
  }
  if (!(best < load)) return false;
  const less = loadIn(plan, loads, from) - loadIn(plan, loads, to);
  exchange(plan, p, partner, from, to);
  loads[gpuLoads + p] -= less;
  loads[gpuLoads + partner] += less;
  sortSlots(plan, loads, p);
  sortSlots(plan, loads, partner);
  settle(plan, loads, placeOf(plan, p), plan[BALANCE_GPUS]);
  settle(plan, loads, placeOf(plan, partner), plan[BALANCE_GPUS]);
  return true;
}

function isSwappable(plan: StaticArray<u32>, gpu: u32, expert: u32): bool {
  return expert === NONE || !isHeld(plan, expert, gpu);
}

/** Swaps what two slots of GPUs `p` and `q` hold. */
function exchange(plan: StaticArray<u32>, p: u32, q: u32, from: u32, to: u32): void {
  const expertAt = plan[BALANCE_EXPERT_AT];
  const expert = plan[expertAt + from];
  const other = plan[expertAt + to];
  plan[expertAt + from] = other;
  plan[expertAt + to] = expert;
  flipHeld(plan, expert, p);
  flipHeld(plan, expert, q);
  if (other === NONE) return;
  flipHeld(plan, other, p);
  flipHeld(plan, other, q);
}

/** Sorts the slots of a GPU, the heaviest copy first; they are nearly so already. */
function sortSlots(plan: StaticArray<u32>, loads: StaticArray<f64>, gpu: u32): void {
  const start = plan[plan[BALANCE_FIRST_AT] + gpu];
  const end = plan[plan[BALANCE_FIRST_AT] + gpu + 1];
  const expertAt = plan[BALANCE_EXPERT_AT];
  for (let i = start + 1; i < end; i++) {
    const expert = plan[expertAt + i];
    const load = loadIn(plan, loads, i);
    let at = i;
    for (; at > start && loadIn(plan, loads, at - 1) < load; at--) plan[expertAt + at] = plan[expertAt + at - 1];
    plan[expertAt + at] = expert;
  }
}

/** Where a GPU stands in the order of loads. */
function placeOf(plan: StaticArray<u32>, gpu: u32): u32 {
  let place: u32 = 0;
  while (plan[plan[BALANCE_ORDER_AT] + place] !== gpu) place++;
  return place;
}

/** Moves the GPU at `place` to where it belongs among the `end` GPUs in ascending order of loads. */
function settle(plan: StaticArray<u32>, loads: StaticArray<f64>, place: u32, end: u32): void {
  const order = plan[BALANCE_ORDER_AT];
  const gpuLoads = plan[BALANCE_GPU_LOADS_AT];
  const gpu = plan[order + place];
  const load = loads[gpuLoads + gpu];
  for (; place > 0 && loads[gpuLoads + plan[order + place - 1]] > load; place--)
    plan[order + place] = plan[order + place - 1];
  for (; place + 1 < end && loads[gpuLoads + plan[order + place + 1]] < load; place++)
    plan[order + place] = plan[order + place + 1];
  plan[order + place] = gpu;
}
