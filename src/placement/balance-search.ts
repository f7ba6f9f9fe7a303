import { NONE } from "../../assembly/layout.ts";
import { layerBound, lowerBounds, strongBound } from "./balance-bounds.ts";
import type { Part } from "./balance-groups.ts";
import { type BalancePlan, describePlan } from "./balance-plan.ts";
import type { CompleteBalance, Limits } from "./balance-problem.ts";
import { addLoads, evenShares, gpuOfSlots, imbalances, levelledShares, type Shares } from "./balance-shares.ts";
import { PartSolver } from "./balance-solver.ts";

/** Plans of all layers as they become, what GPUs bear of them together, and the bounds. */
export class BalanceSearch {
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
