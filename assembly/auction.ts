import { LEAST, SECOND, twoBest } from "./choice";
import { FORBIDDEN, NONE } from "./layout";

// Where only slots are scarce, experts bid for them (Bertsekas, Castanon, "The auction algorithm for the transportation
// problem", 1989). An expert bids for the cheapest slot of the GPU that is best for it as much as makes the second best GPU
// equally good, and `raise` more; who had the slot bids again. In the end no expert could save more than `raise` elsewhere, so
// the placement costs at most that for each expert more than the best one, and all placements are integral.
//
// The slots of a GPU are a heap of prices, the least first, in a row of `slotPrices` from its `firstSlots` on.

/**
 * Goes on with an auction for up to `bidsMost` bids. `waiting` is a stack of the `count` experts that have no slot; the return value
 * is how many there are then, or `~expert` if that one finds only slots whose holders have nowhere else to go. `prices` are those of the
 * cheapest slots, then of load, which stay as they are. `holders` are the experts of slots, NONE of free ones.
 */
export function bidForSlots(
  at: StaticArray<u32>,
  slotPrices: StaticArray<f32>,
  holders: StaticArray<u32>,
  prices: StaticArray<f32>,
  waiting: StaticArray<u32>,
  costs: StaticArray<f32>,
  loads: StaticArray<f32>,
  firstSlots: StaticArray<u32>,
  found: StaticArray<f32>,
  raise: f32,
  count: i32,
  bidsMost: i32,
): i32 {
  const width = prices.length / 2;
  const experts = <u32>at.length;
  const all = <u32>slotPrices.length;
  assert(count <= waiting.length, "no expert waits twice");
  count = min(count, waiting.length);
  for (let bids = 0; bids < bidsMost && count > 0; bids++) {
    const expert = min(waiting[--count], experts - 1);
    const gpu = twoBest(found, costs, expert * width, prices, width, loads[expert]);
    if (found[LEAST] >= FORBIDDEN) {
      waiting[count] = expert;
      return ~expert;
    }
    const price = prices[gpu] + (min(found[SECOND], FORBIDDEN) - found[LEAST]) + raise;
    const first = min(firstSlots[gpu], all - 1);
    const slots = max(min(firstSlots[gpu + 1], all), first + 1) - first;
    const last = holders[first];
    const slot = sink(slotPrices, holders, first, slots, price);
    slotPrices[first + slot] = price;
    holders[first + slot] = expert;
    prices[gpu] = slotPrices[first];
    at[expert] = gpu;
    if (last < experts) {
      at[last] = NONE;
      waiting[count++] = last;
    }
  }
  return count;
}

/** Takes the least of a heap of slots away, and returns where `price` belongs. */
function sink(slotPrices: StaticArray<f32>, holders: StaticArray<u32>, first: u32, slots: u32, price: f32): u32 {
  let slot: u32 = 0;
  for (let child: u32 = 1; child < slots; child = 2 * slot + 1) {
    if (child + 1 < slots && slotPrices[first + child + 1] < slotPrices[first + child]) child++;
    if (slotPrices[first + child] >= price) break;
    slotPrices[first + slot] = slotPrices[first + child];
    holders[first + slot] = holders[first + child];
    slot = child;
  }
  return slot;
}
