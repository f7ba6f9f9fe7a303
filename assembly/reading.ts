import { gateOf, rootOf } from "./heap";
import {
  ARRIVALS,
  BEST,
  BYTES_LEFT,
  CHUNK_BYTES,
  CLOCK_NS,
  CREDIT_NS,
  DPUS,
  DROPS,
  END_NS,
  EVENT_AT_NS,
  EVENT_BYTES,
  EVENT_BYTES_LEFT,
  EVENT_COLUMNS,
  EVENT_END_NS,
  EVENT_HELD_NS,
  HEADER,
  INNER,
  LATEST_STARTS,
  LEAST_RATE,
  LOAD,
  LOADS_AT,
  LOST_BEFORE_NS,
  NONE,
  PACE,
  PORTS,
  RATE,
  SAVED_NS,
  SELF_COMPLETING,
  SLOT_BITS,
  TAKEN_NS,
  TREES,
} from "./layout";
import { passOutages } from "./links";
import { free, hasArrived, offer, remove, takeOut } from "./loads";
import { clearKey, leastLeaf, leave } from "./minima";
import { bestPlace, dpuAt, dpuOf, hasGates, placeOf, slotAt, treeAt, whole } from "./places";
import { ARRIVAL, dueOn, EXPIRY, firstQueue, putOffLatest, refresh, settle } from "./queues";
import { carryAll, lostNs } from "./routes";

/**
 * What happens up to `nowNs`: reads, each a chunk of the most urgent load that can be read, and loads that are past their
 * latest start, of 0 bytes. What happens on one DPU is in order of time; where there are gates, all is. Returns how many;
 * as many as there is room for means that there may be more. `events` has a column after the other, of rows as there are
 * `slots`: see layout.ts.
 */
export function advanceLoads(
  slots: StaticArray<u32>,
  events: StaticArray<f64>,
  pacer: StaticArray<f64>,
  waiting: StaticArray<u32>,
  faults: StaticArray<f32>,
  nowNs: f64,
): i32 {
  assert(events.length >= EVENT_COLUMNS * slots.length, "every slot has a row");
  const gated = hasGates(pacer);
  let row = 0;
  while (row < slots.length) {
    // What a stretch of one DPU begins with may be too early.
    const queue = gated ? settle(pacer, waiting, faults, nowNs) : firstQueue(pacer);
    const atNs = pacer[HEADER + queue];
    if (atNs > nowNs) break;
    if (gated) row = advanceQueue(slots, events, row, pacer, waiting, faults, queue, atNs);
    else row = advanceDpu(slots, events, row, pacer, waiting, faults, queue, nowNs);
    refresh(pacer, waiting, queue, atNs);
  }
  settle(pacer, waiting, faults, nowNs);
  return row;
}

/**
 * Does what is due on a DPU up to `nowNs`, and returns the row behind its events. Without gates DPUs have nothing in common,
 * so each is dealt with at a stretch.
 */
