import { describe, expect, test } from "vitest";
import { type Doorbell, DoorbellCodec } from "../../src/doorbell.ts";
import * as reference from "../reference/doorbell.ts";
import { FENCE, LOAD } from "./drawn.ts";

const codec = new DoorbellCodec({ batch: 8 });

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
