import { expect, test } from "vitest";
import { drive } from "../../src/drive/index.ts";
import { OUTCOMES } from "../../src/drive/run.ts";
import { FENCE_NS, FIXED_NS, PORTS, POST_NS, type Row, runOf, steady, TRANSLATE_NS, trafficOf } from "./shared.ts";

const optics = steady(400);
const PATH_NS = 3 * 400 + FIXED_NS;
/** From post to the DPU's queue; from the last byte to the end; a chunk of 1 MB. */
const [BEFORE_NS, AFTER_NS, CHUNK_NS] = [POST_NS + TRANSLATE_NS + PATH_NS, PATH_NS + FENCE_NS, 1e6 / PORTS];

/** How each row of a traffic ended, by order of post. */
const fatesOf = (rows: readonly Row[], options = {}) => {
  const { ends, run } = runOf(trafficOf(rows), { optics, ...options }, 4);
  const fates = Array.from(ends.outcome, (outcome, row) => [OUTCOMES[outcome], ends.endNs[row]!] as const);
  return { fates, ends, pushedBack: run.pushedBack };
};

test.each([
  // A load of 10 chunks is read from 3,776 ns on, the last chunk at 9,678.
  ["as the load arrives", 0, "cancelled"],
  ["when a chunk has gone out", 1, "cancelled"],
  ["while the load is read", 5000, "cancelled"],
  ["when the last chunk has gone out", 9 * CHUNK_NS + 1, "done"],
  ["long after", 1e6, "done"],
])("a cancel that comes %s", (_, postNs, outcome) => {
  // Rung at the same instant the cancel comes behind its load; a cancel is as long on the way as a load.
  const { fates, ends } = fatesOf([
    { fenceId: 3, sizeBytes: 10e6 },
    { op: "cancel", fenceId: 3, postNs },
  ]);
  const cancelNs = postNs + BEFORE_NS;
  const back = outcome === "cancelled";
  expect(fates[0]![0]).toBe(outcome);
  expect(fates[0]![1]).toBeCloseTo(back ? cancelNs : BEFORE_NS + 10 * CHUNK_NS + AFTER_NS, 3);
  // A cancel that takes its load back is done, one that comes too late is late.
  expect(fates[1]).toEqual([back ? "done" : "late", cancelNs]);
  expect(ends.dataNs[0]! > 0).toBe(!back);
});

test("a cancel may overtake its load, which then never comes", () => {
  // Seed by seed the one or the other is faster, for a cancel that is rung with its load.
  let overtaken = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const rows: Row[] = [
      { fenceId: 3, sizeBytes: 1e6 },
      { op: "cancel", fenceId: 3 },
    ];
    const { fates, ends } = fatesOf(rows, { optics: "dsp-800g", seed });
    const isSooner = ends.arrivalNs[1]! < ends.arrivalNs[0]!;
    overtaken += isSooner ? 1 : 0;
    expect(fates.map(([outcome]) => outcome)).toEqual(isSooner ? ["cancelled", "done"] : ["done", "late"]);
    if (isSooner) expect(ends.firstReadNs[0]).toBeNaN();
  }
  expect(overtaken).toBeGreaterThan(5);
  expect(overtaken).toBeLessThan(35);
});

test("a second cancel is late, and a cancel frees what its load has not taken yet", () => {
  const rows: Row[] = [
    { fenceId: 1, sizeBytes: 100e6 },
    { fenceId: 2, sizeBytes: 1e6, slackNs: 2e6 },
    { op: "cancel", fenceId: 1, postNs: 20_000 },
    { op: "cancel", fenceId: 1, postNs: 20_001 },
  ];
  const { fates, ends } = fatesOf(rows);
  expect(fates.map(([outcome]) => outcome)).toEqual(["cancelled", "done", "done", "late"]);
  // The other goes out as soon as the chunk that is on the ports is through.
  const through = Math.ceil(20_000 / CHUNK_NS) * CHUNK_NS;
  expect(ends.firstReadNs[1]).toBeCloseTo(BEFORE_NS + through, 3);
});

