import { checkPositive, checkWhole, didYouMean } from "../check.ts";
import { blockBytes, MOST_EXPERTS, MOST_LAYERS } from "../routes/routes.ts";

/**
 * Which resident goes when the budget is exceeded, never one of the event under way:
 *
 * - `random`: any, with equal chance.
 * - `lru`: the one used least recently.
 * - `lfu`: the one asked for least often; of equal ones the one used least recently. Counts cover all that was asked for so
 *   far and outlast eviction.
 * - `layer`, `layerlfu`: `lru` and `lfu` in each layer for itself, with an equal share of the bytes of the budget, whatever the
 *   sizes of its experts.
 * - `guided`: the one of the least score; of equal ones the one used least recently.
 * - `belady`: the one whose next use is furthest, in events. With experts of unequal sizes that is not the most that bytes allow.
 */
export const POLICIES = ["random", "lru", "lfu", "layer", "layerlfu", "guided", "belady"] as const;

export type Policy = (typeof POLICIES)[number];

/** An expert of a layer. */
export interface ExpertPlace {
  layer: number;
  expert: number;
}

/** What is to be held, and in how many bytes. */
export interface CacheOptions {
  layers: number;
  /** Experts of a layer. */
  experts: number;
  /** Bytes of an expert: one value a layer, or `[layer * experts + expert]`. */
  expertBytes: ArrayLike<number>;
  budgetBytes: number;
  policy: Policy;
  /** Held throughout; their bytes are part of the budget, or of their layer's share. */
  pinned?: readonly ExpertPlace[];
}

/** A cache as kernels see it. */
export interface Cache {
  policy: Policy;
  layers: number;
  experts: number;
  budgetBytes: number;
  /** Of each block. */
  bytes: Float64Array;
  /** What shares a budget: one group of all blocks, or one a layer. */
  groups: number;
  /** Of each group. */
  shareBytes: number;
  /** Of each group. */
  pinnedBytes: Float64Array;
  pinned: number[];
}

/** What options say, checked. */
export function cacheOf(options: CacheOptions): Cache {
  const { layers, experts, expertBytes, budgetBytes, policy, pinned = [] } = options;
  checkWhole("layers", layers, 1, MOST_LAYERS);
  checkWhole("experts", experts, 1, MOST_EXPERTS);
  checkPositive("budgetBytes", budgetBytes);
  if (!POLICIES.includes(policy))
    throw new RangeError(
      `policy must be one of ${POLICIES.join(", ")}, got ${policy}${didYouMean(`${policy}`, POLICIES)}`,
    );
  const bytes = blockBytes(expertBytes, layers, experts);
  const groups = policy === "layer" || policy === "layerlfu" ? layers : 1;
  const shareBytes = budgetBytes / groups;
  const pinnedBytes = new Float64Array(groups);
  const blocks = new Set<number>();
  pinned.forEach(({ layer, expert }, i) => {
    checkWhole(`pinned[${i}].layer`, layer, 0, layers - 1);
    checkWhole(`pinned[${i}].expert`, expert, 0, experts - 1);
    const block = layer * experts + expert;
    if (blocks.has(block)) return;
    blocks.add(block);
    const group = groups === 1 ? 0 : layer;
    pinnedBytes[group]! += bytes[block]!;
    if (pinnedBytes[group]! > shareBytes)
      throw new RangeError(
        `pinned must fit in ${shareBytes} bytes${groups === 1 ? "" : ` in layer ${layer}`}, got ${pinnedBytes[group]} up to pinned[${i}]`,
      );
  });
  return { policy, layers, experts, budgetBytes, bytes, groups, shareBytes, pinnedBytes, pinned: [...blocks] };
}
