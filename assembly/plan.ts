import {
  BALANCE_BASE_AT,
  BALANCE_BIT_WORDS,
  BALANCE_COPIES_AT,
  BALANCE_EXPERT_AT,
  BALANCE_EXPERTS,
  BALANCE_FIRST_AT,
  BALANCE_GPU_AT,
  BALANCE_GPU_LOADS_AT,
  BALANCE_GPUS,
  BALANCE_HEAD_AT,
  BALANCE_HELD_AT,
  BALANCE_LEVELS_AT,
  BALANCE_NEXT_AT,
  BALANCE_ROWS,
  BALANCE_SLOTS,
  BALANCE_WAS_AT,
  BALANCE_WEIGHTS_AT,
  NONE,
} from "./layout";

// A plan of one layer: which expert each slot holds. All else (copies, where they are, GPUs' loads) follows from that, and is
// kept up to date by dropping and adding copies one at a time.

/** Works out all that follows from the experts in the slots. Experts that do not exist are taken out of their slots. */
export function loadPlan(plan: StaticArray<u32>, loads: StaticArray<f64>): void {
  const experts = plan[BALANCE_EXPERTS];
  const gpus = plan[BALANCE_GPUS];
  const expertAt = plan[BALANCE_EXPERT_AT];
  for (let e: u32 = 0; e < experts; e++) {
    plan[plan[BALANCE_HEAD_AT] + e] = NONE;
    plan[plan[BALANCE_COPIES_AT] + e] = 0;
  }
  const words = experts * plan[BALANCE_BIT_WORDS];
  for (let i: u32 = 0; i < words; i++) plan[plan[BALANCE_HELD_AT] + i] = 0;
  for (let g: u32 = 0; g < gpus; g++) {
    const end = plan[plan[BALANCE_FIRST_AT] + g + 1];
    for (let slot = plan[plan[BALANCE_FIRST_AT] + g]; slot < end; slot++) {
      plan[plan[BALANCE_GPU_AT] + slot] = g;
      const expert = plan[expertAt + slot];
      plan[expertAt + slot] = NONE;
      if (expert < experts && !isHeld(plan, expert, g)) link(plan, slot, expert);
    }
  }
  sumLoads(plan, loads);
}

/** Adds up what GPUs hold, and bear of other layers. */
export function sumLoads(plan: StaticArray<u32>, loads: StaticArray<f64>): void {
  const gpus = plan[BALANCE_GPUS];
  const gpuLoads = plan[BALANCE_GPU_LOADS_AT];
  for (let i: u32 = 0; i < plan[BALANCE_ROWS] * gpus; i++) loads[gpuLoads + i] = loads[plan[BALANCE_BASE_AT] + i];
  for (let slot: u32 = 0; slot < plan[BALANCE_SLOTS]; slot++) {
    const expert = plan[plan[BALANCE_EXPERT_AT] + slot];
    if (expert === NONE) continue;
    const gpu = plan[plan[BALANCE_GPU_AT] + slot];
    const copies = <f64>plan[plan[BALANCE_COPIES_AT] + expert];
    for (let row: u32 = 0; row < plan[BALANCE_ROWS]; row++)
      loads[gpuLoads + row * gpus + gpu] += loads[row * plan[BALANCE_EXPERTS] + expert] / copies;
  }
}

/** Whether a GPU holds a copy of an expert. */
export function isHeld(plan: StaticArray<u32>, expert: u32, gpu: u32): bool {
  return ((plan[plan[BALANCE_HELD_AT] + expert * plan[BALANCE_BIT_WORDS] + (gpu >> 5)] >> (gpu & 31)) & 1) !== 0;
}

/** Whether a GPU held a copy of an expert in the plan in force. */
export function wasHeld(plan: StaticArray<u32>, expert: u32, gpu: u32): bool {
  return ((plan[plan[BALANCE_WAS_AT] + expert * plan[BALANCE_BIT_WORDS] + (gpu >> 5)] >> (gpu & 31)) & 1) !== 0;
}

/** Says that a GPU holds an expert where it did not, and the other way round. */
export function flipHeld(plan: StaticArray<u32>, expert: u32, gpu: u32): void {
  plan[plan[BALANCE_HELD_AT] + expert * plan[BALANCE_BIT_WORDS] + (gpu >> 5)] ^= 1 << (gpu & 31);
}

/** Puts an expert into an empty slot. */
export function link(plan: StaticArray<u32>, slot: u32, expert: u32): void {
  plan[plan[BALANCE_EXPERT_AT] + slot] = expert;
  plan[plan[BALANCE_NEXT_AT] + slot] = plan[plan[BALANCE_HEAD_AT] + expert];
  plan[plan[BALANCE_HEAD_AT] + expert] = slot;
  plan[plan[BALANCE_COPIES_AT] + expert]++;
  flipHeld(plan, expert, plan[plan[BALANCE_GPU_AT] + slot]);
}

/** Takes the expert out of a slot. */
export function unlink(plan: StaticArray<u32>, slot: u32): void {
  const expert = plan[plan[BALANCE_EXPERT_AT] + slot];
  const next = plan[BALANCE_NEXT_AT];
  let at = plan[BALANCE_HEAD_AT] + expert;
  while (plan[at] !== slot) at = next + plan[at];
  plan[at] = plan[next + slot];
  plan[plan[BALANCE_EXPERT_AT] + slot] = NONE;
  plan[plan[BALANCE_COPIES_AT] + expert]--;
  flipHeld(plan, expert, plan[plan[BALANCE_GPU_AT] + slot]);
}

