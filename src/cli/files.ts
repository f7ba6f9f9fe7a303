import {
  accessSync,
  closeSync,
  constants,
  createReadStream,
  createWriteStream,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";

/** A file that cannot be read or written; the message names it and says why. */
export class FileError extends Error {}

const WHY: Record<string, string> = {
  ENOENT: "there is no such file",
  ENOTDIR: "a part of its path is no folder",
  EISDIR: "it is a folder",
  EACCES: "it may not be read or written",
  EROFS: "it may not be written",
  ENOSPC: "there is no space left",
  ERR_STRING_TOO_LONG: "it is too large to be read at once",
  ERR_FS_FILE_TOO_LARGE: "it is too large to be read at once",
};

/** The text of a file. */
export function readText(file: string): string {
  return attempt(file, () => readFileSync(file, "utf8"));
}

/** The bytes of a file. */
export function readBytes(file: string): Uint8Array {
  return attempt(file, () => readFileSync(file));
}

/** How many bytes a file holds. */
export function sizeOf(file: string): number {
  return attempt(file, () => statSync(file).size);
}

/** The bytes of a file as they are wanted, each piece told to `onRead` with how many came so far. */
export async function* streamBytes(file: string, onRead: (bytes: number) => void = () => {}) {
  let read = 0;
  try {
    for await (const piece of createReadStream(file, { highWaterMark: PIECE })) {
      yield piece as Uint8Array;
      read += (piece as Uint8Array).length;
      onRead(read);
    }
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).syscall !== "string") throw error;
    throw fileErrorOf(file, error);
  }
}

/** Writes pieces as they come, packed where the file's name ends in .gz. */
export async function writeStream(file: string, pieces: Iterable<string>): Promise<void> {
  try {
    const text = Readable.from(pieces);
    if (file.endsWith(".gz")) await pipeline(text, createGzip(), createWriteStream(file));
    else await pipeline(text, createWriteStream(file));
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).syscall !== "string") throw error;
    throw fileErrorOf(file, error);
  }
}

/** Writes a file whole. */
export function writeText(file: string, text: string): void {
  attempt(file, () => writeFileSync(file, text));
}

/** A file to write piece by piece: it is opened, and what it held is gone, with the first. */
export function writePieces(file: string): { write(text: string): void; close(): void } {
  let descriptor: number | undefined;
  let kept: string[] = [];
  let length = 0;
  const flush = () => {
    const bytes = Buffer.from(kept.join(""));
    kept = [];
    length = 0;
    attempt(file, () => {
      descriptor ??= openSync(file, "w");
      for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
    });
  };
  return {
    write(text) {
      kept.push(text);
      length += text.length;
      if (length > PIECE) flush();
    },
    close() {
      try {
        if (length > 0) flush();
      } finally {
        if (descriptor !== undefined) closeSync(descriptor);
      }
    },
  };
}

const PIECE = 2 ** 20;

/** Refuses files whose folder cannot be written to: better before a long run than after it. */
export function checkFolders(...files: (string | undefined)[]): void {
  for (const file of files)
    if (file !== undefined)
      attempt(file, () => accessSync(dirname(file), constants.W_OK), { ENOENT: "there is no such folder" });
}

function attempt<T>(file: string, act: () => T, why: Record<string, string> = {}): T {
  try {
    return act();
  } catch (error) {
    throw fileErrorOf(file, error, why);
  }
}

function fileErrorOf(file: string, error: unknown, why: Record<string, string> = {}): FileError {
  const { code = "", message } = error as NodeJS.ErrnoException;
  return new FileError(`${file}: ${why[code] ?? WHY[code] ?? message}`, { cause: error });
}
