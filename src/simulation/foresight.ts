import { topOf } from "../prediction/tally.ts";
import { NO_EXPERT, type Routes } from "../routes/routes.ts";
import { decodingHalves, type ForeseeOptions } from "./demand.ts";
import type { Engine, GpuStep } from "./engine.ts";

/** Foresees, as each layer is routed, what a later one of the same GPU will ask for. */
export interface Foresight {
  /** `next`: the token after a sequence's present one, -1 where its prompt ends. */
  fill(gpu: number, step: number, tokens: Uint32Array, next: (sequence: number) => number, into: GpuStep): void;
}

/** An oracle, a free table learnt from the first half of prompts, or one of a stated quality. */
export function foresightOf(engine: Engine, routes: Routes, options: ForeseeOptions): Foresight {
  const { predictor } = options;
  if (predictor === "markov") return new Table(routes, options);
  if (predictor === "oracle") return new Stated(engine, routes, { recall: 1, precision: 1 }, options);
  return new Stated(engine, routes, predictor, options);
}

/** Writes rows of blocks and confidences, layer by layer. */
class Rows {
  readonly #layers: number;
  #count = 0;
  #into!: GpuStep;

  constructor(layers: number) {
    this.#layers = layers;
  }

  begin(into: GpuStep): void {
    this.#into = into;
    this.#count = 0;
  }

  startLayer(layer: number): void {
    this.#into.aheadStarts[layer] = this.#count;
  }

  add(block: number, confidence: number): void {
    this.#into.aheadBlocks[2 * this.#count] = block;
    this.#into.aheadConfidence[2 * this.#count + 1] = confidence;
    this.#count++;
  }

  end(): void {
    this.#into.aheadStarts[this.#layers] = this.#count;
  }
}

/** Names each expert that will be used with chance `recall`, and as many others as `precision` says. */
class Stated implements Foresight {
  readonly #engine: Engine;
  readonly #routes: Routes;
  readonly #quality: { recall: number; precision: number };
  readonly #options: ForeseeOptions;
  readonly #rows: Rows;
  readonly #used: Uint8Array;

  constructor(engine: Engine, routes: Routes, quality: { recall: number; precision: number }, options: ForeseeOptions) {
    this.#engine = engine;
    this.#routes = routes;
    this.#quality = quality;
    this.#options = options;
    this.#rows = new Rows(routes.layers);
    this.#used = new Uint8Array(routes.experts);
  }

  fill(gpu: number, step: number, tokens: Uint32Array, next: (sequence: number) => number, into: GpuStep): void {
    const { layers, experts, k, chosen } = this.#routes;
    const { horizon, most } = this.#options;
    const { recall, precision } = this.#quality;
    const bits = this.#engine.bitsOf(gpu, step);
    this.#rows.begin(into);
    for (let layer = 0; layer < layers; layer++) {
      this.#rows.startLayer(layer);
      const to = (layer + horizon) % layers;
      const isNext = layer + horizon >= layers;
      this.#used.fill(0);
      for (let i = 0; i < tokens.length; i++) {
        const token = isNext ? next(i) : tokens[i]!;
        if (token < 0) continue;
        const row = (token * layers + to) * k;
        for (let j = row; j < row + k; j++) if (chosen[j] !== NO_EXPERT) this.#used[chosen[j]!] = 1;
      }
      const draw = (expert: number) => mixed(bits[2 * layer]! ^ Math.imul(expert + 1, 0x9e3779b1)) / 2 ** 32;
      const used = this.#used.reduce((sum, flag) => sum + flag, 0);
      const vain = used === experts ? 0 : Math.min(1, (recall * used * (1 - precision)) / precision / (experts - used));
      let named = 0;
      // Where `most` may cut, from one that is drawn on, so that it cuts none more often than others.
      const from = most < experts ? bits[2 * layer + 1]! % experts : 0;
      for (let i = 0; i < experts && named < most; i++) {
        const expert = (from + i) % experts;
        if (draw(expert) >= (this.#used[expert] ? recall : vain)) continue;
        this.#rows.add(to * experts + expert, precision);
        named++;
      }
    }
    this.#rows.end();
  }
}

/** A bijection of 32 bits in which each bit hangs on all (Mueller's, with Wellons' constants): one word a layer serves all experts. */
function mixed(word: number): number {
  let x = word ^ (word >>> 16);
  x = Math.imul(x, 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** Weight of popularity in each row of counts: with it a plain table has the recall that is published of it. */
const PRIOR = 2;

/** A table of which experts follow which, `horizon` layers later, learnt from prompts that nobody goes through then. */
class Table implements Foresight {
  readonly #routes: Routes;
  readonly #options: ForeseeOptions;
  readonly #rows: Rows;
  /** Chances, `[(layer * experts + from) * experts + to]`. */
  readonly #chances: Float32Array;
  readonly #absent: Float64Array;

  constructor(routes: Routes, options: ForeseeOptions) {
    const { layers, experts } = routes;
    this.#routes = routes;
    this.#options = options;
    this.#rows = new Rows(layers);
    this.#chances = new Float32Array(layers * experts * experts);
    this.#absent = new Float64Array(experts);
    this.#learn();
  }

  fill(_gpu: number, _step: number, tokens: Uint32Array, _next: unknown, into: GpuStep): void {
    const { layers, experts, k, chosen } = this.#routes;
    const { horizon, most } = this.#options;
    const absent = this.#absent;
    this.#rows.begin(into);
    for (let layer = 0; layer < layers; layer++) {
      this.#rows.startLayer(layer);
      absent.fill(1);
      for (let i = 0; i < tokens.length; i++) {
        const row = (tokens[i]! * layers + layer) * k;
        for (let to = 0; to < experts; to++) {
          let [chance, from] = [0, 0];
          for (let j = row; j < row + k; j++) {
            if (chosen[j] === NO_EXPERT) continue;
            chance += this.#chances[(layer * experts + chosen[j]!) * experts + to]!;
            from++;
          }
          if (from > 0) absent[to]! *= 1 - Math.min(1, chance / from);
        }
      }
      const present = absent.map((share) => 1 - share);
      for (const to of topOf(present, most)) this.#rows.add(((layer + horizon) % layers) * experts + to, present[to]!);
    }
    this.#rows.end();
  }

  #learn(): void {
    const { layers, experts, k, chosen } = this.#routes;
    const { horizon } = this.#options;
    const rowOf = (row: number) => chosen.subarray(row * k, (row + 1) * k).filter((expert) => expert !== NO_EXPERT);
    const popularity = new Float64Array(layers * experts);
    const seen = new Float64Array(layers * experts);
    const tokensSeen = new Float64Array(layers);
    for (const [first, end] of decodingHalves(this.#routes).learnt)
      for (let row = first * layers; row < end * layers - horizon; row++) {
        const layer = row % layers;
        const to = rowOf(row + horizon);
        tokensSeen[layer]!++;
        for (const expert of to) popularity[layer * experts + expert]!++;
        for (const from of rowOf(row)) {
          seen[layer * experts + from]!++;
          for (const expert of to) this.#chances[(layer * experts + from) * experts + expert]!++;
        }
      }
    for (let layer = 0; layer < layers; layer++)
      for (let from = 0; from < experts; from++) {
        const at = layer * experts + from;
        for (let to = 0; to < experts; to++) {
          const often = popularity[layer * experts + to]! / Math.max(1, tokensSeen[layer]!);
          this.#chances[at * experts + to] = (this.#chances[at * experts + to]! + PRIOR * often) / (seen[at]! + PRIOR);
        }
      }
  }
}
