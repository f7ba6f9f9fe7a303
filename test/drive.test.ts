import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DOORBELL_CANCEL, DOORBELL_FENCE, DOORBELL_LOAD } from "../assembly/layout.ts";
import { coherentLoad, reactiveLoad, traversalOf } from "../src/coherency.ts";
import { Distribution } from "../src/distribution.ts";
import { type DriveOptions, drive } from "../src/index.ts";
import type { Optics, OpticsProfile } from "../src/optics/index.ts";
import { opticsNamed } from "../src/optics/index.ts";
import { generateTraffic } from "../src/patterns.ts";
import { blankTraffic, type Traffic } from "../src/traffic.ts";

/** Optics whose hops all take 400 ns. */
const steady = (profile: Partial<OpticsProfile> = {}): Optics => ({
  profile: { ...opticsNamed("cpo-800g").profile, retrain: null, stall: null, goodputShare: 1, ...profile },
  hop: Distribution.uniform(400, 400),
});
const PATH_NS = 3 * 400 + 20 + 56;

type Row = {
  postNs?: number;
  op?: number;
  fenceId?: number;
  from?: number;
  to?: number;
  bytes?: number;
  dueNs?: number;
};

/** Traffic of rows; a load's fence id is its number unless given. */
function trafficOf(rows: readonly Row[]): Traffic {
  const traffic = blankTraffic(rows.length);
  rows.forEach(({ postNs = 0, op = DOORBELL_LOAD, fenceId, from = 1, to = 0, bytes = 1e6, dueNs = 1e9 }, row) => {
    traffic.postNs[row] = postNs;
    traffic.op[row] = op;
    traffic.fenceId[row] = fenceId ?? row;
    traffic.sourceGpu[row] = from;
    traffic.destinationGpu[row] = to;
    traffic.sizeBytes[row] = op === DOORBELL_LOAD ? bytes : 0;
    traffic.deadlineNs[row] = dueNs;
  });
  return traffic;
}

describe("one load on an idle fabric takes what the arithmetic says, to the nanosecond", () => {
  const one = (bytes: number, options: Partial<DriveOptions> = {}) =>
    drive(trafficOf([{ bytes, from: 9, to: 0 }]), { optics: steady(), gpus: 16, ...options }).loadNs.mostNs;
  const aroundNs = 2000 + 500 + 20_000 + 2 * PATH_NS;
  test.each([
    ["the pace, 1,600 bytes/ns", 160e6, {}, 160e6 / 1600],
    ["one byte", 1, {}, 1 / 1600],
    ["half a chunk over the edge", 1.5e6, {}, 1.5e6 / 1600],
    ["4 ports of 100 bytes/ns", 160e6, { fabric: { ports: 4 } }, 160e6 / 400],
    ["what a GPU takes in", 160e6, { fabric: { gpuIngressBytesPerNs: 450 } }, 160e6 / 450],
    ["what a source gives", 32e6, { fabric: { sourceEgressBytesPerNs: 64 } }, 32e6 / 64],
    ["what its HBM spares", 32e6, { fabric: { sourceHbmBytesPerNs: 32 } }, 32e6 / 32],
    [
      "the link out of a node, at 2 hops",
      32e6,
      { tree: { gpusPerNode: 8, gpusPerPod: 16, nodeBytesPerNs: 100 } },
      32e6 / 100 - 2 * 400,
    ],
  ] as [string, number, Partial<DriveOptions>, number][])("%s", (_, bytes, options, dataNs) => {
    expect(one(bytes, options)).toBeCloseTo(aroundNs + dataNs, 6);
  });

  test("hops by tier: 1 in a node, 2 in a pod, 3 anywhere", () => {
    const tree = { gpusPerNode: 2, gpusPerPod: 4 };
    const timeTo = (to: number) =>
      drive(trafficOf([{ from: 0, to }]), { optics: steady(), gpus: 8, tree }).loadNs.mostNs;
    const [node, pod, anywhere] = [timeTo(1), timeTo(2), timeTo(4)] as const;
    expect(pod - node).toBeCloseTo(2 * 400, 6);
    expect(anywhere - pod).toBeCloseTo(2 * 400, 6);
  });
});

