import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DOORBELL_WORDS } from "../../assembly/layout.ts";
import { DoorbellCodec } from "../../src/doorbell.ts";
import * as reference from "../reference/doorbell.ts";
import { doorbell, FENCE, LOAD } from "./drawn.ts";

// 180,000 = 1.373291015625 x 2^17: exponent 1023 + 17 = 0x410, mantissa 0.373291015625 x 2^52 = 0x5f90000000000.
const LOAD_BYTES =
  "01 03 0504 09080706 0d0c0b0a 11100f0e 1918171615141312 21201f1e1d1c1b00 25242322 29282726 000000000 0f90541".replaceAll(
    " ",
    "",
  ) + "00".repeat(16);

const hexOf = (words: Uint32Array) =>
  Array.from(new Uint8Array(words.buffer, words.byteOffset, words.byteLength), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");

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
