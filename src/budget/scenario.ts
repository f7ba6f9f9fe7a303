import { checkAtLeast, checkBetween, checkKeys, checkPositive, checkWhole, describe } from "../check.ts";
import { UTILISATION_MAX } from "../lanes.ts";
import { type Path, PIPELINE_NS, SERDES_NS } from "../latency.ts";
import { checkProfile, type Evidence, type Optics, opticsNamed } from "../optics/index.ts";
import { nsFromMs, nsFromUs } from "../units.ts";

/** What lies between an expert's weights and the GPU that asks for them. */
export interface Fabric {
  optics: Optics;
  /** 1, 2 and 3 stand for same node, same pod and anywhere. */
  hops: number;
  /** The share of traversals in which all hops are slow together: 1 adds their tails, 0 treats them as independent. */
  correlation: number;
  pipelineNs: number;
  serdesNs: number;
  /** Ports that a load is striped over. */
  ports: number;
  /** The token bucket of one DPU. */
  dpuPaceBytesPerNs: number;
  gpuIngressBytesPerNs: number;
  sourceEgressBytesPerNs: number;
  /** What the source's HBM spares for fetches. */
  sourceHbmBytesPerNs: number;
  /** GPUs that share one DPU and its ports. */
  gpusPerDpu: number;
  /** From the router's choice to the doorbell on the wire. */
  postNs: number;
  /** In the DPU, from a doorbell to the read it stands for. */
  translateNs: number;
  /** A more urgent load overtakes another between two of its chunks. */
  chunkBytes: number;
  /** On the GPU, after the completion has arrived. */
  localFenceNs: number;
  /** The share of the time that bulk keeps the links of doorbells busy. Null: as busy as the load makes the ports. */
  bulkUtilisation: number | null;
  /** Misses of a coherent fabric that are under way together, where the same load is fetched over one. */
  outstandingMisses: number;
}

/** What decoding asks of the fabric. */
export interface Demand {
  expertBytes: number;
  /** Loads of one GPU in one decode step. */
  loadsPerStep: number;
  stepNs: number;
  /**
   * Loads that the GPUs of one DPU, all together, ask for at once. Null: nobody states it; the certificate is then worked out
   * for one load a GPU, and the verdict rests on what it can bear.
   */
  loadsAtOnce: number | null;
}

/** What must hold. */
export interface Objective {
  /** From the router's choice to the weights in place. */
  deadlineNs: number;
  /** The share of loads that may come later. */
  missShareMax: number;
  /** 3 sigma of the path over `commandNs`. */
  jitterShareMax: number;
  /** Of any resource. */
  utilisationMax: number;
  /** Limits of the three phases: of command, data and fence. */
  commandNs: number;
  dataNs: number;
  fenceNs: number;
  /** The part of the deadline that no hop takes up. */
  localNs: number;
  /** The share of traversals that may take longer than the certificate counts with. */
  epsilon: number;
}

/** Whether expert fetches of `demand` over `fabric` meet `objective`. */
export interface Scenario {
  fabric: Fabric;
  demand: Demand;
  objective: Objective;
}

/** A scenario with whatever was not given left at its default; `optics` may be a built-in profile's name. */
export interface ScenarioInput {
  optics: Optics | string;
  fabric?: Partial<Omit<Fabric, "optics">>;
  demand?: Partial<Demand>;
  objective?: Partial<Objective>;
}

const FABRIC: Omit<Fabric, "optics"> = {
  hops: 3,
  correlation: 1,
  pipelineNs: PIPELINE_NS,
  serdesNs: SERDES_NS,
  ports: 16,
  dpuPaceBytesPerNs: 1600,
  gpuIngressBytesPerNs: 1800,
  sourceEgressBytesPerNs: 1800,
  sourceHbmBytesPerNs: 5500,
  gpusPerDpu: 8,
  postNs: nsFromUs(2),
  translateNs: nsFromUs(0.5),
  chunkBytes: 1e6,
  localFenceNs: nsFromUs(20),
  bulkUtilisation: null,
  outstandingMisses: 1024,
};
const DEMAND: Demand = { expertBytes: 160e6, loadsPerStep: 14, stepNs: nsFromMs(40), loadsAtOnce: null };
const OBJECTIVE: Objective = {
  deadlineNs: nsFromUs(180),
  missShareMax: 0.01,
  jitterShareMax: 0.05,
  utilisationMax: 0.8,
  commandNs: nsFromUs(10),
  dataNs: nsFromUs(140),
  fenceNs: nsFromUs(30),
  localNs: nsFromUs(60),
  epsilon: 1e-6,
};

