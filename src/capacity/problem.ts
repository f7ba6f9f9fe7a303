import { checkBetween, checkKeys, checkPositive, checkWhole } from "../check.ts";
import {
  CLUSTER_KEYS,
  completeServingCluster,
  type ServingCluster,
  type ServingClusterInput,
  TIERS,
  type TierName,
} from "../cluster/index.ts";
import { modelOf } from "../models/index.ts";
import type { ModelShape } from "../models/shape.ts";
import type { Evidence } from "../optics/index.ts";
import { type Efficiency, Roofline } from "../roofline.ts";
import { nsFromMs, nsFromUs } from "../units.ts";

/** What a cluster must bear, and how its experts lie. */
export interface CapacityOptions {
  model: ModelShape | string;
  /** All but how many GPUs there are. */
  cluster?: Omit<ServingClusterInput, "gpus">;
  /** How far from its users an expert may live: 0 the same GPU, 1 node, 2 pod, 3 anywhere; 3 unless given. */
  radiusHops?: number;
  /**
   * GPUs of a group that holds all experts, and takes tokens to them: nothing is fetched then, and `radiusHops` is not asked
   * for. Null: experts are fetched, from within the radius.
   */
  groupGpus?: number | null;
  /** Copies of each expert at the least; 1 unless given. */
  copiesMin?: number;
  /** GPUs that share what is no routed expert; 1 unless given: each holds all of it. */
  otherGpus?: number;
  /** Room on each GPU for experts on their way; 1 unless given, none where nothing is fetched. */
  landingSlots?: number;
  /** In flight in the whole cluster; 128 unless given. */
  sequences?: number;
  /** Tokens that each has so far; 2,048 unless given. */
  sequence?: number;
  /** Of one GPU; a cold expert in a quarter of layers unless given. */
  loadsPerStep?: number;
  /** What a step waits for each load; 180 µs unless given. */
  loadNs?: number;
  /** From router to GEMM in each layer with experts; 62 µs unless given. */
  gapNs?: number;
  /** The time per output token that must hold; 40 ms unless given. */
  sloNs?: number;
  /** Of any resource; 0.8 unless given. */
  utilisationMax?: number;
  efficiency?: Efficiency;
  /** The length of a step at a point; the roofline, gaps and waits unless given. */
  estimate?: (point: CapacityPoint) => number;
  /** The most GPUs to look at; 16,384 unless given. */
  gpusMax?: number;
}

/** A cluster of so many GPUs under that load. */
export interface CapacityPoint {
  gpus: number;
  cluster: ServingCluster;
  /** Sequences of the busiest GPU. */
  batch: number;
  sequence: number;
  loadsPerStep: number;
}

/** What `CapacityOptions` come to, checked. */
export interface CapacityProblem
  extends Required<Omit<CapacityOptions, "model" | "cluster" | "estimate" | "efficiency">> {
  model: ModelShape;
  cluster: Omit<ServingClusterInput, "gpus">;
  estimate: ((point: CapacityPoint) => number) | null;
  roofline: Roofline;
  /** The tier that fetches cross at worst. */
  tier: TierName;
  /** GPUs come in such steps. */
  gpusPerNode: number;
}

const KEYS: readonly (keyof CapacityOptions)[] = [
  "model",
  "cluster",
  "radiusHops",
  "groupGpus",
  "copiesMin",
  "otherGpus",
  "landingSlots",
  "sequences",
  "sequence",
  "loadsPerStep",
  "loadNs",
  "gapNs",
  "sloNs",
  "utilisationMax",
  "efficiency",
  "estimate",
  "gpusMax",
];

/** Of layers, those in which a GPU waits for one cold load. */
const COLD_SHARE = 0.25;
const MOST_GPUS = 2 ** 16;
/** No step lasts for longer: 1,000 s. */
const MOST_NS = 1e12;
const MOST_LOADS = 2 ** 20;

