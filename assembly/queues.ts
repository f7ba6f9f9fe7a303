import { hold, isBefore, rootOf } from "./heap";
import {
  ARRIVALS,
  CLOCK_NS,
  CREDIT_NS,
  DPUS,
  HEADER,
  INNER,
  LATEST_STARTS,
  LEAVES,
  NONE,
  PORTS,
  ROUTE,
  TREES,
} from "./layout";
import { freeFromNs, passOutages } from "./links";
import { latestStartNs, offer, remove } from "./loads";
import { leastLeaf, setKey } from "./minima";
import { bestPlace, dpuAt, dpuOf, gateAt, hasGates, placeOf, slotAt, treeAt, waitingAt, whole } from "./places";
import { passAllOutages } from "./routes";

// A load is read when its DPU has a chunk's credit and free ports, and every gate of its route is free. It waits in its DPU's
// tree of keys; or for a gate that comes free later than the DPU, and moves when that turns out not to be the last. A queue
// (a DPU, a gate) has an instant, never after its next event, and a tournament finds the first:
//
//     winners:    | - | 1 |  2 | 3 |  4 | 5 | 6 | 7 |  leaves: queue 0, 1, 2 ...  |      winner[i] of 2i and 2i + 1

/** What is due on a DPU: at one instant loads arrive before one is read, and that before one is too late. */
export const ARRIVAL = 0;
export const READ = 1;
export const EXPIRY = 2;

/**
 * The queue of the next event; its instant is Infinity if there is none, and exact up to `nowNs`, which it has come to be. After
 * that it is exact where links do not fail, and never too late.
 */
export function settle(pacer: StaticArray<f64>, waiting: StaticArray<u32>, faults: StaticArray<f32>, nowNs: f64): u32 {
  let queue = firstQueue(pacer);
  while (putOff(pacer, waiting, faults, queue, nowNs)) queue = firstQueue(pacer);
  return queue;
}

/** The queue that has the first instant, which may be too early. */
export function firstQueue(pacer: StaticArray<f64>): u32 {
  return changetype<StaticArray<u32>>(pacer)[(HEADER + whole(pacer, LEAVES)) * 2 + 1];
}

/** Whether a queue's instant was too early; it is put off then, or its first load moved. */
function putOff(
  pacer: StaticArray<f64>,
  waiting: StaticArray<u32>,
  faults: StaticArray<f32>,
  queue: u32,
  nowNs: f64,
): bool {
  const atNs = pacer[HEADER + queue];
  const hasFaults = faults.length > 0;
  // A link that goes out later is free at first: who looks ahead would see a load go to and fro.
  if (atNs === Infinity || (hasFaults && atNs > nowNs)) return false;
  if (queue >= whole(pacer, DPUS)) {
    const slot = rootOf(pacer, waiting, queue);
    if (slot !== NONE) {
      if (hasFaults)
        passAllOutages(pacer, waiting, faults, dpuAt(pacer, dpuOf(pacer, slot)), placeOf(pacer, slot), atNs);
      const last = lastToFree(pacer, waiting, slot, atNs);
      if (last === NONE) return false;
      if (last !== queue) move(pacer, waiting, slot, last, atNs);
    }
    refresh(pacer, waiting, queue, atNs);
    return true;
  }
  const dpu = dpuAt(pacer, queue);
  if (hasFaults) passOutages(pacer, faults, dpu + PORTS, atNs);
  const due = dueOn(pacer, dpu, atNs);
  let isMoved: bool = false;
  if (due === EXPIRY) isMoved = putOffLatest(pacer, waiting, dpu, atNs);
  else if (due === READ && hasGates(pacer)) {
    const place = bestPlace(pacer, dpu);
    if (hasFaults) passAllOutages(pacer, waiting, faults, dpu, place, atNs);
    const slot = slotAt(pacer, dpu, place);
    const last = lastToFree(pacer, waiting, slot, atNs);
    isMoved = last !== NONE;
    if (isMoved) move(pacer, waiting, slot, last, atNs);
  }
  // A DPU's instant may also be that of something which has gone since.
  if (isMoved || dueNs(pacer, dpu) > atNs) {
    refresh(pacer, waiting, queue, atNs);
    return true;
  }
  return false;
}

/** Whether the first of a DPU's latest starts, due at `atNs`, was too early for what was read since; it is put off then. */
export function putOffLatest(pacer: StaticArray<f64>, waiting: StaticArray<u32>, dpu: u32, atNs: f64): bool {
  const tree = treeAt(pacer, dpu, LATEST_STARTS);
  if (pacer[tree] > atNs) return false;
  const place = leastLeaf(pacer, tree, whole(pacer, INNER));
  const latestNs = latestStartNs(pacer, waiting, dpu, place);
  if (latestNs <= pacer[tree]) return false;
  setKey(pacer, tree, whole(pacer, INNER), place, latestNs);
  return true;
}

