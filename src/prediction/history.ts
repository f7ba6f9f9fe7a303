import { checkWhole } from "../check.ts";
import { MOST_EXPERTS, MOST_LAYERS, NO_EXPERT } from "../routes/routes.ts";

/** What a predictor is made for. */
export interface PredictorShape {
  layers: number;
  /** Experts of a layer. */
  experts: number;
  /** The most experts of a token in a layer. */
  k: number;
  /** How many layers ahead it predicts, 1 to `layers`; 1 unless given. */
  horizon?: number;
}

/** Experts that a router chose, best first. */
export type Chosen = ArrayLike<number>;

const NOTHING: Chosen = new Uint16Array(0);

/**
 * What routers chose so far, layer after layer and token after token: the last `tokensKept` tokens, and where in all this the
 * present is. The *target* is the layer `horizon` after the last one seen, of the same token or of the next.
 */
export class History {
  readonly layers: number;
  readonly experts: number;
  readonly k: number;
  readonly horizon: number;
  readonly tokensKept: number;
  readonly #chosen: Uint16Array;
  readonly #counts: Uint16Array;
  /** Layers seen since the prompt began, and before. */
  #sincePrompt = 0;
  #seen = 0;

  constructor({ layers, experts, k, horizon = 1 }: PredictorShape, tokensKept: number) {
    checkWhole("layers", layers, 1, MOST_LAYERS);
    checkWhole("experts", experts, 1, MOST_EXPERTS);
    checkWhole("k", k, 1, experts);
    checkWhole("horizon", horizon, 1, layers);
    this.layers = layers;
    this.experts = experts;
    this.k = k;
    this.horizon = horizon;
    this.tokensKept = tokensKept;
    this.#chosen = new Uint16Array(tokensKept * layers * k);
    this.#counts = new Uint16Array(tokensKept * layers);
  }

  /** Begins a prompt: what was chosen before is in no order with what comes. Its token must be whole. */
  startPrompt(): void {
    if (this.#seen % this.layers !== 0)
      throw new RangeError(
        `a prompt must start after ${this.layers} layers of a token, got ${this.#seen % this.layers}`,
      );
    this.#sincePrompt = 0;
  }

  /** Takes in what the next layer's router chose; nothing where that is not known. */
  observe(experts: Chosen): void {
    if (experts.length > this.k) throw new RangeError(`experts must be at most ${this.k}, got ${experts.length}`);
    const row = this.#seen % this.#counts.length;
    let count = 0;
    for (let i = 0; i < experts.length; i++) {
      const expert = experts[i]!;
      if (expert === NO_EXPERT) continue;
      checkWhole(`experts[${i}]`, expert, 0, this.experts - 1);
      for (let at = row * this.k; at < row * this.k + count; at++)
        if (this.#chosen[at] === expert) throw new RangeError(`experts must be distinct, got ${expert} twice`);
      this.#chosen[row * this.k + count++] = expert;
    }
    this.#counts[row] = count;
    this.#seen++;
    this.#sincePrompt++;
  }

  /** What was chosen `back` layers before the last one seen; nothing where the prompt had not begun or it is forgotten. */
  back(back: number): Chosen {
    if (back >= this.#sincePrompt || back >= this.#counts.length) return NOTHING;
    return this.#row((this.#seen - 1 - back) % this.#counts.length);
  }

  /** What the token in place `slot` of those kept chose in `layer`. */
  of(slot: number, layer: number): Chosen {
    return this.#row(slot * this.layers + layer);
  }

  #row(row: number): Chosen {
    return this.#chosen.subarray(row * this.k, row * this.k + this.#counts[row]!);
  }

  /** The layer seen last, -1 before the first; and where its token is kept. */
  get layer(): number {
    return this.#seen === 0 ? -1 : (this.#seen - 1) % this.layers;
  }
  get slot(): number {
    return Math.floor((this.#seen - 1) / this.layers) % this.tokensKept;
  }
  /** How many whole tokens before that of the layer seen last are kept. */
  get tokensBefore(): number {
    return Math.min(this.tokensKept - 1, Math.floor((this.#seen - 1) / this.layers));
  }
  /** The layer that is to be predicted. */
  get target(): number {
    return (this.#seen - 1 + this.horizon) % this.layers;
  }
  /** Whether it is of the token whose layer was seen last. */
  get targetIsOfToken(): boolean {
    return this.layer + this.horizon < this.layers;
  }
}
