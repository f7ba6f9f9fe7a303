import { fileError } from "../measurement.ts";
import { unzip, viewOf, zipEntries } from "./unpack.ts";

/** An array of numbers as NumPy saves it, rows one behind the other. */
export interface NumpyArray {
  shape: number[];
  /** Type of its values as NumPy spells it, e.g. `<f4`. */
  dtype: string;
  values: Float64Array;
}

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

/** How a value lies in memory. */
const READERS: Record<string, { bytes: number; read: (view: DataView, at: number) => number }> = {
  f4: { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  f8: { bytes: 8, read: (view, at) => view.getFloat64(at, true) },
  i1: { bytes: 1, read: (view, at) => view.getInt8(at) },
  i2: { bytes: 2, read: (view, at) => view.getInt16(at, true) },
  i4: { bytes: 4, read: (view, at) => view.getInt32(at, true) },
  i8: { bytes: 8, read: (view, at) => Number(view.getBigInt64(at, true)) },
  u1: { bytes: 1, read: (view, at) => view.getUint8(at) },
  u2: { bytes: 2, read: (view, at) => view.getUint16(at, true) },
  u4: { bytes: 4, read: (view, at) => view.getUint32(at, true) },
  u8: { bytes: 8, read: (view, at) => Number(view.getBigUint64(at, true)) },
};

/** Whether bytes are those of an array that NumPy saved. */
export function isNpy(bytes: Uint8Array): boolean {
  return MAGIC.every((byte, i) => bytes[i] === byte);
}

/**
 * Reads an array that NumPy saved (`.npy`, versions 1 to 3): numbers, little-endian, rows one behind the other.
 *
 *     \x93NUMPY   version: 2 bytes   length of the head: 2 bytes, from version 2 on 4   head: a Python dict   values
 */
export function readNpy(bytes: Uint8Array, { file }: { file: string }): NumpyArray {
  const version = bytes[6] ?? 0;
  if (!isNpy(bytes) || version < 1 || version > 3 || bytes.length < 12)
    throw fileError(
      file,
      null,
      "an array that NumPy saved, in version 1 to 3",
      `${bytes.length} bytes of something else`,
    );
  const view = viewOf(bytes);
  const headAt = version === 1 ? 10 : 12;
  const start = headAt + (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (start > bytes.length)
    throw fileError(file, null, `a head of ${start - headAt} bytes, as the file says`, `${bytes.length - headAt}`);
  const head = new TextDecoder().decode(bytes.subarray(headAt, start));
  const dtype = /'descr':\s*'([^']*)'/.exec(head)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(head)?.[1];
  const shape = /'shape':\s*\(([\d\s,]*)\)/.exec(head)?.[1];
  if (dtype === undefined || order === undefined || shape === undefined)
    throw fileError(file, null, "a head with descr, fortran_order and shape", head.trim());
  const [, endian, kind] = /^([<>|=])(.*)$/.exec(dtype) ?? [];
  const reader = READERS[kind ?? ""];
  if (!reader) throw fileError(file, null, `values of a type among ${Object.keys(READERS).join(", ")}`, dtype);
  if (endian === ">") throw fileError(file, null, "little-endian values", `${dtype}: save array.astype("<${kind}")`);
  if (order === "True")
    throw fileError(file, null, "rows one behind the other", "columns: save numpy.ascontiguousarray(array)");
  const sizes = shape.split(",").flatMap((size) => (size.trim() === "" ? [] : [Number(size)]));
  const count = sizes.reduce((product, size) => product * size, 1);
  if (bytes.length - start !== count * reader.bytes)
    throw fileError(
      file,
      null,
      `${count * reader.bytes} bytes of values for ${sizes.join(" x ")}`,
      `${bytes.length - start}`,
    );
  const values = new Float64Array(count);
  for (let i = 0; i < count; i++) values[i] = reader.read(view, start + i * reader.bytes);
  return { shape: sizes, dtype, values };
}

/** Reads one array of an archive that NumPy saved (`.npz`): the only one, or the first of `names` that is there. */
export async function readNpz(
  bytes: Uint8Array,
  { file, names }: { file: string; names: readonly string[] },
): Promise<NumpyArray> {
  const arrays = namesOfNpz(bytes, { file });
  const name = names.find((one) => arrays.includes(one)) ?? (arrays.length === 1 ? arrays[0] : undefined);
  if (name === undefined)
    throw fileError(file, null, `one array, or one that is called ${names.join(" or ")}`, arrays.join(", ") || "none");
  const entry = zipEntries(bytes, file).find((one) => one.name === `${name}.npy`)!;
  return readNpy(await unzip(bytes, entry, file), { file: `${file}: ${entry.name}` });
}

/** What the arrays of an archive are called. */
export function namesOfNpz(bytes: Uint8Array, { file }: { file: string }): string[] {
  return zipEntries(bytes, file).flatMap(({ name }) => (name.endsWith(".npy") ? [name.slice(0, -4)] : []));
}
