import fc from "fast-check";
import { expect, test } from "vitest";
import { Executor } from "../../src/executor.ts";
import { Pacer } from "../../src/pacing/index.ts";
import { RandomBits } from "../../src/random.ts";
import { shareOf } from "../share.ts";
import { good, options } from "./shared.ts";

test("a load alone on an idle executor is read in its bytes over the pace, to the nanosecond", () => {
  const executor = new Executor({ gpus: 512 });
  executor.advance(12_345);
  executor.submit([{ fenceId: 1, sourceGpu: 511, destinationGpu: 3, sizeBytes: 160e6, deadlineNs: 192_345 }]);
  const { reads, expired } = executor.advance(1e6);
  // 160 chunks of 625 ns: the last one goes out a chunk before 100 µs have passed.
  expect([reads.length, reads[0]!.atNs, reads[159]!.atNs]).toEqual([160, 12_345, 12_345 + 100_000 - 625]);
  expect(expired).toEqual([]);
});

test("a saturated bucket carries its rate", () => {
  for (const burstBytes of [1e6, 7.5e6]) {
    const executor = new Executor({ gpus: 8, burstBytes, queueDepth: 4000 });
    executor.submit(
      Array.from({ length: 4000 }, (_, fenceId) => ({ ...good, fenceId, sizeBytes: 1e6 + fenceId, deadlineNs: 1e9 })),
    );
    const bytes = executor.advance(1e6).reads.reduce((sum, read) => sum + read.bytes, 0);
    expect(Math.abs(bytes - burstBytes - 1600 * 1e6)).toBeLessThan(0.001 * 1600 * 1e6);
  }
});

test.each([0.5, 0.8, 0.95])("the mean wait of Poisson arrivals at utilisation %d is that of M/D/1", (utilisation) => {
  // 41 batches of 24,000 loads of one chunk, by batch means: Student's t with 40 degrees of freedom at 99.9% is 3.551.
  const [batches, size, t] = [41, 4 * shareOf(6000), 3.551];
  const serviceNs = 1e6 / 1600;
  const pacer = new Pacer({ gpus: 1, order: "arrival", queueDepth: 4096 });
  const random = new RandomBits({ seed: 9, batch: size });
  const arrivedNs = new Float64Array(4096);
  pacer.loads.sizeBytes[0] = 1e6;
  let atNs = 0;
  let [waited, count] = [0, 0];
  const means: number[] = [];
  const take = (nowNs: number) => {
    const reads = pacer.advance(nowNs);
    for (let i = 0; i < reads; i++) {
      if (pacer.events.bytes[i] === 0) continue;
      waited += pacer.events.atNs[i]! - arrivedNs[pacer.events.slot[i]!]!;
      if (++count % size === 0) {
        means.push(waited / size);
        waited = 0;
      }
    }
    pacer.complete(reads);
  };
  for (let batch = 0; batch < batches; batch++) {
    for (const bits of random.next()) {
      atNs += (-Math.log((bits + 0.5) / 2 ** 32) * serviceNs) / utilisation;
      take(atNs);
      pacer.loads.deadlineNs[0] = atNs + 1e9;
      pacer.submit(1);
      arrivedNs[pacer.loads.slot[0]!] = atNs;
    }
  }
  take(atNs + 1e9);
  expect(means).toHaveLength(batches);
  const mean = means.reduce((sum, value) => sum + value, 0) / batches;
  const sigma = Math.sqrt(means.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (batches - 1));
  const theoryNs = (utilisation / (2 * (1 - utilisation))) * serviceNs;
  expect(Math.abs(mean - theoryNs)).toBeLessThan((t * sigma) / Math.sqrt(batches));
  expect((t * sigma) / Math.sqrt(batches)).toBeLessThan(0.1 * Math.sqrt(24_000 / size) * theoryNs); // the interval says something
});

