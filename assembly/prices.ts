import { cheapest } from "./choice";
import { NONE } from "./layout";

// A price a slot and a price a unit of load on every GPU turn the problem into one that each expert answers alone: where is it
// cheapest? The sum of the answers, less what all slots and loads would fetch, bounds the cost of every placement from below.
// Prices ascend towards the best such bound expert by expert (stochastic subgradients): who chooses a GPU raises its prices,
// and all of them fall meanwhile by what they would if every GPU were exactly full at the end of a pass.

/** Experts between two falls of all prices. */
const BLOCK = 8;

/**
 * One pass over all experts, in `order`: prices change, and `sums` gathers them after every block, so that their mean can be had.
 * `capacity` is like `prices`: slots, then load, of each GPU. `free` says that slots may stay empty, so that no price is
 * below 0. `bytePrice`, an array of one, is the price of moving a byte, of which `bytesMost` may be moved. Returns the blocks.
 */
export function ascendPrices(
  prices: StaticArray<f32>,
  sums: StaticArray<f64>,
  bytePrice: StaticArray<f64>,
  costs: StaticArray<f32>,
  loads: StaticArray<f32>,
  capacity: StaticArray<f32>,
  order: StaticArray<u32>,
  from: StaticArray<u32>,
  moveBytes: StaticArray<f32>,
  step: f64,
  loadStep: f64,
  byteStep: f64,
  bytesMost: f64,
  free: bool,
): i32 {
  const experts = order.length;
  const width = prices.length / 2;
  const share = 1 / <f64>experts;
  let blocks = 0;
  for (let first = 0; first < experts; first += BLOCK) {
    const end = min(first + BLOCK, experts);
    for (let i = first; i < end; i++) {
      const expert = min(order[i], experts - 1);
      const row = expert * width;
      const load = loads[expert];
      let gpu = cheapest(costs, row, prices, width, load);
      const home = from[expert];
      if (byteStep > 0 && home !== NONE && gpu !== home) {
        const there = costs[row + gpu] + prices[gpu] + load * prices[width + gpu];
        const here = costs[row + home] + prices[home] + load * prices[width + home];
        if (here <= there + bytePrice[0] * moveBytes[expert]) gpu = home;
        else bytePrice[0] += byteStep * moveBytes[expert];
      }
      prices[gpu] += <f32>step;
      prices[width + gpu] += <f32>(loadStep * load);
    }
    const part = share * <f64>(end - first);
    fall(prices, capacity, 0, width, <f32>(step * part), free ? 0 : -Infinity);
    if (loadStep > 0) fall(prices, capacity, width, 2 * width, <f32>(loadStep * part), 0);
    bytePrice[0] = max(0, bytePrice[0] - byteStep * bytesMost * part);
    gather(sums, prices);
    sums[prices.length] += bytePrice[0];
    blocks++;
  }
  return blocks;
}

/** Lets prices fall by `step` times what there is of each, to `least` at the lowest. */
function fall(prices: StaticArray<f32>, capacity: StaticArray<f32>, first: i32, end: i32, step: f32, least: f32): void {
  if (ASC_FEATURE_SIMD) {
    const price = changetype<usize>(prices);
    const has = changetype<usize>(capacity);
    const leasts = f32x4.splat(least);
    const steps = f32x4.splat(step);
    for (let i = (<usize>first) << 2; i < (<usize>end) << 2; i += 16) {
      const fallen = f32x4.sub(v128.load(price + i), f32x4.mul(steps, v128.load(has + i)));
      v128.store(price + i, f32x4.pmax(leasts, fallen));
    }
  } else {
    for (let i = first; i < end; i++) {
      const fallen = prices[i] - step * capacity[i];
      prices[i] = fallen > least ? fallen : least;
    }
  }
}

/** Adds prices to their sums. */
function gather(sums: StaticArray<f64>, prices: StaticArray<f32>): void {
  if (ASC_FEATURE_SIMD) {
    let sum = changetype<usize>(sums);
    const price = changetype<usize>(prices);
    for (let i: usize = 0; i < (<usize>prices.length) << 2; i += 8, sum += 16)
      v128.store(sum, f64x2.add(v128.load(sum), f64x2.promote_low_f32x4(v128.load64_zero(price + i))));
  } else {
    for (let i = 0; i < prices.length; i++) sums[i] += prices[i];
  }
}
