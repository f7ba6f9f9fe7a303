import type { Fabric } from "../budget/scenario.ts";
import { checkBetween, checkKeys, checkMultiple, checkPositive, checkWhole } from "../check.ts";
import { type Gpu, gpuNamed, gpuOf } from "../gpus.ts";
import { modelOf } from "../models/index.ts";
import { type ModelShape, totalsOf } from "../models/shape.ts";
import { type Optics, type OpticsProfile, opticsNamed, opticsOf } from "../optics/index.ts";
import { CLUSTER_FIGURES, type Figure, TIER_FIGURES } from "./figures.ts";

/** The ports between two GPUs so far apart, and what is in them. */
export interface ClusterTier {
  optics: Optics;
  /** That a load is striped over. */
  ports: number;
}

/** GPUs to decode on: what they are, how they sit, and what carries weights between them. */
export interface ServingCluster {
  gpus: number;
  gpusPerNode: number;
  gpusPerPod: number;
  gpu: Gpu;
  kvReserveShare: number;
  gpusPerDpu: number;
  dpuPaceBytesPerNs: number;
  gpuIngressBytesPerNs: number;
  sourceEgressBytesPerNs: number;
  sourceHbmBytesPerNs: number;
  /** Between GPUs of a node, of a pod, and of several pods. */
  tiers: { node: ClusterTier; pod: ClusterTier; anywhere: ClusterTier };
}

/** A tier as it is stated: built-in optics by name, or a profile. */
export interface ClusterTierInput {
  optics?: string | OpticsProfile | Optics;
  ports?: number;
}

/** A cluster as it is stated; what is left out has a default. */
export interface ServingClusterInput
  extends Partial<Omit<ServingCluster, "gpus" | "gpu" | "tiers">>,
    Pick<ServingCluster, "gpus"> {
  /** A built-in GPU's name, or its figures; `h100` unless given. */
  gpu?: string | Gpu;
  /** Of all tiers that state none; `cpo-800g` unless given. */
  optics?: ClusterTierInput["optics"];
  /** Of all tiers that state none; 16 unless given. */
  ports?: number;
  tiers?: Partial<Record<TierName, ClusterTierInput>>;
}

/** How far two GPUs are apart. */
export type TierName = (typeof TIERS)[number];

/** In order of hops: 1, 2, 3. */
export const TIERS = ["node", "pod", "anywhere"] as const;

/** What is assumed of a cluster that does not say. A node is all that one DPU serves. */
export const CLUSTER_DEFAULTS = {
  gpusPerNode: 8,
  kvReserveShare: 0.2,
  gpusPerDpu: 8,
  dpuPaceBytesPerNs: 1600,
  gpu: "h100",
  optics: "cpo-800g",
  ports: 16,
} as const;

/** What a source spares of its HBM's rate for fetches unless stated. */
const SOURCE_HBM_SHARE = 0.25;

/** Every field of a cluster, for those who check what others state. */
export const CLUSTER_KEYS: readonly string[] = [...Object.keys(CLUSTER_FIGURES), "gpu", "optics", "ports", "tiers"];

/** `input` with every default filled in, checked. */
export function completeServingCluster(input: ServingClusterInput): ServingCluster {
  checkKeys("cluster", input, CLUSTER_KEYS);
  const gpu = gpuOf(input.gpu ?? CLUSTER_DEFAULTS.gpu);
  const { gpus, gpusPerNode = Math.min(CLUSTER_DEFAULTS.gpusPerNode, gpus) } = input;
  const gpuIngressBytesPerNs = input.gpuIngressBytesPerNs ?? gpu.gpuIngressBytesPerNs ?? gpu.pcieBytesPerNs;
  const complete = {
    gpus,
    gpusPerNode,
    // All unless given, in whole nodes.
    gpusPerPod: input.gpusPerPod ?? Math.ceil(gpus / gpusPerNode) * gpusPerNode,
    gpusPerDpu: input.gpusPerDpu ?? Math.min(CLUSTER_DEFAULTS.gpusPerDpu, gpus),
    kvReserveShare: input.kvReserveShare ?? CLUSTER_DEFAULTS.kvReserveShare,
    dpuPaceBytesPerNs: input.dpuPaceBytesPerNs ?? CLUSTER_DEFAULTS.dpuPaceBytesPerNs,
    gpuIngressBytesPerNs,
    sourceEgressBytesPerNs: input.sourceEgressBytesPerNs ?? gpuIngressBytesPerNs,
    sourceHbmBytesPerNs: input.sourceHbmBytesPerNs ?? SOURCE_HBM_SHARE * gpu.hbmBytesPerNs,
  };
  for (const [name, figure] of Object.entries(CLUSTER_FIGURES))
    checkFigure(name, complete[name as keyof typeof complete], figure);
  checkMultiple("gpusPerPod", complete.gpusPerPod, gpusPerNode);
  return { ...complete, gpu, tiers: tiersOf(input) };
}

