import { LANES } from "../../assembly/layout.ts";
import { checkKeys, checkWhole } from "../check.ts";
import type { RandomOptions } from "../random.ts";
import { blockBytes } from "../routes/routes.ts";
import { figure } from "../words.ts";
import { type Accesses, checkAccesses } from "./accesses.ts";
import { RecencyPass } from "./distances.ts";
import { Residency } from "./index.ts";
import type { CacheOptions, ExpertPlace, Policy } from "./policies.ts";
import type { ResidencyReport } from "./report.ts";

/** Below which budget LRU has nothing of what decode asks for. */
export interface RecencyCliff {
  /** LRU hits nothing in decode where the budget is below; null where it hits nothing at any budget. */
  cliffBytes: number | null;
  /** The fewest bytes that one token of decode asks for over all its layers; null without decode. */
  cycleBytes: number | null;
}

export interface SweepOptions extends RandomOptions {
  expertBytes: ArrayLike<number>;
  budgetsBytes: readonly number[];
  /** All but `guided` unless given. */
  policies?: readonly Policy[];
  pinned?: readonly ExpertPlace[];
  /** Of `guided`, as in `Residency.replay`; called once for all budgets. */
  score?: (scores: Float32Array, event: number) => void;
  /** Called as passes over the accesses end, with how many of how many. */
  onProgress?: (done: number, of: number) => void;
}

export interface ResidencySweep {
  /** A report for each policy and each budget, in the order given. */
  points: ResidencyReport[];
  cliff: RecencyCliff;
}

/** Policies unless others are given. Belady must see all accesses at once, which those of a stream never are. */
const USUAL = ["random", "lru", "lfu", "layer", "layerlfu", "belady"] as const satisfies Policy[];
const STREAMED = ["random", "lru", "lfu", "layer", "layerlfu"] as const satisfies Policy[];

const MOST_BUDGETS = 4096;
/** Caches of a stream are all there at once. */
const MOST_STREAMED = 512;

/** Hits of every policy at every budget. `lru`, `layer` and `guided` take one pass for all budgets, others one for each. */
export function sweepResidency(accesses: Accesses, options: SweepOptions): ResidencySweep {
  checkAccesses(accesses);
  const { begin, shape, lru } = sweepOf(accesses, { ...options, policies: options.policies ?? USUAL }, MOST_BUDGETS);
  const points = begin.flatMap((beginPass, i) => {
    const pass = beginPass();
    pass.take(accesses);
    options.onProgress?.(i + 1, begin.length);
    return pass.reports();
  });
  if (!lru.isAsked) lru.pass.take(accesses);
  const cycle = new Cycle(shape, options.expertBytes);
  cycle.take(accesses);
  return warned(points, lru.pass, cycle);
}

/** The same of accesses that come in batches, in constant memory, without Belady. */
export async function streamResidency(
  batches: AsyncIterable<Accesses> | Iterable<Accesses>,
  options: SweepOptions,
): Promise<ResidencySweep> {
  if (options.policies?.includes("belady"))
    throw new RangeError("policies must leave out belady, which sees all accesses at once, got it of a stream");
  let sweep: { passes: Pass[]; points: Pass[]; lru: RecencyPass; cycle: Cycle } | undefined;
  for await (const accesses of batches) {
    checkAccesses(accesses);
    if (!sweep) {
      const { begin, shape, lru } = sweepOf(
        accesses,
        { ...options, policies: options.policies ?? STREAMED },
        MOST_STREAMED,
      );
      const points = begin.map((beginPass) => beginPass());
      const cycle = new Cycle(shape, options.expertBytes);
      sweep = { passes: lru.isAsked ? points : [...points, lru.pass], points, lru: lru.pass, cycle };
    }
    for (const pass of sweep.passes) pass.take(accesses);
    sweep.cycle.take(accesses);
  }
  if (!sweep) throw new RangeError("batches must hold at least 1 event, got none");
  return warned(
    sweep.points.flatMap((pass) => pass.reports()),
    sweep.lru,
    sweep.cycle,
  );
}

