import {
  CAUSES,
  type DecodingReport,
  duration,
  type Figure,
  figure as figureOf,
  percent,
  type SensitivityChange,
  type SensitivityReport,
  type Times,
} from "../../../index.ts";
import { element } from "../../elements.ts";
import { type Column, table } from "../../table.ts";
import { signed } from "./swings.ts";

/** A figure of a report: where it is, and how it reads. */
interface Row {
  name: string;
  of: (report: DecodingReport) => Figure | null;
  words: (value: number) => string;
}

const bytes = (value: number) => `${figureOf(value / 1e9)} GB`;
const unit = (name: string) => (value: number) => `${figureOf(value)} ${name}`;

const timesOf = (name: string, of: (report: DecodingReport) => Times | null): Row[] =>
  (["p50Ns", "p99Ns", "p999Ns"] as const).map((key, i) => ({
    name: `${name}, ${["median", "p99", "p99.9"][i]}`,
    of: (report) => of(report)?.[key] ?? null,
    words: duration,
  }));

/** What it takes, of one GPU. */
const COSTS: readonly Row[] = [
  { name: "loads a step", of: ({ loads }) => loads.postedPerStep, words: figureOf },
  { name: "late, of what is asked for", of: ({ loads }) => loads.missShare, words: percent },
  { name: "held already, of what is asked for", of: ({ loads }) => loads.heldShare, words: percent },
  { name: "prefetches a step", of: ({ loads }) => loads.prefetchesPerStep, words: figureOf },
  { name: "prefetches used", of: ({ loads }) => loads.usedShare, words: percent },
  { name: "bytes moved a step", of: ({ loads }) => loads.bytesPerStep, words: bytes },
  { name: "bytes moved in vain", of: ({ loads }) => loads.wastedBytesPerStep, words: bytes },
  { name: "HBM", of: ({ hbmBytesPerNs }) => hbmBytesPerNs, words: unit("GB/s") },
  { name: "fabric", of: ({ fabricGbps }) => fabricGbps, words: unit("Gb/s") },
  { name: "busiest part of the fabric", of: ({ busiestShare }) => busiestShare, words: percent },
  {
    name: "GPU-hours per million tokens",
    of: ({ gpuHoursPerMillionTokens }) => gpuHoursPerMillionTokens,
    words: figureOf,
  },
  { name: "joules per token, GPU", of: ({ joulesPerToken }) => joulesPerToken.gpu, words: unit("J") },
  { name: "joules per token, optics", of: ({ joulesPerToken }) => joulesPerToken.fabric, words: unit("J") },
];

const COMPARED: readonly Row[] = [
  ...timesOf("inter-token latency", ({ interTokenLatency }) => interTokenLatency),
  ...timesOf("TPOT", ({ tpot }) => tpot),
  ...timesOf("a load", ({ loads }) => loads.times),
  ...CAUSES.map((cause) => ({ name: cause, of: ({ causesNs }: DecodingReport) => causesNs[cause], words: duration })),
  ...COSTS,
];

/** A mean, and its interval below it unless that is a point. */
function withInterval({ mean, low, high }: Figure, words: (value: number) => string): string | Node {
  if (low === null || high === null || low === high) return words(mean);
  return element("span", {}, words(mean), element("small", {}, `${words(low)} .. ${words(high)}`));
}

const TIMES = [
  ["median", "p50Ns"],
  ["mean", "meanNs"],
  ["p99", "p99Ns"],
  ["p99.9", "p999Ns"],
] as const satisfies [string, keyof Times][];

/** Latencies from token to token, of outputs and of loads. */
export function timesTable(report: DecodingReport): HTMLElement {
  const { interTokenLatency, tpot, tpotTokens, loads } = report;
  const time = (title: string, times: Times): Column<(typeof TIMES)[number]> => ({
    title: `${title} ns`,
    of: ([, key]) => times[key].mean,
    words: ([, key]) => withInterval(times[key], duration),
  });
  return table(
    "decode-times",
    "How long, with intervals of 95% over repetitions",
    [
      { title: "figure", of: ([name]) => name },
      time("token to token", interTokenLatency),
      ...(tpot ? [time(`TPOT of ${tpotTokens} tokens`, tpot)] : []),
      ...(loads.postedPerStep.mean > 0 ? [time("a load", loads.times)] : []),
    ],
    TIMES,
  );
}

