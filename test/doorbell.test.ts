import fc from "fast-check";
import { describe, expect, inject, test } from "vitest";
import {
  DOORBELL_BAD_DEADLINE,
  DOORBELL_BAD_FLAGS,
  DOORBELL_BAD_OP,
  DOORBELL_BAD_RESERVED,
  DOORBELL_BAD_SIZE,
  DOORBELL_F64_COLUMNS,
  DOORBELL_GOOD,
  DOORBELL_U32_COLUMNS,
  DOORBELL_WORDS,
} from "../assembly/layout.ts";
import { type Doorbell, DoorbellCodec } from "../src/doorbell.ts";
import { workspace } from "../src/wasm.ts";
import * as reference from "./reference/doorbell.ts";

/** A load with a different byte wherever there is room for one. */
const LOAD: Doorbell = {
  op: "load",
  prefetch: true,
  dropLate: true,
  layer: 0x0405,
  expert: 0x06070809,
  sourceGpu: 0x0a0b0c0d,
  destinationGpu: 0x0e0f1011,
  destinationAddress: 0x1213141516171819n,
  sizeBytes: 0x1b1c1d1e1f2021,
  fenceId: 0x22232425,
  sequence: 0x26272829,
  deadlineNs: 180_000,
};
// 180,000 = 1.373291015625 x 2^17: exponent 1023 + 17 = 0x410, mantissa 0.373291015625 x 2^52 = 0x5f90000000000.
const LOAD_BYTES =
  "01 03 0504 09080706 0d0c0b0a 11100f0e 1918171615141312 21201f1e1d1c1b00 25242322 29282726 000000000 0f90541".replaceAll(
    " ",
    "",
  ) + "00".repeat(16);

const FENCE: Doorbell = { ...LOAD, op: "fence", prefetch: false, dropLate: false, sizeBytes: 0 };

