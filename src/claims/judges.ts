import type { ClaimFindings } from "./answer.ts";
import type { Laboratory } from "./laboratory.ts";

/** Finds out about one statement. */
export type Judge = (laboratory: Laboratory) => ClaimFindings | Promise<ClaimFindings>;
export type Judges = Readonly<Record<string, Judge>>;
