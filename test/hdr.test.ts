import fc from "fast-check";
import * as hdr from "hdr-histogram-js";
import { describe, expect, test } from "vitest";
import { readHdrLog, writeHdrLog } from "../src/formats/hdr.ts";
import { readMeasurement } from "../src/formats/measurement.ts";
import { shareOf } from "./share.ts";

const file = "run.hlog";
const LEGEND = '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"';
const when = { startTime: 1_700_000_000, lengthSeconds: 12.5 };

type Options = { low?: number; high?: number; digits?: 1 | 2 | 3 | 4 | 5 };

/** A log by hdr-histogram-js, an interval for each list of values. */
function foreignLog(intervals: readonly (readonly number[])[], { low = 1, high = 2 ** 40, digits = 3 }: Options = {}) {
  const lines = intervals.map((values, i) => {
    const histogram = hdr.build({
      bitBucketSize: 32,
      lowestDiscernibleValue: low,
      highestTrackableValue: high,
      numberOfSignificantValueDigits: digits,
    });
    for (const value of values) histogram.recordValue(value);
    return `${i}.000,1.000,${(histogram.maxValue / 1e6).toFixed(3)},${hdr.encodeIntoCompressedBase64(histogram)}`;
  });
  return [
    "#[Histogram log format version 1.3]",
    "#[StartTime: 1.000 (seconds since epoch), then]",
    LEGEND,
    ...lines,
    "",
  ].join("\n");
}

/** hdr-histogram-js's own reading of a log's first interval. */
function foreignReading(log: string) {
  return new hdr.HistogramLogReader(log, 64).nextIntervalHistogram()!;
}

/** Replaces the histogram in a log's last line by `edit` of its bytes. */
function edited(log: string, edit: (bytes: Uint8Array) => Uint8Array): string {
  const lines = log.trimEnd().split("\n");
  const fields = lines.at(-1)!.split(",");
  const bytes = edit(Uint8Array.from(atob(fields.at(-1)!), (c) => c.charCodeAt(0)));
  return [...lines.slice(0, -1), [...fields.slice(0, -1), btoa(String.fromCharCode(...bytes))].join(",")].join("\n");
}

const latencies = fc.array(
  fc
    .tuple(fc.integer({ min: 0, max: 35 }), fc.double({ min: 1, max: 2, noNaN: true }))
    .map(([e, m]) => Math.floor(m * 2 ** e)),
  { minLength: 100, maxLength: 300 },
);
const digits = fc.constantFrom(1, 2, 3, 4, 5);
const one = Array.from({ length: 150 }, (_, i) => 800 + ((i * i * 31) % 5000));
const total = (counts: Float64Array) => counts.reduce((a, b) => a + b, 0);

describe("reading", () => {
  test("finds what hdr-histogram-js wrote, in the same cells", async () => {
    await fc.assert(
      fc.asyncProperty(latencies, digits, fc.constantFrom(1, 7, 1000), async (values, significant, low) => {
        const log = foreignLog([values.map((value) => value + low)], { low, digits: significant });
        const theirs = foreignReading(log) as hdr.Histogram & { medianEquivalentValue(value: number): number };
        const { counted } = await readHdrLog(log, { file });
        const expected = values.map((value) => theirs.medianEquivalentValue(value + low)).sort((a, b) => a - b);
        const got = Array.from(counted!.values).flatMap((value, i) =>
          new Array<number>(counted!.counts[i]!).fill(value),
        );
        expect(got).toEqual(expected);
      }),
      { numRuns: shareOf(40) },
    );
  });

  test("merges intervals and tags, and scales", async () => {
    const [first, second] = [one, one.map((value) => value + 3)];
    const lines = foreignLog([first, second]).split("\n");
    lines[4] = `Tag=b,${lines[4]}`;
    lines.splice(4, 0, "# a comment", "");
    const { counted, source, notes, name } = await readHdrLog(lines.join("\r\n"), {
      file: "dir/run.hlog",
      nsPerValue: 1000,
    });
    expect(name).toBe("run.hlog");
    expect(source).toBe("HdrHistogram log V2, 2 intervals, 300 values");
    expect(notes.join()).toMatch(/taken as 1000 ns.*tags merged: b/);
    const together = await readHdrLog(foreignLog([[...first, ...second]]), { file });
    expect(counted!.values).toEqual(together.counted!.values.map((value) => value * 1000));
    expect(counted!.counts).toEqual(together.counted!.counts);
  });

  test("takes 0 as half of the least value", async () => {
    const { counted, notes } = await readHdrLog(foreignLog([[...one, 0, 0]]), { file });
    expect(counted!.values[0]).toBe(0.5);
    expect(counted!.counts[0]).toBe(2);
    expect(notes.join()).toMatch(/2 values below the least/);
  });

  test("is recognised", async () => {
    const log = foreignLog([one]);
    expect(await readMeasurement(log, { file })).toEqual(await readHdrLog(log, { file }));
    expect(await readMeasurement(log.split("\n").slice(3).join("\n"), { file })).toEqual(
      await readHdrLog(log, { file }),
    );
    await expect(readMeasurement(log, { file, verb: "read" })).rejects.toThrow(
      new TypeError('options must leave out verb for an HdrHistogram log (run.hlog), got "read"'),
    );
  });
});

