import { isBefore, push, queueOf, rootOf, take } from "./heap";
import { BUCKET, LOAD, NODE, NONE, QUEUE } from "./layout";

// What reads draw on are token buckets: a DPU, and gates (a source's egress, a sink's ingress). A bucket is one instant,
// from which it has credit for a whole chunk (the virtual scheduling of ATM's GCRA, ITU-T I.371): a read of any size waits
// for it and puts it off by as long as its bytes take. So when a load can be read does not depend on what else waits:
//
//     start of a load = the latest of its buckets' instants         next read = the first start, then the most urgent
//
// A load waits in the queue of any one of its buckets, and is looked at when that one has credit: if another holds it back,
// it moves there. Each DPU has a second queue, of the loads to be read by their latest start. A queue's `wakeNs` is never
// after its next event, and a tournament finds the earliest:
//
//     winners:    | - | 1 |  2 | 3 |  4 | 5 | 6 | 7 |  leaves: queue 0, 1, 2 ...  |      winner[i] of 2i and 2i + 1

/** The queue of the next event: `wakeNs` is its instant, and the queue's root is the load; `wakeNs` is Infinity if there is none. */
export function settle(
  loads: StaticArray<f64>,
  nodes: StaticArray<f64>,
  entries: StaticArray<f64>,
  pages: StaticArray<u32>,
  buckets: StaticArray<f64>,
  queues: StaticArray<f64>,
  winners: StaticArray<u32>,
  watches: u32,
): u32 {
  let queue = winners[1];
  while (putOff(loads, nodes, entries, pages, buckets, queues, winners, watches, queue)) queue = winners[1];
  return queue;
}

/** Whether `queue` has been looked at too early; its next event is put off then, or its root moved. */
function putOff(
  loads: StaticArray<f64>,
  nodes: StaticArray<f64>,
  entries: StaticArray<f64>,
  pages: StaticArray<u32>,
  buckets: StaticArray<f64>,
  queues: StaticArray<f64>,
  winners: StaticArray<u32>,
  watches: u32,
  queue: u32,
): bool {
  const wakeNs = queues[queue * QUEUE];
  if (wakeNs === Infinity) return false;
  const node = rootOf(queues, queue);
  let to: u32 = NONE;
  let putOffNs = 0.0;
  if (queue < watches) {
    const holding = lastBucket(loads, buckets, node);
    if (buckets[holding * BUCKET + 2] <= wakeNs) return false;
    if (holding !== queue) to = holding;
  } else if (node !== NONE && nodes[node * NODE] <= wakeNs) {
    // What was read since the load was queued puts its latest start off.
    const latestNs = latestStartNs(loads, node - <u32>(nodes.length / (2 * NODE)));
    if (latestNs <= nodes[node * NODE]) return false;
    to = queue;
    putOffNs = latestNs;
  }
  if (to !== NONE) take(nodes, entries, pages, queues, node);
  if (to === queue) nodes[node * NODE] = putOffNs;
  refresh(nodes, buckets, queues, winners, watches, queue, wakeNs);
  if (to !== NONE) enqueue(nodes, entries, pages, buckets, queues, winners, watches, to, node, wakeNs);
  return true;
}

/** Of a load's buckets the one that has credit last. */
function lastBucket(loads: StaticArray<f64>, buckets: StaticArray<f64>, slot: u32): u32 {
  const routes = changetype<StaticArray<u32>>(loads);
  let last = routes[slot * LOAD * 2 + 8];
  for (let i: u32 = 9; i < 11; i++) {
    const gate = routes[slot * LOAD * 2 + i];
    if (gate !== NONE && buckets[gate * BUCKET + 2] > buckets[last * BUCKET + 2]) last = gate;
  }
  return last;
}

/** When a load's next read must go out for its last byte to be read by its local deadline. */
function latestStartNs(loads: StaticArray<f64>, slot: u32): f64 {
  return loads[slot * LOAD + 2] - loads[slot * LOAD] / loads[slot * LOAD + 3];
}

/** Takes `bytes` out of a bucket. */
export function charge(buckets: StaticArray<f64>, bucket: u32, bytes: f64, nowNs: f64): void {
  if (bucket === NONE) return;
  const row = bucket * BUCKET;
  buckets[row + 2] = max(nowNs - buckets[row + 1], buckets[row + 2]) + bytes / buckets[row];
}

