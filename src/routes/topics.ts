import { NO_EXPERT, type Routes } from "./routes.ts";
import { type Evidence, learn, likelihood, type Run } from "./topic-model.ts";

/** Topics as a trace shows them. */
export interface FoundTopics {
  topics: number;
  /** Chance that a token begins another topic, drawn from all: 0 where there is but one. */
  topicSwitch: number;
}

/** More topics are not looked for, nor tokens looked at; and where these choose more experts, layers are left out, evenly. */
const MOST_TOPICS = 12;
const MOST_TOKENS = 8192;
const MOST_CHOICES = 2 ** 18;
/**
 * Where there are too few prompts to hold out whole ones, they are cut into so many blocks, but none shorter than several topics
 * are long: what lies beside a short block has its topic, and is no proof of it.
 */
const BLOCKS = 16;
const LEAST_BLOCK = 64;
const LEAST_PROMPTS = 10;

/**
 * How many topics a trace supports, and how often they switch. Topics are hidden states of a Markov chain, in each of which an
 * expert that is open is taken with a chance of its own (Rabiner, "A tutorial on hidden Markov models", 1989). There are more
 * of them only where tokens that were held out are likelier under it by more than three standard errors: with one, the trace
 * says nothing of topics.
 */
export function findTopics(routes: Routes, { topics, seed = 1 }: { topics?: number; seed?: number } = {}): FoundTopics {
  const evidence = evidenceOf(routes);
  const runs = runsOf(routes);
  const folds = [0, 1].map((odd) => runs.filter((_, i) => i % 2 === odd)) as [Run[], Run[]];
  if (topics !== undefined) {
    const model = topics === 1 ? null : learn(evidence, runs, topics, seed);
    return { topics, topicSwitch: model?.topicSwitch ?? 0 };
  }
  if (folds[1].length < 2) return { topics: 1, topicSwitch: 0 };
  const heldOut = (count: number) =>
    [0, 1].flatMap((fold) => {
      const model = learn(evidence, folds[fold]!, count, seed);
      return folds[1 - fold]!.map((run) => likelihood(evidence, run, model));
    });
  let [best, kept] = [1, heldOut(1)];
  // Of four topics two may tell nothing: the search goes on to twice what was found, and two more.
  for (let count = 2; count <= Math.min(MOST_TOPICS, 2 * best + 2); count++) {
    const likelihoods = heldOut(count);
    if (isAbove(likelihoods.map((value, i) => value - kept[i]!))) [best, kept] = [count, likelihoods];
  }
  if (best === 1) return { topics: 1, topicSwitch: 0 };
  return { topics: best, topicSwitch: learn(evidence, runs, best, seed).topicSwitch };
}

/** Whether the mean is above 0 by more than three standard errors. */
function isAbove(values: readonly number[]): boolean {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return mean > 3 * Math.sqrt(squares / (values.length - 1) / values.length);
}

/** Prompts, or blocks of them where there are few. */
function runsOf({ prompt, tokens }: Routes): Run[] {
  const prompts: Run[] = [];
  for (let token = 0; token < Math.min(tokens, MOST_TOKENS); token++) {
    if (token === 0 || prompt[token] !== prompt[token - 1]) prompts.push({ from: token, to: token });
    prompts.at(-1)!.to = token + 1;
  }
  if (prompts.length >= LEAST_PROMPTS) return prompts;
  return prompts.flatMap(({ from, to }) => {
    const blocks = Math.max(1, Math.min(Math.ceil(BLOCKS / prompts.length), Math.floor((to - from) / LEAST_BLOCK)));
    return Array.from({ length: blocks }, (_, i) => ({
      from: from + Math.floor((i * (to - from)) / blocks),
      to: from + Math.floor(((i + 1) * (to - from)) / blocks),
    }));
  });
}

function evidenceOf(routes: Routes): Evidence {
  const { layers, experts, k, prompt, chosen } = routes;
  const tokens = Math.min(routes.tokens, MOST_TOKENS);
  const follower = followers(routes, tokens);
  const every = Math.ceil((tokens * layers * k) / MOST_CHOICES);
  const [fresh, closed]: number[][] = [[], []];
  const [freshStarts, closedStarts] = [new Uint32Array(tokens + 1), new Uint32Array(tokens + 1)];
  const isClosed = new Uint8Array(layers * experts);
  for (let token = 0; token < tokens; token++) {
    const from = closed!.length;
    const close = (place: number) => {
      if (!isClosed[place]) closed!.push(place);
      isClosed[place] = 1;
    };
    for (let layer = 0; layer < layers; layer += every) {
      const at = (token * layers + layer) * k;
      for (let i = 0; i < k; i++) {
        const [before, below] = [chosen[at - layers * k + i], chosen[at - k + i]];
        if (token > 0 && prompt[token] === prompt[token - 1] && before !== NO_EXPERT) close(layer * experts + before!);
        if (layer > 0 && below !== NO_EXPERT) close(follower[layer * experts + below!]!);
      }
      for (let i = 0; i < k; i++) {
        const place = layer * experts + chosen[at + i]!;
        if (chosen[at + i] !== NO_EXPERT && !isClosed[place]) fresh!.push(place);
      }
    }
    for (const place of closed!.slice(from)) isClosed[place] = 0;
    freshStarts[token + 1] = fresh!.length;
    closedStarts[token + 1] = closed!.length;
  }
  return {
    fresh: Uint32Array.from(fresh!),
    freshStarts,
    closed: Uint32Array.from(closed!),
    closedStarts,
    places: layers * experts,
  };
}

/** Of each expert of a layer below: the place of the one that comes after it most often beyond what both would by chance. */
function followers({ layers, experts, k, chosen }: Routes, tokens: number): Uint32Array {
  const found = new Uint32Array(layers * experts);
  for (let layer = 1; layer < layers; layer++) {
    const pairs = new Float64Array(experts * experts);
    const [below, here] = [new Float64Array(experts), new Float64Array(experts)];
    for (let token = 0; token < tokens; token++) {
      const at = (token * layers + layer) * k;
      for (let i = at - k; i < at; i++) if (chosen[i] !== NO_EXPERT) below[chosen[i]!]!++;
      for (let j = at; j < at + k; j++) {
        if (chosen[j] === NO_EXPERT) continue;
        here[chosen[j]!]!++;
        for (let i = at - k; i < at; i++) if (chosen[i] !== NO_EXPERT) pairs[chosen[i]! * experts + chosen[j]!]!++;
      }
    }
    for (let c = 0; c < experts; c++) {
      let most = Number.NEGATIVE_INFINITY;
      for (let e = 0; e < experts; e++) {
        const excess = pairs[c * experts + e]! - (below[c]! * here[e]!) / tokens;
        if (excess > most) [most, found[layer * experts + c]] = [excess, layer * experts + e];
      }
    }
  }
  return found;
}
