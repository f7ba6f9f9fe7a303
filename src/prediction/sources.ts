import type { Chosen, History } from "./history.ts";

/** Something that tells of each expert how likely it is chosen in the target layer, from what its history has seen. */
export interface Source {
  /** Counts in what the layer seen last chose. */
  learn(chosen: Chosen): void;
  /** Fills `scores`, of which there is one an expert, for the target. */
  score(scores: Float64Array): void;
}

/** The share of a layer's tokens that chose an expert. */
export class Popularity implements Source {
  readonly #history: History;
  readonly #counts: Float64Array;
  readonly #tokens: Float64Array;

  constructor(history: History) {
    this.#history = history;
    this.#counts = new Float64Array(history.layers * history.experts);
    this.#tokens = new Float64Array(history.layers);
  }

  learn(chosen: Chosen): void {
    if (chosen.length === 0) return;
    const { layer, experts } = this.#history;
    this.#tokens[layer]!++;
    for (let i = 0; i < chosen.length; i++) this.#counts[layer * experts + chosen[i]!]!++;
  }

  score(scores: Float64Array): void {
    const { target, experts, k } = this.#history;
    const tokens = this.#tokens[target]!;
    if (tokens === 0) scores.fill(k / experts);
    else for (let e = 0; e < experts; e++) scores[e] = this.#counts[target * experts + e]! / tokens;
  }
}

/** The same, of which each token counts `decay` times as much as the next; popularity counts as one token. */
export class MovingAverage implements Source {
  readonly #history: History;
  readonly #popularity: Popularity;
  readonly #decay: number;
  readonly #sums: Float64Array;
  readonly #tokens: Float64Array;

  constructor(history: History, popularity: Popularity, decay: number) {
    this.#history = history;
    this.#popularity = popularity;
    this.#decay = decay;
    this.#sums = new Float64Array(history.layers * history.experts);
    this.#tokens = new Float64Array(history.layers);
  }

  learn(chosen: Chosen): void {
    if (chosen.length === 0) return;
    const { layer, experts } = this.#history;
    const at = layer * experts;
    for (let e = at; e < at + experts; e++) this.#sums[e]! *= this.#decay;
    for (let i = 0; i < chosen.length; i++) this.#sums[at + chosen[i]!]!++;
    this.#tokens[layer] = this.#tokens[layer]! * this.#decay + 1;
  }

  score(scores: Float64Array): void {
    const { target, experts } = this.#history;
    this.#popularity.score(scores);
    const tokens = this.#tokens[target]!;
    for (let e = 0; e < experts; e++) scores[e] = (this.#sums[target * experts + e]! + scores[e]!) / (tokens + 1);
  }
}

/** How many tokens popularity counts as, in each row of a Markov table. */
const PRIOR_TOKENS = 2;

/**
 * How often tokens that chose expert i `lag` layers before the one seen last chose e in the target: with n tokens that chose i, and
 * c of them e, (c + 2 popularity of e) / (n + 2), mean of the experts i. Where there is no i, popularity.
 */
export class Markov implements Source {
  readonly #history: History;
  readonly #popularity: Popularity;
  readonly #lag: number;
  readonly #across: boolean;
  readonly #counts: Float32Array;
  readonly #tokens: Float32Array;
  readonly #prior: Float64Array;

  /** `across`: also from the last layers of a token to the first ones of the next. */
  constructor(history: History, popularity: Popularity, { lag = 0, across = false } = {}) {
    const { layers, experts } = history;
    this.#history = history;
    this.#popularity = popularity;
    this.#lag = lag;
    this.#across = across;
    this.#counts = new Float32Array(layers * experts * experts);
    this.#tokens = new Float32Array(layers * experts);
    this.#prior = new Float64Array(experts);
  }