test("columns: a batch of events at a time, and nothing else until all are taken", () => {
  const pacer = new Pacer({ gpus: 2, gpusPerDpu: 1, paceBytesPerNs: 1, chunkBytes: 1, batch: 4 });
  pacer.loads.destinationGpu.set([0, 1, 0, 1]);
  pacer.loads.sizeBytes.fill(2);
  pacer.loads.deadlineNs.set([9, 8, 7, 6]);
  expect(pacer.submit(4)).toBe(4);
  const [a, b, c, d] = pacer.loads.slot.slice() as unknown as [number, number, number, number];
  expect(pacer.advance(5)).toBe(4);
  // One DPU after the other, each in order of time.
  expect([...pacer.events.slot]).toEqual([c, c, a, a]);
  expect([...pacer.events.bytesLeft]).toEqual([1, 0, 1, 0]);
  expect([...pacer.events.atNs]).toEqual([0, 1, 2, 3]);
  expect([...pacer.events.endNs]).toEqual([1, 2, 3, 4]);
  for (const ask of [() => pacer.submit(1), () => pacer.cancel(a), () => pacer.reprioritise(a, 1)])
    expect(ask).toThrow(new RangeError("nowNs must be at most 0, the next event, got 5"));
  expect([pacer.complete(4), ...pacer.endedSlot.slice(0, 2)]).toEqual([2, c, a]);
  expect(() => pacer.complete(4)).toThrow(
    new RangeError(`read 0 must be one that was issued, got 1 bytes of slot ${c}`),
  );
  expect(pacer.advance(5)).toBe(4);
  expect([...pacer.events.slot]).toEqual([d, d, b, b]);
  expect(pacer.advance(5)).toBe(0);
  // What nobody issued is refused by the kernel, whatever the number, and undone.
  pacer.events.slot.set([d, b, 0xffffffff]);
  pacer.events.bytes.set([2, 1, 1]);
  expect(() => pacer.complete(3)).toThrow("read 2 must be one that was issued, got 1 bytes of slot 4294967295");
  pacer.events.slot.set([d, b, b, b]);
  pacer.events.bytes.set([2, 1, 0, 1]);
  expect([pacer.complete(4), ...pacer.endedSlot.slice(0, 2)]).toEqual([2, d, b]);
  expect(() => pacer.cancel(a)).toThrow(new RangeError(`slot must be of a load under way, got ${a}`));
  expect(() => pacer.reprioritise(a, 1)).toThrow(new RangeError(`slot must be of a load under way, got ${a}`));
  pacer.loads.sizeBytes[2] = 0;
  expect(() => pacer.submit(3)).toThrow(new RangeError(`load 2: sizeBytes must be from 1 to ${2 ** 53 - 1}, got 0`));
  pacer.loads.destinationGpu[1] = 0xffffffff;
  expect(() => pacer.submit(3)).toThrow(new RangeError("load 1: destinationGpu must be from 0 to 1, got 4294967295"));
  expect([pacer.freeOn(0), pacer.freeOn(1)]).toEqual([1024, 1024]);
});

test("a load that arrives later is one submitted then, its place being kept meanwhile", () => {
  const load = fc.record({
    sizeBytes: fc.integer({ min: 1, max: 40 }),
    deadlineNs: fc.nat({ max: 300 }),
    arrivalNs: fc.nat({ max: 200 }),
    source: fc.nat({ max: 5 }),
    destination: fc.nat({ max: 5 }),
    dropLate: fc.nat({ max: 1 }),
  });
  fc.assert(
    fc.property(options, fc.array(load, { maxLength: 24 }), (given, drawn) => {
      const { onExpire: _, ...pacing } = given;
      const depth = { ...pacing, queueDepth: 32, batch: 64 };
      const loads = drawn
        .map(({ source, destination, ...rest }) => ({
          ...rest,
          sourceGpu: source % given.gpus,
          destinationGpu: destination % given.gpus,
        }))
        // A load that expires before it arrives is told at once by one, and when it is submitted by the other.
        .map((row) => ({ ...row, deadlineNs: row.deadlineNs + row.arrivalNs + 2 * row.sizeBytes + 6 }))
        .sort((a, b) => a.arrivalNs - b.arrivalNs);
      const [ahead, then] = [new Pacer(depth), new Pacer(depth)];
      const rank = (pacer: Pacer, of: Map<number, number>, count: number) =>
        Array.from({ length: count }, (_, i) => {
          const { slot, bytes, atNs, bytesLeft, endNs } = pacer.events;
          return [atNs[i], of.get(slot[i]!), bytes[i], bytesLeft[i], endNs[i]];
        });
      const put = (
        pacer: Pacer,
        row: (typeof loads)[number],
        i: number,
        of: Map<number, number>,
        arrivalNs: number,
      ) => {
        const { sourceGpu, destinationGpu, sizeBytes, deadlineNs, dropLate } = row;
        pacer.loads.sourceGpu[0] = sourceGpu;
        pacer.loads.destinationGpu[0] = destinationGpu;
        pacer.loads.sizeBytes[0] = sizeBytes;
        pacer.loads.deadlineNs[0] = deadlineNs;
        pacer.loads.dropLate[0] = dropLate;
        pacer.loads.arrivalNs[0] = arrivalNs;
        expect(pacer.submit(1)).toBe(1);
        of.set(pacer.loads.slot[0]!, i);
      };
      const events: unknown[][][] = [[], []];
      const run = (pacer: Pacer, of: Map<number, number>, untilNs: number, into: unknown[][]) => {
        while (pacer.nextEventNs < untilNs) into.push(...rank(pacer, of, pacer.advance(pacer.nextEventNs)));
      };
      const [ofAhead, ofThen] = [new Map<number, number>(), new Map<number, number>()];
      loads.forEach((row, i) => {
        put(ahead, row, i, ofAhead, row.arrivalNs);
      });
      run(ahead, ofAhead, Number.POSITIVE_INFINITY, events[0]!);
      loads.forEach((row, i) => {
        run(then, ofThen, row.arrivalNs, events[1]!);
        if (then.nowNs < row.arrivalNs) then.moveTo(row.arrivalNs);
        put(then, row, i, ofThen, 0);
      });
      run(then, ofThen, Number.POSITIVE_INFINITY, events[1]!);
      const sorted = (rows: unknown[][]) => rows.map((row) => row.join(" ")).sort();
      expect(sorted(events[0]!)).toEqual(sorted(events[1]!));
    }),
    { seed: 12, numRuns: shareOf(400) },
  );
});