/** The rate of a bucket; that of no gate is Infinity. */
export function rateOf(buckets: StaticArray<f64>, bucket: u32): f64 {
  return bucket === NONE ? Infinity : buckets[bucket * BUCKET];
}

/** Puts a node, which is in no queue, in `queue` at `nowNs`. */
export function enqueue(
  nodes: StaticArray<f64>,
  entries: StaticArray<f64>,
  pages: StaticArray<u32>,
  buckets: StaticArray<f64>,
  queues: StaticArray<f64>,
  winners: StaticArray<u32>,
  watches: u32,
  queue: u32,
  node: u32,
  nowNs: f64,
): void {
  push(nodes, entries, pages, queues, queue, node);
  if (rootOf(queues, queue) === node) refresh(nodes, buckets, queues, winners, watches, queue, nowNs);
}

/** Takes a node out of the queue that it is in, if any, at `nowNs`. */
export function dequeue(
  nodes: StaticArray<f64>,
  entries: StaticArray<f64>,
  pages: StaticArray<u32>,
  buckets: StaticArray<f64>,
  queues: StaticArray<f64>,
  winners: StaticArray<u32>,
  watches: u32,
  node: u32,
  nowNs: f64,
): void {
  const queue = queueOf(nodes, node);
  if (queue === NONE) return;
  const root = rootOf(queues, queue);
  take(nodes, entries, pages, queues, node);
  if (root === node) refresh(nodes, buckets, queues, winners, watches, queue, nowNs);
}

/** Takes a load out of the queue of latest starts, if it is there. That queue is looked at too early then, which mends itself. */
export function unwatch(
  nodes: StaticArray<f64>,
  entries: StaticArray<f64>,
  pages: StaticArray<u32>,
  queues: StaticArray<f64>,
  node: u32,
): void {
  if (queueOf(nodes, node) !== NONE) take(nodes, entries, pages, queues, node);
}

/** Puts a load in its DPU's queue of latest starts at `nowNs`. */
export function watch(
  loads: StaticArray<f64>,
  nodes: StaticArray<f64>,
  entries: StaticArray<f64>,
  pages: StaticArray<u32>,
  buckets: StaticArray<f64>,
  queues: StaticArray<f64>,
  winners: StaticArray<u32>,
  watches: u32,
  slot: u32,
  nowNs: f64,
): void {
  const node = slot + <u32>(nodes.length / (2 * NODE));
  const dpu = changetype<StaticArray<u32>>(loads)[slot * LOAD * 2 + 8];
  nodes[node * NODE] = latestStartNs(loads, slot);
  enqueue(nodes, entries, pages, buckets, queues, winners, watches, watches + dpu, node, nowNs);
}

/** Has a queue looked at when its root can next have an event, from `nowNs` on, and plays its matches again. */
export function refresh(
  nodes: StaticArray<f64>,
  buckets: StaticArray<f64>,
  queues: StaticArray<f64>,
  winners: StaticArray<u32>,
  watches: u32,
  queue: u32,
  nowNs: f64,
): void {
  const root = rootOf(queues, queue);
  let wakeNs = Infinity;
  if (root !== NONE) wakeNs = max(nowNs, queue < watches ? buckets[queue * BUCKET + 2] : nodes[root * NODE]);
  queues[queue * QUEUE] = wakeNs;
  let winner = queue;
  let winnerNs = wakeNs;
  for (let match = <u32>(winners.length >> 1) + queue; match > 1; match >>= 1) {
    const other = winners[match ^ 1];
    const otherNs = queues[other * QUEUE];
    // Without a branch where it can be: which of two queues is earlier cannot be foretold.
    let isFirst: u32 = otherNs < winnerNs ? 1 : 0;
    if (otherNs === winnerNs) isFirst = isEarlier(nodes, queues, watches, other, winner) ? 1 : 0;
    winner ^= (winner ^ other) & (0 - isFirst);
    winnerNs = min(winnerNs, otherNs);
    winners[match >> 1] = winner;
  }
}

/** Whether queue `a` comes first: at one instant reads before latest starts, the most urgent read, the first DPU's latest start. */
function isEarlier(nodes: StaticArray<f64>, queues: StaticArray<f64>, watches: u32, a: u32, b: u32): bool {
  const wakeA = queues[a * QUEUE];
  const wakeB = queues[b * QUEUE];
  if (wakeA !== wakeB) return wakeA < wakeB;
  if (wakeA === Infinity || a >= watches || b >= watches) return a < b;
  return isBefore(nodes, rootOf(queues, a), rootOf(queues, b));
}
