import { checkKeys, describe, didYouMean } from "../check.ts";
import { fileError } from "../measurement.ts";
import { type Requests, requestsOf, type ServedTimes, TOKENS_MAX } from "../requests/requests.ts";
import { cellValue, checkColumns, fieldsOf } from "./csv.ts";
import { objectOfLine } from "./json.ts";
import { gunzip, isGzip } from "./unpack.ts";

/** Formats of requests: Azure's traces, Mooncake's, a plain table, and what vLLM said of requests that it served. */
export const REQUEST_FORMATS = ["azure", "mooncake", "plain", "vllm"] as const;
export type RequestFormat = (typeof REQUEST_FORMATS)[number];

/** What a file of requests holds. */
export interface RequestFile {
  format: RequestFormat;
  requests: Requests;
  /** When they were served; null where the file does not say. */
  measured: ServedTimes | null;
  /**
   * Of all tokens that are read, those of leading blocks that an earlier request had too: no cache of prefixes spares more. Nothing
   * here uses one, each prompt is computed whole. Null where the file does not say.
   */
  sharedPrefixShare: number | null;
}

/** A line's values by name, with where it stands. */
interface Line {
  file: string;
  number: number;
  fields: Record<string, unknown>;
}

/** What became of one request, in nanoseconds of the file's own clock. */
interface Row {
  arrivalNs: number;
  input: number;
  output: number;
  served?: { queuedNs: number; firstNs: number; endNs: number };
  /** Of its prompt, by number: equal numbers are of equal prompts so far. */
  blocks?: readonly number[];
}

/** Names of each format's fields, in order, and how a line of it is read. */
const FORMATS: Record<RequestFormat, { fields: readonly string[]; row: (line: Line) => Row }> = {
  azure: {
    fields: ["TIMESTAMP", "ContextTokens", "GeneratedTokens"],
    row: (line) => ({
      arrivalNs: instantNs(line, "TIMESTAMP"),
      input: tokens(line, "ContextTokens"),
      output: tokens(line, "GeneratedTokens"),
    }),
  },
  plain: {
    fields: ["arrivalMs", "inputTokens", "outputTokens"],
    row: (line) => ({
      arrivalNs: time(line, "arrivalMs", 1e6),
      input: tokens(line, "inputTokens"),
      output: tokens(line, "outputTokens"),
    }),
  },
  mooncake: {
    fields: ["timestamp", "input_length", "output_length", "hash_ids"],
    row: (line) => ({
      arrivalNs: time(line, "timestamp", 1e6),
      input: tokens(line, "input_length"),
      output: tokens(line, "output_length"),
      ...blocksOf(line),
    }),
  },
  vllm: {
    fields: [
      "request_id",
      "input_toks",
      "output_toks",
      "arrival_time",
      "queued_ts",
      "scheduled_ts",
      "first_token_ts",
      "last_token_ts",
    ],
    row: served,
  },
};

/**
 * Reads requests from a text of any known format, recognised by its fields, or from its bytes, packed by gzip or not. Rows may
 * stand in any order; what an engine measured of them is kept.
 */
export async function readRequests(
  content: Uint8Array | string,
  options: { file?: string } = {},
): Promise<RequestFile> {
  checkKeys("options", options, ["file"]);
  const { file = "requests" } = options;
  if (typeof content !== "string")
    return isGzip(content)
      ? readRequests(await gunzip(content, file), { file })
      : readRequests(new TextDecoder().decode(content), { file });
  const rows = content
    .replace(/^\uFEFF/, "")
    .split(/\r\n|\r|\n/)
    .map((row, i) => ({ number: i + 1, row }))
    .filter(({ row }) => row.trim() !== "");
  if (rows.length === 0) throw fileError(file, null, "requests", "an empty file");
  const { format, lines } = rows[0]!.row.trimStart().startsWith("{") ? linesOfJson(file, rows) : linesOfCsv(file, rows);
  if (lines.length === 0) throw fileError(file, null, "at least 1 request", "none");
  const read = lines.map(FORMATS[format].row);
  const { requests, measured } = format === "vllm" ? alignedOf(read) : { requests: requestsOf(read), measured: null };
  return { format, requests, measured, sharedPrefixShare: sharedPrefixShareOf(read) };
}

/** The line of heads says which table it is. */
function linesOfCsv(file: string, rows: { number: number; row: string }[]): { format: RequestFormat; lines: Line[] } {
  const [first, ...rest] = rows as [{ number: number; row: string }, ...{ number: number; row: string }[]];
  const heads = fieldsOf(first.row);
  const format = formatOf(file, first.number, heads, ["plain", "azure"], "columns");
  const lines = rest.map(({ number, row }) => {
    const cells = fieldsOf(row);
    checkColumns(file, number, cells, heads);
    return { file, number, fields: Object.fromEntries(heads.map((head, i) => [head, cellValue(cells[i]!)])) };
  });
  return { format, lines };
}

function linesOfJson(file: string, rows: { number: number; row: string }[]): { format: RequestFormat; lines: Line[] } {
  let format: RequestFormat | null = null;
  const lines = rows.map(({ number, row }) => {
    const fields = objectOfLine(file, number, row);
    const all = format === null ? (["mooncake", "vllm"] as const) : [format];
    format = formatOf(file, number, Object.keys(fields), all, "keys");
    return { file, number, fields };
  });
  return { format: format!, lines };
}

