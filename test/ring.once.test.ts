import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { popper, pusher, type Received, runTasks, startTask } from "../bench/traffic.ts";
import { DoorbellDrain } from "../src/ring/drain.ts";
import { DoorbellRing } from "../src/ring/index.ts";

const WHOLE = { lost: 0, again: 0, torn: 0 };

describe("doorbells between threads", () => {
  test("come whole, once and in order, in batches and one by one", async () => {
    for (const batch of [64, 7, 1]) {
      const { buffer } = DoorbellRing.create(128);
      const count = 300_000;
      const received = await runTasks([popper(buffer, { count, batch }), pusher(buffer, { count, batch })]);
      expect(received).toMatchObject({ ...WHOLE, received: count });
    }
  });

  test("of four threads come whole, once, and in the order of each", async () => {
    const drain = DoorbellDrain.create(4, 64);
    const each = 100_000;
    const received = await runTasks([
      popper(drain.buffer, { count: 4 * each, batch: 32 }),
      ...[1, 5, 64, 100].map((batch, index) => pusher(drain.buffer, { index, count: each, batch })),
    ]);
    expect(received).toMatchObject({ ...WHOLE, received: 4 * each, next: [each, each, each, each] });
  });

  test("wait for space in a tiny ring, and for a popper that naps", async () => {
    const { buffer } = DoorbellRing.create(2);
    const count = 5000;
    const napping = { napEvery: 500, napMs: 5 };
    const start = performance.now();
    const received = await runTasks([
      popper(buffer, { count, batch: 8, ...napping }),
      pusher(buffer, { count, batch: 8 }),
    ]);
    expect(received).toMatchObject({ ...WHOLE, received: count });
    // Every sleep that a lost wake-up prolonged would take a second.
    expect(performance.now() - start).toBeLessThan(5000);
  });

  test("wake a popper that sleeps most of the time, every time", async () => {
    const drain = DoorbellDrain.create(2, 16);
    const push = (index: number) =>
      pusher(drain.buffer, { index, count: 400, batch: 1 + index, napEvery: 1, napMs: 2 + index });
    const tasks = [popper(drain.buffer, { count: 800, batch: 4, spinMs: 0 }), push(0), push(1)] as const;
    const received = await runTasks(tasks);
    expect(received).toMatchObject({ ...WHOLE, received: 800 });
    expect(received.waits).toBeGreaterThan(300);
    // A lost wake-up would be made up for after a second.
    expect(received.waitMsMax).toBeLessThan(900);
  });

  test("of a thread that is killed come whole up to where it was, and those of others go on", async () => {
    for (const afterMs of [30, 60, 90]) {
      const drain = DoorbellDrain.create(2, 32);
      const endless = startTask(pusher(drain.buffer, { index: 0, count: Number.POSITIVE_INFINITY, batch: 9 }));
      const killed = expect(endless.result).rejects.toThrow("a worker ended with code 1");
      const other = startTask(pusher(drain.buffer, { index: 1, count: 300, batch: 3, napEvery: 3, napMs: 3 }));
      const received = startTask(
        popper(drain.buffer, { count: Number.POSITIVE_INFINITY, batch: 16, quietMs: 2500 }),
      ).result;
      const ring = DoorbellRing.attach(drain.buffer, 0);
      while (ring.length === 0) await sleep(1);
      await sleep(afterMs);
      await endless.worker.terminate();
      await killed;
      await other.result;
      const { next, ...rest } = (await received) as Received;
      expect(rest).toMatchObject(WHOLE);
      expect(next[0]).toBeGreaterThan(0);
      expect(next[1]).toBe(300);
      expect(DoorbellDrain.attach(drain.buffer).popMany(new Uint32Array(16))).toBe(0);
    }
  });
});
