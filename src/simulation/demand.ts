import { DECODE, NO_EXPERT, type Routes } from "../routes/routes.ts";
import type { Engine, GpuStep } from "./engine.ts";
import { type Foresight, foresightOf } from "./foresight.ts";

/** What GPUs ask for, step by step. */
export interface Demand {
  /** Writes what a GPU asks for in its next step, and what is foreseen of it. */
  fill(gpu: number, step: number, into: GpuStep): void;
  /** How far sequences have come, and back to that. */
  save(): Uint32Array;
  restore(saved: Uint32Array): void;
}

/** One cold load in that share of all (GPU, layer) gates, of an expert that no matter what GPU holds. */
export class ColdShare implements Demand {
  readonly #engine: Engine;
  readonly #below: number;
  readonly #holders: readonly Set<number>[];

  constructor(engine: Engine, share: number) {
    this.#engine = engine;
    this.#below = Math.round(share * 2 ** 32);
    const { starts, gpus } = engine.plan.copies;
    this.#holders = Array.from(
      { length: starts.length - 1 },
      (_, b) => new Set(gpus.subarray(starts[b], starts[b + 1])),
    );
  }

  /** What a step asks for hangs on nothing before it. */
  save(): Uint32Array {
    return new Uint32Array(0);
  }
  restore(): void {}

  fill(gpu: number, step: number, { starts, demand }: GpuStep): void {
    const { layers, experts } = this.#engine.plan;
    const bits = this.#engine.bitsOf(gpu, step);
    let count = 0;
    for (let layer = 0; layer < layers.length; layer++) {
      starts[layer] = count;
      if (bits[2 * layer]! >= this.#below) continue;
      let expert = bits[2 * layer + 1]! % experts;
      // One that is held elsewhere: the plan has seen to it that there is one.
      while (this.#holders[layer * experts + expert]!.has(gpu)) expert = (expert + 1) % experts;
      demand[count++] = layer * experts + expert;
    }
    starts[layers.length] = count;
  }
}

/**
 * Sequences that go through the second half of a trace's prompts, so many on a GPU: a GPU asks for all that its sequences choose. The
 * first half is what tables learn from, and is left out whoever foresees, so that all go through the same.
 */
export class RoutedDemand implements Demand {
  readonly #routes: Routes;
  readonly #batch: number;
  /** First and last but one token that decodes of each prompt that has one. */
  readonly #prompts: Span[];
  readonly #tokens: Uint32Array;
  readonly #prompt: Uint32Array;
  readonly #foresight: Foresight | null;
  readonly #stamps: Uint32Array;
  #stamp = 0;

  constructor(engine: Engine, routes: Routes, options: { batch: number; foresee: ForeseeOptions | null }) {
    const { gpus } = engine.plan.fabric;
    this.#routes = routes;
    this.#batch = options.batch;
    this.#prompts = decodingHalves(routes).walked;
    this.#stamps = new Uint32Array(routes.experts);
    const sequences = gpus * this.#batch;
    // Each begins somewhere else in the trace: prompts in turn, and later in a prompt each time round.
    this.#prompt = Uint32Array.from({ length: sequences }, (_, i) => i % this.#prompts.length);
    this.#tokens = Uint32Array.from({ length: sequences }, (_, i) => {
      const [first, end] = this.#prompts[i % this.#prompts.length]!;
      const round = Math.floor(i / this.#prompts.length);
      return first + ((round * STRIDE) % (end - first));
    });
    this.#foresight = options.foresee && foresightOf(engine, routes, options.foresee);
  }

  save(): Uint32Array {
    const saved = new Uint32Array(2 * this.#tokens.length);
    saved.set(this.#tokens);
    saved.set(this.#prompt, this.#tokens.length);
    return saved;
  }

  restore(saved: Uint32Array): void {
    this.#tokens.set(saved.subarray(0, this.#tokens.length));
    this.#prompt.set(saved.subarray(this.#tokens.length));
  }

  fill(gpu: number, step: number, into: GpuStep): void {
    const { layers, experts } = this.#routes;
    const tokens = this.#tokens.subarray(gpu * this.#batch, (gpu + 1) * this.#batch);
    let count = 0;
    for (let layer = 0; layer < layers; layer++) {
      into.starts[layer] = count;
      count = this.#distinct(tokens, layer, layer * experts, into.demand, count);
    }
    into.starts[layers] = count;
    this.#foresight?.fill(gpu, step, tokens, (at) => this.#next(gpu, at), into);
    for (let i = 0; i < tokens.length; i++) this.#advance(gpu * this.#batch + i);
  }

  /** Adds to `blocks` the distinct experts that `tokens` chose in a layer, and returns how many there are then. */
  #distinct(tokens: Uint32Array, layer: number, firstBlock: number, blocks: Uint32Array, count: number): number {
    const { layers, k, chosen } = this.#routes;
    const stamp = ++this.#stamp;
    for (let i = 0; i < tokens.length; i++) {
      const row = (tokens[i]! * layers + layer) * k;
      for (let j = row; j < row + k; j++) {
        const expert = chosen[j]!;
        if (expert === NO_EXPERT || this.#stamps[expert] === stamp) continue;
        this.#stamps[expert] = stamp;
        blocks[count++] = firstBlock + expert;
      }
    }
    return count;
  }

  /** The token after the present one of a GPU's sequence, or -1 where its prompt ends. */
  #next(gpu: number, sequence: number): number {
    const at = gpu * this.#batch + sequence;
    const [, end] = this.#prompts[this.#prompt[at]!]!;
    return this.#tokens[at]! + 1 < end ? this.#tokens[at]! + 1 : -1;
  }

  #advance(at: number): void {
    const [, end] = this.#prompts[this.#prompt[at]!]!;
    if (this.#tokens[at]! + 1 < end) this.#tokens[at]!++;
    else {
      this.#prompt[at] = (this.#prompt[at]! + this.#prompt.length) % this.#prompts.length;
      this.#tokens[at] = this.#prompts[this.#prompt[at]!]![0];
    }
  }
}

/** Who foresees, and how far: see `foresightOf`. */
export interface ForeseeOptions {
  predictor: "oracle" | "markov" | { recall: number; precision: number };
  horizon: number;
  /** Experts that are named at most; of a stated quality it lowers the recall where it cuts. */
  most: number;
}

/** Tokens between sequences that share a prompt: coprime to most lengths. */
const STRIDE = 17;

/** Where tokens that decode are: from the first to before the end. */
type Span = [first: number, end: number];

/** What is learnt from, and what is gone through: halves of the prompts, of one prompt halves of its tokens, of one token the same. */
export function decodingHalves(routes: Routes): { learnt: Span[]; walked: Span[] } {
  const spans = decodingSpans(routes);
  const numbers = [...new Set(spans.map(([first]) => routes.prompt[first]!))];
  if (numbers.length > 1) {
    const middle = numbers[Math.floor(numbers.length / 2)]!;
    const isLearnt = ([first]: Span) => routes.prompt[first]! < middle;
    return { learnt: spans.filter(isLearnt), walked: spans.filter((span) => !isLearnt(span)) };
  }
  const tokens = spans.flatMap(([first, end]) => Array.from({ length: end - first }, (_, i) => first + i));
  if (tokens.length < 2) return { learnt: spans, walked: spans };
  const middle = tokens[Math.floor(tokens.length / 2)]!;
  const cut = (from: number, to: number) =>
    spans.map(([first, end]): Span => [Math.max(first, from), Math.min(end, to)]).filter(([first, end]) => first < end);
  return { learnt: cut(0, middle), walked: cut(middle, routes.tokens) };
}

/** Where the decoding tokens of each prompt are; those without any are left out. */
function decodingSpans({ tokens, prompt, phase }: Routes): Span[] {
  const prompts: Span[] = [];
  for (let token = 0; token < tokens; token++) {
    if (phase[token] !== DECODE) continue;
    const last = prompts[prompts.length - 1];
    if (last && last[1] === token && prompt[token] === prompt[token - 1]) last[1]++;
    else prompts.push([token, token + 1]);
  }
  return prompts;
}
