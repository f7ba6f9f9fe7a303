import { Bench } from "tinybench";
import type { Row } from "./row.ts";

/** One of several that do the same work, so that their times compare. */
export interface Contender {
  name: string;
  /** Does the work once; what runs in another process tells the milliseconds of one run, having run for about `budgetMs`. */
  run: (() => void) | { medianMs: (budgetMs: number) => number };
  /** Does the work for the first time and sums up what came of it; null for another algorithm than that of the rest. */
  checksum: (() => number) | null;
}

export interface CompareOptions {
  room: string;
  /** What one run does `work` of, after "ns/" or another unit of `unitNs` nanoseconds. */
  unit: string;
  unitNs?: number;
  work: number;
  /** Measures just long enough to show that the bench works. */
  quick: boolean;
}

/** How contenders did, in rounds that all of them ran side by side. */
export interface Comparison {
  /** The row of `name`: its median round, and the median over the rounds of how many times better than `peer` it was. */
  row(name: string, peer?: string): Row;
}

/**
 * Measures `contenders` in rounds, each one a short run of all of them, there and back in turn: noise hits all alike, and
 * the ratio in a round is freer of it than the times. Throws where checksums differ.
 */
export function compare(contenders: readonly Contender[], options: CompareOptions): Comparison {
  const { room, unit, unitNs = 1, work, quick } = options;
  const [rounds, budgetMs, warmupMs] = quick ? [2, 2, 2] : [15, 50, 400];
  const sums = new Map(contenders.map(({ name, checksum }) => [name, checksum?.() ?? null]));
  const different = [...sums].filter(([, sum]) => sum !== null && sum !== sums.get(contenders[0]!.name));
  if (different.length > 0)
    throw new Error(
      `${room}: ${contenders[0]!.name} gives ${sums.get(contenders[0]!.name)}, not so ${different.map(([name, sum]) => `${name} (${sum})`).join(", ")}`,
    );
  for (const { run } of contenders) medianMs(run, warmupMs);
  const times = new Map(contenders.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round < rounds; round++) {
    for (const { name, run } of round % 2 === 0 ? contenders : [...contenders].reverse())
      times.get(name)!.push((medianMs(run, budgetMs) * 1e6) / unitNs / work);
  }
  const timesOf = (name: string) => {
    const found = times.get(name);
    if (!found) throw new Error(`${room} has no contender ${name}`);
    return found;
  };
  return {
    row(name, peer) {
      const mine = timesOf(name);
      const ratio = peer === undefined ? null : median(timesOf(peer).map((theirs, round) => theirs / mine[round]!));
      return { room, row: name, value: median(mine), unit, peer: peer ?? null, ratio, checksum: sums.get(name)! };
    },
  };
}

/** The milliseconds of one run, the median over about `budgetMs`. */
function medianMs(run: Contender["run"], budgetMs: number): number {
  if (typeof run !== "function") return run.medianMs(budgetMs);
  const bench = new Bench({
    time: budgetMs,
    iterations: 3,
    warmup: false,
    throws: true,
    timestampProvider: "hrtimeNow",
  });
  const { result } = bench.add("run", run, { async: false }).runSync()[0]!;
  if (result.state !== "completed") throw new Error(`a run ended ${result.state}`);
  return result.latency.p50;
}

/** The middle value, or the mean of the middle two. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}
