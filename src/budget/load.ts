import { compound, convolve, greatestOf, Lattice } from "../convolution.ts";
import { Distribution } from "../distribution.ts";
import { FRAME_BYTES, type OpticsProfile } from "../optics/index.ts";
import { exactPath, pathThreeSigma } from "../path.ts";
import { bytesPerNsFromGbps } from "../units.ts";
import { type Fabric, pathOf, type Scenario } from "./scenario.ts";

/** Something that a load's bytes pass through. */
export interface Resource {
  name: string;
  bytesPerNs: number;
  /** GPUs that share it. */
  gpus: number;
}

/** What a load passes through, in its order. */
export function resources({ fabric }: Scenario): Resource[] {
  const portsBytesPerNs = fabric.ports * portBytesPerNs(fabric.optics.profile);
  return [
    { name: "source HBM", bytesPerNs: fabric.sourceHbmBytesPerNs, gpus: 1 },
    { name: "source egress", bytesPerNs: fabric.sourceEgressBytesPerNs, gpus: 1 },
    { name: "source ports", bytesPerNs: portsBytesPerNs, gpus: fabric.gpusPerDpu },
    { name: "destination ports", bytesPerNs: portsBytesPerNs, gpus: fabric.gpusPerDpu },
    { name: "DPU pace", bytesPerNs: fabric.dpuPaceBytesPerNs, gpus: fabric.gpusPerDpu },
    { name: "GPU ingress", bytesPerNs: fabric.gpuIngressBytesPerNs, gpus: 1 },
  ];
}

export function portBytesPerNs({ portGbps, goodputShare }: Pick<OpticsProfile, "portGbps" | "goodputShare">): number {
  return bytesPerNsFromGbps(portGbps) * goodputShare;
}

/** How many ports carry `bytes` in `ns`. */
export function portsNeeded(bytes: number, ns: number, portGbps: number, goodputShare: number): number {
  return Math.ceil(bytes / ns / portBytesPerNs({ portGbps, goodputShare }) - 1e-9);
}

/** One load on an idle fabric, phase by phase, at the median of its path. */
export interface LoadPhases {
  postNs: number;
  pathNs: number;
  translateNs: number;
  /** post + path + translate */
  commandNs: number;
  dataNs: number;
  completionPathNs: number;
  localFenceNs: number;
  /** path + local fence */
  fenceNs: number;
  totalNs: number;
  bytesPerNs: number;
  limitedBy: string;
}

/** How long a load's bytes take, and what they wait for most. */
export function dataPhase(scenario: Scenario): Pick<LoadPhases, "dataNs" | "bytesPerNs" | "limitedBy"> {
  const { name, bytesPerNs } = resources(scenario).reduce((least, next) =>
    next.bytesPerNs < least.bytesPerNs ? next : least,
  );
  return { dataNs: scenario.demand.expertBytes / bytesPerNs, bytesPerNs, limitedBy: name };
}

export function loadPhases(scenario: Scenario, path: Lattice): LoadPhases {
  const { postNs, translateNs, localFenceNs } = scenario.fabric;
  const { dataNs, bytesPerNs, limitedBy } = dataPhase(scenario);
  const pathNs = path.quantileNs(0.5);
  const commandNs = postNs + pathNs + translateNs;
  const fenceNs = pathNs + localFenceNs;
  return {
    postNs,
    pathNs,
    translateNs,
    commandNs,
    dataNs,
    completionPathNs: pathNs,
    localFenceNs,
    fenceNs,
    totalNs: commandNs + dataNs + fenceNs,
    bytesPerNs,
    limitedBy,
  };
}

/** What of a load's time never varies: everything but its two traversals and the stalls of its frames. */
export function fixedNs({ fabric }: Scenario, { dataNs }: Pick<LoadPhases, "dataNs">): number {
  return fabric.postNs + fabric.translateNs + dataNs + fabric.localFenceNs;
}

/** The stalls that a load meets on one of its ports: so many chances, each with this probability. */
export function stallTrials({ fabric, demand }: Scenario): number {
  return Math.ceil(demand.expertBytes / fabric.ports / FRAME_BYTES) * fabric.hops;
}

/** What the traversals of one fabric come to. */
export interface Traversals {
  /** One, and the sum of two independent ones: the doorbell's and the completion's. */
  path: Lattice;
  pair: Lattice;
  threeSigma: ReturnType<typeof pathThreeSigma>;
}

/** Traversals worked out once a fabric: while a margin is searched, the same ones are asked for again and again. */
export class TraversalTable {
  readonly #known = new Map<string, Traversals>();

  of(fabric: Fabric): Traversals {
    const key = `${fabric.hops} ${fabric.correlation}`; // all else stays as it is during a search
    let found = this.#known.get(key);
    if (!found) {
      found = recentTraversals(fabric);
      this.#known.set(key, found);
    }
    return found;
  }
}

/** The last ones that were worked out, in whatever search: one verdict follows another on the same hops. 1.5 MB each. */
const recent = new Map<string, Traversals>();
const MOST_RECENT = 12;

/** Traversals of a fabric, known of old where an earlier one's hops have the same table. */
function recentTraversals(fabric: Fabric): Traversals {
  const { hops, correlation, pipelineNs, serdesNs, optics } = fabric;
  const key = [hops, correlation, pipelineNs, serdesNs, optics.hop.quantilesNs].join();
  const found = recent.get(key) ?? workOut(fabric);
  recent.set(key, found);
  if (recent.size > MOST_RECENT) recent.delete(recent.keys().next().value!);
  return found;
}

function workOut(fabric: Fabric): Traversals {
  const path = exactPath(pathOf(fabric));
  return { path, pair: convolve([path, path]), threeSigma: pathThreeSigma(pathOf(fabric)) };
}

/** P(miss) of one load on an idle fabric by convolution, at a given probability of a stall. */
export function exactMissShare(
  scenario: Scenario,
  pair: Lattice,
  phases: LoadPhases,
  stallProbability: number,
): number {
  const slackNs = scenario.objective.deadlineNs - fixedNs(scenario, phases);
  const stall = scenario.fabric.optics.profile.stall;
  if (!stall || stallProbability === 0) return pair.exceedance(slackNs);
  const trials = stallTrials(scenario);
  const duration = Distribution.uniform(stall.lowNs, stall.highNs);
  const { meanNs, sigmaNs } = duration.moments();
  // Far enough that nothing wraps around, and far enough to see the slack.
  const meanTotalNs = trials * stallProbability * meanNs;
  const sigmaTotalNs = Math.sqrt(trials * stallProbability * (sigmaNs ** 2 + meanNs ** 2));
  const rangeNs = meanTotalNs + 12 * sigmaTotalNs + 8 * stall.highNs;
  const points = 2 ** 14;
  const onePort = compound(Lattice.of(duration, rangeNs / points, 0), trials, stallProbability, points);
  const worstPort = greatestOf(onePort, scenario.fabric.ports);
  let share = 0;
  worstPort.mass.forEach((mass, i) => {
    share += mass * pair.exceedance(slackNs - i * worstPort.stepNs);
  });
  return share;
}
