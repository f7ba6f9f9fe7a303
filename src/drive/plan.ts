import { completeScenario, type Fabric, type ScenarioInput } from "../budget/scenario.ts";
import { checkKeys, checkMultiple, checkWhole, describe } from "../check.ts";
import { Distribution } from "../distribution.ts";
import { type Lane, laneFaults } from "../lanes.ts";
import type { Fault, Path } from "../latency.ts";
import { FRAME_BYTES } from "../optics/index.ts";
import type { PacerOptions } from "../pacing/index.ts";
import { bytesPerNsFromGbps, nsFromHours } from "../units.ts";

/**
 * How weights are fetched: by the *executor*; or over the same fabric by its baselines: *reactive*, a CPU posts and completes
 * each load, in order of arrival and as fast as ports allow; *coherent*, a GPU misses line by line, so many at once.
 */
export type Means = (typeof MEANS)[number];

export const MEANS = ["executor", "reactive", "coherent"] as const;

export interface DriveOptions {
  /** A built-in profile's name, or what was measured. */
  optics: ScenarioInput["optics"];
  /** What lies between weights and GPUs; the scenario of a verdict has the same. */
  fabric?: Partial<Omit<Fabric, "optics">>;
  /** As many as the traffic names unless given. */
  gpus?: number;
  /** Executor unless given. */
  means?: Means;
  /** Where GPUs sit: loads take 1 hop in a node, 2 in a pod, 3 anywhere. All take the fabric's `hops` unless given. */
  tree?: Tree;
  /** How doorbells share links with bulk, which keeps them busy for the fabric's `bulkUtilisation`, or 0.8; dedicated unless given. */
  lane?: Lane;
  /** By deadline unless given; reactive and coherent loads come in order of arrival. */
  order?: "deadline" | "arrival";
  /** What becomes of a load that cannot make its deadline any more: it is finished late unless given. */
  onExpire?: "finish" | "drop";
  /** What a DPU may read at once; a chunk unless given. */
  burstBytes?: number;
  /** Loads that a DPU keeps; others wait at their GPUs; 1,024 unless given. */
  queueDepth?: number;
  /** Of all that is drawn; 1 unless given. */
  seed?: number;
}

export interface Tree {
  gpusPerNode: number;
  /** A multiple of those of a node. */
  gpusPerPod: number;
  /** What goes out of a node, and what comes in; not limited unless given. */
  nodeBytesPerNs?: number;
  /** What goes out of a pod, and what comes in; not limited unless given. */
  podBytesPerNs?: number;
}

/** Nobody states them: see the baseline's evidence in coherency.ts. */
const SOFTWARE_NS = 10e3;
const LINE_BYTES = 64;
const BULK_UTILISATION = 0.8;
const MOST_GPUS = 2 ** 20;

/** What a drive comes to: a pacer, and what lies before and behind it. */
export interface DrivePlan {
  fabric: Fabric;
  gpus: number;
  means: Means;
  seed: number;
  /** Whether loads that are too late are dropped. */
  drops: boolean;
  /** Hops of a load, by tier: in a node, in a pod, anywhere. */
  hopsOfTier: readonly [number, number, number];
  gpusPerNode: number;
  gpusPerPod: number;
  pacer: PacerOptions;
  /** From the router's choice to the doorbell on the wire; and in the DPU. */
  beforeNs: number;
  /** Traversals before a load can be read, and after. */
  traversals: readonly [before: number, after: number];
  /** After the last traversal. */
  afterNs: number;
  /** One traversal of so many hops: of doorbells, and of what answers them. */
  doorbellPath(hops: number): Path;
  answerPath(hops: number): Path;
}

const KEYS: readonly (keyof DriveOptions)[] = [
  "optics",
  "fabric",
  "gpus",
  "means",
  "tree",
  "lane",
  "order",
  "onExpire",
  "burstBytes",
  "queueDepth",
  "seed",
];

