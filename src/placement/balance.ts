import {
  BALANCE_BASE_AT,
  BALANCE_BIT_WORDS,
  BALANCE_COPIES_AT,
  BALANCE_EXPERT_AT,
  BALANCE_EXPERTS,
  BALANCE_FIRST_AT,
  BALANCE_GPU_AT,
  BALANCE_GPU_LOADS_AT,
  BALANCE_GPUS,
  BALANCE_HEAD_AT,
  BALANCE_HEADER,
  BALANCE_HEAP_AT,
  BALANCE_HELD_AT,
  BALANCE_KEYS_AT,
  BALANCE_LEVELS_AT,
  BALANCE_NEXT_AT,
  BALANCE_ORDER_AT,
  BALANCE_ROWS,
  BALANCE_SLOTS,
  BALANCE_WAS_AT,
  BALANCE_WEIGHTS_AT,
  NONE,
  RANDOM_WORDS,
} from "../../assembly/layout.ts";
import { seedWords } from "../random.ts";
import { workspace } from "../wasm.ts";
import {
  type BalanceLimits,
  type BalanceProblem,
  type Cluster,
  checkLimits,
  checkProblem,
  type PlanInForce,
} from "./balance-problem.ts";

/** Where the copies of every layer's experts are. */
export interface BalancePlan {
  /** `[layer][slot]`: the expert that a slot holds, -1 for none. Slots of one GPU lie side by side. */
  physicalToLogicalMap: number[][];
  /** `[layer][expert][copy]`: slots, padded with -1 to the most copies of any expert. */
  logicalToPhysicalMap: number[][][];
  /** `[layer][expert]`: copies. */
  expertCount: number[][];
  gpuOfSlot: number[];
  /** Mean over busiest GPU, of each layer; 1 where nothing is loaded. */
  balancedness: number[];
  balancednessMean: number;
  balancednessWorst: number;
  /** What the busiest GPU bears, and what no plan can go below, of each layer. */
  busiest: number[];
  lowerBound: number[];
  /** The greatest of `busiest / lowerBound - 1`. */
  gap: number;
  /** Copies on GPUs that did not hold that expert in the plan in force; all of them where there is none. */
  moves: number;
}

/** Why there is no plan: `binds` falls short of what it must be, by `needed - available`. */
export interface InfeasibleBalance {
  status: "infeasible";
  binds: "slots" | "movesMax" | "bytesMax";
  needed: number;
  available: number;
  relax: string;
}

/**
 * A plan: *optimal* where the bound is met, *within gap* where the gap or the balancedness asked for is, else stopped by the
 * time limit or by that of iterations.
 */
export type BalanceAnswer =
  | ({ status: "optimal" | "within gap" | "time limit" | "iteration limit" } & BalancePlan)
  | InfeasibleBalance;

/** What is equal but for rounding. */
const ROUNDING = 1e-9;
/** Changes of a shake, and the words that they take; fractions of the way to the bound that a shaken plan is asked to go. */
const SHAKES = 2;
const STRIDES = [1 / 2, 1 / 8, 1 / 32];

