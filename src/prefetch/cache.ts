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
  /** A count of uses, and of the layer's visits; -1 while it has been prefetched and not been used. */
  lastUse: number;
  lastVisit: number;
  /** How long a prefetch of it, not yet used, has kept the server busy. */
  guessedNs: number;
}

/** What a GPU holds of one layer: so many experts, and those on their way have their places too. */
export class LayerCache {
  readonly #held = new Map<number, Held>();
  readonly #places: number;
  #uses = 0;
  #visits = 0;
  #misses = 0;

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
    held.lastVisit = this.#visits;
  }

  reserve(expert: number, fetch: Work | null): Held {
    const held = { expert, fetch, lastUse: -1, lastVisit: -1, guessedNs: 0 };
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

  /** Counts a visit, and the experts that would have missed without prefetching. */
  visit(misses: number): void {
    this.#visits++;
    this.#misses += misses;
  }

  /**
   * The resident that is missed least if it goes for a guess, and the chance that it is missed: at the coming visit, where
   * `confidence` tells it, and after a guess in vain also later. The layer's next miss evicts what was guessed in vain, and it
   * is as if nothing had been; until then, what has not been used for n visits is used at each with a chance of 1 in n + 2 (Laplace).
   */
  leastMissed(confidence: Confidence): Evictable | null {
    const visitsToMiss = (this.#visits + 1) / (this.#misses + 1);
    let [least, leastChance] = [null as Evictable | null, 0];
    for (const held of this.#held.values()) {
      if (held.fetch !== null) continue;
      const soon = confidence[held.expert]!;
      const later = Math.max(0, visitsToMiss - 1) / (this.#visits - held.lastVisit + 2);
      const isLess = least === null || soon + later < leastChance;
      if (!isLess && !(soon + later === leastChance && held.lastUse < least!.held.lastUse)) continue;
      least = { held, soon, later };
      leastChance = soon + later;
    }
    return least;
  }
}

/** A resident, and the chance that it is missed at the coming visit; and, after a guess in vain, at later ones: at most so often. */
export interface Evictable {
  held: Held;
  soon: number;
  later: number;
}

/** Of each expert of a layer: how likely it is used. */
export type Confidence = Float32Array;