test("a fence ends when it has come and its load has ended, however that ended", () => {
  const rows: Row[] = [
    { fenceId: 1, sizeBytes: 10e6 },
    { op: "fence", fenceId: 1 },
    { op: "fence", fenceId: 1, postNs: 1e6 },
    { fenceId: 2, sizeBytes: 100e6, postNs: 2e6 },
    { op: "fence", fenceId: 2, postNs: 2e6 },
    { op: "cancel", fenceId: 2, postNs: 2.01e6 },
  ];
  const { fates } = fatesOf(rows);
  const firstNs = BEFORE_NS + 10 * CHUNK_NS + AFTER_NS;
  expect(fates.map(([outcome]) => outcome)).toEqual(["done", "done", "done", "cancelled", "done", "done"]);
  for (const [row, ns] of [firstNs, firstNs, 1e6 + BEFORE_NS, 2.01e6 + BEFORE_NS, 2.01e6 + BEFORE_NS].entries())
    expect(fates[row]![1]).toBeCloseTo(ns, 3);
});

test("what is too late is finished or dropped as was chosen, and told at once", () => {
  const rows: Row[] = [
    { fenceId: 1, sizeBytes: 100e6, slackNs: 200_000 },
    { fenceId: 2, sizeBytes: 50e6, slackNs: 201_000 },
    { fenceId: 3, sizeBytes: 1e6, slackNs: 2e6 },
  ];
  // 66 µs of bytes are in time; 33 µs behind them are, and the third waits for both.
  const inTime = drive(trafficOf(rows), { optics });
  expect(inTime).toMatchObject({ expired: 0, misses: { count: 0 }, outcomes: { done: 3, late: 0, dropped: 0 } });
  const tight = rows.map((row) => (row.fenceId === 2 ? { ...row, slackNs: 110_000 } : row));
  const swapped = drive(trafficOf(tight), { optics });
  expect(swapped.misses.count).toBe(0); // it is more urgent now
  const never = rows.map((row) => (row.fenceId === 1 ? { ...row, slackNs: 70_000 } : row));
  const [finish, drop] = (["finish", "drop"] as const).map((onExpire) => fatesOf(never, { onExpire }));
  // Of 100 MB that have 70 µs from post to end, 45 are left for them, 20 too few: that is known when it arrives.
  expect(finish!.fates.map(([outcome]) => outcome)).toEqual(["late", "done", "done"]);
  expect(finish!.fates[0]![1]).toBeCloseTo(BEFORE_NS + 100 * CHUNK_NS + AFTER_NS, 3);
  expect([...finish!.ends.expired]).toEqual([1, 0, 0]);
  expect(drop!.fates.map(([outcome]) => outcome)).toEqual(["dropped", "done", "done"]);
  expect(drop!.fates[0]![1]).toBeCloseTo(BEFORE_NS, 3);
  expect(drop!.fates[1]![1]).toBeCloseTo(BEFORE_NS + 50 * CHUNK_NS + AFTER_NS, 3);
  const { outcomes, misses, expired, loadNs, bytes, dpus } = drive(trafficOf(never), { optics, onExpire: "drop" });
  expect(outcomes).toEqual({ done: 2, late: 0, dropped: 1, cancelled: 0 });
  expect([misses.count, expired, loadNs.count, bytes, dpus[0]!.bytes, dpus[0]!.misses]).toEqual([
    1, 1, 2, 151e6, 51e6, 1,
  ]);
});

test("done is what ends by its deadline, late what ends after it", () => {
  const takesNs = BEFORE_NS + CHUNK_NS + AFTER_NS;
  for (const [slackNs, outcome] of [
    [takesNs + 0.01, "done"],
    [takesNs - 0.01, "late"],
  ] as const) {
    const { fates, ends } = fatesOf([{ fenceId: 1, slackNs }]);
    expect(fates[0]![0]).toBe(outcome);
    expect(ends.expired[0]).toBe(outcome === "late" ? 1 : 0);
  }
});

