import { queueOf, rootOf, take } from "./heap";
import {
  ACCEPTED,
  AFTER_READ_NS,
  BUCKETS,
  BY_DEADLINE,
  CHUNK_BYTES,
  FIRST_SINK,
  FIRST_SOURCE,
  FREE,
  GPUS,
  GPUS_PER_DPU,
  LOAD,
  NODE,
  NONE,
  QUEUE,
} from "./layout";
import { charge, dequeue, enqueue, rateOf, refresh, settle, unwatch, watch } from "./queues";

// Loads wait in queues (see queues.ts) for their reads; what happens to them, happens at instants that a caller tells.

const LARGEST: f64 = 9007199254740991;

/**
 * Puts the first `count` loads in the queues of their DPUs at `nowNs`, as many as there are slots for, and says which slots
 * and how many; or the complement of the first one that is no load, and then nothing has changed.
 */
export function submitLoads(
  slots: StaticArray<u32>,
  sourceGpu: StaticArray<u32>,
  destinationGpu: StaticArray<u32>,
  sizeBytes: StaticArray<f64>,
  deadlineNs: StaticArray<f64>,
  dropLate: StaticArray<u32>,
  pacer: StaticArray<f64>,
  free: StaticArray<u32>,
  loads: StaticArray<f64>,
  nodes: StaticArray<f64>,
  entries: StaticArray<f64>,
  pages: StaticArray<u32>,
  buckets: StaticArray<f64>,
  queues: StaticArray<f64>,
  winners: StaticArray<u32>,
  count: i32,
  nowNs: f64,
): i32 {
  assert(count <= slots.length, "there are as many rows as are to be submitted");
  const gpus = <u32>pacer[GPUS];
  for (let i = 0; i < count; i++) {
    const bytes = sizeBytes[i];
    const sound =
      bytes >= 1 && bytes <= LARGEST && floor(bytes) === bytes && deadlineNs[i] >= 0 && deadlineNs[i] < Infinity;
    if (!sound || sourceGpu[i] >= gpus || destinationGpu[i] >= gpus) return ~i;
  }
  const gpusPerDpu = <u32>pacer[GPUS_PER_DPU];
  const firstSource = <u32>pacer[FIRST_SOURCE];
  const firstSink = <u32>pacer[FIRST_SINK];
  const watches = <u32>pacer[BUCKETS];
  const byDeadline = pacer[BY_DEADLINE] > 0;
  const capacity = <u32>free.length;
  const available = <i32>pacer[FREE];
  const accepted = min(count, available);
  const routes = changetype<StaticArray<u32>>(loads);
  for (let i = 0; i < accepted; i++) {
    const slot = free[available - 1 - i];
    const row = slot * LOAD;
    const dpu = destinationGpu[i] / gpusPerDpu;
    const source = firstSource === NONE ? NONE : firstSource + sourceGpu[i];
    const sink = firstSink === NONE ? NONE : firstSink + destinationGpu[i];
    loads[row] = sizeBytes[i];
    loads[row + 1] = sizeBytes[i];
    loads[row + 2] = deadlineNs[i] - pacer[AFTER_READ_NS];
    loads[row + 3] = min(rateOf(buckets, dpu), min(rateOf(buckets, source), rateOf(buckets, sink)));
    routes[row * 2 + 8] = dpu;
    routes[row * 2 + 9] = source;
    routes[row * 2 + 10] = sink;
    routes[row * 2 + 11] = dropLate[i];
    slots[i] = slot;
    nodes[slot * NODE] = byDeadline ? loads[row + 2] : 0;
    nodes[slot * NODE + 1] = pacer[ACCEPTED] + <f64>i;
    nodes[(capacity + slot) * NODE + 1] = pacer[ACCEPTED] + <f64>i;
    enqueue(nodes, entries, pages, buckets, queues, winners, watches, dpu, slot, nowNs);
    watch(loads, nodes, entries, pages, buckets, queues, winners, watches, slot, nowNs);
  }
  pacer[ACCEPTED] += <f64>accepted;
  pacer[FREE] = <f64>(available - accepted);
  settle(loads, nodes, entries, pages, buckets, queues, winners, watches);
  return accepted;
}

/**
 * What happens up to `nowNs`, in order of time: reads, each a chunk of the most urgent load that has credit everywhere, and
 * loads that are past their latest start, of 0 bytes. Returns how many; as many as there is room for means that there may
 * be more.
 */
