import { middleOf } from "../histogram.ts";

/** Times that a kernel has counted in the cells of a Histogram. */
export class CountedTimes {
  readonly #counts: Float64Array;
  readonly count: number;

  constructor(counts: Float64Array) {
    this.#counts = counts;
    this.count = counts.reduce((sum, count) => sum + count, 0);
  }

  meanNs(): number {
    if (this.count === 0) return 0;
    return (
      this.#counts.reduce((sum, count, place) => (count > 0 ? sum + count * middleOf(place) : sum), 0) / this.count
    );
  }

  /** What is exceeded by the share `u` of them; 0 if there are none. */
  exceededNs(u: number): number {
    let left = Math.ceil((1 - u) * this.count);
    if (this.count === 0) return 0;
    for (let place = 0; place < this.#counts.length; place++) {
      left -= this.#counts[place]!;
      if (left <= 0) return middleOf(place);
    }
    return middleOf(this.#counts.length - 1);
  }
}
