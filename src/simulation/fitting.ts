import type { ModelShape } from "../models/shape.ts";
import { NO_EXPERT, type Routes } from "../routes/routes.ts";

/** The fewest experts that a token chooses in a layer. */
export function fewestChosen({ k, chosen }: Routes): number {
  let fewest = k;
  // They stand in front, so a row has fewer than it has where the one behind them is none.
  for (let row = 0; row < chosen.length; row += k)
    while (fewest > 0 && chosen[row + fewest - 1] === NO_EXPERT) fewest--;
  return fewest;
}

/** `routes` with as many layers and experts as the model has: layers are taken again from the first where there are too few. */
export function fitted(routes: Routes, model: ModelShape): Routes {
  const layers = model.moeLayers.length;
  const { tokens, k, experts } = routes;
  const alike = { layers, experts: model.experts, k, tokens, prompt: routes.prompt, phase: routes.phase };
  if (routes.layers === layers && experts === model.experts) return routes;
  const chosen = new Uint16Array(tokens * layers * k);
  for (let token = 0; token < tokens; token++)
    for (let layer = 0; layer < layers; layer++) {
      const from = (token * routes.layers + (layer % routes.layers)) * k;
      chosen.set(routes.chosen.subarray(from, from + k), (token * layers + layer) * k);
    }
  return { ...alike, chosen };
}
