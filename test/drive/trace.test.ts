import { expect, test } from "vitest";
import { drive } from "../../src/drive/index.ts";
import type { DriveOptions } from "../../src/drive/plan.ts";
import { formatTrace, type TraceSpan } from "../../src/formats/trace.ts";
import { generateTraffic } from "../../src/patterns.ts";
import { nsFromHours } from "../../src/units.ts";
import { runOf, steady, trafficOf } from "./shared.ts";

const retrain = { ratePerLinkHour: nsFromHours(1) / 16e6, lowNs: 10_000, highNs: 90_000 };
const traffic = generateTraffic({ pattern: "bursts", gpus: 32, loads: 200, sizeBytes: 7.5e6, utilisation: 0.9 });
const options: DriveOptions = {
  optics: steady(400, { retrain, stall: { probabilityPerFrame: 1e-5, lowNs: 500, highNs: 900 } }),
  tree: { gpusPerNode: 8, gpusPerPod: 16, nodeBytesPerNs: 1200, podBytesPerNs: 1000 },
  burstBytes: 4e6,
};

function spansOf(options: DriveOptions) {
  const spans: TraceSpan[] = [];
  const report = drive(traffic, options, { onSpan: (span) => spans.push(span) });
  return { spans, report };
}

test("spans of a track lie apart, and carry all bytes at the track's rate", () => {
  const { spans, report } = spansOf(options);
  const tracks = new Map<string, TraceSpan[]>();
  for (const span of spans) {
    const name = `${span.process}: ${span.track}`;
    tracks.set(name, [...(tracks.get(name) ?? []), span]);
  }
  for (const [name, on] of tracks) {
    for (const [i, { startNs, endNs }] of on.entries()) {
      expect(endNs, name).toBeGreaterThan(startNs);
      if (i > 0) expect(startNs, `${name}, span ${i}`).toBeGreaterThanOrEqual(on[i - 1]!.endNs);
    }
  }
  for (const { process, startNs, endNs, args } of spans)
    if (process === "DPUs") expect(args!["bytes"] as number).toBeCloseTo(1600 * (endNs - startNs), 0);
  const bytesOn = (prefix: string) =>
    spans
      .filter(({ process, track }) => `${process}: ${track}`.startsWith(prefix))
      .reduce((sum, { args }) => sum + (args!["bytes"] as number), 0);
  expect(bytesOn("DPUs: ")).toBe(report.bytes);
  for (const dpu of report.dpus) expect(bytesOn(`links: DPU ${dpu.dpu} ports`)).toBe(dpu.bytes);
  // What leaves a node enters another, and so for pods.
  for (const kind of ["node", "pod"]) {
    const out = spans.filter(({ track }) => new RegExp(`^${kind} \\d+ out$`).test(track));
    expect(spans.filter(({ track }) => new RegExp(`^${kind} \\d+ in$`).test(track))).toHaveLength(out.length);
    expect(out.length).toBeGreaterThan(100);
  }
  const outages = spans.filter(({ process }) => process === "outages");
  expect(outages).toHaveLength(report.faults.outages);
  expect(outages.length).toBeGreaterThan(3);
});

test.each([
  ["outages", { retrain: { ratePerLinkHour: nsFromHours(1) / 9.9e6, lowNs: 50_000, highNs: 150_000 } }],
  ["stalls", { stall: { probabilityPerFrame: 1e-4, lowNs: 1000, highNs: 3000 } }],
])("what %s hold on a DPU's ports is there until it has come", (_, around) => {
  // Loads of four chunks, far apart: each takes its bytes, and what held it from its first read.
  const rows = Array.from({ length: 500 }, (_, fenceId) => ({ fenceId, postNs: 1e6 * fenceId, sizeBytes: 4e6 }));
  const apart = trafficOf(rows);
  const given = { optics: steady(400, around), fabric: { ports: 1, hops: 1 } };
  const { ends } = runOf(apart, given, 8);
  const lastNs = new Map<string, number>();
  drive(
    apart,
    { ...given, gpus: 8 },
    {
      onSpan: ({ process, track, name, endNs }) => {
        if (process === "links" && track === "DPU 0 ports") lastNs.set(name, endNs);
      },
    },
  );
  let held = 0;
  for (let row = 0; row < rows.length; row++) {
    held += ends.heldNs[row]! > 0 ? 1 : 0;
    expect(lastNs.get(`load ${row}`)).toBeCloseTo(ends.dataNs[row]!, 3);
  }
  expect(held).toBeGreaterThan(5);
});

test("the trace is one that viewers open, and telling it changes nothing", () => {
  const { spans, report } = spansOf(options);
  expect(drive(traffic, options)).toEqual(report);
  const { traceEvents } = JSON.parse([...formatTrace(spans)].join("")) as {
    traceEvents: { ph: string; dur: number }[];
  };
  const drawn = traceEvents.filter(({ ph }) => ph === "X");
  expect(drawn).toHaveLength(spans.length);
  for (const { dur } of drawn) expect(dur).toBeGreaterThan(0);
});

test("equal seeds give equal reports, others other ones", () => {
  const lane = { ...options, lane: "priority" as const };
  expect(drive(traffic, { ...lane, seed: 5 })).toEqual(drive(traffic, { ...lane, seed: 5 }));
  const { loadNs, faults } = drive(traffic, { ...lane, seed: 6 });
  const first = drive(traffic, { ...lane, seed: 5 });
  expect(loadNs.meanNs).not.toBe(first.loadNs.meanNs);
  expect(faults).not.toEqual(first.faults);
});

test("progress is told now and then, and ends with all loads", () => {
  const told: number[] = [];
  const many = trafficOf(
    Array.from({ length: 10_000 }, (_, fenceId) => ({ fenceId, postNs: 10 * fenceId, sizeBytes: 64 })),
  );
  drive(many, options, {
    onProgress: (ended, loads) => {
      expect(loads).toBe(10_000);
      told.push(ended);
    },
  });
  expect(told).toEqual([4096, 8192, 10_000]);
});
