import {
  baseName,
  checkEnough,
  checkNotEmpty,
  countValues,
  fileError,
  type Measurement,
  positiveDecimal,
} from "../measurement.ts";
import { normalQuantile } from "../normal.ts";
import { nsFromUs } from "../units.ts";

/** What is measured, and what is printed of its round trip: a half of WRITE and SEND, all of READ and ATOMIC. */
const PRINTS_FULL_RTT = { write: false, send: false, read: true, atomic: true } as const;

/** The verbs whose latency perftest measures. */
export type PerftestVerb = keyof typeof PRINTS_FULL_RTT;

export interface PerftestOptions {
  /** The file's name, for messages. */
  file: string;
  /** The verb, where the file does not name it. */
  verb?: PerftestVerb;
}

/** One line of the summary table, in microseconds. */
interface Summary {
  bytes: number;
  iterations: number;
  least: number;
  typical: number;
  p99: number;
  p999: number;
  most: number;
  sigma: number;
}

/** Measurements of one message size. */
interface Run {
  rows: number[] | null;
  summary: Summary | null;
}

/** The summary's columns, as the table and as the JSON output name them. */
const COLUMNS = {
  bytes: ["#bytes", "MsgSize"],
  iterations: ["#iterations", "n_iterations"],
  least: ["t_min[usec]", "t_min"],
  typical: ["t_typical[usec]", "t_typical"],
  p99: ["99%[usec]", "percentile_99"],
  p999: ["99.9%[usec]", "percentile_99.9"],
  most: ["t_max[usec]", "t_max"],
  sigma: ["t_stdev[usec]", "t_stdev"],
} as const;

/** Reads the latency output of linux-rdma/perftest: rows (`-U`, `-H`), a summary table, or `--out_json`. */
export function readPerftest(text: string, { file, verb }: PerftestOptions): Measurement {
  checkNotEmpty(file, text);
  if (verb !== undefined && !Object.hasOwn(PRINTS_FULL_RTT, verb))
    throw new RangeError(`verb must be one of ${Object.keys(PRINTS_FULL_RTT).join(", ")}, got ${verb}`);
  const stated = verbOf(file, text);
  if (verb && stated && verb !== stated)
    throw fileError(file, null, `verb ${verb}, as the option says`, `a ${stated} test`);

  const runs = text.trimStart().startsWith("{") ? [runOfJson(file, text)] : runsOfText(file, text);
  const { rows, summary } = chosen(runs);
  const notes = [rttNote(verb ?? stated), ...sizeNotes(runs, summary)];
  const share = PRINTS_FULL_RTT[verb ?? stated ?? "write"] ? 0.5 : 1;
  const ns = (us: number) => nsFromUs(us) * share;
  const name = baseName(file);
  if (rows) {
    checkEnough(file, rows.length);
    notes.push(...rowNotes(rows, summary));
    return {
      name,
      source: `perftest -U, ${rows.length} rows`,
      counted: countValues(rows.map(ns)),
      quantiles: null,
      samples: rows.length,
      notes,
    };
  }
  if (!summary) throw fileError(file, null, "rows or a summary table of a latency test", "neither");
  checkEnough(file, summary.iterations);
  notes.push(...summaryNotes(summary));
  return {
    name,
    source: `perftest summary, ${summary.iterations} iterations`,
    counted: null,
    quantiles: {
      medianNs: ns(summary.typical),
      p99Ns: ns(summary.p99),
      p999Ns: ns(summary.p999),
      bodyJitter3SigmaNs: 3 * ns(bodySigma(summary)),
      floorNs: ns(summary.least),
    },
    samples: summary.iterations,
    notes,
  };
}

