import { checkKeys } from "../check.ts";
import { Predictor, type PredictorName } from "../prediction/index.ts";
import { checkRoutes, NO_EXPERT, PREFILL, type Routes } from "../routes/routes.ts";

export interface GuideOptions {
  /** `blend` unless given. */
  predictor?: PredictorName;
  /** Of what a predictor draws; 1 unless given. */
  seed?: number;
}

/**
 * Scores for the policy `guided` on the accesses of `routes`: how likely each expert is when its layer comes next, a token
 * ahead, as a predictor saw it when that layer was last chosen. Before an event it has seen what lies before that event and
 * nothing else; a prefill, whose layers are an event each, it sees at its end. Event 0 begins anew.
 */
export function guideOf(routes: Routes, options: GuideOptions = {}): (scores: Float32Array, event: number) => void {
  checkKeys("options", options, ["predictor", "seed"]);
  const { predictor = "blend", seed = 1 } = options;
  checkRoutes(routes);
  const { layers, experts, k } = routes;
  const begin = () => eventsOf(routes, new Predictor(predictor, { layers, experts, k, horizon: layers, seed }));
  let events = begin();
  let next = 0;
  return (scores, event) => {
    if (event === 0) {
      events = begin();
      next = 0;
    }
    if (event !== next++) throw new RangeError(`event must be ${next - 1}, the one after the last, got ${event}`);
    const step = events.next();
    if (step.done) throw new RangeError(`event must be below ${event}, of which there are in the routes, got ${event}`);
    for (const [layer, row] of step.value) scores.set(row, layer * experts);
  };
}

/** Of each event: the layers whose scores are other than before the event before, and those scores. */
function* eventsOf(routes: Routes, predictor: Predictor): Generator<Map<number, Float64Array>, void, undefined> {
  const { layers, k, tokens, prompt, phase, chosen } = routes;
  const rowOf = (token: number, layer: number) => {
    const at = (token * layers + layer) * k;
    return chosen.subarray(at, at + k);
  };
  const isAsking = (token: number, layer: number) => rowOf(token, layer).some((expert) => expert !== NO_EXPERT);
  let fresh = new Map<number, Float64Array>();
  const see = (token: number, layer: number, isLast: boolean) => {
    predictor.observe(rowOf(token, layer));
    // A horizon of all layers: what is predicted is this layer, of the next token.
    if (isLast) fresh.set(layer, predictor.predict().slice());
  };
  const take = () => {
    const taken = fresh;
    fresh = new Map();
    return taken;
  };
  for (let token = 0; token < tokens; ) {
    if (token > 0 && prompt[token] !== prompt[token - 1]) predictor.startPrompt();
    if (phase[token] !== PREFILL) {
      for (let layer = 0; layer < layers; layer++) {
        if (isAsking(token, layer)) yield take();
        see(token, layer, true);
      }
      token++;
      continue;
    }
    let end = token + 1;
    while (end < tokens && phase[end] === PREFILL && prompt[end] === prompt[token]) end++;
    for (let layer = 0; layer < layers; layer++)
      if (Array.from({ length: end - token }, (_, i) => token + i).some((any) => isAsking(any, layer))) yield take();
    for (; token < end; token++) for (let layer = 0; layer < layers; layer++) see(token, layer, token === end - 1);
  }
}
