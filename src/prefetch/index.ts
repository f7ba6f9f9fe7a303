import { resources } from "../budget/load.ts";
import { completeScenario, type Fabric, pathOf, type ScenarioInput } from "../budget/scenario.ts";
import { checkBetween, checkKeys, checkPositive, checkWhole, didYouMean } from "../check.ts";
import type { PredictorName } from "../prediction/index.ts";
import { RouteGenerator, type RouteModel } from "../routes/generate.ts";
import { checkRoutes, DECODE, MOST_LAYERS, type Routes } from "../routes/routes.ts";
import { type MeanInterval, meanInterval } from "../statistics.ts";
import { Draws } from "./draws.ts";
import { foreseenBy, foreseenTruly } from "./foresight.ts";
import { PREFETCH_POLICIES, type PrefetchPolicy, type RunPlan, type RunResult } from "./plan.ts";
import { Run } from "./run.ts";

/** Decoding over a fabric that others use too, with experts fetched ahead or not. */
export interface PrefetchOptions {
  /** A built-in profile's name, or what was measured. */
  optics: ScenarioInput["optics"];
  /** As a verdict has it: GPUs that share a DPU share a server, at the least of the rates that a load passes. */
  fabric?: Partial<Omit<Fabric, "optics">>;
  /** What routers choose: routes, of which GPUs take whole prompts in turn, or what they are drawn from, a prompt for each GPU. */
  routes?: Routes;
  model?: RouteModel;
  /** Of routes that are drawn; 16 and 64 unless given. A prefill leaves in the caches what it used. */
  prefillTokens?: number;
  decodeTokens?: number;
  /** Who foresees: "blend" unless given. Of routes that are drawn the true probabilities, one layer ahead, unless given. */
  predictor?: PredictorName;
  /** Layers ahead, below those of the model; 1 unless given. */
  horizon?: number;
  /** As many as routes have prompts, 8 at the most, unless given. */
  gpus?: number;
  expertBytes: number;
  /** What a GPU holds, an equal share of it of each layer; the least recent goes. */
  budgetBytes: number;
  /** From one router's choice to the next with all experts at hand. */
  layerNs: number;
  /** What loads of others ask of each server, as shares of its time: they come at random, are of the same size, and urgent; 0, 0.1, 0.3, 0.5, 0.7, 0.9 and 1.1 unless given. */
  utilisations?: readonly number[];
  /** All unless given; `none` always comes first, for others are held against it. */
  policies?: readonly PrefetchPolicy[];
  /** How many of the likeliest experts are weighed, at most; four times as many as are chosen unless given. */
  candidates?: number;
  /** Loads of others that find so many urgent ones in a server's queue are turned away; 64 unless given. */
  queueDepth?: number;
  /** How often each is repeated, with other draws; 5 unless given. All policies meet the same. */
  repetitions?: number;
  /** Of the first repetition; 1 unless given. */
  seed?: number;
}

/** How a policy did at a utilisation: means over repetitions, with intervals of 95%. */
export interface PrefetchRow {
  policy: PrefetchPolicy;
  /** By loads of others. */
  utilisation: number;
  /** That GPUs wait for experts, a token. */
  stallNsPerToken: MeanInterval;
  /** That less the stall without prefetching, repetition by repetition. */
  changeNsPerToken: MeanInterval;
  /** Share of the experts asked for that were not there. */
  missShare: number;
  /** Of all repetitions: posted, refused by the rule (or for want of a place), used, and of those under way when they were asked for. */
  prefetches: { posted: number; refused: number; used: number; late: number };
  /** A token, and the part of it that was prefetched and not used. */
  bytesPerToken: number;
  wastedBytesPerToken: number;
  /** What servers were busy, of their time: with all, and with loads of others. */
  busyShare: number;
  backgroundShare: number;
}

