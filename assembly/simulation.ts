import { bytesOf, evict, isUnused, markUnused, NEWER, OLDER, reserve, ringAt, touch } from "./caches";
import { pop, push } from "./events";
import { layerOf, placeOf, simGpuAt, unitAt } from "./gpus";
import { NONE, SEED_HIGH, SEED_LOW } from "./layout";
import { attend, demand, post } from "./loading";
import { endLayer, multiply, sparedBytesPerNs } from "./multiplying";
import { whole } from "./places";
import { neededUntilNs } from "./prefetching";
import { startOf } from "./random";
import {
  EVENT_KIND_BITS,
  EVENT_LOAD,
  EVENT_MULTIPLY,
  EVENT_ROUTE,
  EVENT_STEP,
  GPU_ATTENTION_NS,
  GPU_COLD_BYTES,
  GPU_END_NS,
  GPU_HELD_BYTES,
  GPU_LAYER,
  GPU_LOADS,
  GPU_READY_NS,
  GPU_ROUTER_NS,
  GPU_START_NS,
  GPU_TALLY_AT,
  GPU_WAYS,
  IN_FLIGHT,
  LAYER_ALL_BYTES,
  LAYER_BEFORE_NS,
  LOAD_DEMANDED,
  LOAD_PREFETCHED,
  PLACE_UNIT,
  SIM_AHEAD_AT,
  SIM_AHEAD_MOST,
  SIM_AHEAD_STARTS_AT,
  SIM_DEADLINE_NS,
  SIM_DEMAND_AT,
  SIM_DEMAND_MOST,
  SIM_EVENT,
  SIM_EXPERTS,
  SIM_FORCED,
  SIM_HAPPENED,
  SIM_LAYERS,
  SIM_PREDICT_NS,
  SIM_PREFETCHES_MOST,
  SIM_REFUSED,
  SIM_STARTS_AT,
  SIM_UNIT_GPUS,
  TALLY_ASKED,
  TALLY_BARRIER,
  TALLY_HELD,
  TALLY_MERGED,
  TALLY_USED_PREFETCHES,
  UNIT_END_NS,
  UNIT_LEFT,
  UNIT_START_NS,
  WAYS_STREAM,
} from "./simulation-layout";

// Every GPU decodes layer by layer (see model.md, "Decoding"): attention, the router's choice, what of it must be loaded, the
// multiplication. The GPUs of a unit begin each layer together. What a GPU does between two loads needs no event: its time is
// known, and what it holds changes by its own loads alone.

/** Has a unit, whose demand of a step is given, begin it at `atNs`. */
export function startStep(
  state: StaticArray<f64>,
  tables: StaticArray<f32>,
  faults: StaticArray<f32>,
  unit: u32,
  atNs: f64,
): void {
  const words = changetype<StaticArray<u32>>(state);
  const row = unitAt(state, unit);
  state[row + UNIT_START_NS] = atNs;
  const gpus = whole(state, SIM_UNIT_GPUS);
  const blocks = whole(state, SIM_LAYERS) * whole(state, SIM_EXPERTS);
  const first = <u64>words[(row + UNIT_LEFT) * 2 + 1] * blocks;
  for (let gpu = unit * gpus; gpu < (unit + 1) * gpus; gpu++) {
    const at = simGpuAt(state, gpu);
    const ways = startOf(whole(state, SEED_LOW), whole(state, SEED_HIGH), WAYS_STREAM + gpu, first);
    store<u64>(changetype<usize>(state) + ((<usize>(at + GPU_WAYS)) << 3), ways);
    words[(at + GPU_LAYER) * 2] = 0;
  }
  beginLayer(state, tables, faults, unit, atNs);
  goOn(state, tables, faults, unit);
}

