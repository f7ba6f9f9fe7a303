import { CHUNK_BYTES, NONE, OUTAGE_NS, PASSED_NS, PASSED_UNTIL_NS, RATE, TAKEN_NS } from "./layout";
import { nextOutageNs, passOutages } from "./links";
import { whole } from "./places";
import {
  JOB,
  JOB_END_NS,
  JOB_LINKS,
  JOB_SERVER,
  JOB_SERVICE_NS,
  JOB_START_NS,
  METERED_LOADS,
  SERVER_BUSY_NS,
  SERVER_DEMANDED_NS,
  SERVER_KINDS,
  SERVER_METER_NS,
  SERVER_QUEUE,
  SERVER_UTILISATION,
  SIM_JOBS_AT,
  SIM_LOAD_KEY,
  SIM_LOAD_NS,
  SIM_OVERTAKEN,
  SPECULATIVE_NS,
} from "./simulation-layout";

// A load takes a turn at every server on its way, at all of them at once, and has come when the last of them has carried it:
// no server waits for another, which is exact where one of them binds, and early where two do by turns. A server carries one
// load after the other, in order of keys. Its queue is a list of turns, each with the instants that follow from what is in the
// queue now:
//
//     head: under way            tail: the last
//     | start ------- end | start --- end | start ------------- end |
//
// So nothing happens at a server while nobody comes. Who comes goes in behind those who are no less urgent, and those after him
// are put off; who is under way is cut at the edge of a chunk.

/** The first of the turns of load `load`, which lie side by side. */
export function jobsAt(state: StaticArray<f64>, load: u32): u32 {
  return whole(state, SIM_JOBS_AT) + load * (SERVER_KINDS * JOB);
}

/** Has a turn, of which the server is known, begin at `nowNs` at the earliest, and take `serviceNs`. */
export function join(state: StaticArray<f64>, faults: StaticArray<f32>, job: u32, serviceNs: f64, nowNs: f64): void {
  const words = changetype<StaticArray<u32>>(state);
  const server = words[(job + JOB_SERVER) * 2];
  leaveDone(state, faults, server, nowNs);
  const key = keyOf(state, job);
  meter(state, server, key < SPECULATIVE_NS ? serviceNs : 0, nowNs);
  state[server + SERVER_BUSY_NS] += serviceNs;
  state[job + JOB_SERVICE_NS] = serviceNs;
  let before = words[(server + SERVER_QUEUE) * 2 + 1];
  while (before !== NONE && keyOf(state, before) > key) before = words[linksOf(before) + 1];
  // An outage that has begun and was passed may not be over.
  let startNs = max(nowNs, state[server + TAKEN_NS]);
  if (before !== NONE) {
    startNs = state[before + JOB_END_NS];
  } else if (words[(server + SERVER_QUEUE) * 2] !== NONE) {
    const head = words[(server + SERVER_QUEUE) * 2];
    startNs = cut(state, faults, server, head, nowNs);
    if (startNs === state[head + JOB_END_NS]) before = head;
  }
  link(state, server, job, before);
  const after = words[linksOf(job)];
  if (after !== NONE) words[SIM_OVERTAKEN * 2]++;
  retime(state, faults, server, job, startNs);
}

/** Takes a turn out of its queue, and returns what it still takes; or -1 if it is under way, or done. */
export function leave(state: StaticArray<f64>, faults: StaticArray<f32>, job: u32, nowNs: f64): f64 {
  const words = changetype<StaticArray<u32>>(state);
  const server = words[(job + JOB_SERVER) * 2];
  leaveDone(state, faults, server, nowNs);
  const before = words[linksOf(job) + 1];
  if (before === NONE) return -1;
  const after = words[linksOf(job)];
  words[linksOf(before)] = after;
  if (after === NONE) words[(server + SERVER_QUEUE) * 2 + 1] = before;
  else words[linksOf(after) + 1] = before;
  state[server + SERVER_BUSY_NS] -= state[job + JOB_SERVICE_NS];
  if (after !== NONE) retime(state, faults, server, after, state[before + JOB_END_NS]);
  return state[job + JOB_SERVICE_NS];
}

/** Whether a server has somebody under way at `nowNs`. */
export function isBusy(state: StaticArray<f64>, server: u32, nowNs: f64): bool {
  return untilNs(state, server, nowNs) > nowNs;
}

/** When a server has carried all that is in its queue; not before `nowNs`. */
export function untilNs(state: StaticArray<f64>, server: u32, nowNs: f64): f64 {
  const tail = changetype<StaticArray<u32>>(state)[(server + SERVER_QUEUE) * 2 + 1];
  return tail === NONE ? nowNs : max(nowNs, state[tail + JOB_END_NS]);
}

/** Counts what was demanded of a server, and works out its share of the time now and then. */
function meter(state: StaticArray<f64>, server: u32, demandedNs: f64, nowNs: f64): void {
  state[server + SERVER_DEMANDED_NS] += demandedNs;
  const passedNs = nowNs - state[server + SERVER_METER_NS];
  if (passedNs < METERED_LOADS * state[SIM_LOAD_NS]) return;
  state[server + SERVER_UTILISATION] = state[server + SERVER_DEMANDED_NS] / passedNs;
  state[server + SERVER_DEMANDED_NS] = 0;
  state[server + SERVER_METER_NS] = nowNs;
}

/** Where a turn's links are: the next one, then the one before. */
function linksOf(job: u32): u32 {
  return (job + JOB_LINKS) * 2;
}

