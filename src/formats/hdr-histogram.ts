import type { CountedValues } from "../histogram.ts";

// HdrHistogram's V2 encoding, base64 of
//
//     cookie 0x1c849314   i32 bytes   zlib( cookie 0x1c849313   i32 payload bytes   i32 normalizing index offset
//                                           i32 digits   i64 lowest   i64 highest   f64 conversion ratio   payload )
//
// big-endian; see encodeIntoByteBuffer in HdrHistogram's AbstractHistogram. The payload is one ZigZag LEB128 number after
// another: a count, or, negative, how many empty cells follow each other.
const COMPRESSED_COOKIE = 0x1c849304;
const PLAIN_COOKIE = 0x1c849303;
/** Only in V2 cookies: words of up to 9 bytes. */
const WORD_SIZE_BIT = 0x10;
const WORD_SIZE_BITS = 0xf0;
const OLD_COOKIES = [0x1c849301, 0x1c849302, 0x1c849308, 0x1c849309];
const DOUBLE_COOKIES = [0x0c72124e, 0x0c72124f];
const HEADER_BYTES = 40;

/** Cells from `low` up to, not including, `low` + `size`. */
interface Cell {
  low: number;
  size: number;
  count: number;
}

type Complaint = (expected: string, got: string) => Error;

/** The cells in use of a histogram in base64. */
export async function decodeHistogram(base64: string, complaint: Complaint): Promise<Cell[]> {
  const outer = viewOf(bytesOfBase64(base64, complaint));
  if (outer.byteLength < 8) throw complaint("a histogram", `${outer.byteLength} bytes`);
  checkCookie(outer.getUint32(0), COMPRESSED_COOKIE, complaint);
  const bytes = outer.getInt32(4);
  if (bytes !== outer.byteLength - 8)
    throw complaint(`${bytes} compressed bytes, as the histogram says`, `${outer.byteLength - 8}`);
  const compressed = new Uint8Array(outer.buffer, 8);
  const inner = viewOf(
    await through(compressed, new DecompressionStream("deflate")).catch(() => {
      throw complaint("a zlib stream", "one that does not inflate");
    }),
  );
  if (inner.byteLength < HEADER_BYTES) throw complaint(`a header of ${HEADER_BYTES} bytes`, `${inner.byteLength}`);
  checkCookie(inner.getUint32(0), PLAIN_COOKIE, complaint);
  const payloadBytes = inner.getInt32(4);
  if (payloadBytes < 0 || payloadBytes > inner.byteLength - HEADER_BYTES)
    throw complaint(`${payloadBytes} bytes of counts, as the histogram says`, `${inner.byteLength - HEADER_BYTES}`);
  // Histograms of doubles shift their cells by an offset and scale them by a ratio; in one of whole numbers they are 0 and 1.0.
  // Writers disagree on the order of a shifted payload. Only hdr-histogram-js has a whole 1 in both places, and means nothing.
  const [offset, ratioBits] = [inner.getInt32(8), inner.getBigInt64(32)];
  if (offset !== 0 && ratioBits !== 1n) throw complaint("a normalizing index offset of 0", `${offset}`);
  const digits = inner.getInt32(12);
  if (digits < 0 || digits > 5) throw complaint("0 to 5 significant digits", `${digits}`);
  const lowest = Number(inner.getBigInt64(16));
  if (lowest < 1) throw complaint("a lowest discernible value from 1 up", `${lowest}`);
  return cellsOf(new Uint8Array(inner.buffer, HEADER_BYTES, payloadBytes), new Cells(digits, lowest), complaint);
}

