import { KEY_LINE, NONE, PINNED } from "./layout";
import { tallyEvent } from "./residency";

// LFU where groups are small, as those of one layer are: what goes is found by looking at all residents of the group, four lines of
// cache for 32 of them, with hardly a branch to guess wrong. A replay with a heap of 60 takes half as long again. Residents of a
// group lie side by side, whatever lies behind them has a key of Infinity:
//
//     key: | count + 2^20: 32 bits | clock: 32 bits |     a positive f64 that is no denormal, and sorts as its bits do

const FIRST_RANK: u32 = 0x100000;
/** Counts end here, where the next would be no number: 2 billion accesses of one block. */
const MOST_RANK: u32 = 0x7fefffff;

/**
 * Replays events on caches that evict what was asked for least often, in the cache or not; of equal ones the one used least
 * recently. `clock` is how many accesses came before.
 */
export function replayCounted(
  tally: StaticArray<f64>,
  isHit: StaticArray<u32>,
  blocks: StaticArray<u32>,
  starts: StaticArray<u32>,
  phases: StaticArray<u32>,
  bytes: StaticArray<f64>,
  usedBytes: StaticArray<f64>,
  keys: StaticArray<f64>,
  residents: StaticArray<u32>,
  places: StaticArray<u32>,
  counts: StaticArray<u32>,
  stamps: StaticArray<u32>,
  asked: StaticArray<u32>,
  eventCount: i32,
  firstStamp: u32,
  clock: u32,
  budgetBytes: f64,
): i32 {
  const stride: u32 = bytes.length / usedBytes.length;
  const groupPlaces: u32 = keys.length / usedBytes.length;
  for (let event = 0; event < eventCount; event++) {
    const start = starts[event];
    const end = min<u32>(starts[event + 1], blocks.length);
    if (start >= end) continue;
    const stamp = firstStamp + event;
    const group = min<u32>(blocks[start] / stride, usedBytes.length - 1);
    const first = group * groupPlaces;
    let hits = 0;
    let readBytes = 0.0;
    for (let i = start; i < end; i++) {
      const block = blocks[i];
      if (block - group * stride >= stride || stamps[block] === stamp) return event;
      stamps[block] = stamp;
      asked[block]++;
      const place = places[block];
      isHit[i] = u32(place !== NONE);
      if (place === NONE) {
        readBytes += bytes[block];
      } else {
        hits++;
        // Until the others have gone, none of the event has a key by which it could go.
        if (place !== PINNED) keys[first + place] = Infinity;
      }
    }
    usedBytes[group] += readBytes;
    if (usedBytes[group] > budgetBytes)
      evict(keys, residents, places, counts, bytes, usedBytes, first, group, budgetBytes);
    for (let i = start; i < end; i++) {
      const block = blocks[i];
      if (places[block] === PINNED) continue;
      if (places[block] === NONE) {
        places[block] = counts[group]++;
        residents[first + places[block]] = block;
      }
      const rank = min<u32>(asked[block] + FIRST_RANK, MOST_RANK);
      keys[first + places[block]] = reinterpret<f64>(((<u64>rank) << 32) | (clock + i));
    }
    tallyEvent(tally, phases[event], end - start, hits, readBytes);
  }
  return eventCount;
}

/** Has the residents of least keys go until the group is within its budget, or none has a key. */
function evict(
  keys: StaticArray<f64>,
  residents: StaticArray<u32>,
  places: StaticArray<u32>,
  counts: StaticArray<u32>,
  bytes: StaticArray<f64>,
  usedBytes: StaticArray<f64>,
  first: u32,
  group: u32,
  budgetBytes: f64,
): void {
  while (usedBytes[group] > budgetBytes) {
    const key = leastOf(keys, first, counts[group]);
    if (key === Infinity) return;
    const place = placeOf(keys, first, counts[group], key);
    const victim = residents[first + place];
    places[victim] = NONE;
    usedBytes[group] -= bytes[victim];
    const last = --counts[group];
    const moved = residents[first + last];
    if (last !== place) {
      residents[first + place] = moved;
      places[moved] = place;
      keys[first + place] = keys[first + last];
    }
    keys[first + last] = Infinity;
  }
}

/** The least of the first `count` keys from `first` on, which begin a line. */
function leastOf(keys: StaticArray<f64>, first: u32, count: u32): f64 {
  if (ASC_FEATURE_SIMD) {
    const start = changetype<usize>(keys) + ((<usize>first) << 3);
    let a = f64x2.splat(Infinity);
    let b = a;
    for (let at = start; at < start + ((<usize>count) << 3); at += KEY_LINE << 3) {
      a = f64x2.pmin(a, f64x2.pmin(v128.load(at), v128.load(at, 16)));
      b = f64x2.pmin(b, f64x2.pmin(v128.load(at, 32), v128.load(at, 48)));
    }
    a = f64x2.pmin(a, b);
    return f64x2.extract_lane(f64x2.pmin(a, i64x2.shuffle(a, a, 1, 0)), 0);
  }
  let least: f64 = Infinity;
  for (let at = first; at < first + count; at++) least = keys[at] < least ? keys[at] : least;
  return least;
}

/** Where a key that is among the first `count` stands. No two are equal. */
function placeOf(keys: StaticArray<f64>, first: u32, count: u32, key: f64): u32 {
  let place: u32 = 0;
  if (ASC_FEATURE_SIMD) {
    const wanted = f64x2.splat(key);
    for (; place < count; place += KEY_LINE) {
      const at = changetype<usize>(keys) + ((<usize>(first + place)) << 3);
      const low = i32x4.shuffle(f64x2.eq(v128.load(at), wanted), f64x2.eq(v128.load(at, 16), wanted), 0, 2, 4, 6);
      const high = i32x4.shuffle(f64x2.eq(v128.load(at, 32), wanted), f64x2.eq(v128.load(at, 48), wanted), 0, 2, 4, 6);
      const found = i16x8.bitmask(i16x8.narrow_i32x4_s(low, high));
      if (found !== 0) return place + ctz(found);
    }
  }
  while (place < count && keys[first + place] !== key) place++;
  return place;
}
