import { LANES, NONE } from "../../assembly/layout.ts";
import { checkKeys, checkLength, checkMultiple, checkWhole } from "../check.ts";
import { type RandomOptions, seedWords } from "../random.ts";
import { type Accesses, checkAccesses } from "./accesses.ts";
import { type Engine, engineOf } from "./engines.ts";
import { nextUses } from "./future.ts";
import { type Cache, type CacheOptions, cacheOf } from "./policies.ts";
import { type ResidencyReport, reportOf } from "./report.ts";

export interface ResidencyOptions extends CacheOptions, RandomOptions {
  /** How many accesses one call of the kernel takes; 65536 unless given. */
  batch?: number;
}

export interface ReplayOptions {
  /**
   * Of `guided`: called before each event to write what is known then into `scores`, `[layer * experts + expert]`: the higher,
   * the longer held. The event's own experts stay whatever their scores. Without it, `scores` stay as they are.
   */
  score?: (scores: Float32Array, event: number) => void;
  /** Filled with 1 where an access was a hit, else 0. */
  hits?: Uint8Array;
}

/** Events and accesses are numbered in 32 bits. */
const MOST = 2 ** 32 - 2;

/**
 * A cache of experts under a byte budget. An event asks for distinct experts of one layer; what it misses is admitted, and
 * then others are evicted until the budget holds, never one of the event: so that a single event may exceed the budget.
 */
export class Residency {
  readonly #cache: Cache;
  readonly #engine: Engine;
  readonly #length: number;
  #events = 0;
  #accesses = 0;

  constructor(options: ResidencyOptions) {
    const { seed = 1, stream = 0, batch = 65536, ...cache } = options;
    checkKeys("options", cache, ["layers", "experts", "expertBytes", "budgetBytes", "policy", "pinned"]);
    checkMultiple("batch", batch, LANES, 2 ** 22);
    this.#cache = cacheOf(cache);
    if (batch < this.#cache.experts) checkWhole("batch", batch, this.#cache.experts, 2 ** 22);
    this.#length = batch;
    this.#engine = engineOf(this.#cache, batch, seedWords({ seed, stream }));
  }

  /** Of `guided`: scores of experts, `[layer * experts + expert]`, 0 until written. */
  get scores(): Float32Array {
    if (!this.#engine.scores) throw new TypeError(`scores are of the policy guided, got ${this.#cache.policy}`);
    return this.#engine.scores;
  }

  /** Whether the cache holds an expert now. */
  isResident(layer: number, expert: number): boolean {
    checkWhole("layer", layer, 0, this.#cache.layers - 1);
    checkWhole("expert", expert, 0, this.#cache.experts - 1);
    return this.#engine.isResident(layer * this.#cache.experts + expert);
  }

  /** Goes on with `accesses`. Belady looks ahead to their end, and takes nothing to come after them. */
  replay(accesses: Accesses, options: ReplayOptions = {}): void {
    checkKeys("options", options, ["score", "hits"]);
    const { layers, experts, blocks, starts, phases } = accesses;
    const { score, hits } = options;
    checkWhole("layers of accesses", layers, this.#cache.layers, this.#cache.layers);
    checkWhole("experts of accesses", experts, this.#cache.experts, this.#cache.experts);
    checkAccesses(accesses);
    checkWhole("accesses so far", this.#accesses + blocks.length, 0, MOST);
    checkWhole("events so far", this.#events + phases.length, 0, MOST);
    if (hits) checkLength("hits", hits, blocks.length);
    if (score && !this.#engine.scores)
      throw new TypeError(`score is of the policy guided, got it with ${this.#cache.policy}`);
    const next = this.#cache.policy === "belady" ? nextUses(accesses) : undefined;
    const { batch } = this.#engine;
    const firstEvent = this.#events;
    for (let from = 0; from < phases.length; ) {
      score?.(this.scores, firstEvent + from);
      const to = this.#endOfBatch(starts, from, score ? 1 : this.#length);
      const [first, last] = [starts[from]!, starts[to]!];
      const rows = blocks.subarray(first, last);
      batch.blocks.set(rows);
      for (let event = from; event <= to; event++) batch.starts[event - from] = starts[event]! - first;
      batch.phases.set(phases.subarray(from, to));
      this.#rank(rows, next?.subarray(first, last), firstEvent);
      const done = this.#engine.replay(to - from, this.#events + 1, this.#accesses);
      if (done < to - from)
        throw new RangeError(
          `event ${from + done} must name distinct experts of one layer, below ${layers} x ${experts}, got ${rows.subarray(batch.starts[done]!, batch.starts[done + 1]!).join(", ")}`,
        );
      hits?.set(batch.isHit.subarray(0, last - first), first);
      this.#events += to - from;
      this.#accesses += last - first;
      from = to;
    }
  }

  /** What all replays so far came to. */
  report(): ResidencyReport {
    const { policy, budgetBytes, pinnedBytes } = this.#cache;
    const pinned = pinnedBytes.reduce((sum, bytes) => sum + bytes, 0);
    return reportOf({ policy, budgetBytes, pinnedBytes: pinned }, this.#engine.batch.tally);
  }

  /** The first event that a batch of at most `events` from event `from` on has no room for. */
  #endOfBatch(starts: Uint32Array, from: number, events: number): number {
    const most = Math.min(starts.length - 1, from + events);
    let to = from;
    while (to < most && starts[to + 1]! - starts[from]! <= this.#length) to++;
    if (to === from)
      throw new RangeError(
        `event ${from} must have at most ${this.#length} accesses, got ${starts[from + 1]! - starts[from]!}`,
      );
    return to;
  }

  /** Ranks the accesses of a batch where the kernel does not. */
  #rank(blocks: Uint32Array, next: Uint32Array | undefined, firstEvent: number): void {
    const { ranks, rankBlocks } = this.#engine;
    // The furthest next use is the least rank; NONE, which never comes, is 0.
    if (next) for (let i = 0; i < next.length; i++) ranks![i] = next[i] === NONE ? 0 : NONE - (firstEvent + next[i]!);
    if (rankBlocks) {
      const blockRanks = rankBlocks();
      for (let i = 0; i < blocks.length; i++) ranks![i] = blockRanks[blocks[i]!]!;
    }
  }
}