/** One policy at one budget, over all of `accesses`. */
export function replayResidency(
  accesses: Accesses,
  options: Omit<SweepOptions, "budgetsBytes" | "policies"> & { budgetBytes: number; policy: Policy },
): ResidencyReport {
  const { budgetBytes, policy, ...rest } = options;
  return sweepResidency(accesses, { ...rest, budgetsBytes: [budgetBytes], policies: [policy] }).points[0]!;
}

/** The cliff of LRU: the least stack distance of decode, with the bytes of one token's cycle beside it. */
export function recencyCliff(
  accesses: Accesses,
  expertBytes: ArrayLike<number>,
  pinned: readonly ExpertPlace[] = [],
): RecencyCliff {
  checkAccesses(accesses);
  const { layers, experts } = accesses;
  const lru = new RecencyPass([lruOf({ layers, experts, expertBytes, pinned })]);
  const cycle = new Cycle(accesses, expertBytes);
  lru.take(accesses);
  cycle.take(accesses);
  return { cliffBytes: finiteOr(lru.least), cycleBytes: cycle.end() };
}

/** What a policy does of accesses that come in one piece or in several. */
interface Pass {
  take(accesses: Accesses): void;
  reports(): ResidencyReport[];
}

type Shape = Pick<Accesses, "layers" | "experts">;

/** The passes of a sweep, made where they begin, and the one by LRU, which tells of the cliff whether it is asked for or not. */
function sweepOf(
  { layers, experts }: Shape,
  options: SweepOptions & { policies: readonly Policy[] },
  mostBudgets: number,
): { begin: (() => Pass)[]; shape: Shape; lru: { pass: RecencyPass; isAsked: boolean } } {
  const known = ["expertBytes", "budgetsBytes", "policies", "pinned", "score", "onProgress", "seed", "stream"];
  checkKeys("options", options, known);
  const { expertBytes, budgetsBytes, policies, pinned = [], score, onProgress, ...random } = options;
  checkWhole("budgetsBytes.length", budgetsBytes.length, 1, mostBudgets);
  const cachesOf = (policy: Policy) =>
    budgetsBytes.map((budgetBytes) => ({ layers, experts, expertBytes, budgetBytes, policy, pinned }));
  const isAsked = policies.includes("lru");
  const lru = new RecencyPass(isAsked ? cachesOf("lru") : [lruOf({ layers, experts, expertBytes, pinned })]);
  const begin = policies.flatMap((policy): (() => Pass)[] => {
    const caches = cachesOf(policy);
    if (policy === "lru") return [() => lru];
    if (policy === "layer") return [() => new RecencyPass(caches)];
    if (policy === "guided") return [() => new GuidedPass(caches, score)];
    return caches.map((cache) => () => {
      const residency = new Residency({ ...cache, ...random });
      return { take: (accesses) => residency.replay(accesses), reports: () => [residency.report()] };
    });
  });
  return { begin, shape: { layers, experts }, lru: { pass: lru, isAsked } };
}

function lruOf(cache: Omit<CacheOptions, "budgetBytes" | "policy">): CacheOptions {
  return { ...cache, budgetBytes: Number.MAX_VALUE, policy: "lru" };
}

/** Caches of several budgets that go by the same scores, event by event. */
class GuidedPass implements Pass {
  readonly #caches: Residency[];
  readonly #score: SweepOptions["score"];
  #events = 0;

  constructor(caches: readonly CacheOptions[], score: SweepOptions["score"]) {
    this.#caches = caches.map((cache) => new Residency({ ...cache, batch: LANES * Math.ceil(cache.experts / LANES) }));
    this.#score = score;
  }