test.each([1, 2, 99, 100, 101, 1000, 2345])("of %d loads, quantiles are what so many exceed", (count) => {
  // Far apart, and each 1 byte/ns longer than another: in some order that is none of theirs.
  const sizes = Array.from({ length: count }, (_, i) => 1 + ((i * 7919) % count));
  const rows = sizes.map((sizeBytes, fenceId) => ({ fenceId, sizeBytes: 1000 * sizeBytes, postNs: 1e7 * fenceId }));
  const { loadNs, queueNs } = drive(trafficOf(rows), { optics, fabric: { dpuPaceBytesPerNs: 1 } });
  const fixedNs = BEFORE_NS + AFTER_NS;
  expect(loadNs.count).toBe(count);
  expect(loadNs.meanNs).toBeCloseTo(fixedNs + 500 * (count + 1), 1);
  expect(loadNs.mostNs).toBeCloseTo(fixedNs + 1000 * count, 1);
  for (const [ns, perThousand] of [
    [loadNs.medianNs, 500],
    [loadNs.p99Ns, 10],
    [loadNs.p999Ns, 1],
  ] as const) {
    const rank = Math.round((ns - fixedNs) / 1000);
    // The least of them that no more than that share exceeds.
    expect((count - rank) * 1000).toBeLessThanOrEqual(perThousand * count);
    expect((count - rank + 1) * 1000).toBeGreaterThan(perThousand * count);
  }
  expect([queueNs.count, queueNs.mostNs]).toEqual([count, 0]);
});

test("a load that is half read when its last chance passes is dropped then", () => {
  // 100 MB take 65.6 µs; behind 33 µs of something more urgent they have a chance until 61 chunks are left and their time is up.
  const rows: Row[] = [
    { fenceId: 1, sizeBytes: 100e6, slackNs: 100_000 },
    { fenceId: 2, sizeBytes: 50e6, slackNs: 80_000, postNs: 10_000 },
  ];
  const { fates, ends } = fatesOf(rows, { onExpire: "drop" });
  expect(fates.map(([outcome]) => outcome)).toEqual(["dropped", "done"]);
  // Read from 3,776 on until the other comes 10 µs later: 16 chunks. The other 84 must go out by 100 µs less answer and bytes.
  expect(fates[0]![1]).toBeCloseTo(100_000 - AFTER_NS - 84 * CHUNK_NS, 3);
  expect(ends.firstReadNs[0]).toBeCloseTo(BEFORE_NS, 3);
  expect(ends.dataNs[0]).toBe(0);
  // What was read of it passed through the DPU all the same.
  const { bytes, dpus } = drive(trafficOf(rows), { optics, onExpire: "drop", gpus: 4 });
  expect(bytes).toBe(150e6);
  expect(dpus[0]!.bytes).toBe(66e6);
  expect(dpus[0]!.activeSpanNs).toBeCloseTo(dpus[0]!.bytes / PORTS, 3);
  expect(dpus[0]!.bytesPerNs).toBeCloseTo(PORTS, 6);
});

