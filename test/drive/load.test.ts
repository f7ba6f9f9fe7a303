import { expect, test } from "vitest";
import { coherentLoad, reactiveLoad, traversalOf } from "../../src/coherency.ts";
import { drive } from "../../src/drive/index.ts";
import type { DriveOptions, Tree } from "../../src/drive/plan.ts";
import { FENCE_NS, FIXED_NS, PORTS, POST_NS, type Row, runOf, steady, TRANSLATE_NS, trafficOf } from "./shared.ts";

const optics = steady(400);
const PATH_NS = 3 * 400 + FIXED_NS;
/** All of a load but its bytes. */
const AROUND_NS = POST_NS + PATH_NS + TRANSLATE_NS + PATH_NS + FENCE_NS;

/** How long one load on an idle fabric takes. */
const aloneNs = (row: Partial<Row>, options: Partial<DriveOptions>) => {
  const { loadNs } = drive(trafficOf([{ fenceId: 7, postNs: 12_345, ...row }]), { optics, gpus: 32, ...options });
  expect(loadNs.count).toBe(1);
  return loadNs.meanNs;
};

const tree = { gpusPerNode: 4, gpusPerPod: 16 };
const far = { source: 17, destination: 2 };

test.each<[name: string, bytesPerNs: number, row: Partial<Row>, Partial<DriveOptions>]>([
  ["ports", PORTS, {}, {}],
  ["12 ports", (PORTS * 12) / 16, {}, { fabric: { ports: 12 } }],
  ["ingress", 450, {}, { fabric: { gpuIngressBytesPerNs: 450 } }],
  ["egress", 700, {}, { fabric: { sourceEgressBytesPerNs: 700 } }],
  ["HBM of the source", 333, {}, { fabric: { sourceHbmBytesPerNs: 333 } }],
  ["pace", 1000, {}, { fabric: { dpuPaceBytesPerNs: 1000 } }],
  ["links of nodes", 300, far, { tree: { ...tree, nodeBytesPerNs: 300, podBytesPerNs: 301 } }],
  ["links of pods", 200, far, { tree: { ...tree, nodeBytesPerNs: 300, podBytesPerNs: 200 } }],
  ["ports, for a node's links are not on the way", PORTS, {}, { tree: { ...tree, nodeBytesPerNs: 1 } }],
])("a load alone takes post, paths, translation, its bytes over the rate of %s, and fence", (_, rate, row, options) => {
  for (const sizeBytes of [1, 64, 999_999, 1e6, 1_000_001, 16e6, 160e6]) {
    const hops = options.tree && !row.source ? 1 : 3;
    const expectedNs = AROUND_NS - 2 * (3 - hops) * 400 + sizeBytes / rate;
    expect(aloneNs({ ...row, sizeBytes }, options)).toBeCloseTo(expectedNs, 3);
  }
});

test("what a burst allows is read ahead of the pace", () => {
  // Of 10 chunks at 100 bytes/ns the first five go out at once, and the last one when the sixth would have been due.
  const fabric = { dpuPaceBytesPerNs: 100 };
  expect(aloneNs({ sizeBytes: 10e6 }, { fabric })).toBeCloseTo(AROUND_NS + 100_000, 3);
  expect(aloneNs({ sizeBytes: 10e6 }, { fabric, burstBytes: 5e6 })).toBeCloseTo(AROUND_NS + 60_000, 3);
});

test.each([
  ["in a node", { source: 3, destination: 2 }, 1],
  ["in a pod", { source: 5, destination: 2 }, 2],
  ["anywhere", { source: 16, destination: 15 }, 3],
])("%s a load takes as many hops there and back as its tier has", (_, row, hops) => {
  const expectedNs = AROUND_NS + 2 * (hops - 3) * 400 + 1e6 / PORTS;
  expect(aloneNs(row, { tree })).toBeCloseTo(expectedNs, 3);
  // Where there is no tree all take the fabric's.
  expect(aloneNs(row, { fabric: { hops: 5 } })).toBeCloseTo(AROUND_NS + 2 * 2 * 400 + 1e6 / PORTS, 3);
});

test("links of nodes and pods are shared by all that leave or enter, and by nobody else", () => {
  const fabric = { gpusPerDpu: 1 };
  const lastNs = (rows: Row[], rates: Partial<Tree> = { nodeBytesPerNs: 100 }) => {
    const { ends } = runOf(trafficOf(rows), { optics, fabric, tree: { ...tree, ...rates } }, 32);
    return Math.max(...ends.dataNs) - Math.min(...ends.firstReadNs);
  };
  const loads = (count: number, row: (i: number) => Partial<Row>) =>
    Array.from({ length: count }, (_, fenceId) => ({ fenceId, sizeBytes: 30e6, ...row(fenceId) }));
  const oneNs = 30e6 / 100;
  expect(lastNs(loads(1, () => ({ source: 4 })))).toBeCloseTo(oneNs, 3);
  expect(lastNs(loads(3, (i) => ({ source: 4 + i, destination: 8 + 4 * (i % 2) })))).toBeCloseTo(3 * oneNs, 3); // out of node 1
  expect(lastNs(loads(3, (i) => ({ source: 4 + 4 * i, destination: i })))).toBeCloseTo(3 * oneNs, 3); // into node 0
  expect(lastNs(loads(2, (i) => ({ source: 4 + 8 * i, destination: 8 * i })))).toBeCloseTo(oneNs, 3); // nothing in common
  const pods = (row: (i: number) => Partial<Row>) => lastNs(loads(3, row), { podBytesPerNs: 150 });
  expect(pods((i) => ({ source: 16 + 4 * i, destination: 4 * i }))).toBeCloseTo(90e6 / 150, 3); // out of pod 1 into pod 0
  expect(pods((i) => ({ source: 4 + 4 * i, destination: i }))).toBeCloseTo(30e6 / PORTS, 3); // in a pod: each DPU's ports
  expect(lastNs(loads(2, (i) => ({ source: i, destination: 2 + i })))).toBeCloseTo(30e6 / PORTS, 3); // in a node likewise
});

