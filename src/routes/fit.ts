import { checkKeys, checkLength, checkWhole } from "../check.ts";
import { RouteGenerator, type RouteModel, type RouteWorkload } from "./generate.ts";
import { checkRoutes, NO_EXPERT, type Routes } from "./routes.ts";

/** What a trace shows of how its tokens choose: as counted, in the trace itself, and so biased alike in traces of one size. */
export interface RouteStatistics {
  /** Of each layer: the share of choices that fell on its most popular eighth of experts. */
  topShare: number[];
  /** Share of experts that the token before chose too, in the same layer. */
  repetition: number;
  /**
   * Share of (expert of a layer, token) after which the token also chose, in the next layer, the expert that follows that one
   * most often.
   */
  dependence: number;
}

export interface FitOptions {
  /** Of each prompt number in the trace, in ascending order: its workload's name; one workload called "all" unless given. */
  workloads?: readonly string[];
  /** Not told from a trace: those of the model; 1 topic unless given. */
  topics?: number;
  topicShare?: number;
  topicSwitch?: number;
  /** Of the model's orders and of what is generated while fitting; 1 unless given. */
  seed?: number;
}

/** Counts what `fitRoutes` brings about again. */
export function routeStatistics(routes: Routes): RouteStatistics {
  checkRoutes(routes);
  const { layers, experts, k, tokens, prompt, chosen } = routes;
  const rowOf = (token: number, layer: number) => {
    const at = (token * layers + layer) * k;
    const row = chosen.subarray(at, at + k);
    const end = row.indexOf(NO_EXPERT);
    return end < 0 ? row : row.subarray(0, end);
  };
  let [again, couldAgain, followed, couldFollow] = [0, 0, 0, 0];
  const topShare: number[] = [];
  for (let layer = 0; layer < layers; layer++) {
    const counts = new Float64Array(experts);
    const pairs = new Float64Array(layer > 0 ? experts * experts : 0);
    let all = 0;
    for (let token = 0; token < tokens; token++) {
      const row = rowOf(token, layer);
      all += row.length;
      for (const e of row) counts[e]!++;
      if (token > 0 && prompt[token] === prompt[token - 1]) {
        const before = rowOf(token - 1, layer);
        if (before.length > 0) couldAgain += row.length;
        for (const e of row) if (before.includes(e)) again++;
      }
      if (layer > 0 && row.length > 0)
        for (const c of rowOf(token, layer - 1)) {
          couldFollow++;
          for (const e of row) pairs[c * experts + e]!++;
        }
    }
    const top = counts.sort().subarray(experts - Math.max(1, Math.floor(experts / 8)));
    topShare.push(all > 0 ? top.reduce((sum, count) => sum + count, 0) / all : 0);
    for (let c = 0; c < experts && layer > 0; c++)
      followed += pairs.subarray(c * experts, (c + 1) * experts).reduce((most, count) => Math.max(most, count), 0);
  }
  return { topShare, repetition: again / Math.max(1, couldAgain), dependence: followed / Math.max(1, couldFollow) };
}

const ROUNDS = 48;
/** Rounds that are averaged: single ones waver with what they generate. */
const SETTLED = 12;

/**
 * A model whose routes have the statistics of `routes`. It is found by trial: routes of as many prompts and tokens are
 * generated, counted the same way, and the model's figures moved by what is amiss. Topics cannot be told apart from a short
 * trace and are taken as given.
 */
export function fitRoutes(routes: Routes, options: FitOptions = {}): RouteModel {
  checkKeys("options", options, ["workloads", "topics", "topicShare", "topicSwitch", "seed"]);
  checkRoutes(routes);
  const { topics = 1, topicShare = 0, topicSwitch = 0, seed = 1 } = options;
  checkWhole("tokens", routes.tokens, 2, 2 ** 32 - 1);
  const { layers, experts, k } = routes;
  const prompts = [...new Set(routes.prompt)];
  const names = options.workloads ?? prompts.map(() => "all");
  checkLength("workloads", names as unknown as ArrayLike<number>, prompts.length);
  const workloads = [...new Set(names)].map((name): RouteWorkload => {
    const part = promptsOf(routes, new Set(prompts.filter((_, i) => names[i] === name)));
    const share = names.filter((other) => other === name).length / names.length;
    const base = { name, share, topics, topicShare, topicSwitch };
    return fitWorkload(part, base, { layers, experts, k, seed });
  });
  return { layers, experts, k, workloads, seed };
}

/** The tokens of some prompts. */
export function promptsOf(routes: Routes, prompts: ReadonlySet<number>): Routes {
  const { layers, experts, k, prompt, phase, chosen } = routes;
  const tokens = [...prompt.keys()].filter((token) => prompts.has(prompt[token]!));
  const row = layers * k;
  const picked = new Uint16Array(tokens.length * row);
  tokens.forEach((token, i) => {
    picked.set(chosen.subarray(token * row, (token + 1) * row), i * row);
  });
  return {
    layers,
    experts,
    k,
    tokens: tokens.length,
    prompt: Uint32Array.from(tokens, (token) => prompt[token]!),
    phase: Uint8Array.from(tokens, (token) => phase[token]!),
    chosen: picked,
  };
}

function fitWorkload(
  part: Routes,
  base: Pick<RouteWorkload, "name" | "share" | "topics" | "topicShare" | "topicSwitch">,
  model: Omit<RouteModel, "workloads"> & { seed: number },
): RouteWorkload {
  const target = routeStatistics(part);
  const prompts = new Set(part.prompt).size;
  const decodeTokens = Math.max(2, Math.round(part.tokens / prompts));
  let [repetition, dependence] = [target.repetition / 2, 0.1];
  const zipf = target.topShare.map(() => 0.7);
  const settled = { repetition: 0, dependence: 0, zipf: zipf.map(() => 0) };
  const clamp = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));
  for (let round = 0; round < ROUNDS; round++) {
    const workload = { ...base, zipf, repetition, dependence };
    const { routes } = new RouteGenerator({ ...model, workloads: [workload] }).generate({
      prompts,
      prefillTokens: 0,
      decodeTokens,
      seed: model.seed,
      stream: 2 + round,
    });
    const found = routeStatistics(routes);
    repetition = clamp(repetition + 0.7 * (target.repetition - found.repetition), 0, 0.9);
    dependence = clamp(dependence + 0.7 * (target.dependence - found.dependence), 0, 0.99 - repetition);
    for (let layer = 0; layer < zipf.length; layer++)
      zipf[layer] = clamp(zipf[layer]! + 2.5 * (target.topShare[layer]! - found.topShare[layer]!), 0, 6);
    if (round < ROUNDS - SETTLED) continue;
    settled.repetition += repetition / SETTLED;
    settled.dependence += dependence / SETTLED;
    for (let layer = 0; layer < zipf.length; layer++) settled.zipf[layer]! += zipf[layer]! / SETTLED;
  }
  return { ...base, ...settled };
}