const hexOf = (words: Uint32Array) =>
  Array.from(new Uint8Array(words.buffer, words.byteOffset, words.byteLength), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");

const uint32 = fc.oneof(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.constantFrom(0, 2 ** 31, 2 ** 32 - 1));
const sizeOfLoad = fc.oneof(
  fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  fc.constantFrom(1, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2 ** 53),
);
const deadlineNs = fc.oneof(
  fc.double({ min: 0, max: Number.MAX_VALUE, noNaN: true }),
  fc.constantFrom(0, -0, Number.MIN_VALUE, Number.MAX_VALUE),
);
const doorbell: fc.Arbitrary<Doorbell> = fc
  .record({
    op: fc.constantFrom("load" as const, "load" as const, "cancel" as const, "fence" as const),
    prefetch: fc.boolean(),
    dropLate: fc.boolean(),
    layer: fc.oneof(fc.integer({ min: 0, max: 65535 }), fc.constantFrom(0, 65535)),
    expert: uint32,
    sourceGpu: uint32,
    destinationGpu: uint32,
    destinationAddress: fc.oneof(
      fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      fc.constantFrom(0n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n),
    ),
    sizeBytes: sizeOfLoad,
    fenceId: uint32,
    sequence: uint32,
    deadlineNs,
  })
  .map((made) => ({ ...made, sizeBytes: made.op === "load" ? made.sizeBytes : 0 }));

const codec = new DoorbellCodec({ batch: 8 });

describe("descriptors", () => {
  test("bytes lie where the drawing has them, little-endian", () => {
    expect(LOAD_BYTES).toHaveLength(128);
    expect(hexOf(codec.encode([LOAD]))).toBe(LOAD_BYTES);
    expect(codec.decode(codec.encode([LOAD]))).toEqual([LOAD]);
    expect(hexOf(codec.encode([{ ...LOAD, op: "cancel", prefetch: false, sizeBytes: 0 }]))).toBe(
      `0202${LOAD_BYTES.slice(4, 48)}${"00".repeat(8)}${LOAD_BYTES.slice(64)}`,
    );
  });

  test("any doorbells are encoded and decoded as the reference does, in batches of any size", () => {
    const codecs = [1, 2, 3, 4, 5, 7, 8, 64].map((batch) => new DoorbellCodec({ batch }));
    fc.assert(
      fc.property(fc.array(doorbell, { maxLength: 40 }), fc.constantFrom(...codecs), (doorbells, codec) => {
        const words = codec.encode(doorbells);
        expect(words).toEqual(reference.encode(doorbells));
        const decoded = codec.decode(words);
        expect(decoded).toEqual(doorbells);
        expect(decoded).toEqual(reference.decode(words));
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  test("words are read from wherever their view starts", () => {
    const padded = new Uint32Array(3 + DOORBELL_WORDS);
    padded.set(codec.encode([LOAD]), 3);
    expect(codec.decode(padded.subarray(3))).toEqual([LOAD]);
  });

  test("none is nothing", () => {
    expect(codec.encode([])).toEqual(new Uint32Array());
    expect(codec.decode(new Uint32Array())).toEqual([]);
  });
});

/** Bytes that are good but for a few, so that every rule is met and broken often. */
const nearlyGood = fc
  .tuple(
    fc.array(doorbell, { minLength: 1, maxLength: 12 }),
    fc.array(
      fc.tuple(
        fc.nat(),
        fc.oneof(fc.constantFrom(0, 1, 24, 30, 31, 46, 47, 48, 63), fc.nat({ max: 63 })),
        fc.oneof(fc.constantFrom(0, 1, 2, 3, 4, 0x20, 0x7f, 0x80, 0xf0, 0xff), fc.nat({ max: 255 })),
      ),
      { maxLength: 2 },
    ),
  )
  .map(([doorbells, spoils]) => {
    const words = reference.encode(doorbells);
    const bytes = new Uint8Array(words.buffer);
    for (const [i, at, value] of spoils) bytes[(i % doorbells.length) * 64 + at] = value;
    return words;
  });

const STATUS_OF_FIELD: Record<string, number> = {
  op: DOORBELL_BAD_OP,
  flags: DOORBELL_BAD_FLAGS,
  sizeBytes: DOORBELL_BAD_SIZE,
  deadlineNs: DOORBELL_BAD_DEADLINE,
  byte: DOORBELL_BAD_RESERVED,
};

const kernelSpace = (batch: number) =>
  workspace({
    words: ["U32", DOORBELL_WORDS * batch],
    status: ["U32", 1],
    u32Columns: ["U32", DOORBELL_U32_COLUMNS * batch],
    f64Columns: ["F64", DOORBELL_F64_COLUMNS * batch],
  });

describe("kernels", () => {
  test("decoding stops at the first descriptor that breaks a rule, and says which", () => {
    const { kernels, views, at } = kernelSpace(12);
    const met = new Set<string>();
    fc.assert(
      fc.property(nearlyGood, (words) => {
        const count = words.length / DOORBELL_WORDS;
        const fields = Array.from({ length: count }, (_, i) => reference.badField(words, i));
        const first = fields.findIndex((field) => field !== undefined);
        views.words.set(words);
        views.status.fill(99);
        views.u32Columns.fill(0xffffffff);
        const good = kernels.decodeDoorbells(at.u32Columns, at.f64Columns, at.status, at.words, count);
        expect(good).toBe(first === -1 ? count : first);
        expect(views.status[0]).toBe(first === -1 ? DOORBELL_GOOD : STATUS_OF_FIELD[fields[first]!]);
        // Those before it are in the columns, and nothing else is.
        expect(views.u32Columns.subarray(0, 12).indexOf(0xffffffff)).toBe(good === 12 ? -1 : good);
        met.add(fields[first] ?? "good");
      }),
      { seed: 2, numRuns: 2000 },
    );
    expect([...met].sort()).toEqual(["byte", "deadlineNs", "flags", "good", "op", "sizeBytes"]);
  });

  test("whatever the columns hold, what is encoded is decoded again, and nothing bad is encoded", () => {
    const { kernels, views, at } = kernelSpace(6);
    const [back, column] = [
      kernelSpace(6),
      (length: number) => fc.array(uint32, { minLength: length, maxLength: length }),
    ];
    const small = fc.array(fc.nat({ max: 4 }), { minLength: 12, maxLength: 12 });
    const amount = fc.oneof(
      fc.double(),
      fc.nat(),
      sizeOfLoad,
      fc.constantFrom(0, -0, 0.5, 2 ** 53 + 2, 2 ** 64, Number.NaN),
    );
    const amounts = fc.array(amount, { minLength: 12, maxLength: 12 });
    const met = new Set<number>();
    fc.assert(
      fc.property(small, column(48), amounts, fc.boolean(), (kinds, rest, amounts, isFence) => {
        views.u32Columns.set([...kinds, ...rest]);
        views.u32Columns.subarray(12, 18).forEach((layer, i) => {
          views.u32Columns[12 + i] = layer >>> (i % 5 === 4 ? 15 : 16);
        });
        views.f64Columns.set(amounts);
        if (isFence) {
          views.u32Columns.fill(3, 0, 6);
          views.f64Columns.fill(0, 0, 6);
        }
        views.words.fill(0xffffffff);
        const encoded = kernels.encodeDoorbells(at.words, at.status, at.u32Columns, at.f64Columns, 6);
        expect(views.words.subarray(encoded * DOORBELL_WORDS).every((word) => word === 0xffffffff)).toBe(true);
        back.views.words.set(views.words);
        const { u32Columns, f64Columns, status, words } = back.at;
        expect(back.kernels.decodeDoorbells(u32Columns, f64Columns, status, words, encoded)).toBe(encoded);
        for (let i = 0; i < encoded; i++) {
          for (let column = 0; column < DOORBELL_U32_COLUMNS; column++)
            expect(back.views.u32Columns[column * 6 + i]).toBe(views.u32Columns[column * 6 + i]);
          for (let column = 0; column < DOORBELL_F64_COLUMNS; column++)
            expect(back.views.f64Columns[column * 6 + i]! === views.f64Columns[column * 6 + i]!).toBe(true);
        }
        met.add(views.status[0]!);
        if (encoded === 6) return;
        // The one refused: by one rule or another it is bad.
        const [op, flags, layer] = [0, 6, 12].map((column) => views.u32Columns[column + encoded]!) as [
          number,
          number,
          number,
        ];
        const [sizeBytes, deadlineNs] = [views.f64Columns[encoded]!, views.f64Columns[6 + encoded]!];
        const isSize =
          op === 1 ? Number.isInteger(sizeBytes) && sizeBytes >= 1 && sizeBytes <= 2 ** 53 : sizeBytes === 0;
        const isDeadline = Number.isFinite(deadlineNs) && deadlineNs >= 0;
        const rules = [op >= 1 && op <= 3, flags <= 3, layer <= 65535, isSize, isDeadline];
        expect(views.status[0]).toBe(1 + rules.indexOf(false));
      }),
      { seed: 3, numRuns: 1000 },
    );
    expect([...met].sort()).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test("a count beyond the columns means all of them, one below 0 means none", () => {
    const { kernels, views, at } = kernelSpace(5);
    views.words.set(reference.encode(Array.from({ length: 5 }, () => LOAD)));
    const decode = (count: number) => kernels.decodeDoorbells(at.u32Columns, at.f64Columns, at.status, at.words, count);
    const encode = (count: number) => kernels.encodeDoorbells(at.words, at.status, at.u32Columns, at.f64Columns, count);
    expect([decode(6), decode(2 ** 31 - 1), decode(0), decode(-1), decode(-(2 ** 31))]).toEqual([5, 5, 0, 0, 0]);
    expect([encode(6), encode(2 ** 31 - 1), encode(0), encode(-1), encode(-(2 ** 31))]).toEqual([5, 5, 0, 0, 0]);
  });

  test("arrays of other lengths are the caller's mistake", () => {
    if (inject("build") !== "debug") return; // the others do not look
    const { kernels, at } = workspace({
      words: ["U32", DOORBELL_WORDS * 4],
      status: ["U32", 1],
      u32Columns: ["U32", DOORBELL_U32_COLUMNS * 4],
      f64Columns: ["F64", DOORBELL_F64_COLUMNS * 4],
      fewerWords: ["U32", DOORBELL_WORDS * 3],
      fewerF64Columns: ["F64", DOORBELL_F64_COLUMNS * 3],
    });
    const { words, status, u32Columns, f64Columns, fewerWords, fewerF64Columns } = at;
    const ragged = "columns of u32 and of f64 are equally long";
    expect(() => kernels.encodeDoorbells(words, status, u32Columns, fewerF64Columns, 3)).toThrow(ragged);
    expect(() => kernels.decodeDoorbells(u32Columns, fewerF64Columns, status, words, 3)).toThrow(ragged);
    const short = "there is a descriptor a place in the columns";
    expect(() => kernels.encodeDoorbells(fewerWords, status, u32Columns, f64Columns, 3)).toThrow(short);
    expect(() => kernels.decodeDoorbells(u32Columns, f64Columns, status, fewerWords, 3)).toThrow(short);
  });
});

describe("columns", () => {
  test("are what the kernels read and write", () => {
    const codec = new DoorbellCodec({ batch: 5 });
    expect(codec.batch).toBe(5);
    codec.words.set(reference.encode([FENCE, LOAD]));
    codec.decodeWords(2);
    const place = Object.fromEntries(Object.entries(codec.columns).map(([name, column]) => [name, column[1]]));
    const { prefetch, dropLate, destinationAddress, ...rest } = LOAD;
    expect(place).toEqual({
      ...rest,
      op: 1,
      flags: 3,
      destinationAddressLow: 0x16171819,
      destinationAddressHigh: 0x12131415,
    });
    for (const column of Object.values(codec.columns)) {
      expect(column).toHaveLength(5);
      column[0] = column[1]!;
    }
    codec.words.fill(7);
    codec.encodeColumns(1);
    expect(codec.words.subarray(0, 16)).toEqual(reference.encode([LOAD]));
    expect(codec.words.subarray(16).every((word) => word === 7)).toBe(true);
  });

  test.each([
    ["op", 0, "op must be 1 (load), 2 (cancel) or 3 (fence), got 0"],
    ["op", 257, "op must be 1 (load), 2 (cancel) or 3 (fence), got 257"],
    [
      "flags",
      256,
      "flags must have no bit set but 0 (prefetch) and 1 (dropLate), the others are reserved, got 0b100000000",
    ],
    ["layer", 65536, "layer must be from 0 to 65535, got 65536"],
    ["sizeBytes", 1.5, "sizeBytes of a load must be a whole number from 1 to 2^53, got 1.5"],
    ["sizeBytes", 2 ** 64, "sizeBytes of a load must be a whole number from 1 to 2^53, got 18446744073709552000"],
    ["sizeBytes", Number.NaN, "sizeBytes of a load must be a whole number from 1 to 2^53, got NaN"],
    ["deadlineNs", -1, "deadlineNs must be finite and at least 0, got -1"],
  ] as const)("refuse %s of %d", (column, value, message) => {
    const codec = new DoorbellCodec({ batch: 8 });
    codec.words.set(reference.encode(Array.from({ length: 8 }, () => LOAD)));
    codec.decodeWords(8);
    codec.words.fill(0);
    codec.columns[column][6] = value;
    expect(() => codec.encodeColumns(8)).toThrow(new RangeError(`doorbell 6: ${message}`));
    expect(codec.words.subarray(80, 96)).toEqual(reference.encode([LOAD]));
    expect(codec.words.subarray(96).every((word) => word === 0)).toBe(true);
  });
});

describe("errors", () => {
  const setUint8 = (at: number, value: number) => (view: DataView) => view.setUint8(at, value);
  const setSize = (size: bigint) => (view: DataView) => view.setBigUint64(24, size, true);
  const setDeadline = (ns: number) => (view: DataView) => view.setFloat64(40, ns, true);
  const ofLoads = "sizeBytes of a load must be a whole number from 1 to 2^53, got";

  test.each([
    [LOAD, setUint8(0, 0), "op must be 1 (load), 2 (cancel) or 3 (fence), got 0"],
    [LOAD, setUint8(0, 9), "op must be 1 (load), 2 (cancel) or 3 (fence), got 9"],
    [
      LOAD,
      setUint8(1, 0x85),
      "flags must have no bit set but 0 (prefetch) and 1 (dropLate), the others are reserved, got 0b10000101",
    ],
    [LOAD, setSize(0n), `${ofLoads} 0`],
    [LOAD, setSize(2n ** 53n + 1n), `${ofLoads} 9007199254740993`],
    [LOAD, setSize(2n ** 64n - 1n), `${ofLoads} 18446744073709551615`],
    [{ ...FENCE, op: "cancel" }, setSize(5n), "sizeBytes of a cancel must be 0, got 5"],
    [FENCE, setSize(2n ** 32n), "sizeBytes of a fence must be 0, got 4294967296"],
    [LOAD, setDeadline(Number.NaN), "deadlineNs must be finite and at least 0, got NaN"],
    [LOAD, setDeadline(-Number.MIN_VALUE), "deadlineNs must be finite and at least 0, got -5e-324"],
    [LOAD, setDeadline(Number.POSITIVE_INFINITY), "deadlineNs must be finite and at least 0, got Infinity"],
    [LOAD, setUint8(48, 1), "byte 48 is reserved and must be 0, got 1"],
    [LOAD, setUint8(63, 255), "byte 63 is reserved and must be 0, got 255"],
  ] as [Doorbell, (view: DataView) => void, string][])("decoding refuses, case %#", (doorbell, spoil, message) => {
    // Numbered across batches, in the first group of four, in the second and in the rest.
    for (const bad of [3, 6, 9, 10]) {
      const words = reference.encode(Array.from({ length: 11 }, (_, i) => (i === bad ? doorbell : LOAD)));
      spoil(new DataView(words.buffer, 64 * bad, 64));
      expect(() => codec.decode(words)).toThrow(new RangeError(`doorbell ${bad}: ${message}`));
    }
  });

  test("the first bad doorbell is named, and the first rule that it breaks", () => {
    const words = reference.encode([LOAD, LOAD, LOAD]);
    const bytes = new Uint8Array(words.buffer);
    bytes[64 + 60] = 1;
    setDeadline(-1)(new DataView(words.buffer, 64, 64));
    bytes[128] = 9;
    expect(() => codec.decode(words)).toThrow(
      new RangeError("doorbell 1: deadlineNs must be finite and at least 0, got -1"),
    );
  });

  test.each([
    [{ op: "evict" }, RangeError, 'op must be one of load, cancel, fence, got "evict"'],
    [{ op: "toString" }, RangeError, 'op must be one of load, cancel, fence, got "toString"'],
    [{ op: 1 }, RangeError, "op must be one of load, cancel, fence, got number"],
    [{ prefetch: 1 }, TypeError, "prefetch must be a boolean, got number"],
    [{ dropLate: undefined }, TypeError, "dropLate must be a boolean, got undefined"],
    [{ layer: 65536 }, RangeError, "layer must be from 0 to 65535, got 65536"],
    [{ expert: -1 }, RangeError, "expert must be from 0 to 4294967295, got -1"],
    [{ sourceGpu: 0.5 }, RangeError, "sourceGpu must be a whole number, got 0.5"],
    [{ destinationGpu: 2 ** 32 }, RangeError, "destinationGpu must be from 0 to 4294967295, got 4294967296"],
    [{ destinationAddress: 5 }, TypeError, "destinationAddress must be a bigint, got number"],
    [{ destinationAddress: -1n }, RangeError, "destinationAddress must be from 0 to 2^64 - 1, got -1"],
    [{ destinationAddress: 2n ** 64n }, RangeError, `destinationAddress must be from 0 to 2^64 - 1, got ${2n ** 64n}`],
    [{ sizeBytes: "5" }, TypeError, 'sizeBytes must be a number, got "5"'],
    [{ sizeBytes: 0 }, RangeError, `${ofLoads} 0`],
    [{ sizeBytes: 0.5 }, RangeError, `${ofLoads} 0.5`],
    [{ sizeBytes: 2 ** 53 + 2 }, RangeError, `${ofLoads} 9007199254740994`],
    [{ op: "cancel" }, RangeError, `sizeBytes of a cancel must be 0, got ${LOAD.sizeBytes}`],
    [{ fenceId: Number.NaN }, RangeError, "fenceId must be finite, got NaN"],
    [{ sequence: "1" }, TypeError, 'sequence must be a number, got "1"'],
    [{ deadlineNs: Number.NaN }, RangeError, "deadlineNs must be finite, got NaN"],
    [{ deadlineNs: -5 }, RangeError, "deadlineNs must be finite and at least 0, got -5"],
  ] as const)("encoding refuses %o", (wrong, Kind, message) => {
    const doorbells = Array.from({ length: 12 }, () => LOAD);
    for (const bad of [3, 11]) {
      const spoiled = doorbells.with(bad, { ...LOAD, ...wrong } as Doorbell);
      expect(() => codec.encode(spoiled)).toThrow(new Kind(`doorbell ${bad}: ${message}`));
    }
  });

  test("names the bad argument", () => {
    for (const [batch, message] of [
      [0, "batch must be from 1 to 1048576, got 0"],
      [2.5, "batch must be a whole number, got 2.5"],
      [2 ** 20 + 1, "batch must be from 1 to 1048576, got 1048577"],
    ] as const)
      expect(() => new DoorbellCodec({ batch })).toThrow(new RangeError(message));
    expect(() => codec.encodeColumns(9)).toThrow(new RangeError("count must be from 0 to 8, got 9"));
    expect(() => codec.decodeWords(-1)).toThrow(new RangeError("count must be from 0 to 8, got -1"));
    expect(() => codec.decode(new Uint32Array(17))).toThrow(
      new RangeError("words must hold a multiple of 16 values, got 17"),
    );
    expect(() => codec.decode([1] as never)).toThrow(new TypeError("words must be a Uint32Array, got an array"));
  });
});
