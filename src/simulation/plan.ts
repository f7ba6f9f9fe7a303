import type { Fabric } from "../budget/scenario.ts";
import { checkAtLeast, checkBetween, checkKeys, checkMultiple, checkPositive, checkWhole, describe } from "../check.ts";
import { completeServingCluster, type ServingCluster, type ServingClusterInput } from "../cluster/index.ts";
import { MEANS, type Means } from "../drive/plan.ts";
import type { Lane } from "../lanes.ts";
import { modelOf } from "../models/index.ts";
import type { ModelShape } from "../models/shape.ts";
import { type Efficiency, Roofline } from "../roofline.ts";
import { checkRoutes, DECODE, NO_EXPERT, type Routes } from "../routes/routes.ts";
import { computeOf } from "./compute.ts";
import type { ForeseeOptions } from "./demand.ts";
import { fabricPlan } from "./fabric.ts";
import { cacheOf, checkElsewhere, placeCopies } from "./holding.ts";
import { type EnginePlan, FENCES, type Fence } from "./memory.ts";

/** Cold loads by chance: in that share of all (GPU, layer) gates there is one. */
export interface ColdShareInput {
  share: number;
}

/** Cold loads as they come: routers choose, GPUs hold what they hold. */
export interface RoutedInput {
  /** What routers choose; of as many experts as the model has in each layer. Layers repeat if the model has more. */
  routes: Routes;
  /** What a GPU keeps of experts that it fetched; all room that is left in its HBM unless given. */
  cacheBytes?: number;
  /** Whether each layer has its own part of the cache; they do unless given. */
  perLayer?: boolean;
}

/** Whether experts are fetched ahead: never, where that is worth its while, or all that are named. */
export const PREFETCHES = ["none", "weighed", "always"] as const;
export type Prefetch = (typeof PREFETCHES)[number];

/** A cluster that decodes. Everything has a default, and the defaults together are the sources' own scenario. */
export interface DecodingOptions {
  /** A built-in model's name, or a model; mixtral-8x22b unless given. */
  model?: string | ModelShape;
  /** 128 GPUs unless given. */
  cluster?: ServingClusterInput;
  /** Of the fabric what a cluster does not say: posting, fences, chunks, correlation. */
  fabric?: Partial<
    Pick<
      Fabric,
      | "correlation"
      | "pipelineNs"
      | "serdesNs"
      | "postNs"
      | "translateNs"
      | "chunkBytes"
      | "localFenceNs"
      | "bulkUtilisation"
      | "outstandingMisses"
    >
  >;
  /** Sequences of a GPU, and tokens that they hold; 1 and 2,048 unless given. */
  batch?: number;
  sequence?: number;
  /** What is cold; a quarter of gates unless given. */
  cold?: ColdShareInput | RoutedInput;
  /** Steps of each GPU, and those before them that only fill caches; 200 and 0, or 20 with routes, unless given. */
  steps?: number;
  warmup?: number;
  /** GPUs that begin each layer together; 1 unless given. */
  syncGpus?: number;
  /** When cold weights let a layer go on; blocking unless given. */
  fence?: Fence;
  /** From the router's choice to the multiplication with all weights there; 62 us unless given. */
  gapNs?: number;
  /** From the router's choice to the weights in place: later is a miss; 180 us unless given. */
  deadlineNs?: number;
  /** What a step takes with all weights there, gaps included: scales the roofline to it. Not unless given. */
  residentStepNs?: number;
  efficiency?: Efficiency;
  /** Executor unless given. */
  means?: Means;
  order?: "deadline" | "arrival";
  lane?: Lane;
  /** None unless given; with routes only. */
  prefetch?: Prefetch;
  /**
   * Who foresees, and how far: a table learnt from half of the prompts, 1 layer ahead, unless given. It names as many experts as a
   * layer asks for; a predictor of a stated quality as many as that takes.
   */
  foresee?: Partial<ForeseeOptions>;
  /** What predicting takes; 4 us unless given. */
  predictNs?: number;
  /** GPUs that hold each expert; as many as there is room for, 2 at the most and not all, unless given. */
  copies?: number;
  /**
   * Whether serving and receiving take from a GPU's HBM rate. It does not unless given: it takes an event a layer, and runs 1.4 times
   * as long, for a mean that is 0.3 to 1.5% longer.
   */
  contention?: boolean;
  /** Of all that is drawn; 1 unless given. */
  seed?: number;
}

