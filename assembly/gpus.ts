import { f64Of, NO_ROW, u32Of } from "./fields";
import { whole } from "./places";
import {
  GPU_NODE,
  GPU_NUMBER,
  GPU_POD,
  GPU_SERVERS_AT,
  LAYER,
  LAYER_EXPERT_BYTES,
  SERVER_NODE_UP,
  SERVER_SOURCE,
  SIM_COPIES_AT,
  SIM_COPY_STARTS_AT,
  SIM_EXPERTS,
  SIM_LAYERS_AT,
} from "./simulation-layout";

// What there is to know of layers, of where GPUs are, and of what is between them.

export function layerAt(state: StaticArray<f64>, layer: u32): u32 {
  return whole(state, SIM_LAYERS_AT) + layer * LAYER;
}

/** The bytes of a block. */
export function bytesOf(state: StaticArray<f64>, block: u32): f64 {
  return f64Of(layerAt(state, block / whole(state, SIM_EXPERTS)), LAYER_EXPERT_BYTES);
}

/** The nearest GPU that holds a block, another one than `gpu`; those equally near take turns from GPU to GPU. */
export function sourceOf(state: StaticArray<f64>, gpu: u32, block: u32): u32 {
  const starts = whole(state, SIM_COPY_STARTS_AT) + block * 4;
  const copies = whole(state, SIM_COPIES_AT);
  const first = copies + u32Of(starts, 0) * 4;
  const end = copies + u32Of(starts, 4) * 4;
  const count = (end - first) >> 2;
  let best = gpu;
  let bestTier: u32 = 4;
  let at = count === 0 ? end : first + (u32Of(gpu, GPU_NUMBER) % count) * 4;
  for (let i: u32 = 0; i < count; i++) {
    const copy = u32Of(at, 0);
    const tier = tierOf(copy, gpu);
    at += 4;
    if (at === end) at = first;
    if (copy === gpu || tier >= bestTier) continue;
    best = copy;
    bestTier = tier;
  }
  return best;
}

/** How far apart two GPUs are: 1 in a node, 2 in a pod, 3 anywhere. */
export function tierOf(a: u32, b: u32): u32 {
  if (u32Of(a, GPU_NODE) === u32Of(b, GPU_NODE)) return 1;
  return u32Of(a, GPU_POD) === u32Of(b, GPU_POD) ? 2 : 3;
}

/** The server of a kind that a load passes, or NO_ROW. */
export function serverOf(kind: i32, source: u32, gpu: u32): u32 {
  const from = u32Of(source + kind * 4, GPU_SERVERS_AT);
  const to = u32Of(gpu + kind * 4, GPU_SERVERS_AT);
  if (kind < SERVER_NODE_UP) return kind === SERVER_SOURCE ? from : to;
  if (from === to) return NO_ROW;
  return (kind & 1) === (SERVER_NODE_UP & 1) ? from : to;
}
