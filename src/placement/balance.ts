import { NONE } from "../../assembly/layout.ts";
import { bestPairs, isPaired, layerBound, lowerBounds, meanRow, ROUNDING, strongBound } from "./balance-bounds.ts";
import { keepGroups, type Part, spreadGroups } from "./balance-groups.ts";
import { heldIn, keptPlan } from "./balance-kept.ts";
import { type BalancePlan, describePlan } from "./balance-plan.ts";
import {
  type BalanceLimits,
  type BalanceProblem,
  type CompleteBalance,
  checkLimits,
  completeBalance,
  type Limits,
  roomsOf,
} from "./balance-problem.ts";
import {
  addLoads,
  evenShares,
  gpuOfSlots,
  imbalances,
  levelledShares,
  packSplit,
  type Shares,
} from "./balance-shares.ts";
import { PartSolver } from "./balance-solver.ts";

/** Why no plan keeps all rules. */
export interface BalanceInfeasible {
  status: "infeasible";
  /** The rule that cannot be kept. */
  constraint: "slots" | "groups" | "moves" | "moved bytes";
  /** What is asked and what there is, with numbers. */
  because: string;
  /** What would have to change. */
  relax: string;
}

/**
 * A plan: *optimal* where the bound is met, *within gap* where the gap or the balancedness asked for is, else stopped by the
 * time limit or by that of iterations.
 */
export type BalanceAnswer =
  | ({ status: "optimal" | "within gap" | "time limit" | "iteration limit" } & BalancePlan)
  | BalanceInfeasible;

/** Rounds of search that a layer is given at once where all layers are levelled together. */
const ROUNDS_AT_ONCE = 4;

/** Chooses where copies of experts go, so that the busiest GPU bears as little as can be (see model.md, "Placement"). */
export function placeForBalance(problem: BalanceProblem, limits: BalanceLimits = {}): BalanceAnswer {
  const chosen = checkLimits(limits);
  const balance = completeBalance(problem);
  const obstacle = slotObstacle(balance);
  if (obstacle) return obstacle;
  return problem.from ? changePlan(problem, balance, chosen) : makePlan(balance, chosen);
}

function slotObstacle(balance: CompleteBalance): BalanceInfeasible | undefined {
  const { experts, slots, groups, nodes } = balance;
  if (slots < experts)
    return {
      status: "infeasible",
      constraint: "slots",
      because: `${experts} experts need as many slots, and GPUs that are not drained have ${slots}`,
      relax: `${experts - slots} slots more`,
    };
  const rooms = roomsOf(balance).reduce((a, b) => a + b, 0);
  if (groups.length === 1 || rooms >= groups.length) return undefined;
  return {
    status: "infeasible",
    constraint: "groups",
    because: `${groups.length} groups of ${groups[0]!.length} experts stay on a node each, and ${nodes.length} nodes have slots for ${rooms}`,
    relax: `slots for ${groups.length - rooms} groups more, or smaller groups`,
  };
}

function answered(plan: BalancePlan, { gap, endMs }: Limits, target?: number): BalanceAnswer {
  if (plan.gap <= ROUNDING) return { status: "optimal", ...plan };
  const isEnough = target === undefined ? plan.gap <= gap : plan.balancednessWorst >= target - ROUNDING;
  if (isEnough) return { status: "within gap", ...plan };
  return { status: performance.now() > endMs ? "time limit" : "iteration limit", ...plan };
}

/** Plans of all layers as they become, what GPUs bear of them together, and the bounds. */
class Search {
  readonly balance: CompleteBalance;
  readonly limits: Limits;
  readonly plans: Uint32Array[] = [];
  readonly parts: Part[][] = [];
  /** Of each layer, or of the step. */
  readonly bounds: number[];
  /** `[scenario][active GPU]`, where layers are levelled together. */
  totals: Float64Array[];
  readonly #gpus: number[];
  readonly #solvers = new Map<string, PartSolver>();

  constructor(balance: CompleteBalance, limits: Limits) {
    this.balance = balance;
    this.limits = limits;
    this.bounds = lowerBounds(balance);
    this.totals = balance.rows.map(() => new Float64Array(balance.active.length));
    this.#gpus = gpuOfSlots(balance);
  }

  get isStep(): boolean {
    return this.balance.scope === "step";
  }

  get isLate(): boolean {
    return performance.now() > this.limits.endMs;
  }

  boundOf(layer: number): number {
    return this.bounds[this.isStep ? 0 : layer]!;
  }

