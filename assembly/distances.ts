import { BIN_WORDS, NONE, PINNED } from "./layout";

// Stack distances in bytes (Mattson, Gecsei, Slutz, Traiger, 1970): what a cache by recency must hold for an access to hit. The
// blocks of a group stand in slots in order of last use; a Fenwick tree over the slots sums the bytes of those used since. A
// group has twice as many slots as blocks, so that it is packed only once in as many accesses as it has blocks.

/**
 * Counts accesses and their bytes by the first of the ascending `budgetsBytes` that makes them hits: `bins` holds a row for
 * each budget and one for none of them, for prefill, then for decode. A distance is that before the event and includes the
 * block itself and the group's pinned ones. A block of the group's event before is held whatever the budget: its distance is
 * 0. The least distance of decode goes to `least`.
 */
export function binDistances(
  bins: StaticArray<f64>,
  least: StaticArray<f64>,
  distances: StaticArray<f64>,
  blocks: StaticArray<u32>,
  starts: StaticArray<u32>,
  phases: StaticArray<u32>,
  bytes: StaticArray<f64>,
  budgetsBytes: StaticArray<f64>,
  pinnedBytes: StaticArray<f64>,
  totals: StaticArray<f64>,
  sums: StaticArray<f64>,
  slots: StaticArray<u32>,
  slotBlocks: StaticArray<u32>,
  counts: StaticArray<u32>,
  stamps: StaticArray<u32>,
  groupStamps: StaticArray<u32>,
  eventCount: i32,
  firstStamp: u32,
): i32 {
  const stride: u32 = bytes.length / totals.length;
  for (let event = 0; event < eventCount; event++) {
    const start = starts[event];
    const end = min<u32>(starts[event + 1], blocks.length);
    if (start >= end) continue;
    const stamp = firstStamp + event;
    const group = min<u32>(blocks[start] / stride, totals.length - 1);
    const row = phases[event] === 0 ? 0 : budgetsBytes.length + 1;
    for (let i = start; i < end; i++) {
      const block = blocks[i];
      if (block - group * stride >= stride || stamps[block] === stamp) return event;
      const slot = slots[block];
      let distance: f64 = 0;
      if (slot === NONE) distance = Infinity;
      else if (slot !== PINNED && stamps[block] !== groupStamps[group])
        distance = totals[group] - sumBefore(sums, 2 * stride * group, slot) + pinnedBytes[group];
      stamps[block] = stamp;
      distances[i] = distance;
      if (row > 0 && slot !== PINNED) least[0] = min(least[0], distance);
      const bin = BIN_WORDS * (row + firstAtLeast(budgetsBytes, distance));
      bins[bin] += 1;
      bins[bin + 1] += bytes[block];
    }
    groupStamps[group] = stamp;
    for (let i = start; i < end; i++)
      moveToTop(bytes, totals, sums, slots, slotBlocks, counts, stride, group, blocks[i]);
  }
  return eventCount;
}

/** The place of the first of ascending values that is at least `value`; their number if none is. */
function firstAtLeast(values: StaticArray<f64>, value: f64): i32 {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] >= value) high = middle;
    else low = middle + 1;
  }
  return low;
}

function moveToTop(
  bytes: StaticArray<f64>,
  totals: StaticArray<f64>,
  sums: StaticArray<f64>,
  slots: StaticArray<u32>,
  slotBlocks: StaticArray<u32>,
  counts: StaticArray<u32>,
  stride: u32,
  group: u32,
  block: u32,
): void {
  const slot = slots[block];
  if (slot === PINNED) return;
  const first = 2 * stride * group;
  if (slot === NONE) {
    totals[group] += bytes[block];
  } else {
    slotBlocks[first + slot] = NONE;
    addAt(sums, first, 2 * stride, slot, -bytes[block]);
  }
  slots[block] = NONE;
  if (counts[group] === 2 * stride) pack(bytes, sums, slots, slotBlocks, counts, stride, group);
  const top = counts[group]++;
  slots[block] = top;
  slotBlocks[first + top] = block;
  addAt(sums, first, 2 * stride, top, bytes[block]);
}

/** Moves the blocks of a group down over the slots that are free. */
function pack(
  bytes: StaticArray<f64>,
  sums: StaticArray<f64>,
  slots: StaticArray<u32>,
  slotBlocks: StaticArray<u32>,
  counts: StaticArray<u32>,
  stride: u32,
  group: u32,
): void {
  const first = 2 * stride * group;
  let count: u32 = 0;
  for (let slot: u32 = 0; slot < 2 * stride; slot++) {
    const block = slotBlocks[first + slot];
    sums[first + slot] = 0;
    if (block === NONE) continue;
    slotBlocks[first + slot] = NONE;
    slotBlocks[first + count] = block;
    slots[block] = count++;
  }
  for (let slot: u32 = 0; slot < count; slot++) addAt(sums, first, 2 * stride, slot, bytes[slotBlocks[first + slot]]);
  counts[group] = count;
}

/** The sum of what lies in the slots before `slot`. */
function sumBefore(sums: StaticArray<f64>, first: u32, slot: u32): f64 {
  let sum = 0.0;
  for (let i = slot; i > 0; i &= i - 1) sum += sums[first + i - 1];
  return sum;
}

function addAt(sums: StaticArray<f64>, first: u32, size: u32, slot: u32, addend: f64): void {
  for (let i = slot + 1; i <= size; i += i & (0 - i)) sums[first + i - 1] += addend;
}