/** Where the defaults come from. */
export const DEFAULTS_EVIDENCE: readonly Evidence[] = [
  {
    about: "160 MB, 180 µs, 1%, 10 + 140 + 30 µs, 40 ms, 1.6 TB/s a DPU, 20 and 56 ns",
    grade: "unverified",
    source: "the article on co-packaged optics and expert fetching",
    note: "its parameters, taken as they are",
  },
  {
    about: "post 2 µs, translate 0.5 µs, local fence 20 µs",
    grade: "assumed",
    source: "arithmetic",
    note: "with them 160 MB at 1.6 TB/s take the 122 µs that the article states",
  },
  {
    about: "14 loads a step",
    grade: "assumed",
    source: "arithmetic",
    note: "25% of 56 layers with one cold load each, the reading under which the article's 33.7 ms follows",
  },
  {
    about: "chunks of 1 MB, epsilon 1 in 1,000,000",
    grade: "assumed",
    source: "arithmetic",
    note: "a chunk in the way costs 0.7 µs; the certificate leaves out one traversal in a million",
  },
  {
    about: "correlation 1",
    grade: "assumed",
    source: "the cautious end",
    note: "p99s add up hop by hop; every report shows the other end too",
  },
  {
    about: "16 ports and 8 GPUs a DPU",
    grade: "assumed",
    source: "arithmetic",
    note: "16 x 800 Gb/s is the DPU's 1.6 TB/s; 8 GPUs are a node",
  },
  {
    about: "GPU ingress and egress 1,800, HBM share 5,500 bytes/ns",
    grade: "assumed",
    source: "a GPU with 3.6 TB/s of scale-up links, both ways together, and a quarter of 22 TB/s of HBM",
    note: "the article is silent on it, and it decides: a GPU that takes in 450 bytes/ns needs 356 µs for 160 MB",
  },
];

/** `input` with every default filled in, checked. */
export function completeScenario(input: ScenarioInput): Scenario {
  checkKeys("scenario", input, ["optics", "fabric", "demand", "objective"]);
  checkKeys("fabric", input.fabric ?? {}, Object.keys(FABRIC));
  checkKeys("demand", input.demand ?? {}, Object.keys(DEMAND));
  checkKeys("objective", input.objective ?? {}, Object.keys(OBJECTIVE));
  const optics = typeof input.optics === "string" ? opticsNamed(input.optics) : input.optics;
  if (!optics?.profile || !optics.hop)
    throw new TypeError(`optics must be a built-in profile's name or hold profile and hop, got ${describe(optics)}`);
  checkProfile(optics.profile);
  const fabric: Fabric = { ...FABRIC, ...input.fabric, optics };
  const demand: Demand = { ...DEMAND, ...input.demand };
  const objective: Objective = { ...OBJECTIVE, ...input.objective };
  checkWhole("hops", fabric.hops, 1, MOST_HOPS);
  checkBetween("correlation", fabric.correlation, 0, 1);
  checkWhole("ports", fabric.ports, 1, MOST_PORTS);
  checkWhole("gpusPerDpu", fabric.gpusPerDpu, 1, 1024);
  for (const name of ["pipelineNs", "serdesNs", "postNs", "translateNs", "localFenceNs"] as const)
    checkAtLeast(name, fabric[name], 0);
  for (const name of [
    "dpuPaceBytesPerNs",
    "gpuIngressBytesPerNs",
    "sourceEgressBytesPerNs",
    "sourceHbmBytesPerNs",
    "chunkBytes",
  ] as const)
    checkPositive(name, fabric[name]);
  if (fabric.bulkUtilisation !== null) checkBetween("bulkUtilisation", fabric.bulkUtilisation, 0, UTILISATION_MAX);
  checkWhole("outstandingMisses", fabric.outstandingMisses, 1, 2 ** 31);
  checkPositive("expertBytes", demand.expertBytes);
  checkAtLeast("loadsPerStep", demand.loadsPerStep, 0);
  checkPositive("stepNs", demand.stepNs);
  if (demand.loadsAtOnce !== null) checkWhole("loadsAtOnce", demand.loadsAtOnce, 1, 1e6);
  for (const name of ["deadlineNs", "commandNs", "dataNs", "fenceNs"] as const) checkPositive(name, objective[name]);
  checkAtLeast("localNs", objective.localNs, 0);
  for (const name of ["missShareMax", "jitterShareMax", "utilisationMax", "epsilon"] as const) {
    checkPositive(name, objective[name]);
    checkBetween(name, objective[name], 0, 1);
  }
  return { fabric, demand, objective };
}

export const MOST_HOPS = 64;
export const MOST_PORTS = 4096;

/** The path of a scenario's doorbells and completions, faults left out. */
export function pathOf({ optics, hops, correlation, pipelineNs, serdesNs }: Fabric): Path {
  return { hops: Array.from({ length: hops }, () => optics.hop), correlation, pipelineNs, serdesNs };
}
