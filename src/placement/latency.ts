import { checkBetween, checkKeys, checkWhole } from "../check.ts";
import { CopySearch } from "./copies.ts";
import { costRows } from "./costs.ts";
import { knapsackBound, solveExactly } from "./exact.ts";
import { type Infeasible, obstacleOf } from "./obstacles.ts";
import type { Prices } from "./price-search.ts";
import { type CompleteProblem, completeProblem, type LatencyPlan, type LatencyProblem } from "./problem.ts";
import { Search } from "./search.ts";
import { type PlanCheck, verifyComplete } from "./verify.ts";

export interface PlaceOptions {
  /** How far above the bound a plan may cost, as a share, for the search to end; 0.005 unless given. */
  gap?: number;
  /** The search ends after this many milliseconds, with the best it has; never unless given. */
  timeLimitMs?: number;
  /** The search ends after so many rounds, each twice as thorough as the one before; 6 unless given. */
  rounds?: number;
  /** Equal seeds give equal plans, unless a time limit ends the search; 1 unless given. */
  seed?: number;
  /** Told each plan that is better than all before it. */
  onPlan?: (plan: LatencyPlan, cost: number, bound: number) => void;
}

/**
 * *optimal*: no plan costs less, and that is proved; *within gap*: none costs less by more than the gap asked for; *time
 * limit* or *iteration limit*: time or rounds ended before that; *infeasible*: no plan keeps all rules.
 */
export type PlacementStatus = "optimal" | "within gap" | "time limit" | "iteration limit" | "infeasible";

export interface LatencyPlacement {
  objective: "latency";
  status: PlacementStatus;
  /** None if the problem is infeasible, or no plan was found in time. */
  plan?: LatencyPlan;
  /** What the plan comes to, as `verifyPlacement` says. */
  check?: PlanCheck;
  /** No plan costs less than this. */
  bound: number;
  /** How much more than the bound the plan costs, over the bound. */
  gap: number;
  /** What a slot, a unit of load and a byte more would save, about. */
  prices: Prices;
  /** What these prices alone prove; on small problems the bound may be above it, where whole sets of experts were weighed. */
  priceBound: number;
  /** What is in the way, and what would help. */
  infeasible?: Infeasible;
  rounds: number;
}

const KEYS: readonly (keyof PlaceOptions)[] = ["gap", "timeLimitMs", "rounds", "seed", "onPlan"];

/** Passes over all experts in the first round, and proposals for each of them. */
const PASSES = 16;
const PROPOSALS_EACH = 64;
const LEAST_PROPOSALS = 2 ** 16;
const LEAST_PROPOSALS_OF_COPIES = 2 ** 14;
const ROUNDS = 6;
/** Raises of bids, over the scale of costs: where slots are all that is scarce, in the first round, and a fifth in each after that. */
const RAISE = 0.03;
const RAISE_LEAST = 1e-5;
/** Rounds without a better plan or bound after which there is no use in more. */
const STILL = 2;
/** Experts times GPUs up to which a small problem under loads is solved exactly, and one of medium size has its bound raised. */
const SMALL = 2048;
const MEDIUM = 2 ** 14;
/** Looks at the clock after which an exact search gives up: some seconds. Counted, so that equal seeds give equal plans. */
const LOOKS = 2 ** 14;

/** Finds a plan for a latency problem, a bound below which none is, and the prices behind it. */
export function placeForLatency(problem: LatencyProblem, options: PlaceOptions = {}): LatencyPlacement {
  checkKeys("options", options, KEYS);
  const { gap = 0.005, rounds = ROUNDS, seed = 1, timeLimitMs = Number.POSITIVE_INFINITY } = options;
  checkBetween("gap", gap, 0, 1);
  checkWhole("rounds", rounds, 1, 24);
  checkWhole("seed", seed, 0, Number.MAX_SAFE_INTEGER);
  if (!(timeLimitMs > 0)) throw new RangeError(`timeLimitMs must be above 0, got ${timeLimitMs}`);
  const complete = completeProblem(problem);
  const infeasible = obstacleOf(complete);
  if (infeasible) return refusal(complete, infeasible);
  return new Rounds(complete, { gap, rounds, seed, timeLimitMs, ...options }).run();
}