export const DECODING_KEYS: readonly (keyof DecodingOptions)[] = [
  "model",
  "cluster",
  "fabric",
  "batch",
  "sequence",
  "cold",
  "steps",
  "warmup",
  "syncGpus",
  "fence",
  "gapNs",
  "deadlineNs",
  "residentStepNs",
  "efficiency",
  "means",
  "order",
  "lane",
  "prefetch",
  "foresee",
  "predictNs",
  "copies",
  "contention",
  "seed",
];

/** What a run is made of. */
export interface DecodingPlan {
  model: ModelShape;
  cluster: ServingCluster;
  batch: number;
  sequence: number;
  steps: number;
  warmup: number;
  roofline: Roofline;
  /** Of each layer with experts in each step: attention and what else comes before its experts; the least that they take. */
  attentionNs: number;
  multiplyNs: number;
  /** What a step takes if no weights are missing: with experts that are chosen alike and apart, and with the fewest. */
  residentStepNs: number;
  leastStepNs: number;
  cold: ColdShareInput | RoutedInput;
  foresee: ForeseeOptions | null;
  copies: number;
  engine: EnginePlan;
}

/** `options` with every default filled in, checked, and what follows from them. */
export function planDecoding(options: DecodingOptions = {}): DecodingPlan {
  checkKeys("options", options, DECODING_KEYS);
  const model = modelOf(options.model ?? "mixtral-8x22b");
  const cluster = completeServingCluster({ ...options.cluster, gpus: options.cluster?.gpus ?? 128 });
  const { cold = { share: 0.25 }, batch = 1, sequence = 2048, steps = 200, syncGpus = 1, seed = 1 } = options;
  const routed = "routes" in cold ? cold : null;
  const { warmup = routed ? 20 : 0, fence = "blocking", gapNs = 62e3, deadlineNs = 180e3 } = options;
  const { prefetch = "none", predictNs = 4e3, contention = false } = options;
  checkWhole("batch", batch, 1, 2 ** 16);
  checkWhole("sequence", sequence, 1, 2 ** 24);
  checkWhole("steps", steps, 1, 1e7);
  checkWhole("warmup", warmup, 0, 1e6);
  checkWhole("syncGpus", syncGpus, 1, cluster.gpus);
  if (cluster.gpus % syncGpus !== 0) checkMultiple("gpus", cluster.gpus, syncGpus);
  for (const [name, value] of Object.entries({ gapNs, predictNs })) checkAtLeast(name, value, 0);
  checkPositive("deadlineNs", deadlineNs);
  oneOf("fence", fence, FENCES);
  oneOf("prefetch", prefetch, PREFETCHES);
  oneOf("means", options.means ?? "executor", MEANS);
  if (routed) checkRouted(routed, model);
  else checkBetween("cold: share", (cold as ColdShareInput).share, 0, 1);
  if (!routed && prefetch !== "none")
    throw new RangeError(
      `prefetch must be "none" where cold loads are a share, got ${describe(prefetch)}: it takes routes`,
    );
  const roofline = new Roofline(model, cluster.gpu, options.efficiency);
  const copies = placeCopies(model, cluster, options.copies);
  if (!routed && (cold as ColdShareInput).share > 0) checkElsewhere(copies, model.experts);
  const times = computeOf(roofline, {
    batch,
    sequence,
    gapNs,
    residentStepNs: options.residentStepNs,
    fewest: routed && fewestChosen(routed.routes),
  });
  if (contention) checkSpared(cluster, roofline);
  const foresee = prefetch === "none" ? null : foreseen(options.foresee, model, batch);
  const cache = cacheOf(routed, model, cluster, copies.each);
  const asked = Math.min(model.experts, batch * model.expertsPerToken);
  const moe = model.moeLayers.length;
  const fabric = fabricPlan(options, cluster, seed);
  return {
    model,
    cluster,
    batch,
    sequence,
    steps,
    warmup,
    roofline,
    ...times.step,
    cold: routed ? { ...routed, routes: fitted(routed.routes, model) } : cold,
    foresee,
    copies: copies.each,
    engine: {
      fabric,
      unitGpus: syncGpus,
      layers: times.layers,
      experts: model.experts,
      fence,
      forced: routed === null,
      contended: contention,
      gapNs,
      deadlineNs,
      predictNs,
      hbmBytesPerNs: times.hbmBytesPerNs,
      stretch: times.stretch,
      cache,
      copies,
      demandMost: (routed ? asked : 1) * moe,
      layerDemandMost: routed ? asked : 1,
      aheadMost: foresee ? foresee.most * moe : 0,
      prefetchesMost: foresee ? foresee.most * (foresee.horizon + 1) : 0,
      logMost: 0,
      layerNs: times.step.residentStepNs / moe,
      eager: prefetch === "always",
      evictedChance: asked / model.experts,
    },
  };
}

