import * as layout from "../assembly/layout.ts";
import { checkFinite, checkLength, checkMultiple, checkWhole, describe } from "./check.ts";

/** A doorbell is 64 bytes: a cache line, and what a DPU reads at once. */
export const DOORBELL_WORDS = layout.DOORBELL_WORDS;

const CAPACITY_MAX = 2 ** 20;
const RINGS_MAX = 1024;
const BYTES_MAX = 2 ** 30;
const MAGIC = 0x444f4f52;
const [CAPACITY, RINGS, POPPER_ASLEEP] = [1, 2, 3];
const HEADER = 16;
const [TAIL, HEAD, PUSHER_ASLEEP, SLOTS] = [0, 16, 17, 32];

/** How long `wait` spins unless told: a wake-up costs tens of microseconds, so one in a while is cheap beside this. */
const SPIN_MS = 0.05;
/** A look at the clock every so many spins costs the spinning next to nothing. */
const SPINS_A_LOOK = 256;
/** The longest nap: a thread that is terminated after its push and before its wake-up delays the other no more than this. */
const NAP_MS = 1000;

/**
 * A queue of 64-byte doorbells in shared memory, from one thread that pushes to one thread that pops.
 *
 *     word 0          16        32           48        64
 *          [ header  ][ tail   ][ head      ][ slot 0 ][ slot 1 ] ... one cache line each
 *            magic      pushed    popped       a doorbell
 *            capacity   so far    so far
 *            rings                pusher asleep
 *            popper asleep
 *
 * `tail` and `head` count on for ever and wrap at 2^32: the ring is empty where they are equal, full where they are
 * `capacity` apart. The pusher alone writes `tail` and the popper alone writes `head`, and each remembers what it last read
 * of the other's, so that it touches the other's line only when the ring looks full or empty. Several rings with one popper
 * lie behind one another under one header (see DoorbellDrain).
 *
 * No wake-up is lost. Who goes to sleep raises its flag, looks once more, and sleeps only while its flag is still up; who
 * moves an index looks at the other's flag afterwards, and where it is up takes it down and notifies. Atomics have one order
 * that all threads agree on. So either the mover sees the flag, or it looked before the flag went up: then the index had
 * moved by the sleeper's second look. And a flag that is taken down between that look and the sleep is no longer what
 * `Atomics.wait` expects, so that it returns at once; after that, the notification ends it. (To sleep on the index would
 * need a flag that only the sleeper takes down, and so a notification from each of the pushes until it has woken.) The
 * pusher's flag is the space it waits for, and a popper that leaves less lets it sleep: the next pop looks again.
 */
export class DoorbellRing {
  /** What to hand to the other thread, for it to `attach`. */
  readonly buffer: SharedArrayBuffer;
  /** How many doorbells fit. */
  readonly capacity: number;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #base: number;
  #tail: number;
  #headSeen: number;
  #head: number;
  #tailSeen: number;
  /** For how many doorbells the pusher waits for space. */
  #wanted = 1;

  private constructor(words: Int32Array<SharedArrayBuffer>, index: number) {
    this.#words = words;
    this.buffer = words.buffer;
    this.capacity = words[CAPACITY]!;
    this.#base = HEADER + index * ringWords(this.capacity);
    this.#tail = this.#tailSeen = Atomics.load(words, this.#base + TAIL);
    this.#head = this.#headSeen = Atomics.load(words, this.#base + HEAD);
  }

  /** An empty ring for `capacity` doorbells, a power of two. */
  static create(capacity: number): DoorbellRing {
    return new DoorbellRing(layOut(1, capacity), 0);
  }

  /**
   * The ring in a `buffer` that another thread created, or the one numbered `index` of a DoorbellDrain's. Of all that
   * attach, one may push and one may pop.
   */
  static attach(buffer: SharedArrayBuffer, index = 0): DoorbellRing {
    const words = wordsIn(buffer);
    checkWhole("index", index, 0, words[RINGS]! - 1);
    return new DoorbellRing(words, index);
  }

