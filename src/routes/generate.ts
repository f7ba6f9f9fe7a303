import { checkBetween, checkKeys, checkWhole } from "../check.ts";
import { exp, ln } from "../normal.ts";
import { RandomBits, type RandomOptions } from "../random.ts";
import { DECODE, MOST_EXPERTS, MOST_LAYERS, PREFILL, type Routes } from "./routes.ts";

/** How the tokens of one kind of prompts choose. The shares that are left out of `repetition` and `dependence` fall to popularity. */
export interface RouteWorkload {
  name: string;
  /** Of prompts, to the sum of all workloads' shares. */
  share: number;
  /** Zipf's exponent of popularity: of all layers, or one a layer. 0 makes all experts alike. */
  zipf: number | readonly number[];
  /** Weight of the experts of the token before, in the same layer. */
  repetition: number;
  /** Weight of the successors of the experts that this token chose in the layer below. */
  dependence: number;
  /** How many topics there are; each has an order of popularity of its own. */
  topics: number;
  /** Share of popularity that follows the topic's order; the rest follows the order that all topics and workloads share. */
  topicShare: number;
  /** Chance that a token begins another topic, drawn from all. */
  topicSwitch: number;
}

export interface RouteModel {
  layers: number;
  experts: number;
  k: number;
  workloads: readonly RouteWorkload[];
  /** Of the orders of popularity and of the successors; 1 unless given. */
  seed?: number;
}

export interface GenerateOptions extends RandomOptions {
  prompts: number;
  /** Tokens of each prompt. */
  prefillTokens: number;
  decodeTokens: number;
}

/** Routes, and what lay behind them. */
export interface GeneratedRoutes {
  routes: Routes;
  /** Of each prompt: its place in `workloads`. */
  workload: Uint16Array;
  /** Of each token. */
  topic: Uint16Array;
}

/** What a choice depends on. */
export interface RouteState {
  /** Place in `workloads`. */
  workload: number;
  topic: number;
  layer: number;
  /** Experts of the token before in this layer; none where a prompt begins. */
  before: ArrayLike<number>;
  /** Experts of this token in the layer below; none in layer 0. */
  below: ArrayLike<number>;
}

/**
 * Draws routes. In each layer a token draws k distinct experts, one by one, each with probability p over those that are left,
 * where
 *
 *     p(e) = repetition x [e is one of the n that the token before chose in this layer] / n
 *          + dependence x [e is the successor of one of the m that this token chose in the layer below] / m
 *          + the rest   x ((1 - topicShare) x Zipf(rank of e) + topicShare x Zipf(rank of e in the topic))
 *
 * with n or m of 0 adding to the rest. A layer's successors are a permutation, drawn once, as orders of popularity are. So the
 * sets of experts that a predictor should name are the likeliest of `probabilities`: the chance that e is among the k grows with
 * p(e), and no predictor of the next layer, or of the same one, has more on average than one who knows p.
 */
export class RouteGenerator {
  readonly model: RouteModel;
  /** Orders of experts: successors and popularity of all by layer, then popularity by workload, topic and layer. */
  readonly #successors: Uint16Array[];
  readonly #popularity: Float64Array[][][];

