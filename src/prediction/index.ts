import { checkKeys, didYouMean } from "../check.ts";
import { RandomBits } from "../random.ts";
import { type Chosen, History, type PredictorShape } from "./history.ts";
import { FEATURES_A_SOURCE, Logistic, Mixture, Perceptron } from "./mixing.ts";
import { Markov, MovingAverage, Popularity, PreviousToken, Recall, type Source } from "./sources.ts";

/** What there is to predict with: baselines that cost next to nothing, and what learns to mix them. */
export const PREDICTORS = [
  "random",
  "previous-token",
  "popularity",
  "moving-average",
  "markov",
  "recall",
  "blend",
  "mlp",
] as const;
export type PredictorName = (typeof PREDICTORS)[number];

export interface PredictorOptions extends PredictorShape {
  /** Of what is drawn; 1 unless given. */
  seed?: number;
}

/**
 * Predicts, from what routers have chosen, what they will choose. It sees only what it is shown, in the order in which it comes to
 * pass: each layer of a token, then those of the next token.
 */
export class Predictor {
  readonly name: PredictorName;
  readonly #history: History;
  readonly #sources: readonly Source[];
  readonly #source: Source;
  readonly #scores: Float64Array;

  constructor(name: PredictorName, options: PredictorOptions) {
    if (!PREDICTORS.includes(name)) throw new TypeError(`there is no predictor ${name}${didYouMean(name, PREDICTORS)}`);
    checkKeys("options", options, ["layers", "experts", "k", "horizon", "seed"]);
    const { seed = 1, ...shape } = options;
    const history = new History(shape, TOKENS_KEPT);
    checkTables(name, history);
    const popularity = new Popularity(history);
    this.name = name;
    this.#history = history;
    this.#source = sourceOf(name, history, popularity, seed);
    this.#sources = this.#source === popularity ? [popularity] : [popularity, this.#source];
    this.#scores = new Float64Array(history.experts);
  }

  /** Begins another prompt, after the last layer of a token. What was learnt is kept. */
  startPrompt(): void {
    this.#history.startPrompt();
    if (this.#source instanceof Mixture) this.#source.startPrompt();
  }

  /** Takes in the experts that the next layer's router chose, and learns from them; none where they are not known. */
  observe(experts: Chosen): void {
    this.#history.observe(experts);
    const chosen = this.#history.back(0);
    for (const source of this.#sources) source.learn(chosen);
  }

  /**
   * A score from 0 to 1 of each expert of the layer `horizon` after the one seen last: how likely it is chosen, as far as a
   * predictor knows. The next call overwrites them.
   */
  predict(): Float64Array {
    if (this.#history.layer < 0) throw new RangeError("a layer must have been observed before the first prediction");
    this.#source.score(this.#scores);
    return this.#scores;
  }
}

/** Markov's tables: of a layer, and of those that are mixed. */
const LAGS = [0, 1, 2];
const MOST_TABLE_BYTES = 2e9;

/** Refuses Markov's tables of more bytes than programs are given. */
function checkTables(name: PredictorName, { layers, experts }: History): void {
  const tables = name === "markov" ? 1 : name === "blend" || name === "mlp" ? LAGS.length : 0;
  const bytes = Float32Array.BYTES_PER_ELEMENT * tables * layers * experts * experts;
  if (bytes > MOST_TABLE_BYTES)
    throw new RangeError(
      `experts must be fewer: ${tables} x ${layers} layers x ${experts} x ${experts} counts take ${(bytes / 1e9).toFixed(1)} GB of at most ${MOST_TABLE_BYTES / 1e9}, got ${experts}`,
    );
}

/** Tokens that are recalled, and those before the present one that any source looks back to. */
const TOKENS_KEPT = 512;

/** Those that do best on gpt-oss's trace, or as well as their neighbours: a factor of two moves recall by less than half a point. */
const MOVING_AVERAGE_DECAY = 0.8;
const BLEND_RATE = 0.1;
const MLP_RATE = 0.01;

function sourceOf(name: PredictorName, history: History, popularity: Popularity, seed: number): Source {
  const average = () => new MovingAverage(history, popularity, MOVING_AVERAGE_DECAY);
  const mixed = () => [
    ...LAGS.map((lag) => new Markov(history, popularity, { lag, across: true })),
    average(),
    new PreviousToken(history, popularity),
    new Recall(history, popularity),
    new Seen(popularity),
  ];
  switch (name) {
    case "random":
      return new Uniform(history, seed);
    case "previous-token":
      return new PreviousToken(history, popularity);
    case "popularity":
      return popularity;
    case "moving-average":
      return average();
    case "markov":
      return new Markov(history, popularity);
    case "recall":
      return new Recall(history, popularity);
    case "blend": {
      const sources = mixed();
      return new Mixture(history, sources, new Logistic(history, sources.length * FEATURES_A_SOURCE, BLEND_RATE));
    }
    case "mlp": {
      const sources = mixed();
      return new Mixture(history, sources, new Perceptron(history, sources.length * FEATURES_A_SOURCE, MLP_RATE, seed));
    }
  }
}

/** A source that has learnt already. */
class Seen implements Source {
  readonly #source: Source;

  constructor(source: Source) {
    this.#source = source;
  }
  learn(): void {}
  score(scores: Float64Array): void {
    this.#source.score(scores);
  }
}

/** Any expert is as likely as any other. */
class Uniform implements Source {
  readonly #random: RandomBits;

  constructor({ experts }: History, seed: number) {
    this.#random = new RandomBits({ seed, batch: Math.ceil(experts / 4) * 4 });
  }
  learn(): void {}
  score(scores: Float64Array): void {
    const bits = this.#random.next();
    for (let e = 0; e < scores.length; e++) scores[e] = bits[e]! / 2 ** 32;
  }
}
