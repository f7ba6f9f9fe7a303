import { append, markUnused } from "./caches";
import { addF64, addU32, f64Of, NO_ROW, setF64, setU32, u32Of } from "./fields";
import { cellOf } from "./histogram";
import { NONE } from "./layout";
import { whole } from "./places";
import {
  GPU_LOADS,
  GPU_NUMBER,
  GPU_PHASES_AT,
  GPU_READY_NS,
  GPU_ROUTER_NS,
  GPU_WAITS_FOR,
  LOAD_DEMANDED,
  LOG_LOAD,
  PHASE_COMMAND,
  PHASE_DATA,
  PHASE_FENCE,
  PHASE_OUTAGE,
  PHASE_WAIT,
  SIM_DEADLINE_NS,
  SIM_FORCED,
  SIM_FREE,
  SIM_LOAD_ARRIVED_NS,
  SIM_LOAD_BLOCK,
  SIM_LOAD_BYTES,
  SIM_LOAD_DONE_NS,
  SIM_LOAD_EVENT,
  SIM_LOAD_FENCE_NS,
  SIM_LOAD_FLAGS,
  SIM_LOAD_GPU,
  SIM_LOAD_LOST_NS,
  SIM_LOAD_POSTED_NS,
  SIM_LOAD_SOLO_NS,
  SIM_LOAD_SOURCE,
  SIM_TIMES_AT,
  TALLY_LATE,
} from "./simulation-layout";
import { logRow, tally } from "./tallies";

// A load is there: what it was, and who waited for it.

/** Ends a load, which is there at `readyNs`; returns the GPU that has all it waits for now, or NO_ROW. */
export function complete(state: StaticArray<f64>, load: u32, readyNs: f64): u32 {
  const gpu = u32Of(load, SIM_LOAD_GPU);
  const isDemanded = (u32Of(load, SIM_LOAD_FLAGS) & LOAD_DEMANDED) !== 0;
  addU32(gpu, GPU_LOADS, -1);
  if (whole(state, SIM_FORCED) === 0) {
    append(state, gpu, u32Of(load, SIM_LOAD_BLOCK));
    markUnused(gpu, u32Of(load, SIM_LOAD_BLOCK), !isDemanded);
  }
  logLoad(state, load, readyNs);
  setU32(load, SIM_LOAD_EVENT, NONE);
  setU32(load, SIM_LOAD_SOURCE, whole(state, SIM_FREE));
  changetype<StaticArray<u32>>(state)[SIM_FREE * 2] = load;
  if (!isDemanded) return NO_ROW;
  const takenNs = readyNs - f64Of(gpu, GPU_ROUTER_NS);
  addF64(whole(state, SIM_TIMES_AT) + cellOf(<f32>takenNs) * 8, 0, 1);
  if (takenNs > state[SIM_DEADLINE_NS]) tally(gpu, TALLY_LATE, 1);
  if (readyNs > f64Of(gpu, GPU_READY_NS)) {
    setF64(gpu, GPU_READY_NS, readyNs);
    const carriedNs = f64Of(load, SIM_LOAD_DONE_NS) - f64Of(load, SIM_LOAD_ARRIVED_NS);
    const heldNs = max(0, carriedNs - f64Of(load, SIM_LOAD_SOLO_NS));
    const lostNs = min(heldNs, f64Of(load, SIM_LOAD_LOST_NS));
    setPhase(gpu, PHASE_COMMAND, f64Of(load, SIM_LOAD_ARRIVED_NS) - f64Of(load, SIM_LOAD_POSTED_NS));
    setPhase(gpu, PHASE_WAIT, heldNs - lostNs);
    setPhase(gpu, PHASE_OUTAGE, lostNs);
    setPhase(gpu, PHASE_DATA, carriedNs - heldNs);
    setPhase(gpu, PHASE_FENCE, f64Of(load, SIM_LOAD_FENCE_NS));
  }
  return addU32(gpu, GPU_WAITS_FOR, -1) === 0 ? gpu : NO_ROW;
}

function setPhase(gpu: u32, phase: u32, ns: f64): void {
  setF64(gpu + phase * 8, GPU_PHASES_AT, ns);
}

/** Writes a load to the log, while that has room. */
function logLoad(state: StaticArray<f64>, load: u32, readyNs: f64): void {
  const row = logRow(state, LOG_LOAD, u32Of(load, SIM_LOAD_GPU), u32Of(load, SIM_LOAD_BLOCK));
  if (row === NO_ROW) return;
  setU32(row, 12, u32Of(u32Of(load, SIM_LOAD_SOURCE), GPU_NUMBER));
  setF64(row, 16, f64Of(load, SIM_LOAD_POSTED_NS));
  setF64(row, 24, f64Of(load, SIM_LOAD_ARRIVED_NS));
  setF64(row, 32, f64Of(load, SIM_LOAD_DONE_NS));
  setF64(row, 40, readyNs);
  setF64(row, 48, f64Of(load, SIM_LOAD_SOLO_NS));
  setF64(row, 56, f64Of(load, SIM_LOAD_LOST_NS));
  setF64(row, 64, f64Of(load, SIM_LOAD_BYTES));
  setF64(row, 72, u32Of(load, SIM_LOAD_FLAGS));
}
