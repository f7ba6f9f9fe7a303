import { chooseCopies } from "./copies";
import { occupy, vacate } from "./copyslots";
import { FORCED, NONE, SHAPE_COPIES_MAX, SHAPE_GPUS } from "./layout";

// Experts take the slots of their best sets at prices that are nearly right. Who finds a GPU full turns somebody else out and
// raises its price; who is turned out chooses anew. It is an auction without its guarantee, since slots have one price a GPU.

/**
 * Goes on for up to `bidsMost` choices. `waiting` is a stack of the `count` experts without copies; the return value is how many
 * there are then, or `~expert` if that one has no set at all, or finds a GPU full of those who must be there. `turns` says who is turned out of a GPU next.
 */
export function bidForCopies(
  at: StaticArray<u32>,
  counts: StaticArray<u32>,
  places: StaticArray<u32>,
  holders: StaticArray<u32>,
  used: StaticArray<u32>,
  waiting: StaticArray<u32>,
  turns: StaticArray<u32>,
  prices: StaticArray<f64>,
  chosen: StaticArray<u32>,
  sum: StaticArray<f64>,
  work: StaticArray<f64>,
  marks: StaticArray<u32>,
  rows: StaticArray<f64>,
  flags: StaticArray<u32>,
  tierCosts: StaticArray<f64>,
  shape: StaticArray<u32>,
  firstSlots: StaticArray<u32>,
  bytePrice: f64,
  raise: f64,
  count: i32,
  bidsMost: i32,
): i32 {
  const gpus = shape[SHAPE_GPUS];
  const most = shape[SHAPE_COPIES_MAX];
  for (let bids = 0; bids < bidsMost && count > 0; bids++) {
    const expert = min(waiting[--count], <u32>counts.length - 1);
    const copies = chooseCopies(chosen, sum, work, marks, rows, flags, prices, tierCosts, shape, bytePrice, expert);
    if (copies === 0) {
      waiting[count] = expert;
      return ~expert;
    }
    for (let copy: u32 = 0; copy < copies; copy++) {
      const gpu = chosen[copy];
      if (used[gpu] === firstSlots[gpu + 1] - firstSlots[gpu]) {
        const other = turnedOut(holders, turns, flags, firstSlots, gpus, most, gpu);
        if (other === NONE) return ~expert;
        for (let theirs: u32 = 0; theirs < counts[other]; theirs++)
          vacate(at, places, holders, used, firstSlots, other * most + theirs);
        counts[other] = 0;
        waiting[count++] = other;
        prices[gpu] += raise;
      }
      occupy(at, places, holders, used, firstSlots, expert * most + copy, gpu);
    }
    counts[expert] = copies;
  }
  return count;
}

/** Whose turn it is to leave a full GPU: nobody's who must be there. */
function turnedOut(
  holders: StaticArray<u32>,
  turns: StaticArray<u32>,
  flags: StaticArray<u32>,
  firstSlots: StaticArray<u32>,
  gpus: u32,
  most: u32,
  gpu: u32,
): u32 {
  const slots = firstSlots[gpu + 1] - firstSlots[gpu];
  for (let tried: u32 = 0; tried < slots; tried++) {
    const expert = holders[firstSlots[gpu] + (turns[gpu]++ % slots)] / most;
    if ((flags[expert * gpus + gpu] & FORCED) === 0) return expert;
  }
  return NONE;
}
