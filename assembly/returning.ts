import {
  BALANCE_COPIES_AT,
  BALANCE_EXPERT_AT,
  BALANCE_EXPERTS,
  BALANCE_GPU_AT,
  BALANCE_GPUS,
  BALANCE_SLOTS,
  NONE,
} from "./layout";
import { addCopy, dropCopy, excessOn, isHeld, loadPlan, swapCopies, wasHeld } from "./plan";

/** What excess may grow by when a move is taken back: rounding. */
const SLACK = 1e-12;

/**
 * Takes back moves that are not needed: where a copy came to a GPU, puts back one that was there, or swaps it for one that
 * either GPU had, as long as no excess over the levels comes of it. Tries up to `steps` slots from `start` on; returns the
 * moves that were taken back.
 */
export function takeBackMoves(plan: StaticArray<u32>, loads: StaticArray<f64>, start: u32, steps: u32): i32 {
  const end = min(start + steps, plan[BALANCE_SLOTS]);
  let back = 0;
  for (let slot = start; slot < end; slot++) {
    const expert = plan[plan[BALANCE_EXPERT_AT] + slot];
    const gpu = plan[plan[BALANCE_GPU_AT] + slot];
    if (expert === NONE || wasHeld(plan, expert, gpu)) continue;
    if (putBack(plan, loads, slot)) back++;
    else back += swapBack(plan, loads, slot);
  }
  loadPlan(plan, loads);
  return back;
}

function excessOfAll(plan: StaticArray<u32>, loads: StaticArray<f64>): f64 {
  let sum = 0.0;
  for (let g: u32 = 0; g < plan[BALANCE_GPUS]; g++) sum += excessOn(plan, loads, g);
  return sum;
}

/** Puts an expert back that the slot's GPU had, in place of a copy that is not the only one. */
function putBack(plan: StaticArray<u32>, loads: StaticArray<f64>, slot: u32): bool {
  const gpu = plan[plan[BALANCE_GPU_AT] + slot];
  const expert = plan[plan[BALANCE_EXPERT_AT] + slot];
  if (plan[plan[BALANCE_COPIES_AT] + expert] < 2) return false;
  const most = excessOfAll(plan, loads) + SLACK;
  dropCopy(plan, loads, slot);
  for (let e: u32 = 0; e < plan[BALANCE_EXPERTS]; e++) {
    if (!wasHeld(plan, e, gpu) || isHeld(plan, e, gpu)) continue;
    addCopy(plan, loads, slot, e);
    if (excessOfAll(plan, loads) <= most) return true;
    dropCopy(plan, loads, slot);
  }
  addCopy(plan, loads, slot, expert);
  return false;
}

/** Swaps the slot's copy for another, so that fewer have moved; returns how many fewer. */
function swapBack(plan: StaticArray<u32>, loads: StaticArray<f64>, slot: u32): i32 {
  const expertAt = plan[BALANCE_EXPERT_AT];
  const p = plan[plan[BALANCE_GPU_AT] + slot];
  const a = plan[expertAt + slot];
  const most = excessOfAll(plan, loads) + SLACK;
  for (let other: u32 = 0; other < plan[BALANCE_SLOTS]; other++) {
    const q = plan[plan[BALANCE_GPU_AT] + other];
    const b = plan[expertAt + other];
    if (q === p || isHeld(plan, a, q) || (b !== NONE && isHeld(plan, b, p))) continue;
    let fewer = 1 - (wasHeld(plan, a, q) ? 0 : 1);
    if (b !== NONE) fewer += (wasHeld(plan, b, q) ? 0 : 1) - (wasHeld(plan, b, p) ? 0 : 1);
    if (fewer <= 0) continue;
    swapCopies(plan, loads, slot, other);
    if (excessOfAll(plan, loads) <= most) return fewer;
    swapCopies(plan, loads, slot, other);
  }
  return 0;
}