function advanceDpu(
  slots: StaticArray<u32>,
  events: StaticArray<f64>,
  row: i32,
  pacer: StaticArray<f64>,
  waiting: StaticArray<u32>,
  faults: StaticArray<f32>,
  queue: u32,
  nowNs: f64,
): i32 {
  const dpu = dpuAt(pacer, queue);
  const ports = dpu + PORTS;
  const inner = whole(pacer, INNER);
  const keys = dpu + TREES;
  const best = 2 * treeAt(pacer, dpu, BEST);
  const latestStarts = treeAt(pacer, dpu, LATEST_STARTS);
  const arrivals = treeAt(pacer, dpu, ARRIVALS);
  const loads = dpu + whole(pacer, LOADS_AT);
  const firstSlot = queue << whole(pacer, SLOT_BITS);
  const rows = slots.length;
  const chunkBytes = pacer[CHUNK_BYTES];
  const selfCompleting = whole(pacer, SELF_COMPLETING) !== 0;
  const hasFaults = faults.length > 0;
  let clockNs = pacer[dpu + CLOCK_NS];
  while (row < rows) {
    const arrivalNs = pacer[arrivals];
    const latestNs = later(clockNs, pacer[latestStarts]);
    let readNs = Infinity;
    if (pacer[keys] < Infinity) readNs = later(clockNs, later(pacer[dpu + CREDIT_NS], pacer[ports + TAKEN_NS]));
    // What comes sooner is told of the links as they are then.
    if (hasFaults && readNs <= nowNs && readNs <= arrivalNs && readNs <= latestNs) {
      passOutages(pacer, faults, ports, readNs);
      readNs = later(readNs, pacer[ports + TAKEN_NS]);
    }
    // At one instant loads arrive, the most urgent is read, and others are too late.
    if (arrivalNs <= readNs && arrivalNs <= latestNs) {
      if (arrivalNs > nowNs) break;
      clockNs = arrivalNs;
      arrive(pacer, waiting, faults, dpu, arrivalNs);
    } else if (readNs <= latestNs) {
      if (readNs > nowNs) break;
      clockNs = readNs;
      const place = changetype<StaticArray<u32>>(pacer)[best];
      const load = loads + place * LOAD;
      const bytes = takeChunk(pacer, dpu, load, chunkBytes, readNs);
      let endNs = readNs + bytes / pacer[dpu + LEAST_RATE];
      if (hasFaults) endNs = carryAll(pacer, waiting, faults, dpu, place, bytes, readNs);
      else pacer[ports + TAKEN_NS] = readNs + bytes / pacer[ports + RATE];
      endNs = later(pacer[load + END_NS], endNs);
      pacer[load + END_NS] = endNs;
      const bytesLeft = pacer[load + BYTES_LEFT];
      slots[row] = firstSlot | place;
      tell(events, row, rows, bytes, bytesLeft, readNs, endNs);
      events[EVENT_HELD_NS * rows + row] = hasFaults ? heldNs(pacer, waiting, faults, dpu, place, endNs) : 0;
      row++;
      if (bytesLeft === 0) {
        leave(pacer, keys, best, loads, inner, place);
        if (selfCompleting) free(pacer, dpu, place);
      }
    } else {
      if (latestNs > nowNs) break;
      clockNs = latestNs;
      if (putOffLatest(pacer, waiting, dpu, latestNs)) continue;
      const place = leastLeaf(pacer, latestStarts, inner);
      slots[row] = firstSlot | place;
      expire(events, row++, rows, pacer, waiting, faults, dpu, place, latestNs);
    }
  }
  pacer[dpu + CLOCK_NS] = clockNs;
  return row;
}

/** Does what is due in a queue at `atNs` where there are gates, and returns the row behind it. */
function advanceQueue(
  slots: StaticArray<u32>,
  events: StaticArray<f64>,
  row: i32,
  pacer: StaticArray<f64>,
  waiting: StaticArray<u32>,
  faults: StaticArray<f32>,
  queue: u32,
  atNs: f64,
): i32 {
  const rows = slots.length;
  if (queue >= whole(pacer, DPUS)) {
    const slot = rootOf(pacer, waiting, queue);
    slots[row] = slot;
    read(events, row, rows, pacer, waiting, faults, slot, atNs);
    return row + 1;
  }
  const dpu = dpuAt(pacer, queue);
  const inner = whole(pacer, INNER);
  const firstSlot = queue << whole(pacer, SLOT_BITS);
  const due = dueOn(pacer, dpu, atNs);
  pacer[dpu + CLOCK_NS] = atNs;
  if (due === ARRIVAL) {
    arrive(pacer, waiting, faults, dpu, atNs);
    return row;
  }
  if (due === EXPIRY) {
    const place = leastLeaf(pacer, treeAt(pacer, dpu, LATEST_STARTS), inner);
    slots[row] = firstSlot | place;
    const gate = gateOf(pacer, waiting, slots[row]);
    expire(events, row, rows, pacer, waiting, faults, dpu, place, atNs);
    if (gate !== NONE) refresh(pacer, waiting, gate, atNs);
  } else {
    slots[row] = firstSlot | bestPlace(pacer, dpu);
    read(events, row, rows, pacer, waiting, faults, slots[row], atNs);
  }
  return row + 1;
}

/** Puts the first of a DPU's loads to arrive, which it does at `atNs`, among those that the DPU may read. */
function arrive(
  pacer: StaticArray<f64>,
  waiting: StaticArray<u32>,
  faults: StaticArray<f32>,
  dpu: u32,
  atNs: f64,
): void {
  const arrivals = treeAt(pacer, dpu, ARRIVALS);
  const inner = whole(pacer, INNER);
  const place = leastLeaf(pacer, arrivals, inner);
  clearKey(pacer, arrivals, inner, place);
  const load = dpu + whole(pacer, LOADS_AT) + place * LOAD;
  if (faults.length > 0) pacer[load + LOST_BEFORE_NS] = lostNs(pacer, waiting, faults, dpu, place, atNs);
  offer(pacer, dpu, place);
}

