import { whole } from "./places";
import { SIM_DEADLINE_NS, SIM_EAGER, SIM_EXPERTS, SIM_LAYER_NS, SIM_LAYERS } from "./simulation-layout";

/** Until when a prefetch of a block is needed, if it is worth its while; else -1. */
export function isWorthwhile(
  state: StaticArray<f64>,
  gpu: u32,
  layer: u32,
  block: u32,
  confidence: f64,
  atNs: f64,
): f64 {
  const layers = whole(state, SIM_LAYERS);
  const to = block / whole(state, SIM_EXPERTS);
  const ahead = (to + layers - layer) % layers;
  const neededNs = atNs + <f64>(ahead === 0 ? layers : ahead) * state[SIM_LAYER_NS];
  if (whole(state, SIM_EAGER) !== 0) return neededNs;
  return confidence > 0 && gpu >= 0 && state[SIM_DEADLINE_NS] > 0 ? neededNs : -1;
}