function tiersOf({
  tiers = {},
  optics = CLUSTER_DEFAULTS.optics,
  ports = CLUSTER_DEFAULTS.ports,
}: ServingClusterInput) {
  checkKeys("tiers", tiers, TIERS);
  const all = {} as ServingCluster["tiers"];
  // Tiers of the same optics share one distribution, which takes milliseconds to lay out.
  const shared = new Map<NonNullable<ClusterTierInput["optics"]>, Optics>();
  const opticsOnce = (given: NonNullable<ClusterTierInput["optics"]>) => {
    const known = shared.get(given) ?? opticsFrom(given);
    shared.set(given, known);
    return known;
  };
  for (const name of TIERS) {
    const tier = tiers[name] ?? {};
    checkKeys(`tiers.${name}`, tier, ["optics", "ports"]);
    all[name] = { optics: opticsOnce(tier.optics ?? optics), ports: tier.ports ?? ports };
    checkFigure("ports", all[name].ports, TIER_FIGURES.ports);
  }
  return all;
}

function opticsFrom(optics: string | OpticsProfile | Optics): Optics {
  if (typeof optics === "string") return opticsNamed(optics);
  return "hop" in optics ? optics : opticsOf(optics);
}

/** Refuses what lies outside the bounds of a figure. */
export function checkFigure(name: string, value: number, { unit, low, high, isAbove }: Figure): void {
  if (isAbove) checkPositive(name, value);
  if (unit === "count" && !isAbove) checkWhole(name, value, low, high);
  else checkBetween(name, value, low, high);
}

/** What a verdict calls the fabric between GPUs of a tier: 1, 2 or 3 hops. */
export function fabricOf(cluster: ServingCluster, tier: TierName): Pick<Fabric, "optics"> & Partial<Fabric> {
  const { optics, ports } = cluster.tiers[tier];
  return {
    optics,
    ports,
    hops: TIERS.indexOf(tier) + 1,
    dpuPaceBytesPerNs: cluster.dpuPaceBytesPerNs,
    gpuIngressBytesPerNs: cluster.gpuIngressBytesPerNs,
    sourceEgressBytesPerNs: cluster.sourceEgressBytesPerNs,
    sourceHbmBytesPerNs: cluster.sourceHbmBytesPerNs,
    gpusPerDpu: cluster.gpusPerDpu,
  };
}

/** A cluster with these optics between all of its GPUs, on the ports that it has. */
export function withOptics(
  { tiers = {}, ...cluster }: Omit<ServingClusterInput, "gpus"> = {},
  optics: NonNullable<ClusterTierInput["optics"]>,
): Omit<ServingClusterInput, "gpus"> {
  const ports = Object.entries(tiers).map(([name, { optics: _, ...tier }]) => [name, tier]);
  return { ...cluster, optics, tiers: Object.fromEntries(ports) };
}

/** GPUs within so many hops of one, itself included. */
export function gpusWithin(
  { gpus, gpusPerNode, gpusPerPod }: Pick<ServingCluster, "gpus" | "gpusPerNode" | "gpusPerPod">,
  hops: number,
): number {
  checkWhole("hops", hops, 0, 64);
  return Math.min([1, gpusPerNode, gpusPerPod][hops] ?? gpus, gpus);
}

/**
 * Experts that one GPU has room for beside the reserve and `otherBytes`: all weights that are no routed experts, where GPUs hold
 * them whole. 0 where there is no room.
 */
export function expertSlots(
  { gpu, kvReserveShare }: Pick<ServingCluster, "gpu" | "kvReserveShare">,
  model: ModelShape | string,
  otherBytes = totalsOf(modelOf(model)).otherBytes,
): number {
  const room = gpu.hbmBytes * (1 - kvReserveShare) - otherBytes;
  return Math.max(0, Math.floor(room / modelOf(model).expertBytes));
}

/** A GPU of the figures that are given, and of the rest as the built-in one of `name` has them. */
export function gpuLike(name: string, figures: Partial<Gpu>): Gpu {
  return gpuOf({ ...gpuNamed(name), ...figures });
}
