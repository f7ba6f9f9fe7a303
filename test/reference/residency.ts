import type { Accesses } from "../../src/residency/accesses.ts";
import type { Policy } from "../../src/residency/policies.ts";
import type { Routes } from "../../src/routes/routes.ts";

// Residency again, in lists that are searched: what each policy says, word for word.

interface Resident {
  block: number;
  usedAt: number;
}

export interface ReferenceCache {
  policy: Policy;
  /** Of each block. */
  bytes: ArrayLike<number>;
  budgetBytes: number;
  pinned?: readonly number[];
  /** Scores of blocks before an event. */
  score?: (event: number) => ArrayLike<number>;
}

/** Whether each access was a hit, for every policy but random. */
export function hitsOf(
  accesses: Accesses,
  { policy, bytes, budgetBytes, pinned = [], score }: ReferenceCache,
): number[] {
  const { layers, experts, blocks, starts } = accesses;
  const isLayered = policy === "layer" || policy === "layerlfu";
  const shareBytes = isLayered ? budgetBytes / layers : budgetBytes;
  const layerOf = (block: number) => Math.floor(block / experts);
  const events = Array.from(accesses.phases, (_, event) => [...blocks.subarray(starts[event]!, starts[event + 1]!)]);
  const usesOf = new Map<number, number>();
  let residents: Resident[] = [];
  let clock = 0;
  return events.flatMap((asked, event) => {
    const isHit = asked.map((block) => Number(pinned.includes(block) || residents.some((one) => one.block === block)));
    for (const block of asked) {
      usesOf.set(block, (usesOf.get(block) ?? 0) + 1);
      residents = residents.filter((one) => one.block !== block);
      if (!pinned.includes(block)) residents.push({ block, usedAt: clock++ });
    }
    const scores = score?.(event);
    const isIn = (block: number) => !isLayered || layerOf(block) === layerOf(asked[0]!);
    const nextUse = (block: number) => {
      const next = events.findIndex((later, i) => i > event && later.includes(block));
      return next < 0 ? Number.POSITIVE_INFINITY : next;
    };
    for (;;) {
      const held = [...residents.map(({ block }) => block), ...pinned].filter(isIn);
      const others = residents.filter(({ block }) => isIn(block) && !asked.includes(block));
      if (held.reduce((sum, block) => sum + bytes[block]!, 0) <= shareBytes || others.length === 0) break;
      const value = (block: number) => {
        if (policy === "lfu" || policy === "layerlfu") return usesOf.get(block)!;
        if (policy === "belady") return -nextUse(block);
        return policy === "guided" ? (scores?.[block] ?? 0) : 0;
      };
      const [victim] = others.sort((a, b) => value(a.block) - value(b.block) || a.usedAt - b.usedAt);
      residents = residents.filter((one) => one !== victim);
    }
    return isHit;
  });
}

/** The events of routes, as model.md says. */
export function eventsOf(routes: Routes): { layer: number; phase: number; experts: number[] }[] {
  const { layers, k, tokens, prompt, phase, chosen } = routes;
  const rowOf = (token: number, layer: number) =>
    [...chosen.subarray((token * layers + layer) * k, (token * layers + layer + 1) * k)].filter((e) => e !== 0xffff);
  const events: { layer: number; phase: number; experts: number[] }[] = [];
  for (let token = 0; token < tokens; ) {
    let end = token + 1;
    if (phase[token] === 0) while (end < tokens && phase[end] === 0 && prompt[end] === prompt[token]) end++;
    for (let layer = 0; layer < layers; layer++) {
      const all = Array.from({ length: end - token }, (_, i) => rowOf(token + i, layer)).flat();
      const experts = phase[token] === 0 ? [...new Set(all.reverse())].reverse() : [...new Set(all)];
      if (experts.length > 0) events.push({ layer, phase: phase[token]!, experts });
    }
    token = end;
  }
  return events;
}

/** Hits of a cache that evicts at random: a draw names a place in the list of others, and the last of them takes that place. */
export function randomHitsOf(
  { blocks, starts, phases }: Accesses,
  bytes: ArrayLike<number>,
  budgetBytes: number,
  bits: Uint32Array,
): number[] {
  let [others, drawn, usedBytes] = [[] as number[], 0, 0];
  return Array.from(phases).flatMap((_, event) => {
    const asked = [...blocks.subarray(starts[event]!, starts[event + 1]!)];
    const current: number[] = [];
    const isHit = asked.map((block) => {
      const at = others.indexOf(block);
      if (at < 0) {
        usedBytes += bytes[block]!;
        current.push(block);
        return 0;
      }
      current.unshift(block);
      const last = others.pop()!;
      if (last !== block) others[at] = last;
      return 1;
    });
    while (usedBytes > budgetBytes && others.length > 0) {
      const at = Number((BigInt(bits[drawn++]!) * BigInt(others.length)) >> 32n);
      usedBytes -= bytes[others[at]!]!;
      const last = others.pop()!;
      if (at < others.length) others[at] = last;
      // The youngest of the event takes the place that this leaves at the end of the others.
      current.unshift(...current.splice(-1));
    }
    others = [...others, ...current];
    return isHit;
  });
}
