import { checkFinite, checkPositive } from "./check.ts";
import type { DriveReport } from "./drive/report.ts";
import type { PrefetchReport } from "./prefetch/index.ts";
import type { TailReport } from "./tail.ts";
import { duration } from "./words.ts";

/** An axis: linear unless `log`. */
export interface Axis {
  label: string;
  log?: boolean;
  /** How a tick is written. */
  format?: (value: number) => string;
  /** The range; that of the points unless given. */
  from?: number;
  to?: number;
  /** Where ticks are; at round values unless given. */
  ticks?: readonly number[];
}

/** A line through points, with the interval of each where it is known. */
export interface Series {
  /** What the legend says, in as many lines as it has. */
  name: string;
  /** `radius`: of a dot there, in pixels; none unless given. */
  points: readonly { x: number; y: number; low?: number; high?: number; radius?: number }[];
  /** Drawn thin, dashed and grey: what the others are held against. */
  isReference?: boolean;
}

export interface Chart {
  title: string;
  subtitle?: string;
  x: Axis;
  y: Axis;
  series: readonly Series[];
  /** Vertical lines with a word to each. */
  marks?: readonly { x: number; label: string }[];
}

const WIDTH = 880;
const HEIGHT = 500;
const PLOT = { left: 118, top: 74, right: WIDTH - 150, bottom: HEIGHT - 56 };
const STYLE =
  "<style>.ink{fill:#1a1a1a}.soft{fill:#555}.page{fill:#fff}.grid{stroke:#ddd}.mark{stroke:#999}@media(prefers-color-scheme:dark){.ink{fill:#eee}.soft{fill:#aaa}.page{fill:#151515}.grid{stroke:#333}.mark{stroke:#777}}</style>";
/** Told apart by people of any colour vision (Okabe and Ito, 2008). */
const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a6a00", "#666666"];

/** A line chart as SVG, readable on light and dark; of several charts one below the other. */
export function lineChart(charts: Chart | readonly Chart[]): string {
  const all = "series" in charts ? [charts] : charts;
  if (all.length === 0) throw new RangeError("charts must be at least 1, got 0");
  const height = HEIGHT * all.length;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" font-family="system-ui, sans-serif" font-size="13">`,
    `<title>${escaped(all.map(({ title }) => title).join("; "))}</title>`,
    STYLE,
    `<rect class="page" width="${WIDTH}" height="${height}"/>`,
    ...all.flatMap((chart, i) => [
      ...(i > 0 ? [`<g transform="translate(0 ${HEIGHT * i})">`] : []),
      ...drawn(chart),
      ...(i > 0 ? ["</g>"] : []),
    ]),
    "</svg>",
    "",
  ].join("\n");
}

function drawn(chart: Chart): string[] {
  const points = chart.series.flatMap((series) => series.points);
  if (points.length === 0) throw new RangeError("series must hold at least 1 point, got 0");
  const x = scale(
    chart.x,
    points.map((point) => point.x),
    PLOT.left,
    PLOT.right,
  );
  const y = scale(
    chart.y,
    points.flatMap(({ y, low = y, high = y }) => [y, low, high]),
    PLOT.bottom,
    PLOT.top,
  );
  return [
    `<text class="ink" x="${PLOT.left}" y="28" font-size="17" font-weight="600">${escaped(chart.title)}</text>`,
    `<text class="soft" x="${PLOT.left}" y="50">${escaped(chart.subtitle ?? "")}</text>`,
    ...x.ticks.map(({ value, text }) => {
      const px = rounded(x.at(value));
      return `<line class="grid" x1="${px}" y1="${PLOT.top}" x2="${px}" y2="${PLOT.bottom}"/><text class="soft" x="${px}" y="${PLOT.bottom + 20}" text-anchor="middle">${escaped(text)}</text>`;
    }),
    ...y.ticks.map(({ value, text }) => {
      const py = rounded(y.at(value));
      return `<line class="grid" x1="${PLOT.left}" y1="${py}" x2="${PLOT.right}" y2="${py}"/><text class="soft" x="${PLOT.left - 8}" y="${py + 4}" text-anchor="end">${escaped(text)}</text>`;
    }),
    ...(chart.marks ?? []).map(({ x: value, label }) => {
      const px = rounded(x.at(value));
      // A word takes some 8 pixels a letter: it stands before the line where it has room there.
      const isRoomy = px - PLOT.left > 8 * label.length + 5;
      const word = isRoomy ? `x="${px - 5}" text-anchor="end"` : `x="${px + 5}"`;
      return `<line class="mark" x1="${px}" y1="${PLOT.top}" x2="${px}" y2="${PLOT.bottom}" stroke-dasharray="5 4"/><text class="soft" y="${PLOT.top + 14}" ${word}>${escaped(label)}</text>`;
    }),
    ...chart.series.map((series, i) => curve(series, i, x, y)),
    ...legend(chart.series),
    `<text class="soft" x="${(PLOT.left + PLOT.right) / 2}" y="${HEIGHT - 14}" text-anchor="middle">${escaped(chart.x.label)}</text>`,
    `<text class="soft" transform="translate(18 ${(PLOT.top + PLOT.bottom) / 2}) rotate(-90)" text-anchor="middle">${escaped(chart.y.label)}</text>`,
  ];
}

