import type { EnginePlan } from "../../src/simulation/memory.ts";

/** What one GPU holds: what is placed there, and caches by recency, of all layers or one a layer, as lists of blocks. */
export class HeldBlocks {
  readonly #placed = new Set<number>();
  readonly #plan: EnginePlan;
  /** Of each cache the blocks that are there, least recent first. */
  readonly #recent: number[][];
  /** Blocks that came before anybody asked for them. */
  readonly #unused = new Set<number>();
  /** Blocks on their way, and their loads. */
  readonly coming = new Map<number, number>();

  constructor(plan: EnginePlan, gpu: number) {
    const { starts, gpus } = plan.copies;
    for (let block = 0; block < starts.length - 1; block++)
      if (gpus.subarray(starts[block], starts[block + 1]).includes(gpu)) this.#placed.add(block);
    this.#plan = plan;
    this.#recent = plan.cache.perLayer ? plan.layers.map(() => []) : [[]];
  }

  has(block: number): boolean {
    return this.#placed.has(block) || this.#cacheOf(this.#layerOf(block)).includes(block);
  }

  /** Uses a block that is there, and tells whether it is the first use of one that was foreseen. */
  use(block: number): boolean {
    const cache = this.#cacheOf(this.#layerOf(block));
    if (!this.#placed.has(block)) cache.push(...cache.splice(cache.indexOf(block), 1));
    return this.#unused.delete(block);
  }

  reserve(block: number, load: number): void {
    this.coming.set(block, load);
  }

  arrive(block: number, isUnused: boolean): void {
    this.coming.delete(block);
    this.#cacheOf(this.#layerOf(block)).push(block);
    if (isUnused) this.#unused.add(block);
  }

  /** By how much the caches of a block's layer would exceed their budget with it. */
  lacks(block: number): boolean {
    const layer = this.#layerOf(block);
    return this.#usedBytes(layer) + this.#bytesOf(block) > this.#budgetBytes();
  }

  /** Evicts from the cache of a layer until it is within its budget, but nothing that is asked for; tells what was never used. */
  evict(layer: number, asked: readonly number[]): number {
    const cache = this.#cacheOf(layer);
    let wastedBytes = 0;
    while (this.#usedBytes(layer) > this.#budgetBytes()) {
      const oldest = cache.find((block) => !asked.includes(block));
      if (oldest === undefined) break;
      cache.splice(cache.indexOf(oldest), 1);
      if (this.#unused.delete(oldest)) wastedBytes += this.#bytesOf(oldest);
    }
    return wastedBytes;
  }

  #cacheOf(layer: number): number[] {
    return this.#recent[this.#plan.cache.perLayer ? layer : 0]!;
  }

  /** What is there, and the room of what is on its way. */
  #usedBytes(layer: number): number {
    const { perLayer } = this.#plan.cache;
    const coming = [...this.coming.keys()].filter((block) => !perLayer || this.#layerOf(block) === layer);
    return [...this.#cacheOf(layer), ...coming].reduce((sum, block) => sum + this.#bytesOf(block), 0);
  }

  #budgetBytes(): number {
    return this.#plan.cache.budgetBytes / this.#recent.length;
  }

  #layerOf(block: number): number {
    return Math.floor(block / this.#plan.experts);
  }

  #bytesOf(block: number): number {
    return this.#plan.layers[this.#layerOf(block)]!.expertBytes;
  }
}