  /** How many doorbells wait. By the time it is read, the other thread may have moved on. */
  get length(): number {
    // In this order: a head read later could lie beyond the tail.
    const head = Atomics.load(this.#words, this.#base + HEAD);
    return Math.min(this.capacity, (Atomics.load(this.#words, this.#base + TAIL) - head) >>> 0);
  }

  /** Appends the 16 words of `doorbell`; false, and nothing done, where the ring is full. */
  push(doorbell: Uint32Array): boolean {
    if (doorbell.length !== DOORBELL_WORDS) checkLength("doorbell", doorbell, DOORBELL_WORDS);
    if (this.#space(1) === 0) return false;
    const words = this.#words;
    const slot = this.#base + SLOTS + (this.#tail & (this.capacity - 1)) * DOORBELL_WORDS;
    for (let i = 0; i < DOORBELL_WORDS; i++) words[slot + i] = doorbell[i]!;
    this.#pushed(1);
    return true;
  }

  /** Takes the oldest doorbell out and into `doorbell`; false, and nothing done, where the ring is empty. */
  pop(doorbell: Uint32Array): boolean {
    if (doorbell.length !== DOORBELL_WORDS) checkLength("doorbell", doorbell, DOORBELL_WORDS);
    if (this.#waiting(1) === 0) return false;
    const words = this.#words;
    const slot = this.#base + SLOTS + (this.#head & (this.capacity - 1)) * DOORBELL_WORDS;
    for (let i = 0; i < DOORBELL_WORDS; i++) doorbell[i] = words[slot + i]!;
    this.#popped(1);
    return true;
  }

  /**
   * Appends the first `count` of `doorbells`, all unless given, or as many of them as there is space for. Returns how many
   * it appended; the pusher keeps the others.
   */
  pushMany(doorbells: Uint32Array, count = wholeDoorbells(doorbells)): number {
    if (!(count >= 0 && count * DOORBELL_WORDS <= doorbells.length && Number.isInteger(count)))
      checkWhole("count", count, 0, Math.floor(doorbells.length / DOORBELL_WORDS));
    const moved = Math.min(count, this.#space(count));
    if (moved === 0) return 0;
    const place = this.#tail & (this.capacity - 1);
    const straight = Math.min(moved, this.capacity - place);
    copyDoorbells(doorbells, 0, this.#words, this.#base + SLOTS + place * DOORBELL_WORDS, straight);
    copyDoorbells(doorbells, straight * DOORBELL_WORDS, this.#words, this.#base + SLOTS, moved - straight);
    this.#pushed(moved);
    return moved;
  }

  /** Takes out the oldest doorbells, as many as there are and fit into `doorbells`, and returns how many. */
  popMany(doorbells: Uint32Array): number {
    const count = wholeDoorbells(doorbells);
    const moved = Math.min(count, this.#waiting(count));
    if (moved === 0) return 0;
    const place = this.#head & (this.capacity - 1);
    const straight = Math.min(moved, this.capacity - place);
    copyDoorbells(this.#words, this.#base + SLOTS + place * DOORBELL_WORDS, doorbells, 0, straight);
    copyDoorbells(this.#words, this.#base + SLOTS, doorbells, straight * DOORBELL_WORDS, moved - straight);
    this.#popped(moved);
    return moved;
  }

  /**
   * Waits until there is a doorbell to pop: spins for `spinMs`, then sleeps. False where there was none for `timeoutMs`. Not
   * for a page's main thread, which may not sleep.
   */
  wait(timeoutMs = Number.POSITIVE_INFINITY, spinMs = SPIN_MS): boolean {
    return this.#hasDoorbell() || sleepUntil(this.#hasDoorbell, this.#words, POPPER_ASLEEP, 1, timeoutMs, spinMs);
  }

  /** Like `wait`, for any thread, and without spinning. It keeps a process of Node alive. */
  async waitAsync(timeoutMs = Number.POSITIVE_INFINITY): Promise<boolean> {
    return this.#hasDoorbell() || resolveWhen(this.#hasDoorbell, this.#words, POPPER_ASLEEP, 1, timeoutMs);
  }

  /**
   * Waits, as `wait` does, until there is space to push `count` doorbells. Who waits for many at once, half a ring say, is
   * woken less often.
   */
  waitForSpace(count = 1, timeoutMs = Number.POSITIVE_INFINITY, spinMs = SPIN_MS): boolean {
    if (this.#wantSpace(count)) return true;
    return sleepUntil(this.#hasSpace, this.#words, this.#base + PUSHER_ASLEEP, count, timeoutMs, spinMs);
  }

  /** Waits, as `waitAsync` does, until there is space to push `count` doorbells. */
  async waitForSpaceAsync(count = 1, timeoutMs = Number.POSITIVE_INFINITY): Promise<boolean> {
    if (this.#wantSpace(count)) return true;
    return resolveWhen(this.#hasSpace, this.#words, this.#base + PUSHER_ASLEEP, count, timeoutMs);
  }

  readonly #hasDoorbell = (): boolean => Atomics.load(this.#words, this.#base + TAIL) !== this.#head;

  readonly #hasSpace = (): boolean =>
    this.capacity - ((this.#tail - Atomics.load(this.#words, this.#base + HEAD)) | 0) >= this.#wanted;

  #wantSpace(count: number): boolean {
    checkWhole("count", count, 1, this.capacity);
    this.#wanted = count;
    return this.#hasSpace();
  }

  /** For how many there is space, as last seen; looks again where that is fewer than `wanted`. */
  #space(wanted: number): number {
    const space = this.capacity - ((this.#tail - this.#headSeen) | 0);
    if (space >= wanted) return space;
    this.#headSeen = Atomics.load(this.#words, this.#base + HEAD);
    return this.capacity - ((this.#tail - this.#headSeen) | 0);
  }

  /** How many wait, as last seen; looks again where that is fewer than `wanted`. */
  #waiting(wanted: number): number {
    const waiting = (this.#tailSeen - this.#head) | 0;
    if (waiting >= wanted) return waiting;
    this.#tailSeen = Atomics.load(this.#words, this.#base + TAIL);
    return (this.#tailSeen - this.#head) | 0;
  }

  #pushed(count: number): void {
    this.#tail = (this.#tail + count) | 0;
    Atomics.store(this.#words, this.#base + TAIL, this.#tail);
    if (Atomics.load(this.#words, POPPER_ASLEEP) !== 0) wake(this.#words, POPPER_ASLEEP);
  }

  #popped(count: number): void {
    this.#head = (this.#head + count) | 0;
    Atomics.store(this.#words, this.#base + HEAD, this.#head);
    const wanted = Atomics.load(this.#words, this.#base + PUSHER_ASLEEP);
    // A tail seen long ago makes this more than there is, and at worst wakes the pusher too soon.
    const space = this.capacity - ((this.#tailSeen - this.#head) | 0);
    if (wanted !== 0 && space >= wanted) wake(this.#words, this.#base + PUSHER_ASLEEP);
  }
}

/**
 * What one thread pops of many: each of them pushes to a ring of its own, and the popper takes batches from the rings in
 * turn. They share one flag, so that a popper that sleeps wakes on any of them.
 */
export class DoorbellDrain {
  /** What to hand to the pushers, each to `DoorbellRing.attach` with its index, or to the popper. */
  readonly buffer: SharedArrayBuffer;
  /** How many rings there are. */
  readonly count: number;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #rings: DoorbellRing[];
  #from = -1;

  private constructor(words: Int32Array<SharedArrayBuffer>) {
    this.#words = words;
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
    return this.#hasDoorbell() || sleepUntil(this.#hasDoorbell, this.#words, POPPER_ASLEEP, 1, timeoutMs, spinMs);
  }

  /** Waits, as a ring's `waitAsync` does, until one of the rings has a doorbell. */
  async waitAsync(timeoutMs = Number.POSITIVE_INFINITY): Promise<boolean> {
    return this.#hasDoorbell() || resolveWhen(this.#hasDoorbell, this.#words, POPPER_ASLEEP, 1, timeoutMs);
  }

  readonly #hasDoorbell = (): boolean => {
    for (let i = 0; i < this.count; i++) if (this.#rings[i]!.length > 0) return true;
    return false;
  };
}

/** Spins until `ready`, and then sleeps until it is: see DoorbellRing for why no wake-up is lost. */
function sleepUntil(
  ready: () => boolean,
  words: Int32Array<SharedArrayBuffer>,
  flag: number,
  raised: number,
  timeoutMs: number,
  spinMs: number,
): boolean {
  checkDuration("timeoutMs", timeoutMs);
  checkDuration("spinMs", spinMs);
  if (!maySleep()) throw new TypeError("a page's main thread must not sleep: use waitAsync or waitForSpaceAsync");
  const start = performance.now();
  const spinUntil = start + Math.min(spinMs, timeoutMs);
  for (let spins = 1; spins % SPINS_A_LOOK !== 0 || performance.now() < spinUntil; spins++) if (ready()) return true;
  for (;;) {
    const leftMs = start + timeoutMs - performance.now();
    Atomics.store(words, flag, raised);
    const isReady = ready();
    if (!isReady && leftMs > 0) Atomics.wait(words, flag, raised, Math.min(leftMs, NAP_MS));
    Atomics.store(words, flag, 0);
    if (isReady || ready()) return true;
    if (leftMs <= 0) return false;
  }
}

/** The same without a thread that sleeps; looks every millisecond where the host has no Atomics.waitAsync. */
async function resolveWhen(
  ready: () => boolean,
  words: Int32Array<SharedArrayBuffer>,
  flag: number,
  raised: number,
  timeoutMs: number,
): Promise<boolean> {
  checkDuration("timeoutMs", timeoutMs);
  const { waitAsync } = Atomics as unknown as { waitAsync?: WaitAsync };
  const start = performance.now();
  // A promise of Atomics.waitAsync does not keep Node alive.
  const alive = setInterval(() => {}, 2 ** 30);
  try {
    for (;;) {
      const leftMs = start + timeoutMs - performance.now();
      const napMs = Math.min(leftMs, NAP_MS);
      Atomics.store(words, flag, raised);
      if (!ready() && leftMs > 0)
        await (waitAsync?.(words, flag, raised, napMs).value ?? new Promise((resolve) => setTimeout(resolve, 1)));
      Atomics.store(words, flag, 0);
      if (ready()) return true;
      if (leftMs <= 0) return false;
    }
  } finally {
    clearInterval(alive);
  }
}

/** Newer than the library of types that this compiles with. */
type WaitAsync = (
  words: Int32Array,
  index: number,
  value: number,
  timeoutMs: number,
) => { value: string | Promise<string> };

function wake(words: Int32Array<SharedArrayBuffer>, flag: number): void {
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
  if (!(ms >= 0)) throw new RangeError(`${name} must be at least 0, got ${ms}`);
}

/** From so many on, `set` is the faster (4 against 14 ns a doorbell of a batch of 64; its call costs tens of ns). */
const SET_FROM = 8;

function copyDoorbells(from: TypedWords, at: number, into: TypedWords, intoAt: number, count: number): void {
  const length = count * DOORBELL_WORDS;
  if (count >= SET_FROM) into.set(length === from.length ? from : from.subarray(at, at + length), intoAt);
  else for (let i = 0; i < length; i++) into[intoAt + i] = from[at + i]!;
}

type TypedWords = Int32Array | Uint32Array;

/** How many doorbells `doorbells` holds. */
function wholeDoorbells(doorbells: Uint32Array): number {
  if (!(doorbells instanceof Uint32Array))
    throw new TypeError(`doorbells must be a Uint32Array, got ${describe(doorbells)}`);
  if (doorbells.length === 0 || doorbells.length % DOORBELL_WORDS !== 0)
    checkMultiple("the length of doorbells", doorbells.length, DOORBELL_WORDS);
  return doorbells.length / DOORBELL_WORDS;
}

const ringWords = (capacity: number): number => SLOTS + capacity * DOORBELL_WORDS;

const isCapacity = (n: number): boolean => Number.isInteger(Math.log2(n)) && n >= 2 && n <= CAPACITY_MAX;

/** The words of `count` empty rings. */
function layOut(count: number, capacity: number): Int32Array<SharedArrayBuffer> {
  checkFinite("capacity", capacity);
  if (!isCapacity(capacity)) throw new RangeError(`capacity must be a power of two from 2 to 2^20, got ${capacity}`);
  checkWhole("count", count, 1, RINGS_MAX);
  const bytes = 4 * (HEADER + count * ringWords(capacity));
  if (bytes > BYTES_MAX) throw new RangeError(`the rings must fit into 2^30 bytes, got ${bytes}`);
  if (typeof SharedArrayBuffer === "undefined")
    throw new TypeError("SharedArrayBuffer must be there for a ring: is the page cross-origin isolated?");
  const words = new Int32Array(new SharedArrayBuffer(bytes));
  words[0] = MAGIC;
  words[CAPACITY] = capacity;
  words[RINGS] = count;
  return words;
}

/** The words of the rings in `buffer`. */
function wordsIn(buffer: SharedArrayBuffer): Int32Array<SharedArrayBuffer> {
  if (typeof SharedArrayBuffer === "undefined" || !(buffer instanceof SharedArrayBuffer))
    throw new TypeError(`buffer must be a SharedArrayBuffer, got ${describe(buffer)}`);
  const words = buffer.byteLength % 4 === 0 && buffer.byteLength >= 4 * HEADER ? new Int32Array(buffer) : null;
  if (!words || words[0] !== MAGIC || !isRings(words))
    throw new RangeError(`buffer must hold a DoorbellRing, got ${buffer.byteLength} bytes of something else`);
  return words;
}

function isRings(words: Int32Array): boolean {
  const [capacity, count] = [words[CAPACITY]!, words[RINGS]!];
  return isCapacity(capacity) && count >= 1 && words.length === HEADER + count * ringWords(capacity);
}
