import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DoorbellDrain } from "../src/ring/drain.ts";
import { DoorbellRing } from "../src/ring/index.ts";

const DOORBELL_WORDS = 16;
// Where the drawing above DoorbellRing has them.
const [TAIL, HEAD, SLOTS] = [16, 32, 48];

const doorbell = (n: number): Uint32Array =>
  Uint32Array.from({ length: DOORBELL_WORDS }, (_, i) => Math.imul(n + 1, 0x9e3779b9) ^ (i * 0x85ebca6b));

const doorbells = (ns: readonly number[]): Uint32Array => {
  const words = new Uint32Array(ns.length * DOORBELL_WORDS);
  ns.forEach((n, i) => {
    words.set(doorbell(n), i * DOORBELL_WORDS);
  });
  return words;
};

/** Where a page's main thread may not sleep. */
const inPage = "document" in globalThis;

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
    const moves = fc.constantFrom("push", "pop", "pushMany", "popMany");
    const runs = fc.array(fc.record({ move: moves, count: fc.integer({ min: 1, max: 20 }) }), { maxLength: 40 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), starts, runs, (log2, start, runs) => {
        const capacity = 2 ** log2;
        const { pusher, popper } = usedRing(capacity, start);
        const model: number[] = [];
        let pushed = 0;
        const moveOne = { push: (n: Uint32Array) => +pusher.push(n), pop: (n: Uint32Array) => +popper.pop(n) };
        /** Moves up to `count` at once, and holds what moved to the model. */
        const check = (move: "push" | "pop", count: number, many: boolean) => {
          if (move === "push") {
            const room = Math.min(count, capacity - model.length);
            const offered = doorbells(Array.from({ length: count }, (_, i) => pushed + i));
            expect(many ? pusher.pushMany(offered) : moveOne.push(offered)).toBe(room);
            for (let i = 0; i < room; i++) model.push(pushed++);
          } else {
            const into = new Uint32Array(count * DOORBELL_WORDS).fill(7);
            const oldest = model.splice(0, count);
            expect(many ? popper.popMany(into) : moveOne.pop(into)).toBe(oldest.length);
            const expected = new Uint32Array(into.length).fill(7);
            expected.set(doorbells(oldest));
            expect(into).toEqual(expected);
          }
          expect([pusher.length, popper.length]).toEqual([model.length, model.length]);
        };
        for (const { move, count } of runs)
          if (move === "pushMany" || move === "popMany") check(move === "pushMany" ? "push" : "pop", count, true);
          else for (let i = 0; i < count; i++) check(move as "push" | "pop", 1, false);
      }),
      { seed: 17 },
    );
  });

  test("pushes the first of many, or none", () => {
    const ring = DoorbellRing.create(4);
    expect(ring.pushMany(doorbells([1, 2, 3]), 2)).toBe(2);
    expect(ring.pushMany(doorbells([4]), 0)).toBe(0);
    const popped = new Uint32Array(3 * DOORBELL_WORDS);
    expect(ring.popMany(popped)).toBe(2);
    expect(popped.subarray(0, 2 * DOORBELL_WORDS)).toEqual(doorbells([1, 2]));
    expect(ring.popMany(popped)).toBe(0);
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
    expect(() => ring.popMany(new Uint32Array(0))).toThrow(
      new RangeError("the length of doorbells must be a positive multiple of 16, got 0"),
    );
    expect(() => ring.pushMany(new Uint32Array(17))).toThrow(
      new RangeError("the length of doorbells must be a positive multiple of 16, got 17"),
    );
    expect(() => ring.pushMany([] as never)).toThrow(new TypeError("doorbells must be a Uint32Array, got an array"));
    expect(() => ring.pushMany(doorbells([1, 2]), 3)).toThrow(new RangeError("count must be from 0 to 2, got 3"));
    expect(() => ring.pushMany(doorbells([1, 2]), 0.5)).toThrow(
      new RangeError("count must be a whole number, got 0.5"),
    );
    expect(() => ring.push(new Float32Array(16) as never)).toThrow(
      new TypeError("doorbell must be a Uint32Array, got object"),
    );
    expect(() => ring.pop("sixteen letters!" as never)).toThrow(
      new TypeError('doorbell must be a Uint32Array, got "sixteen letters!"'),
    );
    expect(() => ring.pushMany(new Float64Array(32) as never, 2)).toThrow(
      new TypeError("doorbells must be a Uint32Array, got object"),
    );
    expect(() => ring.waitForSpace(1, -1)).toThrow(new RangeError("timeoutMs must be at least 0, got -1")); // though there is
    expect(() => ring.wait("5" as never)).toThrow(new TypeError('timeoutMs must be a number, got "5"'));
    expect(() => ring.wait(-1)).toThrow(new RangeError("timeoutMs must be at least 0, got -1"));
    expect(() => ring.wait(0, Number.NaN)).toThrow(new RangeError("spinMs must be at least 0, got NaN"));
    expect(() => ring.waitForSpace(3)).toThrow(new RangeError("count must be from 1 to 2, got 3"));
    expect(() => DoorbellRing.attach(ring.buffer, 1)).toThrow(new RangeError("index must be from 0 to 0, got 1"));
    expect(() => DoorbellDrain.create(0, 2)).toThrow(new RangeError("count must be from 1 to 1024, got 0"));
    expect(() => DoorbellDrain.create(1024, 2 ** 20)).toThrow(
      new RangeError("the rings must fit into 2^30 bytes, got 68719607872"),
    );
    expect(ring.length).toBe(0);
  });

  test.each([
    ["too short to be one", 64, []],
    ["no whole number of words", 1023, []],
    ["not one", 512, []],
    ["of another length than its capacity needs", 512, [0x444f4f52, 4, 1]],
    ["of no possible capacity", 512, [0x444f4f52, 3, 1]],
    ["of more rings than there is room for", 512, [0x444f4f52, 4, 2]],
  ])("refuses a buffer that is %s", (_, bytes, header) => {
    const buffer = new SharedArrayBuffer(bytes);
    if (header.length > 0) new Uint32Array(buffer).set(header);
    expect(() => DoorbellRing.attach(buffer)).toThrow(
      new RangeError(`buffer must hold a DoorbellRing, got ${bytes} bytes of something else`),
    );
  });
});

