import type { LatencyQuantiles } from "./distribution.ts";
import type { CountedValues } from "./histogram.ts";

/** Latencies that somebody else measured, one way and in nanoseconds, as a file states them. */
export interface Measurement {
  /** What was measured: the file's name unless it says better. */
  name: string;
  /** Format and amount, e.g. "perftest -U, 999 rows". */
  source: string;
  /** Every value in ns, ascending, with its count; null where the file holds a summary only. */
  counted: CountedValues | null;
  /** Stated quantiles where the file holds a summary only, else null. */
  quantiles: LatencyQuantiles | null;
  /** How many measurements stand behind it; null where the file does not say. */
  samples: number | null;
  /** What a reader must know: RTT/2 or full RTT, which unit was assumed, what was left out or recomputed. */
  notes: string[];
}

/** Latencies of one's own, in nanoseconds and in any order, as a measurement. */
export function measurementOf(name: string, samplesNs: Iterable<number>): Measurement {
  const counted = countValues(samplesNs);
  const samples = counted.counts.reduce((sum, count) => sum + count, 0);
  return { name, source: `${samples} samples`, counted, quantiles: null, samples, notes: [] };
}

/** Fewer say nothing of a 99th percentile. */
const LEAST_MEASUREMENTS = 100;

/** What is wrong with a file, at a line counted from 1, or with all of it where `line` is null. */
export function fileError(file: string, line: number | null, expected: string, got: string): RangeError {
  return new RangeError(`${line === null ? file : `${file}:${line}`}: expected ${expected}, got ${got}`);
}

/** Refuses what `file` holds where it is too little to know a tail from. */
export function checkEnough(file: string, measurements: number): void {
  if (measurements < LEAST_MEASUREMENTS)
    throw fileError(file, null, `at least ${LEAST_MEASUREMENTS} measurements`, `${measurements}`);
}

/** Refuses a file without content. */
export function checkNotEmpty(file: string, text: string): void {
  if (text.trim() === "") throw fileError(file, null, `at least ${LEAST_MEASUREMENTS} measurements`, "an empty file");
}

/** `values` in ascending order, equal ones counted together. */
export function countValues(values: Iterable<number>): CountedValues {
  const counts = new Map<number, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return ascending(counts);
}

/** The keys of `counts` in ascending order, with their counts. */
export function ascending(counts: ReadonlyMap<number, number>): CountedValues {
  const values = Float64Array.from(counts.keys()).sort();
  return { values, counts: values.map((value) => counts.get(value)!) };
}

/** The last part of a path. */
export function baseName(file: string): string {
  return file.split(/[\\/]/).at(-1)!;
}

/** A decimal number above 0, as files print it; NaN where `text` is anything else. */
export function positiveDecimal(text: string): number {
  const value = /^\+?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
  return value > 0 && value < Number.POSITIVE_INFINITY ? value : Number.NaN;
}
