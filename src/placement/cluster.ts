import { checkKeys, checkMultiple, checkWhole, describe } from "../check.ts";

/** GPUs in a tree, and how many experts each holds. */
export interface Cluster {
  gpus: number;
  /** All unless given. */
  gpusPerNode?: number;
  /** A multiple of those of a node; all unless given. */
  gpusPerPod?: number;
  /** Experts that a GPU has room for: one number for all, or one each where HBM differs. */
  slotsPerGpu: number | ArrayLike<number>;
  /** GPUs that are to hold nothing: they fail, or are wanted elsewhere. */
  drained?: readonly number[];
}

/** A cluster with every figure stated. */
export interface CompleteCluster {
  gpus: number;
  gpusPerNode: number;
  gpusPerPod: number;
  /** 0 for GPUs that are drained. */
  slots: Uint32Array;
  drained: ReadonlySet<number>;
}

/** How far two GPUs are apart: 0 the same, 1 in a node, 2 in a pod, 3 anywhere. */
export type Tier = 0 | 1 | 2 | 3;

/** The fields of a cluster. */
export const CLUSTER_KEYS = [
  "gpus",
  "gpusPerNode",
  "gpusPerPod",
  "slotsPerGpu",
  "drained",
] as const satisfies readonly (keyof Cluster)[];

const MOST_GPUS = 2 ** 16;

export function completeCluster(cluster: Cluster): CompleteCluster {
  checkKeys("cluster", cluster, CLUSTER_KEYS);
  const { gpus, drained = [] } = cluster;
  checkWhole("gpus", gpus, 1, MOST_GPUS);
  const { gpusPerNode = gpus } = cluster;
  checkWhole("gpusPerNode", gpusPerNode, 1, MOST_GPUS);
  const { gpusPerPod = Math.ceil(gpus / gpusPerNode) * gpusPerNode } = cluster;
  checkMultiple("gpusPerPod", gpusPerPod, gpusPerNode);
  const slots = new Uint32Array(eachOf("slotsPerGpu", cluster.slotsPerGpu, gpus));
  for (let gpu = 0; gpu < gpus; gpu++) {
    const given = typeof cluster.slotsPerGpu === "number" ? cluster.slotsPerGpu : cluster.slotsPerGpu[gpu]!;
    checkWhole(`slotsPerGpu of GPU ${gpu}`, given, 0, 2 ** 24);
  }
  for (const gpu of drained) {
    checkWhole("drained GPU", gpu, 0, gpus - 1);
    slots[gpu] = 0;
  }
  return { gpus, gpusPerNode, gpusPerPod, slots, drained: new Set(drained) };
}

export function tierOf({ gpusPerNode, gpusPerPod }: CompleteCluster, a: number, b: number): Tier {
  if (a === b) return 0;
  if (Math.floor(a / gpusPerNode) === Math.floor(b / gpusPerNode)) return 1;
  return Math.floor(a / gpusPerPod) === Math.floor(b / gpusPerPod) ? 2 : 3;
}

/** One number for each of `count`, given so or as one for all. */
export function eachOf(name: string, given: number | ArrayLike<number>, count: number): Float64Array {
  if (typeof given === "number") return new Float64Array(count).fill(given);
  if (typeof given !== "object" || given === null || typeof given.length !== "number")
    throw new TypeError(`${name} must be a number or an array of them, got ${describe(given)}`);
  if (given.length !== count) throw new RangeError(`${name} must hold ${count} values, got ${given.length}`);
  return Float64Array.from(given);
}
