import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readDoorbells } from "../src/formats/doorbells.ts";
import { checkTraffic, type Traffic } from "../src/traffic.ts";

const file = "data/rings.csv";
const HEADS = "post_ns,op,fence_id,source_gpu,destination_gpu,size_bytes,deadline_ns";
const csv = (...lines: string[]) => `${lines.join("\n")}\n`;
const json = (...objects: object[]) => objects.map((object) => `${JSON.stringify(object)}\n`).join("");
const load = { postNs: 10, sourceGpu: 1, destinationGpu: 0, sizeBytes: 100, deadlineNs: 50 };

/** Traffic as arrays, which a failing test shows better. */
const columns = (traffic: Traffic) =>
  Object.fromEntries(Object.entries(traffic).map(([name, values]) => [name, Array.from(values as Float64Array)]));

/** Rows of good traffic: those that were to cancel or fence a load, and have none before them, are loads. */
const anyRows = fc
  .array(
    fc.record({
      postNs: fc.nat({ max: 20 }),
      kind: fc.constantFrom("load", "load", "cancel", "fence"),
      of: fc.nat(),
      sourceGpu: fc.nat({ max: 2 ** 32 - 1 }),
      destinationGpu: fc.nat({ max: 2 ** 32 - 1 }),
      sizeBytes: fc.integer({ min: 1, max: 2 ** 53 - 1 }),
      deadlineNs: fc.double({ min: 0, max: 1e12, noNaN: true }),
      layer: fc.nat({ max: 2 ** 16 - 1 }),
      expert: fc.nat({ max: 2 ** 32 - 1 }),
    }),
    { minLength: 1, maxLength: 30 },
  )
  .map((drawn) =>
    drawn.map(({ kind, of, ...row }, i) => {
      const earlier = drawn.flatMap((other, k) =>
        k < i && other.postNs <= row.postNs && other.kind === "load" ? [k] : [],
      );
      const about = kind === "load" ? undefined : earlier[of % earlier.length];
      return about === undefined
        ? { ...row, op: "load", fenceId: 1000 - i }
        : { ...row, op: kind, fenceId: 1000 - about, sizeBytes: 0 };
    }),
  );

test("what is written as CSV and as JSON, in any order of post, is read as the same good traffic", () => {
  fc.assert(
    fc.property(anyRows, (rows) => {
      const sorted = rows.toSorted((a, b) => a.postNs - b.postNs);
      const expected = {
        postNs: sorted.map((row) => row.postNs),
        op: sorted.map((row) => ["load", "cancel", "fence"].indexOf(row.op) + 1),
        fenceId: sorted.map((row) => row.fenceId),
        sourceGpu: sorted.map((row) => row.sourceGpu),
        destinationGpu: sorted.map((row) => row.destinationGpu),
        sizeBytes: sorted.map((row) => row.sizeBytes),
        deadlineNs: sorted.map((row) => row.deadlineNs),
      };
      const heads = `${HEADS},layer,expert`;
      const lines = rows.map((row) =>
        [row.postNs, row.op, row.fenceId, row.sourceGpu, row.destinationGpu, row.sizeBytes]
          .concat([row.deadlineNs, row.layer, row.expert])
          .join(),
      );
      const read = readDoorbells(csv(heads, ...lines));
      expect(columns(read)).toEqual(expected);
      checkTraffic(read, 2 ** 32);
      expect(readDoorbells(json(...rows))).toEqual(read);
    }),
  );
});

test("a load needs no more than post, GPUs, size and deadline, and is numbered by its line", () => {
  const text = csv(
    "post_us;size_bytes;source_gpu;destination_gpu;slack_us",
    "2.5;160e6;3;0;180",
    "",
    '1;"7"; 4 ;5;0.25',
  );
  const read = readDoorbells(`\uFEFF${text.replaceAll("\n", "\r\n")}`);
  expect(columns(read)).toEqual({
    postNs: [1000, 2500],
    op: [1, 1],
    fenceId: [1, 0],
    sourceGpu: [4, 3],
    destinationGpu: [5, 0],
    sizeBytes: [7, 160e6],
    deadlineNs: [1250, 182_500],
  });
});

