import { NONE, PINNED, RANK_COUNTED } from "./layout";
import { tallyEvent } from "./residency";

// Caches that evict the resident of the least rank, of equal ones the one used least recently. A binary heap a group: `keys`
// holds rank and clock of last use in the bits of an f64, `heap` the blocks, `places` where in its heap a block is.
//
//     key: | rank: 32 bits | clock: 32 bits |
//
// A counted rank only grows, so a key in such a heap may be of an earlier use: `latest` has that of the last one, and a block is
// put right when it comes first.

/**
 * Replays events on caches by rank. Counted ranks are how often a block was ever asked for, in the cache or not; given ones
 * stand in `ranks` beside each access. `clock` is how many accesses came before.
 */
export function replayRanked(
  tally: StaticArray<f64>,
  isHit: StaticArray<u32>,
  blocks: StaticArray<u32>,
  ranks: StaticArray<u32>,
  starts: StaticArray<u32>,
  phases: StaticArray<u32>,
  bytes: StaticArray<f64>,
  usedBytes: StaticArray<f64>,
  keys: StaticArray<f64>,
  heap: StaticArray<u32>,
  places: StaticArray<u32>,
  counts: StaticArray<u32>,
  stamps: StaticArray<u32>,
  latest: StaticArray<f64>,
  eventCount: i32,
  firstStamp: u32,
  clock: u32,
  budgetBytes: f64,
  ranking: i32,
): i32 {
  const stride: u32 = bytes.length / usedBytes.length;
  for (let event = 0; event < eventCount; event++) {
    const start = starts[event];
    const end = min<u32>(starts[event + 1], blocks.length);
    if (start >= end) continue;
    const stamp = firstStamp + event;
    const group = min<u32>(blocks[start] / stride, usedBytes.length - 1);
    const first = group * stride;
    const size = counts[group];
    let hits = 0;
    let readBytes = 0.0;
    for (let i = start; i < end; i++) {
      const block = blocks[i];
      if (block - first >= stride || stamps[block] === stamp) return event;
      stamps[block] = stamp;
      if (ranking === RANK_COUNTED)
        latest[block] = reinterpret<f64>(keyOf(<u32>(reinterpret<u64>(latest[block]) >> 32) + 1, clock + i));
      const at = places[block];
      isHit[i] = u32(at !== NONE);
      if (at === NONE) {
        readBytes += bytes[block];
      } else {
        hits++;
        if (ranking !== RANK_COUNTED && at !== PINNED)
          settle(keys, heap, places, first, size, at, block, keyOf(ranks[i], clock + i));
      }
    }
    usedBytes[group] += readBytes;
    let hasHole = evict(
      bytes,
      usedBytes,
      keys,
      heap,
      places,
      counts,
      stamps,
      latest,
      first,
      group,
      stamp,
      budgetBytes,
      ranking,
    );
    for (let i = start; i < end; i++) {
      const block = blocks[i];
      if (places[block] !== NONE) continue;
      const key = ranking === RANK_COUNTED ? reinterpret<u64>(latest[block]) : keyOf(ranks[i], clock + i);
      if (hasHole) sink(keys, heap, places, first, counts[group], 0, block, key);
      else rise(keys, heap, places, first, counts[group]++, block, key);
      hasHole = false;
    }
    if (hasHole) closeHole(keys, heap, places, counts, first, group);
    tallyEvent(tally, phases[event], end - start, hits, readBytes);
  }
  return eventCount;
}

/**
 * Has a group's least go until it is within its budget. What leaves a heap's top leaves a hole, for the next to enter: that is one
 * way down instead of one down and one up. Returns whether the last one's hole is still there.
 */
function evict(
  bytes: StaticArray<f64>,
  usedBytes: StaticArray<f64>,
  keys: StaticArray<f64>,
  heap: StaticArray<u32>,
  places: StaticArray<u32>,
  counts: StaticArray<u32>,
  stamps: StaticArray<u32>,
  latest: StaticArray<f64>,
  first: u32,
  group: u32,
  stamp: u32,
  budgetBytes: f64,
  ranking: i32,
): bool {
  let hasHole = false;
  while (usedBytes[group] > budgetBytes && counts[group] > 0) {
    if (hasHole) {
      closeHole(keys, heap, places, counts, first, group);
      hasHole = false;
      continue;
    }
    const victim = heap[first];
    if (ranking === RANK_COUNTED) {
      const key = reinterpret<u64>(latest[victim]);
      if (key !== reinterpret<u64>(keys[first])) {
        sink(keys, heap, places, first, counts[group], 0, victim, key);
        continue;
      }
    }
    // One of this event leaves the heap only until the others have gone.
    if (stamps[victim] !== stamp) usedBytes[group] -= bytes[victim];
    places[victim] = NONE;
    hasHole = true;
  }
  return hasHole;
}