/** Refuses a GPU whose HBM has nothing left while it serves and receives. */
function checkSpared(cluster: ServingCluster, { gpu, hbmShare }: Roofline): void {
  const { dpuPaceBytesPerNs: pace, gpuIngressBytesPerNs, sourceEgressBytesPerNs, sourceHbmBytesPerNs } = cluster;
  const takenBytesPerNs =
    Math.min(pace, gpuIngressBytesPerNs) + Math.min(pace, sourceEgressBytesPerNs, sourceHbmBytesPerNs);
  if (takenBytesPerNs >= gpu.hbmBytesPerNs * hbmShare)
    throw new RangeError(
      `contention must be false where serving and receiving, ${takenBytesPerNs} bytes/ns, take all of a GPU's HBM, which has ${gpu.hbmBytesPerNs * hbmShare}`,
    );
}

function oneOf<T extends string>(name: string, value: T, known: readonly T[]): void {
  if (!known.includes(value)) throw new RangeError(`${name} must be ${known.join(", ")}, got ${describe(value)}`);
}

function checkRouted({ routes, cacheBytes = 0 }: RoutedInput, model: ModelShape): void {
  checkRoutes(routes);
  checkAtLeast("cold: cacheBytes", cacheBytes, 0);
  if (routes.experts > model.experts)
    throw new RangeError(
      `routes must be of at most ${model.experts} experts a layer, as ${model.name} has, got ${routes.experts}`,
    );
  if (routes.k > model.expertsPerToken)
    throw new RangeError(
      `routes must choose at most ${model.expertsPerToken} experts a token, as ${model.name} does, got ${routes.k}`,
    );
  if (!routes.phase.includes(DECODE)) throw new RangeError("routes must have a token that decodes, got only prefill");
}

/** The fewest experts that a token chooses in a layer. */
function fewestChosen({ k, chosen }: Routes): number {
  let fewest = k;
  // They stand in front, so a row has fewer than it has where the one behind them is none.
  for (let row = 0; row < chosen.length; row += k)
    while (fewest > 0 && chosen[row + fewest - 1] === NO_EXPERT) fewest--;
  return fewest;
}

/** `routes` with as many layers and experts as the model has: layers are taken again from the first where there are too few. */
function fitted(routes: Routes, model: ModelShape): Routes {
  const layers = model.moeLayers.length;
  const { tokens, k, experts } = routes;
  const alike = { layers, experts: model.experts, k, tokens, prompt: routes.prompt, phase: routes.phase };
  if (routes.layers === layers && experts === model.experts) return routes;
  const chosen = new Uint16Array(tokens * layers * k);
  for (let token = 0; token < tokens; token++)
    for (let layer = 0; layer < layers; layer++) {
      const from = (token * routes.layers + (layer % routes.layers)) * k;
      chosen.set(routes.chosen.subarray(from, from + k), (token * layers + layer) * k);
    }
  return { ...alike, chosen };
}

function foreseen(given: Partial<ForeseeOptions> = {}, model: ModelShape, batch: number): ForeseeOptions {
  checkKeys("foresee", given, ["predictor", "horizon", "most"]);
  const asked = Math.min(model.experts, batch * model.expertsPerToken);
  const { predictor = "markov", horizon = 1 } = given;
  // A stated quality says by itself how many are named: a lower limit would cut its recall.
  const { most = typeof predictor === "object" ? model.experts : asked } = given;
  if (typeof predictor === "object") {
    checkKeys("foresee: predictor", predictor, ["recall", "precision"]);
    checkBetween("recall", predictor.recall, 0, 1);
    checkPositive("precision", predictor.precision);
    checkBetween("precision", predictor.precision, 0, 1);
  } else oneOf("foresee: predictor", predictor, ["oracle", "markov"] as const);
  checkWhole("foresee: horizon", horizon, 1, model.moeLayers.length);
  checkWhole("foresee: most", most, 1, model.experts);
  return { predictor, horizon, most };
}
