import { checkKeys, checkLength, checkWhole } from "../check.ts";
import { RouteGenerator, type RouteModel, type RouteWorkload } from "./generate.ts";
import { checkRoutes, NO_EXPERT, type Routes } from "./routes.ts";
import { findTopics } from "./topics.ts";

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
  /**
   * How like windows of eight tokens of a prompt are, 1, 2, 4 and 8 windows apart: the mean cosine of their counts of experts, less
   * those of the whole trace. What lasts longer than repetition, topics, keeps it up. 0 where no prompt is so long.
   */
  windowLikeness: number[];
}

export interface FitOptions {
  /** Of each prompt number in the trace, in ascending order: its workload's name; one workload called "all" unless given. */
  workloads?: readonly string[];
  /** Of the model: found in the trace unless given, each workload by itself, and 1 topic where it does not tell of more. */
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
  return {
    topShare,
    repetition: again / Math.max(1, couldAgain),
    dependence: followed / Math.max(1, couldFollow),
    windowLikeness: windowLikeness(routes),
  };
}

const WINDOW = 8;
const DISTANCES = [1, 2, 4, 8] as const;

function windowLikeness({ layers, experts, k, tokens, prompt, chosen }: Routes): number[] {
  const windows: { prompt: number; counts: Float32Array }[] = [];
  const mean = new Float64Array(layers * experts);
  for (let from = 0; from + WINDOW <= tokens; ) {
    const end = from + WINDOW;
    if (prompt[from] !== prompt[end - 1]) {
      from = prompt.indexOf(prompt[end - 1]!, from);
      continue;
    }
    const counts = new Float32Array(layers * experts);
    for (let at = from * layers * k; at < end * layers * k; at++)
      if (chosen[at] !== NO_EXPERT) counts[(Math.floor(at / k) % layers) * experts + chosen[at]!]!++;
    for (let place = 0; place < mean.length; place++) mean[place]! += counts[place]!;
    windows.push({ prompt: prompt[from]!, counts });
    from = end;
  }
  for (const { counts } of windows)
    for (let place = 0; place < mean.length; place++) counts[place]! -= mean[place]! / windows.length;
  const product = (a: Float32Array, b: Float32Array) => {
    let sum = 0;
    for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
    return sum;
  };
  const lengths = windows.map(({ counts }) => Math.sqrt(product(counts, counts)));
  return DISTANCES.map((distance) => {
    let [sum, pairs] = [0, 0];
    for (let i = distance; i < windows.length; i++) {
      const [one, other] = [windows[i - distance]!, windows[i]!];
      if (one.prompt !== other.prompt) continue;
      pairs++;
      const length = lengths[i - distance]! * lengths[i]!;
      if (length > 0) sum += product(one.counts, other.counts) / length;
    }
    return sum / Math.max(1, pairs);
  });
}

const ROUNDS = 48;
/** Rounds that are averaged: single ones waver with what they generate. */
const SETTLED = 12;

/**
 * A model whose routes have the statistics of `routes`. It is found by trial: routes of as many prompts and tokens are
 * generated, counted the same way, and the model's figures moved by what is amiss. How many topics there are and how often they
 * switch is found first, by what is held out; their share follows with the rest.
 */
export function fitRoutes(routes: Routes, options: FitOptions = {}): RouteModel {
  checkKeys("options", options, ["workloads", "topics", "topicShare", "topicSwitch", "seed"]);
  checkRoutes(routes);
  const { seed = 1 } = options;
  checkWhole("tokens", routes.tokens, 2, 2 ** 32 - 1);
  const { layers, experts, k } = routes;
  const prompts = [...new Set(routes.prompt)];
  const names = options.workloads ?? prompts.map(() => "all");
  checkLength("workloads", names as unknown as ArrayLike<number>, prompts.length);
  const workloads = [...new Set(names)].map((name): RouteWorkload => {
    const part = promptsOf(routes, new Set(prompts.filter((_, i) => names[i] === name)));
    const share = names.filter((other) => other === name).length / names.length;
    const found = findTopics(part, { ...(options.topics !== undefined && { topics: options.topics }), seed });
    const base = { name, share, topics: found.topics, topicSwitch: options.topicSwitch ?? found.topicSwitch };
    return fitWorkload(part, base, options.topicShare, { layers, experts, k, seed });
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
  base: Pick<RouteWorkload, "name" | "share" | "topics" | "topicSwitch">,
  topicShareGiven: number | undefined,
  model: Omit<RouteModel, "workloads"> & { seed: number },
): RouteWorkload {
  const target = routeStatistics(part);
  const prompts = new Set(part.prompt).size;
  const decodeTokens = Math.max(2, Math.round(part.tokens / prompts));
  let [repetition, dependence] = [target.repetition / 2, 0.1];
  let topicShare = topicShareGiven ?? (base.topics > 1 ? 0.4 : 0);
  const zipf = target.topShare.map(() => 0.7);
  const settled = { repetition: 0, dependence: 0, topicShare: 0, zipf: zipf.map(() => 0) };
  const clamp = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));
  for (let round = 0; round < ROUNDS; round++) {
    const workload = { ...base, topicShare, zipf, repetition, dependence };
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
    if (base.topics > 1 && topicShareGiven === undefined)
      topicShare = clamp(topicShare + 0.7 * (target.windowLikeness[0]! - found.windowLikeness[0]!), 0.01, 1);
    for (let layer = 0; layer < zipf.length; layer++)
      zipf[layer] = clamp(zipf[layer]! + 2.5 * (target.topShare[layer]! - found.topShare[layer]!), 0, 6);
    if (round < ROUNDS - SETTLED) continue;
    settled.repetition += repetition / SETTLED;
    settled.dependence += dependence / SETTLED;
    settled.topicShare += topicShare / SETTLED;
    for (let layer = 0; layer < zipf.length; layer++) settled.zipf[layer]! += zipf[layer]! / SETTLED;
  }
  return { ...base, ...settled };
}
