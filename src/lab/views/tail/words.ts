import { duration, figure as figureOf, percent } from "../../../index.ts";
import type { BrowserTail } from "../../jobs/browser-tail.ts";
import type { TailCurve } from "../../jobs/tail.ts";
import type { Column } from "../../table.ts";

/** What is below half a step of the clock cannot be told apart. */
export const leastTold = (clock: BrowserTail["report"]["clock"]) => (clock?.stepNs ?? 0) / 2;

/** The tail of the browser itself. */
export function browserWords({ report, isShared }: BrowserTail): string {
  const { median, p99, p999, meanNs, meanErrorNs, iterations, method, clock } = report;
  const least = leastTold(clock);
  const words = ({ ns }: { ns: number }) => (ns < least ? `below ${duration(least)}` : duration(ns));
  return [
    `${isShared ? "Over shared memory" : "By messages, as this page is not cross-origin isolated"}:`,
    `median ${words(median)}, p99 ${words(p99)}, p99.9 ${words(p999)}, of ${figureOf(iterations)} doorbells;`,
    `mean ${duration(meanNs)} ± ${duration(meanErrorNs)}, which no clock's step moves.`,
    `${method.replace(/\.*$/, ".")} The clock: ${clock?.name}.`,
  ].join(" ");
}

/** The table of all curves. */
export const COLUMNS: readonly Column<TailCurve>[] = [
  { title: "optics", of: ({ name }) => name },
  { title: "median", unit: "ns", of: ({ medianNs }) => medianNs, words: ({ medianNs }) => duration(medianNs) },
  { title: "p99", unit: "ns", of: ({ p99Ns }) => p99Ns, words: ({ p99Ns }) => duration(p99Ns) },
  { title: "p99.9", unit: "ns", of: ({ p999Ns }) => p999Ns, words: ({ p999Ns }) => duration(p999Ns) },
  { title: "longest", unit: "ns", of: ({ mostNs }) => mostNs, words: ({ mostNs }) => duration(mostNs) },
  {
    title: "late",
    of: ({ miss }) => miss?.share ?? null,
    words: ({ miss }) => (miss ? `${percent(miss.share)} (${percent(miss.low)} to ${percent(miss.high)})` : "–"),
  },
  { title: "drawn", of: ({ count }) => count, words: ({ count }) => count.toLocaleString("en") },
  { title: "checksum", of: ({ checksum }) => checksum },
];

/** A share as an axis has it: 0.01, and 10 to the power of -4. */
export function shareWords(share: number): string {
  const power = Math.round(Math.log10(share));
  if (power > -3 || Math.abs(share / 10 ** power - 1) > 1e-6) return String(Number(share.toPrecision(2)));
  return `10${[...String(power)].map((sign) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(sign)] ?? "⁻").join("")}`;
}

/** What the curves say, in a sentence. */
export function findings(curves: readonly TailCurve[], isLoad: boolean, deadlineNs: number): string {
  if (isLoad) {
    const late = curves.filter(({ miss }) => miss && miss.high > 0.001);
    if (late.length === 0)
      return `Fewer than one in a thousand loads are later than ${duration(deadlineNs)}, whatever the optics.`;
    const shares = late.map(({ name, miss }) => `${percent(miss!.low)} to ${percent(miss!.high)} with ${name}`);
    return `Of all loads, later than ${duration(deadlineNs)} are ${shares.join(", ")}.`;
  }
  const [best, worst] = [...curves]
    .sort((a, b) => a.p999Ns - b.p999Ns)
    .filter((_, i, all) => i === 0 || i === all.length - 1);
  if (!best || !worst)
    return best ? `One in a thousand takes longer than ${duration(best.p999Ns)} with ${best.name}.` : "";
  return `One in a thousand takes longer than ${duration(best.p999Ns)} with ${best.name}, and than ${duration(worst.p999Ns)} with ${worst.name}: ${figureOf(worst.p999Ns / best.p999Ns)} times as long.`;
}
