import { checkMultiple, checkWhole, describe } from "../check.ts";
import {
  CAPACITY,
  DOORBELL_WORDS,
  HEAD,
  HEADER,
  layOut,
  POPPER_ASLEEP,
  PUSHER_ASLEEP,
  RINGS,
  ringWords,
  SLOTS,
  TAIL,
  wordsIn,
} from "./memory.ts";
import { Sleeper, SPIN_MS, wake } from "./sleep.ts";

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
  readonly #popper: Sleeper;
  readonly #pusher: Sleeper;

  private constructor(words: Int32Array<SharedArrayBuffer>, index: number) {
    this.#words = words;
    this.buffer = words.buffer;
    this.capacity = words[CAPACITY]!;
    this.#base = HEADER + index * ringWords(this.capacity);
    this.#tail = this.#tailSeen = Atomics.load(words, this.#base + TAIL);
    this.#head = this.#headSeen = Atomics.load(words, this.#base + HEAD);
    this.#popper = new Sleeper(words, POPPER_ASLEEP);
    this.#pusher = new Sleeper(words, this.#base + PUSHER_ASLEEP);
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
    if (!(doorbell instanceof Uint32Array) || doorbell.length !== DOORBELL_WORDS) refuseDoorbell(doorbell);
    if (this.#space(1) === 0) return false;
    const words = this.#words;
    const slot = this.#base + SLOTS + (this.#tail & (this.capacity - 1)) * DOORBELL_WORDS;
    for (let i = 0; i < DOORBELL_WORDS; i++) words[slot + i] = doorbell[i]!;
    this.#pushed(1);
    return true;
  }

  /** Takes the oldest doorbell out and into `doorbell`; false, and nothing done, where the ring is empty. */
  pop(doorbell: Uint32Array): boolean {
    if (!(doorbell instanceof Uint32Array) || doorbell.length !== DOORBELL_WORDS) refuseDoorbell(doorbell);
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
    checkWords(doorbells);
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
   * for a page's main thread, which may not sleep. To answer soonest, try `pop` a few hundred times before.
   */
  wait(timeoutMs = Number.POSITIVE_INFINITY, spinMs = SPIN_MS): boolean {
    return this.#popper.wait(this.#hasDoorbell, 1, timeoutMs, spinMs);
  }

  /**
   * Like `wait`, for any thread, and without spinning. It keeps a process of Node alive. One wait at a time: a second one
   * throws.
   */
  waitAsync(timeoutMs = Number.POSITIVE_INFINITY): Promise<boolean> {
    return this.#popper.waitAsync(this.#hasDoorbell, 1, timeoutMs);
  }

  /**
   * Waits, as `wait` does, until there is space to push `count` doorbells. Who waits for many at once, half a ring say, is
   * woken less often.
   */
  waitForSpace(count = 1, timeoutMs = Number.POSITIVE_INFINITY, spinMs = SPIN_MS): boolean {
    checkWhole("count", count, 1, this.capacity);
    return this.#pusher.wait(() => this.#hasSpace(count), count, timeoutMs, spinMs);
  }

  /** Waits, as `waitAsync` does, until there is space to push `count` doorbells. */
  async waitForSpaceAsync(count = 1, timeoutMs = Number.POSITIVE_INFINITY): Promise<boolean> {
    checkWhole("count", count, 1, this.capacity);
    return this.#pusher.waitAsync(() => this.#hasSpace(count), count, timeoutMs);
  }

  readonly #hasDoorbell = (): boolean => Atomics.load(this.#words, this.#base + TAIL) !== this.#head;

  #hasSpace(count: number): boolean {
    return this.capacity - ((this.#tail - Atomics.load(this.#words, this.#base + HEAD)) | 0) >= count;
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
/** From so many on, `set` is the faster: beside the loop 26 to 67 ns a doorbell for 4, 10 to 88 for 64, and no better for 2. */
const SET_FROM = 4;

function copyDoorbells(from: TypedWords, at: number, into: TypedWords, intoAt: number, count: number): void {
  const length = count * DOORBELL_WORDS;
  if (count >= SET_FROM) into.set(length === from.length ? from : from.subarray(at, at + length), intoAt);
  else for (let i = 0; i < length; i++) into[intoAt + i] = from[at + i]!;
}

type TypedWords = Int32Array | Uint32Array;

function checkWords(doorbells: Uint32Array): void {
  if (!(doorbells instanceof Uint32Array))
    throw new TypeError(`doorbells must be a Uint32Array, got ${describe(doorbells)}`);
}

/** How many doorbells `doorbells` holds. */
function wholeDoorbells(doorbells: Uint32Array): number {
  checkWords(doorbells);
  if (doorbells.length === 0 || doorbells.length % DOORBELL_WORDS !== 0)
    checkMultiple("the length of doorbells", doorbells.length, DOORBELL_WORDS);
  return doorbells.length / DOORBELL_WORDS;
}

/** Says why a doorbell is none. */
function refuseDoorbell(doorbell: Uint32Array): never {
  if (doorbell instanceof Uint32Array)
    throw new RangeError(`doorbell must hold ${DOORBELL_WORDS} values, got ${doorbell.length}`);
  throw new TypeError(`doorbell must be a Uint32Array, got ${describe(doorbell)}`);
}
