import { addF64, f64Of, setU32, u32Of } from "./fields";
import { bytesOf } from "./gpus";
import { NONE, PINNED } from "./layout";
import { whole } from "./places";
import {
  GPU_DEMAND_AT,
  GPU_LAYER,
  GPU_RINGS_AT,
  GPU_STARTS_AT,
  GPU_UNUSED_AT,
  IN_FLIGHT,
  RING,
  RING_NEWER,
  RING_OLDER,
  SIM_BLOCKS,
  SIM_BUDGET_BYTES,
  SIM_EXPERTS,
  SIM_GROUPS,
  TALLY_WASTED_BYTES,
} from "./simulation-layout";
import { tally } from "./tallies";

// What each GPU holds beyond what is placed there: caches by recency (see residency.ts), of all layers or one a layer. A load's
// room is taken when it is posted, so what is on its way counts, and cannot be evicted. A GPU's blocks lie side by side, behind
// them the ends of its rings, and behind those the bytes that each ring has:
//
//     | block | block | .... | end | end | ... | bytes | bytes | ... |

/** Where a GPU's block, or the end of a ring, is in the rings. */
export function ringAt(gpu: u32, block: u32): u32 {
  return u32Of(gpu, GPU_RINGS_AT) + block * RING;
}

/** Makes a block that is held the one used last. */
export function touch(state: StaticArray<f64>, gpu: u32, block: u32): void {
  const at = ringAt(gpu, block);
  if (u32Of(at, RING_NEWER) === PINNED) return;
  unlink(gpu, at);
  append(state, gpu, block);
}

/** Puts a block that has come where it is the one used last. */
export function append(state: StaticArray<f64>, gpu: u32, block: u32): void {
  const ring = endOf(state, block);
  const end = ringAt(gpu, ring);
  const at = ringAt(gpu, block);
  const newest = u32Of(end, RING_OLDER);
  setU32(ringAt(gpu, newest), RING_NEWER, block);
  setU32(at, RING_OLDER, newest);
  setU32(at, RING_NEWER, ring);
  setU32(end, RING_OLDER, block);
}

/** Marks a block that came before anybody asked for it, or counts it as used. */
export function markUnused(gpu: u32, block: u32, isUnused: bool): void {
  const word = unusedAt(gpu, block);
  const bit: u32 = 1 << (block & 31);
  setU32(word, 0, isUnused ? u32Of(word, 0) | bit : u32Of(word, 0) & ~bit);
}

export function isUnused(gpu: u32, block: u32): bool {
  return (u32Of(unusedAt(gpu, block), 0) & (1 << (block & 31))) !== 0;
}

/** Takes room for a block that is on its way. */
export function reserve(state: StaticArray<f64>, gpu: u32, block: u32, bytes: f64, load: u32): void {
  const at = ringAt(gpu, block);
  setU32(at, RING_NEWER, IN_FLIGHT);
  setU32(at, RING_OLDER, load);
  addF64(usedAt(state, ringAt(gpu, endOf(state, block))), 0, bytes);
}

/** Has the caches that hold what `block` is of evict what was used least recently until they are within their budget. */
export function evict(state: StaticArray<f64>, gpu: u32, block: u32): void {
  const ring = endOf(state, block);
  const end = ringAt(gpu, ring);
  const used = usedAt(state, end);
  while (f64Of(used, 0) > state[SIM_BUDGET_BYTES]) {
    const oldest = u32Of(end, RING_NEWER);
    if (oldest === ring || isAsked(state, gpu, oldest)) return;
    const at = ringAt(gpu, oldest);
    unlink(gpu, at);
    setU32(at, RING_NEWER, NONE);
    const bytes = bytesOf(state, oldest);
    addF64(used, 0, -bytes);
    if (isUnused(gpu, oldest)) {
      markUnused(gpu, oldest, false);
      tally(gpu, TALLY_WASTED_BYTES, bytes);
    }
  }
}

/** What a prefetch would put out: the bytes by which a block would exceed the budget. */
export function lackingBytes(state: StaticArray<f64>, gpu: u32, block: u32, bytes: f64): f64 {
  return f64Of(usedAt(state, ringAt(gpu, endOf(state, block))), 0) + bytes - state[SIM_BUDGET_BYTES];
}

/** Whether a GPU's present layer asks for a block: then it stays. */
function isAsked(state: StaticArray<f64>, gpu: u32, block: u32): bool {
  const layer = u32Of(gpu, GPU_LAYER);
  if (block / whole(state, SIM_EXPERTS) !== layer) return false;
  const starts = u32Of(gpu, GPU_STARTS_AT) + layer * 4;
  const demand = u32Of(gpu, GPU_DEMAND_AT);
  for (let i = u32Of(starts, 0); i < u32Of(starts, 4); i++) if (u32Of(demand + i * 4, 0) === block) return true;
  return false;
}

/** The end of the ring of the caches that hold what `block` is of. */
function endOf(state: StaticArray<f64>, block: u32): u32 {
  return whole(state, SIM_BLOCKS) + (whole(state, SIM_GROUPS) === 1 ? 0 : block / whole(state, SIM_EXPERTS));
}

/** Where the bytes are that the caches of a ring hold. */
function usedAt(state: StaticArray<f64>, end: u32): u32 {
  return end + whole(state, SIM_GROUPS) * RING;
}

function unlink(gpu: u32, at: u32): void {
  const newer = u32Of(at, RING_NEWER);
  const older = u32Of(at, RING_OLDER);
  setU32(ringAt(gpu, older), RING_NEWER, newer);
  setU32(ringAt(gpu, newer), RING_OLDER, older);
}

function unusedAt(gpu: u32, block: u32): u32 {
  return u32Of(gpu, GPU_UNUSED_AT) + (block >> 5) * 4;
}
