import { didYouMean } from "../check.ts";
import {
  baseName,
  checkEnough,
  checkNotEmpty,
  countValues,
  fileError,
  type Measurement,
  positiveDecimal,
} from "../measurement.ts";

const NS_PER_UNIT = { ns: 1, us: 1e3, ms: 1e6, s: 1e9 } as const;

/** The units that a column of latencies may be in. */
export type LatencyUnit = keyof typeof NS_PER_UNIT;

/** How people spell them at the head of a column. */
const SPELLINGS: Record<LatencyUnit, RegExp> = {
  ns: /^(ns|nsecs?|nanos|nanosecs?|nanoseconds?)$/,
  us: /^(us|µs|μs|usecs?|micros|microsecs?|microseconds?)$/,
  ms: /^(ms|msecs?|millis|millisecs?|milliseconds?)$/,
  s: /^(s|secs?|seconds?)$/,
};

export interface LatencyColumnOptions {
  /** The file's name, for messages. */
  file: string;
  /** The unit of the values; ns unless the head of the column or this says otherwise. */
  unit?: LatencyUnit;
  /** Which of several columns: its head, or its number from 1. */
  column?: string | number;
}

/** Reads latencies, one a line, from a text of one or more columns with or without a line of heads. */
export function readLatencyColumn(text: string, { file, unit, column }: LatencyColumnOptions): Measurement {
  checkNotEmpty(file, text);
  if (unit !== undefined && !Object.hasOwn(NS_PER_UNIT, unit))
    throw new RangeError(`unit must be one of ${Object.keys(NS_PER_UNIT).join(", ")}, got ${unit}`);
  const lines = text
    .replace(/^\uFEFF/, "")
    .split(/\r\n|\r|\n/)
    .map((line, i) => ({ number: i + 1, fields: fieldsOf(line) }))
    .filter(({ fields }) => fields.length > 1 || fields[0] !== "");

  const first = lines[0]!;
  const heads = first.fields.some(looksNumeric) ? null : first.fields;
  const place = placeOf(file, first.number, heads ?? first.fields.map((_, i) => `${i + 1}`), column);
  const stated = heads && unitOf(heads[place]!);
  if (unit && stated && unit !== stated)
    throw fileError(file, first.number, `a column in ${unit}, as the unit option says`, `${heads[place]}`);
  const inUnit = unit ?? stated ?? "ns";

  const valuesNs = lines.slice(heads ? 1 : 0).map(({ number, fields }) => {
    checkColumns(file, number, fields, first.fields);
    const value = positiveDecimal(fields[place]!);
    if (Number.isNaN(value)) throw fileError(file, number, `a latency above 0 ${inUnit}`, fields[place] || "nothing");
    return value * NS_PER_UNIT[inUnit];
  });
  checkEnough(file, valuesNs.length);
  return {
    name: baseName(file),
    source: `column of ${inUnit}, ${valuesNs.length} rows`,
    counted: countValues(valuesNs),
    quantiles: null,
    samples: valuesNs.length,
    notes: unit || stated ? [] : ["no unit is stated: taken as ns"],
  };
}

/** Whether a text could be a column: a number stands in its first line or, below the heads, in its second. */
export function looksLikeColumn(text: string): boolean {
  const lines = text.split(/\r\n|\r|\n/).filter((line) => line.trim() !== "");
  return lines.slice(0, 2).some((line) => fieldsOf(line).some(looksNumeric));
}

/** What stands between the separators of a line, without spaces and quotes around it. */
export function fieldsOf(line: string): string[] {
  return line.split(/[,;\t]/).map((field) => field.trim().replace(/^"(.*)"$/, "$1"));
}

/** What a cell says: a number where it is spelled as one. */
export function cellValue(cell: string): number | string {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(cell) ? Number(cell) : cell;
}

/** NaN and infinities too: they are bad values, not heads. */
function looksNumeric(field: string): boolean {
  return /^[+-]?(\.?\d|nan$|inf(inity)?$)/i.test(field);
}

/** Refuses a row that has not as many columns as the one that says what they are. */
export function checkColumns(file: string, line: number, row: readonly unknown[], head: readonly unknown[]): void {
  if (row.length !== head.length) throw fileError(file, line, columnCount(head.length), columnCount(row.length));
}

/** So many columns, in words. */
function columnCount(count: number): string {
  return count === 1 ? "1 column" : `${count} columns`;
}

/** Where the column that is asked for stands. */
function placeOf(file: string, line: number, heads: readonly string[], column: string | number | undefined): number {
  if (column === undefined) {
    if (heads.length === 1) return 0;
    throw fileError(file, line, "one column, or the column option", `the columns ${heads.join(", ")}`);
  }
  const named = heads.indexOf(`${column}`);
  const place = named >= 0 ? named : Number(column) - 1;
  if (!Object.hasOwn(heads, place))
    throw new RangeError(`column must name a column of ${file}, got ${column}${didYouMean(`${column}`, heads)}`);
  return place;
}

/** The unit that a head names, e.g. us in `latency_us`, `rtt [usec]` or `latencyUs`. */
function unitOf(head: string): LatencyUnit | undefined {
  const words = head
    .replace(/([a-z])([A-Z])/g, "$1 $2")
    .toLowerCase()
    .split(/[^a-zµμ]+/);
  const units = Object.keys(SPELLINGS) as LatencyUnit[];
  return words.map((word) => units.find((unit) => SPELLINGS[unit].test(word))).findLast((unit) => unit !== undefined);
}
