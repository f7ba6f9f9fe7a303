// Either end of a ring under traffic, as a script of its own: bench/traffic.ts bundles and starts it.
import { parentPort, workerData } from "node:worker_threads";
import { DoorbellDrain } from "../src/ring/drain.ts";
import { DoorbellRing } from "../src/ring/index.ts";
import { DOORBELL_WORDS } from "../src/ring/memory.ts";
import type { PopTask, PushTask, Received, WakeTask } from "./traffic.ts";

/** Which words of a doorbell hold what; the last is worked out from the others, so that a torn one is found out. */
const [PUSHER, SEQUENCE, CHECK] = [0, 1, DOORBELL_WORDS - 1];
const checkOf = (pusher: number, sequence: number): number => Math.imul(sequence ^ pusher, 0x9e3779b9) >>> 0;
const BLOCK = 2 ** 14;

const ns = (): number => {
  const [seconds, rest] = process.hrtime();
  return seconds * 1e9 + rest;
};
const sleeper = new Int32Array(new SharedArrayBuffer(4));
const nap = (ms: number): void => void Atomics.wait(sleeper, 0, 0, ms);

function write(doorbells: Uint32Array, at: number, pusher: number, sequence: number): void {
  doorbells[at + PUSHER] = pusher;
  doorbells[at + SEQUENCE] = sequence;
  doorbells[at + CHECK] = checkOf(pusher, sequence);
}

/** Pushes `count` doorbells, or without end, numbered from 0. */
function push({ buffer, index, count, batch, napEvery, napMs }: PushTask): void {
  const ring = DoorbellRing.attach(buffer, index);
  const doorbells = new Uint32Array(batch * DOORBELL_WORDS);
  let sequence = 0;
  let untilNap = napEvery;
  const rest = (pushed: number): void => {
    untilNap -= pushed;
    if (untilNap > 0) return;
    untilNap = napEvery;
    nap(napMs);
  };
  if (batch === 1)
    while (sequence < count) {
      write(doorbells, 0, index, sequence);
      while (!ring.push(doorbells)) ring.waitForSpace(ring.capacity >> 1);
      sequence++;
      rest(1);
    }
  while (sequence < count) {
    const wanted = Math.min(batch, count - sequence);
    for (let i = 0; i < wanted; i++) write(doorbells, i * DOORBELL_WORDS, index, sequence + i);
    const pushed = ring.pushMany(doorbells, wanted);
    if (pushed < wanted) ring.waitForSpace(ring.capacity >> 1);
    sequence += pushed;
    rest(pushed);
  }
}

/** Pops until `count` doorbells were seen or none came for `quietMs`, and tells what was amiss with them. */
function pop({ buffer, count, batch, quietMs, napEvery, napMs, spinMs }: PopTask): Received {
  const drain = DoorbellDrain.attach(buffer);
  const ring = DoorbellRing.attach(buffer);
  const doorbells = new Uint32Array(batch * DOORBELL_WORDS);
  const next = new Array<number>(drain.count).fill(0);
  const blockNs: number[] = [];
  let [received, lost, again, torn, sum, waits, waitMsMax] = [0, 0, 0, 0, 0, 0, 0];
  let blockStart = 0;
  let untilNap = napEvery;
  while (received < count) {
    const popped = batch === 1 ? (ring.pop(doorbells) ? 1 : 0) : drain.popMany(doorbells);
    if (popped === 0) {
      const start = ns();
      if (!drain.wait(quietMs, spinMs)) break;
      waits++;
      waitMsMax = Math.max(waitMsMax, (ns() - start) / 1e6);
      continue;
    }
    if (received === 0) blockStart = ns();
    for (let i = 0; i < popped; i++) {
      const at = i * DOORBELL_WORDS;
      const pusher = doorbells[at + PUSHER]!;
      const sequence = doorbells[at + SEQUENCE]!;
      if (doorbells[at + CHECK] !== checkOf(pusher, sequence) || (batch > 1 && pusher !== drain.from)) torn++;
      else if (sequence === next[pusher]) next[pusher] = sequence + 1;
      else if (sequence < next[pusher]!) again++;
      else {
        lost += sequence - next[pusher]!;
        next[pusher] = sequence + 1;
      }
      sum = (sum + sequence) >>> 0;
    }
    if (Math.floor((received + popped) / BLOCK) > Math.floor(received / BLOCK)) {
      const now = ns();
      blockNs.push((now - blockStart) / BLOCK);
      blockStart = now;
    }
    received += popped;
    untilNap -= popped;
    if (untilNap <= 0) {
      untilNap = napEvery;
      nap(napMs);
    }
  }
  return { received, lost, again, torn, sum, waits, waitMsMax, next, blockNs };
}

/** Wakes the other end `count` times, each when it has long been asleep. */
function wake({ buffer, count }: WakeTask): void {
  const ring = DoorbellRing.attach(buffer);
  const doorbell = new Uint32Array(DOORBELL_WORDS);
  const sentNs = new Float64Array(doorbell.buffer);
  for (let i = 0; i < count; i++) {
    do nap(1);
    while (ring.length > 0);
    sentNs[0] = ns();
    ring.push(doorbell);
  }
}

/** Sleeps until each doorbell, and tells how long after its push it was awake. */
function woken({ buffer, count }: WakeTask): Float64Array {
  const ring = DoorbellRing.attach(buffer);
  const doorbell = new Uint32Array(DOORBELL_WORDS);
  const sentNs = new Float64Array(doorbell.buffer);
  const wakeNs = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    while (!ring.pop(doorbell)) ring.wait(Number.POSITIVE_INFINITY, 0);
    wakeNs[i] = ns() - sentNs[0]!;
  }
  return wakeNs;
}

const tasks = { push, pop, wake, woken };
parentPort!.postMessage(tasks[workerData.task as keyof typeof tasks](workerData));
