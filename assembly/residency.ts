import { NONE, PINNED, TALLY_ACCESSES, TALLY_HITS, TALLY_PHASE, TALLY_READ_BYTES } from "./layout";
import { drawBits } from "./random";

// Caches of experts. A block is an expert of a layer, and a group is what shares a budget: all blocks, or those of one layer.
// Groups are of equal size and lie one behind the other. An event asks for distinct blocks of one group; what it misses is
// admitted first, then others go until the group is within its budget. Every kernel here returns how many events it has dealt
// with: fewer than there are where the next one names a block twice, or one of no group or of another.

/** Words of a block, or of a group's end, in the list by recency. */
const NEWER = 0;
const OLDER = 1;

/**
 * Replays events on caches that evict what was used least recently. `links` are a ring a group, whose end lies behind all
 * blocks: newer than the end is the oldest block.
 *
 *     end <-> oldest <-> ... <-> newest <-> end
 */
export function replayRecent(
  tally: StaticArray<f64>,
  isHit: StaticArray<u32>,
  blocks: StaticArray<u32>,
  starts: StaticArray<u32>,
  phases: StaticArray<u32>,
  bytes: StaticArray<f64>,
  usedBytes: StaticArray<f64>,
  links: StaticArray<u32>,
  stamps: StaticArray<u32>,
  eventCount: i32,
  firstStamp: u32,
  budgetBytes: f64,
): i32 {
  const stride: u32 = bytes.length / usedBytes.length;
  for (let event = 0; event < eventCount; event++) {
    const start = starts[event];
    const end = min<u32>(starts[event + 1], blocks.length);
    if (start >= end) continue;
    const stamp = firstStamp + event;
    const group = min<u32>(blocks[start] / stride, usedBytes.length - 1);
    const first = group * stride;
    const ring = bytes.length + group;
    let used = usedBytes[group];
    let hits = 0;
    let readBytes = 0.0;
    for (let i = start; i < end; i++) {
      const block = blocks[i];
      if (block - first >= stride || stamps[block] === stamp) return event;
      stamps[block] = stamp;
      const newer = links[2 * block + NEWER];
      isHit[i] = u32(newer !== NONE);
      if (newer === NONE) {
        readBytes += bytes[block];
      } else {
        hits++;
        if (newer === PINNED) continue;
        unlink(links, block);
      }
      const newest = links[2 * ring + OLDER];
      links[2 * newest + NEWER] = block;
      links[2 * block + OLDER] = newest;
      links[2 * block + NEWER] = ring;
      links[2 * ring + OLDER] = block;
    }
    used += readBytes;
    while (used > budgetBytes) {
      const oldest = links[2 * ring + NEWER];
      if (oldest === ring || stamps[oldest] === stamp) break;
      unlink(links, oldest);
      links[2 * oldest + NEWER] = NONE;
      used -= bytes[oldest];
    }
    usedBytes[group] = used;
    tallyEvent(tally, phases[event], end - start, hits, readBytes);
  }
  return eventCount;
}

function unlink(links: StaticArray<u32>, block: u32): void {
  const newer = links[2 * block + NEWER];
  const older = links[2 * block + OLDER];
  links[2 * older + NEWER] = newer;
  links[2 * newer + OLDER] = older;
}

/** Adds what came of an event; a phase other than 0 is decode. */
export function tallyEvent(tally: StaticArray<f64>, phase: u32, accesses: f64, hits: f64, readBytes: f64): void {
  const at = phase === 0 ? 0 : TALLY_PHASE;
  tally[at + TALLY_ACCESSES] += accesses;
  tally[at + TALLY_HITS] += hits;
  tally[at + TALLY_READ_BYTES] += readBytes;
}

/**
 * Replays events on caches that evict anything with equal chance. Of each group `residents` lists what it holds, `counts` of
 * them; those of the event under way are moved to the end of the list, so that a draw falls on the others. `cursor` counts
 * the words that were taken from `bits`.
 */
export function replayRandom(
  tally: StaticArray<f64>,
  isHit: StaticArray<u32>,
  blocks: StaticArray<u32>,
  starts: StaticArray<u32>,
  phases: StaticArray<u32>,
  bytes: StaticArray<f64>,
  usedBytes: StaticArray<f64>,
  residents: StaticArray<u32>,
  places: StaticArray<u32>,
  counts: StaticArray<u32>,
  stamps: StaticArray<u32>,
  bits: StaticArray<u32>,
  random: StaticArray<u32>,
  cursor: StaticArray<u32>,
  eventCount: i32,
  firstStamp: u32,
  budgetBytes: f64,
): i32 {
  const stride: u32 = bytes.length / usedBytes.length;
  for (let event = 0; event < eventCount; event++) {
    const start = starts[event];
    const end = min<u32>(starts[event + 1], blocks.length);
    if (start >= end) continue;
    const stamp = firstStamp + event;
    const group = min<u32>(blocks[start] / stride, usedBytes.length - 1);
    const first = group * stride;
    let others = counts[group];
    let hits = 0;
    let readBytes = 0.0;
    for (let i = start; i < end; i++) {
      const block = blocks[i];
      if (block - first >= stride || stamps[block] === stamp) return event;
      stamps[block] = stamp;
      isHit[i] = u32(places[block] !== NONE);
      if (places[block] === NONE) {
        readBytes += bytes[block];
        place(residents, places, first, counts[group]++, block);
      } else {
        hits++;
        if (places[block] !== PINNED) swap(residents, places, first, places[block], --others);
      }
    }
    let used = usedBytes[group] + readBytes;
    while (used > budgetBytes && others > 0) {
      const drawn = <u32>((<u64>nextBits(bits, random, cursor) * others) >> 32);
      const victim = residents[first + drawn];
      const last = --counts[group];
      // The last of the others closes the gap, and the last of all closes that of the last of the others.
      place(residents, places, first, drawn, residents[first + --others]);
      if (others < last) place(residents, places, first, others, residents[first + last]);
      places[victim] = NONE;
      used -= bytes[victim];
    }
    usedBytes[group] = used;
    tallyEvent(tally, phases[event], end - start, hits, readBytes);
  }
  return eventCount;
}

function place(residents: StaticArray<u32>, places: StaticArray<u32>, first: u32, at: u32, block: u32): void {
  residents[first + at] = block;
  places[block] = at;
}

function swap(residents: StaticArray<u32>, places: StaticArray<u32>, first: u32, a: u32, b: u32): void {
  const block = residents[first + a];
  place(residents, places, first, a, residents[first + b]);
  place(residents, places, first, b, block);
}

function nextBits(bits: StaticArray<u32>, random: StaticArray<u32>, cursor: StaticArray<u32>): u32 {
  const at = cursor[0]++ % bits.length;
  if (at === 0) drawBits(bits, random);
  return bits[at];
}
