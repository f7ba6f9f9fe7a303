import type { BalancePlan, PlanInForce } from "../../../index.ts";

/** A file as a worker is given it. */
export interface NamedBytes {
  name: string;
  bytes: Uint8Array;
}

export interface PlacementQuestion {
  /** Loads of experts, or who asks for whom, as a file holds them. */
  own: NamedBytes | null;
  /** What is made where there is no file. */
  of: "loads" | "demand";
  layers: number;
  experts: number;
  skew: number;
  /** The share of the loads that changed since the plan in force was made. */
  drift: number;
  gpus: number;
  /** Of each layer, over all GPUs. */
  slots: number;
  gpusPerNode: number;
  groups: number;
  scope: "layer" | "step";
  /** Of demand: the most that a GPU may serve, over the mean of all GPUs. */
  loadMax: number;
  drained: readonly number[];
  /** What is in force: the plan for all GPUs, before loads changed; experts in their order; nothing. */
  start: "whole" | "order" | "none";
  /** A plan in force of one's own: it stands above `start`. */
  force: NamedBytes | null;
  /** Of the copies that the plan in force holds, the share that may move. */
  moveShare: number;
  /** Above the bound, what is near enough: of the busiest GPU, and of what ways cost. */
  gap: number;
  gapOfWays: number;
  /** Rounds of search: of each layer, or eight for one of a problem of who asks for whom. */
  iterations: number;
  timeLimitMs: number;
  seed: number;
}

/** Which copies lie where, and what GPUs bear of it. */
export interface Side {
  name: string;
  /** `[layer][slot]`: an expert, -1 for none. */
  expertOfSlot: Int32Array;
  /** `[layer][slot]`: the share of its expert's load. */
  shareOfSlot: Float64Array;
  gpuOfSlot: Int32Array;
  /** `[layer][slot]`: 1 where the copy was not on that GPU in the plan in force. */
  came: Uint8Array;
  /** `[layer][gpu]`: load over the mean of GPUs in use; NaN of a GPU that is to hold nothing. */
  heat: Float64Array;
  /** Balance: mean over busiest GPU, of layers' mean and of the worst. Latency: null. */
  balancednessMean: number | null;
  balancednessWorst: number | null;
  /** What is made least: the busiest GPU of the worst layer over the mean, or what ways and moves cost. */
  value: number;
  /** Latency: demand by tier. */
  demandOfTier: number[] | null;
}

export interface PlacementTrace {
  /** Since the solver began. */
  ms: Float64Array;
  /** How far above the bound a plan was, over the bound: its worst layer, and the mean of its layers. */
  gap: Float64Array;
  gapMean: Float64Array;
  /** What was near enough. */
  gapAsked: number;
}

export interface Infeasibility {
  constraint: string;
  because: string;
  relax: string;
  /** Moves that are needed at the least, where a budget of them is what binds. */
  moves: number | null;
}

export interface PlacementAnswer {
  objective: "balance" | "latency";
  /** What was placed, and how much of it. */
  source: string;
  gpus: number;
  drained: number[];
  /** Their numbers in the model; of a latency problem, one that stands for all. */
  layers: number[];
  experts: number;
  /** `[layer][expert]`. */
  loads: Float64Array;
  /** GPUs in a row of the picture where layers are none. */
  gpusPerNode: number;
  scope: "layer" | "step";
  before: Side | null;
  after: Side | null;
  status: string;
  bound: number;
  gap: number;
  /** From what to `after`; null where nothing is in force, so that everything is put in place anew. */
  moves: number | null;
  copies: number;
  movesMax: number | null;
  infeasible: Infeasibility | null;
  trace: PlacementTrace;
  tookMs: number;
  /** The plan as the command line writes it, and EPLB's maps. */
  files: { plan: string; maps: string | null } | null;
  checksum: string | null;
  /** Latency: what a slot on each GPU would save, over the one where it saves least. */
  slotWorth: Float64Array | null;
  prices: { slot: Float64Array; load: Float64Array; byte: number } | null;
}

export type PlacementProgress = {
  trace: PlacementTrace;
  /** As in `Side`, of the best plan so far. */
  heat: Float64Array | null;
};

export type Tell = (progress: PlacementProgress) => void;

