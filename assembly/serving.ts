import {
  ROW_ALL,
  ROW_COLUMNS,
  ROW_LOAD,
  SHAPE_GPUS,
  SHAPE_NODE_GPUS,
  SHAPE_NODES,
  SHAPE_POD_GPUS,
  SHAPE_RADIUS,
} from "./layout";
import { wholeOf } from "./shares";

/**
 * What an expert's demand costs where its `count` copies are listed in `at` from `first` on, and in `served` what each of them
 * serves, as load. Who asks is served by the nearest copy, the first listed of those: so the first one in a node serves all of
 * it but for the GPUs that have their own, the first in a pod all but nodes that have one, the first of all the rest.
 * Infinity where someone asks from beyond the radius; `circles` are as many as ask, at tiers up to it.
 */
export function serve(
  served: StaticArray<f64>,
  at: StaticArray<u32>,
  first: u32,
  count: u32,
  rows: StaticArray<f64>,
  tierCosts: StaticArray<f64>,
  shape: StaticArray<u32>,
  expert: u32,
  circles: u32,
): f64 {
  const gpus = shape[SHAPE_GPUS];
  const perNode = shape[SHAPE_NODE_GPUS];
  const perPod = shape[SHAPE_POD_GPUS];
  const radius = shape[SHAPE_RADIUS];
  const whole = wholeOf(shape);
  const row = expert * (whole + ROW_COLUMNS);
  const nodes = row + gpus;
  const pods = nodes + shape[SHAPE_NODES];
  const all = rows[row + whole + ROW_ALL];
  let cost = all * tierCosts[3];
  for (let copy: u32 = 0; copy < count; copy++) served[first + copy] = 0;
  served[first] = all;
  let reached: u32 = 0;
  for (let copy: u32 = 0; copy < count; copy++) {
    const gpu = at[first + copy];
    const own = rows[row + gpu];
    let inNode: u32 = 0;
    while (at[first + inNode] / perNode !== gpu / perNode) inNode++;
    cost -= own * (tierCosts[1] - tierCosts[0]);
    served[first + copy] += own;
    served[first + inNode] -= own;
    if (inNode < copy) continue;
    const node = rows[nodes + gpu / perNode];
    let inPod: u32 = 0;
    while (at[first + inPod] / perPod !== gpu / perPod) inPod++;
    cost -= node * (tierCosts[2] - tierCosts[1]);
    served[first + copy] += node;
    served[first + inPod] -= node;
    if (radius === 1 && node > 0) reached++;
    if (inPod < copy) continue;
    const pod = rows[pods + gpu / perPod];
    cost -= pod * (tierCosts[3] - tierCosts[2]);
    served[first + copy] += pod;
    served[first] -= pod;
    if (radius === 2 && pod > 0) reached++;
  }
  // GPUs that must have their own are forced to.
  if ((radius === 1 || radius === 2) && reached < circles) return Infinity;
  const load = rows[row + whole + ROW_LOAD];
  if (all === 0) served[first] = load;
  else for (let copy: u32 = 0; copy < count; copy++) served[first + copy] *= load / all;
  return cost;
}
