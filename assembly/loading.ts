import { bytesOf } from "./caches";
import { complete } from "./completing";
import { push } from "./events";
import { serverOf, simGpuAt, simLoadAt, sourceOf, tierOf } from "./gpus";
import { quantileOne } from "./latency";
import { BY_DEADLINE, QUANTILES, RATE } from "./layout";
import { stallFor } from "./links";
import { whole } from "./places";
import { wordsFrom } from "./random";
import { jobsAt, join, leave, leaveDone, lostByNs } from "./servers";
import {
  EVENT_LOAD,
  GPU_LOADS,
  GPU_TALLY_AT,
  GPU_WAYS,
  JOB,
  JOB_END_NS,
  JOB_LOST_NS,
  JOB_SERVER,
  LOAD_DEMANDED,
  LOAD_PREFETCHED,
  SIM_AFTER_NS,
  SIM_BEFORE_NS,
  SIM_FREE,
  SIM_FREE_AT,
  SIM_KINDS,
  SIM_LOAD_ARRIVED_NS,
  SIM_LOAD_BYTES,
  SIM_LOAD_DONE_NS,
  SIM_LOAD_FENCE_NS,
  SIM_LOAD_FLAGS,
  SIM_LOAD_GPU,
  SIM_LOAD_KEY,
  SIM_LOAD_LOST_NS,
  SIM_LOAD_NEXT_NS,
  SIM_LOAD_POSTED_NS,
  SIM_LOAD_SOLO_NS,
  SIM_LOAD_SOURCE,
  SIM_LOAD_TURNS,
  SIM_NOW_NS,
  SIM_POSTED,
  SPECULATIVE_NS,
  STAGE_CARRIED,
  STAGE_FENCED,
  STAGE_POSTED,
  TALLY_BYTES,
  TALLY_LOADS,
  TALLY_PREFETCHES,
  TALLY_SERVED_BYTES,
} from "./simulation-layout";

// The life of a load: posted, carried by all servers on its way, fenced, there.

/**
 * Posts a load for a GPU at `atNs`, which it needs by `dueNs`, and returns its number. What its path draws depends on nothing but
 * the seed, the GPU, the step and the block: so it is the same under all policies.
 */
export function post(
  state: StaticArray<f64>,
  tables: StaticArray<f32>,
  gpu: u32,
  block: u32,
  flags: u32,
  atNs: f64,
  dueNs: f64,
): u32 {
  const words = changetype<StaticArray<u32>>(state);
  const number = words[whole(state, SIM_FREE_AT) * 2 + --words[SIM_FREE * 2]];
  const at = simLoadAt(state, number);
  const source = sourceOf(state, gpu, block);
  const row = simGpuAt(state, gpu);
  const bits = wordsFrom(load<u64>(changetype<usize>(state) + ((<usize>(row + GPU_WAYS)) << 3)), block);
  const pathTables = changetype<usize>(tables) + <usize>((tierOf(state, source, gpu) - 1) * (2 * QUANTILES * 4));
  const beforeNs: f64 = state[SIM_BEFORE_NS] + <f64>quantileOne(pathTables, <u32>bits);
  words[(at + SIM_LOAD_GPU) * 2] = gpu;
  words[(at + SIM_LOAD_GPU) * 2 + 1] = block;
  words[(at + SIM_LOAD_SOURCE) * 2] = source;
  words[(at + SIM_LOAD_SOURCE) * 2 + 1] = STAGE_POSTED;
  words[(at + SIM_LOAD_FLAGS) * 2] = flags;
  state[at + SIM_LOAD_BYTES] = bytesOf(state, block);
  state[at + SIM_LOAD_POSTED_NS] = atNs;
  state[at + SIM_LOAD_ARRIVED_NS] = atNs + beforeNs;
  state[at + SIM_LOAD_LOST_NS] = 0;
  state[at + SIM_LOAD_FENCE_NS] =
    state[SIM_AFTER_NS] + <f64>quantileOne(pathTables + <usize>(QUANTILES * 4), <u32>(bits >>> 32));
  state[at + SIM_LOAD_KEY] = keyFor(state, atNs + beforeNs, dueNs, flags);
  words[(row + GPU_LOADS) * 2]++;
  words[SIM_POSTED * 2]++;
  const tally = row + GPU_TALLY_AT;
  state[tally + TALLY_LOADS] += 1;
  state[tally + TALLY_BYTES] += state[at + SIM_LOAD_BYTES];
  if ((flags & LOAD_PREFETCHED) !== 0) state[tally + TALLY_PREFETCHES] += 1;
  lookAt(state, number, atNs + beforeNs);
  return number;
}

/** Has a load be looked at next at `ns`. */
function lookAt(state: StaticArray<f64>, load: u32, ns: f64): void {
  const at = simLoadAt(state, load);
  state[at + SIM_LOAD_NEXT_NS] = ns;
  changetype<StaticArray<u32>>(state)[(at + SIM_LOAD_FLAGS) * 2 + 1] = push(state, ns, EVENT_LOAD, load);
}

function keyFor(state: StaticArray<f64>, arrivedNs: f64, dueNs: f64, flags: u32): f64 {
  if (whole(state, BY_DEADLINE) === 0) return arrivedNs;
  return (flags & LOAD_DEMANDED) === 0 ? SPECULATIVE_NS + dueNs : dueNs;
}

