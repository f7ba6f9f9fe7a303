export { Distribution, type LatencyQuantiles } from "./distribution.ts";
export { type CountedValues, Histogram } from "./histogram.ts";
export { type Fault, HopSampler, type Path, PathSampler, type SamplerOptions } from "./latency.ts";
export { RandomBits, type RandomOptions } from "./random.ts";
export {
  type ClockCost,
  measureTail,
  type QuantileInterval,
  type TailOptions,
  type TailReport,
  type Transport,
} from "./tail.ts";
export { useKernels } from "./wasm.ts";
