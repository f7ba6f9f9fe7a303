import type { Fabric } from "../budget/scenario.ts";
import type { ServingCluster, ServingClusterInput } from "../cluster/index.ts";
import type { Means } from "../drive/plan.ts";
import type { Lane } from "../lanes.ts";
import type { ModelShape } from "../models/shape.ts";
import { type Efficiency, Roofline } from "../roofline.ts";
import type { Routes } from "../routes/routes.ts";
import { computeOf } from "./compute.ts";
import type { ForeseeOptions } from "./demand.ts";
import { fabricPlan } from "./fabric.ts";
import { fewestChosen, fitted } from "./fitting.ts";
import { cacheOf, checkElsewhere, placeCopies } from "./holding.ts";
import type { EnginePlan, Fence } from "./memory.ts";
import { completeDecoding, type Prefetch } from "./options.ts";

/** Cold loads by chance: in that share of all (GPU, layer) gates there is one. */
export interface ColdShareInput {
  share: number;
}

/** Cold loads as they come: routers choose, GPUs hold what they hold. */
export interface RoutedInput {
  /**
   * What routers choose; of as many experts as the model has in each layer. Layers repeat if the model has more. Sequences go through
   * the second half of the prompts that decode, of one prompt its tokens: the first half is only learnt from.
   */
  routes: Routes;
  /** What a GPU keeps of experts that it fetched; all room that is left in its HBM unless given. */
  cacheBytes?: number;
  /** Whether each layer has its own part of the cache; they do unless given. */
  perLayer?: boolean;
}

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
   * Who foresees, and how far: a table learnt from the first half of the prompts, 1 layer ahead, unless given. It names as many experts as a
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
  const complete = completeDecoding(options);
  const { model, cluster, batch, sequence, steps, warmup, routed, share, foresee } = complete;
  const roofline = new Roofline(model, cluster.gpu, options.efficiency);
  const copies = placeCopies(model, cluster, options.copies);
  if (share > 0) checkElsewhere(copies, model.experts);
  const { step, ...times } = computeOf(roofline, {
    batch,
    sequence,
    gapNs: complete.gapNs,
    residentStepNs: options.residentStepNs,
    fewest: routed && fewestChosen(routed.routes),
  });
  if (complete.contention) checkSpared(cluster, roofline);
  const asked = Math.min(model.experts, batch * model.expertsPerToken);
  const moe = model.moeLayers.length;
  return {
    model,
    cluster,
    batch,
    sequence,
    steps,
    warmup,
    roofline,
    ...step,
    cold: routed ? { ...routed, routes: fitted(routed.routes, model) } : { share },
    foresee,
    copies: copies.each,
    engine: {
      ...times,
      fabric: fabricPlan(options, cluster, complete.seed),
      unitGpus: complete.syncGpus,
      experts: model.experts,
      fence: complete.fence,
      forced: routed === null,
      contended: complete.contention,
      gapNs: complete.gapNs,
      deadlineNs: complete.deadlineNs,
      predictNs: complete.predictNs,
      cache: cacheOf(routed, model, cluster, copies.each),
      copies,
      demandMost: (routed ? asked : 1) * moe,
      layerDemandMost: routed ? asked : 1,
      aheadMost: foresee ? foresee.most * moe : 0,
      prefetchesMost: foresee ? foresee.most * (foresee.horizon + 1) : 0,
      logMost: 0,
      layerNs: step.residentStepNs / moe,
      eager: complete.prefetch === "always",
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
