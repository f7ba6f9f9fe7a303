import { describe, expect, test } from "vitest";
import { readOptics } from "../src/formats/optics.ts";
import { isProfile, readProfile } from "../src/formats/profile.ts";
import { measurementOf } from "../src/measurement.ts";
import { OPTICS } from "../src/optics/builtin.ts";
import { measuredOptics } from "../src/optics/index.ts";

const file = "lab.json";
const three = { medianNs: 100, p99Ns: 200, bodyJitter3SigmaNs: 30 };
const read = (fields: object) => readProfile(JSON.stringify(fields), { file });

test.each(OPTICS)("$name comes back from JSON as it was", (profile) => {
  const text = JSON.stringify(profile, null, 2);
  expect(isProfile(text)).toBe(true);
  const { profile: read, hop } = readProfile(text, { file });
  expect(read).toEqual(profile);
  expect(hop.quantileNs(0.5)).toBe(Math.fround(profile.medianNs));
});

test("three latencies are enough, and what is left out is not made up", () => {
  const { profile, hop } = read(three);
  expect(profile).toMatchObject({ ...three, name: file, stall: null, retrain: null, picojoulesPerBit: null });
  expect(profile.evidence).toHaveLength(1);
  expect(profile.evidence[0]!.source).toBe(file);
  expect(hop.extrapolatedBelow).toBe(0.01);
});

describe("refuses, and names the file", () => {
  test.each<[object, Error]>([
    [{ ...three, p99: 5 }, new TypeError(`${file}: profile has no field p99; did you mean p99Ns?`)],
    [{ ...three, medainNs: 5 }, new TypeError(`${file}: profile has no field medainNs; did you mean medianNs?`)],
    [
      { medianNs: 100, p99Ns: 200 },
      new TypeError(`${file}: profile must have medianNs, p99Ns, bodyJitter3SigmaNs; bodyJitter3SigmaNs is missing`),
    ],
    [{ ...three, p99Ns: 99 }, new RangeError(`${file}: p99Ns must be at least medianNs, got 99 below 100`)],
    [{ ...three, p999Ns: 150 }, new RangeError(`${file}: p999Ns must be at least p99Ns, got 150 below 200`)],
    [{ ...three, p999Ns: null }, new TypeError(`${file}: p999Ns must be a number, got null`)],
    [{ ...three, medianNs: "100" }, new TypeError(`${file}: medianNs must be a number, got "100"`)],
    [{ ...three, floorNs: 101 }, new RangeError(`${file}: floorNs must be at most medianNs, got 101 above 100`)],
    [
      { ...three, bodyJitter3SigmaNs: 300 }, // 100 + 1.645 x 100 = 264.5
      new RangeError(
        `${file}: bodyJitter3SigmaNs must leave the 95th percentile at or below p99Ns, got 300, which puts it at 264.5, above 200`,
      ),
    ],
    [{ ...three, portGbps: null }, new TypeError(`${file}: portGbps must be a number, got null`)],
    [{ ...three, goodputShare: 1.1 }, new RangeError(`${file}: goodputShare must be from 0 to 1, got 1.1`)],
    [{ ...three, title: null }, new TypeError(`${file}: title must be text, got null`)],
    [{ ...three, evidence: {} }, new TypeError(`${file}: evidence must be an array, got object`)],
    [
      { ...three, stall: { probabilityPerFrames: 0, lowNs: 1, highNs: 1 } },
      new TypeError(`${file}: stall has no field probabilityPerFrames; did you mean probabilityPerFrame?`),
    ],
    [
      { ...three, stall: { probabilityPerFrame: 0.1, highNs: 1 } },
      new TypeError(`${file}: stall.lowNs must be a number, got undefined`),
    ],
    [
      { ...three, retrain: { ratePerLinkHour: 1, lowNs: 5, highNs: 4 } },
      new RangeError(`${file}: retrain.highNs must be at least 5, got 4`),
    ],
    [[1], new TypeError(`${file}: profile must be an object, got an array`)],
  ])("%j", (fields, error) => {
    expect(() => read(fields)).toThrow(error);
  });

  test("what is no object", () => {
    for (const text of ["null", "5", '"dsp"'])
      expect(() => readProfile(text, { file })).toThrow(/^lab.json: profile must/);
  });

  test("even where it is called like a field", () => {
    expect(() => readProfile('{"p99":1}', { file: "profile" })).toThrow(/^profile: profile has no field p99/);
  });
});

describe("a syntax error names file and line", () => {
  test.each([
    [3, '{\n"medianNs": 1,\n"p99Ns": x,\n"a": 1\n}\n'], // the parser itself says only which token
    [3, '{\n"medianNs": 1,\n"p99Ns": ,\n"a": 1\n}\n'],
    [4, '{\n"medianNs": 1,\n"p99Ns": 2\n"a": 1\n}\n'],
    [2, "{\n'medianNs': 1\n}"],
    [4, '{\n"medianNs": 1,\n"p99Ns": 2,\n}\n'],
    [2, '{"medianNs":\n1'],
    [3, "{\n}\n}"],
    [2, '{\n"medianNs": 1 "p99Ns": 2 }\n'],
  ])("line %d of %j", (line, text) => {
    expect(() => readProfile(text, { file })).toThrow(RangeError);
    expect(() => readProfile(text, { file })).toThrow(new RegExp(`^lab\\.json:${line}: expected JSON, got [^\\n]+$`));
  });
});

describe("any text that is understood becomes optics", () => {
  const column = Array.from({ length: 200 }, (_, i) => 1000 + ((i * 37) % 200)).join("\n");
  const perftest = [
    "#, usec",
    ...Array.from({ length: 200 }, (_, i) => `${i + 1}, ${1 + ((i * 37) % 200) / 100}`),
  ].join("\n");

  test("a profile, a column, perftest's rows", async () => {
    expect((await readOptics(JSON.stringify(three), { file })).profile.title).toBe("stated in a file");
    const measured = await readOptics(column, { file: "a.csv", unit: "ns" });
    expect(measured.profile.title).toContain("measured: ");
    expect(measured.profile.medianNs).toBeCloseTo(1099.5, 0); // 1000 to 1199, each once
    expect(measured.hop.samples).toBe(200);
    expect((await readOptics(perftest, { file: "b.txt", verb: "write" })).profile.title).toContain("perftest");
  });

  test("options that do not apply are refused", async () => {
    await expect(readOptics(JSON.stringify(three), { file, unit: "us" })).rejects.toThrow(
      new TypeError(`${file}: unit does not apply to a profile, whose fields name their units`),
    );
    await expect(readOptics(perftest, { file: "b.txt", unit: "us" })).rejects.toThrow(/must leave out unit/);
  });

  test("what is none of them is refused", async () => {
    await expect(readOptics("lorem ipsum", { file: "c.txt" })).rejects.toThrow(
      /^c\.txt: expected .*, got none of them$/,
    );
  });
});

test("a measured profile of a wide, flat body reads back as it was written", () => {
  const flat = measurementOf(
    "flat",
    Float64Array.from({ length: 1000 }, (_, i) => 100 + i),
  );
  const { profile } = measuredOptics(flat);
  expect(readProfile(JSON.stringify(profile), { file: "flat.json" }).profile).toEqual(profile);
});
