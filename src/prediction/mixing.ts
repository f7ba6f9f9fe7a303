import { Mlp } from "../mlp.ts";
import type { Chosen, History } from "./history.ts";
import type { Source } from "./sources.ts";

/** Learns from each layer what the sources' scores are worth, in steps that grow smaller. */
export interface Mixer {
  /** Fills `scores` with probabilities from `features`, a row an expert. */
  mix(scores: Float64Array, features: Float32Array): void;
  learn(features: Float32Array, chosen: Chosen): void;
}

/** Of each source its score and the root of it: between them they bend as probabilities and their logarithms do. */
export const FEATURES_A_SOURCE = 2;

/** Sources whose scores a mixer weighs. A layer's features wait until the layer itself is seen, and teach the mixer then. */
export class Mixture implements Source {
  readonly #history: History;
  readonly #sources: readonly Source[];
  readonly #mixer: Mixer;
  readonly #scores: Float64Array;
  readonly #waiting: Float32Array[];
  #turn = 0;
  #made = 0;

  constructor(history: History, sources: readonly Source[], mixer: Mixer) {
    this.#history = history;
    this.#sources = sources;
    this.#mixer = mixer;
    this.#scores = new Float64Array(history.experts);
    const length = history.experts * sources.length * FEATURES_A_SOURCE;
    this.#waiting = Array.from({ length: history.horizon }, () => new Float32Array(length));
  }

  /** Forgets the features of layers that do not come. */
  startPrompt(): void {
    this.#made = 0;
  }

  learn(chosen: Chosen): void {
    const features = this.#waiting[this.#turn]!;
    if (this.#made === this.#waiting.length) {
      if (chosen.length > 0) this.#mixer.learn(features, chosen);
    } else this.#made++;
    for (const source of this.#sources) source.learn(chosen);
    const width = this.#sources.length * FEATURES_A_SOURCE;
    for (const [i, source] of this.#sources.entries()) {
      source.score(this.#scores);
      for (let e = 0; e < this.#history.experts; e++) {
        features[e * width + 2 * i] = this.#scores[e]!;
        features[e * width + 2 * i + 1] = Math.sqrt(this.#scores[e]!);
      }
    }
    this.#turn = (this.#turn + 1) % this.#waiting.length;
  }

  score(scores: Float64Array): void {
    const { length } = this.#waiting;
    this.#mixer.mix(scores, this.#waiting[(this.#turn + length - 1) % length]!);
  }
}

const DECAY_MEAN = 0.9;
const DECAY_SQUARE = 0.99;
/** Steps after which they are 1 / sqrt(2) of the first. */
const COOLING_STEPS = 200;

/** A logistic regression, one for all layers and experts, by Adam. */
export class Logistic implements Mixer {
  readonly #weights: Float64Array;
  readonly #means: Float64Array;
  readonly #squares: Float64Array;
  readonly #gradient: Float64Array;
  readonly #probabilities: Float64Array;
  readonly #rate: number;
  readonly #k: number;
  #steps = 0;
  #powerMean = 1;
  #powerSquare = 1;

  constructor({ experts, k }: History, features: number, rate: number) {
    const length = features + 1; // and a bias
    this.#weights = new Float64Array(length);
    // To begin with, all roots alike.
    for (let i = 1; i < features; i += FEATURES_A_SOURCE) this.#weights[i] = 8 / features;
    this.#weights[features] = -4;
    this.#means = new Float64Array(length);
    this.#squares = new Float64Array(length);
    this.#gradient = new Float64Array(length);
    this.#probabilities = new Float64Array(experts);
    this.#rate = rate;
    this.#k = k;
  }

  mix(scores: Float64Array, features: Float32Array): void {
    const width = this.#weights.length - 1;
    for (let e = 0; e < scores.length; e++) {
      let sum = this.#weights[width]!;
      for (let i = 0; i < width; i++) sum += this.#weights[i]! * features[e * width + i]!;
      scores[e] = logistic(sum);
    }
  }

  learn(features: Float32Array, chosen: Chosen): void {
    const errors = this.#probabilities;
    this.mix(errors, features);
    for (let i = 0; i < chosen.length; i++) errors[chosen[i]!]! -= 1;
    const gradient = this.#gradient.fill(0);
    const width = gradient.length - 1;
    for (let e = 0; e < errors.length; e++) {
      const error = errors[e]! / this.#k;
      for (let i = 0; i < width; i++) gradient[i]! += error * features[e * width + i]!;
      gradient[width]! += error;
    }
    this.#powerMean *= DECAY_MEAN;
    this.#powerSquare *= DECAY_SQUARE;
    const rate = this.#rate / Math.sqrt(1 + ++this.#steps / COOLING_STEPS);
    for (let i = 0; i <= width; i++) {
      const g = gradient[i]!;
      this.#means[i] = DECAY_MEAN * this.#means[i]! + (1 - DECAY_MEAN) * g;
      this.#squares[i] = DECAY_SQUARE * this.#squares[i]! + (1 - DECAY_SQUARE) * g * g;
      const root = Math.sqrt(this.#squares[i]! / (1 - this.#powerSquare));
      this.#weights[i]! -= (rate * this.#means[i]!) / (1 - this.#powerMean) / (root + 1e-8);
    }
  }
}

/** A perceptron, one for all layers and experts: an expert's features in, the probability that it is chosen out. */
export class Perceptron implements Mixer {
  readonly #mlp: Mlp;
  readonly #targets: Float32Array;
  readonly #rate: number;
  #steps = 0;

  constructor({ experts }: History, features: number, rate: number, seed: number) {
    this.#mlp = new Mlp({ inputs: features, hidden: [16, 16], outputs: 1, batch: experts, seed });
    this.#targets = new Float32Array(experts);
    this.#rate = rate;
  }

  mix(scores: Float64Array, features: Float32Array): void {
    scores.set(this.#mlp.forward(features));
  }

  learn(features: Float32Array, chosen: Chosen): void {
    for (let i = 0; i < chosen.length; i++) this.#targets[chosen[i]!] = 1;
    this.#mlp.train(features, this.#targets, this.#rate / Math.sqrt(1 + ++this.#steps / COOLING_STEPS));
    for (let i = 0; i < chosen.length; i++) this.#targets[chosen[i]!] = 0;
  }
}

/** 1 / (1 + e^-x), from additions, products and quotients alone. */
export function logistic(x: number): number {
  const y = -Math.min(Math.abs(x), 700);
  const n = Math.round(y * Math.LOG2E);
  const r = y - n * 0.693147180369123816 - n * 1.90821492927058770002e-10;
  let e = 1;
  for (let i = 13; i > 0; i--) e = 1 + (e * r) / i;
  e *= 2 ** n;
  return (x < 0 ? e : 1) / (1 + e);
}
