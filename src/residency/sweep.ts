import { BIN_WORDS, LANES, NONE, PINNED, TALLY_PHASE, TALLY_WORDS } from "../../assembly/layout.ts";
import { checkKeys, checkWhole } from "../check.ts";
import type { RandomOptions } from "../random.ts";
import { blockBytes } from "../routes/routes.ts";
import { workspace } from "../wasm.ts";
import type { Accesses } from "./accesses.ts";
import { Residency } from "./index.ts";
import { type Cache, type CacheOptions, cacheOf, type ExpertPlace, type Policy } from "./policies.ts";
import { type ResidencyReport, reportOf } from "./report.ts";

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
  /** Of `guided`, as in `Residency.replay`. */
  score?: (scores: Float32Array, event: number) => void;
}

export interface ResidencySweep {
  /** A report for each policy and each budget, in the order given. */
  points: ResidencyReport[];
  cliff: RecencyCliff;
}

/** Hits of every policy at every budget. `lru` and `layer` take one pass for all budgets, others one for each. */
export function sweepResidency(accesses: Accesses, options: SweepOptions): ResidencySweep {
  checkKeys("options", options, ["expertBytes", "budgetsBytes", "policies", "pinned", "score", "seed", "stream"]);
  const {
    expertBytes,
    budgetsBytes,
    policies = ["random", "lru", "lfu", "layer", "layerlfu", "belady"],
    pinned = [],
    score,
    ...random
  } = options;
  checkWhole("budgetsBytes.length", budgetsBytes.length, 1, 4096);
  const { layers, experts } = accesses;
  let least: number | null = null;
  const points = policies.flatMap((policy) => {
    const caches = budgetsBytes.map((budgetBytes) => ({ layers, experts, expertBytes, budgetBytes, policy, pinned }));
    if (policy === "lru" || policy === "layer") {
      const swept = sweepRecency(accesses, caches);
      if (policy === "lru") least = swept.least;
      return swept.reports;
    }
    return caches.map((cache) => {
      const residency = new Residency({ ...cache, ...random });
      residency.replay(accesses, policy === "guided" && score ? { score } : {});
      return residency.report();
    });
  });
  const cliff = least === null ? recencyCliff(accesses, expertBytes, pinned) : cliffOf(accesses, expertBytes, least);
  for (const point of points) point.warnings.push(...warningsOf(point, cliff));
  return { points, cliff };
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
  const { layers, experts } = accesses;
  const cache = cacheOf({ layers, experts, expertBytes, budgetBytes: Number.MAX_VALUE, policy: "lru", pinned });
  return cliffOf(accesses, expertBytes, binnedDistances(accesses, cache, [Number.MAX_VALUE]).least);
}

function cliffOf(accesses: Accesses, expertBytes: ArrayLike<number>, least: number): RecencyCliff {
  const { layers, experts, starts, phases, blocks } = accesses;
  const sizes = blockBytes(expertBytes, layers, experts);
  let [cycleBytes, bytes, layer] = [Number.POSITIVE_INFINITY, 0, -1];
  const endCycle = () => {
    // What begins or ends in the middle of a token is no cycle.
    if (layer === layers - 1) cycleBytes = Math.min(cycleBytes, bytes);
    bytes = 0;
  };
  for (let event = 0; event < phases.length; event++) {
    const first = starts[event]!;
    const next = phases[event] === 1 ? Math.floor(blocks[first]! / experts) : -1;
    if (next <= layer) endCycle();
    layer = next;
    if (next >= 0) for (let i = first; i < starts[event + 1]!; i++) bytes += sizes[blocks[i]!]!;
  }
  endCycle();
  return { cliffBytes: finiteOr(least), cycleBytes: finiteOr(cycleBytes) };
}

const finiteOr = (value: number) => (Number.isFinite(value) ? value : null);

const mib = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

