import { DoorbellRing } from "./index.ts";
import { layOut, POPPER_ASLEEP, RINGS, wordsIn } from "./memory.ts";
import { Sleeper, SPIN_MS } from "./sleep.ts";

/**
 * What one thread pops of many: each of them pushes to a ring of its own, and the popper takes batches from the rings in
 * turn. They share one flag, so that a popper that sleeps wakes on any of them.
 */
export class DoorbellDrain {
  /** What to hand to the pushers, each to `DoorbellRing.attach` with its index, or to the popper. */
  readonly buffer: SharedArrayBuffer;
  /** How many rings there are. */
  readonly count: number;
  readonly #popper: Sleeper;
  readonly #rings: DoorbellRing[];
  #from = -1;

  private constructor(words: Int32Array<SharedArrayBuffer>) {
    this.#popper = new Sleeper(words, POPPER_ASLEEP);
    this.buffer = words.buffer;
    this.count = words[RINGS]!;
    this.#rings = Array.from({ length: this.count }, (_, index) => DoorbellRing.attach(this.buffer, index));
  }

  /** `count` empty rings for `capacity` doorbells each, a power of two. */
  static create(count: number, capacity: number): DoorbellDrain {
    return new DoorbellDrain(layOut(count, capacity));
  }

  /** The rings in a `buffer` that another thread created. One of all that attach may pop. */
  static attach(buffer: SharedArrayBuffer): DoorbellDrain {
    return new DoorbellDrain(wordsIn(buffer));
  }

  /** The index of the ring that the last batch came from; -1 before the first. */
  get from(): number {
    return this.#from;
  }

  /**
   * Takes a batch out of the next ring that has doorbells (see `from`), as many as it has and fit into `doorbells`, and
   * returns how many: 0 where all are empty. A ring's turn comes after one batch of each of the others at most.
   */
  popMany(doorbells: Uint32Array): number {
    for (let turn = 1; turn <= this.count; turn++) {
      const next = (this.#from + turn) % this.count;
      const moved = this.#rings[next]!.popMany(doorbells);
      if (moved === 0) continue;
      this.#from = next;
      return moved;
    }
    return 0;
  }

  /** Waits, as a ring's `wait` does, until one of the rings has a doorbell. */
  wait(timeoutMs = Number.POSITIVE_INFINITY, spinMs = SPIN_MS): boolean {
    return this.#popper.wait(this.#hasDoorbell, 1, timeoutMs, spinMs);
  }

  /** Waits, as a ring's `waitAsync` does, until one of the rings has a doorbell. */
  waitAsync(timeoutMs = Number.POSITIVE_INFINITY): Promise<boolean> {
    return this.#popper.waitAsync(this.#hasDoorbell, 1, timeoutMs);
  }

  readonly #hasDoorbell = (): boolean => {
    for (let i = 0; i < this.count; i++) if (this.#rings[i]!.length > 0) return true;
    return false;
  };
}
