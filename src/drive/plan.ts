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

/** All means, the executor first. */
export const MEANS = ["executor", "reactive", "coherent"] as const;

/** What a drive is of, the traffic aside. */
export interface DriveOptions {
  /** A built-in profile's name, or what was measured. */
  optics: ScenarioInput["optics"];
  /** What lies between weights and GPUs; the scenario of a verdict has the same. A tree says of each load how many `hops` it takes. */
  fabric?: Partial<Omit<Fabric, "optics">>;
  /** As many as the traffic names unless given. */
  gpus?: number;
  /** Executor unless given. A tree goes with all but *coherent*: how fast a GPU misses hangs on the hops of each load. */
  means?: Means;
  /** Where GPUs sit. All loads take the fabric's `hops` unless given. */
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

/**
 * Where GPUs sit: doorbells and answers take 1 hop in a node, 2 in a pod, 3 anywhere. Weights take the DPU's ports, and the links
 * of each node and pod that they leave or enter, which fail on their own: 1, 3 and 5 times as many links as there are ports, as
 * in a Clos.
 */
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
/** The rate of links that may fail, and are not limited. */
export const UNLIMITED_BYTES_PER_NS = Number.MAX_VALUE;

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

/** Plans a drive between as many GPUs as `options` says, or as traffic names; refuses options that are wrong. */
export function planDrive(options: DriveOptions, gpusNamed: number): DrivePlan {
  checkOptions(options);
  const { means = "executor", tree, lane = "dedicated", seed = 1, gpus = gpusNamed } = options;
  checkWhole("gpus", gpus, 1, MOST_GPUS);
  const { fabric } = completeScenario({ optics: options.optics, fabric: options.fabric ?? {} });
  // Who names no number of GPUs has perhaps not all of them in the traffic.
  if (options.gpus !== undefined && options.fabric?.gpusPerDpu !== undefined)
    checkWhole("gpusPerDpu", fabric.gpusPerDpu, 1, gpus);
  const { profile, hop } = fabric.optics;
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
  const paced = means === "executor";
  const coherent = means === "coherent";
  return {
    fabric,
    gpus,
    means,
    seed,
    drops: options.onExpire === "drop",
    hopsOfTier: tree ? [1, 2, 3] : [fabric.hops, fabric.hops, fabric.hops],
    gpusPerNode: Math.min(tree?.gpusPerNode ?? gpus, gpus),
    gpusPerPod: Math.min(tree?.gpusPerPod ?? gpus, gpus),
    // A snoop is three traversals, of which the last brings the line.
    traversals: coherent ? [2, 1] : [1, 1],
    beforeNs: coherent ? 0 : (paced ? fabric.postNs : SOFTWARE_NS) + fabric.translateNs,
    afterNs: coherent ? 0 : fabric.localFenceNs + (paced ? 0 : SOFTWARE_NS),
    doorbellPath: (hops) => pathOf(hops, faults),
    answerPath: (hops) => pathOf(hops, []),
    pacer: pacerOf(options, fabric, gpus),
  };
}

/** Refuses options that do not go together, or that nothing else checks. */
function checkOptions(options: DriveOptions): void {
  checkKeys("options", options, KEYS);
  const { means = "executor", order = "deadline", onExpire = "finish", tree, fabric } = options;
  if (!MEANS.includes(means)) throw new RangeError(`means must be ${MEANS.join(", ")}, got ${describe(means)}`);
  if (onExpire !== "finish" && onExpire !== "drop")
    throw new RangeError(`onExpire must be "finish" or "drop", got ${describe(onExpire)}`);
  if (order !== "deadline" && order !== "arrival")
    throw new RangeError(`order must be "deadline" or "arrival", got ${describe(order)}`);
  if (!tree) return;
  checkTree(tree);
  if (means === "coherent")
    throw new TypeError(`means must be executor or reactive with a tree, got ${describe(means)}`);
  if (fabric?.hops !== undefined)
    throw new TypeError(`hops must be left out with a tree, which says them of each load, got ${fabric.hops}`);
}

/** What paces, carries and fails. */
function pacerOf(options: DriveOptions, fabric: Fabric, gpus: number): PacerOptions {
  const { means = "executor", tree, seed = 1, order = "deadline" } = options;
  const { profile, hop } = fabric.optics;
  const paced = means === "executor";
  const portsBytesPerNs = fabric.ports * (bytesPerNsFromGbps(profile.portGbps) * profile.goodputShare);
  const missNs = 3 * (fabric.hops * hop.quantileNs(0.5) + fabric.pipelineNs + fabric.serdesNs);
  const missesBytesPerNs = (fabric.outstandingMisses * LINE_BYTES) / missNs;
  const ingress = fabric.gpuIngressBytesPerNs;
  const faults = faultsOf(fabric, tree !== undefined, seed);
  const unlimited = tree && faults.faults ? UNLIMITED_BYTES_PER_NS : undefined;
  const { nodeBytesPerNs = unlimited, podBytesPerNs = unlimited } = tree ?? {};
  return {
    gpus,
    gpusPerDpu: Math.min(fabric.gpusPerDpu, gpus),
    paceBytesPerNs: paced ? fabric.dpuPaceBytesPerNs : portsBytesPerNs,
    chunkBytes: fabric.chunkBytes,
    burstBytes: options.burstBytes ?? fabric.chunkBytes,
    portsBytesPerNs,
    sourceEgressBytesPerNs: Math.min(fabric.sourceEgressBytesPerNs, fabric.sourceHbmBytesPerNs),
    gpuIngressBytesPerNs: means === "coherent" ? Math.min(ingress, missesBytesPerNs) : ingress,
    gpusPerNode: Math.min(tree?.gpusPerNode ?? gpus, gpus),
    gpusPerPod: Math.min(tree?.gpusPerPod ?? gpus, gpus),
    ...(nodeBytesPerNs === undefined ? {} : { nodeBytesPerNs }),
    ...(podBytesPerNs === undefined ? {} : { podBytesPerNs }),
    order: paced ? order : "arrival",
    queueDepth: options.queueDepth ?? 1024,
    selfCompleting: true,
    ...faults,
  };
}

/** Refuses a tree whose nodes do not fill its pods: a load within a node would leave a pod. */
function checkTree(tree: Tree): void {
  checkKeys("tree", tree, ["gpusPerNode", "gpusPerPod", "nodeBytesPerNs", "podBytesPerNs"]);
  checkWhole("gpusPerNode", tree.gpusPerNode, 1, MOST_GPUS);
  checkMultiple("gpusPerPod", tree.gpusPerPod, tree.gpusPerNode, MOST_GPUS);
}

/**
 * In a tree a load's links are its DPU's ports, and as many of each node and pod that it leaves or enters. Elsewhere they are
 * all those between source and DPU, hop by hop, and stand with the DPU's ports, in step.
 */
function faultsOf(fabric: Fabric, inTree: boolean, seed: number): Pick<PacerOptions, "faults"> {
  const { ports, hops } = fabric;
  const { retrain, stall } = fabric.optics.profile;
  if (!retrain?.ratePerLinkHour && !stall?.probabilityPerFrame) return {};
  const faults = {
    seed,
    links: inTree ? { ports, node: ports, pod: ports } : { ports: ports * hops },
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
            stallsPerByte: (stall.probabilityPerFrame * (inTree ? 1 : hops)) / FRAME_BYTES,
            lengthNs: Distribution.uniform(stall.lowNs, stall.highNs),
          },
        }
      : {}),
  };
  return { faults };
}
