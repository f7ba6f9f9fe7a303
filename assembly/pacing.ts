import { gateOf, hold } from "./heap";
import {
  ACCEPTED,
  AFTER_READ_NS,
  ARRIVALS,
  BEST,
  BY_DEADLINE,
  BYTES_LEFT,
  BYTES_OUT,
  CLOCK_NS,
  DEPTH,
  DPUS,
  DROPS,
  END_NS,
  FREE,
  FREE_AT,
  GATE_KINDS,
  GATES_AT,
  GPUS,
  GPUS_PER_DPU,
  HEADER,
  INNER,
  KEY,
  LATEST_STARTS,
  LEAST_RATE,
  LOAD,
  LOADS_AT,
  LOCAL_DEADLINE,
  LOST_BEFORE_NS,
  NODE_UP,
  NONE,
  ROUTE,
  SEQUENCE,
  SLOT_BITS,
  TREES,
} from "./layout";
import { free, hasArrived, latestStartNs, offer, remove, takeOut } from "./loads";
import { enter, setKey } from "./minima";
import { dpuAt, dpuOf, hasGates, loadAt, placeOf, treeAt, waitingAt, whole } from "./places";
import { refresh, settle } from "./queues";
import { lostNs, passAllOutages } from "./routes";

// Loads wait in queues (see queues.ts) for their reads; what happens to them, happens at instants that a caller tells.

const LARGEST: f64 = 9007199254740991;

/**
 * Puts the first `count` loads in the queues of their DPUs at `nowNs`, or when they arrive if that is later; `slots` says
 * which are which, NONE for one whose DPU has no place. Returns how many were put there; or the complement of the first one
 * that is no load, and then nothing has changed.
 */
export function submitLoads(
  slots: StaticArray<u32>,
  sourceGpu: StaticArray<u32>,
  destinationGpu: StaticArray<u32>,
  sizeBytes: StaticArray<f64>,
  deadlineNs: StaticArray<f64>,
  arrivalNs: StaticArray<f64>,
  dropLate: StaticArray<u32>,
  pacer: StaticArray<f64>,
  waiting: StaticArray<u32>,
  faults: StaticArray<f32>,
  count: i32,
  nowNs: f64,
): i32 {
  assert(count <= slots.length, "there are as many rows as are to be submitted");
  const gpus = whole(pacer, GPUS);
  for (let i = 0; i < count; i++) {
    const bytes = sizeBytes[i];
    const sound =
      bytes >= 1 && bytes <= LARGEST && floor(bytes) === bytes && deadlineNs[i] >= 0 && deadlineNs[i] < Infinity;
    if (!sound || !(arrivalNs[i] < Infinity) || sourceGpu[i] >= gpus || destinationGpu[i] >= gpus) return ~i;
  }
  const gpusPerDpu = whole(pacer, GPUS_PER_DPU);
  const bookkeeps = hasGates(pacer) || faults.length > 0;
  const inner = whole(pacer, INNER);
  let accepted = 0;
  for (let i = 0; i < count; i++) {
    const queue = destinationGpu[i] / gpusPerDpu;
    const dpu = dpuAt(pacer, queue);
    const place = takePlace(pacer, dpu);
    if (place === NONE) {
      slots[i] = NONE;
      continue;
    }
    const slot = (queue << whole(pacer, SLOT_BITS)) | place;
    const loads = dpu + whole(pacer, LOADS_AT);
    const load = loads + place * LOAD;
    const localNs = deadlineNs[i] - pacer[AFTER_READ_NS];
    const fromNs = max(nowNs, arrivalNs[i]);
    slots[i] = slot;
    pacer[load + BYTES_LEFT] = sizeBytes[i];
    pacer[load + BYTES_OUT] = sizeBytes[i];
    pacer[load + LOCAL_DEADLINE] = localNs;
    pacer[load + KEY] = whole(pacer, BY_DEADLINE) !== 0 ? localNs : fromNs;
    pacer[load + SEQUENCE] = pacer[ACCEPTED]++;
    pacer[load + END_NS] = 0;
    pacer[load + DROPS] = dropLate[i];
    pacer[dpu + CLOCK_NS] = max(pacer[dpu + CLOCK_NS], nowNs);
    if (bookkeeps) {
      if (hasGates(pacer)) chooseRoute(pacer, waiting, slot, sourceGpu[i], destinationGpu[i]);
      if (faults.length > 0) {
        passAllOutages(pacer, waiting, faults, dpu, place, nowNs);
        pacer[load + LOST_BEFORE_NS] = lostNs(pacer, waiting, faults, dpu, place, nowNs);
      }
    }
    const latestNs = hasGates(pacer)
      ? latestStartNs(pacer, waiting, dpu, place)
      : localNs - sizeBytes[i] / pacer[dpu + LEAST_RATE];
    setKey(pacer, treeAt(pacer, dpu, LATEST_STARTS), inner, place, latestNs);
    let firstNs = latestNs;
    if (fromNs > nowNs) {
      setKey(pacer, treeAt(pacer, dpu, ARRIVALS), inner, place, fromNs);
      firstNs = min(firstNs, fromNs);
    } else {
      // Where others are waiting already, the queue is looked at when the next one can be read.
      if (pacer[dpu + TREES] === Infinity) firstNs = -Infinity;
      enter(pacer, dpu + TREES, 2 * treeAt(pacer, dpu, BEST), loads, inner, place, pacer[load + KEY]);
    }
    if (firstNs < pacer[HEADER + queue] || hasGates(pacer)) refresh(pacer, waiting, queue, nowNs);
    accepted++;
  }
  settle(pacer, waiting, faults, nowNs);
  return accepted;
}

