import { whole } from "./places";
import {
  GPU,
  GPU_PLACE_AT,
  LAYER,
  PLACE_NODE,
  PLACE_POD,
  SERVER_NODE_UP,
  SERVER_SOURCE,
  SIM_COPIES_AT,
  SIM_COPY_STARTS_AT,
  SIM_GPUS_AT,
  SIM_LAYERS_AT,
  SIM_LOAD,
  SIM_LOADS_AT,
  SIM_UNITS_AT,
  UNIT,
} from "./simulation-layout";

// Where what there is to know of GPUs, units, layers and loads is, and how far apart they are.

export function simGpuAt(state: StaticArray<f64>, gpu: u32): u32 {
  return whole(state, SIM_GPUS_AT) + gpu * GPU;
}

/** Something of a GPU's place: a server of a kind, or one of the others of simulation-layout.ts. */
export function placeOf(state: StaticArray<f64>, gpu: u32, what: u32): u32 {
  return changetype<StaticArray<u32>>(state)[(simGpuAt(state, gpu) + GPU_PLACE_AT) * 2 + what];
}

export function simLoadAt(state: StaticArray<f64>, load: u32): u32 {
  return whole(state, SIM_LOADS_AT) + load * SIM_LOAD;
}

export function unitAt(state: StaticArray<f64>, unit: u32): u32 {
  return whole(state, SIM_UNITS_AT) + unit * UNIT;
}

export function layerOf(state: StaticArray<f64>, layer: u32, field: u32): f64 {
  return state[whole(state, SIM_LAYERS_AT) + layer * LAYER + field];
}

/** The nearest GPU that holds a block, another one than `gpu`; those equally near take turns from GPU to GPU. */
export function sourceOf(state: StaticArray<f64>, gpu: u32, block: u32): u32 {
  const words = changetype<StaticArray<u32>>(state);
  const starts = whole(state, SIM_COPY_STARTS_AT) * 2 + block;
  const first = whole(state, SIM_COPIES_AT) * 2 + words[starts];
  const count = words[starts + 1] - words[starts];
  let best: u32 = gpu;
  let bestTier: u32 = 4;
  let at = count === 0 ? 0 : gpu % count;
  for (let i: u32 = 0; i < count; i++) {
    const copy = words[first + at];
    const tier = tierOf(state, copy, gpu);
    at = at + 1 === count ? 0 : at + 1;
    if (copy === gpu || tier >= bestTier) continue;
    best = copy;
    bestTier = tier;
  }
  return best;
}

/** How far apart two GPUs are: 1 in a node, 2 in a pod, 3 anywhere. */
export function tierOf(state: StaticArray<f64>, a: u32, b: u32): u32 {
  if (placeOf(state, a, PLACE_NODE) === placeOf(state, b, PLACE_NODE)) return 1;
  return placeOf(state, a, PLACE_POD) === placeOf(state, b, PLACE_POD) ? 2 : 3;
}

/** The server of a kind that a load passes, or 0. */
export function serverOf(state: StaticArray<f64>, kind: i32, source: u32, gpu: u32): u32 {
  const from = placeOf(state, source, kind);
  const to = placeOf(state, gpu, kind);
  if (kind < SERVER_NODE_UP) return kind === SERVER_SOURCE ? from : to;
  if (from === to) return 0;
  return (kind & 1) === (SERVER_NODE_UP & 1) ? from : to;
}
