import { completeServingCluster, gpusWithin, withOptics } from "../cluster/index.ts";
import type { Evidence, Optics } from "../optics/index.ts";
import { CAPACITY_EVIDENCE, type CapacityOptions, type CapacityProblem, completeCapacity } from "./problem.ts";
import { type CapacityState, type CapacityTermName, stateAt } from "./terms.ts";

/** How many GPUs each term takes on its own, those that take most first; null where no number does. */
export interface CapacityNeed {
  name: CapacityTermName;
  gpus: number | null;
}

/** The smallest cluster that bears a load, or why none does. */
export interface CapacityReport {
  status: "feasible" | "infeasible";
  /** Null where there is none. */
  gpus: number | null;
  /** What takes the most GPUs, and what would next. */
  binding: CapacityTermName;
  next: CapacityTermName;
  needs: CapacityNeed[];
  /** At that cluster; where there is none, at the largest that was looked at. */
  state: Omit<CapacityState, "cluster">;
  /** How many numbers of GPUs were looked at. */
  candidates: number;
  model: string;
  gpu: string;
  evidence: readonly Evidence[];
}

/** More GPUs than any cluster has: what no number of them makes hold comes first. */
const UNREACHED = 2 ** 32;

/**
 * The smallest cluster in which slots hold every copy, sequences have room, no resource is busier than it may be, and steps are
 * in time. GPUs come in whole nodes, and in whole groups or neighbourhoods of the radius, each of which holds all experts.
 */
export function planCapacity(options: CapacityOptions): CapacityReport {
  const problem = completeCapacity(options);
  const least = new Map<CapacityTermName, number>();
  let state: CapacityState | null = null;
  let candidates = 0;
  for (const gpus of clusterSizes(problem)) {
    state = stateAt(problem, gpus);
    candidates++;
    for (const { name, holds } of state.terms) if (holds && !least.has(name)) least.set(name, gpus);
    if (state.terms.every(({ holds }) => holds)) break;
  }
  if (!state) throw new RangeError(`gpusMax must leave room for one group or node, got ${problem.gpusMax}`);
  const isFeasible = state.terms.every(({ holds }) => holds);
  const needs = state.terms
    .map(({ name, value, limit }) => ({ name, gpus: least.get(name) ?? null, tightness: value / limit }))
    // Of those that take as many, the one that is nearer to its limit.
    .sort((a, b) => (b.gpus ?? UNREACHED) - (a.gpus ?? UNREACHED) || b.tightness - a.tightness);
  const { cluster, ...rest } = state;
  return {
    status: isFeasible ? "feasible" : "infeasible",
    gpus: isFeasible ? state.gpus : null,
    binding: needs[0]!.name,
    next: needs[1]!.name,
    needs: needs.map(({ name, gpus }) => ({ name, gpus })),
    state: rest,
    candidates,
    model: problem.model.name,
    gpu: cluster.gpu.name,
    evidence: CAPACITY_EVIDENCE,
  };
}

/** The sizes that a cluster may have, ascending. */
function* clusterSizes(problem: CapacityProblem): Generator<number> {
  const { gpusPerNode, groupGpus, gpusMax, radiusHops } = problem;
  const step = groupGpus ?? gpusPerNode;
  for (let gpus = step; gpus <= gpusMax; gpus += step) {
    const within = groupGpus ?? gpusWithin(completeServingCluster({ ...problem.cluster, gpus }), radiusHops);
    if (gpus % within === 0) yield gpus;
  }
}

/** GPUs against the time per output token that must hold, of one kind of optics; and how far its fetches hold, as given. */
export interface CapacityCurve extends OpticsReach {
  name: string;
  points: { sloNs: number; gpus: number | null; binding: CapacityTermName }[];
}

/** What optics allow: how far experts may be fetched from, and how long that takes. */
export interface OpticsReach {
  radiusHops: number;
  loadNs: number;
}

/** The smallest cluster for every kind of optics, between all GPUs, and every time per output token. */
export function capacityCurves(
  options: Omit<CapacityOptions, "sloNs" | "radiusHops" | "loadNs">,
  reaches: readonly (OpticsReach & { optics: Optics })[],
  slosNs: readonly number[],
): CapacityCurve[] {
  return reaches.map(({ optics, ...reach }) => {
    const cluster = withOptics(options.cluster, optics);
    const points = slosNs.map((sloNs) => {
      const { gpus, binding } = planCapacity({ ...options, cluster, ...reach, sloNs });
      return { sloNs, gpus, binding };
    });
    return { name: optics.profile.name, ...reach, points };
  });
}
