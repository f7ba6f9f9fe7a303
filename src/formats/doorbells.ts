import { DOORBELL_CANCEL, DOORBELL_FENCE, DOORBELL_LOAD } from "../../assembly/layout.ts";
import { checkKeys, describe, didYouMean } from "../check.ts";
import type { Doorbell } from "../doorbell.ts";
import { fileError } from "../measurement.ts";
import { blankTraffic, INSTANT_NS_MAX, loadRows, sortTraffic, type Traffic } from "../traffic.ts";
import { nsFromUs } from "../units.ts";
import { cellValue, checkColumns, fieldsOf } from "./csv.ts";
import { objectOfLine } from "./json.ts";

/** What a doorbell may say in either format; CSV spells it in snake case. */
const FIELDS = [
  "postNs",
  "postUs",
  "op",
  "fenceId",
  "sourceGpu",
  "destinationGpu",
  "sizeBytes",
  "deadlineNs",
  "deadlineUs",
  "slackNs",
  "slackUs",
  "layer",
  "expert",
] as const;
/** What only an object may say of it. */
const FLAGS = ["prefetch", "dropLate", "destinationAddress", "sequence"] as const;

type Field = (typeof FIELDS)[number] | (typeof FLAGS)[number];

const DEADLINES = ["deadlineNs", "deadlineUs", "slackNs", "slackUs"] as const satisfies Field[];

const OPS: Record<Doorbell["op"], number> = { load: DOORBELL_LOAD, cancel: DOORBELL_CANCEL, fence: DOORBELL_FENCE };

/** A doorbell as a line of a file spells it. */
interface Line {
  file: string;
  number: number;
  fields: Partial<Record<Field, unknown>>;
  /** How the file spells the name of a field. */
  spell: (field: Field) => string;
}

/**
 * Reads doorbells from CSV or from JSON, an object a line, in any order of post. Of a load, post, both GPUs, size and either
 * deadline or slack (from its post) must be there; what a cancel or a fence leaves out is that of its load. Fence ids stand in
 * all lines, or in none of a file of loads: these are then numbered from 0, line by line. Layer, expert, sequence, address and
 * prefetch are checked and left out: a fabric does not ask for them.
 */
export function readDoorbells(text: string, options: { file?: string } = {}): Traffic {
  checkKeys("options", options, ["file"]);
  const { file = "doorbells" } = options;
  const content = text.replace(/^\uFEFF/, "");
  const rows = content
    .split(/\r\n|\r|\n/)
    .map((row, i) => ({ number: i + 1, row }))
    .filter(({ row }) => row.trim() !== "");
  const lines = content.trimStart().startsWith("{") ? linesOfJson(file, rows) : linesOfCsv(file, rows);
  if (lines.length === 0) throw fileError(file, null, "at least 1 doorbell", "none");

  const traffic = blankTraffic(lines.length);
  const numbered = lines.some(({ fields }) => fields.fenceId !== undefined);
  lines.forEach((line, row) => {
    traffic.op[row] = opOf(line);
    traffic.postNs[row] = nsOf(line, oneOf(line, ["postNs", "postUs"])!);
    traffic.fenceId[row] = numbered || traffic.op[row] !== DOORBELL_LOAD ? wholeOf(line, "fenceId") : row;
    checkLeftOut(line);
  });
  const loads = loadRows(traffic, (row, load) => {
    const { number, spell } = lines[row]!;
    const [name, id] = [spell("fenceId"), traffic.fenceId[row]];
    return load === undefined
      ? fileError(file, number, `the ${name} of a load posted before`, `${id}`)
      : fileError(file, number, `a ${name} of its own`, `${id}, that of line ${lines[load]!.number}`);
  });
  lines.forEach((line, row) => {
    if (loads[row] === row) fillLoad(traffic, row, line);
  });
  lines.forEach((line, row) => {
    if (loads[row] !== row) fillOther(traffic, row, loads[row]!, line);
  });
  return sortTraffic(traffic);
}

function fillLoad(traffic: Traffic, row: number, line: Line): void {
  traffic.sourceGpu[row] = wholeOf(line, "sourceGpu");
  traffic.destinationGpu[row] = wholeOf(line, "destinationGpu");
  traffic.sizeBytes[row] = wholeOf(line, "sizeBytes", 1, Number.MAX_SAFE_INTEGER);
  traffic.deadlineNs[row] = deadlineNsOf(line, oneOf(line, DEADLINES)!, traffic.postNs[row]!);
}

/** Fills the row of a cancel or a fence: what its line leaves out is that of the row of its load. */
function fillOther(traffic: Traffic, row: number, load: number, line: Line): void {
  for (const gpu of ["sourceGpu", "destinationGpu"] as const)
    traffic[gpu][row] = line.fields[gpu] === undefined ? traffic[gpu][load]! : wholeOf(line, gpu);
  if (line.fields.sizeBytes !== undefined) wholeOf(line, "sizeBytes", 0, 0);
  const stated = oneOf(line, DEADLINES, false);
  traffic.deadlineNs[row] = stated ? deadlineNsOf(line, stated, traffic.postNs[row]!) : traffic.deadlineNs[load]!;
}