/** Lets events happen until a unit is through with its step, and returns which; or -1 if there are no more events. */
export function runDecoding(state: StaticArray<f64>, tables: StaticArray<f32>, faults: StaticArray<f32>): i32 {
  const words = changetype<StaticArray<u32>>(state);
  while (pop(state)) {
    words[SIM_HAPPENED * 2]++;
    const kind = words[SIM_EVENT * 2] >> EVENT_KIND_BITS;
    const what = words[SIM_EVENT * 2] & ((1 << EVENT_KIND_BITS) - 1);
    let gpu: i32 = what;
    switch (kind) {
      case EVENT_STEP:
        return what;
      case EVENT_LOAD: {
        gpu = attend(state, faults, what);
        if (gpu >= 0) multiply(state, gpu);
        break;
      }
      case EVENT_ROUTE: {
        route(state, tables, faults, what);
        break;
      }
      case EVENT_MULTIPLY: {
        endLayer(state, what, sparedBytesPerNs(state, what));
        break;
      }
      default:
        break;
    }
    if (gpu >= 0) goOn(state, tables, faults, placeOf(state, gpu, PLACE_UNIT));
  }
  return -1;
}

/** While all GPUs of a unit are through with a layer, has them begin the next one, up to the end of the step. */
function goOn(state: StaticArray<f64>, tables: StaticArray<f32>, faults: StaticArray<f32>, unit: u32): void {
  const words = changetype<StaticArray<u32>>(state);
  const row = unitAt(state, unit);
  const gpus = whole(state, SIM_UNIT_GPUS);
  while (words[(row + UNIT_LEFT) * 2] === 0) {
    const endNs = state[row + UNIT_END_NS];
    let layer: u32 = 0;
    for (let gpu = unit * gpus; gpu < (unit + 1) * gpus; gpu++) {
      const at = simGpuAt(state, gpu);
      state[at + GPU_TALLY_AT + TALLY_BARRIER] += endNs - state[at + GPU_END_NS];
      layer = ++words[(at + GPU_LAYER) * 2];
    }
    if (layer === whole(state, SIM_LAYERS)) {
      words[(row + UNIT_LEFT) * 2] = gpus;
      words[(row + UNIT_LEFT) * 2 + 1]++;
      push(state, endNs, EVENT_STEP, unit);
      return;
    }
    beginLayer(state, tables, faults, unit, endNs);
  }
}

function beginLayer(
  state: StaticArray<f64>,
  tables: StaticArray<f32>,
  faults: StaticArray<f32>,
  unit: u32,
  atNs: f64,
): void {
  const row = unitAt(state, unit);
  const gpus = whole(state, SIM_UNIT_GPUS);
  changetype<StaticArray<u32>>(state)[(row + UNIT_LEFT) * 2] = gpus;
  state[row + UNIT_END_NS] = atNs;
  for (let gpu = unit * gpus; gpu < (unit + 1) * gpus; gpu++) attendTo(state, tables, faults, gpu, atNs);
}

/** A GPU begins its layer: up to the router's choice, and beyond if that can be told already. */
function attendTo(
  state: StaticArray<f64>,
  tables: StaticArray<f32>,
  faults: StaticArray<f32>,
  gpu: u32,
  atNs: f64,
): void {
  const words = changetype<StaticArray<u32>>(state);
  const at = simGpuAt(state, gpu);
  const layer = words[(at + GPU_LAYER) * 2];
  const routerNs = atNs + layerOf(state, layer, LAYER_BEFORE_NS) + state[at + GPU_ATTENTION_NS];
  state[at + GPU_START_NS] = atNs;
  state[at + GPU_ROUTER_NS] = routerNs;
  state[at + GPU_READY_NS] = routerNs;
  state[at + GPU_HELD_BYTES] = 0;
  state[at + GPU_COLD_BYTES] = 0;
  const ahead = whole(state, SIM_AHEAD_STARTS_AT) * 2 + gpu * (whole(state, SIM_LAYERS) + 1) + layer;
  if (words[(at + GPU_LOADS) * 2] > 0 || words[ahead + 1] > words[ahead]) push(state, routerNs, EVENT_ROUTE, gpu);
  else route(state, tables, faults, gpu);
}

