import fc from "fast-check";
import { expect, test } from "vitest";
import { Executor, type ExecutorOptions, type Load, type Read } from "../../src/executor.ts";
import { expectEqual } from "../same.ts";
import { shareOf } from "../share.ts";
import { follow, good, inOrder, ns, options, type Step, schedule } from "./shared.ts";

test("whatever is asked, the answers are the reference's", () => {
  fc.assert(
    fc.property(schedule, (schedule) => {
      follow(schedule);
    }),
    { seed: 1, numRuns: shareOf(1000) },
  );
});

/** What a load's reads draw on, with its rate and burst. */
function bucketsOf(given: ExecutorOptions, { sourceGpu, destinationGpu }: Load) {
  const { gpusPerDpu = 8, paceBytesPerNs = 1600, chunkBytes = 1e6, burstBytes = chunkBytes } = given;
  const { sourceEgressBytesPerNs: egress, gpuIngressBytesPerNs: ingress, portsBytesPerNs: ports } = given;
  const dpu = Math.floor(destinationGpu / gpusPerDpu);
  const tree = (kind: string, gpusEach = 8, rate?: number) => {
    const [from, to] = [Math.floor(sourceGpu / gpusEach), Math.floor(destinationGpu / gpusEach)];
    if (rate === undefined || from === to) return [];
    return [`out of ${kind} ${from}`, `into ${kind} ${to}`].map((name) => ({ name, rate, burst: chunkBytes }));
  };
  return [
    ...(ports === undefined ? [] : [{ name: `ports ${dpu}`, rate: ports, burst: chunkBytes }]),
    ...tree("node", given.gpusPerNode, given.nodeBytesPerNs),
    ...tree("pod", given.gpusPerPod, given.podBytesPerNs),
    { name: `DPU ${dpu}`, rate: paceBytesPerNs, burst: burstBytes },
    ...(egress === undefined ? [] : [{ name: `source ${sourceGpu}`, rate: egress, burst: chunkBytes }]),
    ...(ingress === undefined ? [] : [{ name: `sink ${destinationGpu}`, rate: ingress, burst: chunkBytes }]),
  ];
}

test("no bucket carries more than its burst and its rate in any window, and no load is read twice or beyond its end", () => {
  fc.assert(
    fc.property(schedule, ([given, steps]) => {
      const { loads, reads, expired, ends } = follow([given, steps]);
      const through = new Map<string, { rate: number; burst: number; reads: Read[] }>();
      const readBytes = new Map<number, number>();
      for (const read of reads) {
        const load = loads.get(read.fenceId)!;
        expectEqual(read.offsetBytes, readBytes.get(read.fenceId) ?? 0);
        readBytes.set(read.fenceId, read.offsetBytes + read.bytes);
        const isWithin = read.bytes > 0 && read.offsetBytes + read.bytes <= load.sizeBytes && read.atNs >= load.atNs;
        if (!isWithin) expect.fail(`${JSON.stringify(read)} is no read of ${JSON.stringify(load)}`);
        for (const { name, ...bucket } of bucketsOf(given, load)) {
          if (!through.has(name)) through.set(name, { ...bucket, reads: [] });
          through.get(name)!.reads.push(read);
        }
      }
      for (const [name, { rate, burst, reads }] of through) {
        let beyond = 0;
        for (let first = 0; first < reads.length; first++) {
          let bytes = 0;
          for (let last = first; last < reads.length; last++) {
            bytes += reads[last]!.bytes;
            beyond = Math.max(beyond, bytes - (burst + rate * (reads[last]!.atNs - reads[first]!.atNs)));
          }
        }
        expect(beyond, name).toBeLessThan(1e-9); // bytes: what rounding takes
      }
      const ended = [...ends, ...expired.filter(({ dropped }) => dropped)].map(({ fenceId }) => fenceId);
      expect(ended.sort((a, b) => a - b)).toEqual([...loads.keys()]);
      for (const { fenceId, outcome } of ends)
        if (outcome !== "cancelled") expect(readBytes.get(fenceId)).toBe(loads.get(fenceId)!.sizeBytes);
    }),
    { seed: 2, numRuns: shareOf(500) },
  );
});

test("nothing idles while a load has credit everywhere", () => {
  const undisturbed = schedule.map(
    ([given, steps]) =>
      [
        { ...given, queueDepth: 100 },
        steps
          .filter((step) => ["submit", "advance", "event"].includes(step.do))
          .map((step) =>
            step.do === "submit" ? { ...step, loads: step.loads.map((load) => ({ ...load, drop: 0 })) } : step,
          ),
      ] as [ExecutorOptions, Step[]],
  );
  fc.assert(
    fc.property(undisturbed, ([given, steps]) => {
      const { loads, reads } = follow([given, steps]);
      const { chunkBytes = 0 } = given;
      const waiting = new Map([...loads.values()].map((load) => [load.fenceId, { load, bytesLeft: load.sizeBytes }]));
      const credit = new Map<string, { bytes: number; atNs: number }>();
      let idleNs = Number.NEGATIVE_INFINITY;
      for (const read of reads) {
        // Of all who waited, nobody had a chunk's credit of every bucket before this read.
        for (const { load } of waiting.values()) {
          const since = bucketsOf(given, load).map(({ name, rate, burst }) => {
            const { bytes, atNs } = credit.get(name) ?? { bytes: burst, atNs: 0 };
            return atNs + Math.max(0, chunkBytes - bytes) / rate;
          });
          idleNs = Math.max(idleNs, read.atNs - Math.max(load.atNs, ...since));
        }
        const row = waiting.get(read.fenceId)!;
        row.bytesLeft -= read.bytes;
        if (row.bytesLeft === 0) waiting.delete(read.fenceId);
        for (const { name, rate, burst } of bucketsOf(given, row.load)) {
          const { bytes, atNs } = credit.get(name) ?? { bytes: burst, atNs: 0 };
          const saved = Math.min(burst, bytes + rate * (read.atNs - atNs));
          credit.set(name, { bytes: saved - read.bytes, atNs: read.atNs });
        }
      }
      expect(idleNs).toBeLessThan(1e-6);
    }),
    { seed: 3, numRuns: shareOf(500) },
  );
});

