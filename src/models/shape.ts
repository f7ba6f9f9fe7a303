import { checkAtLeast, checkBetween, checkPositive, checkWhole } from "../check.ts";
import type { Evidence } from "../optics/index.ts";
import { type AttentionShape, keptBytes } from "./attention.ts";

/** What a mixture-of-experts model is made of. */
export interface ModelFigures {
  name: string;
  /** As its `config.json` calls it. */
  family: string;
  layers: number;
  /** Which of them have experts, from 0, ascending. */
  moeLayers: readonly number[];
  hidden: number;
  /** Routed experts of a layer. */
  experts: number;
  expertsPerToken: number;
  /** Of an expert's three matrices, each of `hidden` x `expertWidth`. */
  expertWidth: number;
  /** Experts that every token takes, and their widths together. */
  sharedExperts: number;
  sharedWidth: number;
  /** Of the MLP in layers without experts. */
  denseWidth: number;
  vocabulary: number;
  /** Tokens are told apart by the matrix that they come in by. */
  isTied: boolean;
  /** How layers attend; each layer is in one. */
  attention: readonly AttentionShape[];
  /** Of routed experts, scales included. */
  bytesPerWeight: number;
  /** Of everything else but embeddings, which are bf16. */
  otherBytesPerWeight: number;
  evidence: readonly Evidence[];
}

/** A model, with what follows from its figures. Weights are counted, not weighed: norms and biases are left out. */
export interface ModelShape extends ModelFigures {
  /** Of one expert: 3 x `hidden` x `expertWidth`. */
  expertWeights: number;
  expertBytes: number;
  /** Of one layer's router. */
  routerWeights: number;
  /** Of one layer's shared experts. */
  sharedWeights: number;
  /** Of one layer's MLP where there are no experts. */
  denseWeights: number;
  /** Of attention in one layer: the mean over layers. */
  attentionWeights: number;
  /** What one token takes up in one layer, the mean over layers, before windows are full. */
  kvBytesPerToken: number;
  /** Of the output head, which each token reads whole. */
  headWeights: number;
}

/** What all of a model comes to. */
export interface ModelTotals {
  /** Experts of all layers together. */
  experts: number;
  parameters: number;
  /** Those that one token takes. */
  activeParameters: number;
  expertBytes: number;
  /** Everything but routed experts: what each GPU that decodes on its own must hold. */
  otherBytes: number;
  allBytes: number;
}

/** Embeddings are left in bf16, whatever the rest is. */
export const EMBEDDING_BYTES_PER_WEIGHT = 2;

const MOST_LAYERS = 2 ** 10;
const MOST_WIDTH = 2 ** 24;

/** A model of `figures`, checked. An expert's bytes may be stated where its width is not. */
export function shapeOf(figures: ModelFigures, stated: { expertBytes?: number } = {}): ModelShape {
  checkFigures(figures);
  const { layers, hidden, experts, expertWidth, attention, bytesPerWeight } = figures;
  const { expertBytes = 3 * hidden * expertWidth * bytesPerWeight } = stated;
  checkPositive("expertBytes", expertBytes);
  const meanOf = (of: (one: AttentionShape) => number) =>
    attention.reduce((sum, one) => sum + of(one) * one.layers.length, 0) / layers;
  return {
    ...figures,
    expertWeights: expertBytes / bytesPerWeight,
    expertBytes,
    routerWeights: hidden * experts,
    sharedWeights: 3 * hidden * figures.sharedWidth,
    denseWeights: 3 * hidden * figures.denseWidth,
    attentionWeights: meanOf((one) => one.weights),
    // A row of several tokens is not whole with one: what it adds is that of its share.
    kvBytesPerToken: meanOf((one) => keptBytes({ ...one, state: null }, 1)),
    headWeights: hidden * figures.vocabulary,
  };
}

/** Parameters and bytes of all layers, embeddings included. */
export function totalsOf(model: ModelShape): ModelTotals {
  const { layers, moeLayers, experts, expertsPerToken, expertWeights, expertBytes, headWeights } = model;
  const moe = moeLayers.length;
  const inLayers =
    layers * model.attentionWeights +
    moe * (model.routerWeights + model.sharedWeights) +
    (layers - moe) * model.denseWeights;
  const embeddings = (model.isTied ? 1 : 2) * headWeights;
  const otherBytes = inLayers * model.otherBytesPerWeight + embeddings * EMBEDDING_BYTES_PER_WEIGHT;
  return {
    experts: moe * experts,
    parameters: moe * experts * expertWeights + inLayers + embeddings,
    // A token reads one row of the embeddings that it comes in by, and all of those it goes out by.
    activeParameters: moe * expertsPerToken * expertWeights + inLayers + headWeights,
    expertBytes: moe * experts * expertBytes,
    otherBytes,
    allBytes: moe * experts * expertBytes + otherBytes,
  };
}

/** What a sequence of `tokens` keeps in HBM, over all layers. */
export function kvBytesOf({ attention }: Pick<ModelShape, "attention">, tokens: number): number {
  checkAtLeast("tokens", tokens, 0);
  return attention.reduce((sum, one) => sum + one.layers.length * keptBytes(one, tokens), 0);
}

/** The distinct experts that `tokens` choose, each `expertsPerToken` of `experts` alike and apart: E (1 - (1 - k/E)^B). */
export function distinctExperts(experts: number, expertsPerToken: number, tokens: number): number {
  checkWhole("experts", experts, 1, MOST_WIDTH);
  checkWhole("expertsPerToken", expertsPerToken, 1, experts);
  checkAtLeast("tokens", tokens, 0);
  return experts * (1 - (1 - expertsPerToken / experts) ** tokens);
}

function checkFigures(figures: ModelFigures): void {
  const { layers, moeLayers, attention } = figures;
  checkWhole("layers", layers, 1, MOST_LAYERS);
  checkWhole("experts", figures.experts, 1, MOST_WIDTH);
  checkWhole("expertsPerToken", figures.expertsPerToken, 1, figures.experts);
  for (const name of ["hidden", "expertWidth", "vocabulary"] as const) checkWhole(name, figures[name], 1, MOST_WIDTH);
  for (const name of ["sharedExperts", "sharedWidth", "denseWidth"] as const)
    checkWhole(name, figures[name], 0, MOST_WIDTH);
  for (const name of ["bytesPerWeight", "otherBytesPerWeight"] as const) {
    checkPositive(name, figures[name]);
    checkBetween(name, figures[name], 0, 8);
  }
  checkWhole("layers with experts", moeLayers.length, 1, layers);
  moeLayers.forEach((layer, i) => {
    checkWhole("layer with experts", layer, i === 0 ? 0 : moeLayers[i - 1]! + 1, layers - 1);
  });
  const attended = attention.flatMap((one) => one.layers).sort((a, b) => a - b);
  if (attended.length !== layers || attended.some((layer, i) => layer !== i))
    throw new RangeError(`attention must say of each of ${layers} layers once how it attends, got ${attended}`);
}
