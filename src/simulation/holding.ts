import { checkWhole } from "../check.ts";
import { expertSlots, type ServingCluster } from "../cluster/index.ts";
import { type ModelShape, totalsOf } from "../models/shape.ts";
import type { EnginePlan } from "./memory.ts";
import type { RoutedInput } from "./plan.ts";

// What GPUs hold: experts that are placed on them, and room for others.

/**
 * Which GPUs hold each expert: copies of a block lie as far apart as there are GPUs, neighbours side by side. Infeasible is
 * refused with the term that binds, as nothing can be simulated.
 */
export function placeCopies(model: ModelShape, cluster: ServingCluster, wanted: number | undefined) {
  const { gpus } = cluster;
  const blocks = model.moeLayers.length * model.experts;
  const slots = expertSlots(cluster, model) * gpus;
  if (wanted !== undefined) checkWhole("copies", wanted, 1, gpus);
  const each = wanted ?? Math.max(1, Math.min(2, gpus - 1, Math.floor(slots / blocks)));
  if (slots < blocks * each) {
    const room = (cluster.gpu.hbmBytes * (1 - cluster.kvReserveShare)) / 1e9;
    throw new RangeError(
      `gpus must be more: ${each} ${each === 1 ? "copy" : "copies"} of ${blocks} experts of ${model.name} need as many slots, and ${gpus} GPUs with ${room.toFixed(1)} GB for weights, ${(totalsOf(model).otherBytes / 1e9).toFixed(1)} GB of them for what are no experts, have ${slots}`,
    );
  }
  const starts = Uint32Array.from({ length: blocks + 1 }, (_, block) => block * each);
  const holders = new Uint32Array(blocks * each);
  for (let block = 0; block < blocks; block++)
    for (let copy = 0; copy < each; copy++)
      holders[block * each + copy] = (block + Math.floor((copy * gpus) / each)) % gpus;
  return { each, starts, gpus: holders };
}

/** Refuses GPUs that hold all experts of a layer: a cold one must come from elsewhere. */
export function checkElsewhere({ starts, gpus }: EnginePlan["copies"], experts: number): void {
  for (let first = 0; first + experts < starts.length; first += experts) {
    const held = new Map<number, number>();
    for (let i = starts[first]!; i < starts[first + experts]!; i++) held.set(gpus[i]!, (held.get(gpus[i]!) ?? 0) + 1);
    for (const [gpu, count] of held)
      if (count === experts)
        throw new RangeError(
          `gpus must be more, or copies fewer: GPU ${gpu} holds all ${experts} experts of layer ${first / experts}, and a cold one must come from elsewhere`,
        );
  }
}

/** What a GPU keeps beyond what is placed on it. */
export function cacheOf(routed: RoutedInput | null, model: ModelShape, cluster: ServingCluster, copies: number) {
  const blocks = model.moeLayers.length * model.experts;
  const placed = Math.ceil((blocks * copies) / cluster.gpus);
  const left = (expertSlots(cluster, model) - placed) * model.expertBytes;
  const budgetBytes = routed?.cacheBytes ?? Math.max(0, left);
  if (routed && budgetBytes > left)
    throw new RangeError(
      `cold: cacheBytes must be at most ${left}, the room that is left on a GPU, got ${budgetBytes}`,
    );
  return { budgetBytes, perLayer: routed?.perLayer ?? true };
}
