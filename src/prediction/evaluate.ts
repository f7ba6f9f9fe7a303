import { checkWhole } from "../check.ts";
import { checkRoutes, DECODE, NO_EXPERT, type Routes } from "../routes/routes.ts";
import type { Chosen } from "./history.ts";
import { PREDICTORS, Predictor, type PredictorName } from "./index.ts";

/** Predictors and the oracle, which sees what is to come: the ceiling. */
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
}

/** Of predictions that claimed a like probability, the share that came true. */
export interface Reliability {
  /** Mean of what was claimed, and the share that came true. */
  claimed: number;
  true: number;
  count: number;
}

/** How one predictor did, that many layers ahead. Shares are of experts that decoding tokens of the scored prompts used. */
export interface PredictorReport {
  predictor: EvaluatedName;
  horizon: number;
  /** Of the experts used: how many were among as many as the router chooses, among 16, among 32. */
  recallK: number;
  recall16: number;
  recall32: number;
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
  nsPerPrediction: number;
}

export interface PredictionReport {
  /** How many experts a router chooses: the k of `recallK`. */
  k: number;
  tokens: { warm: number; scored: number };
  warnings: string[];
  rows: PredictorReport[];
}

/** Has predictors watch `routes` go by, and says what they foresaw of decoding: each prediction from what came before it only. */
export function evaluatePredictors(routes: Routes, options: EvaluationOptions = {}): PredictionReport {
  checkRoutes(routes);
  const { layers, k, tokens, prompt, phase } = routes;
  const known = [...new Set(prompt)];
  const {
    predictors = [...PREDICTORS, "oracle"],
    horizons = [1, 2, 4, 8].filter((horizon) => horizon <= layers),
    promptsToWarm = Math.floor(known.length / 2),
    seed = 1,
  } = options;
  checkWhole("promptsToWarm", promptsToWarm, 0, known.length);
  const warm = new Set(known.slice(0, promptsToWarm));
  const scored = Uint8Array.from(prompt, (id, token) => Number(phase[token] === DECODE && !warm.has(id)));
  const count = scored.reduce((sum, flag) => sum + flag, 0);
  const warnings: string[] = [];
  if (count === 0) warnings.push("no token is scored: no prompt left to score has decoding tokens");
  else if (known.length === 1)
    warnings.push("the trace has one prompt: what is scored was learnt from its own beginning, not from other prompts");
  return {
    k,
    tokens: { warm: tokens - count, scored: count },
    warnings,
    rows: predictors.flatMap((name) => horizons.map((horizon) => evaluate(routes, name, horizon, scored, seed))),
  };
}

const STEPS = 10;
const RECALLED = [16, 32] as const;

function evaluate(routes: Routes, name: EvaluatedName, horizon: number, scored: Uint8Array, seed: number) {
  const { layers, experts, k, tokens, prompt } = routes;
  checkWhole("horizon", horizon, 1, layers);
  const oracle = name === "oracle";
  const predictor = oracle ? null : new Predictor(name, { layers, experts, k, horizon, seed });
  const truth = new Float64Array(experts);
  const tally = { used: 0, hits: [0, 0, 0], layers: 0, exact: 0, usedBytes: 0, wastedBytes: 0, predictions: 0, ms: 0 };
  const steps = Array.from({ length: STEPS }, () => ({ claimed: 0, true: 0, count: 0 }));
  const prompts = new Map<number, { used: number; hits: number }>();
  const counts = [k, ...RECALLED].map((most) => Math.min(most, experts));
  for (let token = 0; token < tokens; token++) {
    if (token > 0 && prompt[token] !== prompt[token - 1]) predictor?.startPrompt();
    for (let layer = 0; layer < layers; layer++) {
      const began = performance.now();
      predictor?.observe(chosenOf(routes, token, layer));
      tally.ms += performance.now() - began;
      tally.predictions++;
      const ahead = token * layers + layer + horizon;
      const [to, toLayer] = [Math.floor(ahead / layers), ahead % layers];
      if (to >= tokens || prompt[to] !== prompt[token] || !scored[to]) continue;
      const used = chosenOf(routes, to, toLayer);
      if (used.length === 0) continue;
      truth.fill(0);
      for (let i = 0; i < used.length; i++) truth[used[i]!] = 1;
      const asked = performance.now();
      const scores = predictor?.predict() ?? truth;
      tally.ms += performance.now() - asked;
      const order = topOf(scores, Math.max(...counts));
      const hits = counts.map((most) => order.slice(0, most).reduce((sum, expert) => sum + truth[expert]!, 0));
      tally.layers++;
      tally.used += used.length;
      for (const [i, found] of hits.entries()) tally.hits[i]! += found;
      if (hits[0] === used.length) tally.exact++;
      for (let i = 0; i < used.length; i++) tally.usedBytes += bytesOf(routes, toLayer, used[i]!);
      for (const expert of order.slice(0, counts[0]))
        if (truth[expert] === 0) tally.wastedBytes += bytesOf(routes, toLayer, expert);
      const own = prompts.get(prompt[to]!) ?? { used: 0, hits: 0 };
      prompts.set(prompt[to]!, { used: own.used + used.length, hits: own.hits + hits[0]! });
      for (let e = 0; e < experts; e++) {
        const step = steps[Math.min(STEPS - 1, Math.floor(scores[e]! * STEPS))]!;
        step.claimed += scores[e]!;
        step.true += truth[e]!;
        step.count++;
      }
    }
  }
  const claims = steps.reduce((sum, step) => sum + step.count, 0);
  const report: PredictorReport = {
    predictor: name,
    horizon,
    recallK: tally.hits[0]! / tally.used,
    recall16: tally.hits[1]! / tally.used,
    recall32: tally.hits[2]! / tally.used,
    exact: tally.exact / tally.layers,
    wasteK: tally.wastedBytes / tally.usedBytes,
    prompts: [...prompts].map(([id, { used, hits }]) => ({ prompt: id, recallK: hits / used })),
    reliability: steps
      .filter((step) => step.count > 0)
      .map((step) => ({ claimed: step.claimed / step.count, true: step.true / step.count, count: step.count })),
    calibrationError: steps.reduce((sum, step) => sum + Math.abs(step.claimed - step.true), 0) / claims,
    nsPerPrediction: oracle ? 0 : (tally.ms * 1e6) / tally.predictions,
  };
  return report;
}

function chosenOf({ chosen, layers, k }: Routes, token: number, layer: number): Chosen {
  const at = (token * layers + layer) * k;
  const row = chosen.subarray(at, at + k);
  const end = row.indexOf(NO_EXPERT);
  return end < 0 ? row : row.filter((expert) => expert !== NO_EXPERT);
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