/** Chooses where copies of experts go, so that the busiest GPU bears as little as can be (see model.md, "Placement"). */
export function placeForBalance(problem: BalanceProblem, limits: BalanceLimits = {}): BalanceAnswer {
  const cluster = checkProblem(problem);
  const chosen = checkLimits(limits);
  const endMs = performance.now() + (chosen.timeLimitMs ?? Number.POSITIVE_INFINITY);
  const { experts, slots } = cluster;
  if (slots < experts) {
    const relax = `add ${experts - slots} slots on GPUs that are not drained`;
    return { status: "infeasible", binds: "slots", needed: experts, available: slots, relax };
  }
  const layer = new LayerSolver(cluster, chosen.seed);
  const from = problem.from && heldIn(problem.from, cluster);
  const plans: Uint32Array[] = [];
  if (!from) {
    for (const loads of problem.loads) {
      layer.take(loads);
      layer.pack(chosen.gap);
      plans.push(layer.best());
    }
    let isLate = performance.now() > endMs;
    const tell = () => chosen.onPlan?.(described(problem, cluster, plans, undefined));
    tell();
    for (let l = 0; l < plans.length && !isLate; l++) {
      layer.take(problem.loads[l]!);
      if (layer.isWithin(plans[l]!, chosen.gap)) continue;
      layer.seek(chosen, endMs);
      plans[l] = layer.best();
      isLate = performance.now() > endMs;
      tell();
    }
    return answered(described(problem, cluster, plans, undefined), chosen.gap, isLate);
  }

  // The least that must move: experts that no GPU in use holds any more.
  const lost = problem.loads.reduce((sum, loads, l) => {
    layer.take(loads, from[l]);
    return sum + layer.lost();
  }, 0);
  const byBytes = problem.bytesMax === undefined ? undefined : Math.floor(problem.bytesMax / problem.expertBytes!);
  const movesMax = Math.min(problem.movesMax ?? Number.POSITIVE_INFINITY, byBytes ?? Number.POSITIVE_INFINITY);
  if (lost > movesMax) {
    const isBytes = byBytes !== undefined && byBytes === movesMax;
    const unit = isBytes ? problem.expertBytes! : 1;
    return {
      status: "infeasible",
      binds: isBytes ? "bytesMax" : "movesMax",
      needed: lost * unit,
      available: isBytes ? problem.bytesMax! : movesMax,
      relax: `allow ${lost} moves: so many experts are on no GPU that is in use`,
    };
  }
  const changed = (target: number) => {
    let left = movesMax - lost;
    return problem.loads.map((loads, l) => {
      layer.take(loads, from[l]);
      left -= layer.change(target, Math.min(left, 2 ** 30));
      return layer.best();
    });
  };
  let best = described(problem, cluster, changed(problem.target ?? 1), from);
  chosen.onPlan?.(best);
  // A budget is best spent by asking the same of every layer: the most that it buys, by halving.
  let [low, high] = [0, problem.target ?? 1];
  const isTight = best.moves >= movesMax;
  for (let i = 0; i < 14 && isTight && high - low > 1e-4 && performance.now() < endMs; i++) {
    const middle = i === 0 ? 0.9 * high : (low + high) / 2;
    const plan = described(problem, cluster, changed(middle), from);
    if (plan.moves < movesMax) low = middle;
    else high = middle;
    if (plan.balancednessMean <= best.balancednessMean) continue;
    best = plan;
    chosen.onPlan?.(best);
  }
  return answered(best, problem.target === undefined ? chosen.gap : 0, performance.now() > endMs, problem.target);
}

function answered(plan: BalancePlan, gap: number, isLate: boolean, target = Number.POSITIVE_INFINITY): BalanceAnswer {
  if (plan.gap <= ROUNDING) return { status: "optimal", ...plan };
  if (plan.gap <= gap || plan.balancednessWorst >= target - ROUNDING) return { status: "within gap", ...plan };
  return { status: isLate ? "time limit" : "iteration limit", ...plan };
}

/** `[layer][GPU in use]`: the experts that it holds in the plan in force. */
function heldIn(from: PlanInForce, { active }: Cluster): number[][][] {
  const placeOf = new Map(active.map((gpu, i) => [gpu, i]));
  return from.physicalToLogicalMap.map((row) => {
    const held: number[][] = active.map(() => []);
    row.forEach((expert, slot) => {
      const gpu = placeOf.get(from.gpuOfSlot[slot]!);
      if (gpu !== undefined && expert >= 0) held[gpu]!.push(expert);
    });
    return held;
  });
}

