import { append, markUnused } from "./caches";
import { simGpuAt, simLoadAt } from "./gpus";
import { cellOf } from "./histogram";
import { NONE } from "./layout";
import { whole } from "./places";
import {
  GPU_LOADS,
  GPU_PHASES_AT,
  GPU_READY_NS,
  GPU_ROUTER_NS,
  GPU_TALLY_AT,
  LOAD_DEMANDED,
  LOG_LOAD,
  LOG_ROW,
  PHASE_COMMAND,
  PHASE_DATA,
  PHASE_FENCE,
  PHASE_OUTAGE,
  PHASE_WAIT,
  SIM_DEADLINE_NS,
  SIM_FORCED,
  SIM_FREE,
  SIM_FREE_AT,
  SIM_LOAD_ARRIVED_NS,
  SIM_LOAD_BYTES,
  SIM_LOAD_DONE_NS,
  SIM_LOAD_FENCE_NS,
  SIM_LOAD_FLAGS,
  SIM_LOAD_GPU,
  SIM_LOAD_LOST_NS,
  SIM_LOAD_POSTED_NS,
  SIM_LOAD_SOLO_NS,
  SIM_LOAD_SOURCE,
  SIM_LOG,
  SIM_LOG_AT,
  SIM_LOG_MOST,
  SIM_TIMES_AT,
  TALLY_LATE,
} from "./simulation-layout";

// A load is there: what it was, and who waited for it.

/** Ends a load, which is there at `readyNs`; returns the GPU that has all it waits for now, or -1. */
export function complete(state: StaticArray<f64>, load: u32, readyNs: f64): i32 {
  const words = changetype<StaticArray<u32>>(state);
  const at = simLoadAt(state, load);
  const gpu = words[(at + SIM_LOAD_GPU) * 2];
  const block = words[(at + SIM_LOAD_GPU) * 2 + 1];
  const row = simGpuAt(state, gpu);
  const isDemanded = (words[(at + SIM_LOAD_FLAGS) * 2] & LOAD_DEMANDED) !== 0;
  words[(at + SIM_LOAD_FLAGS) * 2 + 1] = NONE;
  words[whole(state, SIM_FREE_AT) * 2 + words[SIM_FREE * 2]++] = load;
  words[(row + GPU_LOADS) * 2]--;
  if (whole(state, SIM_FORCED) === 0) {
    append(state, gpu, block);
    markUnused(state, gpu, block, !isDemanded);
  }
  logLoad(state, at, readyNs);
  if (!isDemanded) return -1;
  const takenNs = readyNs - state[row + GPU_ROUTER_NS];
  state[whole(state, SIM_TIMES_AT) + cellOf(<f32>takenNs)] += 1;
  if (takenNs > state[SIM_DEADLINE_NS]) state[row + GPU_TALLY_AT + TALLY_LATE] += 1;
  if (readyNs > state[row + GPU_READY_NS]) {
    state[row + GPU_READY_NS] = readyNs;
    const carriedNs = state[at + SIM_LOAD_DONE_NS] - state[at + SIM_LOAD_ARRIVED_NS];
    const heldNs = max(0, carriedNs - state[at + SIM_LOAD_SOLO_NS]);
    const lostNs = min(heldNs, state[at + SIM_LOAD_LOST_NS]);
    const phases = row + GPU_PHASES_AT;
    state[phases + PHASE_COMMAND] = state[at + SIM_LOAD_ARRIVED_NS] - state[at + SIM_LOAD_POSTED_NS];
    state[phases + PHASE_WAIT] = heldNs - lostNs;
    state[phases + PHASE_OUTAGE] = lostNs;
    state[phases + PHASE_DATA] = carriedNs - heldNs;
    state[phases + PHASE_FENCE] = state[at + SIM_LOAD_FENCE_NS];
  }
  const left = --words[row * 2 + 1];
  return left === 0 ? gpu : -1;
}

/** Writes a load to the log, while that has room. */
function logLoad(state: StaticArray<f64>, at: u32, readyNs: f64): void {
  const words = changetype<StaticArray<u32>>(state);
  if (words[SIM_LOG * 2] >= whole(state, SIM_LOG_MOST)) return;
  const row = whole(state, SIM_LOG_AT) + words[SIM_LOG * 2]++ * LOG_ROW;
  words[row * 2] = LOG_LOAD;
  words[row * 2 + 1] = words[(at + SIM_LOAD_GPU) * 2];
  words[row * 2 + 2] = words[(at + SIM_LOAD_GPU) * 2 + 1];
  words[row * 2 + 3] = words[(at + SIM_LOAD_SOURCE) * 2];
  state[row + 2] = state[at + SIM_LOAD_POSTED_NS];
  state[row + 3] = state[at + SIM_LOAD_ARRIVED_NS];
  state[row + 4] = state[at + SIM_LOAD_DONE_NS];
  state[row + 5] = readyNs;
  state[row + 6] = state[at + SIM_LOAD_SOLO_NS];
  state[row + 7] = state[at + SIM_LOAD_LOST_NS];
  state[row + 8] = state[at + SIM_LOAD_BYTES];
  state[row + 9] = words[(at + SIM_LOAD_FLAGS) * 2];
}
