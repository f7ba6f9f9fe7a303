import { FORBIDDEN, NONE } from "./layout";

// Costs are a matrix of f32, a row an expert and a column a GPU, filled up to `width`, a multiple of four, with what is forbidden.
// GPUs sit in a tree, so a row has few distinct values: one for all that is far, less in pods, nodes and GPUs that ask for the expert.

/**
 * Fills `costs` with what each expert costs on each GPU: what its `sources` demand of it, times the cost of the tier between
 * them, and `moveCosts` where it is not on the GPU it comes `from`. Sources of expert e are those from `firsts[e]` to
 * `firsts[e + 1]`. Forbidden are the columns of
 * `closed`, all but an expert's pin, and what is further than `radius` from a source.
 */
export function fillCosts(
  costs: StaticArray<f32>,
  firsts: StaticArray<u32>,
  sources: StaticArray<u32>,
  demand: StaticArray<f64>,
  from: StaticArray<u32>,
  moveCosts: StaticArray<f64>,
  pins: StaticArray<u32>,
  closed: StaticArray<u32>,
  sums: StaticArray<f64>,
  tierCosts: StaticArray<f64>,
  gpus: u32,
  gpusPerNode: u32,
  gpusPerPod: u32,
  radius: u32,
): void {
  const experts = firsts.length - 1;
  const width = costs.length / experts;
  assert(<u32>width >= gpus && width % 4 === 0, "a column a GPU, in fours");
  assert(<u32>sums.length >= 3 * gpus, "a sum a GPU, a node, a pod");
  for (let expert = 0; expert < experts; expert++) {
    const row = expert * width;
    fillRow(
      costs,
      row,
      firsts[expert],
      firsts[expert + 1],
      sources,
      demand,
      sums,
      tierCosts,
      gpus,
      gpusPerNode,
      gpusPerPod,
    );
    const home = from[expert];
    const moveCost = <f32>moveCosts[expert];
    if (home !== NONE && moveCost > 0) {
      for (let gpu: u32 = 0; gpu < gpus; gpu++) if (gpu !== home) costs[row + gpu] += moveCost;
    }
    for (let i = 0; i < closed.length; i++) costs[row + closed[i]] = FORBIDDEN;
    const pin = pins[expert];
    if (pin !== NONE) forbidOutside(costs, row, gpus, pin, 1);
    if (radius < 3) {
      const reach = radius === 0 ? 1 : radius === 1 ? gpusPerNode : gpusPerPod;
      for (let i = firsts[expert]; i < firsts[expert + 1]; i++)
        if (demand[i] > 0) forbidOutside(costs, row, gpus, sources[i], reach);
    }
  }
}

/** A row without anything forbidden. */
function fillRow(
  costs: StaticArray<f32>,
  row: u32,
  first: u32,
  end: u32,
  sources: StaticArray<u32>,
  demand: StaticArray<f64>,
  sums: StaticArray<f64>,
  tierCosts: StaticArray<f64>,
  gpus: u32,
  gpusPerNode: u32,
  gpusPerPod: u32,
): void {
  const nodes = gpus;
  const pods = 2 * gpus;
  let all = 0.0;
  for (let i = first; i < end; i++) {
    const gpu = sources[i];
    sums[gpu] += demand[i];
    sums[nodes + gpu / gpusPerNode] += demand[i];
    sums[pods + gpu / gpusPerPod] += demand[i];
    all += demand[i];
  }
  const farCost = all * tierCosts[3];
  const podSaves = tierCosts[3] - tierCosts[2];
  const nodeSaves = tierCosts[2] - tierCosts[1];
  const gpuSaves = tierCosts[1] - tierCosts[0];
  for (let pod: u32 = 0, begin: u32 = 0; begin < gpus; pod++, begin += gpusPerPod) {
    const podCost = farCost - sums[pods + pod] * podSaves;
    const podEnd = min(begin + gpusPerPod, gpus);
    for (let gpu = begin; gpu < podEnd; ) {
      const nodeCost = <f32>(podCost - sums[nodes + gpu / gpusPerNode] * nodeSaves);
      const nodeEnd = min(gpu + gpusPerNode, podEnd);
      fill(costs, row + gpu, row + nodeEnd, nodeCost);
      gpu = nodeEnd;
    }
  }
  for (let i = first; i < end; i++) {
    const gpu = sources[i];
    const nodeCost = farCost - sums[pods + gpu / gpusPerPod] * podSaves - sums[nodes + gpu / gpusPerNode] * nodeSaves;
    costs[row + gpu] = <f32>(nodeCost - sums[gpu] * gpuSaves);
  }
  for (let i = first; i < end; i++) {
    const gpu = sources[i];
    sums[gpu] = 0;
    sums[nodes + gpu / gpusPerNode] = 0;
    sums[pods + gpu / gpusPerPod] = 0;
  }
}