function warningsOf({ policy, budgetBytes, decode }: ResidencyReport, cliff: RecencyCliff): string[] {
  const { cliffBytes, cycleBytes } = cliff;
  if (policy !== "lru" || decode.accesses === 0 || cliffBytes === null || budgetBytes >= cliffBytes) return [];
  const cycle = cycleBytes === null ? "" : `; one token asks for at least ${mib(cycleBytes)}`;
  return [
    `lru is below its cliff: with ${mib(budgetBytes)} it evicts every expert before the next token asks for it, and from ${mib(cliffBytes)} on it does not${cycle}`,
  ];
}

/** Reports of a policy by recency at several budgets, in one pass. */
function sweepRecency(
  accesses: Accesses,
  options: readonly CacheOptions[],
): { reports: ResidencyReport[]; least: number } {
  const caches = options.map(cacheOf);
  const shares = [...new Set(caches.map(({ shareBytes }) => shareBytes))].sort((a, b) => a - b);
  const { bins, least } = binnedDistances(accesses, caches[0]!, shares);
  const reports = caches.map((cache) => {
    const tally = new Float64Array(TALLY_WORDS);
    for (const phase of [0, 1]) {
      let [all, hits, readBytes] = [0, 0, 0];
      for (let bin = 0; bin <= shares.length; bin++) {
        const at = BIN_WORDS * (phase * (shares.length + 1) + bin);
        all += bins[at]!;
        if (shares[bin]! <= cache.shareBytes) hits += bins[at]!;
        else readBytes += bins[at + 1]!;
      }
      tally.set([all, hits, readBytes], phase * TALLY_PHASE);
    }
    const pinnedBytes = cache.pinnedBytes.reduce((sum, bytes) => sum + bytes, 0);
    return reportOf({ policy: cache.policy, budgetBytes: cache.budgetBytes, pinnedBytes }, tally);
  });
  return { reports, least };
}

/** Stack distances of all accesses, counted by the least of the ascending `shares` of a group that holds them. */
function binnedDistances(
  accesses: Accesses,
  cache: Cache,
  shares: readonly number[],
): { bins: Float64Array; least: number } {
  const { starts, phases, blocks } = accesses;
  const blockCount = cache.bytes.length;
  const length = Math.ceil(Math.max(65536, cache.experts) / LANES) * LANES;
  const { kernels, views, at } = workspace({
    bins: ["F64", 2 * BIN_WORDS * (shares.length + 1)],
    least: ["F64", 1],
    distances: ["F64", length],
    blocks: ["U32", length],
    starts: ["U32", length + 1],
    phases: ["U32", length],
    bytes: ["F64", blockCount],
    shares: ["F64", shares.length],
    pinnedBytes: ["F64", cache.groups],
    totals: ["F64", cache.groups],
    sums: ["F64", 2 * blockCount],
    slots: ["U32", blockCount],
    slotBlocks: ["U32", 2 * blockCount],
    counts: ["U32", cache.groups],
    stamps: ["U32", blockCount],
    groupStamps: ["U32", cache.groups],
  });
  views.least[0] = Number.POSITIVE_INFINITY;
  views.bytes.set(cache.bytes);
  views.shares.set(shares);
  views.pinnedBytes.set(cache.pinnedBytes);
  views.slots.fill(NONE);
  views.slotBlocks.fill(NONE);
  for (const block of cache.pinned) views.slots[block] = PINNED;
  for (let from = 0; from < phases.length; ) {
    let to = from;
    while (to < phases.length && to - from < length && starts[to + 1]! - starts[from]! <= length) to++;
    views.blocks.set(blocks.subarray(starts[from]!, starts[to]!));
    for (let event = from; event <= to; event++) views.starts[event - from] = starts[event]! - starts[from]!;
    views.phases.set(phases.subarray(from, to));
    const done = kernels.binDistances(
      at.bins,
      at.least,
      at.distances,
      at.blocks,
      at.starts,
      at.phases,
      at.bytes,
      at.shares,
      at.pinnedBytes,
      at.totals,
      at.sums,
      at.slots,
      at.slotBlocks,
      at.counts,
      at.stamps,
      at.groupStamps,
      to - from,
      from + 1,
    );
    if (done < to - from || to === from)
      throw new RangeError(`event ${from + done} must name distinct experts of one layer, below those of the model`);
    from = to;
  }
  return { bins: views.bins, least: views.least[0] };
}
