import { checkKeys, didYouMean } from "../check.ts";

// https://huggingface.co/docs/safetensors: 8 bytes of the header's length, little-endian; the header, JSON; the tensors, end to end.

/** Numbers in rows, the last dimension's next to one another. */
export interface Tensor {
  shape: readonly number[];
  values: Float32Array;
}

/** Tensors by name. */
export type Tensors = Map<string, Tensor>;

const BYTES = { F32: 4, F16: 2, BF16: 2 } as const;
type Dtype = keyof typeof BYTES;
const DTYPES = Object.keys(BYTES) as Dtype[];
const FIELDS = ["dtype", "shape", "data_offsets"];

/** What the format's own reader takes at the most. */
const MOST_HEADER_BYTES = 100_000_000;

interface Entry {
  name: string;
  dtype: Dtype;
  shape: number[];
  start: number;
  end: number;
}

/** Reads every tensor of a safetensors file, F16 and BF16 widened. `file` is what errors call it. */
export function readSafetensors(bytes: Uint8Array, options: { file?: string } = {}): Tensors {
  checkKeys("options", options, ["file"]);
  const { file = "safetensors" } = options;
  const fail = (message: string): never => {
    throw new RangeError(`${file}: ${message}`);
  };
  if (bytes.length < 8) fail(`must hold the 8 bytes of its header's length, got ${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = Number(view.getBigUint64(0, true));
  if (headerBytes > MOST_HEADER_BYTES) fail(`header must be at most ${MOST_HEADER_BYTES} bytes, got ${headerBytes}`);
  if (8 + headerBytes > bytes.length)
    fail(`header must end within the file, at byte ${8 + headerBytes}; the file has ${bytes.length}`);
  const entries = readHeader(bytes.subarray(8, 8 + headerBytes), fail);
  const data = view.byteLength - 8 - headerBytes;
  let end = 0;
  for (const entry of [...entries].sort((a, b) => a.start - b.start || a.end - b.end)) {
    if (entry.start !== end)
      fail(
        `tensor ${entry.name} must start at byte ${end} of the data, where the one before it ends, got ${entry.start}`,
      );
    if (entry.end > data)
      fail(`tensor ${entry.name} must end within the ${data} bytes of the data that the file has, got ${entry.end}`);
    end = entry.end;
  }
  if (end !== data) fail(`must end with its last tensor, after ${end} bytes of data, got ${data}`);
  return new Map(
    entries.map(({ name, dtype, shape, start }) => {
      const values = new Float32Array(lengthOf(shape));
      const read = READERS[dtype];
      for (let i = 0; i < values.length; i++) values[i] = read(view, 8 + headerBytes + start + i * BYTES[dtype]);
      return [name, { shape, values }];
    }),
  );
}

function readHeader(header: Uint8Array, fail: (message: string) => never): Entry[] {
  let object: unknown;
  try {
    object = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(header));
  } catch (error) {
    fail(`header must be JSON: ${(error as Error).message}`);
  }
  if (!isObject(object)) return fail("header must be a JSON object");
  return Object.entries(object).flatMap(([name, entry]) => {
    if (name === "__metadata__") {
      if (!isObject(entry) || Object.values(entry).some((value) => typeof value !== "string"))
        fail("__metadata__ must map words to words");
      return [];
    }
    if (!isObject(entry)) return fail(`tensor ${name} must be an object of ${FIELDS.join(", ")}`);
    for (const field of Object.keys(entry))
      if (!FIELDS.includes(field)) fail(`tensor ${name} has no field ${field}${didYouMean(field, FIELDS)}`);
    const { dtype, shape, data_offsets: offsets } = entry;
    if (!DTYPES.includes(dtype as Dtype))
      fail(`tensor ${name} must be of dtype ${DTYPES.join(", ")}, got ${JSON.stringify(dtype)}`);
    if (!isWholeNumbers(shape))
      return fail(`tensor ${name} must have a shape of whole numbers, got ${JSON.stringify(shape)}`);
    if (!isWholeNumbers(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!)
      return fail(`tensor ${name} must have data_offsets [start, end], got ${JSON.stringify(offsets)}`);
    const [start, end] = offsets as [number, number];
    const size = lengthOf(shape) * BYTES[dtype as Dtype];
    if (end - start !== size)
      fail(`tensor ${name} must hold ${size} bytes, as ${dtype} of shape [${shape.join(", ")}], got ${end - start}`);
    return [{ name, dtype: dtype as Dtype, shape, start, end }];
  });
}

/** The bytes of a safetensors file of `tensors`, all as F32, with `metadata` about them. */
export function writeSafetensors(tensors: Tensors, metadata: Record<string, string> = {}): Uint8Array<ArrayBuffer> {
  let end = 0;
  const entries = [...tensors].map(([name, { shape, values }]) => {
    if (name === "__metadata__") throw new RangeError("a tensor must not be named __metadata__");
    if (!isWholeNumbers(shape) || lengthOf(shape) !== values.length)
      throw new RangeError(
        `tensor ${name} must hold ${lengthOf(shape)} values, of shape [${shape.join(", ")}], got ${values.length}`,
      );
    const start = end;
    end += values.length * BYTES.F32;
    return [name, { dtype: "F32", shape, data_offsets: [start, end] }] as const;
  });
  const known = Object.keys(metadata).length > 0 ? [["__metadata__", metadata] as const] : [];
  const json = JSON.stringify(Object.fromEntries([...known, ...entries]));
  const text = new TextEncoder().encode(json);
  // Spaces behind it, so that the data begins with a whole word.
  const headerBytes = Math.ceil(text.length / 8) * 8;
  const bytes = new Uint8Array(8 + headerBytes + end).fill(0x20, 8, 8 + headerBytes);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(headerBytes), true);
  bytes.set(text, 8);
  let at = 8 + headerBytes;
  for (const { values } of tensors.values()) {
    for (const value of values) {
      view.setFloat32(at, value, true);
      at += BYTES.F32;
    }
  }
  return bytes;
}

const READERS: Record<Dtype, (view: DataView, at: number) => number> = {
  F32: (view, at) => view.getFloat32(at, true),
  F16: (view, at) => halfOf(view.getUint16(at, true)),
  BF16: (view, at) => {
    WORD.setUint16(0, view.getUint16(at, true));
    return WORD.getFloat32(0);
  },
};

/** Big-endian: the two bytes of a BF16 are the upper ones of an F32. */
const WORD = new DataView(new ArrayBuffer(4));

/** The value of a half-precision number: 1 bit of sign, 5 of exponent, 10 of mantissa. */
function halfOf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const mantissa = bits & 1023;
  if (exponent === 31) return mantissa === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * mantissa * 2 ** -24 : sign * (1024 + mantissa) * 2 ** (exponent - 25);
}

function lengthOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isWholeNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}