describe("waiting", () => {
  test("ends at once where there is something, and in time where there is nothing", async () => {
    const ring = DoorbellRing.create(2);
    const start = performance.now();
    expect(await ring.waitAsync(30)).toBe(false);
    expect(await ring.waitForSpaceAsync(2, 0)).toBe(true);
    if (!inPage) expect(ring.wait(30)).toBe(false);
    // Clocks of pages are coarse.
    expect(performance.now() - start).toBeGreaterThan(inPage ? 28 : 58);
    ring.pushMany(doorbells([1, 2]));
    expect(await ring.waitAsync()).toBe(true);
    expect(ring.wait(0)).toBe(true);
    expect(await ring.waitForSpaceAsync(1, 5)).toBe(false);
    ring.pop(new Uint32Array(DOORBELL_WORDS));
    expect(ring.waitForSpace()).toBe(true);
    expect(await ring.waitForSpaceAsync(2, 5)).toBe(false);
    // Nobody sleeps any more, so nobody is to be woken.
    const words = new Int32Array(ring.buffer);
    expect([words[3], words[HEAD + 1]]).toEqual([0, 0]);
  });

  test("is for one at a time on either side, and what is refused changes nothing", async () => {
    const { pusher, popper } = usedRing(4, 0);
    const already = "the ring is waited for already: await that wait first";
    const doorbellThere = popper.waitAsync(5000);
    await expect(popper.waitAsync(0)).rejects.toThrow(already);
    if (!inPage) expect(() => popper.wait(0)).toThrow(already);
    expect(pusher.pushMany(doorbells([1, 2, 3, 4]))).toBe(4);
    expect(await doorbellThere).toBe(true);

    let isThere = false;
    const space = pusher.waitForSpaceAsync(3).then((found) => {
      isThere = true;
      return found;
    });
    await expect(pusher.waitForSpaceAsync(1)).rejects.toThrow(already);
    await expect(pusher.waitForSpaceAsync(1, -1)).rejects.toThrow("timeoutMs must be at least 0, got -1");
    const into = new Uint32Array(DOORBELL_WORDS);
    for (let popped = 0; popped < 2; popped++) popper.pop(into);
    // A wait looks once a second, or when it is woken.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect(isThere).toBe(false);
    popper.pop(into);
    expect(await space).toBe(true);
    expect(await pusher.waitForSpaceAsync(3)).toBe(true);
  });

  test("on a page's main thread is refused, and done without sleeping", () => {
    const wait = () => DoorbellRing.create(2).wait(1);
    if (inPage)
      expect(wait).toThrow(new TypeError("a page's main thread must not sleep: use waitAsync or waitForSpaceAsync"));
    else expect(wait()).toBe(false);
  });

  test.each([true, false])("asynchronously ends with the push, the pop (with Atomics.waitAsync: %s)", async (has) => {
    const atomics = Atomics as { waitAsync?: unknown };
    const { waitAsync } = atomics;
    if (!has) atomics.waitAsync = undefined;
    try {
      const { pusher, popper } = usedRing(4, 2 ** 32 - 2);
      const start = performance.now();
      const popped = popper.waitAsync();
      setTimeout(() => pusher.pushMany(doorbells([1, 2, 3, 4])), 5);
      expect(await popped).toBe(true);
      // Of two pops the second leaves as much space as is waited for, and not one more.
      const space = pusher.waitForSpaceAsync(4);
      const into = new Uint32Array(2 * DOORBELL_WORDS);
      setTimeout(() => popper.popMany(into), 5);
      setTimeout(() => popper.popMany(into), 10);
      expect(await space).toBe(true);
      expect(pusher.length).toBe(0);
      // A wake-up that is lost is made up for after a second.
      expect(performance.now() - start).toBeLessThan(900);
    } finally {
      atomics.waitAsync = waitAsync;
    }
  });

  // What another thread may do at the worst moments, done by this one: just before the flag goes up, and just before sleep.
  test.each([
    ["store", "wait"],
    ["wait", "wait"],
    ["store", "waitAsync"],
    ["waitAsync", "waitAsync"],
  ] as const)("loses no push that comes right before Atomics.%s in %s", async (name, wait) => {
    if (inPage && wait === "wait") return;
    const atomics = Atomics as unknown as Record<string, (...values: unknown[]) => unknown>;
    const original = atomics[name]!;
    const { pusher, popper } = usedRing(2, 0);
    let due = true;
    atomics[name] = (words, index, value, ...rest) => {
      if (due && index === 3 && value === 1) {
        due = false;
        pusher.push(doorbell(1));
      }
      return original(words, index, value, ...rest);
    };
    try {
      const start = performance.now();
      expect(await popper[wait]()).toBe(true);
      expect(due).toBe(false);
      expect(performance.now() - start).toBeLessThan(900);
    } finally {
      atomics[name] = original;
    }
  });
});