  learn(chosen: Chosen): void {
    const { layer, experts, horizon } = this.#history;
    const back = horizon + this.#lag;
    if (chosen.length === 0 || (back > layer && !this.#across)) return;
    const from = this.#history.back(back);
    for (let i = 0; i < from.length; i++) {
      const row = layer * experts + from[i]!;
      this.#tokens[row]!++;
      for (let j = 0; j < chosen.length; j++) this.#counts[row * experts + chosen[j]!]!++;
    }
  }

  score(scores: Float64Array): void {
    const { target, experts, horizon } = this.#history;
    this.#popularity.score(scores);
    if (target < horizon + this.#lag && !this.#across) return;
    const from = this.#history.back(this.#lag);
    if (from.length === 0) return;
    const prior = this.#prior;
    for (let e = 0; e < experts; e++) prior[e] = PRIOR_TOKENS * scores[e]!;
    scores.fill(0);
    for (let i = 0; i < from.length; i++) {
      const row = target * experts + from[i]!;
      const share = 1 / ((this.#tokens[row]! + PRIOR_TOKENS) * from.length);
      for (let e = 0; e < experts; e++) scores[e]! += (this.#counts[row * experts + e]! + prior[e]!) * share;
    }
  }
}

/** How much less the likeness counts that lies one layer further back, and the power that turns likeness to weight. */
const RECALL_DECAY = 0.8;

/**
 * What tokens chose that went the same way so far: a token's likeness is the share of experts that it has in common with this one,
 * a layer counting 0.8 times as much as the next, and its weight the fourth power of likeness over that of the likest.
 */
export class Recall implements Source {
  readonly #history: History;
  readonly #popularity: Popularity;
  readonly #likeness: Float64Array;
  readonly #marks: Uint8Array;

  constructor(history: History, popularity: Popularity) {
    this.#history = history;
    this.#popularity = popularity;
    this.#likeness = new Float64Array(history.tokensKept);
    this.#marks = new Uint8Array(history.experts);
  }

  learn(chosen: Chosen): void {
    const { layer, k, slot, tokensBefore, tokensKept } = this.#history;
    const likeness = this.#likeness;
    if (layer === 0) likeness.fill(0);
    for (let i = 0; i < chosen.length; i++) this.#marks[chosen[i]!] = 1;
    for (let before = 1; before <= tokensBefore; before++) {
      const other = (slot - before + tokensKept) % tokensKept;
      const theirs = this.#history.of(other, layer);
      let common = 0;
      for (let i = 0; i < theirs.length; i++) common += this.#marks[theirs[i]!]!;
      likeness[other] = RECALL_DECAY * likeness[other]! + common / k;
    }
    for (let i = 0; i < chosen.length; i++) this.#marks[chosen[i]!] = 0;
  }

  score(scores: Float64Array): void {
    const { target, targetIsOfToken, slot, tokensBefore, tokensKept, experts } = this.#history;
    this.#popularity.score(scores);
    if (!targetIsOfToken) return;
    let most = 0;
    for (let before = 1; before <= tokensBefore; before++)
      most = Math.max(most, this.#likeness[(slot - before + tokensKept) % tokensKept]!);
    if (most === 0) return;
    let sum = 1; // popularity
    for (let before = 1; before <= tokensBefore; before++) {
      const other = (slot - before + tokensKept) % tokensKept;
      const square = (this.#likeness[other]! / most) ** 2;
      const weight = square * square;
      const theirs = this.#history.of(other, target);
      if (theirs.length === 0) continue;
      sum += weight;
      for (let i = 0; i < theirs.length; i++) scores[theirs[i]!]! += weight;
    }
    for (let e = 0; e < experts; e++) scores[e]! /= sum;
  }
}

/** 1 for what the token before chose in the target layer; popularity tells the rest apart. */
export class PreviousToken implements Source {
  readonly #history: History;
  readonly #popularity: Popularity;

  constructor(history: History, popularity: Popularity) {
    this.#history = history;
    this.#popularity = popularity;
  }

  learn(): void {}

  score(scores: Float64Array): void {
    this.#popularity.score(scores);
    for (let e = 0; e < scores.length; e++) scores[e]! /= 2;
    const last = this.#history.back(this.#history.layers - this.#history.horizon);
    for (let i = 0; i < last.length; i++) scores[last[i]!]! += 0.5;
  }
}
