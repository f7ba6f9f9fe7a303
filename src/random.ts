import { LANES, RANDOM_WORDS } from "../assembly/layout.ts";
import { checkMultiple, checkWhole } from "./check.ts";
import { workspace } from "./wasm.ts";

/** Draws of one batch at the most. */
export const MOST_DRAWS = 2 ** 24;

/** Which random numbers: equal ones give equal draws in every build and on every host. */
export interface RandomOptions {
  /** From 0 to 2^53 - 1; 1 unless given. */
  seed?: number;
  /** From 0 to 2^32 - 1; streams of one seed are independent; 0 unless given. */
  stream?: number;
}

/** The (low, high, stream) words that seedRandom takes, checked. */
export function seedWords({ seed = 1, stream = 0 }: RandomOptions): [low: number, high: number, stream: number] {
  checkWhole("seed", seed, 0, Number.MAX_SAFE_INTEGER);
  checkWhole("stream", stream, 0, 2 ** 32 - 1);
  return [seed % 2 ** 32, Math.floor(seed / 2 ** 32), stream];
}

/** Uniform 32-bit words from xoshiro128++, four lanes wide. */
export class RandomBits {
  readonly #draw: () => void;
  readonly #bits: Uint32Array;

  constructor({ batch = 4096, ...random }: RandomOptions & { batch?: number } = {}) {
    checkMultiple("batch", batch, LANES, MOST_DRAWS);
    const words = seedWords(random);
    const { kernels, views, at } = workspace({ bits: ["U32", batch], random: ["U32", RANDOM_WORDS] });
    kernels.seedRandom(at.random, ...words);
    this.#bits = views.bits;
    this.#draw = () => kernels.drawBits(at.bits, at.random);
  }

  /** The next batch. The next call overwrites it. */
  next(): Uint32Array {
    this.#draw();
    return this.#bits;
  }
}