/** Points of a curve over which a person sees no difference. */
const POINTS = 512;
/** So often is a picture made of what there is. */
const TELL_MS = 60;
/** Cells beyond which a picture is made of the last plan alone. */
const LIVE_CELLS = 4096;

/** How near to the bound plans were, and when; whoever looks on is told now and then. */
export class Trace {
  readonly #startMs = performance.now();
  readonly #tell: Tell;
  #ms: number[] = [];
  #gap: number[] = [];
  #gapMean: number[] = [];
  #toldMs = Number.NEGATIVE_INFINITY;
  readonly #gapAsked: number;

  constructor(gapAsked: number, tell: Tell) {
    this.#gapAsked = gapAsked;
    this.#tell = tell;
  }

  get elapsedMs(): number {
    return performance.now() - this.#startMs;
  }

  /** A plan was found. What its GPUs bear is worked out only where somebody looks. */
  add(gap: number, gapMean: number, heatOf?: () => Float64Array): void {
    const ms = this.elapsedMs;
    this.#ms.push(ms);
    this.#gap.push(gap);
    this.#gapMean.push(gapMean);
    if (this.#ms.length > 2 * POINTS) {
      const isKept = (_: number, i: number) => i % 2 === 0;
      [this.#ms, this.#gap, this.#gapMean] = [this.#ms, this.#gap, this.#gapMean].map((row) => row.filter(isKept)) as [
        number[],
        number[],
        number[],
      ];
    }
    if (ms - this.#toldMs < TELL_MS) return;
    this.#toldMs = ms;
    const heat = heatOf?.() ?? null;
    this.#tell({ trace: this.taken, heat: heat && heat.length <= LIVE_CELLS ? heat : null });
  }

  get taken(): PlacementTrace {
    const [ms, gap, gapMean] = [this.#ms, this.#gap, this.#gapMean].map((row) => Float64Array.from(row));
    return { ms: ms!, gap: gap!, gapMean: gapMean!, gapAsked: this.#gapAsked };
  }
}

/** Rows of equal width, one behind the other. */
export function flat<A extends Int32Array | Float64Array>(rows: readonly ArrayLike<number>[], all: A): A {
  rows.forEach((row, r) => {
    all.set(row, r * row.length);
  });
  return all;
}

/** What GPUs bear of each layer over their mean; NaN of those that are shut and bear nothing. */
export function heatOf(
  loads: readonly ArrayLike<number>[],
  {
    physicalToLogicalMap,
    shareOfSlot,
    gpuOfSlot,
  }: Pick<BalancePlan, "physicalToLogicalMap" | "shareOfSlot" | "gpuOfSlot">,
  gpus: number,
  shut: ReadonlySet<number>,
): Float64Array {
  const heat = new Float64Array(loads.length * gpus);
  physicalToLogicalMap.forEach((row, l) => {
    const sums = heat.subarray(l * gpus, (l + 1) * gpus);
    row.forEach((expert, slot) => {
      if (expert >= 0) sums[gpuOfSlot[slot]!]! += (loads[l]![expert] ?? 0) * shareOfSlot[l]![slot]!;
    });
    overMean(sums, shut);
  });
  return heat;
}

/** Sums over their mean, in place. */
export function overMean(sums: Float64Array, shut: ReadonlySet<number>): void {
  const all = sums.reduce((a, b) => a + b, 0);
  const inUse = sums.reduce((count, sum, gpu) => count + (shut.has(gpu) && sum === 0 ? 0 : 1), 0);
  const mean = all / (inUse || 1) || 1;
  sums.forEach((sum, gpu) => {
    sums[gpu] = shut.has(gpu) && sum === 0 ? Number.NaN : sum / mean;
  });
}

/** Which copies are on GPUs that did not hold them. */
export function cameOf(
  map: readonly (readonly number[])[],
  gpuOfSlot: readonly number[],
  from: PlanInForce | null,
): Uint8Array {
  const came = new Uint8Array(map.length * gpuOfSlot.length);
  if (!from) return came;
  map.forEach((row, l) => {
    const held = new Set(from.physicalToLogicalMap[l]!.map((expert, slot) => `${expert}/${from.gpuOfSlot[slot]}`));
    row.forEach((expert, slot) => {
      if (expert >= 0 && !held.has(`${expert}/${gpuOfSlot[slot]}`)) came[l * gpuOfSlot.length + slot] = 1;
    });
  });
  return came;
}
