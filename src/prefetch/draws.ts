import { Distribution } from "../distribution.ts";
import { type Path, PathSampler } from "../latency.ts";

/** Ways that are drawn, a power of two. */
const DRAWS = 2 ** 16;
const THERE_STREAM = 2;
const BACK_STREAM = 3;

/**
 * How long doorbells and answers are on their way. A load's draw hangs on the seed and on what is loaded, not on what was loaded
 * before: so a load takes the same way under all policies, where they both make it.
 */
export class Draws {
  readonly thereNs: Float32Array;
  readonly backNs: Float32Array;
  /** Of a load on an idle fabric, from post to fence. */
  readonly loadNs: Distribution;

  /** `fixedNs`: what does not vary of a load. */
  constructor(path: Path, fixedNs: number, seed: number) {
    this.thereNs = new PathSampler(path, { batch: DRAWS, seed, stream: THERE_STREAM }).next();
    this.backNs = new PathSampler(path, { batch: DRAWS, seed, stream: BACK_STREAM }).next();
    this.loadNs = Distribution.fromSamples(this.thereNs.map((ns, i) => ns + this.backNs[i]! + fixedNs));
  }

  /** Where the draw lies of what has this key: Fibonacci's hashing. */
  of(key: number): number {
    return Math.imul(key, 0x9e3779b1) >>> 16;
  }
}