/** Which of those that a load draws on is free or has credit last, if that is after `atNs`: its DPU, a gate, or NONE. */
function lastToFree(pacer: StaticArray<f64>, waiting: StaticArray<u32>, slot: u32, atNs: f64): u32 {
  const dpu = dpuOf(pacer, slot);
  let last: u32 = NONE;
  let lastNs = atNs;
  const ownNs = readyNs(pacer, dpuAt(pacer, dpu), atNs);
  if (ownNs > lastNs) {
    last = dpu;
    lastNs = ownNs;
  }
  const row = waitingAt(pacer, slot);
  for (let i: u32 = 1; i <= waiting[row + ROUTE]; i++) {
    const gate = waiting[row + ROUTE + i];
    const gateNs = freeFromNs(pacer, gateAt(pacer, gate), atNs);
    if (gateNs > lastNs) {
      last = gate;
      lastNs = gateNs;
    }
  }
  return last;
}

/** Has the load in `slot` wait for its DPU or a gate, `to`, from `atNs` on. */
function move(pacer: StaticArray<f64>, waiting: StaticArray<u32>, slot: u32, to: u32, atNs: f64): void {
  remove(pacer, waiting, slot);
  if (to >= whole(pacer, DPUS)) hold(pacer, waiting, to, slot);
  else offer(pacer, dpuAt(pacer, to), placeOf(pacer, slot));
  refresh(pacer, waiting, to, atNs);
}

/** When a DPU can read a chunk, gates aside, `fromNs` at the earliest. */
function readyNs(pacer: StaticArray<f64>, dpu: u32, fromNs: f64): f64 {
  return freeFromNs(pacer, dpu + PORTS, max(fromNs, pacer[dpu + CREDIT_NS]));
}

/** When there is next something on a DPU; it may be a latest start that is put off. */
function dueNs(pacer: StaticArray<f64>, dpu: u32): f64 {
  const clockNs = pacer[dpu + CLOCK_NS];
  const readNs = pacer[dpu + TREES] === Infinity ? Infinity : readyNs(pacer, dpu, clockNs);
  return min(readNs, min(max(clockNs, pacer[treeAt(pacer, dpu, LATEST_STARTS)]), pacer[treeAt(pacer, dpu, ARRIVALS)]));
}

/** What it is that is due on a DPU at `atNs`. */
export function dueOn(pacer: StaticArray<f64>, dpu: u32, atNs: f64): u32 {
  if (pacer[treeAt(pacer, dpu, ARRIVALS)] <= atNs) return ARRIVAL;
  if (pacer[dpu + TREES] === Infinity || readyNs(pacer, dpu, pacer[dpu + CLOCK_NS]) > atNs) return EXPIRY;
  return READ;
}

/** Has a queue looked at when it can next have an event, from `nowNs` on, and plays its matches again. */
export function refresh(pacer: StaticArray<f64>, waiting: StaticArray<u32>, queue: u32, nowNs: f64): void {
  let wakeNs = Infinity;
  if (queue < whole(pacer, DPUS)) {
    wakeNs = dueNs(pacer, dpuAt(pacer, queue));
  } else if (rootOf(pacer, waiting, queue) !== NONE) {
    wakeNs = freeFromNs(pacer, gateAt(pacer, queue), nowNs);
  }
  play(pacer, waiting, queue, wakeNs);
}

/** Gives a queue its next instant, and plays its matches again. */
function play(pacer: StaticArray<f64>, waiting: StaticArray<u32>, queue: u32, wakeNs: f64): void {
  const leaves = whole(pacer, LEAVES);
  const first = (HEADER + leaves) * 2;
  const winners = changetype<StaticArray<u32>>(pacer);
  pacer[HEADER + queue] = wakeNs;
  let winner = queue;
  let winnerNs = wakeNs;
  for (let match = leaves + queue; match > 1; match >>= 1) {
    const other = winners[first + (match ^ 1)];
    const otherNs = pacer[HEADER + other];
    // Who wins is anyone's guess: chosen without a branch.
    let isOther: bool = otherNs < winnerNs;
    if (otherNs === winnerNs) isOther = isEarlier(pacer, waiting, other, winner);
    winner = isOther ? other : winner;
    winnerNs = pacer[HEADER + winner];
    winners[first + (match >> 1)] = winner;
  }
}

/** Whether queue `a` comes first of two that have the same instant: arrivals, then the most urgent read, then latest starts. */
function isEarlier(pacer: StaticArray<f64>, waiting: StaticArray<u32>, a: u32, b: u32): bool {
  const atNs = pacer[HEADER + a];
  if (atNs === Infinity || !hasGates(pacer)) return a < b;
  const dueA = dueIn(pacer, waiting, a, atNs);
  const dueB = dueIn(pacer, waiting, b, atNs);
  if (dueA !== dueB) return dueA < dueB;
  if (dueA !== READ) return a < b;
  return isBefore(pacer, firstSlot(pacer, waiting, a), firstSlot(pacer, waiting, b));
}

/** What is due in a queue at `atNs`; a gate for which nobody waits any more has nothing to be early for. */
function dueIn(pacer: StaticArray<f64>, waiting: StaticArray<u32>, queue: u32, atNs: f64): u32 {
  if (queue < whole(pacer, DPUS)) return dueOn(pacer, dpuAt(pacer, queue), atNs);
  return rootOf(pacer, waiting, queue) === NONE ? EXPIRY : READ;
}

function firstSlot(pacer: StaticArray<f64>, waiting: StaticArray<u32>, queue: u32): u32 {
  if (queue >= whole(pacer, DPUS)) return rootOf(pacer, waiting, queue);
  const dpu = dpuAt(pacer, queue);
  return slotAt(pacer, dpu, bestPlace(pacer, dpu));
}