/** A free place of a DPU, the one freed last; or NONE. */
function takePlace(pacer: StaticArray<f64>, dpu: u32): u32 {
  const words = changetype<StaticArray<u32>>(pacer);
  const free = words[(dpu + FREE) * 2];
  if (free === 0) return NONE;
  words[(dpu + FREE) * 2] = free - 1;
  return words[(dpu + whole(pacer, FREE_AT)) * 2 + free - 1];
}

/** The gates of a load: its source's and its sink's, and those where it leaves a node or a pod and enters another. */
function chooseRoute(
  pacer: StaticArray<f64>,
  waiting: StaticArray<u32>,
  slot: u32,
  sourceGpu: u32,
  destinationGpu: u32,
): void {
  const row = waitingAt(pacer, slot);
  let count: u32 = 0;
  for (let kind = 0; kind < GATE_KINDS; kind++) {
    const gpusPerGate = whole(pacer, GATES_AT + 2 * kind);
    const first = whole(pacer, GATES_AT + 2 * kind + 1);
    if (first === 0) continue;
    const from = sourceGpu / gpusPerGate;
    const to = destinationGpu / gpusPerGate;
    if (kind >= NODE_UP && from === to) continue;
    waiting[row + ROUTE + ++count] = first + ((kind & 1) === 0 ? from : to);
  }
  waiting[row + ROUTE] = count;
}

/**
 * Takes the first `count` reads as completed, those of 0 bytes aside, and says which loads ended with them and how many; or
 * the complement of the first read that was not issued, and then no load has changed; `endedSlots` may have.
 */