export function planDrive(options: DriveOptions, gpusNamed: number): DrivePlan {
  checkKeys("options", options, KEYS);
  const { means = "executor", tree, lane = "dedicated", onExpire = "finish", seed = 1, gpus = gpusNamed } = options;
  if (!MEANS.includes(means)) throw new RangeError(`means must be ${MEANS.join(", ")}, got ${describe(means)}`);
  if (onExpire !== "finish" && onExpire !== "drop")
    throw new RangeError(`onExpire must be "finish" or "drop", got ${describe(onExpire)}`);
  const { order = "deadline" } = options;
  if (order !== "deadline" && order !== "arrival")
    throw new RangeError(`order must be "deadline" or "arrival", got ${describe(order)}`);
  checkWhole("gpus", gpus, 1, MOST_GPUS);
  if (tree) checkTree(tree);
  const { fabric } = completeScenario({ optics: options.optics, fabric: options.fabric ?? {} });
  const { profile, hop } = fabric.optics;
  const portBytesPerNs = bytesPerNsFromGbps(profile.portGbps) * profile.goodputShare;
  const portsBytesPerNs = fabric.ports * portBytesPerNs;
  const faults = laneFaults(lane, {
    utilisation: fabric.bulkUtilisation ?? BULK_UTILISATION,
    portGbps: profile.portGbps,
  });
  const pathOf = (hops: number, ofHop: readonly Fault[]): Path => ({
    hops: Array.from({ length: hops }, () => hop),
    correlation: fabric.correlation,
    pipelineNs: fabric.pipelineNs,
    serdesNs: fabric.serdesNs,
    faults: Array.from({ length: hops }, () => ofHop).flat(),
  });
  const hopsOfTier = tree ? ([1, 2, 3] as const) : ([fabric.hops, fabric.hops, fabric.hops] as const);
  const gpusPerNode = Math.min(tree?.gpusPerNode ?? gpus, gpus);
  const gpusPerPod = Math.min(tree?.gpusPerPod ?? gpus, gpus);
  const paced = means === "executor";
  const coherent = means === "coherent";
  // A snoop is three traversals, of which the last brings the line.
  const traversals = coherent ? ([2, 1] as const) : ([1, 1] as const);
  const missNs = 3 * (hopsOfTier[2] * hop.quantileNs(0.5) + fabric.pipelineNs + fabric.serdesNs);
  const missesBytesPerNs = (fabric.outstandingMisses * LINE_BYTES) / missNs;
  const ingress = fabric.gpuIngressBytesPerNs;
  return {
    fabric,
    gpus,
    means,
    seed,
    drops: onExpire === "drop",
    hopsOfTier,
    gpusPerNode,
    gpusPerPod,
    traversals,
    beforeNs: coherent ? 0 : (paced ? fabric.postNs : SOFTWARE_NS) + fabric.translateNs,
    afterNs: coherent ? 0 : fabric.localFenceNs + (paced ? 0 : SOFTWARE_NS),
    doorbellPath: (hops) => pathOf(hops, faults),
    answerPath: (hops) => pathOf(hops, []),
    pacer: {
      gpus,
      gpusPerDpu: Math.min(fabric.gpusPerDpu, gpus),
      paceBytesPerNs: paced ? fabric.dpuPaceBytesPerNs : portsBytesPerNs,
      chunkBytes: fabric.chunkBytes,
      burstBytes: options.burstBytes ?? fabric.chunkBytes,
      portsBytesPerNs,
      sourceEgressBytesPerNs: Math.min(fabric.sourceEgressBytesPerNs, fabric.sourceHbmBytesPerNs),
      gpuIngressBytesPerNs: coherent ? Math.min(ingress, missesBytesPerNs) : ingress,
      gpusPerNode,
      gpusPerPod,
      ...(tree?.nodeBytesPerNs === undefined ? {} : { nodeBytesPerNs: tree.nodeBytesPerNs }),
      ...(tree?.podBytesPerNs === undefined ? {} : { podBytesPerNs: tree.podBytesPerNs }),
      order: paced ? order : "arrival",
      queueDepth: options.queueDepth ?? 1024,
      selfCompleting: true,
      ...faultsOf(fabric, Math.max(...hopsOfTier), seed),
    },
  };
}

/** Refuses a tree whose nodes do not fill its pods: a load within a node would leave a pod. */
function checkTree(tree: Tree): void {
  checkKeys("tree", tree, ["gpusPerNode", "gpusPerPod", "nodeBytesPerNs", "podBytesPerNs"]);
  checkWhole("gpusPerNode", tree.gpusPerNode, 1, MOST_GPUS);
  checkMultiple("gpusPerPod", tree.gpusPerPod, tree.gpusPerNode, MOST_GPUS);
}

/** A load's links are all those between source and DPU, hop by hop: they stand here with the DPU's ports, in step. */
function faultsOf(fabric: Fabric, hops: number, seed: number): Pick<PacerOptions, "faults"> {
  const { retrain, stall } = fabric.optics.profile;
  if (!retrain?.ratePerLinkHour && !stall?.probabilityPerFrame) return {};
  const faults = {
    seed,
    links: { ports: fabric.ports * hops },
    ...(retrain?.ratePerLinkHour
      ? {
          outages: {
            outagesPerLinkNs: retrain.ratePerLinkHour / nsFromHours(1),
            lengthNs: Distribution.uniform(retrain.lowNs, retrain.highNs),
          },
        }
      : {}),
    ...(stall?.probabilityPerFrame
      ? {
          stalls: {
            stallsPerByte: (stall.probabilityPerFrame * hops) / FRAME_BYTES,
            lengthNs: Distribution.uniform(stall.lowNs, stall.highNs),
          },
        }
      : {}),
  };
  return { faults };
}
