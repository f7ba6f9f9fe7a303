// Where an expert is best off: a row of costs, with the price of a slot on each GPU and of the load that it would bring.

/** What is found by `twoBest`: the least cost with its price, and the least on another GPU. */
export const LEAST = 0;
export const SECOND = 1;

/** The first GPU at which an expert's cost and price are least. */
export function cheapest(costs: StaticArray<f32>, row: i32, prices: StaticArray<f32>, width: i32, load: f32): u32 {
  if (ASC_FEATURE_SIMD) return cheapestFour(costs, row, prices, width, load);
  let least: f32 = Infinity;
  let at: u32 = 0;
  for (let gpu = 0; gpu < width; gpu++) {
    const cost = costs[row + gpu] + prices[gpu] + load * prices[width + gpu];
    if (cost < least) {
      least = cost;
      at = gpu;
    }
  }
  return at;
}

/** `cheapest`, four GPUs at a time. */
function cheapestFour(costs: StaticArray<f32>, row: i32, prices: StaticArray<f32>, width: i32, load: f32): u32 {
  let cost = changetype<usize>(costs) + ((<usize>row) << 2);
  let slot = changetype<usize>(prices);
  const after = (<usize>width) << 2;
  const loads = f32x4.splat(load);
  let least = f32x4.splat(Infinity);
  let at = i32x4.splat(0);
  let gpu = i32x4(0, 1, 2, 3);
  const four = i32x4.splat(4);
  for (const end = slot + after; slot < end; slot += 16, cost += 16) {
    const here = fourCosts(cost, slot, after, loads);
    const less = f32x4.lt(here, least);
    least = v128.bitselect(here, least, less);
    at = v128.bitselect(gpu, at, less);
    gpu = i32x4.add(gpu, four);
  }
  return i32x4.extract_lane(firstOf(at, f32x4.eq(least, leastLane(least))), 0);
}

/** The least of four, in every lane. */
function leastLane(lanes: v128): v128 {
  const two = f32x4.pmin(lanes, v128.shuffle<f32>(lanes, lanes, 2, 3, 0, 1));
  return f32x4.pmin(two, v128.shuffle<f32>(two, two, 1, 0, 3, 2));
}

/** The least of those of four numbers that `among` says, in every lane. */
function firstOf(at: v128, among: v128): v128 {
  const four = v128.bitselect(at, i32x4.splat(0x7fffffff), among);
  const two = i32x4.min_u(four, v128.shuffle<i32>(four, four, 2, 3, 0, 1));
  return i32x4.min_u(two, v128.shuffle<i32>(two, two, 1, 0, 3, 2));
}

/** What an expert costs on four GPUs, with their prices. */
function fourCosts(cost: usize, slot: usize, after: usize, loads: v128): v128 {
  return f32x4.add(f32x4.add(v128.load(cost), v128.load(slot)), f32x4.mul(loads, v128.load(slot + after)));
}

/** The first GPU at which an expert's cost and price are least; `found` is told how much that is, and the least of the others. */
export function twoBest(
  found: StaticArray<f32>,
  costs: StaticArray<f32>,
  row: u32,
  prices: StaticArray<f32>,
  width: u32,
  load: f32,
): u32 {
  if (ASC_FEATURE_SIMD) return twoBestFour(found, costs, row, prices, width, load);
  let least: f32 = Infinity;
  let second: f32 = Infinity;
  let at: u32 = 0;
  for (let gpu: u32 = 0; gpu < width; gpu++) {
    const cost = costs[row + gpu] + prices[gpu] + load * prices[width + gpu];
    if (cost < least) {
      second = least;
      least = cost;
      at = gpu;
    } else if (cost < second) {
      second = cost;
    }
  }
  found[LEAST] = least;
  found[SECOND] = second;
  return at;
}

/** `twoBest`, four GPUs at a time. */
function twoBestFour(
  found: StaticArray<f32>,
  costs: StaticArray<f32>,
  row: u32,
  prices: StaticArray<f32>,
  width: u32,
  load: f32,
): u32 {
  let cost = changetype<usize>(costs) + ((<usize>row) << 2);
  let slot = changetype<usize>(prices);
  const after = (<usize>width) << 2;
  const loads = f32x4.splat(load);
  let least = f32x4.splat(Infinity);
  let second = f32x4.splat(Infinity);
  let at = i32x4.splat(0);
  let gpu = i32x4(0, 1, 2, 3);
  const four = i32x4.splat(4);
  for (const end = slot + after; slot < end; slot += 16, cost += 16) {
    const here = fourCosts(cost, slot, after, loads);
    const less = f32x4.lt(here, least);
    second = f32x4.pmin(second, f32x4.pmax(here, least));
    least = v128.bitselect(here, least, less);
    at = v128.bitselect(gpu, at, less);
    gpu = i32x4.add(gpu, four);
  }
  const one = leastLane(least);
  const isOne = f32x4.eq(least, one);
  const first = firstOf(at, isOne);
  // All lanes' least are candidates for the second, but that of the first itself.
  const own = v128.and(isOne, i32x4.eq(at, first));
  const others = v128.bitselect(f32x4.splat(Infinity), least, own);
  found[LEAST] = f32x4.extract_lane(one, 0);
  found[SECOND] = f32x4.extract_lane(leastLane(f32x4.pmin(second, others)), 0);
  return i32x4.extract_lane(first, 0);
}