export function advanceLoads(
  eventSlot: StaticArray<u32>,
  eventBytes: StaticArray<f64>,
  eventBytesLeft: StaticArray<f64>,
  eventAtNs: StaticArray<f64>,
  pacer: StaticArray<f64>,
  free: StaticArray<u32>,
  loads: StaticArray<f64>,
  nodes: StaticArray<f64>,
  entries: StaticArray<f64>,
  pages: StaticArray<u32>,
  buckets: StaticArray<f64>,
  queues: StaticArray<f64>,
  winners: StaticArray<u32>,
  nowNs: f64,
): i32 {
  const watches = <u32>pacer[BUCKETS];
  const chunkBytes = pacer[CHUNK_BYTES];
  const capacity = <u32>free.length;
  const routes = changetype<StaticArray<u32>>(loads);
  let events = 0;
  while (events < eventSlot.length) {
    const queue = settle(loads, nodes, entries, pages, buckets, queues, winners, watches);
    const atNs = queues[queue * QUEUE];
    if (!(atNs <= nowNs)) break;
    const node = rootOf(queues, queue);
    const isRead = queue < watches;
    const slot = isRead ? node : node - capacity;
    const row = slot * LOAD;
    const bytes = isRead ? min(chunkBytes, loads[row]) : 0;
    eventSlot[events] = slot;
    eventBytes[events] = bytes;
    eventBytesLeft[events] = loads[row] - bytes;
    eventAtNs[events] = atNs;
    events++;
    if (isRead) {
      loads[row] -= bytes;
      for (let i: u32 = 8; i < 11; i++) charge(buckets, routes[row * 2 + i], bytes, atNs);
      if (loads[row] === 0) {
        take(nodes, entries, pages, queues, node);
        unwatch(nodes, entries, pages, queues, capacity + slot);
      }
      refresh(nodes, buckets, queues, winners, watches, queue, atNs);
    } else {
      unwatch(nodes, entries, pages, queues, node);
      refresh(nodes, buckets, queues, winners, watches, queue, atNs);
      if (routes[row * 2 + 11] !== 0) {
        dequeue(nodes, entries, pages, buckets, queues, winners, watches, slot, atNs);
        release(pacer, free, loads, slot);
      }
    }
  }
  return events;
}

/**
 * Takes the first `count` reads as completed, those of 0 bytes aside, and says which loads ended with them and how many; or
 * the complement of the first read that was not issued, and then nothing has changed.
 */
export function completeReads(
  endedSlot: StaticArray<u32>,
  readSlot: StaticArray<u32>,
  readBytes: StaticArray<f64>,
  pacer: StaticArray<f64>,
  free: StaticArray<u32>,
  loads: StaticArray<f64>,
  count: i32,
): i32 {
  assert(count <= readSlot.length, "there are as many rows as are to be completed");
  let ended = 0;
  for (let i = 0; i < count; i++) {
    const slot = readSlot[i];
    const bytes = readBytes[i];
    if (bytes === 0) continue;
    const row = slot * LOAD;
    if (!isUnderWay(free, loads, slot) || !(bytes > 0 && bytes <= loads[row + 1] - loads[row])) {
      for (let j = 0; j < i; j++) if (readBytes[j] !== 0) loads[readSlot[j] * LOAD + 1] += readBytes[j];
      return ~i;
    }
    loads[row + 1] -= bytes;
    if (loads[row + 1] === 0) endedSlot[ended++] = slot;
  }
  for (let i = 0; i < ended; i++) release(pacer, free, loads, endedSlot[i]);
  return ended;
}

/** Takes a load back at `nowNs`, wherever it is; 0 if there is none in `slot`. */
export function cancelLoad(
  slot: u32,
  pacer: StaticArray<f64>,
  free: StaticArray<u32>,
  loads: StaticArray<f64>,
  nodes: StaticArray<f64>,
  entries: StaticArray<f64>,
  pages: StaticArray<u32>,
  buckets: StaticArray<f64>,
  queues: StaticArray<f64>,
  winners: StaticArray<u32>,
  nowNs: f64,
): i32 {
  if (!isUnderWay(free, loads, slot)) return 0;
  const watches = <u32>pacer[BUCKETS];
  dequeue(nodes, entries, pages, buckets, queues, winners, watches, slot, nowNs);
  unwatch(nodes, entries, pages, queues, <u32>free.length + slot);
  release(pacer, free, loads, slot);
  settle(loads, nodes, entries, pages, buckets, queues, winners, watches);
  return 1;
}

/** Gives a load another deadline at `nowNs`; 0 if there is none in `slot`. */
export function reprioritiseLoad(
  slot: u32,
  deadlineNs: f64,
  pacer: StaticArray<f64>,
  free: StaticArray<u32>,
  loads: StaticArray<f64>,
  nodes: StaticArray<f64>,
  entries: StaticArray<f64>,
  pages: StaticArray<u32>,
  buckets: StaticArray<f64>,
  queues: StaticArray<f64>,
  winners: StaticArray<u32>,
  nowNs: f64,
): i32 {
  if (!isUnderWay(free, loads, slot)) return 0;
  const watches = <u32>pacer[BUCKETS];
  const row = slot * LOAD;
  loads[row + 2] = deadlineNs - pacer[AFTER_READ_NS];
  if (loads[row] === 0) return 1;
  if (pacer[BY_DEADLINE] > 0) {
    const queue = queueOf(nodes, slot);
    dequeue(nodes, entries, pages, buckets, queues, winners, watches, slot, nowNs);
    nodes[slot * NODE] = loads[row + 2];
    enqueue(nodes, entries, pages, buckets, queues, winners, watches, queue, slot, nowNs);
  }
  unwatch(nodes, entries, pages, queues, <u32>free.length + slot);
  watch(loads, nodes, entries, pages, buckets, queues, winners, watches, slot, nowNs);
  settle(loads, nodes, entries, pages, buckets, queues, winners, watches);
  return 1;
}

/** Whether there is a load in `slot`, which may be any number. */
function isUnderWay(free: StaticArray<u32>, loads: StaticArray<f64>, slot: u32): bool {
  return slot < <u32>free.length && loads[slot * LOAD + 1] > 0;
}

/** Frees the slot of a load that is in no queue; nothing is left to complete of it. */
function release(pacer: StaticArray<f64>, free: StaticArray<u32>, loads: StaticArray<f64>, slot: u32): void {
  loads[slot * LOAD] = 0;
  loads[slot * LOAD + 1] = -1;
  free[<i32>pacer[FREE]] = slot;
  pacer[FREE] += 1;
}