  #solverOf(part: Part): PartSolver {
    const key =
      this.balance.nodes.length === 1
        ? ""
        : `${part.experts.length}: ${part.gpus.map((gpu) => this.balance.slotsOf[gpu])}`;
    const known = this.#solvers.get(key);
    if (known) return known;
    const solver = new PartSolver(this.balance, part, this.limits.seed);
    this.#solvers.set(key, solver);
    return solver;
  }

  /** Has `work` done on each part of a layer, and keeps what comes of it. */
  onParts(layer: number, held: readonly (readonly number[])[] | undefined, work: (solver: PartSolver) => void): void {
    const plan = this.plans[layer]?.slice() ?? new Uint32Array(this.balance.slots).fill(NONE);
    const base = this.isStep ? this.#withoutLayer(layer) : undefined;
    for (const part of this.parts[layer]!) {
      const solver = this.#solverOf(part);
      solver.take({ layer, part, bound: this.boundOf(layer), ...(base && { base }), ...(held && { held }) });
      work(solver);
      solver.scatter(plan);
    }
    this.plans[layer] = plan;
    if (base) {
      this.totals = base;
      this.#add(this.totals, layer, plan, 1);
    }
  }

  #withoutLayer(layer: number): Float64Array[] {
    const base = this.totals.map((total) => Float64Array.from(total));
    if (this.plans[layer]) this.#add(base, layer, this.plans[layer], -1);
    return base;
  }

  #add(totals: Float64Array[], layer: number, plan: Uint32Array, sign: number): void {
    const shares = evenShares(this.balance, [plan])[0]!;
    for (let i = 0; i < shares.length; i++) shares[i]! *= sign;
    totals.forEach((total, s) => {
      addLoads(total, plan, shares, this.balance.rows[s]![layer]!, this.#gpus);
    });
  }

  /** What GPUs bear on average of the mean scenario, where layers are levelled together. */
  baseOf(): Float64Array | undefined {
    const { rows, weights, active } = this.balance;
    if (!this.isStep) return undefined;
    return Float64Array.from(active, (_, g) =>
      rows.reduce((sum, _row, s) => sum + weights[s]! * this.totals[s]![g]!, 0),
    );
  }

  /** Takes other plans. */
  adopt(plans: readonly Uint32Array[]): void {
    for (const total of this.totals) total.fill(0);
    plans.forEach((plan, l) => {
      this.plans[l] = plan;
      if (this.isStep) this.#add(this.totals, l, plan, 1);
    });
  }

  sharesOf(plans: readonly Uint32Array[], first = 0): Shares {
    return this.balance.split === "weighted"
      ? levelledShares(this.balance, plans, first)
      : evenShares(this.balance, plans);
  }

  describe(held?: readonly (readonly (readonly number[])[])[]): BalancePlan {
    return describePlan(this.balance, this.plans, this.sharesOf(this.plans), this.bounds, held);
  }

  imbalance(): number[] {
    return imbalances(this.balance, this.plans, this.sharesOf(this.plans));
  }

  isWithin(unit: number, imbalance: number): boolean {
    return imbalance <= this.bounds[unit]! * (1 + this.limits.gap);
  }

  /** Raises bounds that are not met, by what takes longer. */
  raiseBound(unit: number): void {
    const layers = this.isStep ? this.plans.map((_, l) => l) : [unit];
    for (const layer of layers) {
      if (this.isLate) return;
      this.bounds[unit] = Math.max(this.bounds[unit]!, layerBound(this.balance, layer, strongBound));
    }
  }
}

/** From nothing. */
function makePlan(balance: CompleteBalance, limits: Limits): BalanceAnswer {
  const search = new Search(balance, limits);
  const { isStep, plans } = search;
  const layers = Array.from({ length: balance.layers }, (_, l) => l);
  for (const l of layers) {
    search.parts[l] = spreadGroups(balance, l, search.baseOf());
    search.onParts(l, undefined, (solver) => solver.pack(limits));
  }
  if (balance.split === "weighted") splitPlans(search);
  const tell = () => limits.onPlan?.(search.describe());
  tell();
  if (isPaired(balance) && !isStep && balance.nodes.length === 1 && balance.rows.length === 1)
    for (const l of layers) if (!search.isLate) pairPlan(search, l);
  const units = search.imbalance();
  for (let unit = 0; unit < units.length && !search.isLate; unit++)
    if (!search.isWithin(unit, units[unit]!)) search.raiseBound(unit);
  if (isStep) levelStep(search, tell);
  else
    for (const l of layers) {
      if (search.isLate) break;
      if (search.isWithin(l, units[l]!)) continue;
      const before = plans[l]!;
      search.onParts(l, undefined, (solver) => {
        if (!solver.goOn(before, limits)) solver.seek(limits, limits.iterations);
      });
      if (balance.split === "weighted") {
        const after = imbalances(balance, [plans[l]!], search.sharesOf([plans[l]!], l), l)[0]!;
        if (after > units[l]!) plans[l] = before;
      }
      if (plans[l] !== before) tell();
    }
  return answered(search.describe(), limits);
}

