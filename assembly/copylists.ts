import { chooseCopies } from "./copies";
import {
  CLOSED,
  FORCED,
  HOME,
  NONE,
  ROW_BYTES,
  ROW_COLUMNS,
  ROW_MOVE_COST,
  SHAPE_COPIES_MAX,
  SHAPE_GPUS,
} from "./layout";
import { serve } from "./serving";
import { wholeOf } from "./shares";

/**
 * Lists for each expert the GPUs of its best set at these prices and then those that would cost least in the place of one of
 * them, the least first; NONE behind those. `least`, as long as a list, and the other arrays up to `marks` are scratch.
 */
export function listCopyCandidates(
  candidates: StaticArray<u32>,
  least: StaticArray<f64>,
  chosen: StaticArray<u32>,
  served: StaticArray<f64>,
  sum: StaticArray<f64>,
  work: StaticArray<f64>,
  marks: StaticArray<u32>,
  rows: StaticArray<f64>,
  flags: StaticArray<u32>,
  prices: StaticArray<f64>,
  tierCosts: StaticArray<f64>,
  shape: StaticArray<u32>,
  circles: StaticArray<u32>,
  bytePrice: f64,
): void {
  const gpus = shape[SHAPE_GPUS];
  const experts = <u32>circles.length;
  const listed = <u32>least.length;
  for (let expert: u32 = 0; expert < experts; expert++) {
    const list = expert * listed;
    for (let i: u32 = 0; i < listed; i++) {
      least[i] = Infinity;
      candidates[list + i] = NONE;
    }
    const count = chooseCopies(chosen, sum, work, marks, rows, flags, prices, tierCosts, shape, bytePrice, expert);
    for (let copy: u32 = 0; copy < count; copy++) insert(candidates, least, list, listed, chosen[copy], -Infinity);
    for (let gpu: u32 = 0; gpu < gpus; gpu++) {
      if ((flags[expert * gpus + gpu] & CLOSED) !== 0 || isAmong(chosen, count, gpu)) continue;
      let cost = Infinity;
      for (let copy: u32 = 0; copy < count; copy++) {
        const kept = chosen[copy];
        if ((flags[expert * gpus + kept] & FORCED) !== 0) continue;
        chosen[copy] = gpu;
        const swapped = costWithPrices(
          served,
          chosen,
          count,
          rows,
          flags,
          prices,
          tierCosts,
          shape,
          bytePrice,
          expert,
          circles[expert],
        );
        if (swapped < cost) cost = swapped;
        chosen[copy] = kept;
      }
      // Where all its copies are forced, or none can go there instead: one more could still be had.
      if (cost === Infinity && count < shape[SHAPE_COPIES_MAX]) cost = prices[gpu];
      insert(candidates, least, list, listed, gpu, cost);
    }
  }
}

function isAmong(chosen: StaticArray<u32>, count: u32, gpu: u32): bool {
  for (let copy: u32 = 0; copy < count; copy++) if (chosen[copy] === gpu) return true;
  return false;
}

/** Takes a GPU into a list of those that cost least. */
function insert(
  candidates: StaticArray<u32>,
  least: StaticArray<f64>,
  list: u32,
  listed: u32,
  gpu: u32,
  cost: f64,
): void {
  let i = listed - 1;
  if (cost >= least[i]) return;
  for (; i > 0 && least[i - 1] > cost; i--) {
    least[i] = least[i - 1];
    candidates[list + i] = candidates[list + i - 1];
  }
  least[i] = cost;
  candidates[list + i] = gpu;
}

/** What a set of copies costs an expert with what their slots, loads and moves cost. */
function costWithPrices(
  served: StaticArray<f64>,
  chosen: StaticArray<u32>,
  count: u32,
  rows: StaticArray<f64>,
  flags: StaticArray<u32>,
  prices: StaticArray<f64>,
  tierCosts: StaticArray<f64>,
  shape: StaticArray<u32>,
  bytePrice: f64,
  expert: u32,
  circles: u32,
): f64 {
  const gpus = shape[SHAPE_GPUS];
  const end = (expert + 1) * (wholeOf(shape) + ROW_COLUMNS);
  const move = rows[end - ROW_COLUMNS + ROW_MOVE_COST] + bytePrice * rows[end - ROW_COLUMNS + ROW_BYTES];
  let cost = serve(served, chosen, 0, count, rows, tierCosts, shape, expert, circles);
  for (let copy: u32 = 0; copy < count; copy++) {
    const gpu = chosen[copy];
    cost += prices[gpu] + served[copy] * prices[gpus + gpu];
    if ((flags[expert * gpus + gpu] & HOME) === 0) cost += move;
  }
  return cost;
}
