import { simulateDecoding } from "../simulation/index.ts";
import type { DecodingOptions } from "../simulation/plan.ts";
import { routesAlike } from "../simulation/study.ts";
import { type MeanInterval, meanInterval } from "../statistics.ts";
import { percent } from "../words.ts";
import type { ClaimCurve } from "./answer.ts";
import { stated } from "./fact.ts";
import { calibratedLoad } from "./judge-decoding.ts";
import { articleModel, type Laboratory, SEEDS } from "./laboratory.ts";

// Recall and utilisation together: GPUs that share a DPU keep it busy, caches hold seven of eight experts, and of those that do
// not a share is foreseen a layer ahead and fetched meanwhile. Optics matter where what they add to a step is worth something.

/** What retimed optics add to a step, over co-packaged ones. */
export interface JointPoint {
  /** Share of the time for which the DPU carries weights. */
  utilisation: number;
  /** Share of experts that are foreseen a layer ahead. */
  recall: number;
  /** Share of the step; pairs of runs with the same draws. */
  added: MeanInterval;
  /** Loads of a step, foreseen or not. */
  loads: number;
}

/** Where the latency of optics matters, by recall and utilisation. */
export interface JointSolution {
  points: JointPoint[];
  /** The recall up to which optics cost a step that much, by utilisation; null where they do at none. */
  recalls: { utilisation: number; recall: number | null }[];
  /** The most that any of the points may be: the upper end of its interval. */
  mostShare: number;
  /** What optics would have to add to a load, at the least, to cost a step that much: by utilisation, at the recall that is stated. */
  latencyForWorth: ClaimCurve;
}

/** Utilisation follows from how many GPUs share a DPU. */
const SHARING = [1, 4, 8, 16];
const RECALLS = () => [0, stated("prefetch.accuracy"), 1];
/** What stays in caches: an expert of eight is cold, so that a token of two has a cold load in a quarter of gates. */
const KEPT = 0.875;

/** `addedNsPerLoad`: what retimed optics add to one load; `worth`: what is enough of a step. */
export function jointSolution(laboratory: Laboratory, addedNsPerLoad: number, worth: number): JointSolution {
  const points = SHARING.flatMap((gpus) => RECALLS().map((recall) => pointAt(laboratory, gpus, recall)));
  const shared = SHARING.map((_, i) => points.slice(i * RECALLS().length, (i + 1) * RECALLS().length));
  const utilisations = shared.map((row) => row[0]!.utilisation);
  return {
    points,
    recalls: shared.map((row, i) => ({ utilisation: utilisations[i]!, recall: recallFor(row, worth) })),
    mostShare: Math.max(...points.map(({ added }) => added.high)),
    latencyForWorth: {
      title: `What optics would have to add to a load, at the least (${percent(RECALLS()[1]!)} foreseen)`,
      x: "share of the time that the DPU is busy",
      y: "added to a load, µs",
      isLog: true,
      points: shared.flatMap((row) => latencyFor(row[1]!, addedNsPerLoad, worth)),
    },
  };
}

/**
 * What optics would have to add to a load for `worth` of a step, by the upper end of the interval: no point where not even that
 * end is above 0, as then nothing can be told.
 */
export function latencyFor({ utilisation, added }: JointPoint, addedNsPerLoad: number, worth: number) {
  return added.high > 0 && addedNsPerLoad > 0
    ? [{ x: utilisation, y: (addedNsPerLoad * worth) / added.high / 1e3 }]
    : [];
}

/** The largest recall at which `worth` is still reached, along straight lines between points. */
function recallFor(row: readonly JointPoint[], worth: number): number | null {
  for (let i = row.length - 1; i >= 0; i--) {
    const { recall, added } = row[i]!;
    if (added.mean < worth) continue;
    const next = row[i + 1];
    if (!next) return recall;
    return recall + ((added.mean - worth) / (added.mean - next.added.mean)) * (next.recall - recall);
  }
  return null;
}

function pointAt(laboratory: Laboratory, sharing: number, recall: number): JointPoint {
  const pairs = Array.from({ length: SEEDS }, (_, i) => {
    const run = (optics: string) => decoded(laboratory, optics, sharing, recall, laboratory.seed + i);
    const [retimed, coPackaged] = [run("dsp-800g"), run("cpo-800g")];
    const ns = coPackaged.interTokenLatency.meanNs.mean;
    return { added: (retimed.interTokenLatency.meanNs.mean - ns) / ns, report: coPackaged };
  });
  const mean = (of: (report: (typeof pairs)[0]["report"]) => number) =>
    pairs.reduce((sum, { report }) => sum + of(report), 0) / SEEDS;
  return {
    utilisation: mean(({ busiestShare }) => busiestShare.mean),
    recall,
    added: meanInterval(pairs.map(({ added }) => added)),
    loads: mean(({ loads }) => loads.postedPerStep.mean),
  };
}

function decoded(laboratory: Laboratory, optics: string, sharing: number, recall: number, seed: number) {
  const model = articleModel();
  const { experts, expertsPerToken, moeLayers, expertBytes } = model;
  const routes = routesAlike({ layers: moeLayers.length, experts, k: expertsPerToken, seed });
  const options: DecodingOptions = {
    model,
    cluster: {
      gpus: 16,
      gpusPerNode: 1,
      gpusPerPod: 1,
      gpusPerDpu: sharing,
      gpu: "r200",
      optics,
      dpuPaceBytesPerNs: calibratedLoad(laboratory).paceBytesPerNs,
    },
    residentStepNs: stated("results.p50", "before") * 1e6,
    gapNs: stated("sla.gap-resident", "mean") * 1e3,
    fence: "additive",
    copies: 1,
    cold: { routes, cacheBytes: KEPT * experts * moeLayers.length * expertBytes },
    prefetch: recall === 0 ? "none" : "weighed",
    ...(recall === 0 ? {} : { foresee: { predictor: { recall, precision: 1 } } }),
    warmup: 5,
    steps: laboratory.isQuick ? 20 : 40,
    seed,
  };
  return simulateDecoding(options, { repetitions: 1, outages: 0 }).report;
}