/**
 * Improves one layer after the other, on top of what the others bear, until the sums are level; where a round finds nothing, the
 * next begins with a layer that is shaken, whatever that costs.
 */
function levelStep(search: Search, tell: () => void): void {
  const { limits, plans } = search;
  let before = search.imbalance()[0]!;
  let kept = [...plans];
  let isStuck = false;
  for (let done = 0; done < limits.iterations; done += ROUNDS_AT_ONCE) {
    if (isStuck) {
      search.adopt(kept);
      const l = (done / ROUNDS_AT_ONCE) % plans.length;
      const plan = plans[l]!;
      search.onParts(l, undefined, (solver) => solver.shakeOnce(plan));
    }
    isStuck = true;
    for (let l = 0; l < plans.length; l++) {
      if (search.isLate || search.isWithin(0, before)) break;
      const plan = plans[l]!;
      search.onParts(l, undefined, (solver) => {
        if (!solver.goOn(plan, limits)) solver.seek(limits, ROUNDS_AT_ONCE, done > 0);
      });
      const after = search.imbalance()[0]!;
      if (after >= before) continue;
      before = after;
      isStuck = false;
      kept = [...plans];
      tell();
    }
    if (search.isLate || search.isWithin(0, before)) break;
  }
  search.adopt(kept);
}

/** Takes the best of all pairs of copies, where it is better than what was packed. */
function pairPlan(search: Search, layer: number): void {
  const { balance, plans } = search;
  const before = imbalances(balance, [plans[layer]!], evenShares(balance, [plans[layer]!]), layer)[0]!;
  if (search.isWithin(layer, before)) return;
  const { busiest, pairs } = bestPairs(balance.rows[0]![layer]!, balance);
  if (busiest < before) plans[layer] = Uint32Array.from(pairs.flat());
}

/** Where shares are free, tries plans that are packed for that, and keeps those that are better. */
function splitPlans(search: Search): void {
  const { balance, plans } = search;
  const even = [...plans];
  const split = even.map((plan, l) => {
    if (search.isLate) return plan;
    const packed = plan.slice();
    const loads = meanRow(balance, l);
    for (const { experts, gpus } of search.parts[l]!) {
      const own = experts.map((expert) => loads[expert]!);
      const bound = own.reduce((a, b) => a + b, 0) / gpus.length;
      const held =
        bound > 0
          ? packSplit(
              own,
              gpus.map((gpu) => balance.slotsOf[gpu]!),
              bound,
            )
          : undefined;
      if (!held) return plan;
      gpus.forEach((gpu, g) => {
        const list = held[g]!.map((e) => experts[e]!);
        // Spare slots take what is heaviest: a share may be 0.
        const heaviest = [...experts].sort((a, b) => loads[b]! - loads[a]!).filter((expert) => !list.includes(expert));
        for (let j = 0; j < balance.slotsOf[gpu]!; j++)
          packed[balance.firstOf[gpu]! + j] = list[j] ?? heaviest[j - list.length] ?? NONE;
      });
    }
    return packed;
  });
  const before = imbalances(balance, even, search.sharesOf(even));
  const after = imbalances(balance, split, search.sharesOf(split));
  search.adopt(
    even.map((plan, l) => (after[search.isStep ? 0 : l]! < before[search.isStep ? 0 : l]! ? split[l]! : plan)),
  );
}

