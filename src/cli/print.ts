import { basename, relative } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { Presets, SingleBar } from "cli-progress";
import Table from "cli-table3";
import pc from "picocolors";
import { type CountedValues, duration, figure, percent, type QuantileInterval, type Term } from "../index.ts";

/** Colours for a stream that shows them: a terminal, unless the environment says otherwise. */
export function paintFor({ isTTY }: { isTTY?: boolean }) {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  return pc.createColors(!NO_COLOR && (FORCE_COLOR ? FORCE_COLOR !== "0" : Boolean(isTTY) && TERM !== "dumb"));
}

/** Colours for standard output. */
export const paint = paintFor(process.stdout);

/** What to type to run this program, by however it was started, with `args`. */
export function typed(args = ""): string {
  const script = process.argv[1] ?? "";
  const installed = process.env["npm_command"] === "exec" ? "npx vorchestrate" : "vorchestrate";
  const program = basename(script) === "main.js" ? `node ${quoted(relative(process.cwd(), script))}` : installed;
  return args ? `${program} ${args}` : program;
}

/** What to type to run the same again with `more`. */
export function again(more: string): string {
  return typed([...process.argv.slice(2).map(quoted), more].join(" "));
}

/** A word as a shell takes it. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./\\-]+$/.test(word) ? word : JSON.stringify(word);
}

/** Columns to fill: those of the terminal, up to what reads well. */
export function width(): number {
  return Math.max(60, Math.min(100, process.stdout.columns || 100));
}

/** Writes a line to standard output. */
export function say(line = ""): void {
  process.stdout.write(`${line}\n`);
}

export function heading(text: string): void {
  say();
  say(paint.bold(text));
}

/** Writes `text` after `lead`, in lines that fit, each below the first's text. */
export function sayWrapped(lead: string, text: string): void {
  const indent = stripVTControlCharacters(lead).length;
  let line = "";
  let before = lead;
  for (const word of text.split(" ")) {
    if (line && indent + stripVTControlCharacters(`${line} ${word}`).length > width()) {
      say(before + line);
      [line, before] = ["", " ".repeat(indent)];
    }
    line += line ? ` ${word}` : word;
  }
  say(before + line);
}

/** Writes what the library returned, as JSON; typed arrays become lists. */
export function sayJson(value: unknown): void {
  const plain = (_: string, one: unknown) => (ArrayBuffer.isView(one) ? Array.from(one as Float64Array) : one);
  say(JSON.stringify(value, plain, 2));
}

const NO_RULES = Object.fromEntries(
  ["top", "bottom", "left", "right"]
    .flatMap((side) => [side, `${side}-mid`, `${side}-left`, `${side}-right`])
    .concat("mid", "mid-mid", "middle")
    .map((place) => [place, ""]),
);

/** Writes a table without rules; where it is wider than what fits, its last column is wrapped. */
export function sayTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): void {
  const gap = 2;
  const widths = head.map(
    (_, i) => gap + Math.max(...[head, ...rows].map((row) => stripVTControlCharacters(row[i]!).length)),
  );
  const rest = Math.max(12, width() - widths.slice(0, -1).reduce((a, b) => a + b, 0));
  if (rest < widths.at(-1)! - gap) widths[widths.length - 1] = rest;
  const table = new Table({
    head: head.some(Boolean) ? head.map((text) => paint.dim(text)) : [],
    colAligns: head.map((_, i) => (right.includes(i) ? "right" : "left")),
    colWidths: widths,
    wordWrap: true,
    style: { head: [], border: [], compact: true, "padding-left": 0, "padding-right": gap },
    chars: NO_RULES,
  });
  table.push(...rows.map((row) => [...row]));
  for (const line of table.toString().split("\n")) say(line.trimEnd());
}

/** Writes what to type next, and what for: side by side where that fits. */
export function sayNext(steps: readonly (readonly [string, string])[]): void {
  heading("Next");
  const [longest, longestWords] = [0, 1].map((i) => Math.max(...steps.map((step) => step[i]!.length)));
  const apart = longest! + longestWords! + 4 > width();
  for (const [command, what] of steps) {
    if (apart) say(paint.dim(`  ${what}:`));
    say(apart ? `    ${command}` : `  ${command.padEnd(longest!)}  ${paint.dim(what)}`);
  }
}

