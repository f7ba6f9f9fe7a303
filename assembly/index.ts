export { annealPlacement, listCandidates, settlePlacement } from "./annealing";
export { bidForSlots } from "./auction";
export { binDistances } from "./distances";
export { decodeDoorbells, encodeDoorbells } from "./doorbell";
export { mergeCounts, placeOfRank, recordValues } from "./histogram";
export { drawHops, drawPaths } from "./latency";
export { listOutages, startFaults } from "./links";
export { forwardMlp, selectTop, trainMlp } from "./mlp";
export { cancelLoad, completeReads, reprioritiseLoad, submitLoads } from "./pacing";
export { fillCosts, sumOfLeast } from "./placement";
export { ascendPrices } from "./prices";
export { drawBits, seedRandom } from "./random";
export { rankByScores, replayRanked } from "./ranked";
export { advanceLoads } from "./reading";
export { replayRandom, replayRecent } from "./residency";

export const F32 = idof<StaticArray<f32>>();
export const F64 = idof<StaticArray<f64>>();
export const U32 = idof<StaticArray<u32>>();
