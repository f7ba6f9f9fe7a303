import { HISTOGRAM_CELLS, HISTOGRAM_COUNTS } from "../../assembly/layout.ts";

// The kernels of assembly/histogram.ts in TypeScript: the same cells, read from the same bits of each value.

const FIRST = 127 * HISTOGRAM_CELLS - 1;

export function recordValues(counts: Float64Array, values: Float32Array): void {
  const words = new Int32Array(values.buffer, values.byteOffset, values.length);
  const length = words.length;
  for (let i = 0; i < length; i++) {
    let cell = (words[i]! >> 13) - FIRST;
    if (cell < 0) cell = 0;
    else if (cell >= HISTOGRAM_COUNTS) cell = HISTOGRAM_COUNTS - 1;
    counts[cell]!++;
  }
}

export function mergeCounts(counts: Float64Array, others: Float64Array): void {
  for (let i = 0; i < HISTOGRAM_COUNTS; i++) counts[i]! += others[i]!;
}