describe("the baselines over an idle fabric are their arithmetic", () => {
  test("reactive: a CPU before and behind", () => {
    const { loadNs } = drive(trafficOf([{ bytes: 16e6, from: 9 }]), { optics: steady(), gpus: 16, means: "reactive" });
    const { totalNs } = reactiveLoad(traversalOf(3, 400), { bytes: 16e6, bytesPerNs: 1600 });
    expect(loadNs.mostNs).toBeCloseTo(totalNs, 6);
  });

  test("coherent: 1.5 round trips a miss, so many under way", () => {
    for (const hopNs of [400, 1240]) {
      const optics = { ...steady(), hop: Distribution.uniform(hopNs, hopNs) };
      const bytes = 16e6;
      const fabric = { outstandingMisses: 1024 };
      const { loadNs } = drive(trafficOf([{ bytes, from: 9 }]), { optics, gpus: 16, means: "coherent", fabric });
      const { roundTrips } = coherentLoad(traversalOf(3, hopNs), { bytes, outstanding: 1024, bytesPerNs: 1600 });
      // The first miss takes 3.6 and 11.16 µs and the pipeline; here lines come evenly, there in rounds.
      expect(roundTrips.miss.hopsNs).toBe(9 * hopNs);
      expect(Math.abs(loadNs.mostNs - roundTrips.totalNs)).toBeLessThan(roundTrips.miss.totalNs);
    }
  });
});

test("a saturated DPU carries its rate", () => {
  const rows = Array.from({ length: 4000 }, (_, i) => ({ from: 8 + (i % 8), to: i % 8, bytes: 1e6 + (i % 1000) }));
  const { dpus } = drive(trafficOf(rows), { optics: steady(), gpus: 16, queueDepth: 64 });
  expect(Math.abs(dpus[0]!.paceShare - 1)).toBeLessThan(0.001);
  expect(dpus[0]).toMatchObject({ loads: 4000, misses: 0 });
});

describe("cancels and fences", () => {
  const [load, arrivalNs] = [{ fenceId: 7, from: 9, bytes: 160e6 }, 2500 + PATH_NS];
  const cancelAt = (postNs: number, more: Row[] = [], options: Partial<DriveOptions> = {}) =>
    drive(trafficOf([...more, load, { postNs, op: DOORBELL_CANCEL, fenceId: 7, from: 9 }]), {
      optics: steady(),
      gpus: 16,
      ...options,
    });
  test("a load that is being read is taken back", () => {
    expect(cancelAt(50_000)).toMatchObject({ outcomes: { done: 0, cancelled: 1 }, cancels: 1 });
    // Its last chunk goes out 99,375 ns after it has arrived.
    expect(cancelAt(99_374)).toMatchObject({ outcomes: { done: 0, cancelled: 1 } });
    expect(cancelAt(99_376)).toMatchObject({ outcomes: { done: 1, cancelled: 0 } });
  });
  test("a load that waits at its GPU for a place is taken back, and others are read", () => {
    const before = [{ fenceId: 1, from: 9, bytes: 80e6 }];
    expect(cancelAt(1, before, { queueDepth: 1 })).toMatchObject({
      outcomes: { done: 1, cancelled: 1 },
      pushedBack: 1,
    });
  });
  test("a fence ends with its load", () => {
    const { endNs, fences, loadNs } = drive(
      trafficOf([load, { postNs: 10, op: DOORBELL_FENCE, fenceId: 7, from: 9 }]),
      { optics: steady(), gpus: 16 },
    );
    expect([endNs, fences]).toEqual([loadNs.mostNs, 1]);
    expect(endNs).toBeGreaterThan(arrivalNs);
  });
});