  constructor(model: RouteModel) {
    checkModel(model);
    this.model = model;
    const { layers, experts, workloads, seed = 1 } = model;
    const shuffle = shuffler(new Draws({ seed, stream: 0 }), experts);
    this.#successors = Array.from({ length: layers }, shuffle);
    const ranks = Array.from({ length: layers }, shuffle);
    this.#popularity = workloads.map(({ zipf, topics, topicShare }) =>
      Array.from({ length: topics }, () =>
        ranks.map((rank, layer) => {
          const weights = zipfWeights(experts, typeof zipf === "number" ? zipf : zipf[layer]!);
          const own = shuffle();
          return Float64Array.from(
            rank,
            (_, e) => (1 - topicShare) * weights[rank[e]!]! + topicShare * weights[own[e]!]!,
          );
        }),
      ),
    );
  }

  /** The true probability that each expert is the first to be drawn, given what the choice depends on. They sum to 1. */
  probabilities(state: RouteState): Float64Array {
    const { layers, experts, workloads } = this.model;
    checkWhole("workload", state.workload, 0, workloads.length - 1);
    checkWhole("topic", state.topic, 0, workloads[state.workload]!.topics - 1);
    checkWhole("layer", state.layer, 0, layers - 1);
    for (const name of ["before", "below"] as const)
      for (let i = 0; i < state[name].length; i++) checkWhole(`${name}[${i}]`, state[name][i]!, 0, experts - 1);
    return this.#fill(new Float64Array(experts), state);
  }

  #fill(p: Float64Array, { workload, topic, layer, before, below }: RouteState): Float64Array {
    const { repetition, dependence } = this.model.workloads[workload]!;
    const [again, after] = [before.length > 0 ? repetition : 0, below.length > 0 ? dependence : 0];
    const popularity = this.#popularity[workload]![topic]![layer]!;
    for (let e = 0; e < p.length; e++) p[e] = (1 - again - after) * popularity[e]!;
    for (let i = 0; i < before.length; i++) p[before[i]!]! += again / before.length;
    const successors = this.#successors[layer]!;
    for (let i = 0; i < below.length; i++) p[successors[below[i]!]!]! += after / below.length;
    return p;
  }

  /** Prompts one after the other, each with its prefill and decode. */
  generate(options: GenerateOptions): GeneratedRoutes {
    const { prompts, prefillTokens, decodeTokens, seed = 1, stream = 1, ...rest } = options;
    checkKeys("options", rest, []);
    checkWhole("prompts", prompts, 1, 2 ** 24);
    checkWhole("prefillTokens", prefillTokens, 0, 2 ** 24);
    checkWhole("decodeTokens", decodeTokens, 0, 2 ** 24);
    const { layers, experts, k, workloads } = this.model;
    const each = prefillTokens + decodeTokens;
    checkWhole("prompts x tokens x layers x k", prompts * each * layers * k, 1, 2 ** 31 - 1);
    const draws = new Draws({ seed, stream });
    const tokens = prompts * each;
    const chosen = new Uint16Array(tokens * layers * k);
    const [workload, topic] = [new Uint16Array(prompts), new Uint16Array(tokens)];
    const shares = Float64Array.from(workloads, ({ share }) => share);
    const p = new Float64Array(experts);
    for (let token = 0; token < tokens; token++) {
      const prompt = Math.floor(token / each);
      const isFirst = token % each === 0;
      if (isFirst) workload[prompt] = draws.pick(shares, sumOf(shares));
      const { topics, topicSwitch } = workloads[workload[prompt]!]!;
      const isNew = draws.next() < topicSwitch || isFirst;
      topic[token] = isNew ? Math.floor(draws.next() * topics) : topic[token - 1]!;
      for (let layer = 0; layer < layers; layer++) {
        const at = (token * layers + layer) * k;
        const before = isFirst ? NONE : chosen.subarray(at - layers * k, at - layers * k + k);
        const below = layer === 0 ? NONE : chosen.subarray(at - k, at);
        this.#fill(p, { workload: workload[prompt]!, topic: topic[token]!, layer, before, below });
        for (let i = 0; i < k; i++) {
          const expert = draws.pick(p, sumOf(p));
          chosen[at + i] = expert;
          p[expert] = 0;
        }
      }
    }
    const prompt = Uint32Array.from({ length: tokens }, (_, token) => Math.floor(token / each));
    const phase = Uint8Array.from({ length: tokens }, (_, token) => (token % each < prefillTokens ? PREFILL : DECODE));
    return { routes: { layers, experts, k, tokens, prompt, phase, chosen }, workload, topic };
  }
}

