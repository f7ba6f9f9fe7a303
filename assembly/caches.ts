import { NONE, PINNED } from "./layout";
import { whole } from "./places";
import {
  GPU,
  GPU_LAYER,
  GPU_TALLY_AT,
  IN_FLIGHT,
  LAYER,
  LAYER_EXPERT_BYTES,
  SIM_BUDGET_BYTES,
  SIM_DEMAND_AT,
  SIM_DEMAND_MOST,
  SIM_EXPERTS,
  SIM_GPUS_AT,
  SIM_GROUPS,
  SIM_LAYERS,
  SIM_LAYERS_AT,
  SIM_RINGS_AT,
  SIM_STARTS_AT,
  SIM_UNUSED_AT,
  SIM_USED_AT,
  TALLY_WASTED_BYTES,
} from "./simulation-layout";

// What each GPU holds beyond what is placed there: caches by recency (see residency.ts), of all layers or one a layer. A load's
// room is taken when it is posted, so what is on its way counts, and cannot be evicted.

/** Words of a block, or of a ring's end, in the list by recency: its newer neighbour (or PINNED, IN_FLIGHT, NONE), its older one. */
export const NEWER = 0;
export const OLDER = 1;

/** Where a GPU's block is in the rings. */
export function ringAt(state: StaticArray<f64>, gpu: u32, block: u32): u32 {
  const stride = whole(state, SIM_LAYERS) * whole(state, SIM_EXPERTS) + whole(state, SIM_GROUPS);
  return (whole(state, SIM_RINGS_AT) + gpu * stride + block) * 2;
}

/** The bytes of a block. */
export function bytesOf(state: StaticArray<f64>, block: u32): f64 {
  return state[whole(state, SIM_LAYERS_AT) + (block / whole(state, SIM_EXPERTS)) * LAYER + LAYER_EXPERT_BYTES];
}

/** Makes a block that is held the one used last. */
export function touch(state: StaticArray<f64>, gpu: u32, block: u32): void {
  const words = changetype<StaticArray<u32>>(state);
  const at = ringAt(state, gpu, block);
  if (words[at + NEWER] === PINNED) return;
  unlink(state, gpu, at);
  append(state, gpu, block);
}

/** Puts a block that has come where it is the one used last. */
export function append(state: StaticArray<f64>, gpu: u32, block: u32): void {
  const words = changetype<StaticArray<u32>>(state);
  const ring = endOf(state, block);
  const end = ringAt(state, gpu, ring);
  const at = ringAt(state, gpu, block);
  const newest = words[end + OLDER];
  words[ringAt(state, gpu, newest) + NEWER] = block;
  words[at + OLDER] = newest;
  words[at + NEWER] = ring;
  words[end + OLDER] = block;
}

/** Marks a block that came before anybody asked for it, or counts it as used. */
export function markUnused(state: StaticArray<f64>, gpu: u32, block: u32, isUnused: bool): void {
  const bit = unusedBit(state, gpu, block);
  const words = changetype<StaticArray<u32>>(state);
  if (isUnused) words[bit] |= 1 << (block & 31);
  else words[bit] &= ~(1 << (block & 31));
}

export function isUnused(state: StaticArray<f64>, gpu: u32, block: u32): bool {
  return (changetype<StaticArray<u32>>(state)[unusedBit(state, gpu, block)] & (1 << (block & 31))) !== 0;
}

/** Takes room for a block that is on its way, load `load`. */
export function reserve(state: StaticArray<f64>, gpu: u32, block: u32, load: u32): void {
  const words = changetype<StaticArray<u32>>(state);
  const at = ringAt(state, gpu, block);
  words[at + NEWER] = IN_FLIGHT;
  words[at + OLDER] = load;
  state[usedAt(state, gpu, block)] += bytesOf(state, block);
}

/** Has the caches that hold what `block` is of evict what was used least recently until they are within their budget. */
export function evict(state: StaticArray<f64>, gpu: u32, block: u32): void {
  const words = changetype<StaticArray<u32>>(state);
  const used = usedAt(state, gpu, block);
  const ring = endOf(state, block);
  const end = ringAt(state, gpu, ring);
  while (state[used] > state[SIM_BUDGET_BYTES]) {
    const oldest = words[end + NEWER];
    if (oldest === ring || isAsked(state, gpu, oldest)) return;
    const at = ringAt(state, gpu, oldest);
    unlink(state, gpu, at);
    words[at + NEWER] = NONE;
    const bytes = bytesOf(state, oldest);
    state[used] -= bytes;
    if (isUnused(state, gpu, oldest)) {
      markUnused(state, gpu, oldest, false);
      state[whole(state, SIM_GPUS_AT) + gpu * GPU + GPU_TALLY_AT + TALLY_WASTED_BYTES] += bytes;
    }
  }
}

/** What a prefetch would put out: the bytes by which a block would exceed the budget. */
export function lackingBytes(state: StaticArray<f64>, gpu: u32, block: u32): f64 {
  return state[usedAt(state, gpu, block)] + bytesOf(state, block) - state[SIM_BUDGET_BYTES];
}

/** Whether a GPU's present layer asks for a block: then it stays. */
function isAsked(state: StaticArray<f64>, gpu: u32, block: u32): bool {
  const words = changetype<StaticArray<u32>>(state);
  const layer = words[(whole(state, SIM_GPUS_AT) + gpu * GPU + GPU_LAYER) * 2];
  if (block / whole(state, SIM_EXPERTS) !== layer) return false;
  const starts = whole(state, SIM_STARTS_AT) * 2 + gpu * (whole(state, SIM_LAYERS) + 1);
  const demand = whole(state, SIM_DEMAND_AT) * 2 + gpu * whole(state, SIM_DEMAND_MOST);
  for (let i = words[starts + layer]; i < words[starts + layer + 1]; i++) if (words[demand + i] === block) return true;
  return false;
}

/** The end of the ring of the caches that hold what `block` is of. */
function endOf(state: StaticArray<f64>, block: u32): u32 {
  const layers = whole(state, SIM_LAYERS);
  const experts = whole(state, SIM_EXPERTS);
  return layers * experts + (whole(state, SIM_GROUPS) === 1 ? 0 : block / experts);
}

function usedAt(state: StaticArray<f64>, gpu: u32, block: u32): u32 {
  const groups = whole(state, SIM_GROUPS);
  return whole(state, SIM_USED_AT) + gpu * groups + (groups === 1 ? 0 : block / whole(state, SIM_EXPERTS));
}

function unlink(state: StaticArray<f64>, gpu: u32, at: u32): void {
  const words = changetype<StaticArray<u32>>(state);
  const newer = words[at + NEWER];
  const older = words[at + OLDER];
  words[ringAt(state, gpu, older) + NEWER] = newer;
  words[ringAt(state, gpu, newer) + OLDER] = older;
}

function unusedBit(state: StaticArray<f64>, gpu: u32, block: u32): u32 {
  const stride = (whole(state, SIM_LAYERS) * whole(state, SIM_EXPERTS) + 63) >> 6;
  return (whole(state, SIM_UNUSED_AT) + gpu * stride) * 2 + (block >> 5);
}
