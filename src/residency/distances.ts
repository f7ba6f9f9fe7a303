import { BIN_WORDS, LANES, NONE, PINNED, TALLY_PHASE, TALLY_WORDS } from "../../assembly/layout.ts";
import { workspace } from "../wasm.ts";
import type { Accesses } from "./accesses.ts";
import { type Cache, type CacheOptions, cacheOf } from "./policies.ts";
import { type ResidencyReport, reportOf } from "./report.ts";

/** A policy by recency at several budgets, in one pass: stack distances, counted by the least budget that makes them hits. */
export class RecencyPass {
  readonly #caches: Cache[];
  /** Of a group, each once, ascending. */
  readonly #shares: number[];
  readonly #length: number;
  readonly #kernel: ReturnType<typeof kernelOf>;
  #events = 0;

  constructor(options: readonly CacheOptions[]) {
    this.#caches = options.map(cacheOf);
    const [cache] = this.#caches as [Cache];
    this.#shares = [...new Set(this.#caches.map(({ shareBytes }) => shareBytes))].sort((a, b) => a - b);
    this.#length = Math.ceil(Math.max(65536, cache.experts) / LANES) * LANES;
    this.#kernel = kernelOf(cache, this.#shares, this.#length);
  }

  /** The least distance of decode so far. */
  get least(): number {
    return this.#kernel.views.least[0]!;
  }

  /** Goes on with `accesses`. */
  take({ starts, phases, blocks }: Accesses): void {
    const { kernels, views, at } = this.#kernel;
    const length = this.#length;
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
        this.#events + 1,
      );
      if (done < to - from || to === from)
        throw new RangeError(
          `event ${this.#events + done} must name distinct experts of one layer, below those of the model`,
        );
      this.#events += to - from;
      from = to;
    }
  }

  /** A report for each budget, in the order given. */
  reports(): ResidencyReport[] {
    const { bins } = this.#kernel.views;
    return this.#caches.map((cache) => {
      const tally = new Float64Array(TALLY_WORDS);
      for (const phase of [0, 1]) {
        let [all, hits, readBytes] = [0, 0, 0];
        for (let bin = 0; bin <= this.#shares.length; bin++) {
          const at = BIN_WORDS * (phase * (this.#shares.length + 1) + bin);
          all += bins[at]!;
          if (this.#shares[bin]! <= cache.shareBytes) hits += bins[at]!;
          else readBytes += bins[at + 1]!;
        }
        tally.set([all, hits, readBytes], phase * TALLY_PHASE);
      }
      const pinnedBytes = cache.pinnedBytes.reduce((sum, bytes) => sum + bytes, 0);
      return reportOf({ policy: cache.policy, budgetBytes: cache.budgetBytes, pinnedBytes }, tally);
    });
  }
}

function kernelOf(cache: Cache, shares: readonly number[], length: number) {
  const blockCount = cache.bytes.length;
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
  return { kernels, views, at };
}