/** The format among `candidates` that has the first of `names`; refuses names that are not its own, and names that are missing. */
function formatOf(
  file: string,
  line: number,
  names: readonly string[],
  candidates: readonly RequestFormat[],
  what: string,
): RequestFormat {
  const shared = (format: RequestFormat) => names.filter((name) => FORMATS[format].fields.includes(name)).length;
  const format = candidates.reduce((best, one) => (shared(one) > shared(best) ? one : best));
  const { fields } = FORMATS[format];
  for (const name of names) {
    if (!fields.includes(name))
      throw fileError(file, line, `${what} ${fields.join(", ")}`, `${name}${didYouMean(name, fields)}`);
    if (names.indexOf(name) !== names.lastIndexOf(name))
      throw fileError(file, line, "each column once", `${name} twice`);
  }
  const missing = fields.find((field) => !names.includes(field) && field !== "hash_ids");
  if (missing) throw fileError(file, line, `${what} ${fields.join(", ")}`, `none of them ${missing}`);
  return format;
}

/** A line of vLLM's: arrivals by one clock, in seconds since 1970, all else by another. */
function served(line: Line): Row {
  const [queuedNs, scheduledNs, firstNs, endNs] = ["queued_ts", "scheduled_ts", "first_token_ts", "last_token_ts"].map(
    (field) => time(line, field, 1e9),
  ) as [number, number, number, number];
  if (!(queuedNs <= scheduledNs && scheduledNs <= firstNs && firstNs <= endNs))
    throw fileError(
      line.file,
      line.number,
      "queued_ts, scheduled_ts, first_token_ts and last_token_ts in that order",
      ["queued_ts", "scheduled_ts", "first_token_ts", "last_token_ts"].map((field) => line.fields[field]).join(", "),
    );
  return {
    arrivalNs: time(line, "arrival_time", 1e9),
    input: tokens(line, "input_toks"),
    output: tokens(line, "output_toks"),
    served: { queuedNs, firstNs, endNs },
  };
}

/**
 * Requests and what became of them on one clock. How far the two clocks lie apart is not written anywhere: the request that was
 * queued soonest after its arrival is taken to have been queued at once.
 */
function alignedOf(rows: Row[]): { requests: Requests; measured: ServedTimes } {
  const sorted = rows.toSorted((a, b) => a.arrivalNs - b.arrivalNs);
  const first = sorted[0]!.arrivalNs;
  const apart = sorted.reduce(
    (least, { arrivalNs, served }) => Math.min(least, served!.queuedNs - (arrivalNs - first)),
    Number.POSITIVE_INFINITY,
  );
  const column = (of: "queuedNs" | "firstNs" | "endNs") => Float64Array.from(sorted, (row) => row.served![of] - apart);
  return {
    requests: requestsOf(sorted),
    measured: { queuedNs: column("queuedNs"), firstNs: column("firstNs"), endNs: column("endNs") },
  };
}

/** Tokens of a block of Mooncake's. */
const BLOCK_TOKENS = 512;

/** The blocks of a prompt, where they are stated. */
function blocksOf(line: Line): { blocks?: readonly number[] } {
  const ids = line.fields["hash_ids"];
  if (ids === undefined) return {};
  if (!Array.isArray(ids) || ids.some((id) => !Number.isInteger(id) || id < 0))
    throw wrong(line, "hash_ids", "a list of whole numbers from 0 up");
  return { blocks: ids as number[] };
}

/** Of all tokens that are read, those of leading blocks that an earlier request had; null where none states its blocks. */
function sharedPrefixShareOf(rows: readonly Row[]): number | null {
  if (rows.every(({ blocks }) => blocks === undefined)) return null;
  const seen = new Set<number>();
  let [shared, all] = [0, 0];
  for (const { blocks = [], input } of rows.toSorted((a, b) => a.arrivalNs - b.arrivalNs)) {
    const first = blocks.findIndex((block) => !seen.has(block));
    shared += Math.min(input, BLOCK_TOKENS * (first < 0 ? blocks.length : first));
    all += input;
    for (const block of blocks) seen.add(block);
  }
  return shared / all;
}

function tokens(line: Line, field: string): number {
  const value = line.fields[field];
  if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || value > TOKENS_MAX)
    throw wrong(line, field, `a whole number from 1 to ${TOKENS_MAX}`);
  return value;
}

function time(line: Line, field: string, nsEach: number): number {
  const value = line.fields[field];
  if (typeof value !== "number" || !(value >= 0 && value < Number.POSITIVE_INFINITY))
    throw wrong(line, field, "a number from 0 up");
  return value * nsEach;
}

/** `2023-11-16 18:15:46.6805900`, with as many decimals as there are: more than a Date holds. */
function instantNs(line: Line, field: string): number {
  const value = line.fields[field];
  const [, date, clock, decimals = ""] = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(\.\d+)?$/.exec(`${value}`) ?? [];
  const seconds = Date.parse(`${date}T${clock}Z`) / 1e3;
  if (Number.isNaN(seconds)) throw wrong(line, field, "an instant such as 2023-11-16 18:15:46.6805900");
  // A double of nanoseconds since 1970 is a multiple of 256: within 0.2 us.
  return seconds * 1e9 + Number(`0${decimals}`) * 1e9;
}

function wrong({ file, number, fields }: Line, field: string, expected: string): RangeError {
  const value = fields[field];
  const got = value === undefined ? "nothing" : /^[nb]/.test(typeof value) ? `${value}` : describe(value);
  return fileError(file, number, `${field} to be ${expected}`, got);
}