type CompleteOptions = Required<Omit<PlaceOptions, "onPlan">> & Pick<PlaceOptions, "onPlan">;

/** Rounds of searching, each more thorough than the one before, until the gap is closed far enough. */
class Rounds {
  readonly #problem: CompleteProblem;
  readonly #options: CompleteOptions;
  readonly #search: Search | CopySearch;
  readonly #isOver: () => boolean;
  #best: { plan: LatencyPlan; check: PlanCheck } | undefined;
  /** A bound from elsewhere than prices. */
  #raised = Number.NEGATIVE_INFINITY;

  constructor(problem: CompleteProblem, options: CompleteOptions) {
    this.#problem = problem;
    this.#options = options;
    const untilMs = performance.now() + options.timeLimitMs;
    this.#isOver = () => performance.now() > untilMs;
    this.#search = hasOneCopy(problem) ? new Search(problem, options.seed) : new CopySearch(problem, options.seed);
  }

  run(): LatencyPlacement {
    const { isLoadLimited, from, movedBytesMax } = this.#problem;
    // Only where nothing but slots of one copy is scarce does the auction find the best plan by itself.
    const isCoupled =
      this.#search instanceof CopySearch ||
      isLoadLimited ||
      (from !== undefined && movedBytesMax < Number.POSITIVE_INFINITY);
    let round = 0;
    let still = 0;
    for (
      ;
      round < this.#options.rounds && !this.#isDone() && !(round > 0 && this.#isOver()) && still < STILL;
      round++
    ) {
      if (isLoadLimited && round === 1 && this.#search instanceof Search) this.#raiseBound();
      if (this.#isDone()) break;
      const before = [this.#best?.check.cost, this.#bound()] as const;
      if (isCoupled) this.#coupledRound(round);
      else this.#bid(Math.max(RAISE_LEAST, RAISE / 5 ** round));
      still = before[0] === this.#best?.check.cost && before[1] === this.#bound() ? still + 1 : 0;
    }
    const answer = this.#answer(round);
    if (this.#search instanceof Search) this.#search.release();
    return answer;
  }

  /** Better prices, an auction at them, which minds no load, and annealing from there, which does. */
  #coupledRound(round: number): void {
    const search = this.#search;
    search.ascend(round === 0 ? PASSES : PASSES * 2 ** (round - 1), this.#isOver);
    if (!this.#bid(RAISE / 3) || this.#isDone()) return;
    const least = search instanceof CopySearch ? LEAST_PROPOSALS_OF_COPIES : LEAST_PROPOSALS;
    const proposals = Math.max(least, PROPOSALS_EACH * this.#problem.experts) * 4 ** round;
    for (const _ of search.anneal(proposals)) if (this.#isOver()) break;
    this.#keep();
  }

  /**
   * Where experts are large beside what a GPU may serve, prices alone leave a gap that no plan closes: whole sets of experts are
   * weighed then, which for small problems ends in proof.
   */
  #raiseBound(): void {
    const { cluster, experts, loads, gpuLoadMax, movedBytesMax, from } = this.#problem;
    const size = experts * cluster.gpus;
    if (size > MEDIUM || (from && movedBytesMax < Number.POSITIVE_INFINITY)) return;
    const capacity = gpuLoadMax.map((most, gpu) => (cluster.slots[gpu] === 0 ? 0 : most));
    const exact = { costs: costRows(this.#problem), loads, slots: cluster.slots, capacity };
    let looks = 0;
    const clock = () => (this.#isOver() ? Number.POSITIVE_INFINITY : looks++);
    const best = this.#best && {
      at: Uint32Array.from(this.#best.plan.gpusOfExpert, ([gpu]) => gpu!),
      cost: this.#best.check.cost,
    };
    const options = { ...(best ? { upper: best } : {}), timeLimitMs: LOOKS, clock };
    const found = size <= SMALL ? solveExactly(exact, options) : { at: null, ...knapsackBound(exact, options) };
    this.#raised = Math.max(this.#raised, found.bound);
    if (found.at) this.#keepPlan(Array.from(found.at, (gpu) => [gpu]));
  }

  /** Whether all find slots. */
  #bid(raise: number): boolean {
    const isPlaced = this.#search.bid(raise, this.#isOver);
    if (isPlaced) this.#keep();
    return isPlaced;
  }

  /** Keeps the placement of the search if it keeps all rules and is the best so far. */
  #keep(): void {
    this.#keepPlan(this.#search.gpusOfExpert);
  }

  #keepPlan(gpusOfExpert: number[][]): void {
    const check = verifyComplete(this.#problem, gpusOfExpert);
    if (check.violations.length > 0 || check.cost >= (this.#best?.check.cost ?? Number.POSITIVE_INFINITY)) return;
    const plan = { gpusOfExpert };
    this.#best = { plan, check };
    this.#options.onPlan?.(plan, check.cost, this.#bound());
  }

  /** Where all costs are whole numbers, so is the least; and no cost is below 0. */
  #bound(): number {
    const { bound, isWhole } = this.#search;
    const best = Math.max(bound, this.#raised);
    return Math.max(0, isWhole ? Math.ceil(best - 1e-6) : best);
  }

  #isOptimal(): boolean {
    return this.#best !== undefined && this.#best.check.cost - this.#bound() <= 1e-9 * this.#best.check.cost;
  }

  #isDone(): boolean {
    return (
      this.#isOptimal() ||
      (this.#best !== undefined && gapOf(this.#best.check.cost, this.#bound()) <= this.#options.gap)
    );
  }

  get #limit(): "time limit" | "iteration limit" {
    return this.#isOver() ? "time limit" : "iteration limit";
  }

  #answer(rounds: number): LatencyPlacement {
    const bound = this.#bound();
    const { prices, bound: priceBound } = this.#search;
    const common = { objective: "latency", bound, prices, priceBound, rounds } as const;
    if (!this.#best) {
      if (bound > mostCost(this.#problem)) return refusal(this.#problem, overpriced(this.#problem, prices), rounds);
      return { ...common, status: this.#limit, gap: Number.POSITIVE_INFINITY };
    }
    const { plan, check } = this.#best;
    const gap = gapOf(check.cost, bound);
    const status = this.#isOptimal() ? "optimal" : gap <= this.#options.gap ? "within gap" : this.#limit;
    return { ...common, status, plan, check, gap };
  }
}

/** Whether each expert has one copy, and comes from one GPU: what comes from nowhere is moved wherever it goes. */
function hasOneCopy({ copiesMax, from }: CompleteProblem): boolean {
  return copiesMax === 1 && (from?.every((gpus) => gpus.length === 1) ?? true);
}

/** How much more than the bound a cost is, over the bound; 0 where both are 0. */
function gapOf(cost: number, bound: number): number {
  if (cost <= bound) return 0;
  return bound > 0 ? (cost - bound) / bound : Number.POSITIVE_INFINITY;
}

/** What the dearest placement would cost, rules aside. */
function mostCost({ demandOfExpert, moveCosts, tierCosts, copiesMax }: CompleteProblem): number {
  return demandOfExpert.reduce((sum, asked, e) => sum + asked * tierCosts[3] + copiesMax * moveCosts[e]!, 0);
}

/** A bound above what any placement costs says that there is none; the prices say what is too scarce. */
function overpriced(
  { isLoadLimited, gpuLoadMax, cluster, movedBytesMax }: CompleteProblem,
  prices: Prices,
): Infeasible {
  const moves = `no placement that keeps all other rules moves ${movedBytesMax} bytes or fewer`;
  if (!isLoadLimited) return { constraint: "moved bytes", because: moves, relax: "a greater movedBytesMax" };
  const open = gpuLoadMax.filter((_, gpu) => cluster.slots[gpu]! > 0);
  return {
    constraint: "load",
    because: `no placement has GPUs serve at most ${Math.max(...open)} each and keeps all other rules`,
    relax: `a greater gpuLoadMax, or slots elsewhere${prices.byte > 0 ? ", or a greater movedBytesMax" : ""}`,
  };
}

function refusal({ cluster }: CompleteProblem, infeasible: Infeasible, rounds = 0): LatencyPlacement {
  const none = new Float64Array(cluster.gpus);
  return {
    objective: "latency",
    status: "infeasible",
    bound: Number.POSITIVE_INFINITY,
    gap: Number.POSITIVE_INFINITY,
    prices: { slot: none, load: none.slice(), byte: 0 },
    priceBound: Number.NEGATIVE_INFINITY,
    infeasible,
    rounds,
  };
}