test("deadlines first: what is due soon overtakes what came before", () => {
  const rows = Array.from({ length: 40 }, (_, i) => ({
    postNs: i,
    from: 8 + (i % 8),
    to: i % 8,
    bytes: i < 32 ? 40e6 : 2e6,
    dueNs: i < 32 ? 2e6 : 100e3,
  }));
  const missesIn = (order: "deadline" | "arrival") =>
    drive(trafficOf(rows), { optics: steady(), gpus: 16, order }).misses.count;
  expect([missesIn("deadline"), missesIn("arrival")]).toEqual([0, 8]);
});

describe("lanes, for 64-byte doorbells behind frames of bulk", () => {
  // Loads of one byte, apart: what differs is the way of their doorbells.
  const rows = Array.from({ length: 4000 }, (_, i) => ({ postNs: 50_000 * i, from: 1, to: 0, bytes: 1 }));
  const time = (lane: DriveOptions["lane"] & string, bulkUtilisation: number) =>
    drive(trafficOf(rows), { optics: steady(), gpus: 2, lane, fabric: { bulkUtilisation } }).loadNs;
  test("dedicated: bulk makes no difference", () => {
    expect(time("dedicated", 0.9)).toEqual(time("dedicated", 0));
  });
  test("priority: utilisation x 45 ns a hop on average, and never more than 90 ns a hop", () => {
    const idle = time("dedicated", 0);
    for (const utilisation of [0.3, 0.9]) {
      const busy = time("priority", utilisation);
      // A hop's delay is uniform up to 90 ns or none: its standard deviation is below 45 ns, 3 hops' mean of 4,000 below 1.3.
      expect(Math.abs(busy.meanNs - idle.meanNs - 3 * utilisation * 45)).toBeLessThan(5 * 1.3);
      expect(busy.mostNs - idle.mostNs).toBeLessThanOrEqual(3 * 90 + 0.01);
      expect(busy.mostNs).toBeGreaterThan(idle.mostNs + 90);
    }
  });
  test("shared: grows with the queue", () => {
    const means = [0, 0.3, 0.6, 0.9].map((utilisation) => time("shared", utilisation).meanNs);
    expect(means).toEqual([...means].sort((a, b) => a - b));
    expect(means[3]! - means[0]!).toBeGreaterThan(3 * (means[2]! - means[0]!));
  });
});

test("whatever is driven, every load ends once, in time that is possible, and its bytes are counted once", () => {
  const options: fc.Arbitrary<Partial<DriveOptions>> = fc.record(
    {
      means: fc.constantFrom("executor", "reactive", "coherent"),
      lane: fc.constantFrom("dedicated", "priority", "shared"),
      order: fc.constantFrom("deadline", "arrival"),
      onExpire: fc.constantFrom("finish", "drop"),
      queueDepth: fc.integer({ min: 1, max: 4 }),
      burstBytes: fc.constantFrom(1e6, 3e6),
      seed: fc.nat(),
      tree: fc.constantFrom(
        { gpusPerNode: 2, gpusPerPod: 4, nodeBytesPerNs: 300 },
        { gpusPerNode: 4, gpusPerPod: 8, podBytesPerNs: 50 },
      ),
      fabric: fc.record(
        { ports: fc.integer({ min: 1, max: 4 }), gpusPerDpu: fc.integer({ min: 1, max: 8 }) },
        { requiredKeys: [] },
      ),
    },
    { requiredKeys: [] },
  );
  const row = fc.record({
    postNs: fc.nat({ max: 300_000 }),
    from: fc.nat({ max: 11 }),
    to: fc.nat({ max: 11 }),
    bytes: fc.integer({ min: 1, max: 2e7 }),
    slackNs: fc.nat({ max: 200_000 }),
    cancel: fc.option(fc.nat({ max: 100_000 }), { freq: 5 }),
  });
  const profile = fc.constantFrom<Partial<OpticsProfile>>(
    {},
    { retrain: { ratePerLinkHour: 2e7, lowNs: 1000, highNs: 9000 } },
    { stall: { probabilityPerFrame: 0.001, lowNs: 500, highNs: 4000 } },
  );
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 40 }), options, profile, (drawn, options, profile) => {
      const rows: Row[] = drawn.flatMap(({ slackNs, cancel, ...load }, fenceId) => [
        { ...load, fenceId, dueNs: load.postNs + slackNs },
        ...(cancel === null
          ? []
          : [{ ...load, fenceId, op: DOORBELL_CANCEL, postNs: load.postNs + cancel, dueNs: load.postNs + slackNs }]),
      ]);
      rows.sort((a, b) => a.postNs! - b.postNs!);
      const traffic = trafficOf(rows);
      const given = { optics: steady(profile), gpus: 12, ...options };
      const report = drive(traffic, given);
      const { done, late, dropped, cancelled } = report.outcomes;
      expect(done + late + dropped + cancelled).toBe(drawn.length);
      expect(report.misses.count).toBe(late + dropped);
      if (options.onExpire !== "drop") expect(dropped).toBe(0);
      const read = report.dpus.reduce((sum, dpu) => sum + dpu.bytes, 0);
      const all = drawn.reduce((sum, { bytes }) => sum + bytes, 0);
      if (dropped + cancelled === 0) expect(read).toBe(all);
      else expect(read).toBeLessThan(all);
      expect(report.loadNs.count).toBe(done + late);
      // Even the least of paths, at 1 hop and nothing but pipeline and SERDES behind it.
      if (done + late > 0) expect(report.loadNs.medianNs).toBeGreaterThan(2 * 476);
      expect(drive(traffic, given)).toEqual(report);
    }),
    { seed: 3, numRuns: 150 },
  );
});

