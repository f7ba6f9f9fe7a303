import { addF64, NO_ROW, setU32, u32Of } from "./fields";
import { NONE } from "./layout";
import { whole } from "./places";
import { GPU_NUMBER, GPU_TALLY_AT, LOG_ROW, SIM_LOG, SIM_LOG_AT, SIM_LOG_GPU, SIM_LOG_MOST } from "./simulation-layout";

// What is told of a simulation: sums of each GPU, and a log.

/** Adds to one of a GPU's sums, TALLY_... or a phase. */
export function tally(gpu: u32, sum: u32, amount: f64): void {
  addF64(gpu + sum * 8, GPU_TALLY_AT, amount);
}

/** The next row of the log, of which kind, GPU, and layer or block are written; NO_ROW if the log is not of it, or has no room. */
export function logRow(state: StaticArray<f64>, kind: u32, gpu: u32, what: u32): u32 {
  const count = whole(state, SIM_LOG);
  if (count >= whole(state, SIM_LOG_MOST)) return NO_ROW;
  const number = u32Of(gpu, GPU_NUMBER);
  const only = whole(state, SIM_LOG_GPU);
  if (only !== NONE && only !== number) return NO_ROW;
  changetype<StaticArray<u32>>(state)[SIM_LOG * 2] = count + 1;
  const row = whole(state, SIM_LOG_AT) + count * (LOG_ROW * 8);
  setU32(row, 0, kind);
  setU32(row, 4, number);
  setU32(row, 8, what);
  return row;
}