/** Bytes, loads, hours and joules of one GPU. */
export function costsTable(report: DecodingReport): HTMLElement {
  const rows = COSTS.filter(({ of }) => of(report)?.mean !== 0);
  return table(
    "decode-costs",
    "What it takes, a GPU",
    [
      { title: "figure", of: ({ name }) => name },
      {
        title: "mean",
        of: ({ of }) => of(report)?.mean ?? null,
        words: ({ of, words }) => {
          const found = of(report);
          return found ? withInterval(found, words) : "not stated";
        },
      },
    ],
    rows,
  );
}

/** Causes of a mean step, of runs side by side. */
export function causesTable(runs: readonly { name: string; report: DecodingReport }[]): HTMLElement {
  const used = CAUSES.filter((cause) => runs.some(({ report }) => report.causesNs[cause].mean > 0));
  return table(
    "decode-causes",
    "Where a mean step's time goes",
    [
      { title: "cause", of: (cause) => cause },
      ...runs.flatMap(({ name, report }) => {
        const all = CAUSES.reduce((sum, cause) => sum + report.causesNs[cause].mean, 0);
        return [
          {
            title: `${name} ns`,
            of: (cause: (typeof CAUSES)[number]) => report.causesNs[cause].mean,
            words: (cause: (typeof CAUSES)[number]) => withInterval(report.causesNs[cause], duration),
          },
          {
            title: `${name} share`,
            of: (cause: (typeof CAUSES)[number]) => report.causesNs[cause].mean / all,
            words: (cause: (typeof CAUSES)[number]) => percent(report.causesNs[cause].mean / all),
          },
        ];
      }),
    ],
    used,
  );
}

/** Two reports, and what the first has more than the other. */
export function comparedTable(a: DecodingReport, b: DecodingReport): HTMLElement {
  const rows = COMPARED.filter(({ of }) => (of(a)?.mean ?? 0) !== 0 || (of(b)?.mean ?? 0) !== 0);
  const cell = (report: DecodingReport) => ({
    of: ({ of }: Row) => of(report)?.mean ?? null,
    words: ({ of, words }: Row) => (of(report) ? withInterval(of(report)!, words) : "–"),
  });
  return table(
    "decode-compared",
    "Side by side",
    [
      { title: "figure", of: ({ name }) => name },
      { title: "A", ...cell(a) },
      { title: "B", ...cell(b) },
      {
        title: "A less B",
        of: ({ of }) => lessOf(of(a), of(b)),
        words: ({ of, words }) => lessWords(of(a), of(b), words),
      },
    ],
    rows,
  );
}

const lessOf = (a: Figure | null, b: Figure | null) => (a && b ? a.mean - b.mean : null);

/** A difference, in percent too; where intervals meet that is said. */
function lessWords(a: Figure | null, b: Figure | null, words: (value: number) => string): string | Node {
  const less = lessOf(a, b);
  if (less === null) return "–";
  if (less === 0) return "0";
  const share = b!.mean === 0 ? "" : `${less > 0 ? "+" : "−"}${percent(Math.abs(less / b!.mean))}`;
  const doMeet = [a!.low, a!.high, b!.low, b!.high].includes(null) ? false : a!.low! <= b!.high! && b!.low! <= a!.high!;
  const more = [share, doMeet ? "intervals meet" : ""].filter(Boolean).join("; ");
  return element("span", {}, `${less > 0 ? "+" : "−"}${words(Math.abs(less))}`, element("small", {}, more));
}

/** Parameters, and what they do to the p99. */
export function swingsTable({ rows, factor }: SensitivityReport): HTMLElement {
  const change = (how: string, key: "lower" | "higher"): Column<(typeof rows)[number]>[] => {
    const part = (title: string, of: (change: SensitivityChange) => number | null): Column<(typeof rows)[number]> => ({
      title,
      of: (row) => (row[key] ? of(row[key]) : null),
      words: (row) => (row[key] && of(row[key]) !== null ? signed(of(row[key])!) : "–"),
    });
    return [
      { title: how, of: (row) => row[key]?.value ?? null },
      part(`${how}: p99 by ns`, ({ changeNs }) => changeNs.mean),
      part(`${how}: from`, ({ changeNs }) => changeNs.low),
      part(`${how}: to`, ({ changeNs }) => changeNs.high),
    ];
  };
  return table(
    "decode-sensitivity",
    "What changes the answer",
    [
      { title: "parameter", of: ({ parameter }) => parameter },
      { title: "is", of: ({ value }) => value },
      ...change(`divided by ${factor}`, "lower"),
      ...change(`multiplied by ${factor}`, "higher"),
    ],
    rows,
  );
}