/** How a GPU beyond its level counts: a little more than in proportion, so that of equal gains the busiest GPU's is taken. */
export function excessOf(load: f64, level: f64): f64 {
  const excess = load - level;
  return excess > 0 ? excess + excess * excess : 0;
}

/** By how much all levels together are exceeded on a GPU. */
export function excessOn(plan: StaticArray<u32>, loads: StaticArray<f64>, gpu: u32): f64 {
  let sum = 0.0;
  for (let row: u32 = 0; row < plan[BALANCE_ROWS]; row++)
    sum +=
      loads[plan[BALANCE_WEIGHTS_AT] + row] *
      excessOf(
        loads[plan[BALANCE_GPU_LOADS_AT] + row * plan[BALANCE_GPUS] + gpu],
        loads[plan[BALANCE_LEVELS_AT] + row],
      );
  return sum;
}

/** By how much the excess on `gpu` grows when its load does by that of `expert` (if any) times `share`. */
export function growth(plan: StaticArray<u32>, loads: StaticArray<f64>, gpu: u32, expert: u32, share: f64): f64 {
  if (expert === NONE) return 0;
  let sum = 0.0;
  for (let row: u32 = 0; row < plan[BALANCE_ROWS]; row++) {
    const load = loads[plan[BALANCE_GPU_LOADS_AT] + row * plan[BALANCE_GPUS] + gpu];
    const level = loads[plan[BALANCE_LEVELS_AT] + row];
    const more = loads[row * plan[BALANCE_EXPERTS] + expert] * share;
    sum += loads[plan[BALANCE_WEIGHTS_AT] + row] * (excessOf(load + more, level) - excessOf(load, level));
  }
  return sum;
}

/** By how much the excess grows when a further copy of `expert` comes to `gpu`. */
export function growthOfAdding(plan: StaticArray<u32>, loads: StaticArray<f64>, gpu: u32, expert: u32): f64 {
  const copies = <f64>plan[plan[BALANCE_COPIES_AT] + expert];
  let sum = growth(plan, loads, gpu, expert, 1 / (copies + 1));
  const share = 1 / (copies + 1) - 1 / copies;
  for (let slot = plan[plan[BALANCE_HEAD_AT] + expert]; slot !== NONE; slot = plan[plan[BALANCE_NEXT_AT] + slot])
    sum += growth(plan, loads, plan[plan[BALANCE_GPU_AT] + slot], expert, share);
  return sum;
}

/** Adds `share` of the load of `expert` to that of `gpu`. */
function bear(plan: StaticArray<u32>, loads: StaticArray<f64>, gpu: u32, expert: u32, share: f64): void {
  for (let row: u32 = 0; row < plan[BALANCE_ROWS]; row++)
    loads[plan[BALANCE_GPU_LOADS_AT] + row * plan[BALANCE_GPUS] + gpu] +=
      loads[row * plan[BALANCE_EXPERTS] + expert] * share;
}

/** Adds `share` of the load of `expert` to that of all who hold it. */
function bearAll(plan: StaticArray<u32>, loads: StaticArray<f64>, expert: u32, share: f64): void {
  for (let slot = plan[plan[BALANCE_HEAD_AT] + expert]; slot !== NONE; slot = plan[plan[BALANCE_NEXT_AT] + slot])
    bear(plan, loads, plan[plan[BALANCE_GPU_AT] + slot], expert, share);
}

/** Puts a copy of `expert` (if any) into an empty slot; all its copies then bear the same. */
export function addCopy(plan: StaticArray<u32>, loads: StaticArray<f64>, slot: u32, expert: u32): void {
  if (expert === NONE) return;
  const copies = <f64>plan[plan[BALANCE_COPIES_AT] + expert];
  if (copies > 0) bearAll(plan, loads, expert, 1 / (copies + 1) - 1 / copies);
  bear(plan, loads, plan[plan[BALANCE_GPU_AT] + slot], expert, 1 / (copies + 1));
  link(plan, slot, expert);
}

/** Takes the copy (if any) out of a slot; those that are left bear its load. */
export function dropCopy(plan: StaticArray<u32>, loads: StaticArray<f64>, slot: u32): void {
  const expert = plan[plan[BALANCE_EXPERT_AT] + slot];
  if (expert === NONE) return;
  const copies = <f64>plan[plan[BALANCE_COPIES_AT] + expert];
  unlink(plan, slot);
  bear(plan, loads, plan[plan[BALANCE_GPU_AT] + slot], expert, -1 / copies);
  if (copies > 1) bearAll(plan, loads, expert, 1 / (copies - 1) - 1 / copies);
}

/** Swaps what two slots hold. */
export function swapCopies(plan: StaticArray<u32>, loads: StaticArray<f64>, slot: u32, other: u32): void {
  const b = plan[plan[BALANCE_EXPERT_AT] + slot];
  const a = plan[plan[BALANCE_EXPERT_AT] + other];
  dropCopy(plan, loads, slot);
  dropCopy(plan, loads, other);
  addCopy(plan, loads, slot, a);
  addCopy(plan, loads, other, b);
}
