import { checkPositive } from "../check.ts";
import type { Roofline } from "../roofline.ts";
import type { LayerShape } from "./memory.ts";

/** What a step takes, and of what it is made. */
export function computeOf(
  roofline: Roofline,
  {
    batch,
    sequence,
    gapNs,
    residentStepNs,
    fewest,
  }: {
    batch: number;
    sequence: number;
    gapNs: number;
    residentStepNs: number | undefined;
    /** Where cold experts come as they are chosen, the fewest that a token chooses; null where they come by chance. */
    fewest: number | null;
  },
) {
  const { model } = roofline;
  const moe = model.moeLayers.length;
  const { distinctExperts, totalNs, gemmNs } = roofline.step(batch, sequence);
  let scale = 1;
  if (residentStepNs !== undefined) {
    checkPositive("residentStepNs", residentStepNs);
    scale = (residentStepNs - moe * gapNs) / totalNs;
    if (!(scale > 0))
      throw new RangeError(
        `residentStepNs must be above ${moe * gapNs}, the gaps of ${moe} layers, got ${residentStepNs}`,
      );
  }
  const isMoe = new Set(model.moeLayers);
  const layers: LayerShape[] = [];
  let beforeNs = 0;
  for (let layer = 0; layer < model.layers; layer++) {
    beforeNs += roofline.attentionNs(layer, batch, sequence);
    if (!isMoe.has(layer)) {
      beforeNs += roofline.denseNs(batch);
      continue;
    }
    layers.push({
      beforeNs: scale * (beforeNs + roofline.routerNs(batch)),
      afterNs: scale * roofline.sharedNs(batch),
      expertBytes: model.expertBytes,
      allBytes: distinctExperts * model.expertBytes,
    });
    beforeNs = 0;
  }
  // Dense layers behind the last with experts, and the head.
  layers[moe - 1]!.afterNs += scale * (beforeNs + roofline.headNs(batch));
  const hbmBytesPerNs = (roofline.gpu.hbmBytesPerNs * roofline.hbmShare) / scale;
  // The flops of a batch do not hang on how many experts share them.
  const multiplyNs =
    fewest !== null ? scale * roofline.gemmNs(0, batch * model.expertsPerToken) : (scale * gemmNs) / moe;
  // All tokens of a batch may choose the same experts.
  const leastNs = fewest === null ? totalNs : roofline.step(batch, sequence, fewest).totalNs;
  const stepNs = (ns: number) => scale * ns + moe * gapNs;
  return {
    layers,
    hbmBytesPerNs,
    stretch: scale,
    step: { attentionNs: 0, multiplyNs, residentStepNs: stepNs(totalNs), leastStepNs: stepNs(leastNs) },
  };
}