/**
 * Ranks blocks by `scores`, the least first, NaN below all, and gives every resident of the only group the rank of its block.
 * Ranks are the bits of an f32, turned so that they sort as whole numbers.
 */
export function rankByScores(
  blockRanks: StaticArray<u32>,
  scores: StaticArray<f32>,
  keys: StaticArray<f64>,
  heap: StaticArray<u32>,
  places: StaticArray<u32>,
  counts: StaticArray<u32>,
): void {
  for (let block = 0; block < blockRanks.length; block++) {
    // Adding 0 makes one zero of both.
    const score = scores[block] + 0;
    const bits = reinterpret<u32>(score);
    const isNumber = score < 0 || score >= 0;
    blockRanks[block] = isNumber ? bits ^ (bits >> 31 !== 0 ? 0xffffffff : 0x80000000) : 0;
  }
  const size = counts[0];
  for (let at: u32 = 0; at < size; at++)
    keys[at] = reinterpret<f64>(keyOf(blockRanks[heap[at]], <u32>reinterpret<u64>(keys[at])));
  for (let at = <i32>(size / 2) - 1; at >= 0; at--)
    sink(keys, heap, places, 0, size, at, heap[at], reinterpret<u64>(keys[at]));
}

function keyOf(rank: u32, clock: u32): u64 {
  return ((<u64>rank) << 32) | clock;
}

/** Fills the top of a heap with its last. */
function closeHole(
  keys: StaticArray<f64>,
  heap: StaticArray<u32>,
  places: StaticArray<u32>,
  counts: StaticArray<u32>,
  first: u32,
  group: u32,
): void {
  const last = --counts[group];
  if (last > 0) sink(keys, heap, places, first, last, 0, heap[first + last], reinterpret<u64>(keys[first + last]));
}

/** Puts a block with a new key where it belongs, from `at` on. */
function settle(
  keys: StaticArray<f64>,
  heap: StaticArray<u32>,
  places: StaticArray<u32>,
  first: u32,
  size: u32,
  at: u32,
  block: u32,
  key: u64,
): void {
  if (key > reinterpret<u64>(keys[first + at])) sink(keys, heap, places, first, size, at, block, key);
  else rise(keys, heap, places, first, at, block, key);
}

function rise(
  keys: StaticArray<f64>,
  heap: StaticArray<u32>,
  places: StaticArray<u32>,
  first: u32,
  at: u32,
  block: u32,
  key: u64,
): void {
  while (at > 0) {
    const parent = (at - 1) >> 1;
    const above = reinterpret<u64>(keys[first + parent]);
    if (above <= key) break;
    put(keys, heap, places, first, at, heap[first + parent], above);
    at = parent;
  }
  put(keys, heap, places, first, at, block, key);
}

function sink(
  keys: StaticArray<f64>,
  heap: StaticArray<u32>,
  places: StaticArray<u32>,
  first: u32,
  size: u32,
  at: u32,
  block: u32,
  key: u64,
): void {
  for (let child: u32 = 2 * at + 1; child < size; child = 2 * at + 1) {
    let below = reinterpret<u64>(keys[first + child]);
    if (child + 1 < size) {
      const other = reinterpret<u64>(keys[first + child + 1]);
      if (other < below) {
        below = other;
        child++;
      }
    }
    if (key <= below) break;
    put(keys, heap, places, first, at, heap[first + child], below);
    at = child;
  }
  put(keys, heap, places, first, at, block, key);
}

function put(
  keys: StaticArray<f64>,
  heap: StaticArray<u32>,
  places: StaticArray<u32>,
  first: u32,
  at: u32,
  block: u32,
  key: u64,
): void {
  keys[first + at] = reinterpret<f64>(key);
  heap[first + at] = block;
  places[block] = at;
}