/** From a plan in force. */
function changePlan(problem: BalanceProblem, balance: CompleteBalance, limits: Limits): BalanceAnswer {
  const search = new Search(balance, limits);
  const held = heldIn(problem.from!, balance);
  const kept = held.map((row, l) => {
    search.parts[l] = keepGroups(balance, row);
    return keptPlan(balance, l, row, search.parts[l]);
  });
  const lost = kept.reduce((sum, { lost }) => sum + lost, 0);
  const { target, bytesMax, expertBytes } = problem;
  const byBytes = bytesMax === undefined ? Number.POSITIVE_INFINITY : Math.floor(bytesMax / expertBytes!);
  const movesMax = Math.min(problem.movesMax ?? Number.POSITIVE_INFINITY, byBytes);
  if (lost > movesMax) {
    const isBytes = byBytes < (problem.movesMax ?? Number.POSITIVE_INFINITY);
    return {
      status: "infeasible",
      constraint: isBytes ? "moved bytes" : "moves",
      because: isBytes
        ? `${lost} experts have lost their slots, which takes ${lost * expertBytes!} bytes, and ${bytesMax} may move`
        : `${lost} experts have lost their slots, which takes as many moves, and ${movesMax} are allowed`,
      relax: isBytes ? `bytesMax ${lost * expertBytes!}` : `movesMax ${lost}`,
    };
  }
  kept.forEach(({ plan }, l) => {
    search.onParts(l, held[l], (solver) => solver.mend(plan));
  });
  const mended = [...search.plans];
  const attempt = (level: number) => {
    changeAll(search, mended, held, level, movesMax);
    return search.describe(held);
  };
  let best = attempt(1 / (target ?? 1));
  limits.onPlan?.(best);
  const take = (plan: BalancePlan) => {
    best = plan;
    limits.onPlan?.(best);
  };
  if (best.moves >= movesMax) {
    // A budget is best spent by asking the same of every layer: the most that it buys, by halving.
    let [low, high] = [0, target ?? 1];
    for (let i = 0; i < 14 && high - low > 1e-4 && !search.isLate; i++) {
      const middle = i === 0 ? 0.9 * high : (low + high) / 2;
      const plan = attempt(1 / middle);
      if (plan.moves < movesMax) low = middle;
      else high = middle;
      if (plan.balancednessMean > best.balancednessMean) take(plan);
    }
  } else if (balance.split === "weighted" && target !== undefined && best.balancednessWorst >= target - ROUNDING) {
    // Shares do a part of it: the least that even shares must reach, by halving.
    let [low, high] = [0, target];
    for (let i = 0; i < 10 && high - low > 1e-4 && !search.isLate; i++) {
      const middle = i === 0 ? high / 8 : (low + high) / 2;
      const plan = attempt(1 / middle);
      if (plan.balancednessWorst < target - ROUNDING) low = middle;
      else high = middle;
      if (plan.balancednessWorst >= target - ROUNDING && plan.moves < best.moves) take(plan);
    }
  }
  best.imbalance.forEach((value, unit) => {
    if (!search.isWithin(unit, value)) search.raiseBound(unit);
  });
  const gap = best.imbalance.reduce((most, value, unit) => Math.max(most, value / search.bounds[unit]! - 1), 0);
  return answered({ ...best, lowerBound: [...search.bounds], gap }, limits, target);
}

/** Changes all layers from where they were mended, as far as `level` needs and moves last. */
function changeAll(
  search: Search,
  mended: readonly Uint32Array[],
  held: readonly (readonly (readonly number[])[])[],
  level: number,
  movesMax: number,
): void {
  const { limits, plans, isStep } = search;
  const { gap, endMs, iterations } = limits;
  search.adopt(mended);
  let left = movesMax - movesOf(search, mended, held);
  const change = (l: number, steps: number, shakes: number) => {
    const plan = plans[l]!;
    const aim = Math.max(level, search.boundOf(l) * (level > 1 ? 1 : 1 + gap));
    search.onParts(l, held[l], (solver) => {
      const before = solver.movesOf(plan);
      left -= solver.change(plan, aim, before + left, { steps, shakes, endMs }) - before;
    });
  };
  const settle = (l: number) => {
    const plan = plans[l]!;
    search.onParts(l, held[l], (solver) => {
      left += solver.movesOf(plan) - solver.settle(plan, level, endMs);
    });
  };
  const shakes = Math.min(iterations, 8);
  const steps = 8 * search.balance.slots;
  if (!isStep)
    for (let l = 0; l < plans.length; l++) {
      change(l, steps, shakes);
      settle(l);
    }
  else {
    // A few changes a layer, so that those that gain most a move come first; then what is left to gain.
    let before = Number.POSITIVE_INFINITY;
    for (let round = 0; round < 64 && !search.isLate; round++) {
      for (let l = 0; l < plans.length; l++) change(l, 2, round > 8 ? 1 : 0);
      const now = search.totals.reduce((most, total) => total.reduce((a, b) => Math.max(a, b), most), 0);
      if (now >= before - 1e-9) break;
      before = now;
    }
    for (let l = 0; l < plans.length; l++) settle(l);
  }
}

function movesOf(
  { balance }: Search,
  plans: readonly Uint32Array[],
  held: readonly (readonly (readonly number[])[])[],
): number {
  let moves = 0;
  plans.forEach((plan, l) => {
    balance.firstOf.forEach((first, g) => {
      const before = new Set(held[l]![g]);
      for (let j = 0; j < balance.slotsOf[g]!; j++)
        if (plan[first + j] !== NONE && !before.has(plan[first + j]!)) moves++;
    });
  });
  return moves;
}
