import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkQuantiles } from "../src/distribution.ts";
import { readMeasurement } from "../src/formats/measurement.ts";
import { readPerftest } from "../src/formats/perftest.ts";

const file = "lab/lat.txt";
const HEAD =
  " #bytes #iterations    t_min[usec]    t_max[usec]  t_typical[usec]    t_avg[usec]    t_stdev[usec]   99% percentile[usec]   99.9% percentile[usec] ";
const table = (...rows: string[]) => [HEAD, ...rows, "-".repeat(87), ""].join("\n");
const rowsOf = (us: readonly (number | string)[], unit = "usec") =>
  [`#, ${unit}`, ...us.map((value, i) => `${i + 1}, ${value}`), ""].join("\n");
const title = (test: string) =>
  `${"-".repeat(87)}\n                    ${test}\n Dual-port       : OFF\t\tDevice         : mlx5_0\n`;
const us = Array.from({ length: 200 }, (_, i) => (100 + ((i * 37) % 200)) / 100);
const json = (test: string, results: object) => JSON.stringify({ test_info: { test, Device: "mlx5_0" }, results });
const results = {
  MsgSize: 64,
  n_iterations: 1000,
  t_min: 1.05,
  t_max: 3.88,
  t_typical: 1.08,
  t_avg: 1.09,
  t_stdev: 0.0,
  percentile_99: 1.17,
  "percentile_99.9": 3.86,
};

describe("rows", () => {
  test("are all of them, in ns and ascending", () => {
    const { counted, quantiles, name, source } = readPerftest(rowsOf(us), { file });
    expect(name).toBe("lat.txt");
    expect(source).toContain("200 rows");
    expect(quantiles).toBeNull();
    const expected = us.map((value) => value * 1000).sort((a, b) => a - b);
    expect(expand(counted!)).toHaveLength(200);
    for (const [i, ns] of expand(counted!).entries()) expect(ns).toBeCloseTo(expected[i]!, 6);
  });

  test("equal ones are counted together", () => {
    const { counted } = readPerftest(rowsOf([...us, ...us]), { file });
    expect(counted!.counts.every((count) => count % 2 === 0)).toBe(true);
    expect(counted!.counts.reduce((a, b) => a + b)).toBe(400);
  });

  test.each([
    ["read", "RDMA_Read Latency Test", 0.5],
    ["atomic", "Atomic FETCH_AND_ADD Latency Test", 0.5],
    ["write", "RDMA_Write Latency Test", 1],
    ["send", "Send Latency Multicast Test", 1],
  ] as const)("are one way: %s", (verb, header, share) => {
    const greatestNs = Math.max(...us) * 1000 * share;
    const byHeader = readPerftest(title(header) + rowsOf(us), { file });
    const byOption = readPerftest(rowsOf(us), { file, verb });
    expect(byHeader.counted!.values.at(-1)).toBe(greatestNs);
    expect(byOption).toEqual(byHeader);
    expect(byHeader.notes[0]).toContain(verb.toUpperCase());
  });

  test("without a verb are taken as RTT/2, and it says so", () => {
    expect(readPerftest(rowsOf(us), { file }).notes[0]).toMatch(/not stated: taken as RTT\/2/);
  });

  test("come before the summary, and only theirs counts", () => {
    const summary = table(
      " 64      201           1.05           9.99         9.08        	       9.09        	9.06   		9.17    		9.88   ",
    );
    const { counted, quantiles, notes } = readPerftest(rowsOf(us) + summary, { file });
    expect(counted).toEqual(readPerftest(rowsOf(us), { file }).counted);
    expect(quantiles).toBeNull();
    expect(notes.join()).toMatch(/recomputed from the rows/);
    expect(notes.join()).not.toMatch(/cut/);
  });

  test("that are fewer than the iterations are noted", () => {
    const summary = table(
      " 64      1000           1.05           3.88         1.08        1.09   0.06   1.17    3.88   ",
    );
    expect(readPerftest(rowsOf(us) + summary, { file }).notes.join()).toMatch(/200 rows of 1000 iterations/);
    const sorted = us.toSorted((a, b) => a - b);
    expect(readPerftest(rowsOf(sorted) + summary.replace("1000", "203"), { file }).notes.join()).toMatch(/-H/);
  });

  test("printed twice (-U -H) are counted once", () => {
    const sorted = us.toSorted((a, b) => a - b).slice(0, -2);
    const summary = table(
      " 64      201           1.05           3.88         1.08        1.09   0.06   1.17    3.88   ",
    );
    const { counted } = readPerftest(rowsOf(us) + rowsOf(sorted) + summary, { file });
    expect(counted).toEqual(readPerftest(rowsOf(us), { file }).counted);
  });

  test.each([
    [["1.06", "NaN"], "lab/lat.txt:3: expected row 2 and a latency above 0 us, got 2, NaN"],
    [["1.06", "-1"], "lab/lat.txt:3: expected row 2 and a latency above 0 us, got 2, -1"],
    [["1.06", "0"], "lab/lat.txt:3: expected row 2 and a latency above 0 us, got 2, 0"],
    [["1.06", ""], "lab/lat.txt:3: expected row 2 and a latency above 0 us, got 2,"],
  ])("%j are refused", (bad, message) => {
    expect(() => readPerftest(rowsOf(bad), { file })).toThrow(new RangeError(message));
  });

  test("out of sequence, in cycles, or too few are refused", () => {
    expect(() => readPerftest("#, usec\n1, 1.06\n3, 1.07\n", { file })).toThrow(/:3: expected row 2 .* got 3, 1\.07/);
    expect(() => readPerftest(rowsOf(us, "cycles"), { file })).toThrow(/:1: expected rows in usec, got rows in cycles/);
    expect(() => readPerftest(rowsOf(us.slice(0, 99)), { file })).toThrow("at least 100 measurements, got 99");
  });
});

