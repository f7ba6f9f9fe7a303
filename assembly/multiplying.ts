import { push } from "./events";
import { layerOf, placeOf, simGpuAt, unitAt } from "./gpus";
import { whole } from "./places";
import { isBusy } from "./servers";
import {
  EVENT_MULTIPLY,
  FENCE_ADDITIVE,
  FENCE_OVERLAPPED,
  GPU_COLD_BYTES,
  GPU_END_NS,
  GPU_HELD_BYTES,
  GPU_LAYER,
  GPU_LOADS,
  GPU_MULTIPLY_NS,
  GPU_PHASES_AT,
  GPU_READY_NS,
  GPU_ROUTER_NS,
  GPU_START_NS,
  GPU_TALLY_AT,
  LAYER_AFTER_NS,
  LOG_LAYER,
  LOG_ROW,
  PHASES,
  PLACE_UNIT,
  SERVER_SOURCE,
  SIM_CONTENDED,
  SIM_FENCE,
  SIM_GAP_NS,
  SIM_HBM_BYTES_PER_NS,
  SIM_LOG,
  SIM_LOG_AT,
  SIM_LOG_MOST,
  SIM_NOW_NS,
  SIM_RECEIVED_BYTES_PER_NS,
  SIM_SERVED_BYTES_PER_NS,
  TALLY_COMPUTE,
  TALLY_GAP,
  UNIT_END_NS,
  UNIT_LEFT,
} from "./simulation-layout";

// When a GPU multiplies, and where its time went.

/** All weights of a GPU's layer are there, or come at an instant that is known: when does it multiply? */
export function multiply(state: StaticArray<f64>, gpu: u32): void {
  if (whole(state, SIM_CONTENDED) === 0) {
    endLayer(state, gpu, state[SIM_HBM_BYTES_PER_NS]);
    return;
  }
  const at = simGpuAt(state, gpu);
  push(state, max(state[at + GPU_ROUTER_NS] + state[SIM_GAP_NS], state[at + GPU_READY_NS]), EVENT_MULTIPLY, gpu);
}

/** What a GPU's HBM leaves to it now, after what it serves and receives. */
export function sparedBytesPerNs(state: StaticArray<f64>, gpu: u32): f64 {
  let rate = state[SIM_HBM_BYTES_PER_NS];
  const serving = placeOf(state, gpu, SERVER_SOURCE);
  if (serving !== 0 && isBusy(state, serving, state[SIM_NOW_NS])) rate -= state[SIM_SERVED_BYTES_PER_NS];
  const loads = (simGpuAt(state, gpu) + GPU_LOADS) * 2;
  if (changetype<StaticArray<u32>>(state)[loads + 1] > 0) rate -= state[SIM_RECEIVED_BYTES_PER_NS];
  return rate;
}

/** A GPU multiplies, and is through with its layer; every nanosecond of it is put down to something. */
export function endLayer(state: StaticArray<f64>, gpu: u32, hbmBytesPerNs: f64): void {
  const words = changetype<StaticArray<u32>>(state);
  const at = simGpuAt(state, gpu);
  const layer = words[(at + GPU_LAYER) * 2];
  const tally = at + GPU_TALLY_AT;
  const routerNs = state[at + GPU_ROUTER_NS];
  const gapNs = state[SIM_GAP_NS];
  const heldBytes = state[at + GPU_HELD_BYTES];
  const coldBytes = state[at + GPU_COLD_BYTES];
  const fence = whole(state, SIM_FENCE);
  const multiplyNs = state[at + GPU_MULTIPLY_NS];
  let beginNs = routerNs + gapNs; // were all weights there
  let leftNs = max(multiplyNs, (heldBytes + coldBytes) / hbmBytesPerNs);
  if (fence === FENCE_OVERLAPPED && coldBytes > 0) {
    const heldShare = heldBytes / (heldBytes + coldBytes);
    beginNs += max(multiplyNs * heldShare, heldBytes / hbmBytesPerNs);
    leftNs = max(multiplyNs * (1 - heldShare), coldBytes / hbmBytesPerNs);
  }
  const computedNs = beginNs - routerNs - gapNs;
  let stallNs = state[at + GPU_READY_NS] - (fence === FENCE_ADDITIVE ? routerNs : beginNs);
  stallNs = max(0, stallNs);
  const afterNs = layerOf(state, layer, LAYER_AFTER_NS);
  state[tally + TALLY_GAP] += gapNs;
  state[tally + TALLY_COMPUTE] += routerNs - state[at + GPU_START_NS] + computedNs + leftNs + afterNs;
  const endNs = beginNs + stallNs + leftNs + afterNs;
  // The stall is the last part of the load that came last: its phases from the end, the first of them takes what is left.
  for (let phase = PHASES - 1; phase >= 0 && stallNs > 0; phase--) {
    const ns = phase === 0 ? stallNs : min(stallNs, state[at + GPU_PHASES_AT + phase]);
    state[tally + phase] += ns;
    stallNs -= ns;
  }
  state[at + GPU_END_NS] = endNs;
  const unit = unitAt(state, placeOf(state, gpu, PLACE_UNIT));
  words[(unit + UNIT_LEFT) * 2]--;
  state[unit + UNIT_END_NS] = max(state[unit + UNIT_END_NS], endNs);
  logLayer(state, gpu, layer, leftNs + afterNs);
}

/** Writes a layer to the log, while that has room. */
function logLayer(state: StaticArray<f64>, gpu: u32, layer: u32, leftNs: f64): void {
  const words = changetype<StaticArray<u32>>(state);
  if (words[SIM_LOG * 2] >= whole(state, SIM_LOG_MOST)) return;
  const at = simGpuAt(state, gpu);
  const row = whole(state, SIM_LOG_AT) + words[SIM_LOG * 2]++ * LOG_ROW;
  words[row * 2] = LOG_LAYER;
  words[row * 2 + 1] = gpu;
  words[row * 2 + 2] = layer;
  state[row + 2] = state[at + GPU_START_NS];
  state[row + 3] = state[at + GPU_ROUTER_NS];
  state[row + 4] = state[at + GPU_READY_NS];
  state[row + 5] = state[at + GPU_END_NS];
  state[row + 6] = leftNs;
}
