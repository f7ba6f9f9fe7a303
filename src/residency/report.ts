import { TALLY_ACCESSES, TALLY_HITS, TALLY_PHASE, TALLY_READ_BYTES } from "../../assembly/layout.ts";
import type { Policy } from "./policies.ts";

/** How often a cache had what was asked for. */
export interface HitReport {
  accesses: number;
  hits: number;
  /** Hits over accesses; null where there were none. */
  hitShare: number | null;
  /** What the misses read. */
  readBytes: number;
}

/** What a replay came to. Prefill and decode sum to `hits` and the like above them. */
export interface ResidencyReport extends HitReport {
  policy: Policy;
  budgetBytes: number;
  /** Held throughout, within the budget; reading them once is not counted. */
  pinnedBytes: number;
  prefill: HitReport;
  decode: HitReport;
  /** What a reader must know, e.g. that the budget lies below the cliff of LRU. */
  warnings: string[];
}

/** A report of what a kernel tallied. */
export function reportOf(
  { policy, budgetBytes, pinnedBytes }: { policy: Policy; budgetBytes: number; pinnedBytes: number },
  tally: ArrayLike<number>,
): ResidencyReport {
  const phase = (at: number) =>
    hitReport(tally[at + TALLY_ACCESSES]!, tally[at + TALLY_HITS]!, tally[at + TALLY_READ_BYTES]!);
  const [prefill, decode] = [phase(0), phase(TALLY_PHASE)];
  const all = hitReport(
    prefill.accesses + decode.accesses,
    prefill.hits + decode.hits,
    prefill.readBytes + decode.readBytes,
  );
  return { policy, budgetBytes, ...all, pinnedBytes, prefill, decode, warnings: [] };
}

function hitReport(accesses: number, hits: number, readBytes: number): HitReport {
  return { accesses, hits, hitShare: accesses > 0 ? hits / accesses : null, readBytes };
}
