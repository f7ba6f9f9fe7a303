export { levelGpus, packPlan } from "./balance";
export { decodeDoorbells, encodeDoorbells } from "./doorbell";
export { easeGpus, mendPlan, shakePlan } from "./easing";
export { mergeCounts, placeOfRank, recordValues } from "./histogram";
export { drawHops, drawPaths } from "./latency";
export { listOutages, startFaults } from "./links";
export { cancelLoad, completeReads, reprioritiseLoad, submitLoads } from "./pacing";
export { loadPlan } from "./plan";
export { drawBits, seedRandom } from "./random";
export { advanceLoads } from "./reading";
export { takeBackMoves } from "./returning";

export const F32 = idof<StaticArray<f32>>();
export const F64 = idof<StaticArray<f64>>();
export const U32 = idof<StaticArray<u32>>();