test("1% of the links' time in outage: the run ends, nothing is lost, and each load held is named", () => {
  const traffic = generateTraffic({ pattern: "uniform", gpus: 16, loads: 1000, sizeBytes: 16e6, utilisation: 0.2 });
  // One port and one hop a DPU, so that links in step are one link: outages of 100 µs, 1 in 10 ms.
  const optics = steady({ retrain: { ratePerLinkHour: 3.6e12 / 9.9e6, lowNs: 100_000, highNs: 100_000 } });
  const fabric = { ports: 1, hops: 1, dpuPaceBytesPerNs: 100, gpusPerDpu: 1 };
  const report = drive(traffic, { optics, gpus: 16, fabric });
  const calm = drive(traffic, { optics: steady(), gpus: 16, fabric });
  const { done, late } = report.outcomes;
  expect(done + late).toBe(1000);
  expect(report.faults.linkTimeShare).toBeGreaterThan(0.005);
  expect(report.faults.linkTimeShare).toBeLessThan(0.02);
  expect(report.faults.held.length).toBeGreaterThan(10);
  expect(calm.faults).toEqual({ outages: 0, linkTimeShare: 0, held: [] });
  expect(report.loadNs.meanNs).toBeGreaterThan(calm.loadNs.meanNs);
  for (const { heldNs } of report.faults.held) expect(heldNs).toBeGreaterThan(0);
});

test("names what is wrong", () => {
  const traffic = trafficOf([{ from: 5, to: 0 }]);
  for (const [options, message] of [
    [{ optiks: 1 }, "options has no field optiks; did you mean optics?"],
    [{ optics: "cpo" }, "optics"],
    [{ means: "magic" }, 'means must be executor, reactive, coherent, got "magic"'],
    [{ onExpire: "retry" }, 'onExpire must be "finish" or "drop", got "retry"'],
    [{ order: "random" }, 'order must be "deadline" or "arrival", got "random"'],
    [{ lane: "fast" }, 'lane must be dedicated, priority, shared, got "fast"'],
    [{ gpus: 3 }, "row 0: sourceGpu must be from 0 to 2, got 5"],
    [{ queueDepth: 0 }, "queueDepth must be from 1 to 1048576, got 0"],
    [{ burstBytes: 1 }, "burstBytes must be at least 1000000, got 1"],
    [{ fabric: { ports: 0 } }, "ports must be from 1 to"],
    [{ tree: { gpusPerNode: 0, gpusPerPod: 4 } }, "gpusPerNode must be from 1 to"],
  ] as const)
    expect(() => drive(traffic, { optics: "cpo-800g", ...options } as unknown as DriveOptions)).toThrow(message);
});