/** A histogram in base64 of whole values from 0 up, told apart to `digits` decimal digits. */
export async function encodeHistogram({ values, counts }: CountedValues, digits: number): Promise<string> {
  const cells = new Cells(digits, 1);
  const countAt = new Map<number, number>();
  for (const [i, value] of values.entries()) {
    const index = cells.indexOf(value);
    countAt.set(index, (countAt.get(index) ?? 0) + counts[i]!);
  }
  const payload: number[] = [];
  let next = 0;
  for (const [index, count] of [...countAt].filter(([, count]) => count > 0).sort(([a], [b]) => a - b)) {
    // One empty cell is a count of 0, as HdrHistogram's own writers have it.
    if (index > next) pushZigZag(payload, index === next + 1 ? 0 : next - index);
    pushZigZag(payload, count);
    next = index + 1;
  }
  const inner = viewOf(new Uint8Array(HEADER_BYTES + payload.length));
  inner.setUint32(0, PLAIN_COOKIE | WORD_SIZE_BIT);
  inner.setInt32(4, payload.length);
  inner.setInt32(12, digits);
  inner.setBigInt64(16, 1n);
  inner.setBigInt64(24, BigInt(values.reduce((a, b) => Math.max(a, b), 2)));
  inner.setFloat64(32, 1);
  new Uint8Array(inner.buffer).set(payload, HEADER_BYTES);
  const compressed = await through(new Uint8Array(inner.buffer), new CompressionStream("deflate"));
  const outer = viewOf(new Uint8Array(8 + compressed.length));
  outer.setUint32(0, COMPRESSED_COOKIE | WORD_SIZE_BIT);
  outer.setInt32(4, compressed.length);
  const bytes = new Uint8Array(outer.buffer);
  bytes.set(compressed, 8);
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}

/**
 * Where values are counted: 2^k cells of one unit each, then 2^(k-1) of two units, 2^(k-1) of four, and so on; k is the least
 * with 2^k >= 2 * 10^digits, and a unit the greatest power of 2 up to the lowest discernible value.
 */
class Cells {
  readonly #half: number;
  readonly #unit: number;

  constructor(digits: number, lowest: number) {
    this.#half = 2 ** Math.max(0, Math.ceil(Math.log2(2 * 10 ** digits)) - 1);
    this.#unit = 2 ** Math.floor(Math.log2(lowest));
  }

  at(index: number): { low: number; size: number } {
    const octave = Math.max(0, Math.floor(index / this.#half) - 1);
    const size = this.#unit * 2 ** octave;
    return { low: (index - octave * this.#half) * size, size };
  }

  indexOf(value: number): number {
    let [size, octave] = [this.#unit, 0];
    for (; value >= 2 * this.#half * size; size *= 2) octave++;
    return octave * this.#half + Math.floor(value / size);
  }
}

function cellsOf(payload: Uint8Array, cells: Cells, complaint: Complaint): Cell[] {
  const found: Cell[] = [];
  let [place, index] = [0, 0];
  const next = () => {
    let [number, scale] = [0, 1];
    for (let byte = 0; byte < 9; byte++) {
      const bits = payload[place++];
      if (bits === undefined) throw complaint("whole numbers as counts", "one cut short");
      const last = byte === 8; // whose 8 bits all belong to the number
      number += (last ? bits : bits & 0x7f) * scale;
      if (last || bits < 0x80) break;
      scale *= 0x80;
    }
    if (number >= 2 ** 53) throw complaint("counts below 2^52", `${number / 2}`);
    return number % 2 === 0 ? number / 2 : -(number + 1) / 2;
  };
  while (place < payload.length) {
    const count = next();
    if (count > 0) {
      const { low, size } = cells.at(index);
      if (low >= 2 ** 53) throw complaint("values below 2^53", `${low}`);
      found.push({ low, size, count });
    }
    index += count < 0 ? -count : 1;
  }
  return found;
}

function pushZigZag(bytes: number[], value: number): void {
  let number = value < 0 ? -2 * value - 1 : 2 * value;
  let written = 0;
  for (; number >= 0x80 && written < 8; written++) {
    bytes.push((number % 0x80) | 0x80);
    number = Math.floor(number / 0x80);
  }
  bytes.push(number);
}

function checkCookie(cookie: number, expected: number, complaint: Complaint): void {
  const base = (cookie & ~WORD_SIZE_BITS) >>> 0;
  if (base === expected) return;
  const hex = `0x${cookie.toString(16).padStart(8, "0")}`;
  const kind = OLD_COOKIES.includes(base) ? "V0 or V1, " : DOUBLE_COOKIES.includes(cookie) ? "of doubles, " : "";
  throw complaint(`a V2 histogram of whole numbers (cookie 0x${expected.toString(16)})`, `${kind}cookie ${hex}`);
}

function bytesOfBase64(base64: string, complaint: Complaint): Uint8Array<ArrayBuffer> {
  try {
    return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    throw complaint("a histogram in base64", `${base64.length} characters that are not`);
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>): DataView<ArrayBuffer> {
  return new DataView(buffer, byteOffset, byteLength);
}

async function through(
  bytes: Uint8Array<ArrayBuffer>,
  stream: CompressionStream | DecompressionStream,
): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await new Response(new Blob([bytes]).stream().pipeThrough(stream)).arrayBuffer());
}
