import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as hdr from "hdr-histogram-js";
import { expect, test } from "vitest";
import { Distribution } from "../src/distribution.ts";
import { readMeasurement } from "../src/formats/measurement.ts";
import type { CountedValues } from "../src/histogram.ts";

const shared = fileURLToPath(new URL("../../shared/data", import.meta.url));
const PERFTEST = `${shared}/perftest/SYNTHETIC_perftest_ib_write_lat_U.txt`;
const HLOG = `${shared}/hdr/jHiccup-2.0.7S.logV2.hlog`;

/** The value in place `rank`, counted from 0. */
function atRank({ values, counts }: CountedValues, rank: number): number {
  let i = 0;
  for (let left = rank; left >= counts[i]!; i++) left -= counts[i]!;
  return values[i]!;
}

test.skipIf(!existsSync(PERFTEST))("perftest's rows agree with perftest's own summary of them", async () => {
  const text = readFileSync(PERFTEST, "utf8");
  const { counted, notes, source } = await readMeasurement(text, { file: PERFTEST, verb: "write" });
  const samples = counted!.counts.reduce((a, b) => a + b, 0);
  expect(source).toBe("perftest -U, 999 rows");
  expect(notes.join()).not.toMatch(/cut/);
  // It sets its two greatest values aside, and then takes places n/2, n, ceil(0.99 n) and ceil(0.999 n), counted from 0.
  const n = samples - 2;
  const summary = text.split("\n").find((line) => /^ 64 /.test(line))!;
  const [, , least, most, typical, , , p99, p999] = summary
    .trim()
    .split(/\s+/)
    .map((us) => Number(us) * 1000);
  const places = [0, n, Math.floor(n / 2), Math.ceil(0.99 * n), Math.ceil(0.999 * n)];
  for (const [i, ns] of [least, most, typical, p99, p999].entries())
    expect(atRank(counted!, places[i]!)).toBeCloseTo(ns!, 6);
  // All of them are here, so the greatest is one that its own t_max leaves out.
  expect(counted!.values.at(-1)).toBeGreaterThan(most!);
  const distribution = Distribution.fromCounted(counted!);
  expect(distribution.samples).toBe(999);
  expect(Math.abs(distribution.quantileNs(0.5) - typical!)).toBeLessThanOrEqual(10); // a step of the printed rows
});

test.skipIf(!existsSync(HLOG))("jHiccup's log holds what hdr-histogram-js finds in it", async () => {
  const text = readFileSync(HLOG, "utf8");
  const { counted, source } = await readMeasurement(text, { file: HLOG });
  const reader = new hdr.HistogramLogReader(text, 64);
  const merged = reader.nextIntervalHistogram() as hdr.Histogram & { medianEquivalentValue(value: number): number };
  let intervals = 1;
  for (let next = reader.nextIntervalHistogram(); next; next = reader.nextIntervalHistogram(), intervals++)
    merged.add(next);

  expect(source).toContain(`${intervals} intervals, ${merged.totalCount} values`);
  expect(counted!.counts.reduce((a, b) => a + b, 0)).toBe(merged.totalCount);
  for (const percentile of [0, 1, 25, 50, 90, 99, 99.9, 99.99, 100]) {
    const rank = Math.max(0, Math.ceil((percentile / 100) * merged.totalCount) - 1);
    expect(atRank(counted!, rank)).toBe(merged.medianEquivalentValue(merged.getValueAtPercentile(percentile)));
  }
  // The log's own column of greatest values is in ms, the tops of cells that 2 digits tell apart.
  const mostMs = Math.max(...text.split("\n").map((line) => (/^\d/.test(line) ? Number(line.split(",")[2]) : 0)));
  expect(Math.abs(counted!.values.at(-1)! / (mostMs * 1e6) - 1)).toBeLessThan(0.01);
});
