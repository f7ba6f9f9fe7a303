import { complete } from "./completing";
import { push } from "./events";
import { addF64, addU32, f64Of, NO_ROW, setF64, setU32, u32Of } from "./fields";
import { serverOf, sourceOf, tierOf } from "./gpus";
import { quantileOne } from "./latency";
import { BY_DEADLINE, QUANTILES } from "./layout";
import { whole } from "./places";
import { wordsFrom } from "./random";
import { hasFaults, join, leave, leaveDone, lostByNs, stallNs } from "./servers";
import {
  EVENT_LOAD,
  GPU_CARRIED,
  GPU_LOADS,
  GPU_WAYS,
  JOB,
  JOB_END_NS,
  JOB_LOAD,
  JOB_LOST_NS,
  JOB_SERVER,
  LOAD_DEMANDED,
  LOAD_PREFETCHED,
  SERVER_RATE,
  SIM_AFTER_NS,
  SIM_BEFORE_NS,
  SIM_FREE,
  SIM_KINDS,
  SIM_LOAD_ARRIVED_NS,
  SIM_LOAD_BLOCK,
  SIM_LOAD_BYTES,
  SIM_LOAD_DONE_NS,
  SIM_LOAD_EVENT,
  SIM_LOAD_FENCE_NS,
  SIM_LOAD_FLAGS,
  SIM_LOAD_GPU,
  SIM_LOAD_KEY,
  SIM_LOAD_LOST_NS,
  SIM_LOAD_NEXT_NS,
  SIM_LOAD_POSTED_NS,
  SIM_LOAD_SOLO_NS,
  SIM_LOAD_SOURCE,
  SIM_LOAD_STAGE,
  SIM_LOAD_TURNS_AT,
  SIM_LOAD_TURNS_END,
  SIM_NOW_NS,
  SIM_POSTED,
  SIM_TABLES_AT,
  SPECULATIVE_NS,
  STAGE_CARRIED,
  STAGE_FENCED,
  STAGE_POSTED,
  TALLY_BYTES,
  TALLY_LOADS,
  TALLY_PREFETCHES,
  TALLY_SERVED_BYTES,
} from "./simulation-layout";
import { tally } from "./tallies";

// The life of a load: posted, carried by all servers on its way, fenced, there.

/**
 * Posts a load of a block for a GPU at `atNs`, which it needs by `dueNs`, and returns the load. What its path draws depends on
 * nothing but the seed, the GPU, the step and the block: so it is the same under all policies.
 */
export function post(
  state: StaticArray<f64>,
  gpu: u32,
  block: u32,
  bytes: f64,
  flags: u32,
  atNs: f64,
  dueNs: f64,
): u32 {
  const words = changetype<StaticArray<u32>>(state);
  const posted = whole(state, SIM_FREE);
  words[SIM_FREE * 2] = u32Of(posted, SIM_LOAD_SOURCE);
  const source = sourceOf(state, gpu, block);
  const bits = wordsFrom(load<u64>(gpu, GPU_WAYS), block);
  const pathTables = <usize>(whole(state, SIM_TABLES_AT) + (tierOf(source, gpu) - 1) * (2 * QUANTILES * 4));
  const arrivedNs = atNs + (state[SIM_BEFORE_NS] + <f64>quantileOne(pathTables, <u32>bits));
  setU32(posted, SIM_LOAD_GPU, gpu);
  setU32(posted, SIM_LOAD_SOURCE, source);
  setU32(posted, SIM_LOAD_BLOCK, block);
  setU32(posted, SIM_LOAD_STAGE, STAGE_POSTED);
  setU32(posted, SIM_LOAD_FLAGS, flags);
  setF64(posted, SIM_LOAD_KEY, keyFor(state, arrivedNs, dueNs, flags));
  setF64(posted, SIM_LOAD_BYTES, bytes);
  setF64(posted, SIM_LOAD_POSTED_NS, atNs);
  setF64(posted, SIM_LOAD_ARRIVED_NS, arrivedNs);
  setF64(posted, SIM_LOAD_LOST_NS, 0);
  const backNs: f64 = quantileOne(pathTables + <usize>(QUANTILES * 4), <u32>(bits >>> 32));
  setF64(posted, SIM_LOAD_FENCE_NS, state[SIM_AFTER_NS] + backNs);
  addU32(gpu, GPU_LOADS, 1);
  words[SIM_POSTED * 2]++;
  tally(gpu, TALLY_LOADS, 1);
  tally(gpu, TALLY_BYTES, bytes);
  if ((flags & LOAD_PREFETCHED) !== 0) tally(gpu, TALLY_PREFETCHES, 1);
  lookAt(state, posted, arrivedNs);
  return posted;
}

/** Has a load be looked at next at `ns`. */
function lookAt(state: StaticArray<f64>, load: u32, ns: f64): void {
  setF64(load, SIM_LOAD_NEXT_NS, ns);
  setU32(load, SIM_LOAD_EVENT, push(state, ns, EVENT_LOAD, load));
}

function keyFor(state: StaticArray<f64>, arrivedNs: f64, dueNs: f64, flags: u32): f64 {
  if (whole(state, BY_DEADLINE) === 0) return arrivedNs;
  return (flags & LOAD_DEMANDED) === 0 ? SPECULATIVE_NS + dueNs : dueNs;
}

