import { expect, test } from "vitest";
import { readSafetensors, type Tensors, writeSafetensors } from "../src/formats/safetensors.ts";

const tensors: Tensors = new Map([
  ["a", { shape: [2, 3], values: Float32Array.of(1, -2, 3.5, 0, 1e-40, 1e30) }],
  ["empty", { shape: [0, 4], values: new Float32Array(0) }],
  ["scalar", { shape: [], values: Float32Array.of(7) }],
]);

/** A file of `header` and `data`, written by hand. */
function fileOf(header: unknown, data: Uint8Array | number = 0): Uint8Array {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = typeof data === "number" ? new Uint8Array(data) : data;
  const file = new Uint8Array(8 + text.length + bytes.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  file.set(bytes, 8 + text.length);
  return file;
}

test("what is written is read back, whole words first", () => {
  const bytes = writeSafetensors(tensors, { format: "pt" });
  expect(readSafetensors(bytes)).toEqual(tensors);
  expect(Number(new DataView(bytes.buffer).getBigUint64(0, true)) % 8).toBe(0);
  // Where it lies in a larger buffer does not matter.
  const within = new Uint8Array(bytes.length + 3);
  within.set(bytes, 3);
  expect(readSafetensors(within.subarray(3))).toEqual(tensors);
});

test("half-precision numbers are widened to what their bits say", () => {
  const halves = [
    [0x3c00, 1],
    [0xc000, -2],
    [0x7bff, 65504],
    [0x0001, 2 ** -24],
    [0x03ff, 1023 * 2 ** -24],
    [0x0400, 2 ** -14],
    [0x3555, 0.333251953125],
    [0x7c00, Number.POSITIVE_INFINITY],
    [0x8000, -0],
  ] as const;
  const brains = [
    [0x3f80, 1],
    [0xc000, -2],
    [0x4049, 3.140625],
    [0x0001, 2 ** -133],
    [0x7f7f, 2 ** 128 - 2 ** 120],
  ] as const;
  const words = [...halves, ...brains].map(([bits]) => bits);
  const data = new Uint8Array(words.flatMap((bits) => [bits & 255, bits >> 8]));
  const end = halves.length * 2;
  const read = readSafetensors(
    fileOf(
      {
        h: { dtype: "F16", shape: [halves.length], data_offsets: [0, end] },
        b: { dtype: "BF16", shape: [brains.length], data_offsets: [end, data.length] },
      },
      data,
    ),
  );
  expect([...read.get("h")!.values]).toEqual(halves.map(([, value]) => value));
  expect([...read.get("b")!.values]).toEqual(brains.map(([, value]) => value));
});

const t = { dtype: "F32", shape: [2], data_offsets: [0, 8] };

test.each([
  [new Uint8Array(5), "must hold the 8 bytes of its header's length, got 5"],
  [
    fileOf("{}").map((byte, i) => (i === 1 ? 1 : byte)),
    "header must end within the file, at byte 266; the file has 10",
  ],
  [fileOf("{}").map((byte, i) => (i === 5 ? 1 : byte)), "header must be at most 100000000 bytes, got 1099511627778"],
  [fileOf("[]"), "header must be a JSON object"],
  [fileOf('{"a":'), "header must be JSON: Unexpected end of JSON input"],
  [fileOf({ a: { ...t, dtype: "I64" } }, 8), 'tensor a must be of dtype F32, F16, BF16, got "I64"'],
  [fileOf({ a: { ...t, shape: [2.5] } }, 8), "tensor a must have a shape of whole numbers, got [2.5]"],
  [fileOf({ a: { ...t, shape: [3] } }, 8), "tensor a must hold 12 bytes, as F32 of shape [3], got 8"],
  [fileOf({ a: { ...t, data_offsets: [8, 0] } }, 8), "tensor a must have data_offsets [start, end], got [8,0]"],
  [fileOf({ a: { ...t, dtyp: 1 } }, 8), "tensor a has no field dtyp; did you mean dtype?"],
  [fileOf({ a: 5 }), "tensor a must be an object of dtype, shape, data_offsets"],
  [fileOf({ a: t }, 7), "tensor a must end within the 7 bytes of the data that the file has, got 8"],
  [fileOf({ a: t }, 9), "must end with its last tensor, after 8 bytes of data, got 9"],
  [
    fileOf({ a: t, b: { ...t, data_offsets: [4, 12] } }, 12),
    "tensor b must start at byte 8 of the data, where the one before it ends, got 4",
  ],
  [
    fileOf({ a: t, b: { ...t, data_offsets: [12, 20] } }, 20),
    "tensor b must start at byte 8 of the data, where the one before it ends, got 12",
  ],
  [fileOf({ __metadata__: { a: 1 } }), "__metadata__ must map words to words"],
])("refuses what is wrong: case %#", (bytes, message) => {
  expect(() => readSafetensors(bytes, { file: "net.safetensors" })).toThrow(
    // Hosts word their own JSON errors differently.
    message.startsWith("header must be JSON")
      ? /^net.safetensors: header must be JSON: ./
      : `net.safetensors: ${message}`,
  );
});

test("refuses an option that it does not have", () => {
  expect(() => readSafetensors(new Uint8Array(8), { fil: "x" } as never)).toThrow("options has no field fil");
});

test("refuses to write a tensor whose shape is not its values'", () => {
  expect(() => writeSafetensors(new Map([["a", { shape: [2], values: new Float32Array(3) }]]))).toThrow(
    "tensor a must hold 2 values, of shape [2], got 3",
  );
});
