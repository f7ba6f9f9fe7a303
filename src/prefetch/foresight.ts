import { exp } from "../normal.ts";
import { Predictor, type PredictorName } from "../prediction/index.ts";
import type { GeneratedRoutes, RouteGenerator } from "../routes/generate.ts";
import { NO_EXPERT, type Routes } from "../routes/routes.ts";

/**
 * How likely each expert is used, `[(token * layers + layer) * experts + expert]`, as a predictor sees it that many layers before.
 * It watches each prompt from its beginning, and keeps what it learnt; what lies before a prompt's first layers is not foreseen.
 */
export function foreseenBy(name: PredictorName, routes: Routes, horizon: number, seed: number): Float32Array {
  const { layers, experts, k, tokens, prompt } = routes;
  const predictor = new Predictor(name, { layers, experts, k, horizon, seed });
  const confidence = new Float32Array(tokens * layers * experts);
  for (let row = 0; row < tokens * layers; row++) {
    const token = Math.floor(row / layers);
    if (row % layers === 0 && token > 0 && prompt[token] !== prompt[token - 1]) predictor.startPrompt();
    predictor.observe(chosenOf(routes, row));
    const ahead = Math.floor((row + horizon) / layers);
    if (ahead < tokens && prompt[ahead] === prompt[token])
      confidence.set(predictor.predict(), (row + horizon) * experts);
  }
  return confidence;
}

/** The same of generated routes, one layer before, from the true probabilities of all that is known by then. */
export function foreseenTruly(generator: RouteGenerator, { routes, workload, topic }: GeneratedRoutes): Float32Array {
  const { layers, experts, k, tokens, prompt } = routes;
  const { workloads } = generator.model;
  const confidence = new Float32Array(tokens * layers * experts);
  for (let row = 1; row < tokens * layers; row++) {
    const [token, layer] = [Math.floor(row / layers), row % layers];
    const isFirst = token === 0 || prompt[token] !== prompt[token - 1];
    if (isFirst && layer === 0) continue;
    const place = workload[prompt[token]!]!;
    const before = isFirst ? [] : chosenOf(routes, row - layers);
    const below = layer === 0 ? [] : chosenOf(routes, row - 1);
    const told = (of: number) => generator.probabilities({ workload: place, topic: of, layer, before, below });
    let p: Float64Array;
    if (layer > 0) p = told(topic[token]!);
    else {
      // Whether the next token begins another topic is not known before it does.
      const { topics, topicSwitch } = workloads[place]!;
      p = told(topic[token - 1]!).map((share) => share * (1 - topicSwitch));
      for (let of = 0; of < topics && topicSwitch > 0; of++)
        told(of).forEach((share, e) => {
          p[e]! += (share * topicSwitch) / topics;
        });
    }
    confidence.set(inclusions(p, k), row * experts);
  }
  return confidence;
}

/**
 * How likely each is among k drawn one by one without return, with probabilities `p` of the first. It is as if each came after an
 * exponential time of rate p, and the first k were taken: about those that come before t, at which k are expected to have come
 * (Rosén, "Asymptotic theory for successive sampling", 1972). Newton's steps go up to t, as the expected number bends down.
 */
export function inclusions(p: Float64Array, k: number): Float64Array {
  if (k === p.length) return p.map(() => 1);
  const chances = new Float64Array(p.length);
  let t = 0;
  for (let step = 0; step < 64; step++) {
    let [expected, slope] = [0, 0];
    for (let e = 0; e < p.length; e++) {
      const absent = exp(-p[e]! * t);
      chances[e] = 1 - absent;
      expected += 1 - absent;
      slope += p[e]! * absent;
    }
    if (k - expected < 1e-9 * k) break;
    t += (k - expected) / slope;
  }
  return chances;
}

function chosenOf({ chosen, k }: Routes, row: number): Uint16Array {
  return chosen.subarray(row * k, (row + 1) * k).filter((expert) => expert !== NO_EXPERT);
}