test.each([1, 2, 3, 4])("a queue of %d: doorbells of a burst wait at their GPUs, and all are read", (queueDepth) => {
  const rows = Array.from({ length: 40 }, (_, i) => ({
    fenceId: i,
    postNs: 1e6 * Math.floor(i / 20),
    source: 1 + (i % 3),
    sizeBytes: 1e6 + i,
    slackNs: 1e6,
  }));
  const { outcomes, pushedBack, loadNs, dpus } = drive(trafficOf(rows), { optics, queueDepth });
  expect(outcomes).toEqual({ done: 40, late: 0, dropped: 0, cancelled: 0 });
  expect(dpus[0]!.bytes).toBe(rows.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
  expect(pushedBack).toBe(2 * (20 - queueDepth));
  // A place is free when its load has gone out, and rung for again as the GPU rings at first: post and path come anew.
  const rounds = Math.ceil(20 / queueDepth);
  expect(loadNs.mostNs).toBeGreaterThan(rounds * BEFORE_NS + AFTER_NS);
  expect(loadNs.mostNs).toBeLessThan(rounds * (BEFORE_NS + queueDepth * 1.001 * CHUNK_NS) + AFTER_NS);
});

test("a doorbell that finds a place when it is rung is not pushed back, though it was told of while there was none", () => {
  // The fence and what is posted before it can arrive are told of at 2,600; the first load is read at 3,776.
  const rows: Row[] = [
    { fenceId: 1 },
    { op: "fence", fenceId: 1, postNs: 2600 },
    { fenceId: 2, postNs: 4000 },
    { fenceId: 3, postNs: 4100 },
  ];
  const { fates, ends, pushedBack } = fatesOf(rows, { queueDepth: 1 });
  expect(fates.map(([outcome]) => outcome)).toEqual(Array(4).fill("done"));
  expect(ends.arrivalNs[2]).toBeCloseTo(4000 + BEFORE_NS, 3);
  // The last one does find the queue full, and rings again when the load before it is read.
  expect(pushedBack).toBe(1);
  expect(ends.arrivalNs[3]).toBeCloseTo(4000 + 2 * BEFORE_NS, 3);
  expect([...ends.gpuWaitNs.subarray(0, 3)]).toEqual([0, 0, 0]);
  expect(ends.gpuWaitNs[3]).toBeCloseTo(BEFORE_NS - 100, 3);
});

test("who waits for a place rings as soon as a cancel makes one, whatever else is to come", () => {
  const rows: Row[] = [
    { fenceId: 1, sizeBytes: 1000e6, slackNs: 1e9 },
    { fenceId: 2 },
    { fenceId: 3 },
    { op: "cancel", fenceId: 1, postNs: 50_000 },
    { fenceId: 4, postNs: 1e6, slackNs: 1e7 },
  ];
  // Chunks of 10 MB: nothing else happens in 6.6 µs.
  const { fates, ends, pushedBack } = fatesOf(rows, { queueDepth: 1, fabric: { chunkBytes: 10e6 } });
  expect(pushedBack).toBe(2);
  expect(fates.map(([outcome]) => outcome)).toEqual(["cancelled", "done", "done", "done", "done"]);
  const backNs = 50_000 + BEFORE_NS;
  expect(ends.arrivalNs[1]).toBeCloseTo(backNs + BEFORE_NS, 3);
  // By then what was on the ports is through, and the place is free again as soon as that load's one chunk has gone out.
  expect(ends.firstReadNs[1]).toBe(ends.arrivalNs[1]);
  expect(ends.arrivalNs[2]).toBeCloseTo(backNs + 2 * BEFORE_NS, 3);
  expect(ends.arrivalNs[4]).toBeCloseTo(1e6 + BEFORE_NS, 3);
});

test("a load that waits at its GPU is taken back there", () => {
  const rows: Row[] = [
    { fenceId: 1, sizeBytes: 100e6 },
    { fenceId: 2 },
    { fenceId: 3 },
    { op: "cancel", fenceId: 2, postNs: 10_000 },
  ];
  const { fates, ends, pushedBack } = fatesOf(rows, { queueDepth: 1 });
  expect(pushedBack).toBe(2);
  expect(fates.map(([outcome]) => outcome)).toEqual(["done", "cancelled", "done", "done"]);
  expect(fates[1]![1]).toBeCloseTo(10_000 + BEFORE_NS, 3);
  const { gpuWaitNs } = drive(trafficOf(rows), { optics, queueDepth: 1, gpus: 4 });
  expect([gpuWaitNs.count, gpuWaitNs.medianNs]).toEqual([2, 0]);
  expect(gpuWaitNs.mostNs).toBeCloseTo(BEFORE_NS + 99 * CHUNK_NS, 3);
  // The third is next: it rings when the last chunk of the first has gone out.
  expect(ends.arrivalNs[2]).toBeCloseTo(2 * BEFORE_NS + 99 * CHUNK_NS, 3);
});

test("no doorbells at all come to nothing", () => {
  expect(drive(trafficOf([]), { optics })).toMatchObject({
    loads: 0,
    bytes: 0,
    spanNs: 0,
    endNs: 0,
    loadNs: { count: 0, meanNs: 0, medianNs: 0, mostNs: 0 },
    outcomes: { done: 0, late: 0, dropped: 0, cancelled: 0 },
    faults: { outages: 0, linkTimeShare: 0, held: [] },
  });
});