test("deadlines may be told in four ways, of which each line takes one", () => {
  const { deadlineNs: _, ...rest } = load;
  const read = readDoorbells(
    json(
      { ...rest, deadlineNs: 3000 },
      { ...rest, deadlineUs: 3 },
      { ...rest, slackNs: 2990 },
      { ...rest, slackUs: 2.99 },
    ),
  );
  expect([...read.deadlineNs]).toEqual([3000, 3000, 3000, 3000]);
  const mixed = readDoorbells(
    csv("post_ns,source_gpu,destination_gpu,size_bytes,deadline_ns,slack_us", "10,1,0,5,3000,", "10,1,0,5,,2.99"),
  );
  expect([...mixed.deadlineNs]).toEqual([3000, 3000]);
});

test("what a cancel or a fence leaves out is that of its load", () => {
  const text = csv(HEADS, "7,fence,5,,,,", "2,load,5,8,9,100,77", "3,cancel,5,1,2,0,4");
  expect(columns(readDoorbells(text))).toMatchObject({
    op: [1, 2, 3],
    sourceGpu: [8, 1, 8],
    destinationGpu: [9, 2, 9],
    sizeBytes: [100, 0, 0],
    deadlineNs: [77, 4, 77],
  });
});

test("a doorbell as this library has it is read: with flags, address and sequence", () => {
  const whole = { op: "load", prefetch: true, dropLate: false, layer: 3, expert: 9, sequence: 1, fenceId: 4, ...load };
  const address = "18446744073709551615";
  expect(readDoorbells(json({ ...whole, destinationAddress: address }))).toEqual(
    readDoorbells(json({ ...load, fenceId: 4, destinationAddress: 4096 })),
  );
});

