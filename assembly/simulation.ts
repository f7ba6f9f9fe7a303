import { evict, isUnused, markUnused, reserve, ringAt, touch } from "./caches";
import { pop, push } from "./events";
import { addF64, addU32, f64Of, NO_ROW, setF64, setU32, u32Of } from "./fields";
import { bytesOf, layerAt } from "./gpus";
import { NONE, SEED_HIGH, SEED_LOW } from "./layout";
import { attend, demand, post } from "./loading";
import { endLayer, multiply, sparedBytesPerNs } from "./multiplying";
import { whole } from "./places";
import { neededUntilNs } from "./prefetching";
import { startOf } from "./random";
import {
  AHEAD,
  AHEAD_BLOCK,
  AHEAD_CONFIDENCE,
  EVENT_KINDS,
  EVENT_LOAD,
  EVENT_MULTIPLY,
  EVENT_ROUTE,
  EVENT_STEP,
  GPU,
  GPU_AHEAD_AT,
  GPU_AHEAD_STARTS_AT,
  GPU_ATTENTION_NS,
  GPU_COLD_BYTES,
  GPU_DEMAND_AT,
  GPU_END_NS,
  GPU_HELD_BYTES,
  GPU_LAYER,
  GPU_LOADS,
  GPU_NUMBER,
  GPU_READY_NS,
  GPU_ROUTER_NS,
  GPU_START_NS,
  GPU_STARTS_AT,
  GPU_UNIT,
  GPU_WAITS_FOR,
  GPU_WAYS,
  IN_FLIGHT,
  LAYER_ALL_BYTES,
  LAYER_BEFORE_NS,
  LAYER_EXPERT_BYTES,
  LOAD_DEMANDED,
  LOAD_PREFETCHED,
  RING_NEWER,
  RING_OLDER,
  SIM_BLOCKS,
  SIM_DEADLINE_NS,
  SIM_FORCED,
  SIM_HAPPENED,
  SIM_LAYERS,
  SIM_PREDICT_NS,
  SIM_PREFETCHES_MOST,
  SIM_REFUSED,
  SIM_UNIT_GPUS,
  SIM_UNITS_AT,
  TALLY_ASKED,
  TALLY_BARRIER,
  TALLY_HELD,
  TALLY_MERGED,
  TALLY_USED_PREFETCHES,
  UNIT,
  UNIT_END_NS,
  UNIT_GPUS_AT,
  UNIT_GPUS_END,
  UNIT_LEFT,
  UNIT_START_NS,
  UNIT_STEPS,
  WAYS_STREAM,
} from "./simulation-layout";
import { tally } from "./tallies";

// Every GPU decodes layer by layer (see model.md, "Decoding"): attention, the router's choice, what of it must be loaded, the
// multiplication. The GPUs of a unit begin each layer together. What a GPU does between two loads needs no event: its time is
// known, and what it holds changes by its own loads alone.

/** Has a unit, whose demand of a step is given, begin it at `atNs`. */
export function startStep(state: StaticArray<f64>, unit: u32, atNs: f64): void {
  const row = whole(state, SIM_UNITS_AT) + unit * UNIT;
  setF64(row, UNIT_START_NS, atNs);
  const first = <u64>u32Of(row, UNIT_STEPS) * whole(state, SIM_BLOCKS);
  const end = u32Of(row, UNIT_GPUS_END);
  for (let gpu = u32Of(row, UNIT_GPUS_AT); gpu < end; gpu += GPU) {
    const stream = WAYS_STREAM + u32Of(gpu, GPU_NUMBER);
    store<u64>(gpu, startOf(whole(state, SEED_LOW), whole(state, SEED_HIGH), stream, first), GPU_WAYS);
    setU32(gpu, GPU_LAYER, 0);
  }
  beginLayer(state, row, atNs);
  goOn(state, row);
}