/** A line through points, on what is known of where each may lie, and below their dots. */
function curve({ points, isReference }: Series, i: number, x: Scale, y: Scale): string {
  const at = (px: number, py: number) => `${rounded(x.at(px))},${rounded(y.at(py))}`;
  const colour = COLOURS[i % COLOURS.length]!;
  const band = points.filter((point) => point.low !== undefined && point.high !== undefined);
  const outline = [...band.map((p) => at(p.x, p.high!)), ...band.toReversed().map((p) => at(p.x, p.low!))];
  const path = `<polyline points="${points.map((p) => at(p.x, p.y)).join(" ")}" fill="none"`;
  if (isReference) return `${path} class="mark" stroke-width="1.5" stroke-dasharray="5 4"/>`;
  return [
    ...(band.length > 1 ? [`<polygon points="${outline.join(" ")}" fill="${colour}" opacity=".18"/>`] : []),
    `${path} stroke="${colour}" stroke-width="2" stroke-linejoin="round"/>`,
    ...points.flatMap(({ x: px, y: py, radius }) =>
      radius
        ? [`<circle cx="${rounded(x.at(px))}" cy="${rounded(y.at(py))}" r="${rounded(radius)}" fill="${colour}"/>`]
        : [],
    ),
  ].join("\n");
}

/** A swatch and the name of each series, one below the other. */
function legend(series: readonly Series[]): string[] {
  let y = PLOT.top + 4;
  return series.map(({ name, isReference }, i) => {
    const words = name.split("\n");
    const lines = words.map((word, k) => `<tspan x="${PLOT.right + 38}" y="${y + 17 * k}">${escaped(word)}</tspan>`);
    const colour = isReference
      ? 'class="mark" stroke-width="1.5" stroke-dasharray="5 4"'
      : `stroke="${COLOURS[i % COLOURS.length]}" stroke-width="3"`;
    const swatch = `<line x1="${PLOT.right + 14}" y1="${y - 4}" x2="${PLOT.right + 32}" y2="${y - 4}" ${colour}/>`;
    y += 17 * words.length + 8;
    return `${swatch}<text class="ink">${lines.join("")}</text>`;
  });
}

/** Latency against the probability that it is exceeded, both on logarithmic scales: the tail is what lies low. */
export function tailChart(
  reports: readonly { name: string; report: TailReport }[],
  { title = "How often a doorbell takes longer", subtitle = "" }: { title?: string; subtitle?: string } = {},
): string {
  // Curves that coincide share a line, which takes all their names.
  const curves = new Map<string, { names: string[]; report: TailReport }>();
  for (const { name, report } of reports) {
    const key = JSON.stringify(report.curve);
    const names = curves.get(key)?.names ?? [];
    curves.set(key, { names: [...names, name], report });
  }
  return lineChart({
    title,
    subtitle,
    x: { label: "one-way latency", log: true, format: duration },
    y: { label: "share of doorbells that take longer", log: true, format: oneIn, to: 1 },
    series: [...curves.values()].map(({ names, report }) => ({
      name: names.join("\n"),
      points: report.curve.filter(({ ns }) => ns > 0).map(({ u, ns }) => ({ x: ns, y: u })),
    })),
  });
}

