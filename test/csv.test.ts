import fc from "fast-check";
import { expect, test } from "vitest";
import { readLatencyColumn } from "../src/formats/csv.ts";
import { readMeasurement } from "../src/formats/measurement.ts";

const file = "data/lat.csv";
const values = Array.from({ length: 120 }, (_, i) => 500 + ((i * 7) % 40));
const column = (lines: readonly unknown[]) => `${lines.join("\n")}\n`;
const total = (counts: Float64Array) => counts.reduce((a, b) => a + b, 0);

test("every line is counted, in ascending order", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 100, maxLength: 300 }), (ns) => {
      const { counted } = readLatencyColumn(column(ns), { file });
      const expanded = Array.from(counted!.values).flatMap((value, i) =>
        new Array<number>(counted!.counts[i]!).fill(value),
      );
      expect(expanded).toEqual(ns.toSorted((a, b) => a - b));
    }),
  );
});

test.each([
  ["latency_ns", 1],
  ["ns", 1],
  ["latency_us", 1e3],
  ["usec", 1e3],
  ["rtt [µs]", 1e3],
  ["latencyUs", 1e3],
  ["Latency (ms)", 1e6],
  ["duration_seconds", 1e9],
])("a column headed %s is in that unit", (head, nsPerUnit) => {
  const { counted, notes } = readLatencyColumn(column([head, ...values]), { file });
  expect(counted!.values[0]).toBe(500 * nsPerUnit);
  expect(total(counted!.counts)).toBe(120);
  expect(notes).toEqual([]);
});

test("the unit option holds where no head says one, and ns where neither does, noted", () => {
  expect(readLatencyColumn(column(values), { file, unit: "us" }).counted!.values[0]).toBe(500_000);
  expect(readLatencyColumn(column(["latency", ...values]), { file, unit: "ms" }).counted!.values[0]).toBe(5e8);
  const bare = readLatencyColumn(column(["bonus", ...values]), { file });
  expect(bare.counted!.values[0]).toBe(500);
  expect(bare.notes).toEqual(["no unit is stated: taken as ns"]);
});

test("a unit option that contradicts the head is refused with both", () => {
  expect(() => readLatencyColumn(column(["latency_us", ...values]), { file, unit: "ns" })).toThrow(
    new RangeError("data/lat.csv:1: expected a column in ns, as the unit option says, got latency_us"),
  );
  expect(() => readLatencyColumn(column(values), { file, unit: "min" as "ms" })).toThrow(
    new RangeError("unit must be one of ns, us, ms, s, got min"),
  );
});

test("blank lines, carriage returns, a byte order mark and exponents are read", () => {
  const text = `\uFEFFns\r\n\r\n${values.map((ns) => `${ns / 10}e1`).join("\r\n\r\n")}\r\n`;
  expect(readLatencyColumn(text, { file }).counted).toEqual(readLatencyColumn(column(values), { file }).counted);
});

test("of several columns one must be named", () => {
  const rows = values.map((ns, i) => `${i},${ns / 1000},x${i}`);
  const text = column(["id,latency_us,host", ...rows]);
  expect(() => readLatencyColumn(text, { file })).toThrow(
    new RangeError("data/lat.csv:1: expected one column, or the column option, got the columns id, latency_us, host"),
  );
  for (const named of ["latency_us", 2, "2"])
    expect(readLatencyColumn(text, { file, column: named }).counted!.values[0]).toBe(500);
  expect(readLatencyColumn(column(rows), { file, column: 2, unit: "us" }).counted!.values[0]).toBe(500);
  expect(() => readLatencyColumn(text, { file, column: "latency" })).toThrow(
    /column must name a column of .* got latency/,
  );
  expect(() => readLatencyColumn(text, { file, column: 0 })).toThrow(/column must name/);
  expect(() => readLatencyColumn(column(["a,b", ...rows]), { file, column: 1 })).toThrow(
    ":2: expected 2 columns, got 3 columns",
  );
});

test.each([["NaN"], ["-5"], ["0"], ["fast"], ["1e999"], ["0x10"], ["1 000"]])("%s in line 7 is refused", (bad) => {
  const text = column(["latency_us", ...values].with(6, bad));
  expect(() => readLatencyColumn(text, { file })).toThrow(
    new RangeError(`data/lat.csv:7: expected a latency above 0 us, got ${bad}`),
  );
});

test("a bad value in the first line is no head", () => {
  expect(() => readLatencyColumn(column(["NaN", ...values]), { file })).toThrow(
    /:1: expected a latency above 0 ns, got NaN/,
  );
  expect(() => readLatencyColumn(column(["-3", ...values]), { file })).toThrow(
    /:1: expected a latency above 0 ns, got -3/,
  );
});

test("an empty file and one of 99 values are refused", async () => {
  const empty = new RangeError("data/lat.csv: expected at least 100 measurements, got an empty file");
  expect(() => readLatencyColumn(" \n\n", { file })).toThrow(empty);
  await expect(readMeasurement("", { file })).rejects.toThrow(empty);
  expect(() => readLatencyColumn(column(values.slice(0, 99)), { file })).toThrow(
    new RangeError("data/lat.csv: expected at least 100 measurements, got 99"),
  );
});

test("it is recognised, and what is nothing known is refused with what is", async () => {
  const text = column(["latency_us", ...values]);
  expect(await readMeasurement(text, { file, unit: "us" })).toEqual(readLatencyColumn(text, { file }));
  await expect(readMeasurement(text, { file, verb: "read" })).rejects.toThrow(
    new TypeError('options must leave out verb for a column of latencies (data/lat.csv), got "read"'),
  );
  await expect(readMeasurement("<html>\n<body>\n", { file })).rejects.toThrow(
    "data/lat.csv: expected an HdrHistogram log, or perftest output, or a column of latencies, got none of them",
  );
  await expect(readMeasurement(text, { file, units: "us" } as never)).rejects.toThrow(
    /no field units; did you mean unit\?/,
  );
});
