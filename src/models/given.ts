import type { Evidence } from "../optics/index.ts";
import type { AttentionShape } from "./attention.ts";
import { type ModelFigures, type ModelShape, shapeOf } from "./shape.ts";

/** Whole numbers from `from` up, `to` left out. */
export const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

/** Shape and bytes as the model's own config.json has them. */
export const published = (note: string): Evidence[] => [
  { about: "shape and bytes of weights", grade: "published", source: "the model's config.json", note },
];

/** Figures of a built-in model: what most models have in common may be left out. */
export type Given = Omit<
  ModelFigures,
  "moeLayers" | "sharedExperts" | "sharedWidth" | "denseWidth" | "isTied" | "attention"
> &
  Partial<Pick<ModelFigures, "moeLayers" | "sharedExperts" | "sharedWidth" | "denseWidth">> & {
    attention: readonly AttentionShape[] | ((layers: readonly number[]) => AttentionShape);
  };

/** A model of figures. */
export const model = (given: Given, stated: { expertBytes?: number } = {}): ModelShape =>
  shapeOf(
    {
      moeLayers: range(0, given.layers),
      sharedExperts: 0,
      sharedWidth: 0,
      denseWidth: 0,
      isTied: false,
      ...given,
      attention: typeof given.attention === "function" ? [given.attention(range(0, given.layers))] : given.attention,
    },
    stated,
  );

/** Bytes of a weight in MXFP4: four bits, and eight of scale for 32 weights. */
export const MXFP4 = (4 + 8 / 32) / 8;
