import { compound, convolve, greatestOf, Lattice } from "../convolution.ts";
import { Distribution } from "../distribution.ts";
import { PathSampler } from "../latency.ts";
import { FRAME_BYTES, type OpticsProfile } from "../optics/index.ts";
import { exactPath, pathThreeSigma } from "../path.ts";
import { RandomBits } from "../random.ts";
import { leastWhole } from "../statistics.ts";
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

export function loadPhases(scenario: Scenario, path: Lattice): LoadPhases {
  const { fabric, demand } = scenario;
  const slowest = resources(scenario).reduce((least, next) => (next.bytesPerNs < least.bytesPerNs ? next : least));
  const pathNs = path.quantileNs(0.5);
  const { postNs, translateNs, localFenceNs } = fabric;
  const dataNs = demand.expertBytes / slowest.bytesPerNs;
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
    bytesPerNs: slowest.bytesPerNs,
    limitedBy: slowest.name,
  };
}

/** What of a load's time never varies: everything but its two traversals and the stalls of its frames. */
export function fixedNs({ fabric }: Scenario, phases: LoadPhases): number {
  return fabric.postNs + fabric.translateNs + phases.dataNs + fabric.localFenceNs;
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
      const path = exactPath(pathOf(fabric));
      found = { path, pair: convolve([path, path]), threeSigma: pathThreeSigma(pathOf(fabric)) };
      this.#known.set(key, found);
    }
    return found;
  }
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

/**
 * How many of so many loads end after each of some deadlines, drawn one by one: of `atMostDraws`, or of fewer where each
 * meets many stalls.
 */
export function sampledMisses(
  scenario: Scenario,
  phases: LoadPhases,
  deadlinesNs: readonly number[],
  atMostDraws: number,
  seed: number,
): { misses: number[]; draws: number } {
  const { fabric } = scenario;
  const probability = fabric.optics.profile.stall?.probabilityPerFrame ?? 0;
  const stallDraws = probability === 0 ? 0 : fabric.ports * (1 + stallTrials(scenario) * probability);
  const draws = Math.min(atMostDraws, Math.ceil(MOST_STALL_DRAWS / (stallDraws + 1)));
  const slacksNs = deadlinesNs.map((deadlineNs) => deadlineNs - fixedNs(scenario, phases));
  const batch = 4096;
  const there = new PathSampler(pathOf(fabric), { batch, seed, stream: 0 });
  const back = new PathSampler(pathOf(fabric), { batch, seed, stream: 1 });
  const stallNs = stallSampler(scenario, seed);
  const misses = slacksNs.map(() => 0);
  for (let drawn = 0; drawn < draws; drawn += batch) {
    const [thereNs, backNs] = [there.next(), back.next()];
    for (let i = 0; i < Math.min(batch, draws - drawn); i++) {
      const takenNs = thereNs[i]! + backNs[i]! + stallNs();
      for (let j = 0; j < slacksNs.length; j++) if (takenNs > slacksNs[j]!) misses[j]!++;
    }
  }
  return { misses, draws };
}

/** Numbers of stalls, and stalls, drawn for one answer at the most: some seconds' worth. */
const MOST_STALL_DRAWS = 1e8;

/** Draws how long a load's worst port is stalled: port by port, the number of stalls and then their lengths. */
function stallSampler(scenario: Scenario, seed: number): () => number {
  const { stall } = scenario.fabric.optics.profile;
  const probability = stall?.probabilityPerFrame ?? 0;
  if (!stall || probability === 0) return () => 0;
  const atMost = binomialTable(stallTrials(scenario), probability);
  const bits = new RandomBits({ seed, stream: 2 });
  let [words, used] = [bits.next(), 0];
  const uniform = () => {
    if (used === words.length) {
      words = bits.next();
      used = 0;
    }
    return (words[used++]! + 0.5) / 2 ** 32;
  };
  return () => {
    let worstNs = 0;
    for (let port = 0; port < scenario.fabric.ports; port++) {
      const u = uniform();
      let ns = 0;
      for (let count = leastWhole(0, atMost.length - 1, (hits) => u < atMost[hits]!); count > 0; count--)
        ns += stall.lowNs + uniform() * (stall.highNs - stall.lowNs);
      worstNs = Math.max(worstNs, ns);
    }
    return worstNs;
  };
}

/** The probability of at most 0, 1, 2 ... hits in `trials`, until nothing is left; the last entry is 1. */
function binomialTable(trials: number, probability: number): number[] {
  if (probability === 1) return [...new Array(trials).fill(0), 1];
  const atMost: number[] = [];
  let lnShare = trials * Math.log1p(-probability);
  let sum = 0;
  for (let hits = 0; hits <= trials; hits++) {
    sum += Math.exp(lnShare);
    atMost.push(sum);
    if (sum > 1 - 1e-12) break;
    lnShare += Math.log((trials - hits) / (hits + 1)) + Math.log(probability) - Math.log1p(-probability);
  }
  atMost[atMost.length - 1] = 1;
  return atMost;
}
