import { Presets, SingleBar } from "cli-progress";
import Table from "cli-table3";
import pc from "picocolors";
import { type CountedValues, duration, figure, percent, type QuantileInterval, type Term } from "../index.ts";

/** Writes a line to standard output. */
export function say(line = ""): void {
  process.stdout.write(`${line}\n`);
}

export function heading(text: string): void {
  say();
  say(pc.bold(text));
}

/** Writes what the library returned, as JSON. */
export function sayJson(value: unknown): void {
  say(JSON.stringify(value, null, 2));
}

/** Writes a table without rules between its rows. */
export function sayTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): void {
  const table = new Table({
    head: head.map((text) => pc.dim(text)),
    colAligns: head.map((_, i) => (right.includes(i) ? "right" : "left")),
    style: { head: [], border: [], compact: true, "padding-left": 0, "padding-right": 2 },
    chars: Object.fromEntries(
      [
        "top",
        "top-mid",
        "top-left",
        "top-right",
        "bottom",
        "bottom-mid",
        "bottom-left",
        "bottom-right",
        "left",
        "left-mid",
        "mid",
        "mid-mid",
        "right",
        "right-mid",
        "middle",
      ].map((place) => [place, ""]),
    ),
  });
  table.push(...rows.map((row) => [...row]));
  say(table.toString());
}

/** A bar on standard error, if that is a terminal; nothing otherwise. */
export function progressBar(what: string, total: number): { update(done: number): void; stop(): void } {
  if (!process.stderr.isTTY) return { update() {}, stop() {} };
  const bar = new SingleBar(
    { format: `${what} {bar} {percentage}%`, hideCursor: true, clearOnComplete: true, stream: process.stderr },
    Presets.shades_classic,
  );
  bar.start(total, 0);
  return { update: (done) => bar.update(done), stop: () => bar.stop() };
}

/** Yes, no, or nobody knows. */
export function verdictWord(holds: boolean | null): string {
  if (holds === null) return pc.yellow("unstated");
  return holds ? pc.green("holds") : pc.red("fails");
}

/** A term's value or limit in the unit it is in. */
export function inUnit(value: number | null, unit: Term["unit"]): string {
  if (value === null) return "?";
  if (unit === "ns") return duration(value);
  return unit === "share" ? percent(value) : `${figure(value)} / million`;
}

/** 736 ns (731 ns .. 742 ns), and a star where little is behind it. */
export function quantileWords({ ns, lowNs, highNs, thin }: QuantileInterval): string {
  return `${duration(ns)} ${pc.dim(`(${duration(lowNs)} .. ${highNs === null ? "?" : duration(highNs)})`)}${thin ? pc.yellow(" *") : ""}`;
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
  if (!(ratio > 1)) {
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
    const from = duration(least * ratio ** i).padStart(10);
    say(`${from} ${pc.cyan(bar(Math.log10(sum + 1) / longest, 40).padEnd(41))} ${pc.dim(sum.toLocaleString("en"))}`);
  });
  say(pc.dim(`${"".padStart(11)}the bars are logarithmic: each step to the right is a larger factor`));
}
