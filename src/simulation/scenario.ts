import { modelNamed } from "../models/index.ts";
import { type ModelShape, shapeOf } from "../models/shape.ts";
import type { Evidence } from "../optics/index.ts";
import type { DecodingOptions } from "./plan.ts";

/** A model whose experts have so many bytes a weight, or are of so many bytes each; all else as it is. */
export function resizedModel(model: ModelShape, size: { bytesPerWeight?: number; expertBytes?: number }): ModelShape {
  const { bytesPerWeight = model.bytesPerWeight, expertBytes } = size;
  return shapeOf({ ...model, bytesPerWeight }, expertBytes === undefined ? {} : { expertBytes });
}

/**
 * The sources' own scenario: Mixtral-8x22B at a byte a weight, 128 sequences of 2,048 tokens, a quarter of gates cold, 31.2 ms with
 * all weights there, a DPU of 1.6 TB/s a GPU. See `DECODING_EVIDENCE`.
 */
export function sourceScenario(): DecodingOptions {
  return {
    model: resizedModel(modelNamed("mixtral-8x22b"), { bytesPerWeight: 1 }),
    cluster: { gpus: 128, gpu: "r200", optics: "cpo-800g", gpusPerDpu: 1 },
    batch: 1,
    sequence: 2048,
    cold: { share: 0.25 },
    residentStepNs: 31.2e6,
    gapNs: 62e3,
    deadlineNs: 180e3,
    fence: "additive",
  };
}

const ARTICLE = "the article on co-packaged optics and expert fetching";

/** What runs of the sources' scenario rest on. */
export const DECODING_EVIDENCE: readonly Evidence[] = [
  {
    about: "31.2 ms resident, 62 µs of gap, 180 µs, 40 ms, 1.6 TB/s a DPU, 25% cold",
    grade: "unverified",
    source: ARTICLE,
    note: "its parameters, taken as they are",
  },
  {
    about: "a cold load in a quarter of gates, by chance and apart",
    grade: "assumed",
    source: "arithmetic",
    note: "22 of 56 gates is then the 99th percentile, and 31.2 + 22 x 0.18 = 35.16 ms beside the article's 35.2",
  },
  {
    about: "a load adds to the gap (--fence additive)",
    grade: "assumed",
    source: "arithmetic",
    note: "31.2 + 14 x 0.18 = 33.72 ms beside the article's 33.7; gaps that run meanwhile would hide 62 µs of each",
  },
  {
    about: "a DPU for each GPU",
    grade: "assumed",
    source: "arithmetic",
    note: "the article's loads never wait for one another; where 8 GPUs share a DPU's 1.6 TB/s they do",
  },
  {
    about: "a byte a weight",
    grade: "assumed",
    source: "arithmetic",
    note: "302 MB an expert; in the model's own bf16 it would be 604 MB, which take 377 µs at 1.6 TB/s",
  },
  {
    about: "GPUs that take in 1.8 TB/s (r200)",
    grade: "assumed",
    source: "arithmetic",
    note: "the only built-in GPU that keeps up with a DPU of 1.6 TB/s; 450 GB/s alone take 671 µs for 302 MB",
  },
];