/** A bar on standard error, if that is a terminal; nothing otherwise. Ctrl-C leaves nothing of the terminal to restore. */
export function progressBar(what: string, total: number): { update(done: number): void; stop(): void } {
  if (!process.stderr.isTTY) return { update() {}, stop() {} };
  const bar = new SingleBar(
    {
      format: `${what} {bar} {percentage}%`,
      hideCursor: false,
      linewrap: true,
      gracefulExit: false,
      clearOnComplete: true,
      stream: process.stderr,
    },
    Presets.shades_classic,
  );
  bar.start(total, 0);
  return { update: (done) => bar.update(done), stop: () => bar.stop() };
}

/** Yes, no, or nobody knows. */
export function verdictWord(holds: boolean | null): string {
  if (holds === null) return paint.yellow("unstated");
  return holds ? paint.green("holds") : paint.red("fails");
}

/** A time with all of its four digits, so that columns line up. */
export function steady(ns: number): string {
  const [digits, unit] = duration(ns).split(" ");
  return `${Number(digits).toPrecision(4)} ${unit}`;
}

/** A size as people read it: 302 MB, 4.29 GB. */
export function sizeWords(bytes: number): string {
  const power = Math.max(0, Math.min(4, Math.floor(Math.log10(Number(bytes.toPrecision(3)) || 1) / 3)));
  return `${figure(bytes / 1000 ** power)} ${["B", "kB", "MB", "GB", "TB"][power]}`;
}

/** A share in percent with its tenths, so that columns line up. */
export function tenths(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}

/** A term's value or limit in the unit it is in. */
export function inUnit(value: number | null, unit: Term["unit"]): string {
  if (value === null) return "?";
  if (unit === "ns") return steady(value);
  return unit === "share" ? percent(value) : `${figure(value)} / million`;
}

/** What is left of a limit, to a tenth of a percent. */
export function marginWords(margin: number | null): string {
  if (margin === null) return "?";
  const digits = { minimumFractionDigits: 1, maximumFractionDigits: 1 };
  return `${(100 * margin).toLocaleString("en", digits)}%`;
}

/** P(miss): the tables behind it resolve 2^-32, so that less says no more than that it is rare. */
export function missWords(share: number): string {
  return share < 1e-9 ? "< 1e-9" : percent(share);
}

/** 736 ns (731 ns .. 742 ns), and a star where little is behind it. */
export function quantileWords({ ns, lowNs, highNs, thin }: QuantileInterval): string[] {
  const interval = `(${lowNs === null ? "?" : steady(lowNs)} .. ${highNs === null ? "?" : steady(highNs)})`;
  return [steady(ns), `${paint.dim(interval)}${thin ? paint.yellow(" *") : ""}`];
}

const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** A bar of `share` of `width` characters; what is there at all shows. */
export function bar(share: number, width: number): string {
  const eighths = Math.max(share > 0 ? 1 : 0, Math.round(share * width * 8));
  return "█".repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8];
}

/** Rows of equal ratio from the least value to the most, each with a bar as long as the logarithm of its count. */
export function sayHistogram({ values, counts }: CountedValues, rows = 16): void {
  const [least, most] = [values[0]!, values.at(-1)! * (1 + 1e-9)];
  const ratio = (most / least) ** (1 / rows);
  if (values.length === 1) {
    say(`  all ${figure(counts[0]!)} at ${duration(least)}`);
    return;
  }
  const sums = new Array<number>(rows).fill(0);
  values.forEach((value, i) => {
    const row = Math.min(rows - 1, Math.floor(Math.log(value / least) / Math.log(ratio)));
    sums[row]! += counts[i]!;
  });
  const longest = Math.log10(Math.max(...sums) + 1);
  sums.forEach((sum, i) => {
    const from = steady(least * ratio ** i).padStart(10);
    const length = bar(Math.log10(sum + 1) / longest, 40).padEnd(41);
    say(`${from}  ${paint.cyan(length)} ${paint.dim(sum.toLocaleString("en"))}`);
  });
  say(paint.dim(`${"".padStart(12)}from this latency up; the bars are logarithms of the counts`));
}