  take(accesses: Accesses): void {
    const { starts, phases, blocks, ...shape } = accesses;
    if (!this.#score) {
      for (const cache of this.#caches) cache.replay(accesses);
      return;
    }
    const { scores } = this.#caches[0]!;
    for (let event = 0; event < phases.length; event++) {
      this.#score(scores, this.#events++);
      const [first, last] = [starts[event]!, starts[event + 1]!];
      const one = {
        ...shape,
        blocks: blocks.subarray(first, last),
        starts: Uint32Array.of(0, last - first),
        phases: phases.subarray(event, event + 1),
      };
      for (const cache of this.#caches) {
        if (cache !== this.#caches[0]) cache.scores.set(scores);
        cache.replay(one);
      }
    }
  }

  reports(): ResidencyReport[] {
    return this.#caches.map((cache) => cache.report());
  }
}

/** What events of decode ask for: the fewest bytes of a whole token, and the most of each layer. */
class Cycle {
  /** Of each layer: the bytes of its largest event. */
  readonly most: Float64Array;
  readonly #layers: number;
  readonly #experts: number;
  readonly #sizes: Float64Array;
  #least = Number.POSITIVE_INFINITY;
  #bytes = 0;
  #layer = -1;

  constructor({ layers, experts }: Shape, expertBytes: ArrayLike<number>) {
    this.#layers = layers;
    this.#experts = experts;
    this.#sizes = blockBytes(expertBytes, layers, experts);
    this.most = new Float64Array(layers);
  }

  take({ starts, phases, blocks }: Accesses): void {
    for (let event = 0; event < phases.length; event++) {
      const first = starts[event]!;
      const next = phases[event] === 1 ? Math.floor(blocks[first]! / this.#experts) : -1;
      if (next <= this.#layer) this.#endCycle();
      this.#layer = next;
      if (next < 0) continue;
      let bytes = 0;
      for (let i = first; i < starts[event + 1]!; i++) bytes += this.#sizes[blocks[i]!]!;
      this.#bytes += bytes;
      this.most[next] = Math.max(this.most[next]!, bytes);
    }
  }

  /** What begins or ends in the middle of a token is no cycle. */
  #endCycle(): void {
    if (this.#layer === this.#layers - 1) this.#least = Math.min(this.#least, this.#bytes);
    this.#bytes = 0;
  }

  end(): number | null {
    this.#endCycle();
    return finiteOr(this.#least);
  }
}

/** Points with what a reader must know of them. */
function warned(points: ResidencyReport[], lru: RecencyPass, cycle: Cycle): ResidencySweep {
  const cliff = { cliffBytes: finiteOr(lru.least), cycleBytes: cycle.end() };
  for (const point of points) point.warnings.push(...warningsOf(point, cliff), ...excessOf(point, cycle.most));
  return { points, cliff };
}

const finiteOr = (value: number) => (Number.isFinite(value) ? value : null);

const megabytes = (bytes: number) => `${figure(bytes / 1e6)} MB`;

function warningsOf({ policy, budgetBytes, decode }: ResidencyReport, cliff: RecencyCliff): string[] {
  const { cliffBytes, cycleBytes } = cliff;
  if (policy !== "lru" || decode.accesses === 0 || cliffBytes === null || budgetBytes >= cliffBytes) return [];
  const cycle = cycleBytes === null ? "" : `; one token asks for at least ${megabytes(cycleBytes)}`;
  return [
    `lru is below its cliff: with ${megabytes(budgetBytes)} it evicts every expert before the next token asks for it, and from ${megabytes(cliffBytes)} on it does not${cycle}`,
  ];
}

/** A layer's share may be less than one event of it, whose experts are held all the same until the layer's next. */
function excessOf({ policy, budgetBytes, decode }: ResidencyReport, most: Float64Array): string[] {
  const share = budgetBytes / most.length;
  if ((policy !== "layer" && policy !== "layerlfu") || decode.accesses === 0) return [];
  if (most.every((bytes) => bytes <= share)) return [];
  const held = most.reduce((sum, bytes) => sum + Math.max(bytes, share), 0);
  return [
    `${policy} holds up to ${megabytes(held)}, more than its ${megabytes(budgetBytes)}: a layer's share is less than one token asks of it, which is held until the next token's`,
  ];
}
