import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DoorbellRing } from "../src/ring.ts";

const DOORBELL_WORDS = 16;
// Where the drawing above DoorbellRing has them.
const [TAIL, HEAD, SLOTS] = [16, 32, 48];

const doorbell = (n: number): Uint32Array =>
  Uint32Array.from({ length: DOORBELL_WORDS }, (_, i) => Math.imul(n + 1, 0x9e3779b9) ^ (i * 0x85ebca6b));

/** A ring that has been used so often that its indexes stand at `start`, as its two threads see it. */
function usedRing(capacity: number, start: number): { pusher: DoorbellRing; popper: DoorbellRing } {
  const { buffer } = DoorbellRing.create(capacity);
  const words = new Uint32Array(buffer);
  words[TAIL] = words[HEAD] = start;
  return { pusher: DoorbellRing.attach(buffer), popper: DoorbellRing.attach(buffer) };
}

describe("DoorbellRing", () => {
  test("does what an array would do, also where its indexes wrap at 2^32", () => {
    const before = (wrap: number) => fc.integer({ min: wrap - 40, max: wrap - 1 });
    // 2^31 is where the same bits wrap as signed numbers.
    const starts = fc.oneof(before(2 ** 32), before(2 ** 31), fc.integer({ min: 0, max: 2 ** 32 - 1 }));
    const runs = fc.array(fc.record({ push: fc.boolean(), count: fc.integer({ min: 1, max: 20 }) }), { maxLength: 40 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), starts, runs, (log2, start, runs) => {
        const capacity = 2 ** log2;
        const { pusher, popper } = usedRing(capacity, start);
        const model: number[] = [];
        const popped = new Uint32Array(DOORBELL_WORDS);
        let pushed = 0;
        for (const { push, count } of runs)
          for (let i = 0; i < count; i++) {
            if (push) {
              expect(pusher.push(doorbell(pushed))).toBe(model.length < capacity);
              if (model.length < capacity) model.push(pushed++);
            } else {
              const before = popped.slice();
              const oldest = model.shift();
              expect(popper.pop(popped)).toBe(oldest !== undefined);
              expect(popped).toEqual(oldest === undefined ? before : doorbell(oldest));
            }
            expect([pusher.length, popper.length]).toEqual([model.length, model.length]);
          }
      }),
      { seed: 17 },
    );
  });

  test("lies as its drawing says: an index at the start of a cache line, and no two on one", () => {
    const ring = DoorbellRing.create(4);
    expect(ring.capacity).toBe(4);
    ring.push(doorbell(0));
    ring.push(doorbell(1));
    ring.pop(new Uint32Array(DOORBELL_WORDS));
    const words = new Uint32Array(ring.buffer);
    expect(words.length).toBe(SLOTS + 4 * DOORBELL_WORDS);
    expect([words[TAIL], words[HEAD]]).toEqual([2, 1]);
    expect([...words.subarray(TAIL + 1, HEAD), ...words.subarray(HEAD + 1, SLOTS)].every((word) => word === 0)).toBe(
      true,
    );
    expect(words.slice(SLOTS + 16, SLOTS + 32)).toEqual(doorbell(1));
  });

  test("attaches with what is waiting", () => {
    const ring = DoorbellRing.create(2);
    ring.push(doorbell(7));
    const popped = new Uint32Array(DOORBELL_WORDS);
    expect(DoorbellRing.attach(ring.buffer).pop(popped)).toBe(true);
    expect(popped).toEqual(doorbell(7));
  });

  test("names the bad argument", () => {
    for (const capacity of [3, 1, 0, -2, 2 ** 21, 2.5])
      expect(() => DoorbellRing.create(capacity)).toThrow(
        new RangeError(`capacity must be a power of two from 2 to 2^20, got ${capacity}`),
      );
    expect(() => DoorbellRing.create("8" as never)).toThrow(new TypeError('capacity must be a number, got "8"'));
    expect(() => DoorbellRing.create(Number.NaN)).toThrow(new RangeError("capacity must be finite, got NaN"));
    expect(() => DoorbellRing.attach(new ArrayBuffer(512) as never)).toThrow(
      new TypeError("buffer must be a SharedArrayBuffer, got object"),
    );

    const ring = DoorbellRing.create(2);
    expect(() => ring.push(new Uint32Array(15))).toThrow(new RangeError("doorbell must hold 16 values, got 15"));
    expect(() => ring.pop(new Uint32Array(17))).toThrow(new RangeError("doorbell must hold 16 values, got 17"));
    expect(ring.length).toBe(0);
  });

  test.each([
    ["too short to be one", 64, []],
    ["no whole number of words", 1023, []],
    ["not one", 512, []],
    ["of another length than its capacity needs", 512, [0x444f4f52, 4]],
    ["of no possible capacity", 512, [0x444f4f52, 3]],
  ])("refuses a buffer that is %s", (_, bytes, header) => {
    const buffer = new SharedArrayBuffer(bytes);
    if (header.length > 0) new Uint32Array(buffer).set(header);
    expect(() => DoorbellRing.attach(buffer)).toThrow(
      new RangeError(`buffer must hold a DoorbellRing, got ${bytes} bytes of something else`),
    );
  });
});