/** Sets the costs from `first` to `end` to one value. */
function fill(costs: StaticArray<f32>, first: u32, end: u32, cost: f32): void {
  if (ASC_FEATURE_SIMD) {
    const four = f32x4.splat(cost);
    for (; first + 4 <= end; first += 4) v128.store(changetype<usize>(costs) + ((<usize>first) << 2), four);
  }
  while (first < end) costs[first++] = cost;
}

/** Forbids all GPUs of a row but the `reach` of them among which `gpu` is. */
function forbidOutside(costs: StaticArray<f32>, row: u32, gpus: u32, gpu: u32, reach: u32): void {
  const begin = gpu - (gpu % reach);
  const end = begin + reach;
  for (let other: u32 = 0; other < gpus; other++) if (other < begin || other >= end) costs[row + other] = FORBIDDEN;
}

/**
 * The sum over experts of the least cost and price of any GPU, with prices of a slot (the first `width` of `prices`), of load
 * (the others) and of moving away from where an expert is; exact but for the last bits of a f64.
 */
export function sumOfLeast(
  costs: StaticArray<f32>,
  loads: StaticArray<f32>,
  prices: StaticArray<f32>,
  from: StaticArray<u32>,
  moveBytes: StaticArray<f32>,
  bytePrice: f64,
): f64 {
  const experts = loads.length;
  const width = prices.length / 2;
  assert(costs.length === experts * width, "a row an expert");
  let sum = 0.0;
  for (let expert = 0; expert < experts; expert++) {
    const row = expert * width;
    const load = <f64>loads[expert];
    const home = from[expert];
    const movePrice = home === NONE ? 0 : bytePrice * moveBytes[expert];
    let least = leastSum(costs, row, prices, width, load) + movePrice;
    if (home !== NONE) least = min(least, <f64>costs[row + home] + prices[home] + load * prices[width + home]);
    sum += least;
  }
  return sum;
}

/** The least of a row's costs and prices, in f64. */
function leastSum(costs: StaticArray<f32>, row: u32, prices: StaticArray<f32>, width: u32, load: f64): f64 {
  if (ASC_FEATURE_SIMD) {
    let cost = changetype<usize>(costs) + ((<usize>row) << 2);
    let slot = changetype<usize>(prices);
    const after = (<usize>width) << 2;
    const loads = f64x2.splat(load);
    let least = f64x2.splat(Infinity);
    for (const end = slot + after; slot < end; slot += 8, cost += 8) {
      const here = f64x2.add(
        f64x2.add(f64x2.promote_low_f32x4(v128.load64_zero(cost)), f64x2.promote_low_f32x4(v128.load64_zero(slot))),
        f64x2.mul(loads, f64x2.promote_low_f32x4(v128.load64_zero(slot + after))),
      );
      least = f64x2.pmin(least, here);
    }
    return min(f64x2.extract_lane(least, 0), f64x2.extract_lane(least, 1));
  }
  let least = Infinity;
  for (let gpu: u32 = 0; gpu < width; gpu++)
    least = min(least, <f64>costs[row + gpu] + prices[gpu] + load * prices[width + gpu]);
  return least;
}
