import type { Turn } from "./servers.ts";

// What decoding is asked, and what it comes to.

/** What a GPU is given for a step: blocks by layer, and what is foreseen as each layer is routed. */
export interface AskedStep {
  attentionNs: number;
  multiplyNs: number;
  layers: readonly { asked: readonly number[]; ahead: readonly [block: number, confidence: number][] }[];
}

export interface LoadRow {
  gpu: number;
  block: number;
  source: number;
  postedNs: number;
  arrivedNs: number;
  doneNs: number;
  readyNs: number;
  soloNs: number;
  bytes: number;
  demanded: boolean;
  prefetched: boolean;
}

export interface LayerRow {
  gpu: number;
  layer: number;
  startNs: number;
  routerNs: number;
  readyNs: number;
  endNs: number;
}

/** Where time went, and what was counted, of one GPU's step. */
export const TALLIED = [
  "command",
  "wait",
  "outage",
  "data",
  "fence",
  "compute",
  "gap",
  "barrier",
  "asked",
  "held",
  "merged",
  "loads",
  "late",
  "bytes",
  "prefetches",
  "wastedBytes",
  "servedBytes",
  "usedPrefetches",
] as const;
export type Tally = Record<(typeof TALLIED)[number], number>;

export interface StepRow {
  unit: number;
  step: number;
  startNs: number;
  endNs: number;
  tallies: Tally[];
}

/** A load under way. */
export interface Load extends LoadRow {
  number: number;
  key: number;
  fenceNs: number;
  stage: "posted" | "carried" | "fenced";
  turns: { turn: Turn; server: number }[];
}

/** A GPU in its layer. */
export interface Gpu {
  layer: number;
  step: AskedStep;
  startNs: number;
  routerNs: number;
  readyNs: number;
  endNs: number;
  heldBytes: number;
  coldBytes: number;
  waitsFor: number;
  carried: number;
  last: Load | null;
  tally: Tally;
}

export const blankTally = (): Tally => Object.fromEntries(TALLIED.map((name) => [name, 0])) as Tally;

export const blankGpu = (): Gpu => ({
  layer: 0,
  step: { attentionNs: 0, multiplyNs: 0, layers: [] },
  startNs: 0,
  routerNs: 0,
  readyNs: 0,
  endNs: 0,
  heldBytes: 0,
  coldBytes: 0,
  waitsFor: 0,
  carried: 0,
  last: null,
  tally: blankTally(),
});

/** Puts a stall down to what its load did meanwhile: the stall is the load's last part. */
export function putDown({ tally, last, readyNs }: Gpu, stallNs: number): void {
  if (!last) return;
  const dataNs = Math.min(last.soloNs, last.doneNs - last.arrivedNs);
  const fromNs = readyNs - stallNs;
  const within = (beginNs: number, endNs: number) => Math.max(0, endNs - Math.max(beginNs, fromNs));
  tally.fence += within(last.doneNs, readyNs);
  tally.data += within(last.doneNs - dataNs, last.doneNs);
  tally.wait += within(last.arrivedNs, last.doneNs - dataNs);
  tally.command += within(Number.NEGATIVE_INFINITY, last.arrivedNs);
}
