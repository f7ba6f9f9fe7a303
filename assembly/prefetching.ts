import { lackingBytes } from "./caches";
import { f64Of } from "./fields";
import { serverOf, sourceOf } from "./gpus";
import { CHUNK_BYTES } from "./layout";
import { whole } from "./places";
import { untilNs } from "./servers";
import {
  OVERTAKEN_TIMES,
  OVERTAKEN_UTILISATIONS,
  OVERTAKEN_WORKS,
  SERVER_DPU,
  SERVER_UTILISATION,
  SIM_CHANCES_AT,
  SIM_EAGER,
  SIM_EVICTED_CHANCE,
  SIM_EXPERTS,
  SIM_LAYER_NS,
  SIM_LAYERS,
  SIM_LOAD_BYTES_PER_NS,
  SIM_LOAD_NS,
  SIM_PREDICT_NS,
} from "./simulation-layout";

/**
 * Until when a prefetch of a block is needed, if it is expected to save more stall than it causes; else -1. It is the rule of
 * src/prefetch/rule.ts, with a load's time as its mean, and utilisation and work before it rounded down to steps of a table.
 */
export function neededUntilNs(
  state: StaticArray<f64>,
  gpu: u32,
  layer: u32,
  block: u32,
  bytes: f64,
  confidence: f64,
  atNs: f64,
): f64 {
  const layers = whole(state, SIM_LAYERS);
  const ahead = (block / whole(state, SIM_EXPERTS) + layers - layer) % layers;
  const leadNs = <f64>(ahead === 0 ? layers : ahead) * state[SIM_LAYER_NS];
  if (whole(state, SIM_EAGER) !== 0) return atNs + leadNs;
  const server = serverOf(SERVER_DPU, sourceOf(state, gpu, block), gpu);
  const utilisation = f64Of(server, SERVER_UTILISATION);
  if (utilisation >= 1) return -1;
  const serviceNs = bytes / state[SIM_LOAD_BYTES_PER_NS];
  const demandNs = state[SIM_LOAD_NS] + (utilisation / (2 * (1 - utilisation))) * serviceNs;
  const beforeNs = untilNs(server, atNs) - atNs;
  const lateNs = state[SIM_LOAD_NS] + state[SIM_PREDICT_NS] + beforeNs - leadNs;
  const savedNs = confidence * (demandNs - overtakenNs(state, utilisation, beforeNs, serviceNs, lateNs, demandNs));
  const blockedNs = (utilisation / (1 - utilisation)) * (state[CHUNK_BYTES] / state[SIM_LOAD_BYTES_PER_NS] / 2);
  const evictedNs = lackingBytes(state, gpu, block, bytes) > 0 ? state[SIM_EVICTED_CHANCE] * demandNs : 0;
  return savedNs > evictedNs + (1 - confidence) * blockedNs ? atNs + leadNs : -1;
}

/** How late a prefetch is in the mean, at most `mostNs` each time, that would be `lateNs` late if nobody overtook it. */
function overtakenNs(
  state: StaticArray<f64>,
  utilisation: f64,
  beforeNs: f64,
  serviceNs: f64,
  lateNs: f64,
  mostNs: f64,
): f64 {
  const chances = <usize>whole(state, SIM_CHANCES_AT);
  const u = <u32>(utilisation * OVERTAKEN_UTILISATIONS);
  const w = <u32>min(<f64>(OVERTAKEN_WORKS - 1), beforeNs / serviceNs);
  const row = chances + <usize>((u * OVERTAKEN_WORKS + w) * (OVERTAKEN_TIMES * 4));
  let sum = 0.0;
  let left = 1.0;
  for (let n = 0; n < OVERTAKEN_TIMES && left > 0; n++) {
    const chance: f64 = load<f32>(row + ((<usize>n) << 2));
    sum += chance * min(mostNs, max(0, lateNs + n * serviceNs));
    left -= chance;
  }
  return sum + max(0, left) * mostNs;
}
