import { chooseCopies } from "./copies";
import { HOME, ROW_BYTES, ROW_COLUMNS, SHAPE_GPUS } from "./layout";
import { serve } from "./serving";
import { wholeOf } from "./shares";

// Prices for experts with several copies ascend as those for one copy do (see prices.ts): each expert chooses its best set,
// raises the prices of slots that it takes and of load that it brings, and all prices fall by what there is of each.

/** Experts between two falls of all prices. */
const BLOCK = 8;

/**
 * One pass over all experts, in `order`; `sums` gathers prices after every block, with the price of a byte moved behind them.
 * `capacity` is like `prices`. `chosen`, `served` and `sum` are scratch. Returns the blocks.
 */
export function ascendCopyPrices(
  prices: StaticArray<f64>,
  sums: StaticArray<f64>,
  bytePrice: StaticArray<f64>,
  chosen: StaticArray<u32>,
  served: StaticArray<f64>,
  sum: StaticArray<f64>,
  work: StaticArray<f64>,
  marks: StaticArray<u32>,
  rows: StaticArray<f64>,
  flags: StaticArray<u32>,
  tierCosts: StaticArray<f64>,
  shape: StaticArray<u32>,
  capacity: StaticArray<f64>,
  order: StaticArray<u32>,
  step: f64,
  loadStep: f64,
  byteStep: f64,
  bytesMost: f64,
  free: bool,
): i32 {
  const gpus = shape[SHAPE_GPUS];
  const experts = <u32>order.length;
  const columns = wholeOf(shape) + ROW_COLUMNS;
  let blocks = 0;
  for (let first: u32 = 0; first < experts; first += BLOCK) {
    const end = min(first + BLOCK, experts);
    for (let i = first; i < end; i++) {
      const expert = min(order[i], experts - 1);
      const count = chooseCopies(chosen, sum, work, marks, rows, flags, prices, tierCosts, shape, bytePrice[0], expert);
      if (count > 0) serve(served, chosen, 0, count, rows, tierCosts, shape, expert, 0);
      for (let copy: u32 = 0; copy < count; copy++) {
        const gpu = chosen[copy];
        prices[gpu] += step;
        prices[gpus + gpu] += loadStep * served[copy];
        if ((flags[expert * gpus + gpu] & HOME) === 0)
          bytePrice[0] += byteStep * rows[(expert + 1) * columns - ROW_COLUMNS + ROW_BYTES];
      }
    }
    const part = <f64>(end - first) / <f64>experts;
    const least = free ? 0 : -Infinity;
    for (let gpu: u32 = 0; gpu < gpus; gpu++) prices[gpu] = max(least, prices[gpu] - step * part * capacity[gpu]);
    if (loadStep > 0) {
      for (let gpu = gpus; gpu < 2 * gpus; gpu++) prices[gpu] = max(0, prices[gpu] - loadStep * part * capacity[gpu]);
    }
    if (byteStep > 0) bytePrice[0] = max(0, bytePrice[0] - byteStep * part * bytesMost);
    for (let i: u32 = 0; i < 2 * gpus; i++) sums[i] += prices[i];
    sums[2 * gpus] += bytePrice[0];
    blocks++;
  }
  return blocks;
}

/**
 * The sum over experts of what their best sets cost with prices. Each term is at most what the expert's set in any plan costs
 * with them, since there each GPU is served by a nearest copy, and here by the cheapest of those: so the sum, less prices
 * times what there is of each, bounds the cost of every plan. Infinity if an expert has no set at all.
 */
export function sumOfCopies(
  chosen: StaticArray<u32>,
  sum: StaticArray<f64>,
  work: StaticArray<f64>,
  marks: StaticArray<u32>,
  rows: StaticArray<f64>,
  flags: StaticArray<u32>,
  prices: StaticArray<f64>,
  tierCosts: StaticArray<f64>,
  shape: StaticArray<u32>,
  bytePrice: f64,
): f64 {
  const experts = <u32>flags.length / shape[SHAPE_GPUS];
  let all = 0.0;
  for (let expert: u32 = 0; expert < experts; expert++) {
    chooseCopies(chosen, sum, work, marks, rows, flags, prices, tierCosts, shape, bytePrice, expert);
    all += sum[0];
  }
  return all;
}
