import type { Work } from "./server.ts";

/** A load of an expert to a GPU. */
export interface Fetch extends Work {
  expert: number;
  done: (nowNs: number) => void;
}

/** An expert in a cache, or on its way to its place there. */
export interface Held {
  expert: number;
  /** Null once it is resident. */
  fetch: Work | null;
  /** A count of uses; -1 while it has been prefetched and not been used. */
  lastUse: number;
  /** How long a prefetch of it, not yet used, has kept the server busy. */
  guessedNs: number;
}

/** What a GPU holds of one layer: so many experts, and those on their way have their places too. */
export class LayerCache {
  readonly #held = new Map<number, Held>();
  readonly #places: number;
  #uses = 0;

  constructor(places: number) {
    this.#places = places;
  }

  get(expert: number): Held | undefined {
    return this.#held.get(expert);
  }

  all(): IterableIterator<Held> {
    return this.#held.values();
  }

  get hasRoom(): boolean {
    return this.#held.size < this.#places;
  }

  use(held: Held): void {
    held.lastUse = this.#uses++;
  }

  reserve(expert: number, fetch: Work | null): Held {
    const held = { expert, fetch, lastUse: -1, guessedNs: 0 };
    this.#held.set(expert, held);
    return held;
  }

  drop(held: Held): void {
    this.#held.delete(held.expert);
  }

  /** The resident that was used least recently, of those that are not wanted; one that was guessed in vain goes first. */
  leastRecent(isWanted: (expert: number) => boolean): Held | null {
    let least: Held | null = null;
    for (const held of this.#held.values())
      if (held.fetch === null && !isWanted(held.expert) && (least === null || held.lastUse < least.lastUse))
        least = held;
    return least;
  }

  /** The resident that is least likely to be used, of equal ones the least recent. */
  leastLikely(confidence: Confidence): Held | null {
    let least: Held | null = null;
    for (const held of this.#held.values()) {
      if (held.fetch !== null) continue;
      const more = least === null ? -1 : confidence[held.expert]! - confidence[least.expert]!;
      if (least === null || more < 0 || (more === 0 && held.lastUse < least.lastUse)) least = held;
    }
    return least;
  }
}

/** Of each expert of a layer: how likely it is used. */
export type Confidence = Float32Array;