/** Whether a text is perftest's: its rows, its table or its JSON. */
export function looksLikePerftest(text: string): boolean {
  return (
    /^\s*#,\s*(usec|cycles)\s*$/m.test(text) ||
    /#bytes\s+#iterations/.test(text) ||
    /^\s*\{[\s\S]*"(test_info|t_typical)"/.test(text)
  );
}

function runsOfText(file: string, text: string): Run[] {
  const runs: Run[] = [];
  let rows: number[] | null = null; // of the run at hand
  let reading: number[] | null = null; // those that the next rows belong to
  let columns: string[] | null = null;
  for (const [i, line] of text.split(/\r\n|\r|\n/).entries()) {
    const head = /^\s*#,\s*(\S+)/.exec(line);
    if (head) {
      if (head[1] !== "usec")
        throw fileError(file, i + 1, "rows in usec", `rows in ${head[1]}: run perftest without --report-cycles`);
      reading = []; // a second block before the summary is the first one again, sorted (-U and -H together)
      rows ??= reading;
      columns = null;
    } else if (/#bytes/.test(line)) {
      columns = line.replaceAll("% percentile", "%").trim().split(/\s+/);
      reading = null;
    } else if (/^\s*\d/.test(line)) {
      if (reading) reading.push(rowOf(file, i + 1, line, reading.length + 1));
      else if (columns) {
        const fields = line.trim().split(/\s+/);
        const at = columns;
        runs.push({ rows, summary: summaryOf(file, i + 1, (name) => fields[at.indexOf(name)], 0) });
        rows = null;
      }
    }
  }
  if (rows) runs.push({ rows, summary: null });
  return runs;
}

function rowOf(file: string, line: number, text: string, expected: number): number {
  const [, number, value] = /^\s*(\d+)\s*,\s*(\S+)\s*$/.exec(text) ?? [];
  const us = positiveDecimal(value ?? "");
  if (Number(number) !== expected || Number.isNaN(us))
    throw fileError(file, line, `row ${expected} and a latency above 0 us`, text.trim());
  return us;
}

function runOfJson(file: string, text: string): Run {
  let results: Record<string, unknown> | undefined;
  try {
    results = JSON.parse(text).results;
  } catch (error) {
    throw fileError(file, null, "one JSON object as of --out_json", (error as Error).message);
  }
  return { rows: null, summary: summaryOf(file, null, (name) => results?.[name], 1) };
}

function summaryOf(file: string, line: number | null, read: (name: string) => unknown, spelling: 0 | 1): Summary {
  const number = (key: keyof typeof COLUMNS) => {
    const name = COLUMNS[key][spelling];
    const found = read(name);
    const value = found === undefined ? Number.NaN : Number(found);
    if (!(value >= 0 && value < Number.POSITIVE_INFINITY))
      throw fileError(file, line, `${name} of a latency test run by iterations (-n)`, `${found ?? "none"}`);
    return value;
  };
  const keys = Object.keys(COLUMNS) as (keyof typeof COLUMNS)[];
  const numbers = Object.fromEntries(keys.map((key) => [key, number(key)])) as Record<keyof typeof COLUMNS, number>;
  const { least, typical, p99, p999, most } = numbers;
  const steps = [least, typical, p99, p999, most];
  if (steps.some((us, i) => !(us > 0) || us < steps[i - 1]!))
    throw fileError(file, line, "t_min, t_typical, 99%, 99.9% and t_max above 0 and ascending", steps.join(", "));
  return numbers;
}

/** The run of 64 bytes, a doorbell's size, or that of the smallest message. */
function chosen(runs: readonly Run[]): Run {
  const bytes = (run: Run) => run.summary?.bytes ?? Number.POSITIVE_INFINITY;
  const smallest = runs.toSorted((a, b) => bytes(a) - bytes(b))[0];
  return runs.find((run) => bytes(run) === 64) ?? smallest ?? { rows: null, summary: null };
}

function sizeNotes(runs: readonly Run[], summary: Summary | null): string[] {
  if (runs.length < 2) return summary && summary.bytes !== 64 ? [`messages of ${summary.bytes} bytes`] : [];
  return [`${runs.length} runs: that of ${summary?.bytes ?? "unstated"} bytes is taken`];
}

/** In microseconds: t_stdev, but no more than what puts a normal 99th percentile on the stated one, and that if it is 0. */
function bodySigma({ typical, p99, sigma }: Summary): number {
  const widest = (p99 - typical) / normalQuantile(0.01);
  return sigma > 0 ? Math.min(sigma, widest) : widest;
}

function summaryNotes(summary: Summary): string[] {
  const { sigma, iterations } = summary;
  const body = bodySigma(summary);
  const why = body === sigma ? "" : ", which puts a normal 99th percentile on the stated one";
  const notes = [
    "a summary only: nothing is known beyond its 99.9th percentile",
    `t_stdev (${sigma} us) is truncated and takes in the tail: the body's sigma is taken as ${Number(body.toFixed(3))} us${why}`,
  ];
  if (iterations < 1000)
    notes.push(`of ${iterations} iterations the 99.9th percentile is no more than one of the greatest`);
  return notes;
}

function rowNotes(rows: readonly number[], summary: Summary | null): string[] {
  const notes = ["every quantile and sigma is recomputed from the rows"];
  if (!summary) return notes;
  notes[0] += ": perftest truncates t_stdev, and leaves its two greatest values out of its own summary";
  // n iterations are n - 1 gaps between doorbells; -H prints all but the two greatest of them.
  const missing = summary.iterations - 1 - rows.length;
  if (missing === 2 && rows.every((us, i) => i === 0 || us >= rows[i - 1]!))
    notes.push("the rows are those of -H, without the two greatest values: -U would hold them");
  else if (missing !== 0) notes.push(`${rows.length} rows of ${summary.iterations} iterations: the file may be cut`);
  return notes;
}

/** The verb that the tool's first lines, or its JSON, name. */
function verbOf(file: string, text: string): PerftestVerb | null {
  const [, verb, kind] = /\b(Send|RDMA_Write|RDMA_Read|Atomic)[ _](?:[^\n"]*?[ _])??(Latency|BW)[ _]/.exec(text) ?? [];
  if (kind === "BW") throw fileError(file, null, "a latency test", "a bandwidth test");
  return verb ? (verb.replace("RDMA_", "").toLowerCase() as PerftestVerb) : null;
}

function rttNote(verb: PerftestVerb | null): string {
  if (!verb)
    return "the verb is not stated: taken as RTT/2, what WRITE and SEND print; READ and ATOMIC print the full RTT";
  if (PRINTS_FULL_RTT[verb]) return `${verb.toUpperCase()} prints the full RTT: halved to one way`;
  return `RTT/2, as ${verb.toUpperCase()} prints`;
}
