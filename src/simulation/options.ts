import {
  checkAtLeast,
  checkBetween,
  checkBoolean,
  checkKeys,
  checkMultiple,
  checkPositive,
  checkWhole,
  describe,
} from "../check.ts";
import { completeServingCluster } from "../cluster/index.ts";
import { MEANS } from "../drive/plan.ts";
import { modelOf } from "../models/index.ts";
import type { ModelShape } from "../models/shape.ts";
import { checkRoutes, DECODE } from "../routes/routes.ts";
import type { ForeseeOptions } from "./demand.ts";
import { FENCES } from "./memory.ts";
import type { ColdShareInput, DecodingOptions, RoutedInput } from "./plan.ts";

// What a caller says of decoding, checked, and with defaults for the rest.

/** Whether experts are fetched ahead: never, where that is worth its while, or all that are named. */
export const PREFETCHES = ["none", "weighed", "always"] as const;
export type Prefetch = (typeof PREFETCHES)[number];

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

/** Of the fabric what a cluster does not say. */
const FABRIC_KEYS: readonly (keyof NonNullable<DecodingOptions["fabric"]>)[] = [
  "correlation",
  "pipelineNs",
  "serdesNs",
  "postNs",
  "translateNs",
  "chunkBytes",
  "localFenceNs",
  "bulkUtilisation",
  "outstandingMisses",
];

/** `options` with every default filled in that hangs on nothing else, and checked. */
export function completeDecoding(options: DecodingOptions) {
  checkKeys("options", options, DECODING_KEYS);
  const model = modelOf(options.model ?? "mixtral-8x22b");
  const cluster = completeServingCluster({ ...options.cluster, gpus: options.cluster?.gpus ?? 128 });
  const { cold = { share: 0.25 }, batch = 1, sequence = 2048, steps = 200, syncGpus = 1, seed = 1 } = options;
  const { routed, share } = coldOf(cold, model);
  const { warmup = routed ? 20 : 0, fence = "blocking", gapNs = 62e3, deadlineNs = 180e3 } = options;
  const { prefetch = "none", predictNs = 4e3, contention = false, means = "executor" } = options;
  checkKeys("fabric", options.fabric ?? {}, FABRIC_KEYS);
  checkWhole("batch", batch, 1, 2 ** 16);
  checkWhole("sequence", sequence, 1, 2 ** 24);
  checkWhole("syncGpus", syncGpus, 1, cluster.gpus);
  if (cluster.gpus % syncGpus !== 0) checkMultiple("gpus", cluster.gpus, syncGpus);
  checkSteps({ units: cluster.gpus / syncGpus, steps, warmup });
  for (const [name, value] of Object.entries({ gapNs, predictNs })) checkAtLeast(name, value, 0);
  checkPositive("deadlineNs", deadlineNs);
  checkBoolean("contention", contention);
  checkSeed(seed);
  oneOf("fence", fence, FENCES);
  oneOf("prefetch", prefetch, PREFETCHES);
  oneOf("means", means, MEANS);
  if (!routed && prefetch !== "none")
    throw new RangeError(
      `prefetch must be "none" where cold loads are a share, got ${describe(prefetch)}: it takes routes`,
    );
  // What is said of foresight is looked at even where nobody foresees.
  const foreseen = completeForesee(options.foresee, model, batch);
  const foresee = prefetch === "none" ? null : foreseen;
  return {
    ...{ model, cluster, batch, sequence, steps, warmup, syncGpus, seed, routed, share, foresee },
    ...{ fence, gapNs, deadlineNs, prefetch, predictNs, contention },
  };
}

/** Steps of all units of a run at the most: the time of each is kept. */
const STEPS_MOST = 2 ** 27;

/** Refuses more steps than can be kept of so many units of GPUs. */
export function checkSteps({ units, steps, warmup = 0 }: { units: number; steps: number; warmup?: number }): void {
  checkWhole("steps", steps, 1, 1e7);
  checkWhole("warmup", warmup, 0, 1e6);
  if (units * (steps + warmup) > STEPS_MOST)
    throw new RangeError(
      `steps must be at most ${Math.max(0, Math.floor(STEPS_MOST / units) - warmup)}, after ${warmup} of warmup and where ${units} GPUs or groups of them take each on their own, got ${steps}`,
    );
}

/** Refuses what cannot seed random draws. */
export function checkSeed(seed: number): void {
  checkWhole("seed", seed, 0, Number.MAX_SAFE_INTEGER);
}

/** Routes, or the share of gates; the other is null, or 0. */
function coldOf(cold: ColdShareInput | RoutedInput, model: ModelShape): { routed: RoutedInput | null; share: number } {
  checkKeys("cold", cold, ["share", "routes", "cacheBytes", "perLayer"]);
  if ("routes" in cold) {
    checkKeys("cold, which has routes,", cold, ["routes", "cacheBytes", "perLayer"]);
    checkRouted(cold, model);
    return { routed: cold, share: 0 };
  }
  checkKeys("cold, which has no routes,", cold, ["share"]);
  checkBetween("cold: share", cold.share, 0, 1);
  return { routed: null, share: cold.share };
}

function oneOf<T extends string>(name: string, value: T, known: readonly T[]): void {
  if (!known.includes(value)) throw new RangeError(`${name} must be ${known.join(", ")}, got ${describe(value)}`);
}

function checkRouted({ routes, cacheBytes = 0, perLayer = true }: RoutedInput, model: ModelShape): void {
  checkRoutes(routes);
  checkAtLeast("cold: cacheBytes", cacheBytes, 0);
  checkBoolean("cold: perLayer", perLayer);
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

function completeForesee(given: Partial<ForeseeOptions> = {}, model: ModelShape, batch: number): ForeseeOptions {
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