describe("refuses, and names file and line", () => {
  const rows = ["1,load,0,1,0,100,50", "2,load,1,1,0,100,50"];
  test.each<[string, string[], string]>([
    [
      "an unknown column",
      [HEADS.replace("size_bytes", "size_byte")],
      ":1: expected columns of doorbells, got size_byte; did you mean size_bytes?",
    ],
    ["a column twice", [`${HEADS},op`], ":1: expected each column once, got op twice"],
    ["no rows", [HEADS], ": expected at least 1 doorbell, got none"],
    ["a short row", [HEADS, "1,load"], ":2: expected 7 columns, got 2 columns"],
    [
      "a word for a number",
      [HEADS, "1,load,0,one,0,100,50"],
      ':2: expected source_gpu to be a whole number from 0 to 4294967295, got "one"',
    ],
    [
      "a GPU that is left out",
      [HEADS, "1,load,0,1,,100,50"],
      ":2: expected destination_gpu to be a whole number from 0 to 4294967295, got nothing",
    ],
    [
      "a size of 0",
      [HEADS, "1,load,0,1,0,0,50"],
      ":2: expected size_bytes to be a whole number from 1 to 9007199254740991, got 0",
    ],
    ["a size of a cancel", [HEADS, ...rows, "3,cancel,0,,,5,"], ":4: expected size_bytes to be 0, got 5"],
    ["a negative post", [HEADS, "-1,load,0,1,0,100,50"], ":2: expected post_ns to be a number from 0 up, got -1"],
    [
      "an infinite deadline",
      [HEADS, "1,load,0,1,0,100,1e999"],
      ":2: expected deadline_ns to be an instant within 2^53 ns, counted from the first post, got Infinity",
    ],
    [
      "a post as Unix time",
      [HEADS, "1700000000000000000,load,0,1,0,100,50"],
      ":2: expected post_ns to be an instant within 2^53 ns, counted from the first post, got 1700000000000000000",
    ],
    [
      "no deadline",
      [HEADS, "1,load,0,1,0,100,"],
      ":2: expected one of deadline_ns, deadline_us, slack_ns, slack_us, got none",
    ],
    [
      "two deadlines",
      [`${HEADS},slack_ns`, "1,load,0,1,0,100,50,49"],
      ":2: expected one of deadline_ns, deadline_us, slack_ns, slack_us, got deadline_ns and slack_ns",
    ],
    [
      "two posts",
      [`${HEADS},post_us`, "1,load,0,1,0,100,50,49"],
      ":2: expected one of post_ns, post_us, got post_ns and post_us",
    ],
    ["an unknown op", [HEADS, "1,store,0,1,0,100,50"], ':2: expected op to be load, cancel, fence, got "store"'],
    [
      "a layer that 16 bits do not hold",
      [`${HEADS},layer`, "1,load,0,1,0,100,50,65536"],
      ":2: expected layer to be a whole number from 0 to 65535, got 65536",
    ],
    [
      "two loads of one fence id",
      [HEADS, ...rows, "", "9,load,0,1,0,100,50"],
      ":5: expected a fence_id of its own, got 0, that of line 2",
    ],
    [
      "a cancel of an unknown load",
      [HEADS, ...rows, "9,cancel,7,,,,"],
      ":4: expected the fence_id of a load posted before, got 7",
    ],
    [
      "a fence before its load",
      [HEADS, ...rows, "1,fence,1,,,,"],
      ":4: expected the fence_id of a load posted before, got 1",
    ],
    [
      "a fence id in some lines only",
      [HEADS, rows[0]!, "2,load,,1,0,100,50"],
      ":3: expected fence_id to be a whole number from 0 to 4294967295, got nothing",
    ],
  ])("%s", (_, lines, message) => {
    const text = csv(...lines);
    expect(() => readDoorbells(text, { file })).toThrow(new RangeError(`${file}${message}`));
  });

  test.each<[string, unknown, string]>([
    ["an unknown key", { ...load, size: 5 }, "2: expected keys of a doorbell, got size; there are postNs"],
    ["a key of CSV", { ...load, layerr: 5 }, "2: expected keys of a doorbell, got layerr; did you mean layer?"],
    ["a number in quotes", { ...load, postNs: "10" }, '2: expected postNs to be a number from 0 up, got "10"'],
    [
      "null",
      { ...load, sizeBytes: null },
      "2: expected sizeBytes to be a whole number from 1 to 9007199254740991, got null",
    ],
    ["a flag that is none", { ...load, prefetch: 1 }, "2: expected prefetch to be true or false, got 1"],
    [
      "dropLate",
      { ...load, dropLate: true },
      "2: expected dropLate to be false, as an executor is told once for all loads, got true",
    ],
    [
      "an address of 65 bits",
      { ...load, destinationAddress: "18446744073709551616" },
      "2: expected destinationAddress to be a whole number from 0 to 2^64 - 1, got",
    ],
    [
      "an address in brackets",
      { ...load, destinationAddress: [5] },
      "2: expected destinationAddress to be a whole number from 0 to 2^64 - 1, got an array",
    ],
    [
      "a cancel without a fence id",
      { op: "cancel", postNs: 10 },
      "2: expected fenceId to be a whole number from 0 to 4294967295, got nothing",
    ],
    ["a list", [load], "2: expected a JSON object, got an array"],
  ])("%s", (_, wrong, message) => {
    expect(() => readDoorbells(`${json(load)}${JSON.stringify(wrong)}\n`, { file: "rings.jsonl" })).toThrow(
      `rings.jsonl:${message}`,
    );
  });

  test("a line that is no JSON, an empty file, an unknown option", () => {
    expect(() => readDoorbells(`${json(load)}\n{"postNs":`, { file })).toThrow(
      `${file}:3: expected a JSON object, got `,
    );
    expect(() => readDoorbells(" \n", { file })).toThrow(
      new RangeError(`${file}: expected at least 1 doorbell, got none`),
    );
    expect(() => readDoorbells("")).toThrow(new RangeError("doorbells: expected at least 1 doorbell, got none"));
    expect(() => readDoorbells("", { name: file } as never)).toThrow(/options has no field name/);
  });
});