/** All that follows from the experts in the slots, worked out afresh. */
function described(
  problem: BalanceProblem,
  cluster: Cluster,
  plans: readonly Uint32Array[],
  from: number[][][] | undefined,
): BalancePlan {
  const { active, experts, slotsOf, gpuOfSlot } = cluster;
  const placeOf = new Map(active.map((gpu, i) => [gpu, i]));
  const slotOf = gpuOfSlot.flatMap((gpu, slot) => (placeOf.has(gpu) ? [slot] : []));
  const physicalToLogicalMap = plans.map((plan) => {
    const row = gpuOfSlot.map(() => -1);
    const start = new Map<number, number>();
    gpuOfSlot.forEach((gpu, slot) => {
      if (!start.has(gpu)) start.set(gpu, slot);
    });
    let at = 0;
    active.forEach((gpu, i) => {
      for (let j = 0; j < slotsOf[i]!; j++, at++) if (plan[at] !== NONE) row[start.get(gpu)! + j] = plan[at]!;
    });
    return row;
  });
  const expertCount = physicalToLogicalMap.map((row) => {
    const counts = new Array<number>(experts).fill(0);
    for (const expert of row) if (expert >= 0) counts[expert]!++;
    return counts;
  });
  const most = expertCount.reduce((sum, counts) => Math.max(sum, ...counts), 0);
  const logicalToPhysicalMap = physicalToLogicalMap.map((row) => {
    const slots: number[][] = Array.from({ length: experts }, () => []);
    row.forEach((expert, slot) => {
      if (expert >= 0) slots[expert]!.push(slot);
    });
    for (const list of slots) while (list.length < most) list.push(-1);
    return slots;
  });
  const busiest = physicalToLogicalMap.map((row, l) => {
    const sums = new Float64Array(problem.gpus);
    row.forEach((expert, slot) => {
      if (expert >= 0) sums[gpuOfSlot[slot]!]! += problem.loads[l]![expert]! / expertCount[l]![expert]!;
    });
    return sums.reduce((a, b) => Math.max(a, b), 0);
  });
  const means = problem.loads.map((loads) => sumOf(loads) / active.length);
  const balancedness = busiest.map((load, l) => (load > 0 ? Math.min(1, means[l]! / load) : 1));
  const lowerBound = problem.loads.map((loads) => lowerBoundOf(loads, cluster));
  let moves = 0;
  physicalToLogicalMap.forEach((row, l) => {
    const held = active.map((_, i) => new Set(from ? from[l]![i]! : []));
    for (const slot of slotOf) if (row[slot]! >= 0 && !held[placeOf.get(gpuOfSlot[slot]!)!]!.has(row[slot]!)) moves++;
  });
  return {
    physicalToLogicalMap,
    logicalToPhysicalMap,
    expertCount,
    gpuOfSlot: [...gpuOfSlot],
    balancedness,
    balancednessMean: sumOf(balancedness) / balancedness.length,
    balancednessWorst: balancedness.reduce((a, b) => Math.min(a, b), 1),
    busiest,
    lowerBound,
    gap: busiest.reduce((gap, load, l) => (load > 0 ? Math.max(gap, load / lowerBound[l]! - 1) : gap), 0),
    moves,
  };
}

function sumOf(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return sum;
}

/**
 * What no plan's busiest GPU can be below: the mean, and the heaviest copy where each further copy went to the expert that is
 * then heaviest a copy, which makes that as light as can be.
 */
function lowerBoundOf(loads: ArrayLike<number>, { active, experts, slots }: Cluster): number {
  const mean = sumOf(loads) / active.length;
  // A level L is too low if the experts need more than all slots, or one more copies than GPUs, for copies of at most L.
  const candidates = new Set([mean]);
  const isEnough = (level: number) => {
    let needed = 0;
    for (let e = 0; e < experts; e++) {
      const copies = Math.max(1, Math.ceil(loads[e]! / level - ROUNDING));
      if (copies > active.length) return false;
      needed += copies;
    }
    return needed <= slots;
  };
  if (!(mean > 0) || isEnough(mean)) return mean;
  for (let e = 0; e < experts; e++)
    for (let copies = 1; copies <= active.length && loads[e]! / copies > mean; copies++)
      candidates.add(loads[e]! / copies);
  const sorted = Float64Array.from(candidates).sort();
  let [low, high] = [0, sorted.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (isEnough(sorted[middle]!)) high = middle;
    else low = middle;
  }
  return sorted[high]!;
}

