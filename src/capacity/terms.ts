import { utilisations } from "../budget/reports.ts";
import { completeScenario } from "../budget/scenario.ts";
import { completeServingCluster, expertSlots, fabricOf, gpusWithin } from "../cluster/index.ts";
import { distinctExperts, kvBytesOf, totalsOf } from "../models/shape.ts";
import { duration, figure, percent } from "../words.ts";
import type { CapacityPoint, CapacityProblem } from "./problem.ts";

/** What must hold of a cluster: room for experts, room for sequences, no resource too busy, steps in time. */
export type CapacityTermName = "slots" | "sequences" | "load" | "slo";

/** One of them, at so many GPUs. */
export interface CapacityTerm {
  name: CapacityTermName;
  value: number;
  limit: number;
  holds: boolean;
  /** What the value is, in words. */
  because: string;
}

/** All of them, and what they rest on. */
export interface CapacityState extends CapacityPoint {
  /** Copies of each expert. */
  copies: number;
  /** Experts that a GPU has room for. */
  slots: number;
  stepNs: number;
  terms: CapacityTerm[];
}

/** How a cluster of `gpus` bears the load. */
export function stateAt(problem: CapacityProblem, gpus: number): CapacityState {
  const { model, sequences, sequence, loadsPerStep, otherGpus, landingSlots } = problem;
  const cluster = completeServingCluster({ ...problem.cluster, gpus });
  const point: CapacityPoint = { gpus, cluster, batch: Math.ceil(sequences / gpus), sequence, loadsPerStep };
  const within = problem.groupGpus ?? gpusWithin(cluster, problem.radiusHops);
  const copies = Math.max(problem.copiesMin, Math.ceil(gpus / within));
  const totals = totalsOf(model);
  const slots = Math.max(0, expertSlots(cluster, model, totals.otherBytes / otherGpus) - landingSlots);
  const stepNs = problem.estimate ? problem.estimate(point) : estimatedStepNs(problem, point);
  const kvBytes = point.batch * kvBytesOf(model, sequence);
  const reserve = cluster.kvReserveShare * cluster.gpu.hbmBytes;
  const term = (name: CapacityTermName, value: number, limit: number, because: string): CapacityTerm => ({
    name,
    value,
    limit,
    holds: value <= limit,
    because,
  });
  return {
    ...point,
    copies,
    slots,
    stepNs,
    terms: [
      term(
        "slots",
        slots === 0 ? Number.MAX_VALUE : (copies * totals.experts) / (gpus * slots),
        1,
        `${copies} x ${totals.experts} experts in ${gpus} x ${slots} slots`,
      ),
      term(
        "sequences",
        kvBytes === 0 ? 0 : reserve === 0 ? Number.MAX_VALUE : kvBytes / reserve,
        1,
        `${point.batch} a GPU: ${figure(kvBytes / 1e9)} of the ${figure(reserve / 1e9)} GB that are kept for them`,
      ),
      loadTerm(problem, point, stepNs, term),
      term("slo", stepNs / problem.sloNs, 1, `a step takes ${duration(stepNs)} of ${duration(problem.sloNs)}`),
    ],
  };
}

function loadTerm(
  { model, utilisationMax, loadsPerStep, tier }: CapacityProblem,
  { cluster }: CapacityPoint,
  stepNs: number,
  term: (name: CapacityTermName, value: number, limit: number, because: string) => CapacityTerm,
): CapacityTerm {
  if (loadsPerStep === 0) return term("load", 0, utilisationMax, "nothing is fetched");
  const { optics, ...fabric } = fabricOf(cluster, tier);
  const demand = { expertBytes: model.expertBytes, loadsPerStep, stepNs };
  const [busiest] = utilisations(completeScenario({ optics, fabric, demand }));
  return term(
    "load",
    busiest!.share,
    utilisationMax,
    `${busiest!.name}: busy for ${percent(busiest!.share)} of a step`,
  );
}

/** The roofline, a gap in each layer with experts, and a wait for each load, one after the other. */
export function estimatedStepNs(problem: CapacityProblem, { batch, sequence }: CapacityPoint): number {
  const { model, roofline, gapNs, loadNs, loadsPerStep, groupGpus } = problem;
  // A group reads each expert that any of its tokens chose once, on the GPU that holds it.
  const distinct =
    groupGpus === null
      ? undefined
      : distinctExperts(model.experts, model.expertsPerToken, batch * groupGpus) / groupGpus;
  return roofline.step(batch, sequence, distinct).totalNs + model.moeLayers.length * gapNs + loadsPerStep * loadNs;
}
