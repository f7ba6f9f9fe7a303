import { fileError } from "../measurement.ts";
import { isGzip } from "./unpack.ts";

const MOST_LINE = 2 ** 24;

/** Lines as they come, those of a chunk together, numbered from 1. */
export async function* linesOf(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, file: string) {
  const decoder = new TextDecoder();
  let [first, rest] = [1, ""];
  try {
    for await (const chunk of inflated(source)) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop()!;
      if (rest.length > MOST_LINE)
        throw fileError(file, first + lines.length, `lines of up to ${MOST_LINE} characters`, "a longer one");
      yield { first, lines: lines.map((line) => (line.endsWith("\r") ? line.slice(0, -1) : line)) };
      first += lines.length;
    }
  } catch (error) {
    if (!(error instanceof GzipError)) throw error;
    throw fileError(file, first, "a whole gzip stream", `one that breaks off or is damaged here (${error.message})`);
  }
  yield { first, lines: [rest] };
}

/** A gzip stream that breaks off or is damaged. */
export class GzipError extends Error {}

/** Bytes as they are, or inflated where they begin as gzip does. */
export async function* inflated(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const chunks = asyncIterator(source);
  let start = new Uint8Array(0);
  for (let next = await chunks.next(); ; next = await chunks.next()) {
    if (!next.done) start = joined(start, next.value);
    if (next.done || start.length >= 2) break;
  }
  if (!isGzip(start)) {
    yield start;
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
    return;
  }
  let isFirst = true;
  const packed = new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      const next = isFirst ? { done: false, value: start } : await chunks.next();
      isFirst = false;
      if (next.done) controller.close();
      else controller.enqueue(next.value.slice());
    },
  });
  const reader = packed.pipeThrough(new DecompressionStream("gzip")).getReader();
  for (;;) {
    const next = await reader.read().catch((error: Error) => {
      throw new GzipError(error.message);
    });
    if (next.done) return;
    yield next.value;
  }
}

function asyncIterator(source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>) {
  return (async function* () {
    yield* source;
  })();
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(a.length + b.length);
  all.set(a);
  all.set(b, a.length);
  return all;
}
