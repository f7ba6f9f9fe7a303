import { expect, test } from "vitest";
import { RandomBits } from "../../src/random.ts";
import type { Accesses } from "../../src/residency/accesses.ts";
import { Residency } from "../../src/residency/index.ts";
import { hitsOf } from "../reference/residency.ts";

/** Events of 1 to `most` experts of 3 layers, some of which are asked for far more often. */
function drawn(experts: number, most: number, events: number): Accesses {
  const bits = new RandomBits({ seed: experts, batch: 65536 }).next();
  let at = 0;
  const uniform = () => bits[at++ % bits.length]! / 2 ** 32;
  const chosen = Array.from({ length: events }, () => {
    const [layer, count] = [Math.floor(uniform() * 3), 1 + Math.floor(uniform() * most)];
    const set = new Set<number>();
    while (set.size < count) set.add(layer * experts + Math.floor(uniform() ** 2 * experts));
    return [...set];
  });
  const starts = new Uint32Array(events + 1);
  chosen.forEach((blocks, event) => {
    starts[event + 1] = starts[event]! + blocks.length;
  });
  return {
    layers: 3,
    experts,
    blocks: Uint32Array.from(chosen.flat()),
    starts,
    phases: new Uint8Array(events).fill(1),
  };
}

// Fewer than a line of keys, some lines, lines to the last place, and so many that a heap takes over.
test.each([5, 37, 64, 130, 520])("layerlfu of %i experts a layer hits what the reference hits", (experts) => {
  const most = Math.min(40, Math.ceil(experts / 3));
  const accesses = drawn(experts, most, 400);
  const bytes = Array.from({ length: 3 * experts }, (_, block) => 3 + (block % 7));
  for (const share of [0.02, 0.3, 0.7, 2]) {
    const budgetBytes = share * bytes.reduce((sum, size) => sum + size, 0);
    const cache = { layers: 3, experts, expertBytes: bytes, budgetBytes, policy: "layerlfu" } as const;
    const hits = new Uint8Array(accesses.blocks.length);
    new Residency(cache).replay(accesses, { hits });
    expect([...hits]).toEqual(hitsOf(accesses, { policy: "layerlfu", bytes, budgetBytes, pinned: [] }));
  }
});
