import type { Accesses, CacheOptions } from "../../src/index.ts";

// Caches as they are written in TypeScript: a Map keeps its keys in order of insertion, so that of recency for who takes out
// and puts in again.

/** LRU; tells hits. */
export function replayRecent({ blocks, starts, experts }: Accesses, { expertBytes, budgetBytes }: CacheOptions) {
  const held = new Map<number, number>();
  let usedBytes = 0;
  return (): number => {
    let hits = 0;
    for (let event = 0; event < starts.length - 1; event++) {
      const asked = blocks.subarray(starts[event]!, starts[event + 1]!);
      for (const block of asked) {
        if (held.delete(block)) hits++;
        else usedBytes += expertBytes[Math.floor(block / experts)]!;
        held.set(block, event);
      }
      for (const [block, usedIn] of held) {
        if (usedBytes <= budgetBytes || usedIn === event) break;
        held.delete(block);
        usedBytes -= expertBytes[Math.floor(block / experts)]!;
      }
    }
    return hits;
  };
}

interface Resident {
  usedAt: number;
  usedIn: number;
}

/** LFU in each layer for itself, with counts that outlast eviction; tells hits. */
export function replayLayers({ blocks, starts, experts, layers }: Accesses, options: CacheOptions) {
  const { expertBytes, budgetBytes } = options;
  const caches = Array.from({ length: layers }, () => ({ held: new Map<number, Resident>(), usedBytes: 0 }));
  const counts = new Map<number, number>();
  let [clock, events] = [0, 0];
  return (): number => {
    let hits = 0;
    for (let event = 0; event < starts.length - 1; event++) {
      const asked = blocks.subarray(starts[event]!, starts[event + 1]!);
      const layer = Math.floor(asked[0]! / experts);
      const cache = caches[layer]!;
      const size = expertBytes[layer]!;
      events++;
      for (const block of asked) {
        counts.set(block, (counts.get(block) ?? 0) + 1);
        const resident = cache.held.get(block);
        if (resident) {
          hits++;
          resident.usedAt = clock++;
          resident.usedIn = events;
        } else {
          cache.usedBytes += size;
          cache.held.set(block, { usedAt: clock++, usedIn: events });
        }
      }
      while (cache.usedBytes > budgetBytes / layers) {
        let [victim, least, oldest] = [-1, Number.POSITIVE_INFINITY, 0];
        for (const [block, { usedAt, usedIn }] of cache.held) {
          if (usedIn === events) continue;
          const count = counts.get(block)!;
          if (count < least || (count === least && usedAt < oldest)) [victim, least, oldest] = [block, count, usedAt];
        }
        if (victim < 0) break;
        cache.held.delete(victim);
        cache.usedBytes -= size;
      }
    }
    return hits;
  };
}
