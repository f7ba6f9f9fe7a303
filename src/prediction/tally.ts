import type { Routes } from "../routes/routes.ts";
import type { Chosen } from "./history.ts";

const STEPS = 10;
const RECALLED = [16, 32] as const;

/** Of the experts used: how many were among as many as the router chooses, among 16, among 32. */
export interface Recalls {
  recallK: number;
  recall16: number;
  recall32: number;
}

/** Of predictions that claimed a like probability, the share that came true. */
export interface Reliability {
  /** Mean of what was claimed, and the share that came true. */
  claimed: number;
  true: number;
  count: number;
}

/** Counts what became of predictions of decoding tokens: hits at k of all of them, and the rest of those that are scored. */
export class Tally {
  /** Of each token: experts that it used and that were predicted, and those among the first k. */
  readonly used: Uint32Array;
  readonly hits: Uint32Array;
  readonly #routes: Routes;
  readonly #scored: Uint8Array;
  readonly #isUsed: Uint8Array;
  readonly #counts: readonly number[];
  readonly #found = [0, 0, 0];
  readonly #steps = Array.from({ length: STEPS }, () => ({ claimed: 0, true: 0, count: 0 }));
  #usedScored = 0;
  #layers = 0;
  #exact = 0;
  #usedBytes = 0;
  #wastedBytes = 0;

  /** `scored`: of each token, whether it is. */
  constructor(routes: Routes, scored: Uint8Array) {
    this.#routes = routes;
    this.#scored = scored;
    this.used = new Uint32Array(routes.tokens);
    this.hits = new Uint32Array(routes.tokens);
    this.#isUsed = new Uint8Array(routes.experts);
    this.#counts = [routes.k, ...RECALLED].map((most) => Math.min(most, routes.experts));
  }

  /** Takes in that `scores` were said of a token in a layer, and that it used these experts. */
  count(token: number, layer: number, scores: Float64Array, used: Chosen): void {
    const isUsed = this.#isUsed;
    for (let i = 0; i < used.length; i++) isUsed[used[i]!] = 1;
    const order = topOf(scores, this.#scored[token] ? Math.max(...this.#counts) : this.#counts[0]!);
    const hits = this.#counts.map((most) => order.slice(0, most).reduce((sum, expert) => sum + isUsed[expert]!, 0));
    this.used[token]! += used.length;
    this.hits[token]! += hits[0]!;
    if (this.#scored[token]) this.#score(layer, scores, used, order, hits);
    for (let i = 0; i < used.length; i++) isUsed[used[i]!] = 0;
  }

  #score(layer: number, scores: Float64Array, used: Chosen, order: readonly number[], hits: readonly number[]): void {
    this.#layers++;
    this.#usedScored += used.length;
    for (const [i, found] of hits.entries()) this.#found[i]! += found;
    if (hits[0] === used.length) this.#exact++;
    for (let i = 0; i < used.length; i++) this.#usedBytes += bytesOf(this.#routes, layer, used[i]!);
    for (const expert of order.slice(0, this.#counts[0]))
      if (!this.#isUsed[expert]) this.#wastedBytes += bytesOf(this.#routes, layer, expert);
    for (let e = 0; e < scores.length; e++) {
      const step = this.#steps[Math.min(STEPS - 1, Math.floor(scores[e]! * STEPS))]!;
      step.claimed += scores[e]!;
      step.true += this.#isUsed[e]!;
      step.count++;
    }
  }

  recalls(): Recalls {
    const [recallK, recall16, recall32] = this.#found.map((found) => found / this.#usedScored) as [
      number,
      number,
      number,
    ];
    return { recallK, recall16, recall32 };
  }

  /** Of layers of scored tokens the share of which all experts were among the first k; and bytes fetched in vain. */
  shares(): { exact: number; wasteK: number } {
    return { exact: this.#exact / this.#layers, wasteK: this.#wastedBytes / this.#usedBytes };
  }

  /** Recall at k of each prompt that has scored tokens. */
  prompts(): { prompt: number; recallK: number }[] {
    const sums = new Map<number, { used: number; hits: number }>();
    this.#routes.prompt.forEach((prompt, token) => {
      if (!this.#scored[token] || this.used[token] === 0) return;
      const sum = sums.get(prompt) ?? { used: 0, hits: 0 };
      sums.set(prompt, { used: sum.used + this.used[token]!, hits: sum.hits + this.hits[token]! });
    });
    return [...sums].map(([prompt, { used, hits }]) => ({ prompt, recallK: hits / used }));
  }

  /** How what was claimed compares with what came true. */
  calibration(): { reliability: Reliability[]; calibrationError: number } {
    const claims = this.#steps.reduce((sum, step) => sum + step.count, 0);
    return {
      reliability: this.#steps
        .filter((step) => step.count > 0)
        .map((step) => ({ claimed: step.claimed / step.count, true: step.true / step.count, count: step.count })),
      calibrationError: this.#steps.reduce((sum, step) => sum + Math.abs(step.claimed - step.true), 0) / claims,
    };
  }
}

/** The bytes of an expert, or 1 where a trace does not say: then shares are of experts. */
function bytesOf({ expertBytes, layers, experts }: Routes, layer: number, expert: number): number {
  if (!expertBytes) return 1;
  return expertBytes.length === layers ? expertBytes[layer]! : expertBytes[layer * experts + expert]!;
}

/** The `count` experts that score highest, the highest first, the first among equals. */
export function topOf(scores: ArrayLike<number>, count: number): number[] {
  const top: number[] = [];
  for (let e = 0; e < scores.length; e++) {
    const score = scores[e]!;
    if (top.length === count && !(score > scores[top[count - 1]!]!)) continue;
    let i = top.length < count ? top.length : count - 1;
    for (; i > 0 && score > scores[top[i - 1]!]!; i--) top[i] = top[i - 1]!;
    top[i] = e;
  }
  return top;
}
