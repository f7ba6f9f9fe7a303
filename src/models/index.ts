import { didYouMean } from "../check.ts";
import { MODELS } from "./builtin.ts";
import type { ModelShape } from "./shape.ts";

/** The built-in model of that name. */
export function modelNamed(name: string): ModelShape {
  const model = MODELS.find((candidate) => candidate.name === name);
  if (model) return model;
  const names = MODELS.map((candidate) => candidate.name);
  throw new RangeError(`model must name a built-in model, got ${JSON.stringify(name)}${didYouMean(name, names)}`);
}

/** A model, or the built-in one of a name. */
export function modelOf(model: ModelShape | string): ModelShape {
  return typeof model === "string" ? modelNamed(model) : model;
}
