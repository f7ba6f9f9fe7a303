import { checkAtLeast, checkLength, checkPositive, checkWhole } from "../check.ts";

/** Which experts a router chose, token by token and layer by layer. */
export interface Routes {
  layers: number;
  /** Experts of a layer. */
  experts: number;
  /** The most experts of a token in a layer. */
  k: number;
  tokens: number;
  /** Of each token: the prompt it belongs to, ascending. */
  prompt: Uint32Array;
  /** Of each token: 0 prefill, 1 decode. */
  phase: Uint8Array;
  /** `[(token * layers + layer) * k + i]`: experts in the router's order, 0xffff where fewer. */
  chosen: Uint16Array;
  /** What the router gave each of `chosen`, 0 where there is none. */
  weights?: Float32Array;
  /** Bytes of an expert: one value a layer where its experts are of one size, else `[layer * experts + expert]`. */
  expertBytes?: Float64Array;
}

/** What stands in `chosen` where a token has fewer experts. */
export const NO_EXPERT = 0xffff;

export const PREFILL = 0;
export const DECODE = 1;

/** Limits of a model's routes: ids are 16 bits, of which the last means none. */
export const MOST_LAYERS = 4096;
export const MOST_EXPERTS = NO_EXPERT;

/** Refuses routes that contradict themselves, naming token and layer. */
export function checkRoutes(routes: Routes): void {
  const { layers, experts, k, tokens, prompt, phase, chosen, weights, expertBytes } = routes;
  checkWhole("layers", layers, 1, MOST_LAYERS);
  checkWhole("experts", experts, 1, MOST_EXPERTS);
  checkWhole("k", k, 1, experts);
  checkWhole("tokens", tokens, 0, 2 ** 32 - 1);
  checkLength("prompt", prompt, tokens);
  checkLength("phase", phase, tokens);
  checkLength("chosen", chosen, tokens * layers * k);
  if (weights) checkLength("weights", weights, chosen.length);
  if (expertBytes) blockBytes(expertBytes, layers, experts);
  for (let token = 0; token < tokens; token++) {
    if (token > 0) checkAtLeast(`prompt of token ${token}`, prompt[token]!, prompt[token - 1]!);
    checkWhole(`phase of token ${token}`, phase[token]!, PREFILL, DECODE);
  }
  checkChosen(routes);
}

/** Refuses rows of experts that are not of the model, not distinct, or not before where there is none. */
function checkChosen({ layers, experts, k, chosen }: Routes): void {
  // Of each expert: the row that named it last, counted from 1.
  const named = new Float64Array(experts);
  for (let at = 0; at < chosen.length; at++) {
    const expert = chosen[at]!;
    if (expert === NO_EXPERT) continue;
    const row = Math.floor(at / k);
    const place = () => `of token ${Math.floor(row / layers)} in layer ${row % layers}`;
    if (expert >= experts) checkWhole(`an expert ${place()}`, expert, 0, experts - 1);
    if (named[expert] === row + 1) throw new RangeError(`experts ${place()} must be distinct, got ${expert} twice`);
    if (at > row * k && chosen[at - 1] === NO_EXPERT)
      throw new RangeError(`experts ${place()} must come before places of none, got ${expert} behind one`);
    named[expert] = row + 1;
  }
}

/** The bytes of every expert, `[layer * experts + expert]`, from one value a layer, or one an expert of a layer. */
export function blockBytes(expertBytes: ArrayLike<number>, layers: number, experts: number): Float64Array {
  if (expertBytes.length !== layers) checkLength("expertBytes", expertBytes, layers * experts);
  for (let i = 0; i < expertBytes.length; i++) {
    checkPositive(`expertBytes[${i}]`, expertBytes[i]!);
    checkWhole(`expertBytes[${i}]`, expertBytes[i]!, 1, 2 ** 40);
  }
  const each = expertBytes.length / layers;
  return Float64Array.from({ length: layers * experts }, (_, block) =>
    each === 1 ? expertBytes[Math.floor(block / experts)]! : expertBytes[block]!,
  );
}
