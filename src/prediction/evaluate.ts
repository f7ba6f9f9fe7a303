import { checkKeys, checkLength, checkWhole } from "../check.ts";
import { type GeneratedRoutes, type RouteGenerator, stateOf } from "../routes/generate.ts";
import { checkRoutes, DECODE, NO_EXPERT, type Routes } from "../routes/routes.ts";
import type { Chosen } from "./history.ts";
import { PREDICTORS, Predictor, type PredictorName, type PredictorOptions } from "./index.ts";
import { type LearningStep, learningOf } from "./learning.ts";
import { type Recalls, type Reliability, Tally } from "./tally.ts";

/** Predictors and the oracle, which sees what is to come. */
export type EvaluatedName = PredictorName | "oracle";

export interface EvaluationOptions {
  /** All of them and the oracle unless given. */
  predictors?: readonly EvaluatedName[];
  /** Layers ahead; 1, 2, 4 and 8, as far as there are layers, unless given. */
  horizons?: readonly number[];
  /** Prompts that are learnt from and not scored, the first ones; half of them, rounded down, unless given. */
  promptsToWarm?: number;
  /** Of what is drawn; 1 unless given. */
  seed?: number;
  /** Where `routes` were generated, by what and from what: with it the ceiling is told. */
  origin?: RouteOrigin;
}

/** A generator, and what lay behind the routes that it made: `{ generator, ...generator.generate(options) }`. */
export interface RouteOrigin extends Omit<GeneratedRoutes, "routes"> {
  generator: RouteGenerator;
}

/** How one predictor did, that many layers ahead. Shares are of experts that decoding tokens of the scored prompts used. */
export interface PredictorReport extends Recalls {
  predictor: EvaluatedName;
  horizon: number;
  /** Layers of tokens of which all experts were among the first k. */
  exact: number;
  /** Fetching the first k of each prediction: bytes of those not used, over bytes of those used; none are resident before. */
  wasteK: number;
  /** Recall at k of each prompt that was scored. */
  prompts: { prompt: number; recallK: number }[];
  /** In ten steps of claimed probability; a step without predictions is left out. */
  reliability: Reliability[];
  /** The mean distance between what was claimed and what came true, each prediction counted once. */
  calibrationError: number;
  /** Recall of all decoding tokens, warm ones too, as the trace goes on and more is learnt. */
  learning: LearningStep[];
  /** Recalls over those of the ceiling; null where that is not known. */
  ceilingShare: Recalls | null;
  nsPerPrediction: number;
}

export interface PredictionReport {
  /** How many experts a router chooses: the k of `recallK`. */
  k: number;
  tokens: { warm: number; scored: number };
  warnings: string[];
  /**
   * What the best there is would have recalled, of routes whose origin is given, one layer ahead: the likeliest experts by the true
   * probabilities. It knows workload and topic too, which a predictor can at best gather from what was chosen, and
   * not before a new one's first token. Chance can put a predictor above it: it is a ceiling of means.
   */
  ceiling: Recalls | null;
  rows: PredictorReport[];
}

/** Has predictors watch `routes` go by, and says what they foresaw of decoding: each prediction from what came before it only. */
export function evaluatePredictors(routes: Routes, options: EvaluationOptions = {}): PredictionReport {
  checkKeys("options", options, ["predictors", "horizons", "promptsToWarm", "seed", "origin"]);
  checkRoutes(routes);
  const { layers, k, tokens, prompt, phase } = routes;
  const known = [...new Set(prompt)];
  const {
    predictors = [...PREDICTORS, "oracle"],
    horizons = [1, 2, 4, 8].filter((horizon) => horizon <= layers),
    promptsToWarm = Math.floor(known.length / 2),
    seed = 1,
    origin,
  } = options;
  for (const horizon of horizons) checkWhole("horizon", horizon, 1, layers);
  checkWhole("promptsToWarm", promptsToWarm, 0, known.length);
  const warm = new Set(known.slice(0, promptsToWarm));
  const scored = Uint8Array.from(prompt, (id, token) => Number(phase[token] === DECODE && !warm.has(id)));
  const count = scored.reduce((sum, flag) => sum + flag, 0);
  const warnings: string[] = [];
  if (count === 0) warnings.push("no token is scored: no prompt left to score has decoding tokens");
  else if (known.length === 1)
    warnings.push("the trace has one prompt: what is scored was learnt from its own beginning, not from other prompts");
  const ceiling = origin ? watch(routes, 1, scored, knowing(routes, origin)).tally.recalls() : null;
  const rows = predictors.flatMap((predictor) =>
    horizons.map((horizon): PredictorReport => {
      const seer = predictor === "oracle" ? foreseeing(routes) : predicting(predictor, { ...routes, horizon, seed });
      const { tally, nsPerPrediction } = watch(routes, horizon, scored, seer);
      const recalls = tally.recalls();
      return {
        predictor,
        horizon,
        ...recalls,
        ...tally.shares(),
        prompts: tally.prompts(),
        ...tally.calibration(),
        learning: learningOf(prompt, tally.used, tally.hits),
        ceilingShare: horizon === 1 && ceiling ? over(recalls, ceiling) : null,
        nsPerPrediction: predictor === "oracle" ? 0 : nsPerPrediction,
      };
    }),
  );
  return { k, tokens: { warm: tokens - count, scored: count }, warnings, ceiling, rows };
}