/** Lets events happen until a unit is through with its step, and returns which; or -1 if there are no more events. */
export function runDecoding(state: StaticArray<f64>): i32 {
  for (let what = pop(state); what !== NO_ROW; what = pop(state)) {
    changetype<StaticArray<u32>>(state)[SIM_HAPPENED * 2]++;
    const row: u32 = what & ~EVENT_KINDS;
    let gpu = row;
    switch (what & EVENT_KINDS) {
      case EVENT_STEP:
        return (row - whole(state, SIM_UNITS_AT)) / UNIT;
      case EVENT_LOAD: {
        gpu = attend(state, row);
        if (gpu !== NO_ROW) multiply(state, gpu);
        break;
      }
      case EVENT_ROUTE: {
        route(state, gpu);
        break;
      }
      case EVENT_MULTIPLY: {
        endLayer(state, gpu, sparedBytesPerNs(state, gpu));
        break;
      }
      default:
        break;
    }
    if (gpu !== NO_ROW) goOn(state, u32Of(gpu, GPU_UNIT));
  }
  return -1;
}

/** While all GPUs of a unit are through with a layer, has them begin the next one, up to the end of the step. */
function goOn(state: StaticArray<f64>, unit: u32): void {
  const layers = whole(state, SIM_LAYERS);
  const end = u32Of(unit, UNIT_GPUS_END);
  while (u32Of(unit, UNIT_LEFT) === 0) {
    const endNs = f64Of(unit, UNIT_END_NS);
    let layer: u32 = 0;
    for (let gpu = u32Of(unit, UNIT_GPUS_AT); gpu < end; gpu += GPU) {
      tally(gpu, TALLY_BARRIER, endNs - f64Of(gpu, GPU_END_NS));
      layer = addU32(gpu, GPU_LAYER, 1);
    }
    if (layer === layers) {
      setU32(unit, UNIT_LEFT, whole(state, SIM_UNIT_GPUS));
      addU32(unit, UNIT_STEPS, 1);
      push(state, endNs, EVENT_STEP, unit);
      return;
    }
    beginLayer(state, unit, endNs);
  }
}

function beginLayer(state: StaticArray<f64>, unit: u32, atNs: f64): void {
  setU32(unit, UNIT_LEFT, whole(state, SIM_UNIT_GPUS));
  setF64(unit, UNIT_END_NS, atNs);
  const end = u32Of(unit, UNIT_GPUS_END);
  for (let gpu = u32Of(unit, UNIT_GPUS_AT); gpu < end; gpu += GPU) attendTo(state, gpu, atNs);
}

/** A GPU begins its layer: up to the router's choice, and beyond if that can be told already. */
function attendTo(state: StaticArray<f64>, gpu: u32, atNs: f64): void {
  const layer = u32Of(gpu, GPU_LAYER);
  const row = layerAt(state, layer);
  const routerNs = atNs + f64Of(row, LAYER_BEFORE_NS) + f64Of(gpu, GPU_ATTENTION_NS);
  setF64(gpu, GPU_START_NS, atNs);
  setF64(gpu, GPU_ROUTER_NS, routerNs);
  setF64(gpu, GPU_READY_NS, routerNs);
  setF64(gpu, GPU_HELD_BYTES, 0);
  setF64(gpu, GPU_COLD_BYTES, 0);
  const ahead = u32Of(gpu, GPU_AHEAD_STARTS_AT) + layer * 4;
  const starts = u32Of(gpu, GPU_STARTS_AT) + layer * 4;
  if (u32Of(gpu, GPU_LOADS) > 0 || u32Of(ahead, 4) > u32Of(ahead, 0)) {
    push(state, routerNs, EVENT_ROUTE, gpu);
  } else if (u32Of(starts, 4) > u32Of(starts, 0)) {
    route(state, gpu);
  } else {
    // Where cold loads are given, most layers ask for nothing, and this is all.
    if (whole(state, SIM_FORCED) !== 0) setF64(gpu, GPU_HELD_BYTES, f64Of(row, LAYER_ALL_BYTES));
    multiply(state, gpu);
  }
}