describe("writing", () => {
  test("is read back by hdr-histogram-js: counts, quantiles, times and tag", async () => {
    await fc.assert(
      fc.asyncProperty(latencies, digits, async (list, significantDigits) => {
        const values = Float64Array.from(new Set(list)).sort();
        const counts = values.map((_, i) => (i % 3 === 0 ? 1_000_003 : 100 + i));
        const log = await writeHdrLog({ values, counts }, { ...when, significantDigits, tag: "ns" });
        const theirs = foreignReading(log);
        expect(theirs.totalCount).toBe(total(counts));
        expect(theirs.tag).toBe("ns");
        expect(theirs.startTimeStampMsec).toBe(1.7e12);
        expect(theirs.endTimeStampMsec).toBe(1.7e12 + 12_500);
        let seen = 0;
        values.forEach((value, i) => {
          seen += counts[i]!;
          // What lies at the middle of this value's ranks is this value, or another of its cell.
          const percentile = (100 * (seen - counts[i]! / 2)) / total(counts);
          const cell = theirs.getValueAtPercentile(percentile);
          expect(Math.abs(cell - value)).toBeLessThanOrEqual(value / 10 ** significantDigits);
        });
      }),
      { numRuns: shareOf(40) },
    );
  });

  test("is what hdr-histogram-js writes of the same values", async () => {
    const values = Float64Array.from(new Set(one)).sort();
    const counts = values.map((value) => one.filter((other) => other === value).length);
    const ours = foreignReading(await writeHdrLog({ values, counts }, when));
    const theirs = foreignReading(foreignLog([one]));
    expect(ours.toJSON()).toEqual(theirs.toJSON());
  });

  test("and reading back gives each value within its digits, and the same counts", async () => {
    await fc.assert(
      fc.asyncProperty(latencies, digits, fc.constantFrom(1, 10, 0.5), async (list, significantDigits, valuesPerNs) => {
        const values = Float64Array.from(new Set(list.map((value) => value + 1))).sort();
        const counts = values.map((_, i) => 100 + i);
        const log = await writeHdrLog({ values, counts }, { ...when, significantDigits, valuesPerNs });
        const { counted } = await readHdrLog(log, { file, nsPerValue: 1 / valuesPerNs });
        expect(total(counted!.counts)).toBe(total(counts));
        const again = await writeHdrLog(counted!, { ...when, significantDigits, valuesPerNs });
        expect((await readHdrLog(again, { file, nsPerValue: 1 / valuesPerNs })).counted).toEqual(counted);
        const unitNs = 1 / valuesPerNs;
        for (const value of values) {
          const nearest = counted!.values.reduce((a, b) => (Math.abs(a - value) <= Math.abs(b - value) ? a : b));
          expect(Math.abs(nearest - value)).toBeLessThanOrEqual(unitNs + value / 10 ** significantDigits);
        }
      }),
      { numRuns: shareOf(40) },
    );
  });

  test("keeps counts of more than 32 bits", async () => {
    const counted = { values: Float64Array.of(5, 900), counts: Float64Array.of(2 ** 51 + 1, 2 ** 40 + 3) };
    expect((await readHdrLog(await writeHdrLog(counted, when), { file })).counted).toEqual(counted);
  });

  test.each([
    ["startTime", { startTime: Number.NaN }],
    ["lengthSeconds", { lengthSeconds: -1 }],
    ["valuesPerNs", { valuesPerNs: 0 }],
    ["significantDigits", { significantDigits: 6 }],
    ["tag", { tag: "a,b" }],
  ])("refuses a bad %s by name", async (name, bad) => {
    const counted = { values: Float64Array.of(1), counts: Float64Array.of(1) };
    await expect(writeHdrLog(counted, { ...when, ...bad })).rejects.toThrow(new RegExp(`^${name} must`));
  });

  test("refuses counts that are not whole", async () => {
    const counted = { values: Float64Array.of(1, 2), counts: Float64Array.of(1, 0.5) };
    await expect(writeHdrLog(counted, when)).rejects.toThrow("count 2 must be a whole number, got 0.5");
  });
});

