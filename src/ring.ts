import * as layout from "../assembly/layout.ts";
import { checkFinite, checkLength, describe } from "./check.ts";

/** A doorbell is 64 bytes: a cache line, and what a DPU reads at once. */
export const DOORBELL_WORDS = layout.DOORBELL_WORDS;

const CAPACITY_MAX = 2 ** 20;
const MAGIC = 0x444f4f52;
const CAPACITY = 1;
const TAIL = 16;
const HEAD = 32;
const SLOTS = 48;

/**
 * A queue of 64-byte doorbells in shared memory, from one thread that pushes to one thread that pops.
 *
 *     word 0         16        32        48        64
 *          [ ring   ][ tail   ][ head   ][ slot 0 ][ slot 1 ] ... one cache line each
 *            magic     pushed    popped    a doorbell
 *            capacity  so far    so far
 *
 * `tail` and `head` count on for ever and wrap at 2^32: the ring is empty where they are equal, full where they are
 * `capacity` apart. The pusher alone writes `tail` and the popper alone writes `head`, and each remembers what it last read
 * of the other's, so that it touches the other's line only when the ring looks full or empty.
 */
export class DoorbellRing {
  /** What to hand to the other thread, for it to `attach`. */
  readonly buffer: SharedArrayBuffer;
  /** How many doorbells fit. */
  readonly capacity: number;
  readonly #words: Int32Array<SharedArrayBuffer>;
  #tail: number;
  #headSeen: number;
  #head: number;
  #tailSeen: number;

  private constructor(words: Int32Array<SharedArrayBuffer>) {
    this.#words = words;
    this.buffer = words.buffer;
    this.capacity = words[CAPACITY]!;
    this.#tail = this.#tailSeen = Atomics.load(words, TAIL);
    this.#head = this.#headSeen = Atomics.load(words, HEAD);
  }

  /** An empty ring for `capacity` doorbells, a power of two. */
  static create(capacity: number): DoorbellRing {
    checkFinite("capacity", capacity);
    if (!isCapacity(capacity)) throw new RangeError(`capacity must be a power of two from 2 to 2^20, got ${capacity}`);
    if (typeof SharedArrayBuffer === "undefined")
      throw new TypeError("SharedArrayBuffer must be there for a ring: is the page cross-origin isolated?");
    const words = new Int32Array(new SharedArrayBuffer(4 * wordsOf(capacity)));
    words[0] = MAGIC;
    words[CAPACITY] = capacity;
    return new DoorbellRing(words);
  }

  /** The ring in a `buffer` that another thread created. Of all that attach, one may push and one may pop. */
  static attach(buffer: SharedArrayBuffer): DoorbellRing {
    if (typeof SharedArrayBuffer === "undefined" || !(buffer instanceof SharedArrayBuffer))
      throw new TypeError(`buffer must be a SharedArrayBuffer, got ${describe(buffer)}`);
    const words = buffer.byteLength % 4 === 0 && buffer.byteLength >= 4 * SLOTS ? new Int32Array(buffer) : null;
    const capacity = words?.[0] === MAGIC ? words[CAPACITY]! : 0;
    if (!words || !isCapacity(capacity) || words.length !== wordsOf(capacity))
      throw new RangeError(`buffer must hold a DoorbellRing, got ${buffer.byteLength} bytes of something else`);
    return new DoorbellRing(words);
  }

  /** How many doorbells wait. By the time it is read, the other thread may have moved on. */
  get length(): number {
    // In this order: a head read later could lie beyond the tail.
    const head = Atomics.load(this.#words, HEAD);
    return Math.min(this.capacity, (Atomics.load(this.#words, TAIL) - head) >>> 0);
  }

  /** Appends the 16 words of `doorbell`; false, and nothing done, where the ring is full. */
  push(doorbell: Uint32Array): boolean {
    if (doorbell.length !== DOORBELL_WORDS) checkLength("doorbell", doorbell, DOORBELL_WORDS);
    const words = this.#words;
    const tail = this.#tail;
    if (((tail - this.#headSeen) | 0) === this.capacity) {
      this.#headSeen = Atomics.load(words, HEAD);
      if (((tail - this.#headSeen) | 0) === this.capacity) return false;
    }
    const slot = SLOTS + (tail & (this.capacity - 1)) * DOORBELL_WORDS;
    for (let i = 0; i < DOORBELL_WORDS; i++) words[slot + i] = doorbell[i]!;
    this.#tail = (tail + 1) | 0;
    Atomics.store(words, TAIL, this.#tail);
    return true;
  }

  /** Takes the oldest doorbell out and into `doorbell`; false, and nothing done, where the ring is empty. */
  pop(doorbell: Uint32Array): boolean {
    if (doorbell.length !== DOORBELL_WORDS) checkLength("doorbell", doorbell, DOORBELL_WORDS);
    const words = this.#words;
    const head = this.#head;
    if (head === this.#tailSeen) {
      this.#tailSeen = Atomics.load(words, TAIL);
      if (head === this.#tailSeen) return false;
    }
    const slot = SLOTS + (head & (this.capacity - 1)) * DOORBELL_WORDS;
    for (let i = 0; i < DOORBELL_WORDS; i++) doorbell[i] = words[slot + i]!;
    this.#head = (head + 1) | 0;
    Atomics.store(words, HEAD, this.#head);
    return true;
  }
}

const wordsOf = (capacity: number): number => SLOTS + capacity * DOORBELL_WORDS;

const isCapacity = (n: number): boolean => Number.isInteger(Math.log2(n)) && n >= 2 && n <= CAPACITY_MAX;