/** One layer after the other, in one workspace. Loads are scaled so that the mean of a GPU is 1. */
class LayerSolver {
  readonly #cluster: Cluster;
  readonly #plan: Uint32Array;
  readonly #loads: Float64Array;
  readonly #calls;
  readonly #header: number[];
  #bound = 1;
  #best: Uint32Array = new Uint32Array();
  #bestLoad = Number.POSITIVE_INFINITY;
  #held: number[][] | undefined;

  constructor(cluster: Cluster, seed: number) {
    const { experts, slots, slotsOf } = cluster;
    const gpus = slotsOf.length;
    const bitWords = (gpus + 31) >> 5;
    const header = new Array<number>(BALANCE_HEADER).fill(0);
    header[BALANCE_EXPERTS] = experts;
    header[BALANCE_GPUS] = gpus;
    header[BALANCE_SLOTS] = slots;
    header[BALANCE_ROWS] = 1;
    header[BALANCE_BIT_WORDS] = bitWords;
    let words = BALANCE_HEADER;
    for (const [at, length] of [
      [BALANCE_FIRST_AT, gpus + 1],
      [BALANCE_EXPERT_AT, slots],
      [BALANCE_GPU_AT, slots],
      [BALANCE_NEXT_AT, slots],
      [BALANCE_HEAD_AT, experts],
      [BALANCE_COPIES_AT, experts],
      [BALANCE_HELD_AT, experts * bitWords],
      [BALANCE_WAS_AT, experts * bitWords],
      [BALANCE_ORDER_AT, gpus],
      [BALANCE_HEAP_AT, Math.max(experts, gpus)],
    ] as const) {
      header[at] = words;
      words += length;
    }
    let numbers = experts;
    for (const [at, length] of [
      [BALANCE_GPU_LOADS_AT, gpus],
      [BALANCE_BASE_AT, gpus],
      [BALANCE_LEVELS_AT, 1],
      [BALANCE_WEIGHTS_AT, 1],
      [BALANCE_KEYS_AT, Math.max(experts, gpus)],
    ] as const) {
      header[at] = numbers;
      numbers += length;
    }
    const { kernels, views, at } = workspace({
      plan: ["U32", words],
      loads: ["F64", numbers],
      bits: ["U32", 4 * SHAKES],
      random: ["U32", RANDOM_WORDS],
    });
    views.plan.set(header);
    let first = 0;
    slotsOf.forEach((count, i) => {
      views.plan[header[BALANCE_FIRST_AT]! + i] = first;
      first += count;
    });
    views.plan[header[BALANCE_FIRST_AT]! + gpus] = first;
    views.loads[header[BALANCE_WEIGHTS_AT]!] = 1;
    kernels.seedRandom(at.random, ...seedWords({ seed }));
    this.#cluster = cluster;
    this.#plan = views.plan;
    this.#loads = views.loads;
    this.#header = header;
    this.#calls = {
      load: () => kernels.loadPlan(at.plan, at.loads),
      pack: () => kernels.packPlan(at.plan, at.loads),
      mend: () => kernels.mendPlan(at.plan, at.loads),
      level: (aim: number, steps: number) => kernels.levelGpus(at.plan, at.loads, aim, steps),
      ease: (isFrugal: boolean, left: number, steps: number) =>
        kernels.easeGpus(at.plan, at.loads, isFrugal ? 1 : 0, left, steps),
      shake: () => {
        kernels.drawBits(at.bits, at.random);
        kernels.shakePlan(at.plan, at.loads, at.bits, 0, SHAKES);
      },
    };
  }

  /** Begins with a layer: its loads, and who held what in the plan in force. */
  take(loads: ArrayLike<number>, held?: number[][]): void {
    const { active } = this.#cluster;
    const mean = sumOf(loads) / active.length || 1;
    for (let e = 0; e < loads.length; e++) this.#loads[e] = loads[e]! / mean;
    this.#bound = lowerBoundOf(loads, this.#cluster) / mean;
    this.#bestLoad = Number.POSITIVE_INFINITY;
    this.#held = held;
    const { [BALANCE_WAS_AT]: was, [BALANCE_HELD_AT]: heldAt, [BALANCE_BIT_WORDS]: bitWords } = this.#header;
    this.#plan.fill(0, was, was! + (heldAt! < was! ? was! - heldAt! : 0));
    held?.forEach((list, gpu) => {
      for (const expert of list) this.#plan[was! + expert * bitWords! + (gpu >> 5)]! |= 1 << (gpu & 31);
    });
  }

  /** How many experts of the layer taken are on no GPU in use. */
  lost(): number {
    return this.#cluster.experts - new Set(this.#held!.flat()).size;
  }

  best(): Uint32Array {
    return this.#best;
  }

  #keepBetter(): boolean {
    const at = this.#header[BALANCE_GPU_LOADS_AT]!;
    let busiest = 0;
    for (let g = 0; g < this.#cluster.slotsOf.length; g++) busiest = Math.max(busiest, this.#loads[at + g]!);
    if (!(busiest < this.#bestLoad - 1e-12)) return false;
    this.#bestLoad = busiest;
    const start = this.#header[BALANCE_EXPERT_AT]!;
    this.#best = this.#plan.slice(start, start + this.#cluster.slots);
    return true;
  }

  #restore(plan: Uint32Array): void {
    this.#plan.set(plan, this.#header[BALANCE_EXPERT_AT]!);
    this.#calls.load();
  }

  /** From nothing: packs, and swaps until the gap is `gap` or no swap helps. */
  pack(gap: number): void {
    this.#calls.pack();
    this.#calls.level(this.#bound * (1 + gap), 8 * this.#cluster.slots);
    this.#keepBetter();
  }

  /** Whether a plan of the layer taken is as near to the bound as that; it is the best from here on. */
  isWithin(plan: Uint32Array, gap: number): boolean {
    this.#restore(plan);
    this.#keepBetter();
    return this.#bestLoad <= this.#bound * (1 + gap);
  }

  /** Improves on the best plan by copies' numbers too, from where it is and from where shakes throw it. */
  seek({ gap, iterations }: { gap: number; iterations: number }, endMs: number): void {
    for (let i = 0; i < iterations && performance.now() < endMs; i++) {
      if (this.#bestLoad <= this.#bound * (1 + gap)) return;
      const stride = STRIDES[i % STRIDES.length]! * (this.#bestLoad - this.#bound);
      this.#loads[this.#header[BALANCE_LEVELS_AT]!] = this.#bestLoad - stride;
      if (i >= STRIDES.length) this.#calls.shake();
      this.#calls.ease(false, 2 ** 30, 64);
      this.#calls.level(this.#bound * (1 + gap), 64);
      if (!this.#keepBetter()) this.#restore(this.#best);
    }
  }

  /** From the plan in force, for at most `movesLeft` beyond what must move; returns the moves made of them. */
  change(target: number, movesLeft: number): number {
    const { slotsOf } = this.#cluster;
    const start = this.#header[BALANCE_EXPERT_AT]!;
    let at = start;
    slotsOf.forEach((count, gpu) => {
      const held = this.#held![gpu]!;
      for (let j = 0; j < count; j++) this.#plan[at++] = held[j] ?? NONE;
    });
    this.#calls.load();
    this.#loads[this.#header[BALANCE_LEVELS_AT]!] = Math.max(1 / target, this.#bound);
    this.#calls.mend();
    const left = this.#calls.ease(true, movesLeft, 8 * this.#cluster.slots);
    this.#keepBetter();
    return movesLeft - left;
  }
}