describe("a broken log is refused at its line", () => {
  const log = foreignLog([one]);
  const cookie = (value: number) => (bytes: Uint8Array) => {
    new DataView(bytes.buffer).setUint32(0, value);
    return bytes;
  };
  test.each([
    ["cut base64", log.trimEnd().slice(0, -3), /run\.hlog:4: expected a histogram in base64/],
    ["base64 cut at a group", log.trimEnd().slice(0, -8), /run\.hlog:4: expected \d+ compressed bytes/],
    ["V1", edited(log, cookie(0x1c849302 + 0x80)), /run\.hlog:4: expected a V2 .* got V0 or V1, cookie 0x1c849382/],
    ["doubles", edited(log, cookie(0x0c72124f)), /run\.hlog:4: expected a V2 .* got of doubles/],
    ["another cookie", edited(log, cookie(0xdeadbeef)), /run\.hlog:4: expected a V2 .* got cookie 0xdeadbeef/],
    ["bad zlib", edited(log, (bytes) => bytes.fill(0x55, 8)), /run\.hlog:4: expected a zlib stream/],
    ["a cut zlib stream", edited(log, cutStream), /run\.hlog:4: expected (a zlib stream|a header|\d+ bytes of counts)/],
    ["a missing field", `${LEGEND}\n0.1,0.2,HISTFAAA`, /run\.hlog:2: expected \[Tag=/],
    ["prose", `${LEGEND}\nthis is, not, a, log`, /run\.hlog:2: expected \[Tag=/],
    ["no interval", LEGEND, /^run\.hlog: expected at least 100 measurements, got 0/],
    ["nothing", "", /^run\.hlog: expected at least 100 measurements, got an empty file/],
  ])("%s", async (_, text, message) => {
    await expect(readHdrLog(text, { file })).rejects.toThrow(message);
    await expect(readHdrLog(text, { file })).rejects.toBeInstanceOf(RangeError);
  });

  function cutStream(bytes: Uint8Array): Uint8Array {
    const cut = bytes.slice(0, -20);
    new DataView(cut.buffer).setInt32(4, cut.length - 8);
    return cut;
  }

  // Places in the header, and in the payload behind its 40 bytes: see src/formats/hdr-histogram.ts.
  test.each([
    [
      "V1 inside",
      (view: DataView) => view.setUint32(0, 0x1c849301),
      /expected a V2 .* got V0 or V1, cookie 0x1c849301/,
    ],
    ["counts cut short", (view: DataView) => view.setInt32(4, 1e6), /expected 1000000 bytes of counts/],
    ["a shifted order", (view: DataView) => view.setInt32(8, 64), /expected a normalizing index offset of 0, got 64/],
    ["9 digits", (view: DataView) => view.setInt32(12, 9), /expected 0 to 5 significant digits, got 9/],
    [
      "a lowest value of 0",
      (view: DataView) => view.setBigInt64(16, 0n),
      /expected a lowest discernible value .* got 0/,
    ],
    ["a number cut short", (view: DataView) => view.setUint8(view.byteLength - 1, 0x80), /one cut short/],
    ["a count beyond 2^52", (view: DataView) => fill(view, 40, 48, 0xff), /expected counts below 2\^52/],
  ])("inside: %s", async (_, edit, message) => {
    const values = Float64Array.from(new Set(one)).sort();
    const sound = await writeHdrLog({ values, counts: values.map(() => 5) }, when);
    const bytes = Uint8Array.from(atob(sound.trimEnd().split(",").at(-1)!), (c) => c.charCodeAt(0));
    const inner = await through(bytes.slice(8), new DecompressionStream("deflate"));
    edit(new DataView(inner.buffer));
    const compressed = await through(inner, new CompressionStream("deflate"));
    const whole = new Uint8Array([...bytes.slice(0, 8), ...compressed]);
    new DataView(whole.buffer).setInt32(4, compressed.length);
    const line = sound.trimEnd().split("\n").length;
    const error = await readHdrLog(
      edited(sound, () => whole),
      { file },
    ).catch((thrown: Error) => thrown);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).toMatch(new RegExp(`^run\\.hlog:${line}: `));
  });

  function fill(view: DataView, from: number, to: number, byte: number): void {
    for (let i = from; i < to; i++) view.setUint8(i, byte);
  }

  async function through(bytes: Uint8Array<ArrayBuffer>, stream: CompressionStream | DecompressionStream) {
    return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer());
  }

  test("a log of ours says what 1 ns is, and nsPerValue may not say otherwise", async () => {
    const values = Float64Array.from({ length: 100 }, (_, i) => 48 + i / 100);
    const counts = values.map(() => 1);
    const ours = await writeHdrLog({ values, counts }, { startTime: 0, lengthSeconds: 1, valuesPerNs: 1000 });
    const { counted, notes } = await readHdrLog(ours, { file });
    expect(counted!.values[0]).toBeCloseTo(48, 1); // cells of 32 thousandths at most
    expect(counted!.values.at(-1)).toBeCloseTo(48.99, 1);
    expect(notes[0]).toBe("1 ns is 1000 in the file, as its comment says");
    expect((await readHdrLog(ours, { file, nsPerValue: 0.001 })).counted).toEqual(counted);
    await expect(readHdrLog(ours, { file, nsPerValue: 1 })).rejects.toThrow(
      `${file}: expected 1 to be 1 ns, as the option says, got a comment by which 1 ns is 1000`,
    );
  });

  test("nsPerValue must be above 0", async () => {
    await expect(readHdrLog(log, { file, nsPerValue: 0 })).rejects.toThrow("nsPerValue must be above 0, got 0");
  });
});