/** Has a prefetch that is on its way be demanded at `atNs`, and needed by `dueNs`. */
export function demand(state: StaticArray<f64>, load: u32, atNs: f64, dueNs: f64): void {
  setU32(load, SIM_LOAD_FLAGS, u32Of(load, SIM_LOAD_FLAGS) | LOAD_DEMANDED);
  if (whole(state, BY_DEADLINE) === 0) return;
  setF64(load, SIM_LOAD_KEY, dueNs);
  if (u32Of(load, SIM_LOAD_STAGE) !== STAGE_CARRIED) return;
  const end = u32Of(load, SIM_LOAD_TURNS_END);
  for (let job = load + SIM_LOAD_TURNS_AT; job < end; job += JOB) {
    const serviceNs = leave(state, job, atNs);
    if (serviceNs >= 0) join(state, job, serviceNs, atNs);
  }
  // A look that comes too early is put off when it comes.
  const ns = doneNs(load);
  if (ns < f64Of(load, SIM_LOAD_NEXT_NS)) lookAt(state, load, ns);
}

/** When the last server has carried a load, as things are. */
function doneNs(load: u32): f64 {
  const end = u32Of(load, SIM_LOAD_TURNS_END);
  let ns = 0.0;
  for (let job = load + SIM_LOAD_TURNS_AT; job < end; job += JOB) ns = max(ns, f64Of(job, JOB_END_NS));
  return ns;
}

/** What has become of a load, now that it is looked at; returns the GPU that has all it waits for now, or NO_ROW. */
export function attend(state: StaticArray<f64>, load: u32): u32 {
  const nowNs = state[SIM_NOW_NS];
  const stage = u32Of(load, SIM_LOAD_STAGE);
  const gpu = u32Of(load, SIM_LOAD_GPU);
  if (stage === STAGE_FENCED) return complete(state, load, nowNs);
  if (stage === STAGE_POSTED) {
    setU32(load, SIM_LOAD_STAGE, STAGE_CARRIED);
    addU32(gpu, GPU_CARRIED, 1);
    carry(state, load, nowNs);
  }
  const ns = doneNs(load);
  if (ns > nowNs) {
    lookAt(state, load, ns);
    return NO_ROW;
  }
  addU32(gpu, GPU_CARRIED, -1);
  setF64(load, SIM_LOAD_DONE_NS, nowNs);
  const end = u32Of(load, SIM_LOAD_TURNS_END);
  // Its place may be another load's soon.
  for (let job = load + SIM_LOAD_TURNS_AT; job < end; job += JOB) leaveDone(state, u32Of(job, JOB_SERVER), nowNs);
  if (hasFaults(state)) addOutages(state, load, nowNs);
  const readyNs = nowNs + f64Of(load, SIM_LOAD_FENCE_NS);
  if ((u32Of(load, SIM_LOAD_FLAGS) & LOAD_DEMANDED) !== 0) return complete(state, load, readyNs);
  setU32(load, SIM_LOAD_STAGE, STAGE_FENCED);
  lookAt(state, load, readyNs);
  return NO_ROW;
}

/** Has a load take its turns at the servers on its way. */
function carry(state: StaticArray<f64>, load: u32, nowNs: f64): void {
  const gpu = u32Of(load, SIM_LOAD_GPU);
  const source = u32Of(load, SIM_LOAD_SOURCE);
  const bytes = f64Of(load, SIM_LOAD_BYTES);
  const kinds: i32 = whole(state, SIM_KINDS);
  let job = load + SIM_LOAD_TURNS_AT;
  let rate = Infinity;
  for (let kind = 0; kind < kinds; kind++) {
    const server = serverOf(kind, source, gpu);
    if (server === NO_ROW) continue;
    setU32(job, JOB_SERVER, server);
    setU32(job, JOB_LOAD, load);
    let serviceNs = bytes / f64Of(server, SERVER_RATE);
    rate = min(rate, f64Of(server, SERVER_RATE));
    if (hasFaults(state)) {
      const ns = stallNs(state, server, bytes);
      addF64(load, SIM_LOAD_LOST_NS, ns);
      serviceNs += ns;
    }
    join(state, job, serviceNs, nowNs);
    if (hasFaults(state)) setF64(job, JOB_LOST_NS, lostByNs(state, server, nowNs));
    job += JOB;
  }
  setU32(load, SIM_LOAD_TURNS_END, job);
  setF64(load, SIM_LOAD_SOLO_NS, bytes / rate);
  tally(source, TALLY_SERVED_BYTES, bytes);
}

/** Adds the outages, while a load was carried, of the server that carried it last. */
function addOutages(state: StaticArray<f64>, load: u32, nowNs: f64): void {
  const end = u32Of(load, SIM_LOAD_TURNS_END);
  for (let job = load + SIM_LOAD_TURNS_AT; job < end; job += JOB) {
    if (f64Of(job, JOB_END_NS) < nowNs) continue;
    const lostNs = lostByNs(state, u32Of(job, JOB_SERVER), nowNs) - f64Of(job, JOB_LOST_NS);
    addF64(load, SIM_LOAD_LOST_NS, lostNs);
    return;
  }
}