/** Checks what traffic has no column for. */
function checkLeftOut(line: Line): void {
  const { layer, prefetch = false, dropLate = false, destinationAddress } = line.fields;
  if (layer !== undefined) wholeOf(line, "layer", 0, 2 ** 16 - 1);
  for (const field of ["expert", "sequence"] as const) if (line.fields[field] !== undefined) wholeOf(line, field);
  if (typeof prefetch !== "boolean") throw wrong(line, "prefetch", "true or false");
  if (dropLate !== false) throw wrong(line, "dropLate", "false, as an executor is told once for all loads");
  if (destinationAddress !== undefined && !isAddress(destinationAddress))
    throw wrong(line, "destinationAddress", "a whole number from 0 to 2^64 - 1");
}

/** JSON has no numbers of 64 bits: text of digits stands for them. */
function isAddress(value: unknown): boolean {
  return typeof value !== "object" && /^\d+$/.test(`${value}`) && BigInt(`${value}`) < 2n ** 64n;
}

function opOf(line: Line): number {
  const { op = "load" } = line.fields;
  if (typeof op !== "string" || !Object.hasOwn(OPS, op)) throw wrong(line, "op", Object.keys(OPS).join(", "));
  return OPS[op as Doorbell["op"]];
}

/** The one of `fields` that a line gives; nothing if it gives none and need not. */
function oneOf(line: Line, fields: readonly Field[], needed = true): Field | undefined {
  const given = fields.filter((field) => line.fields[field] !== undefined);
  if (given.length > 1 || (needed && given.length === 0))
    throw fileError(
      line.file,
      line.number,
      `one of ${fields.map(line.spell).join(", ")}`,
      given.map(line.spell).join(" and ") || "none",
    );
  return given[0];
}

function deadlineNsOf(line: Line, field: Field, postNs: number): number {
  const deadlineNs = nsOf(line, field) + (field.startsWith("slack") ? postNs : 0);
  if (deadlineNs > INSTANT_NS_MAX) throw tooLate(line, field);
  return deadlineNs;
}

function nsOf(line: Line, field: Field): number {
  const value = line.fields[field];
  if (typeof value !== "number" || !(value >= 0)) throw wrong(line, field, "a number from 0 up");
  const ns = field.endsWith("Us") ? nsFromUs(value) : value;
  if (ns > INSTANT_NS_MAX) throw tooLate(line, field);
  return ns;
}

function tooLate(line: Line, field: Field): RangeError {
  return wrong(line, field, "an instant within 2^53 ns, counted from the first post");
}

function wholeOf(line: Line, field: Field, low = 0, high = 2 ** 32 - 1): number {
  const value = line.fields[field];
  if (typeof value !== "number" || !Number.isInteger(value) || value < low || value > high)
    throw wrong(line, field, low === high ? `${low}` : `a whole number from ${low} to ${high}`);
  return value;
}

/** What is wrong with the value of a field. */
function wrong({ file, number, fields, spell }: Line, field: Field, expected: string): RangeError {
  const value = fields[field];
  const got = value === undefined ? "nothing" : /^[nb]/.test(typeof value) ? `${value}` : describe(value);
  return fileError(file, number, `${spell(field)} to be ${expected}`, got);
}

/** Lines of columns below a line of heads. */
function linesOfCsv(file: string, rows: { number: number; row: string }[]): Line[] {
  const spell = (field: Field) => field.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  const known = new Map(FIELDS.map((field) => [spell(field), field]));
  const [first, ...rest] = rows;
  if (!first) return [];
  const heads = fieldsOf(first.row);
  heads.forEach((head, i) => {
    if (!known.has(head))
      throw fileError(file, first.number, "columns of doorbells", `${head}${didYouMean(head, [...known.keys()])}`);
    if (heads.indexOf(head) !== i) throw fileError(file, first.number, "each column once", `${head} twice`);
  });
  return rest.map(({ number, row }) => {
    const cells = fieldsOf(row);
    checkColumns(file, number, cells, heads);
    const fields: Line["fields"] = {};
    cells.forEach((cell, i) => {
      if (cell !== "") fields[known.get(heads[i]!)!] = cellValue(cell);
    });
    return { file, number, fields, spell };
  });
}

/** Lines of JSON objects. */
function linesOfJson(file: string, rows: { number: number; row: string }[]): Line[] {
  const known: readonly string[] = [...FIELDS, ...FLAGS];
  return rows.map(({ number, row }) => {
    const fields = objectOfLine(file, number, row);
    for (const key of Object.keys(fields))
      if (!known.includes(key)) throw fileError(file, number, "keys of a doorbell", `${key}${didYouMean(key, known)}`);
    return { file, number, fields, spell: (field) => field };
  });
}