describe("a summary", () => {
  const write = title("RDMA_Write Latency Test");
  const row64 = " 64      1000           1.05           3.88         1.08        1.09   0.02   1.17    3.86   ";

  test("gives its quantiles in ns", () => {
    const { counted, quantiles, notes } = readPerftest(write + table(row64), { file });
    expect(counted).toBeNull();
    expect(quantiles).toEqual({
      medianNs: 1080,
      p99Ns: 1170,
      p999Ns: 3860,
      bodyJitter3SigmaNs: expect.closeTo(60, 9),
      floorNs: 1050,
    });
    expect(notes.join()).toMatch(/t_stdev \(0\.02 us\) is truncated and takes in the tail/);
  });

  test("of a READ is halved", () => {
    const whole = readPerftest(write + table(row64), { file }).quantiles!;
    const half = readPerftest(title("RDMA_Read Latency Test") + table(row64), { file }).quantiles!;
    for (const key of ["medianNs", "p99Ns", "p999Ns", "bodyJitter3SigmaNs", "floorNs"] as const)
      expect(half[key]).toBeCloseTo(whole[key]! / 2, 9);
  });

  test("of several sizes: 64 bytes, else the smallest", () => {
    const row = (bytes: number, typical: number) => ` ${bytes} 1000 1.00 9.00 ${typical} 1.2 0.01 5.00 6.00`;
    const all = readPerftest(table(row(2, 1.5), row(64, 1.6), row(4096, 3)), { file });
    expect(all.quantiles!.medianNs).toBe(1600);
    expect(all.notes.join()).toMatch(/3 runs: that of 64 bytes/);
    const others = readPerftest(table(row(4096, 3), row(128, 1.7)), { file });
    expect(others.quantiles!.medianNs).toBe(1700);
    expect(others.notes.join()).toMatch(/2 runs: that of 128 bytes/);
  });

  test("never contradicts itself where it is taken", () => {
    const step = fc.integer({ min: 0, max: 1000 });
    fc.assert(
      fc.property(step, step, step, step, fc.integer({ min: 0, max: 5000 }), (a, b, c, d, sigma) => {
        const [least, typical, p99, p999, most] = [1, 1 + a, 1 + a + b, 1 + a + b + c, 1 + a + b + c + d].map(
          (x) => x / 100,
        );
        const text = table(` 64 1000 ${least} ${most} ${typical} 1.09 ${sigma / 100} ${p99} ${p999}`);
        const { quantiles } = readPerftest(text, { file });
        checkQuantiles(quantiles!);
        expect(quantiles!.bodyJitter3SigmaNs).toBeLessThanOrEqual(
          sigma > 0 ? sigma * 30 + 1e-6 : Number.POSITIVE_INFINITY,
        );
      }),
    );
  });

  test("that contradicts itself is refused", () => {
    const text = table(" 64 1000 1.05 3.88 1.08 1.09 0.02 0.97 3.86");
    expect(() => readPerftest(text, { file })).toThrow(
      /:2: expected t_min.* ascending, got 1.05, 1.08, 0.97, 3.86, 3.88/,
    );
  });

  test("of few iterations is noted, of fewer than 100 refused", () => {
    expect(readPerftest(table(row64.replace("1000", "200")), { file }).notes.join()).toMatch(
      /of 200 iterations the 99\.9th/,
    );
    expect(readPerftest(table(row64), { file }).notes.join()).not.toMatch(/iterations the 99\.9th/);
    expect(() => readPerftest(table(row64.replace("1000", "99  ")), { file })).toThrow(
      "at least 100 measurements, got 99",
    );
  });

  test("of a run by duration, or of bandwidth, is refused", () => {
    const duration = " #bytes        #iterations       t_avg[usec]    tps average\n 64  1000  1.09  912345.00\n";
    expect(() => readPerftest(duration, { file })).toThrow(
      /:2: expected t_min\[usec\] of a latency test run by iterations \(-n\)/,
    );
    expect(() => readPerftest(title("RDMA_Write BW Test"), { file })).toThrow(
      "expected a latency test, got a bandwidth test",
    );
  });
});

