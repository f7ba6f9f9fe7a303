import { push } from "./events";
import { addU32, f64Of, NO_ROW, setF64, u32Of } from "./fields";
import { layerAt } from "./gpus";
import { whole } from "./places";
import { isBusy } from "./servers";
import {
  EVENT_MULTIPLY,
  FENCE_ADDITIVE,
  FENCE_OVERLAPPED,
  GPU_CARRIED,
  GPU_COLD_BYTES,
  GPU_END_NS,
  GPU_HELD_BYTES,
  GPU_LAYER,
  GPU_MULTIPLY_NS,
  GPU_PHASES_AT,
  GPU_READY_NS,
  GPU_ROUTER_NS,
  GPU_SERVERS_AT,
  GPU_START_NS,
  GPU_UNIT,
  LAYER_AFTER_NS,
  LOG_LAYER,
  PHASES,
  SERVER_SOURCE,
  SIM_CONTENDED,
  SIM_FENCE,
  SIM_GAP_NS,
  SIM_HBM_BYTES_PER_NS,
  SIM_NOW_NS,
  SIM_RECEIVED_BYTES_PER_NS,
  SIM_SERVED_BYTES_PER_NS,
  TALLY_COMPUTE,
  TALLY_GAP,
  UNIT_END_NS,
  UNIT_LEFT,
} from "./simulation-layout";
import { logRow, tally } from "./tallies";

// When a GPU multiplies, and where its time went.

/** All weights of a GPU's layer are there, or come at an instant that is known: when does it multiply? */
export function multiply(state: StaticArray<f64>, gpu: u32): void {
  if (whole(state, SIM_CONTENDED) === 0) {
    endLayer(state, gpu, state[SIM_HBM_BYTES_PER_NS]);
    return;
  }
  push(state, max(f64Of(gpu, GPU_ROUTER_NS) + state[SIM_GAP_NS], f64Of(gpu, GPU_READY_NS)), EVENT_MULTIPLY, gpu);
}

/** What a GPU's HBM leaves to it now, after what it serves and receives. */
export function sparedBytesPerNs(state: StaticArray<f64>, gpu: u32): f64 {
  let rate = state[SIM_HBM_BYTES_PER_NS];
  const serving = u32Of(gpu, GPU_SERVERS_AT + SERVER_SOURCE * 4);
  if (serving !== NO_ROW && isBusy(serving, state[SIM_NOW_NS])) rate -= state[SIM_SERVED_BYTES_PER_NS];
  if (u32Of(gpu, GPU_CARRIED) > 0) rate -= state[SIM_RECEIVED_BYTES_PER_NS];
  return rate;
}

/** A GPU multiplies, and is through with its layer; every nanosecond of it is put down to something. */
export function endLayer(state: StaticArray<f64>, gpu: u32, hbmBytesPerNs: f64): void {
  const routerNs = f64Of(gpu, GPU_ROUTER_NS);
  const gapNs = state[SIM_GAP_NS];
  const heldBytes = f64Of(gpu, GPU_HELD_BYTES);
  const coldBytes = f64Of(gpu, GPU_COLD_BYTES);
  const fence = whole(state, SIM_FENCE);
  const multiplyNs = f64Of(gpu, GPU_MULTIPLY_NS);
  let beginNs = routerNs + gapNs; // were all weights there
  let leftNs = max(multiplyNs, (heldBytes + coldBytes) / hbmBytesPerNs);
  if (fence === FENCE_OVERLAPPED && coldBytes > 0) {
    const heldShare = heldBytes / (heldBytes + coldBytes);
    beginNs += max(multiplyNs * heldShare, heldBytes / hbmBytesPerNs);
    leftNs = max(multiplyNs * (1 - heldShare), coldBytes / hbmBytesPerNs);
  }
  const computedNs = beginNs - routerNs - gapNs;
  let stallNs = f64Of(gpu, GPU_READY_NS) - (fence === FENCE_ADDITIVE ? routerNs : beginNs);
  stallNs = max(0, stallNs);
  const afterNs = f64Of(layerAt(state, u32Of(gpu, GPU_LAYER)), LAYER_AFTER_NS);
  tally(gpu, TALLY_GAP, gapNs);
  tally(gpu, TALLY_COMPUTE, routerNs - f64Of(gpu, GPU_START_NS) + computedNs + leftNs + afterNs);
  const endNs = beginNs + stallNs + leftNs + afterNs;
  // The stall is the last part of the load that came last: its phases from the end, the first of them takes what is left.
  for (let phase = PHASES - 1; phase >= 0 && stallNs > 0; phase--) {
    const ns = phase === 0 ? stallNs : min(stallNs, f64Of(gpu + phase * 8, GPU_PHASES_AT));
    tally(gpu, phase, ns);
    stallNs -= ns;
  }
  setF64(gpu, GPU_END_NS, endNs);
  const unit = u32Of(gpu, GPU_UNIT);
  addU32(unit, UNIT_LEFT, -1);
  setF64(unit, UNIT_END_NS, max(f64Of(unit, UNIT_END_NS), endNs));
  logLayer(state, gpu, leftNs + afterNs);
}

/** Writes a layer to the log, while that has room. */
function logLayer(state: StaticArray<f64>, gpu: u32, leftNs: f64): void {
  const row = logRow(state, LOG_LAYER, gpu, u32Of(gpu, GPU_LAYER));
  if (row === NO_ROW) return;
  setF64(row, 16, f64Of(gpu, GPU_START_NS));
  setF64(row, 24, f64Of(gpu, GPU_ROUTER_NS));
  setF64(row, 32, f64Of(gpu, GPU_READY_NS));
  setF64(row, 40, f64Of(gpu, GPU_END_NS));
  setF64(row, 48, leftNs);
}