/** Load times against the share of loads that take longer, of drives side by side; a mark where loads are due, if all are after the same time. */
export function driveChart(
  reports: readonly Pick<DriveReport, "means" | "curve">[],
  {
    title = "How often a load takes longer",
    subtitle = "",
    slackNs,
  }: { title?: string; subtitle?: string; slackNs?: number } = {},
): string {
  return lineChart({
    title,
    subtitle,
    x: { label: "from post to end", log: true, format: duration },
    y: { label: "share of loads that take longer", log: true, format: oneIn, to: 1 },
    series: reports.map(({ means, curve }) => ({ name: means, points: curve.map(({ u, ns }) => ({ x: ns, y: u })) })),
    ...(slackNs === undefined ? {} : { marks: [{ x: slackNs, label: "deadline" }] }),
  });
}

/** Stall a token against how busy others keep the fabric, a line a policy, with intervals. */
export function prefetchChart(
  { rows }: Pick<PrefetchReport, "rows">,
  { title = "How long a token waits for experts", subtitle = "" }: { title?: string; subtitle?: string } = {},
): string {
  return lineChart({
    title,
    subtitle,
    x: { label: "utilisation by loads of others" },
    y: { label: "stall a token", log: true, format: duration },
    series: [...new Set(rows.map(({ policy }) => policy))].map((name) => ({
      name,
      // A logarithmic axis has no place for what does not stall at all, nor for intervals down to there.
      points: rows
        .filter(({ policy, stallNsPerToken }) => policy === name && stallNsPerToken.mean > 0)
        .map(({ utilisation, stallNsPerToken: { mean, low, high } }) => ({
          x: utilisation,
          y: mean,
          ...(low > 0 ? { low, high } : {}),
        })),
    })),
  });
}

function oneIn(share: number): string {
  return share >= 1 ? "all" : `1 in ${Math.round(1 / share).toLocaleString("en")}`;
}

interface Scale {
  at: (value: number) => number;
  ticks: { value: number; text: string }[];
}

/** Where values lie between two pixels, and ticks at round values. */
function scale(
  { log = false, format = String, from, to, ticks, label }: Axis,
  values: number[],
  start: number,
  end: number,
): Scale {
  let low = from ?? values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  let high = to ?? values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  checkFinite(`the least ${label}`, low);
  checkFinite(`the greatest ${label}`, high);
  if (log) checkPositive(`the least ${label}`, low);
  if (high <= low) [low, high] = log ? [low / 2, high * 2] : [low - 1, high + 1];
  const position = log ? Math.log10 : (value: number) => value;
  const [first, last] = [position(low), position(high)];
  const at = (value: number) => start + ((position(value) - first) / (last - first)) * (end - start);
  const steps = ticks ?? (log ? logTicks(low, high) : linearTicks(low, high));
  return { at, ticks: steps.map((value) => ({ value, text: format(value) })) };
}

/** Powers of ten, with their doubles and fives where there is room. */
function logTicks(low: number, high: number): number[] {
  const decades = Math.log10(high / low);
  if (decades < 0.5) return linearTicks(low, high);
  const factors = decades > 2.5 ? [1] : decades > 1.2 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 7];
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
    for (const factor of factors) ticks.push(Number((factor * 10 ** power).toPrecision(6)));
  return ticks.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
}

/** About six round values. */
function linearTicks(low: number, high: number): number[] {
  const rough = (high - low) / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) =>
    Number(((first + i) * step).toPrecision(12)),
  );
}

/** Tenths of pixels: what a picture needs. */
export function rounded(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}

/** A text as XML spells it. */
export function escaped(text: string): string {
  return text.replace(/[&<>"]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign]!);
}
