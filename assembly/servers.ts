import { addF64, f64Of, NO_ROW, setF64, setU32, u32Of } from "./fields";
import { CHUNK_BYTES, OUTAGE_END_NS, OUTAGE_NS } from "./layout";
import { nextOutageNs, passOutages, stallFor } from "./links";
import { whole } from "./places";
import {
  JOB_END_NS,
  JOB_LOAD,
  JOB_NEXT,
  JOB_PREVIOUS,
  JOB_SERVER,
  JOB_SERVICE_NS,
  JOB_START_NS,
  METERED_LOADS,
  SERVER_BUSY_NS,
  SERVER_DEMANDED_NS,
  SERVER_HEAD,
  SERVER_METER_NS,
  SERVER_OUTAGE_NS,
  SERVER_PASSED_NS,
  SERVER_PASSED_UNTIL_NS,
  SERVER_RATE,
  SERVER_TAIL,
  SERVER_TAKEN_NS,
  SERVER_UTILISATION,
  SIM_FAULTS_AT,
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

/** Has a turn, of which the server is known, begin at `nowNs` at the earliest, and take `serviceNs`. */
export function join(state: StaticArray<f64>, job: u32, serviceNs: f64, nowNs: f64): void {
  const server = u32Of(job, JOB_SERVER);
  leaveDone(state, server, nowNs);
  const key = keyOf(job);
  meter(state, server, key < SPECULATIVE_NS ? serviceNs : 0, nowNs);
  addF64(server, SERVER_BUSY_NS, serviceNs);
  setF64(job, JOB_SERVICE_NS, serviceNs);
  let before = u32Of(server, SERVER_TAIL);
  while (before !== NO_ROW && keyOf(before) > key) before = u32Of(before, JOB_PREVIOUS);
  // An outage that has begun and was passed may not be over.
  let startNs = max(nowNs, f64Of(server, SERVER_TAKEN_NS));
  const head = u32Of(server, SERVER_HEAD);
  if (before !== NO_ROW) {
    startNs = f64Of(before, JOB_END_NS);
  } else if (head !== NO_ROW) {
    startNs = cut(state, server, head, nowNs);
    if (startNs === f64Of(head, JOB_END_NS)) before = head;
  }
  const after = before === NO_ROW ? head : u32Of(before, JOB_NEXT);
  link(server, before, job);
  link(server, job, after);
  if (after !== NO_ROW) changetype<StaticArray<u32>>(state)[SIM_OVERTAKEN * 2]++;
  retime(state, server, job, startNs);
}

/**
 * Takes a turn out of its queue, and returns what it still takes; or -1 if it is under way, or done. It must join again, no less
 * urgently: those behind it keep their instants until then.
 */
export function leave(state: StaticArray<f64>, job: u32, nowNs: f64): f64 {
  const server = u32Of(job, JOB_SERVER);
  leaveDone(state, server, nowNs);
  const before = u32Of(job, JOB_PREVIOUS);
  if (before === NO_ROW) return -1;
  const after = u32Of(job, JOB_NEXT);
  link(server, before, after);
  addF64(server, SERVER_BUSY_NS, -f64Of(job, JOB_SERVICE_NS));
  return f64Of(job, JOB_SERVICE_NS);
}

/** Whether a server has somebody under way at `nowNs`. */
export function isBusy(server: u32, nowNs: f64): bool {
  return untilNs(server, nowNs) > nowNs;
}

/** When a server has carried all that is in its queue; not before `nowNs`. */
export function untilNs(server: u32, nowNs: f64): f64 {
  const tail = u32Of(server, SERVER_TAIL);
  return tail === NO_ROW ? nowNs : max(nowNs, f64Of(tail, JOB_END_NS));
}

export function hasFaults(state: StaticArray<f64>): bool {
  return whole(state, SIM_FAULTS_AT) !== 0;
}

/** How long the frames of the next `bytes` at a server stall. */
export function stallNs(state: StaticArray<f64>, server: u32, bytes: f64): f64 {
  return stallFor(state, faultsOf(state), linkOf(state, server), bytes);
}

/** When the first outage of a server that ends after `ns` begins, or when it ends. */
function outageNs(state: StaticArray<f64>, server: u32, ns: f64, isEnd: bool): f64 {
  return nextOutageNs(state, faultsOf(state), linkOf(state, server), ns, isEnd);
}

function faultsOf(state: StaticArray<f64>): StaticArray<f32> {
  return changetype<StaticArray<f32>>(<usize>whole(state, SIM_FAULTS_AT));
}

/** Where links.ts has a server. */
function linkOf(state: StaticArray<f64>, server: u32): u32 {
  return (server - <u32>changetype<usize>(state)) >> 3;
}

/** Counts what was demanded of a server, and works out its share of the time now and then. */
function meter(state: StaticArray<f64>, server: u32, demandedNs: f64, nowNs: f64): void {
  const sumNs = f64Of(server, SERVER_DEMANDED_NS) + demandedNs;
  const passedNs = nowNs - f64Of(server, SERVER_METER_NS);
  setF64(server, SERVER_DEMANDED_NS, sumNs);
  if (passedNs < METERED_LOADS * state[SIM_LOAD_NS]) return;
  setF64(server, SERVER_UTILISATION, sumNs / passedNs);
  setF64(server, SERVER_DEMANDED_NS, 0);
  setF64(server, SERVER_METER_NS, nowNs);
}

function keyOf(job: u32): f64 {
  return f64Of(u32Of(job, JOB_LOAD), SIM_LOAD_KEY);
}

/** Lets those go who have been carried by `nowNs`. */
export function leaveDone(state: StaticArray<f64>, server: u32, nowNs: f64): void {
  let head = u32Of(server, SERVER_HEAD);
  while (head !== NO_ROW && f64Of(head, JOB_END_NS) <= nowNs) {
    head = u32Of(head, JOB_NEXT);
    link(server, NO_ROW, head);
  }
  if (f64Of(server, SERVER_OUTAGE_NS) > nowNs) return;
  // Who is under way may have met an outage already: it is passed only when he is through.
  const passedNs = head === NO_ROW ? nowNs : min(nowNs, f64Of(head, JOB_START_NS));
  passOutages(state, faultsOf(state), linkOf(state, server), passedNs);
}

/** Has one turn of a queue come next after another; NO_ROW is its end on either side. */
function link(server: u32, before: u32, after: u32): void {
  if (before === NO_ROW) setU32(server, SERVER_HEAD, after);
  else setU32(before, JOB_NEXT, after);
  if (after === NO_ROW) setU32(server, SERVER_TAIL, before);
  else setU32(after, JOB_PREVIOUS, before);
}

/**
 * Where the turn under way ends its present chunk, at `nowNs`: there another may go in before what is left of it. It is the end
 * of the turn if that was its last chunk.
 */
function cut(state: StaticArray<f64>, server: u32, head: u32, nowNs: f64): f64 {
  const startNs = f64Of(head, JOB_START_NS);
  if (startNs >= nowNs) return startNs;
  const chunkNs = state[CHUNK_BYTES] / f64Of(server, SERVER_RATE);
  const serviceNs = f64Of(head, JOB_SERVICE_NS);
  const goneNs = nowNs - startNs - outNs(state, server, startNs, nowNs);
  const doneNs = ceil(goneNs / chunkNs) * chunkNs;
  // What is left over by rounding is no chunk.
  if (doneNs > serviceNs - chunkNs * 1e-6) return f64Of(head, JOB_END_NS);
  setF64(head, JOB_SERVICE_NS, serviceNs - doneNs);
  return carriedNs(state, server, startNs, doneNs);
}

/** Gives a turn and all behind it their instants, the first beginning at `startNs` at the earliest. */
function retime(state: StaticArray<f64>, server: u32, job: u32, startNs: f64): void {
  let atNs = startNs;
  for (let at = job; at !== NO_ROW; at = u32Of(at, JOB_NEXT)) {
    atNs = upNs(state, server, atNs);
    setF64(at, JOB_START_NS, atNs);
    atNs = carriedNs(state, server, atNs, f64Of(at, JOB_SERVICE_NS));
    setF64(at, JOB_END_NS, atNs);
  }
}

/**
 * Has a server that never goes out by itself do so once, at `beginNs`, which nothing has come to: known by the word at which it
 * begins. Who is under way goes on after it, and all behind him are put off.
 */
export function strikeServer(state: StaticArray<f64>, server: u32, beginNs: f64, endNs: f64): void {
  state[server + OUTAGE_NS] = beginNs;
  state[server + OUTAGE_END_NS] = endNs;
  const row = <u32>changetype<usize>(state) + (server << 3);
  const head = u32Of(row, SERVER_HEAD);
  // Their looks come too early now, and put themselves off.
  if (head !== NO_ROW) retime(state, row, head, f64Of(head, JOB_START_NS));
}

// A server without faults has its next outage at infinity.

/** When a server is up, `fromNs` at the earliest. */
function upNs(state: StaticArray<f64>, server: u32, fromNs: f64): f64 {
  if (f64Of(server, SERVER_OUTAGE_NS) > fromNs) return fromNs;
  const outNs = outageNs(state, server, fromNs, false);
  return outNs > fromNs ? fromNs : outageNs(state, server, fromNs, true);
}

/** When a server, which is up at `fromNs`, has been up for `ns` from then on. */
function carriedNs(state: StaticArray<f64>, server: u32, fromNs: f64, ns: f64): f64 {
  let endNs = fromNs + ns;
  if (f64Of(server, SERVER_OUTAGE_NS) >= endNs) return endNs;
  let outNs = outageNs(state, server, fromNs, false);
  while (outNs < endNs) {
    const overNs = outageNs(state, server, outNs, true);
    endNs += overNs - outNs;
    outNs = outageNs(state, server, overNs, false);
  }
  return endNs;
}

/** How long a server has been out up to an instant, which is not before the last that it was asked about. */
export function lostByNs(state: StaticArray<f64>, server: u32, ns: f64): f64 {
  const passedNs = f64Of(server, SERVER_PASSED_NS) - max(0, f64Of(server, SERVER_PASSED_UNTIL_NS) - ns);
  return passedNs + outNs(state, server, 0, ns);
}

/** How long a server is out between two instants, in outages that it has not passed. */
function outNs(state: StaticArray<f64>, server: u32, fromNs: f64, toNs: f64): f64 {
  let ns = 0.0;
  let atNs = fromNs;
  if (f64Of(server, SERVER_OUTAGE_NS) >= toNs) return ns;
  while (atNs < toNs) {
    const beginNs = outageNs(state, server, atNs, false);
    atNs = min(toNs, outageNs(state, server, atNs, true));
    ns += max(0, atNs - max(beginNs, fromNs));
  }
  return ns;
}