function keyOf(state: StaticArray<f64>, job: u32): f64 {
  return state[changetype<StaticArray<u32>>(state)[(job + JOB_SERVER) * 2 + 1] + SIM_LOAD_KEY];
}

/** Lets those go who have been carried by `nowNs`. */
export function leaveDone(state: StaticArray<f64>, faults: StaticArray<f32>, server: u32, nowNs: f64): void {
  const words = changetype<StaticArray<u32>>(state);
  let head = words[(server + SERVER_QUEUE) * 2];
  while (head !== NONE && state[head + JOB_END_NS] <= nowNs) {
    const next = words[linksOf(head)];
    words[linksOf(head)] = NONE;
    words[linksOf(head) + 1] = NONE;
    if (next !== NONE) words[linksOf(next) + 1] = NONE;
    head = next;
  }
  words[(server + SERVER_QUEUE) * 2] = head;
  if (head === NONE) words[(server + SERVER_QUEUE) * 2 + 1] = NONE;
  // Who is under way may have met an outage already: it is passed only when he is through.
  if (faults.length > 0)
    passOutages(state, faults, server, head === NONE ? nowNs : min(nowNs, state[head + JOB_START_NS]));
}

function link(state: StaticArray<f64>, server: u32, job: u32, before: u32): void {
  const words = changetype<StaticArray<u32>>(state);
  const queue = (server + SERVER_QUEUE) * 2;
  const after = before === NONE ? words[queue] : words[linksOf(before)];
  words[linksOf(job)] = after;
  words[linksOf(job) + 1] = before;
  if (before === NONE) words[queue] = job;
  else words[linksOf(before)] = job;
  if (after === NONE) words[queue + 1] = job;
  else words[linksOf(after) + 1] = job;
}

/**
 * Where the turn under way ends its present chunk, at `nowNs`: there another may go in before what is left of it. It is the end
 * of the turn if that was its last chunk.
 */
function cut(state: StaticArray<f64>, faults: StaticArray<f32>, server: u32, head: u32, nowNs: f64): f64 {
  const startNs = state[head + JOB_START_NS];
  const endNs = state[head + JOB_END_NS];
  if (startNs >= nowNs) return startNs;
  const chunkNs = state[CHUNK_BYTES] / state[server + RATE];
  const serviceNs = state[head + JOB_SERVICE_NS];
  const goneNs = nowNs - startNs - outNs(state, faults, server, startNs, nowNs);
  const doneNs = ceil(goneNs / chunkNs) * chunkNs;
  // What is left over by rounding is no chunk.
  if (doneNs > serviceNs - chunkNs * 1e-6) return endNs;
  state[head + JOB_SERVICE_NS] = serviceNs - doneNs;
  return carriedNs(state, faults, server, startNs, doneNs);
}

/** Gives a turn and all behind it their instants, the first beginning at `startNs` at the earliest. */
function retime(state: StaticArray<f64>, faults: StaticArray<f32>, server: u32, job: u32, startNs: f64): void {
  const words = changetype<StaticArray<u32>>(state);
  let atNs = startNs;
  for (let at = job; at !== NONE; at = words[linksOf(at)]) {
    if (faults.length > 0) atNs = upNs(state, faults, server, atNs);
    state[at + JOB_START_NS] = atNs;
    atNs = carriedNs(state, faults, server, atNs, state[at + JOB_SERVICE_NS]);
    state[at + JOB_END_NS] = atNs;
  }
}

/** When a server is up, `fromNs` at the earliest. */
function upNs(state: StaticArray<f64>, faults: StaticArray<f32>, server: u32, fromNs: f64): f64 {
  if (state[server + OUTAGE_NS] > fromNs) return fromNs;
  const outNs = nextOutageNs(state, faults, server, fromNs, false);
  return outNs > fromNs ? fromNs : nextOutageNs(state, faults, server, fromNs, true);
}

/** When a server, which is up at `fromNs`, has been up for `ns` from then on. */
function carriedNs(state: StaticArray<f64>, faults: StaticArray<f32>, server: u32, fromNs: f64, ns: f64): f64 {
  let endNs = fromNs + ns;
  if (faults.length === 0 || state[server + OUTAGE_NS] >= endNs) return endNs;
  let outNs = nextOutageNs(state, faults, server, fromNs, false);
  while (outNs < endNs) {
    const overNs = nextOutageNs(state, faults, server, outNs, true);
    endNs += overNs - outNs;
    outNs = nextOutageNs(state, faults, server, overNs, false);
  }
  return endNs;
}

/** How long a server has been out up to an instant, which is not before the last that it was asked about. */
export function lostByNs(state: StaticArray<f64>, faults: StaticArray<f32>, server: u32, ns: f64): f64 {
  const passedNs = state[server + PASSED_NS] - max(0, state[server + PASSED_UNTIL_NS] - ns);
  return passedNs + outNs(state, faults, server, 0, ns);
}

/** How long a server is out between two instants, in outages that it has not passed. */
function outNs(state: StaticArray<f64>, faults: StaticArray<f32>, server: u32, fromNs: f64, toNs: f64): f64 {
  let ns = 0.0;
  let atNs = fromNs;
  if (faults.length === 0 || state[server + OUTAGE_NS] >= toNs) return ns;
  while (atNs < toNs) {
    const beginNs = nextOutageNs(state, faults, server, atNs, false);
    atNs = min(toNs, nextOutageNs(state, faults, server, atNs, true));
    ns += max(0, atNs - max(beginNs, fromNs));
  }
  return ns;
}