/** The router has chosen: loads what is not there, and what is worth while of what comes next. */
function route(state: StaticArray<f64>, gpu: u32): void {
  const atNs = f64Of(gpu, GPU_ROUTER_NS);
  const layer = layerAt(state, u32Of(gpu, GPU_LAYER));
  const starts = u32Of(gpu, GPU_STARTS_AT) + u32Of(gpu, GPU_LAYER) * 4;
  const first = u32Of(gpu, GPU_DEMAND_AT) + u32Of(starts, 0) * 4;
  const end = u32Of(gpu, GPU_DEMAND_AT) + u32Of(starts, 4) * 4;
  let waitsFor: u32 = 0;
  for (let at = first; at < end; at += 4)
    waitsFor += ask(state, gpu, u32Of(at, 0), f64Of(layer, LAYER_EXPERT_BYTES), atNs);
  setU32(gpu, GPU_WAITS_FOR, waitsFor);
  if (whole(state, SIM_FORCED) !== 0)
    setF64(gpu, GPU_HELD_BYTES, max(0, f64Of(layer, LAYER_ALL_BYTES) - f64Of(gpu, GPU_COLD_BYTES)));
  else if (end > first) evict(state, gpu, u32Of(first, 0));
  prefetch(state, gpu, atNs);
  if (waitsFor === 0) multiply(state, gpu);
}

/** Asks for one block; returns 1 if it must be waited for. */
function ask(state: StaticArray<f64>, gpu: u32, block: u32, bytes: f64, atNs: f64): u32 {
  const dueNs = atNs + state[SIM_DEADLINE_NS];
  tally(gpu, TALLY_ASKED, 1);
  if (whole(state, SIM_FORCED) !== 0) {
    addF64(gpu, GPU_COLD_BYTES, bytes);
    post(state, gpu, block, bytes, LOAD_DEMANDED, atNs, dueNs);
    return 1;
  }
  const ring = ringAt(gpu, block);
  const newer = u32Of(ring, RING_NEWER);
  if (newer !== NONE && newer !== IN_FLIGHT) {
    addF64(gpu, GPU_HELD_BYTES, bytes);
    tally(gpu, TALLY_HELD, 1);
    if (isUnused(gpu, block)) {
      tally(gpu, TALLY_USED_PREFETCHES, 1);
      markUnused(gpu, block, false);
    }
    touch(state, gpu, block);
    return 0;
  }
  addF64(gpu, GPU_COLD_BYTES, bytes);
  if (newer === IN_FLIGHT) {
    tally(gpu, TALLY_MERGED, 1);
    tally(gpu, TALLY_USED_PREFETCHES, 1);
    demand(state, u32Of(ring, RING_OLDER), atNs, dueNs);
  } else {
    reserve(state, gpu, block, bytes, post(state, gpu, block, bytes, LOAD_DEMANDED, atNs, dueNs));
  }
  return 1;
}

/** Posts, of what is predicted as a layer is routed, what is not there and is worth while. */
function prefetch(state: StaticArray<f64>, gpu: u32, atNs: f64): void {
  const layer = u32Of(gpu, GPU_LAYER);
  const starts = u32Of(gpu, GPU_AHEAD_STARTS_AT) + layer * 4;
  const end = u32Of(gpu, GPU_AHEAD_AT) + u32Of(starts, 4) * AHEAD;
  for (let at = u32Of(gpu, GPU_AHEAD_AT) + u32Of(starts, 0) * AHEAD; at < end; at += AHEAD) {
    const block = u32Of(at, AHEAD_BLOCK);
    if (u32Of(ringAt(gpu, block), RING_NEWER) !== NONE) continue;
    const bytes = bytesOf(state, block);
    const confidence: f64 = load<f32>(at, AHEAD_CONFIDENCE);
    const neededNs = neededUntilNs(state, gpu, layer, block, bytes, confidence, atNs);
    // Of the loads under way some are demanded; room for those is kept.
    const prefetches = u32Of(gpu, GPU_LOADS) - u32Of(gpu, GPU_WAITS_FOR);
    if (neededNs < 0 || prefetches >= whole(state, SIM_PREFETCHES_MOST)) {
      changetype<StaticArray<u32>>(state)[SIM_REFUSED * 2]++;
      continue;
    }
    const postedNs = atNs + state[SIM_PREDICT_NS];
    reserve(state, gpu, block, bytes, post(state, gpu, block, bytes, LOAD_PREFETCHED, postedNs, neededNs));
    evict(state, gpu, block);
  }
}