test("many small steps give what one big one gives", () => {
  const load = fc.record({ sizeBytes: fc.integer({ min: 1, max: 99 }), deadlineNs: ns, gpu: fc.nat({ max: 5 }) });
  fc.assert(
    fc.property(options, fc.array(load, { maxLength: 20 }), fc.array(ns, { maxLength: 50 }), (given, drawn, steps) => {
      const loads = drawn.map(({ gpu, ...load }, fenceId) => {
        return { fenceId, ...load, sourceGpu: (gpu + fenceId) % given.gpus, destinationGpu: gpu % given.gpus };
      });
      const [once, often] = [new Executor(given), new Executor(given)];
      for (const one of [once, often]) one.submit(loads);
      const parts = [0, ...steps].map((byNs) => often.advance(often.nowNs + byNs));
      const dpuOfLoad = (fenceId: number) => Math.floor(loads[fenceId]!.destinationGpu / given.gpusPerDpu!);
      const together = {
        reads: parts.flatMap(({ reads }) => reads),
        expired: parts.flatMap(({ expired }) => expired),
      };
      expect(inOrder(once.advance(often.nowNs), dpuOfLoad)).toEqual(inOrder(together, dpuOfLoad));
    }),
    { seed: 5, numRuns: shareOf(300) },
  );
});

test("a full executor takes what fits, in order, and the rest when loads have ended", () => {
  const executor = new Executor({ gpus: 1, queueDepth: 3, paceBytesPerNs: 1, chunkBytes: 1, batch: 2 });
  const loads = [5, 4, 3, 2, 1].map((fenceId) => ({ ...good, fenceId, deadlineNs: 100 }));
  expect([executor.submit(loads), executor.submit(loads.slice(3)), executor.underWay]).toEqual([
    loads.slice(3),
    loads.slice(3),
    3,
  ]);
  const { reads } = executor.advance(0);
  expect(reads).toEqual([{ fenceId: 5, offsetBytes: 0, bytes: 1, atNs: 0 }]);
  expect(executor.submit(loads.slice(3))).toEqual(loads.slice(3)); // read, and not yet complete
  executor.complete(reads);
  expect([executor.submit(loads.slice(3)), executor.underWay]).toEqual([loads.slice(4), 3]);
  expect(executor.advance(9).reads.map(({ fenceId, atNs }) => [fenceId, atNs])).toEqual([
    [4, 1],
    [3, 2],
    [2, 3],
  ]);
});

test("a load expires when its last chance passes, once, and is dropped or finished as was chosen", () => {
  const run = (onExpire: "finish" | "drop", dropLate?: boolean) => {
    const executor = new Executor({ gpus: 1, paceBytesPerNs: 1, chunkBytes: 10, afterReadNs: 5, onExpire });
    executor.submit([
      { fenceId: 1, sourceGpu: 0, destinationGpu: 0, sizeBytes: 30, deadlineNs: 35 },
      {
        fenceId: 2,
        sourceGpu: 0,
        destinationGpu: 0,
        sizeBytes: 20,
        deadlineNs: 45,
        ...(dropLate === undefined ? {} : { dropLate }),
      },
    ]);
    const events: unknown[] = [];
    for (let nowNs = executor.nextEventNs; Number.isFinite(nowNs); nowNs = executor.nextEventNs) {
      const { reads, expired } = executor.advance(nowNs);
      expect([...reads, ...expired].map(({ atNs }) => atNs)).toContain(nowNs); // nothing sooner, nothing in vain
      events.push(...reads.map(({ fenceId, atNs }) => [fenceId, atNs]), ...expired);
    }
    return events;
  };
  const first = [
    [1, 0],
    [1, 10],
    [1, 20],
  ];
  const [at, late] = [
    { fenceId: 2, atNs: 20, bytesLeft: 20 },
    [
      [2, 30],
      [2, 40],
    ],
  ];
  // Local deadlines are 30 and 40: load 1 is read just in time, load 2 should have begun at 20.
  expect(run("finish")).toEqual([...first, { ...at, dropped: false }, ...late]);
  expect(run("drop", false)).toEqual([...first, { ...at, dropped: false }, ...late]);
  expect(run("drop")).toEqual([...first, { ...at, dropped: true }]);
  expect(run("finish", true)).toEqual([...first, { ...at, dropped: true }]);
});

test("done or late is told by the deadline itself", () => {
  const executor = new Executor({ gpus: 1, paceBytesPerNs: 1, chunkBytes: 10, afterReadNs: 5 });
  executor.submit([1, 2].map((fenceId) => ({ ...good, fenceId, deadlineNs: 6 })));
  const { reads, expired } = executor.advance(1);
  expect(expired).toEqual([{ fenceId: 2, atNs: 0, bytesLeft: 1, dropped: false }]);
  executor.advance(6);
  expect(executor.complete(reads.slice(0, 1))).toEqual([{ fenceId: 1, outcome: "done", endNs: 6 }]);
  executor.advance(6.5);
  expect(executor.complete(reads.slice(1))).toEqual([{ fenceId: 2, outcome: "late", endNs: 6.5 }]);
});
