import * as layout from "../../assembly/layout.ts";
import { checkFinite, checkWhole, describe } from "../check.ts";

/** A doorbell is 64 bytes: a cache line, and what a DPU reads at once. */
export const DOORBELL_WORDS = layout.DOORBELL_WORDS;

const CAPACITY_MAX = 2 ** 20;
const RINGS_MAX = 1024;
const BYTES_MAX = 2 ** 30;
const MAGIC = 0x444f4f52;

/** Words of the header, and how many it has: see the drawing above DoorbellRing. */
export const [CAPACITY, RINGS, POPPER_ASLEEP, HEADER] = [1, 2, 3, 16] as const;
/** Words of a ring, from where it starts. */
export const [TAIL, HEAD, PUSHER_ASLEEP, SLOTS] = [0, 16, 17, 32] as const;

/** How many words a ring for `capacity` doorbells takes. */
export const ringWords = (capacity: number): number => SLOTS + capacity * DOORBELL_WORDS;

const isCapacity = (n: number): boolean => Number.isInteger(Math.log2(n)) && n >= 2 && n <= CAPACITY_MAX;

/** The words of `count` empty rings. */
export function layOut(count: number, capacity: number): Int32Array<SharedArrayBuffer> {
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
export function wordsIn(buffer: SharedArrayBuffer): Int32Array<SharedArrayBuffer> {
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