export interface PrefetchReport {
  /** Of one load on an idle fabric, in the mean; and how long it keeps a server busy. */
  loadNs: number;
  serviceNs: number;
  layerNs: number;
  /** Experts of a layer that a GPU holds. */
  places: number;
  gpus: number;
  servers: number;
  repetitions: number;
  /** Decoded by all GPUs in a repetition. */
  tokens: number;
  rows: PrefetchRow[];
}

const UTILISATIONS = [0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.1];
const KEYS: readonly (keyof PrefetchOptions)[] = [
  "optics",
  "fabric",
  "routes",
  "model",
  "prefillTokens",
  "decodeTokens",
  "predictor",
  "horizon",
  "gpus",
  "expertBytes",
  "budgetBytes",
  "layerNs",
  "utilisations",
  "policies",
  "candidates",
  "queueDepth",
  "repetitions",
  "seed",
];

/** Decodes over a fabric at each utilisation by each policy, and says how long GPUs stalled for experts. */
export function simulatePrefetch(options: PrefetchOptions): PrefetchReport {
  const { base, fabric, utilisations, policies, repetitions, seed, expertBytes } = planOf(options);
  const results = new Map(utilisations.flatMap((u) => policies.map((policy) => [`${policy} ${u}`, [] as RunResult[]])));
  let loadNs = 0;
  for (let repetition = 0; repetition < repetitions; repetition++) {
    const own = seed + repetition;
    const draws = new Draws(pathOf(fabric), base.commandNs + base.serviceNs + base.fenceNs, own);
    const foreseen = foresee(options, base, own);
    loadNs += draws.loadNs.moments().meanNs / repetitions;
    for (const utilisation of utilisations)
      for (const policy of policies)
        results
          .get(`${policy} ${utilisation}`)!
          .push(new Run({ ...base, ...foreseen, draws, utilisation, policy, seed: own }).run());
  }
  const rows = utilisations.flatMap((utilisation) => {
    const without = results.get(`none ${utilisation}`)!;
    return policies.map((policy) =>
      rowOf(policy, utilisation, results.get(`${policy} ${utilisation}`)!, without, expertBytes / base.serviceNs),
    );
  });
  const { gpus, gpusPerServer, serviceNs, layerNs, places } = base;
  const { tokens } = results.get(`none ${utilisations[0]}`)![0]!;
  return {
    loadNs,
    serviceNs,
    layerNs,
    places,
    gpus,
    servers: Math.ceil(gpus / gpusPerServer),
    repetitions,
    tokens,
    rows,
  };
}

function rowOf(
  policy: PrefetchPolicy,
  utilisation: number,
  runs: readonly RunResult[],
  without: readonly RunResult[],
  bytesPerNs: number,
): PrefetchRow {
  const sum = (value: (run: RunResult) => number) => runs.reduce((all, run) => all + value(run), 0);
  const stalls = runs.map((run) => run.stallNs / run.tokens);
  const tokens = sum((run) => run.tokens);
  return {
    policy,
    utilisation,
    stallNsPerToken: meanInterval(stalls),
    changeNsPerToken: meanInterval(stalls.map((stall, i) => stall - without[i]!.stallNs / without[i]!.tokens)),
    missShare: sum((run) => run.missed) / sum((run) => run.asked),
    prefetches: {
      posted: sum((run) => run.prefetches.posted),
      refused: sum((run) => run.prefetches.refused),
      used: sum((run) => run.prefetches.used),
      late: sum((run) => run.prefetches.late),
    },
    bytesPerToken: (sum((run) => run.busyNs - run.backgroundNs) * bytesPerNs) / tokens,
    wastedBytesPerToken: (sum((run) => run.wastedNs) * bytesPerNs) / tokens,
    busyShare: sum((run) => run.busyNs) / sum((run) => run.serverNs),
    backgroundShare: sum((run) => run.backgroundNs) / sum((run) => run.serverNs),
  };
}