/** Where the defaults come from. */
export const CAPACITY_EVIDENCE: readonly Evidence[] = [
  {
    about: "180 µs a load, 62 µs of gap, 40 ms",
    grade: "unverified",
    source: "the article on co-packaged optics and expert fetching",
    note: "its parameters, taken as they are; loads add up, which its 33.7 ms implies",
  },
  {
    about: "a cold load in a quarter of layers",
    grade: "assumed",
    source: "arithmetic",
    note: "the reading of its 25% under which its 33.7 ms follows; caches that miss more fetch more",
  },
  {
    about: "the roofline",
    grade: "assumed",
    source: "arithmetic",
    note: "no program reaches all of a GPU's peaks: real steps are longer, so clusters are no smaller",
  },
];

/** `options` with every default filled in, checked. */
export function completeCapacity(options: CapacityOptions): CapacityProblem {
  checkKeys("options", options, KEYS);
  const { cluster = {}, efficiency = {}, estimate = null, groupGpus = null } = options;
  checkKeys(
    "cluster",
    cluster,
    CLUSTER_KEYS.filter((key) => key !== "gpus"),
  );
  const model = modelOf(options.model);
  // Optics are looked up once: their distributions take milliseconds to lay out, and there are thousands of candidates.
  const { gpu, gpusPerNode, tiers } = completeServingCluster({ ...cluster, gpus: MOST_GPUS });
  const { radiusHops = TIERS.length, copiesMin = 1, otherGpus = 1, gpusMax = 2 ** 14 } = options;
  const fetched = groupGpus === null;
  const problem: CapacityProblem = {
    model,
    cluster: { ...cluster, gpu, tiers },
    radiusHops,
    groupGpus,
    copiesMin,
    otherGpus,
    landingSlots: options.landingSlots ?? (fetched ? 1 : 0),
    sequences: options.sequences ?? 128,
    sequence: options.sequence ?? 2048,
    loadsPerStep: options.loadsPerStep ?? (fetched ? COLD_SHARE * model.moeLayers.length : 0),
    loadNs: options.loadNs ?? nsFromUs(180),
    gapNs: options.gapNs ?? nsFromUs(62),
    sloNs: options.sloNs ?? nsFromMs(40),
    utilisationMax: options.utilisationMax ?? 0.8,
    estimate,
    gpusMax,
    roofline: new Roofline(model, gpu, efficiency),
    tier: TIERS[Math.max(0, radiusHops - 1)]!,
    gpusPerNode,
  };
  checkProblem(problem);
  return problem;
}

function checkProblem(problem: CapacityProblem): void {
  checkWhole("radiusHops", problem.radiusHops, 0, TIERS.length);
  checkWhole("gpusMax", problem.gpusMax, 1, MOST_GPUS);
  if (problem.groupGpus !== null) checkWhole("groupGpus", problem.groupGpus, 1, MOST_GPUS);
  for (const name of ["copiesMin", "otherGpus"] as const) checkWhole(name, problem[name], 1, MOST_GPUS);
  checkWhole("landingSlots", problem.landingSlots, 0, 2 ** 20);
  checkWhole("sequences", problem.sequences, 1, 2 ** 24);
  checkWhole("sequence", problem.sequence, 0, 2 ** 30);
  checkBetween("loadsPerStep", problem.loadsPerStep, 0, MOST_LOADS);
  for (const name of ["loadNs", "gapNs", "sloNs"] as const) checkBetween(name, problem[name], 0, MOST_NS);
  if (problem.groupGpus !== null && problem.loadsPerStep > 0)
    throw new RangeError(`loadsPerStep must be 0 where groupGpus hold all experts, got ${problem.loadsPerStep}`);
  checkPositive("sloNs", problem.sloNs);
  checkPositive("utilisationMax", problem.utilisationMax);
  checkBetween("utilisationMax", problem.utilisationMax, 0, 1);
}