/** What is shown layers as they come to pass, and then says which experts a layer to come will use. */
interface Seer {
  startPrompt(): void;
  observe(chosen: Chosen): void;
  /** Scores of the experts of a token's layer. Only those who know more than a predictor look at which it is. */
  foresee(token: number, layer: number): Float64Array;
}

function predicting(name: PredictorName, { layers, experts, k, horizon = 1, seed = 1 }: PredictorOptions): Seer {
  const predictor = new Predictor(name, { layers, experts, k, horizon, seed });
  return {
    startPrompt: () => predictor.startPrompt(),
    observe: (chosen) => predictor.observe(chosen),
    foresee: () => predictor.predict(),
  };
}

/** The oracle: what will be used scores 1. */
function foreseeing(routes: Routes): Seer {
  const scores = new Float64Array(routes.experts);
  return {
    startPrompt: () => {},
    observe: () => {},
    foresee: (token, layer) => {
      scores.fill(0);
      const used = chosenOf(routes, token, layer);
      for (let i = 0; i < used.length; i++) scores[used[i]!] = 1;
      return scores;
    },
  };
}

/** Who knows the generator, and what the choice depends on. */
function knowing(routes: Routes, { generator, workload, topic }: RouteOrigin): Seer {
  for (const key of ["layers", "experts", "k"] as const)
    checkWhole(`origin's ${key}`, generator.model[key], routes[key], routes[key]);
  checkLength("origin.topic", topic, routes.tokens);
  checkLength("origin.workload", workload, new Set(routes.prompt).size);
  return {
    startPrompt: () => {},
    observe: () => {},
    foresee: (token, layer) => generator.probabilities(stateOf({ routes, workload, topic }, token, layer)),
  };
}

/** Has a seer watch the routes go by, and counts what it foresaw of decoding tokens. */
function watch(routes: Routes, horizon: number, scored: Uint8Array, seer: Seer) {
  const { layers, tokens, prompt, phase } = routes;
  const tally = new Tally(routes, scored);
  let ms = 0;
  for (let token = 0; token < tokens; token++) {
    if (token > 0 && prompt[token] !== prompt[token - 1]) seer.startPrompt();
    for (let layer = 0; layer < layers; layer++) {
      const began = performance.now();
      seer.observe(chosenOf(routes, token, layer));
      ms += performance.now() - began;
      const ahead = layer + horizon;
      const [to, toLayer] = [token + Math.floor(ahead / layers), ahead % layers];
      if (to >= tokens || prompt[to] !== prompt[token] || phase[to] !== DECODE) continue;
      const used = chosenOf(routes, to, toLayer);
      if (used.length === 0) continue;
      const asked = performance.now();
      const scores = seer.foresee(to, toLayer);
      ms += performance.now() - asked;
      tally.count(to, toLayer, scores, used);
    }
  }
  return { tally, nsPerPrediction: (ms * 1e6) / Math.max(1, tokens * layers) };
}

function over(recalls: Recalls, ceiling: Recalls): Recalls {
  return {
    recallK: recalls.recallK / ceiling.recallK,
    recall16: recalls.recall16 / ceiling.recall16,
    recall32: recalls.recall32 / ceiling.recall32,
  };
}

function chosenOf({ chosen, layers, k }: Routes, token: number, layer: number): Chosen {
  const at = (token * layers + layer) * k;
  const row = chosen.subarray(at, at + k);
  const end = row.indexOf(NO_EXPERT);
  return end < 0 ? row : row.filter((expert) => expert !== NO_EXPERT);
}