/** Has a prefetch that is on its way be demanded at `atNs`, and needed by `dueNs`. */
export function demand(state: StaticArray<f64>, faults: StaticArray<f32>, load: u32, atNs: f64, dueNs: f64): void {
  const words = changetype<StaticArray<u32>>(state);
  const at = simLoadAt(state, load);
  words[(at + SIM_LOAD_FLAGS) * 2] |= LOAD_DEMANDED;
  if (whole(state, BY_DEADLINE) === 0) return;
  state[at + SIM_LOAD_KEY] = dueNs;
  if (words[(at + SIM_LOAD_SOURCE) * 2 + 1] !== STAGE_CARRIED) return;
  const end = turnsEnd(state, load);
  for (let job = jobsAt(state, load); job < end; job += JOB) {
    const serviceNs = leave(state, faults, job, atNs);
    if (serviceNs >= 0) join(state, faults, job, serviceNs, atNs);
  }
  // A look that comes too early is put off when it comes.
  const ns = doneNs(state, load);
  if (ns < state[at + SIM_LOAD_NEXT_NS]) lookAt(state, load, ns);
}

/** When the last server has carried a load, as things are. */
function doneNs(state: StaticArray<f64>, load: u32): f64 {
  const end = turnsEnd(state, load);
  let ns = 0.0;
  for (let job = jobsAt(state, load); job < end; job += JOB) ns = max(ns, state[job + JOB_END_NS]);
  return ns;
}

/** Where the turns of a load end. */
function turnsEnd(state: StaticArray<f64>, load: u32): u32 {
  const turns = changetype<StaticArray<u32>>(state)[(simLoadAt(state, load) + SIM_LOAD_TURNS) * 2];
  return jobsAt(state, load) + turns * JOB;
}

/** What has become of a load, now that it is looked at; returns the GPU that has all it waits for now, or -1. */
export function attend(state: StaticArray<f64>, faults: StaticArray<f32>, load: u32): i32 {
  const words = changetype<StaticArray<u32>>(state);
  const at = simLoadAt(state, load);
  const nowNs = state[SIM_NOW_NS];
  const stage = words[(at + SIM_LOAD_SOURCE) * 2 + 1];
  const gpu = words[(at + SIM_LOAD_GPU) * 2];
  if (stage === STAGE_FENCED) return complete(state, load, nowNs);
  if (stage === STAGE_POSTED) {
    words[(at + SIM_LOAD_SOURCE) * 2 + 1] = STAGE_CARRIED;
    words[(simGpuAt(state, gpu) + GPU_LOADS) * 2 + 1]++;
    carry(state, faults, load, nowNs);
  }
  const ns = doneNs(state, load);
  if (ns > nowNs) {
    lookAt(state, load, ns);
    return -1;
  }
  words[(simGpuAt(state, gpu) + GPU_LOADS) * 2 + 1]--;
  state[at + SIM_LOAD_DONE_NS] = nowNs;
  const end = turnsEnd(state, load);
  // Its place may be another load's soon.
  for (let job = jobsAt(state, load); job < end; job += JOB)
    leaveDone(state, faults, words[(job + JOB_SERVER) * 2], nowNs);
  if (faults.length > 0) addOutages(state, faults, load, nowNs);
  const readyNs = nowNs + state[at + SIM_LOAD_FENCE_NS];
  if ((words[(at + SIM_LOAD_FLAGS) * 2] & LOAD_DEMANDED) !== 0) return complete(state, load, readyNs);
  words[(at + SIM_LOAD_SOURCE) * 2 + 1] = STAGE_FENCED;
  lookAt(state, load, readyNs);
  return -1;
}

/** Has a load take its turns at the servers on its way. */
function carry(state: StaticArray<f64>, faults: StaticArray<f32>, load: u32, nowNs: f64): void {
  const words = changetype<StaticArray<u32>>(state);
  const at = simLoadAt(state, load);
  const gpu = words[(at + SIM_LOAD_GPU) * 2];
  const source = words[(at + SIM_LOAD_SOURCE) * 2];
  const bytes = state[at + SIM_LOAD_BYTES];
  const kinds: i32 = whole(state, SIM_KINDS);
  let job = jobsAt(state, load);
  let turns: u32 = 0;
  let rate = Infinity;
  for (let kind = 0; kind < kinds; kind++) {
    const server = serverOf(state, kind, source, gpu);
    if (server === 0) continue;
    turns++;
    words[(job + JOB_SERVER) * 2] = server;
    words[(job + JOB_SERVER) * 2 + 1] = at;
    let serviceNs = bytes / state[server + RATE];
    rate = min(rate, state[server + RATE]);
    if (faults.length > 0) {
      const stallNs = stallFor(state, faults, server, bytes);
      state[at + SIM_LOAD_LOST_NS] += stallNs;
      serviceNs += stallNs;
    }
    join(state, faults, job, serviceNs, nowNs);
    if (faults.length > 0) state[job + JOB_LOST_NS] = lostByNs(state, faults, server, nowNs);
    job += JOB;
  }
  words[(at + SIM_LOAD_TURNS) * 2] = turns;
  state[at + SIM_LOAD_SOLO_NS] = bytes / rate;
  state[simGpuAt(state, source) + GPU_TALLY_AT + TALLY_SERVED_BYTES] += bytes;
}

/** Adds the outages, while a load was carried, of the server that carried it last. */
function addOutages(state: StaticArray<f64>, faults: StaticArray<f32>, load: u32, nowNs: f64): void {
  const words = changetype<StaticArray<u32>>(state);
  const at = simLoadAt(state, load);
  const end = turnsEnd(state, load);
  for (let job = jobsAt(state, load); job < end; job += JOB) {
    const server = words[(job + JOB_SERVER) * 2];
    if (state[job + JOB_END_NS] < nowNs) continue;
    state[at + SIM_LOAD_LOST_NS] += lostByNs(state, faults, server, nowNs) - state[job + JOB_LOST_NS];
    return;
  }
}