/** The router has chosen: loads what is not there, and what is worth while of what comes next. */
function route(state: StaticArray<f64>, tables: StaticArray<f32>, faults: StaticArray<f32>, gpu: u32): void {
  const words = changetype<StaticArray<u32>>(state);
  const at = simGpuAt(state, gpu);
  const layer = words[(at + GPU_LAYER) * 2];
  const atNs = state[at + GPU_ROUTER_NS];
  const starts = whole(state, SIM_STARTS_AT) * 2 + gpu * (whole(state, SIM_LAYERS) + 1) + layer;
  const blocks = whole(state, SIM_DEMAND_AT) * 2 + gpu * whole(state, SIM_DEMAND_MOST);
  let waitsFor: u32 = 0;
  for (let i = words[starts]; i < words[starts + 1]; i++) {
    waitsFor += ask(state, tables, faults, gpu, words[blocks + i], atNs);
  }
  words[at * 2 + 1] = waitsFor;
  if (whole(state, SIM_FORCED) !== 0)
    state[at + GPU_HELD_BYTES] = max(0, layerOf(state, layer, LAYER_ALL_BYTES) - state[at + GPU_COLD_BYTES]);
  else if (words[starts + 1] > words[starts]) evict(state, gpu, words[blocks + words[starts]]);
  prefetch(state, tables, gpu, layer, atNs);
  if (waitsFor === 0) multiply(state, gpu);
}

/** Asks for one block; returns 1 if it must be waited for. */
function ask(
  state: StaticArray<f64>,
  tables: StaticArray<f32>,
  faults: StaticArray<f32>,
  gpu: u32,
  block: u32,
  atNs: f64,
): u32 {
  const words = changetype<StaticArray<u32>>(state);
  const at = simGpuAt(state, gpu);
  const tally = at + GPU_TALLY_AT;
  const bytes = bytesOf(state, block);
  const dueNs = atNs + state[SIM_DEADLINE_NS];
  state[tally + TALLY_ASKED] += 1;
  if (whole(state, SIM_FORCED) !== 0) {
    state[at + GPU_COLD_BYTES] += bytes;
    post(state, tables, gpu, block, LOAD_DEMANDED, atNs, dueNs);
    return 1;
  }
  const ring = ringAt(state, gpu, block);
  const newer = words[ring + NEWER];
  if (newer !== NONE && newer !== IN_FLIGHT) {
    state[at + GPU_HELD_BYTES] += bytes;
    state[tally + TALLY_HELD] += 1;
    if (isUnused(state, gpu, block)) {
      state[tally + TALLY_USED_PREFETCHES] += 1;
      markUnused(state, gpu, block, false);
    }
    touch(state, gpu, block);
    return 0;
  }
  state[at + GPU_COLD_BYTES] += bytes;
  if (newer === IN_FLIGHT) {
    state[tally + TALLY_MERGED] += 1;
    state[tally + TALLY_USED_PREFETCHES] += 1;
    demand(state, faults, words[ring + OLDER], atNs, dueNs);
  } else {
    reserve(state, gpu, block, post(state, tables, gpu, block, LOAD_DEMANDED, atNs, dueNs));
  }
  return 1;
}

/** Posts, of what is predicted as a layer is routed, what is not there and is worth while. */
function prefetch(state: StaticArray<f64>, tables: StaticArray<f32>, gpu: u32, layer: u32, atNs: f64): void {
  const words = changetype<StaticArray<u32>>(state);
  const starts = whole(state, SIM_AHEAD_STARTS_AT) * 2 + gpu * (whole(state, SIM_LAYERS) + 1) + layer;
  const rows = whole(state, SIM_AHEAD_AT) + gpu * whole(state, SIM_AHEAD_MOST);
  const at = simGpuAt(state, gpu);
  for (let i = words[starts]; i < words[starts + 1]; i++) {
    const block = words[(rows + i) * 2];
    const confidence: f64 = reinterpret<f32>(words[(rows + i) * 2 + 1]);
    if (words[ringAt(state, gpu, block) + NEWER] !== NONE) continue;
    const neededNs = neededUntilNs(state, gpu, layer, block, bytesOf(state, block), confidence, atNs);
    // Of the loads under way some are demanded; room for those is kept.
    const prefetches = words[(at + GPU_LOADS) * 2] - words[at * 2 + 1];
    if (neededNs < 0 || prefetches >= whole(state, SIM_PREFETCHES_MOST)) {
      words[SIM_REFUSED * 2]++;
      continue;
    }
    const load = post(state, tables, gpu, block, LOAD_PREFETCHED, atNs + state[SIM_PREDICT_NS], neededNs);
    reserve(state, gpu, block, load);
    evict(state, gpu, block);
  }
}
