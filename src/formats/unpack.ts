import { fileError } from "../measurement.ts";

/** Whether bytes are gzip's. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** What gzip packed. */
export async function gunzip(bytes: Uint8Array, file: string): Promise<Uint8Array> {
  const stream = new Blob([bytes.slice()]).stream().pipeThrough(new DecompressionStream("gzip"));
  try {
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch {
    throw fileError(file, null, "a whole gzip stream", "one that does not inflate");
  }
}

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END_BYTES = 22;
const MOST_COMMENT = 0xffff;
const STORED = 0;
const DEFLATED = 8;

/** A file in a zip archive. */
export interface ZipEntry {
  name: string;
  method: number;
  flags: number;
  checksum: number;
  packedBytes: number;
  bytes: number;
  /** Where its own head begins. */
  offset: number;
}

/** Whether bytes are those of a zip archive. */
export function isZip(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && (viewOf(bytes).getUint32(0, true) === LOCAL || viewOf(bytes).getUint32(0, true) === END);
}

/**
 * The files in a zip archive, as its directory lists them: the heads before each file need not know how large it is.
 *
 *     head, name, extra, bytes   head, name, extra, bytes   ...   directory: a record a file   end: where the directory is
 */
export function zipEntries(bytes: Uint8Array, file: string): ZipEntry[] {
  const view = viewOf(bytes);
  let end = bytes.length - END_BYTES;
  const least = Math.max(0, end - MOST_COMMENT);
  while (end >= least && view.getUint32(end, true) !== END) end--;
  if (end < least) throw fileError(file, null, "a whole zip archive", "one without a directory: it is cut short");
  const count = view.getUint16(end + 10, true);
  const entries: ZipEntry[] = [];
  let place = view.getUint32(end + 16, true);
  for (let i = 0; i < count; i++) {
    if (place + 46 > end || view.getUint32(place, true) !== CENTRAL)
      throw fileError(file, null, `${count} files in the archive, as it says`, `${i}`);
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((at) => view.getUint16(place + at, true)) as [
      number,
      number,
      number,
    ];
    entries.push({
      name: new TextDecoder().decode(bytes.subarray(place + 46, place + 46 + nameBytes)),
      flags: view.getUint16(place + 8, true),
      method: view.getUint16(place + 10, true),
      checksum: view.getUint32(place + 16, true),
      packedBytes: view.getUint32(place + 20, true),
      bytes: view.getUint32(place + 24, true),
      offset: view.getUint32(place + 42, true),
    });
    place += 46 + nameBytes + extraBytes + commentBytes;
  }
  return entries;
}

/** What a file in a zip archive holds; stored bytes and deflated ones are held to its checksum alike. */
export async function unzip(bytes: Uint8Array, entry: ZipEntry, file: string): Promise<Uint8Array> {
  const { name, method, flags, packedBytes, offset } = entry;
  const inside = `${file}: ${name}`;
  const view = viewOf(bytes);
  if (flags & 1) throw fileError(inside, null, "a file without a password", "an encrypted one");
  if (method !== STORED && method !== DEFLATED)
    throw fileError(inside, null, "a file stored or deflated", `method ${method}`);
  if (offset + 30 > bytes.length || view.getUint32(offset, true) !== LOCAL)
    throw fileError(inside, null, "the file where the directory says it is", "something else (a zip64 archive?)");
  const start = offset + 30 + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
  if (start + packedBytes > bytes.length)
    throw fileError(inside, null, `${packedBytes} bytes, as the directory says`, `${bytes.length - start}`);
  const packed = bytes.subarray(start, start + packedBytes);
  return gunzip(asGzip(method === STORED ? asStored(packed) : packed, entry), inside);
}

/** Deflated bytes as gzip has them: with its head before, and checksum and size behind. */
function asGzip(deflated: Uint8Array, { checksum, bytes }: ZipEntry): Uint8Array {
  const packed = new Uint8Array(10 + deflated.length + 8);
  packed.set([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
  packed.set(deflated, 10);
  viewOf(packed).setUint32(packed.length - 8, checksum, true);
  viewOf(packed).setUint32(packed.length - 4, bytes, true);
  return packed;
}

const MOST_STORED = 0xffff;

/** Bytes as deflate has those that it cannot make smaller: in blocks, each with its length and that length's complement before it. */
function asStored(bytes: Uint8Array): Uint8Array {
  const blocks = Math.max(1, Math.ceil(bytes.length / MOST_STORED));
  const stored = new Uint8Array(bytes.length + 5 * blocks);
  const view = viewOf(stored);
  for (let block = 0; block < blocks; block++) {
    const [from, to] = [block * MOST_STORED, block * (MOST_STORED + 5)];
    const part = bytes.subarray(from, from + MOST_STORED);
    stored[to] = block === blocks - 1 ? 1 : 0;
    view.setUint16(to + 1, part.length, true);
    view.setUint16(to + 3, ~part.length, true);
    stored.set(part, to + 5);
  }
  return stored;
}

export function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