export function completeReads(
  endedSlots: StaticArray<u32>,
  slots: StaticArray<u32>,
  bytes: StaticArray<f64>,
  pacer: StaticArray<f64>,
  count: i32,
): i32 {
  assert(count <= slots.length, "there are as many rows as are to be completed");
  let ended = 0;
  for (let i = 0; i < count; i++) {
    if (bytes[i] === 0) continue;
    const isThere = isUnderWay(pacer, slots[i]);
    const load = isThere ? loadAt(pacer, slots[i]) : 0;
    if (!isThere || !(bytes[i] > 0 && bytes[i] <= pacer[load + BYTES_OUT] - pacer[load + BYTES_LEFT])) {
      for (let j = 0; j < i; j++) if (bytes[j] !== 0) pacer[loadAt(pacer, slots[j]) + BYTES_OUT] += bytes[j];
      return ~i;
    }
    pacer[load + BYTES_OUT] -= bytes[i];
    if (pacer[load + BYTES_OUT] === 0) endedSlots[ended++] = slots[i];
  }
  for (let i = 0; i < ended; i++) free(pacer, dpuAt(pacer, dpuOf(pacer, endedSlots[i])), placeOf(pacer, endedSlots[i]));
  return ended;
}

/** Takes a load back at `nowNs`, wherever it is; 0 if there is none in `slot`. */
export function cancelLoad(
  slot: u32,
  pacer: StaticArray<f64>,
  waiting: StaticArray<u32>,
  faults: StaticArray<f32>,
  nowNs: f64,
): i32 {
  if (!isUnderWay(pacer, slot)) return 0;
  const dpu = dpuAt(pacer, dpuOf(pacer, slot));
  const gate = gateOf(pacer, waiting, slot);
  if (pacer[loadAt(pacer, slot) + BYTES_LEFT] > 0) takeOut(pacer, waiting, slot);
  free(pacer, dpu, placeOf(pacer, slot));
  pacer[dpu + CLOCK_NS] = max(pacer[dpu + CLOCK_NS], nowNs);
  if (gate !== NONE) refresh(pacer, waiting, gate, nowNs);
  refresh(pacer, waiting, dpuOf(pacer, slot), nowNs);
  settle(pacer, waiting, faults, nowNs);
  return 1;
}

/** Gives a load another deadline at `nowNs`; 0 if there is none in `slot`. */
export function reprioritiseLoad(
  slot: u32,
  deadlineNs: f64,
  pacer: StaticArray<f64>,
  waiting: StaticArray<u32>,
  faults: StaticArray<f32>,
  nowNs: f64,
): i32 {
  if (!isUnderWay(pacer, slot)) return 0;
  const dpu = dpuAt(pacer, dpuOf(pacer, slot));
  const place = placeOf(pacer, slot);
  const load = loadAt(pacer, slot);
  const inner = whole(pacer, INNER);
  pacer[load + LOCAL_DEADLINE] = deadlineNs - pacer[AFTER_READ_NS];
  if (pacer[load + BYTES_LEFT] === 0) return 1;
  const gate = gateOf(pacer, waiting, slot);
  if (whole(pacer, BY_DEADLINE) !== 0) {
    const isOffered = hasArrived(pacer, dpu, place);
    if (isOffered) remove(pacer, waiting, slot);
    pacer[load + KEY] = pacer[load + LOCAL_DEADLINE];
    if (isOffered) {
      if (gate === NONE) offer(pacer, dpu, place);
      else hold(pacer, waiting, gate, slot);
    }
  }
  setKey(pacer, treeAt(pacer, dpu, LATEST_STARTS), inner, place, latestStartNs(pacer, waiting, dpu, place));
  pacer[dpu + CLOCK_NS] = max(pacer[dpu + CLOCK_NS], nowNs);
  if (gate !== NONE) refresh(pacer, waiting, gate, nowNs);
  refresh(pacer, waiting, dpuOf(pacer, slot), nowNs);
  settle(pacer, waiting, faults, nowNs);
  return 1;
}

/** Whether there is a load in `slot`, which may be any number. */
function isUnderWay(pacer: StaticArray<f64>, slot: u32): bool {
  return (
    dpuOf(pacer, slot) < whole(pacer, DPUS) &&
    placeOf(pacer, slot) < whole(pacer, DEPTH) &&
    pacer[loadAt(pacer, slot) + BYTES_OUT] > 0
  );
}
