import { gateOf, letGo } from "./heap";
import {
  ARRIVALS,
  BEST,
  BYTES_LEFT,
  BYTES_OUT,
  FREE,
  FREE_AT,
  INNER,
  KEY,
  LATEST_STARTS,
  LEAST_RATE,
  LOAD,
  LOADS_AT,
  LOCAL_DEADLINE,
  NONE,
  TREES,
} from "./layout";
import { clearKey, enter, leave } from "./minima";
import { dpuAt, dpuOf, hasGates, placeOf, treeAt, whole } from "./places";
import { leastRate } from "./routes";

// What there is to ask of one load, and where it is put and taken from. A load is in its DPU's tree of arrivals until it
// has arrived; then in its tree of keys, or in the heap of a gate. Until it is late or read, it is in that of latest starts.

/**
 * When the next read of the load in `place` must go out for its last byte to be read by its local deadline; Infinity if that is
 * read. A load that is read to its end leaves its key in the tree of latest starts: it is found out when it comes first.
 */
export function latestStartNs(pacer: StaticArray<f64>, waiting: StaticArray<u32>, dpu: u32, place: u32): f64 {
  const load = dpu + whole(pacer, LOADS_AT) + place * LOAD;
  if (pacer[load + BYTES_LEFT] === 0) return Infinity;
  const rate = hasGates(pacer) ? leastRate(pacer, waiting, dpu, place) : pacer[dpu + LEAST_RATE];
  return pacer[load + LOCAL_DEADLINE] - pacer[load + BYTES_LEFT] / rate;
}

/** Takes the load in `slot`, which is not read to its end, out of the queue that it waits in, if it has arrived. */
export function remove(pacer: StaticArray<f64>, waiting: StaticArray<u32>, slot: u32): void {
  if (gateOf(pacer, waiting, slot) !== NONE) letGo(pacer, waiting, slot);
  else withdraw(pacer, dpuAt(pacer, dpuOf(pacer, slot)), placeOf(pacer, slot));
}

/** Puts the load in `place` among those that a DPU may read. */
export function offer(pacer: StaticArray<f64>, dpu: u32, place: u32): void {
  const loads = dpu + whole(pacer, LOADS_AT);
  const key = pacer[loads + place * LOAD + KEY];
  enter(pacer, dpu + TREES, 2 * treeAt(pacer, dpu, BEST), loads, whole(pacer, INNER), place, key);
}

/** Takes the load in `place` from among those that a DPU may read. */
export function withdraw(pacer: StaticArray<f64>, dpu: u32, place: u32): void {
  leave(pacer, dpu + TREES, 2 * treeAt(pacer, dpu, BEST), dpu + whole(pacer, LOADS_AT), whole(pacer, INNER), place);
}

/** Whether the load in `place`, which is not read to its end, is where its DPU can read it. */
export function hasArrived(pacer: StaticArray<f64>, dpu: u32, place: u32): bool {
  return pacer[treeAt(pacer, dpu, ARRIVALS) + whole(pacer, INNER) + place] === Infinity;
}

/** Takes a load, which is not read to its end, out of all queues and trees. */
export function takeOut(pacer: StaticArray<f64>, waiting: StaticArray<u32>, slot: u32): void {
  const dpu = dpuAt(pacer, dpuOf(pacer, slot));
  const place = placeOf(pacer, slot);
  const inner = whole(pacer, INNER);
  if (hasArrived(pacer, dpu, place)) remove(pacer, waiting, slot);
  else clearKey(pacer, treeAt(pacer, dpu, ARRIVALS), inner, place);
  clearKey(pacer, treeAt(pacer, dpu, LATEST_STARTS), inner, place);
}

/** Frees the place of a load that is in no queue; nothing is left to complete of it. */
export function free(pacer: StaticArray<f64>, dpu: u32, place: u32): void {
  const words = changetype<StaticArray<u32>>(pacer);
  const load = dpu + whole(pacer, LOADS_AT) + place * LOAD;
  pacer[load + BYTES_LEFT] = 0;
  pacer[load + BYTES_OUT] = -1;
  words[(dpu + whole(pacer, FREE_AT)) * 2 + words[(dpu + FREE) * 2]++] = place;
}