describe("DoorbellDrain", () => {
  test("takes from each ring in turn, however much one has, and in the order of each", () => {
    const drain = DoorbellDrain.create(3, 8);
    const rings = [0, 1, 2].map((index) => DoorbellRing.attach(drain.buffer, index));
    expect([drain.count, drain.from]).toEqual([3, -1]);
    rings[0]!.pushMany(doorbells([0, 1, 2, 3, 4]));
    rings[2]!.pushMany(doorbells([20, 21, 22]));
    const into = new Uint32Array(2 * DOORBELL_WORDS);
    const taken: unknown[] = [];
    for (let popped = drain.popMany(into); popped > 0; popped = drain.popMany(into)) {
      taken.push([drain.from, into.slice(0, popped * DOORBELL_WORDS)]);
      if (taken.length === 2) rings[1]!.push(doorbell(10));
    }
    const expected = [
      [0, [0, 1]],
      [2, [20, 21]],
      [0, [2, 3]],
      [1, [10]],
      [2, [22]],
      [0, [4]],
    ] as const;
    expect(taken).toEqual(expected.map(([from, ns]) => [from, doorbells(ns)]));
  });

  test("wakes on any of its rings", async () => {
    const drain = DoorbellDrain.create(3, 2);
    expect(await drain.waitAsync(5)).toBe(false);
    for (const index of [2, 0, 1]) {
      const woken = drain.waitAsync();
      setTimeout(() => DoorbellRing.attach(drain.buffer, index).push(doorbell(index)), 5);
      expect(await woken).toBe(true);
      const into = new Uint32Array(DOORBELL_WORDS);
      expect([drain.popMany(into), drain.from, into]).toEqual([1, index, doorbell(index)]);
    }
  });

  test("attaches to a ring on its own, which is a drain of one", () => {
    const ring = DoorbellRing.create(2);
    ring.push(doorbell(5));
    expect(DoorbellDrain.attach(ring.buffer).popMany(new Uint32Array(DOORBELL_WORDS))).toBe(1);
    expect(ring.length).toBe(0);
  });
});
