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
  const unsound = firstUnsound(sourceGpu, destinationGpu, sizeBytes, deadlineNs, arrivalNs, whole(pacer, GPUS), count);
  if (unsound < count) return ~unsound;
  // Read once, as nobody but us knows that they stay the same; where things are in a DPU, from its beginning.
  const gated = hasGates(pacer);
  const gpusPerDpu = whole(pacer, GPUS_PER_DPU);
  const byDeadline = whole(pacer, BY_DEADLINE) !== 0;
  const afterReadNs = pacer[AFTER_READ_NS];
  const inner = whole(pacer, INNER);
  const slotBits = whole(pacer, SLOT_BITS);
  const loadsAt = whole(pacer, LOADS_AT);
  const latestStartsAt = treeAt(pacer, 0, LATEST_STARTS);
  const arrivalsAt = treeAt(pacer, 0, ARRIVALS);
  const bestAt = treeAt(pacer, 0, BEST);
  let accepted = 0;
  for (let i = 0; i < count; i++) {
    const queue = destinationGpu[i] / gpusPerDpu;
    const dpu = dpuAt(pacer, queue);
    const place = takePlace(pacer, dpu);
    slots[i] = place === NONE ? NONE : (queue << slotBits) | place;
    if (place === NONE) continue;
    const bytes = sizeBytes[i];
    const localNs = deadlineNs[i] - afterReadNs;
    const fromNs = arrivalNs[i] > nowNs ? arrivalNs[i] : nowNs;
    const key = byDeadline ? localNs : fromNs;
    const load = dpu + loadsAt + place * LOAD;
    pacer[load + BYTES_LEFT] = bytes;
    pacer[load + BYTES_OUT] = bytes;
    pacer[load + LOCAL_DEADLINE] = localNs;
    pacer[load + KEY] = key;
    pacer[load + SEQUENCE] = pacer[ACCEPTED]++;
    pacer[load + END_NS] = 0;
    pacer[load + DROPS] = dropLate[i];
    if (pacer[dpu + CLOCK_NS] < nowNs) pacer[dpu + CLOCK_NS] = nowNs;
    if (gated) chooseRoute(pacer, waiting, slots[i], sourceGpu[i], destinationGpu[i]);
    if (faults.length > 0) {
      passAllOutages(pacer, waiting, faults, dpu, place, nowNs);
      pacer[load + LOST_BEFORE_NS] = lostNs(pacer, waiting, faults, dpu, place, nowNs);
    }
    const latestNs = gated ? latestStartNs(pacer, waiting, dpu, place) : localNs - bytes / pacer[dpu + LEAST_RATE];
    setKey(pacer, dpu + latestStartsAt, inner, place, latestNs);
    let firstNs = latestNs;
    if (fromNs > nowNs) {
      setKey(pacer, dpu + arrivalsAt, inner, place, fromNs);
      if (fromNs < firstNs) firstNs = fromNs;
    } else {
      // Where others are waiting already, the queue is looked at when the next one can be read.
      if (pacer[dpu + TREES] === Infinity) firstNs = -Infinity;
      enter(pacer, dpu + TREES, 2 * (dpu + bestAt), dpu + loadsAt, inner, place, key);
    }
    if (firstNs < pacer[HEADER + queue] || gated) refresh(pacer, waiting, queue, nowNs);
    accepted++;
  }
  settle(pacer, waiting, faults, nowNs);
  return accepted;
}

/** The first row that is no load between `gpus` GPUs, or how many rows there are. */
function firstUnsound(
  sourceGpu: StaticArray<u32>,
  destinationGpu: StaticArray<u32>,
  sizeBytes: StaticArray<f64>,
  deadlineNs: StaticArray<f64>,
  arrivalNs: StaticArray<f64>,
  gpus: u32,
  count: i32,
): i32 {
  let i = 0;
  for (; i < count; i++) {
    // One branch a row, not one a condition.
    const bytes = sizeBytes[i];
    const isLoad =
      i32(bytes >= 1) &
      i32(bytes <= LARGEST) &
      i32(floor(bytes) === bytes) &
      i32(deadlineNs[i] >= 0) &
      i32(deadlineNs[i] < Infinity) &
      i32(arrivalNs[i] < Infinity) &
      i32(sourceGpu[i] < gpus) &
      i32(destinationGpu[i] < gpus);
    if (isLoad === 0) break;
  }
  return i;
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