/** What the choice of a token in a layer depended on. */
export function stateOf({ routes, workload, topic }: GeneratedRoutes, token: number, layer: number): RouteState {
  const { layers, k, tokens, prompt, chosen } = routes;
  checkWhole("token", token, 0, tokens - 1);
  checkWhole("layer", layer, 0, layers - 1);
  const at = (token * layers + layer) * k;
  const isFirst = token === 0 || prompt[token] !== prompt[token - 1];
  return {
    workload: workload[prompt[token]!]!,
    topic: topic[token]!,
    layer,
    before: isFirst ? [] : chosen.subarray(at - layers * k, at - layers * k + k),
    below: layer === 0 ? [] : chosen.subarray(at - k, at),
  };
}

/** Before a prompt's first token, and below the first layer. */
const NONE = new Uint16Array(0);

function sumOf(values: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum;
}

/** Draws from 0 up to 1, a batch ahead. */
class Draws {
  readonly #bits: RandomBits;
  #words = new Uint32Array(0);
  #used = 0;

  constructor(random: RandomOptions) {
    this.#bits = new RandomBits({ ...random, batch: 4096 });
  }

  next(): number {
    if (this.#used === this.#words.length) {
      this.#words = this.#bits.next() as Uint32Array<ArrayBuffer>;
      this.#used = 0;
    }
    return this.#words[this.#used++]! / 2 ** 32;
  }

  /** A place among weights of the given sum; never one of weight 0. */
  pick(weights: Float64Array, sum: number): number {
    let left = this.next() * sum;
    let last = 0;
    for (let i = 0; i < weights.length; i++) {
      if (weights[i]! <= 0) continue;
      last = i;
      left -= weights[i]!;
      if (left < 0) break;
    }
    return last;
  }
}

function shuffler(draws: Draws, experts: number): () => Uint16Array {
  return () => {
    const order = Uint16Array.from({ length: experts }, (_, e) => e);
    for (let i = experts - 1; i > 0; i--) {
      const j = Math.floor(draws.next() * (i + 1));
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    return order;
  };
}

/** Zipf's probabilities by rank. */
function zipfWeights(experts: number, exponent: number): Float64Array {
  const weights = Float64Array.from({ length: experts }, (_, rank) => exp(-exponent * ln(rank + 1)));
  const sum = sumOf(weights);
  return weights.map((weight) => weight / sum);
}

/** Refuses a model that contradicts itself, naming the field. */
export function checkModel(model: RouteModel): void {
  checkKeys("model", model, ["layers", "experts", "k", "workloads", "seed"]);
  checkWhole("layers", model.layers, 1, MOST_LAYERS);
  checkWhole("experts", model.experts, 1, MOST_EXPERTS);
  checkWhole("k", model.k, 1, model.experts);
  checkWhole("workloads.length", model.workloads.length, 1, 256);
  model.workloads.forEach((workload, i) => {
    const name = `workloads[${i}]`;
    const keys = ["name", "share", "zipf", "repetition", "dependence", "topics", "topicShare", "topicSwitch"];
    checkKeys(name, workload, keys);
    checkBetween(`${name}.share`, workload.share, Number.MIN_VALUE, 1e9);
    const { zipf } = workload;
    if (typeof zipf !== "number" && zipf.length !== model.layers)
      throw new RangeError(`${name}.zipf must hold ${model.layers} values, got ${zipf.length}`);
    for (const exponent of typeof zipf === "number" ? [zipf] : zipf) checkBetween(`${name}.zipf`, exponent, 0, 8);
    checkBetween(`${name}.repetition`, workload.repetition, 0, 0.999);
    checkBetween(`${name}.dependence`, workload.dependence, 0, 0.999 - workload.repetition);
    checkWhole(`${name}.topics`, workload.topics, 1, 4096);
    checkBetween(`${name}.topicShare`, workload.topicShare, 0, 1);
    checkBetween(`${name}.topicSwitch`, workload.topicSwitch, 0, 1);
  });
}
