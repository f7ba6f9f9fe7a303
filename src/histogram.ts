import { HISTOGRAM_CELLS, HISTOGRAM_COUNTS } from "../assembly/layout.ts";
import { checkAtLeast, checkBetween, checkPositive, checkWhole } from "./check.ts";
import { workspace } from "./wasm.ts";

/** Values in ascending order and how often each occurs. */
export interface CountedValues {
  values: Float64Array;
  counts: Float64Array;
}

/**
 * Counts of values from 1 to 2^32 (in nanoseconds: up to 4.3 s) in cells at most 1/1024 of their values wide. What is read
 * back is the middle of a cell, within 1/2048 of the value recorded. What lies outside is counted as `below` or `above`,
 * and read back as 1 or 2^32.
 */
export class Histogram {
  readonly #record: (values: Float32Array) => void;
  readonly #merge: (counts: Float64Array) => void;
  readonly #placeOfRank: (rank: number) => number;
  readonly #counts: Float64Array;
  readonly #batch: number;
  /** Of all counts; null where it is to be made anew. */
  #sum: number | null = 0;

  /** `batch`: how many values one call of the kernel takes; 4096 unless given. */
  constructor({ batch = 4096 }: { batch?: number } = {}) {
    checkWhole("batch", batch, 1, 2 ** 24);
    const { kernels, views, at } = workspace({
      counts: ["F64", HISTOGRAM_COUNTS],
      others: ["F64", HISTOGRAM_COUNTS],
      values: ["F32", batch],
    });
    this.#batch = batch;
    this.#counts = views.counts;
    this.#placeOfRank = (rank) => kernels.placeOfRank(at.counts, rank);
    this.#record = (values) => {
      views.values.set(values);
      kernels.recordValues(at.counts, at.values, values.length);
    };
    this.#merge = (counts) => {
      views.others.set(counts);
      kernels.mergeCounts(at.counts, at.others);
    };
  }

  /** Counts every one of `values`. */
  record(values: Float32Array): void {
    this.#sum = null;
    for (let start = 0; start < values.length; start += this.#batch)
      this.#record(values.length > this.#batch ? values.subarray(start, start + this.#batch) : values);
  }

  /** Counts `value` as often as `count` says. */
  recordCounted(value: number, count: number): void {
    checkAtLeast("value", value, 0);
    checkPositive("count", count);
    this.#sum = null;
    this.#counts[placeOf(value)]! += count;
  }

  /** Adds all that `other` has counted. */
  merge(other: Histogram): void {
    this.#sum = null;
    this.#merge(other.#counts);
  }

  /** How many values were recorded, those outside the range among them. */
  get count(): number {
    // Tens of thousands of cells: summed once, for all quantiles that are asked for until something else is counted.
    this.#sum ??= this.#counts.reduce((sum, count) => sum + count, 0);
    return this.#sum;
  }
  /** How many were below 1. */
  get below(): number {
    return this.#counts[0]!;
  }
  /** How many were 2^32 or more, or NaN. */
  get above(): number {
    return this.#counts[HISTOGRAM_COUNTS - 1]!;
  }

  /** The value that the share `u` of them exceeds; NaN where nothing was recorded. */
  quantile(u: number): number {
    checkBetween("u", u, 0, 1);
    return this.atRank(Math.ceil((1 - u) * this.count));
  }

  /** The value in place `rank`, counted from 1 in ascending order, or the nearest there is; NaN where nothing was recorded. */
  atRank(rank: number): number {
    const count = this.count;
    if (count === 0) return Number.NaN;
    return middleOf(this.#placeOfRank(Math.min(Math.max(1, rank), count)));
  }

  /** Every value that was counted, by its cell's middle. */
  counted(): CountedValues {
    const places: number[] = [];
    for (let place = 0; place < HISTOGRAM_COUNTS; place++) if (this.#counts[place]! > 0) places.push(place);
    return {
      values: Float64Array.from(places, middleOf),
      counts: Float64Array.from(places, (place) => this.#counts[place]!),
    };
  }

  /** Mean and standard deviation, as of a sample. */
  moments(): { mean: number; sigma: number } {
    const { values, counts } = this.counted();
    const count = this.count;
    const mean = values.reduce((sum, value, i) => sum + value * counts[i]!, 0) / count;
    const squares = values.reduce((sum, value, i) => sum + (value - mean) ** 2 * counts[i]!, 0);
    return { mean, sigma: Math.sqrt(squares / (count - 1)) };
  }
}

/** The place in the counts where `value` is counted. */
function placeOf(value: number): number {
  if (value < 1) return 0;
  const octave = Math.min(32, Math.floor(Math.log2(value)));
  const cell = Math.floor((octave + value / 2 ** octave - 1) * HISTOGRAM_CELLS);
  return Math.min(1 + cell, HISTOGRAM_COUNTS - 1);
}

/** The middle of the cell in `place`. */
export function middleOf(place: number): number {
  if (place === 0) return 1;
  if (place === HISTOGRAM_COUNTS - 1) return 2 ** 32;
  const [octave, cell] = [Math.floor((place - 1) / HISTOGRAM_CELLS), (place - 1) % HISTOGRAM_CELLS];
  return 2 ** octave * (1 + (cell + 0.5) / HISTOGRAM_CELLS);
}