test.each<[string, number, { dpuPaceBytesPerNs?: number }]>([
  ["ports carry", PORTS, {}],
  ["pace allows", 1200, { dpuPaceBytesPerNs: 1200 }],
])("a saturated DPU carries what its %s, %d bytes/ns, within 0.1%%", (_, rate, fabric) => {
  const rows = Array.from({ length: 300 }, (_, i) => ({
    fenceId: i,
    source: 8 + (i % 24),
    destination: i % 8,
    sizeBytes: 16e6 + 12_345 * i,
    postNs: 300 * i,
  }));
  const { dpus } = drive(trafficOf(rows), { optics, fabric, gpus: 32 });
  expect(dpus[0]!.bytes).toBe(rows.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0));
  expect(Math.abs(dpus[0]!.bytesPerNs / rate - 1)).toBeLessThan(0.001);
  expect(dpus[0]!.paceShare).toBeCloseTo(dpus[0]!.bytesPerNs / (fabric.dpuPaceBytesPerNs ?? 1600), 9);
  expect(dpus.slice(1).map(({ loads, bytes, activeSpanNs }) => [loads, bytes, activeSpanNs])).toEqual(
    Array(3).fill([0, 0, 0]),
  );
});

test("reactive: a load alone takes what the arithmetic says", () => {
  for (const sizeBytes of [64, 1e6, 160e6]) {
    const { totalNs } = reactiveLoad(traversalOf(3, 400), { bytes: sizeBytes, bytesPerNs: PORTS });
    expect(aloneNs({ sizeBytes }, { means: "reactive" })).toBeCloseTo(totalNs, 3);
    // No bucket paces it.
    expect(aloneNs({ sizeBytes }, { means: "reactive", fabric: { dpuPaceBytesPerNs: 1 } })).toBeCloseTo(totalNs, 3);
  }
});

test.each([
  [400, 3600],
  [1240, 11_160],
])("coherent: one line over 3 hops of %d ns takes %d ns, the pipelines, and itself", (hopNs, snoopNs) => {
  const missNs = snoopNs + 3 * FIXED_NS;
  const found = aloneNs({ sizeBytes: 64 }, { means: "coherent", optics: steady(hopNs) });
  // With one miss in flight its line goes at the rate of all that may be: 1,024 lines a snoop.
  expect(found).toBeCloseTo(missNs + missNs / 1024, 2);
});

test("coherent: a load takes what the arithmetic says, but for less than a snoop and the lines that fill it", () => {
  for (const outstandingMisses of [16, 1024, 1e6])
    for (const sizeBytes of [64, 65_536, 1e6, 16e6]) {
      const options = { bytes: sizeBytes, outstanding: outstandingMisses, bytesPerNs: PORTS };
      const { miss, totalNs } = coherentLoad(traversalOf(3, 400), options).roundTrips;
      const found = aloneNs({ sizeBytes }, { means: "coherent", fabric: { outstandingMisses } });
      // With n lines, O at once, a line on the wire l and a snoop s: the arithmetic has floor((n - 1) / O) rounds of s + l and
      // a last one of s and its lines; the drive has s and n lines at O / s, so up to a round of s more. Where the wire binds,
      // both have s and n lines.
      const lineNs = 64 / PORTS;
      const rounds = Math.floor((Math.ceil(sizeBytes / 64) - 1) / outstandingMisses);
      expect(found - totalNs).toBeLessThan(miss.totalNs + 1e-3);
      expect(totalNs - found).toBeLessThan((rounds + outstandingMisses) * lineNs + 1e-3);
    }
});

test("the most urgent first misses nothing where first come, first served misses all that is urgent", () => {
  // Every millisecond 128 MB of bulk, which take 84 µs, and a microsecond behind them what has 60 µs.
  const rows = Array.from({ length: 20 }, (_, round) => [
    ...Array.from({ length: 8 }, (_, i) => ({
      fenceId: 100 * round + i,
      postNs: 1e6 * round,
      destination: i,
      source: 8 + i,
      sizeBytes: 16e6,
      slackNs: 1e6,
    })),
    ...Array.from({ length: 4 }, (_, i) => ({
      fenceId: 100 * round + 50 + i,
      postNs: 1e6 * round + 1000,
      destination: i,
      source: 8 + i,
      sizeBytes: 1.6e6,
      slackNs: 60_000,
    })),
  ]).flat();
  const missesBy = (order: "deadline" | "arrival") => drive(trafficOf(rows), { optics, order }).misses.count;
  expect([missesBy("deadline"), missesBy("arrival")]).toEqual([0, 80]);
});