/** Reads a chunk of the load in `slot`, which can be read at `atNs`, through gates. */
function read(
  events: StaticArray<f64>,
  row: i32,
  rows: i32,
  pacer: StaticArray<f64>,
  waiting: StaticArray<u32>,
  faults: StaticArray<f32>,
  slot: u32,
  atNs: f64,
): void {
  const dpu = dpuAt(pacer, dpuOf(pacer, slot));
  const place = placeOf(pacer, slot);
  const load = dpu + whole(pacer, LOADS_AT) + place * LOAD;
  const bytes = takeChunk(pacer, dpu, load, pacer[CHUNK_BYTES], atNs);
  const bytesLeft = pacer[load + BYTES_LEFT];
  const endNs = later(pacer[load + END_NS], carryAll(pacer, waiting, faults, dpu, place, bytes, atNs));
  pacer[load + END_NS] = endNs;
  tell(events, row, rows, bytes, bytesLeft, atNs, endNs);
  events[EVENT_HELD_NS * rows + row] = heldNs(pacer, waiting, faults, dpu, place, endNs);
  if (bytesLeft > 0) return;
  remove(pacer, waiting, slot);
  if (whole(pacer, SELF_COMPLETING) !== 0) free(pacer, dpu, place);
}

/** Takes the next chunk, of `chunkBytes` at most, from what is left of a load, and its credit from the DPU; returns its bytes. */
function takeChunk(pacer: StaticArray<f64>, dpu: u32, load: u32, chunkBytes: f64, atNs: f64): f64 {
  const left = pacer[load + BYTES_LEFT];
  const bytes = chunkBytes < left ? chunkBytes : left;
  pacer[load + BYTES_LEFT] = left - bytes;
  pacer[dpu + CREDIT_NS] = later(pacer[dpu + CREDIT_NS], atNs - pacer[dpu + SAVED_NS]) + bytes / pacer[dpu + PACE];
  return bytes;
}

/** Writes the row of an event, but for how long it was held. */
function tell(events: StaticArray<f64>, row: i32, rows: i32, bytes: f64, bytesLeft: f64, atNs: f64, endNs: f64): void {
  events[EVENT_BYTES * rows + row] = bytes;
  events[EVENT_BYTES_LEFT * rows + row] = bytesLeft;
  events[EVENT_AT_NS * rows + row] = atNs;
  events[EVENT_END_NS * rows + row] = endNs;
}

/** How long faults have held the links of the load in `place`, which has arrived, from then to `ns`. */
function heldNs(
  pacer: StaticArray<f64>,
  waiting: StaticArray<u32>,
  faults: StaticArray<f32>,
  dpu: u32,
  place: u32,
  ns: f64,
): f64 {
  if (faults.length === 0) return 0;
  const load = dpu + whole(pacer, LOADS_AT) + place * LOAD;
  return lostNs(pacer, waiting, faults, dpu, place, ns) - pacer[load + LOST_BEFORE_NS];
}

/** Has the load in `place` be too late at `atNs`, which drops it if that was chosen. */
function expire(
  events: StaticArray<f64>,
  row: i32,
  rows: i32,
  pacer: StaticArray<f64>,
  waiting: StaticArray<u32>,
  faults: StaticArray<f32>,
  dpu: u32,
  place: u32,
  atNs: f64,
): void {
  const load = dpu + whole(pacer, LOADS_AT) + place * LOAD;
  const endNs = later(atNs, pacer[load + END_NS]);
  tell(events, row, rows, 0, pacer[load + BYTES_LEFT], atNs, endNs);
  events[EVENT_HELD_NS * rows + row] = hasArrived(pacer, dpu, place)
    ? heldNs(pacer, waiting, faults, dpu, place, endNs)
    : 0;
  if (pacer[load + DROPS] !== 0) {
    takeOut(pacer, waiting, slotAt(pacer, dpu, place));
    free(pacer, dpu, place);
  } else {
    clearKey(pacer, treeAt(pacer, dpu, LATEST_STARTS), whole(pacer, INNER), place);
  }
}

/** The later of two instants; unlike `max` it need not mind NaN and -0. */
function later(a: f64, b: f64): f64 {
  return a > b ? a : b;
}
