/** Characters of a packed file that an address bears: browsers take more, mail programs less. */
const PACKED_MAX = 32_000;

/** A file of this size is refused before it is read: the command line has no such limit. */
export const FILE_BYTES_MAX = 64e6;

/** What an address says of more is made up. */
const UNPACKED_MAX = 16e6;

/** `bytes` deflated, in letters that an address may hold; null where they are too many for one. */
export async function pack(bytes: Uint8Array): Promise<string | null> {
  if (bytes.length > UNPACKED_MAX) return null;
  const packed = await through(bytes, new CompressionStream("deflate-raw"), (PACKED_MAX * 3) / 4);
  if (packed === null) return null;
  let letters = "";
  for (const byte of packed) letters += String.fromCharCode(byte);
  return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** What `pack` packed. */
export async function unpack(packed: string): Promise<Uint8Array> {
  const letters = atob(packed.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
  const unpacked = await through(bytes, new DecompressionStream("deflate-raw"), UNPACKED_MAX);
  if (unpacked === null) throw new RangeError(`a packed file must be at most ${UNPACKED_MAX} bytes`);
  return unpacked;
}

/** `bytes` through a stream; null where more than `most` come out. */
async function through(bytes: Uint8Array, stream: CompressionStream | DecompressionStream, most: number) {
  const reader = new Blob([bytes as BlobPart]).stream().pipeThrough(stream).getReader();
  const pieces: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > most) {
      await reader.cancel();
      return null;
    }
    pieces.push(value);
  }
  const all = new Uint8Array(length);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** Saves `content` where the browser puts what is downloaded. */
export function save(name: string, content: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
