import { describe } from "../check.ts";

/**
 * How long `wait` spins unless told. On a busy machine spins often run out, as though the other thread had no core to run on,
 * and all of them is lost: in trials on two cores under a load of 3 to 6, batches through a ring of 1,024 went at 14 to 21 M
 * doorbells/s (medians), at 8 to 12 M with 20 µs, and at 6 to 7 M with 50.
 */
export const SPIN_MS = 0.005;
/** A look at the clock every so many spins costs the spinning next to nothing. */
const SPINS_A_LOOK = 256;
/** The longest nap: a thread that is terminated after its push and before its wake-up delays the other no more than this. */
const NAP_MS = 1000;

/**
 * How one side of a ring waits: it spins until something is `ready`, and then sleeps until it is, its flag `raised` (see
 * DoorbellRing for why no wake-up is lost). Two waits at once would take down each other's flag, so the second is refused.
 */
export class Sleeper {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #flag: number;
  #waits = false;

  constructor(words: Int32Array<SharedArrayBuffer>, flag: number) {
    this.#words = words;
    this.#flag = flag;
  }

  wait(ready: () => boolean, raised: number, timeoutMs: number, spinMs: number): boolean {
    checkDuration("timeoutMs", timeoutMs);
    checkDuration("spinMs", spinMs);
    if (ready()) return true;
    if (!maySleep()) throw new TypeError("a page's main thread must not sleep: use waitAsync or waitForSpaceAsync");
    this.#checkAlone();
    // The clock costs as much as a doorbell takes to come, so the first spins go without it.
    for (let spins = 0; spins < SPINS_A_LOOK; spins++) if (ready()) return true;
    const start = performance.now();
    const spinUntil = start + Math.min(spinMs, timeoutMs);
    for (let spins = 1; spins % SPINS_A_LOOK !== 0 || performance.now() < spinUntil; spins++) if (ready()) return true;
    for (;;) {
      const leftMs = start + timeoutMs - performance.now();
      Atomics.store(this.#words, this.#flag, raised);
      const isReady = ready();
      if (!isReady && leftMs > 0) Atomics.wait(this.#words, this.#flag, raised, Math.min(leftMs, NAP_MS));
      Atomics.store(this.#words, this.#flag, 0);
      if (isReady || ready()) return true;
      if (leftMs <= 0) return false;
    }
  }

  /** The same without a thread that sleeps; looks every millisecond where the host has no Atomics.waitAsync. */
  async waitAsync(ready: () => boolean, raised: number, timeoutMs: number): Promise<boolean> {
    checkDuration("timeoutMs", timeoutMs);
    if (ready()) return true;
    this.#checkAlone();
    this.#waits = true;
    const { waitAsync } = Atomics as unknown as { waitAsync?: WaitAsync };
    const start = performance.now();
    // A promise of Atomics.waitAsync does not keep Node alive.
    const alive = setInterval(() => {}, 2 ** 30);
    try {
      for (;;) {
        const leftMs = start + timeoutMs - performance.now();
        const napMs = Math.min(leftMs, NAP_MS);
        Atomics.store(this.#words, this.#flag, raised);
        if (!ready() && leftMs > 0)
          await (waitAsync?.(this.#words, this.#flag, raised, napMs).value ??
            new Promise((resolve) => setTimeout(resolve, 1)));
        Atomics.store(this.#words, this.#flag, 0);
        if (ready()) return true;
        if (leftMs <= 0) return false;
      }
    } finally {
      clearInterval(alive);
      this.#waits = false;
    }
  }

  #checkAlone(): void {
    if (this.#waits) throw new Error("the ring is waited for already: await that wait first");
  }
}

/** Newer than the library of types that this compiles with. */
type WaitAsync = (
  words: Int32Array,
  index: number,
  value: number,
  timeoutMs: number,
) => { value: string | Promise<string> };

/** Takes a flag down, and wakes who sleeps on it. */
export function wake(words: Int32Array<SharedArrayBuffer>, flag: number): void {
  Atomics.store(words, flag, 0);
  Atomics.notify(words, flag);
}

let sleepAllowed: boolean | undefined;

/** Whether this thread may: a page's main thread may not. */
function maySleep(): boolean {
  if (sleepAllowed === undefined)
    try {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0);
      sleepAllowed = true;
    } catch {
      sleepAllowed = false;
    }
  return sleepAllowed;
}

function checkDuration(name: string, ms: number): void {
  if (typeof ms !== "number") throw new TypeError(`${name} must be a number, got ${describe(ms)}`);
  if (!(ms >= 0)) throw new RangeError(`${name} must be at least 0, got ${ms}`);
}