/** What routers choose in a repetition, and what is foreseen of it. */
function foresee(
  { model, routes, predictor, prefillTokens = 16, decodeTokens = 64 }: PrefetchOptions,
  base: Base,
  seed: number,
) {
  const { horizon, gpus } = base;
  if (routes) return { routes, confidence: foreseenBy(predictor ?? "blend", routes, horizon, seed) };
  const generator = new RouteGenerator(model!);
  const made = generator.generate({ prompts: gpus, prefillTokens, decodeTokens, seed });
  const confidence = predictor ? foreseenBy(predictor, made.routes, horizon, seed) : foreseenTruly(generator, made);
  return { routes: made.routes, confidence };
}

/** What all runs share. */
type Base = Omit<RunPlan, "policy" | "routes" | "confidence" | "draws" | "utilisation" | "seed">;

function planOf(options: PrefetchOptions) {
  checkKeys("options", options, KEYS);
  const { routes, model, horizon = 1, expertBytes, budgetBytes, layerNs, seed = 1, repetitions = 5 } = options;
  const { utilisations = UTILISATIONS, policies = PREFETCH_POLICIES, queueDepth = 64 } = options;
  if ((routes === undefined) === (model === undefined))
    throw new TypeError(`options must have routes or a model, got ${routes ? "both" : "neither"}`);
  if (routes) checkRoutes(routes);
  const { layers, k } = (routes ?? model)!;
  const decoding = routes && new Set(routes.prompt.filter((_, token) => routes.phase[token] === DECODE));
  if (decoding?.size === 0) throw new RangeError("routes must hold at least 1 token that decodes, got 0");
  const { gpus = Math.min(8, decoding?.size ?? 8), candidates = 4 * k } = options;
  checkWhole("gpus", gpus, 1, decoding?.size ?? 4096);
  if (model) {
    checkWhole("decodeTokens", options.decodeTokens ?? 64, 1, 2 ** 24);
    if (horizon !== 1 && !options.predictor)
      throw new RangeError(`horizon must be 1 where the true probabilities foresee, got ${horizon}`);
  }
  checkWhole("layers", layers, 2, MOST_LAYERS);
  checkWhole("horizon", horizon, 1, layers - 1);
  for (const [name, value] of Object.entries({ expertBytes, budgetBytes, layerNs })) checkPositive(name, value);
  const places = Math.floor(budgetBytes / layers / expertBytes);
  if (places < k)
    throw new RangeError(
      `budgetBytes must hold ${k} experts of each layer, ${layers * k * expertBytes}, got ${budgetBytes}`,
    );
  for (const utilisation of utilisations) checkBetween("utilisation", utilisation, 0, 16);
  checkWhole("utilisations.length", utilisations.length, 1, 1024);
  for (const policy of policies)
    if (!PREFETCH_POLICIES.includes(policy))
      throw new RangeError(`policy must be known, got ${policy}${didYouMean(`${policy}`, PREFETCH_POLICIES)}`);
  checkWhole("candidates", candidates, 1, 65_535);
  checkWhole("queueDepth", queueDepth, 1, 65_536);
  checkWhole("repetitions", repetitions, 2, 10_000);
  checkWhole("seed", seed, 0, Number.MAX_SAFE_INTEGER - repetitions);
  const scenario = completeScenario({ optics: options.optics, fabric: options.fabric ?? {}, demand: { expertBytes } });
  const { fabric } = scenario;
  const bytesPerNs = Math.min(...resources(scenario).map((resource) => resource.bytesPerNs));
  const serviceNs = expertBytes / bytesPerNs;
  const base: Base = {
    horizon,
    gpus,
    gpusPerServer: Math.min(fabric.gpusPerDpu, gpus),
    places,
    layerNs,
    serviceNs,
    chunkNs: Math.min(serviceNs, fabric.chunkBytes / bytesPerNs),
    commandNs: fabric.postNs + fabric.translateNs,
    fenceNs: fabric.localFenceNs,
    candidates,
    queueDepth,
  };
  const compared = [...new Set<PrefetchPolicy>(["none", ...policies])];
  return { base, fabric, utilisations: [...new Set(utilisations)], policies: compared, repetitions, seed, expertBytes };
}