describe("--out_json", () => {
  test("says what the table says", () => {
    const row = " 64 1000 1.05 3.88 1.08 1.09 0.00 1.17 3.86";
    const fromTable = readPerftest(title("RDMA_Write Latency Test") + table(row), { file });
    expect(readPerftest(json("RDMA_Write_Latency_Test", results), { file })).toEqual(fromTable);
    // No normal body is told by a sigma of 0 (truncated): the 99th percentile bounds it.
    expect(fromTable.quantiles!.bodyJitter3SigmaNs).toBeCloseTo((3 * 90) / 2.3263, 2);
  });

  test("of an atomic is halved", () => {
    const { quantiles } = readPerftest(json("Atomic_FETCH_AND_ADD_Latency_Test", results), { file });
    expect(quantiles!.medianNs).toBe(540);
  });

  test("without a field, cut, or of bandwidth is refused", () => {
    const { percentile_99: _, ...without } = results;
    expect(() => readPerftest(json("Send_Latency_Test", without), { file })).toThrow(
      /expected percentile_99 .* got none/,
    );
    expect(() => readPerftest(json("Send_Latency_Test", results).slice(0, -3), { file })).toThrow(/one JSON object/);
    expect(() => readPerftest(json("Send_Bidirectional_BW_Test", results), { file })).toThrow(/a bandwidth test/);
  });
});

test("a verb that contradicts the file, or is none, is refused", () => {
  const text = title("RDMA_Read Latency Test") + rowsOf(us);
  expect(() => readPerftest(text, { file, verb: "write" })).toThrow(/expected verb write, .* got a read test/);
  expect(() => readPerftest(text, { file, verb: "put" as "write" })).toThrow(
    "verb must be one of write, send, read, atomic, got put",
  );
});

test("it is recognised", async () => {
  for (const text of [
    rowsOf(us),
    json("Send_Latency_Test", results),
    table(" 64 1000 1.05 3.88 1.08 1.09 0 1.17 3.86"),
  ]) {
    expect(await readMeasurement(text, { file })).toEqual(readPerftest(text, { file }));
    await expect(readMeasurement(text, { file, unit: "us" })).rejects.toThrow(
      /leave out unit for perftest output .*got "us"/,
    );
  }
});

function expand({ values, counts }: { values: Float64Array; counts: Float64Array }): number[] {
  return Array.from(values).flatMap((value, i) => new Array<number>(counts[i]!).fill(value));
}
