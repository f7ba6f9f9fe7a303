import { NONE } from "../../assembly/layout.ts";
import type { Accesses } from "./accesses.ts";

/** Of each access: the event that asks for the same expert next, counted from 0, or 0xffffffff where none does. */
export function nextUses({ layers, experts, blocks, starts }: Accesses): Uint32Array {
  const next = new Uint32Array(blocks.length);
  const last = new Uint32Array(layers * experts).fill(NONE);
  for (let event = starts.length - 2; event >= 0; event--) {
    for (let i = starts[event]!; i < starts[event + 1]!; i++) {
      const block = blocks[i]!;
      next[i] = last[block]!;
      last[block] = event;
    }
  }
  return next;
}
