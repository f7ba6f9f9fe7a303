import { escaped, rounded } from "../plot.ts";
import { duration, percent } from "../words.ts";
import { CAUSES, type Cause, type DecodingReport } from "./report.ts";
import type { SensitivityReport } from "./sensitivity.ts";
import type { DecodingTimeline, LayerSpan, LoadSpan } from "./timeline.ts";

const WIDTH = 880;
const [LEFT, RIGHT] = [150, WIDTH - 30];
const STYLE =
  "<style>.ink{fill:#1a1a1a}.soft{fill:#555}.page{fill:#fff}.grid{stroke:#ddd}.mark{stroke:#999}@media(prefers-color-scheme:dark){.ink{fill:#eee}.soft{fill:#aaa}.page{fill:#151515}.grid{stroke:#333}.mark{stroke:#777}}</style>";
/** Of what is told apart in bars and timelines: by people of any colour vision (Okabe and Ito, 2008). */
export const CAUSE_COLOURS: Record<Cause, string> = {
  compute: "#0072b2",
  gap: "#56b4e9",
  command: "#cc79a7",
  wait: "#d55e00",
  outage: "#7a7a7a",
  data: "#e69f00",
  fence: "#009e73",
  barrier: "#7a6a00",
};

const svg = (title: string, height: number, body: readonly string[]) =>
  [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" font-family="system-ui, sans-serif" font-size="13">`,
    `<title>${escaped(title)}</title>`,
    STYLE,
    `<rect class="page" width="${WIDTH}" height="${height}"/>`,
    ...body,
    "</svg>",
    "",
  ].join("\n");

const text = (x: number, y: number, words: string, more = 'class="soft"') =>
  `<text ${more} x="${rounded(x)}" y="${rounded(y)}">${escaped(words)}</text>`;

/** A scale of time with round ticks. */
function timeAxis(toNs: number, y: number, height: number) {
  const at = (ns: number) => LEFT + (ns / toNs) * (RIGHT - LEFT);
  const rough = toNs / 7;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10);
  const ticks = Array.from({ length: Math.floor(toNs / step) + 1 }, (_, i) => {
    const px = rounded(at(i * step));
    return `<line class="grid" x1="${px}" y1="${y}" x2="${px}" y2="${y + height}"/>${text(px, y + height + 16, duration(i * step), 'class="soft" text-anchor="middle" font-size="11"')}`;
  });
  return { at, ticks };
}

/** A bar of time, named where it has room. */
function block(at: (ns: number) => number, y: number, from: number, to: number, colour: string, words = ""): string {
  if (!(to > from)) return "";
  const [x, width] = [at(from), at(to) - at(from)];
  const label = words && width > 7 * words.length + 6 ? text(x + 4, y + 15, words, 'fill="#fff" font-size="11"') : "";
  return `<rect x="${rounded(x)}" y="${y}" width="${rounded(Math.max(width, 0.4))}" height="21" fill="${colour}"/>${label}`;
}

function legend(causes: readonly Cause[], y: number): string {
  let x = LEFT;
  return causes
    .map((cause) => {
      const item = `<rect x="${x}" y="${y - 10}" width="11" height="11" fill="${CAUSE_COLOURS[cause]}"/>${text(x + 16, y, cause)}`;
      x += 7.5 * cause.length + 38;
      return item;
    })
    .join("");
}

/** What a layer and its slowest load look like when that load's doorbell comes `lateNs` later. */
export interface LateDoorbell {
  layer: LayerSpan;
  load: LoadSpan | null;
  lateNs: number;
  /** What the layer, and all that follow, start later. */
  shiftNs: number;
}

/**
 * What a late doorbell does to a layer, if its place in the queue moves along: to the layer that is given, else to the median
 * one of those that wait for loads. Null where nothing is loaded.
 */
export function lateDoorbell(
  { layers, loads, gapNs, fence }: DecodingTimeline,
  lateNs: number,
  only?: number,
): LateDoorbell | null {
  const stalls = layers.filter(({ layer }) => (only ?? layer) === layer && loads.some((load) => load.layer === layer));
  const [first] = stalls;
  if (!first) return null;
  const stallOf = ({ routerNs, multiplyNs }: LayerSpan) => multiplyNs - routerNs;
  const middle = stalls.toSorted((a, b) => stallOf(a) - stallOf(b))[Math.floor(stalls.length / 2)]!;
  const load = loads
    .filter((one) => one.layer === middle.layer && one.readyNs <= middle.readyNs + 1)
    .reduce<LoadSpan | null>((last, one) => (!last || one.readyNs > last.readyNs ? one : last), null);
  const late = middle.readyNs + lateNs;
  const startNs = fence === "additive" ? late + gapNs : Math.max(middle.routerNs + gapNs, late);
  return { layer: middle, load, lateNs, shiftNs: Math.max(0, startNs - middle.multiplyNs) };
}

/** A step to scale: all layers, one of them phase by phase against its limits, and the same with a doorbell that is late. */
export function timelineChart(
  timeline: DecodingTimeline,
  { title = "One decode step, to scale", lateNs = 16e3 }: { title?: string; lateNs?: number } = {},
): string {
  const { stepNs, layers, loads, gpu, step } = timeline;
  const late = lateDoorbell(timeline, lateNs);
  const whole = timeAxis(stepNs, 74, 52);
  const strip = layers.flatMap((layer) => [
    block(whole.at, 80, layer.startNs, layer.routerNs, CAUSE_COLOURS.compute),
    block(whole.at, 80, layer.routerNs, layer.multiplyNs, CAUSE_COLOURS.gap),
    block(whole.at, 80, layer.multiplyNs, layer.endNs, CAUSE_COLOURS.compute),
  ]);
  const fetched = loads.map((load) => block(whole.at, 103, load.postedNs, load.readyNs, CAUSE_COLOURS.data));
  const body = [
    text(20, 28, title, 'class="ink" font-size="17" font-weight="600"'),
    text(20, 50, `GPU ${gpu}, step ${step}: ${duration(stepNs)}, ${layers.length} layers, ${loads.length} loads`),
    ...whole.ticks,
    text(20, 95, "layers", 'class="ink"'),
    text(20, 118, "loads", 'class="ink"'),
    ...strip,
    ...fetched,
  ];
  if (!late) return svg(title, 200, [...body, legend(["compute", "gap"], 178)]);
  return svg(title, 470, [
    ...body,
    ...zoomed(timeline, late),
    legend(["compute", "gap", "command", "wait", "outage", "data", "fence"], 456),
  ]);
}

/** One layer from its router on, on time and late. */
function zoomed({ gapNs, deadlineNs }: DecodingTimeline, late: LateDoorbell): string[] {
  const { layer, lateNs, shiftNs } = late;
  const from = layer.routerNs;
  const shownNs = 1.12 * Math.max(deadlineNs, layer.multiplyNs - from + shiftNs, layer.readyNs - from + lateNs);
  const axis = timeAxis(shownNs, 214, 196);
  const rows = (y: number, byNs: number, movedNs: number) => {
    const startNs = layer.multiplyNs - from + movedNs;
    return [
      ...phasesOf(late.load, from, byNs).map(([cause, a, b]) => block(axis.at, y, a, b, CAUSE_COLOURS[cause], cause)),
      block(axis.at, y + 26, 0, startNs, CAUSE_COLOURS.gap, "gap and stall"),
      block(
        axis.at,
        y + 26,
        startNs,
        Math.min(shownNs, layer.endNs - from + movedNs),
        CAUSE_COLOURS.compute,
        "experts",
      ),
    ];
  };
  const mark = (ns: number, words: string, y: number) => {
    const px = rounded(axis.at(ns));
    const near = px > RIGHT - 120 ? `class="soft" text-anchor="end" font-size="11"` : 'class="soft" font-size="11"';
    return `<line class="mark" x1="${px}" y1="214" x2="${px}" y2="410" stroke-dasharray="5 4"/>${text(px + (px > RIGHT - 120 ? -4 : 4), y, words, near)}`;
  };
  return [
    text(20, 178, `Layer ${layer.layer} from its router's choice`, 'class="ink" font-size="15" font-weight="600"'),
    text(
      20,
      198,
      `a doorbell ${duration(lateNs)} late starts its experts, and all that follow, ${duration(shiftNs)} later`,
    ),
    ...axis.ticks,
    text(20, 246, "on time", 'class="ink"'),
    ...rows(232, 0, 0),
    text(20, 346, `${duration(lateNs)} late`, 'class="ink"'),
    ...rows(332, lateNs, shiftNs),
    mark(gapNs, `gap ${duration(gapNs)}`, 302),
    mark(deadlineNs, `deadline ${duration(deadlineNs)}`, 318),
  ];
}

/** What a load is doing when, from its router's choice. */
function phasesOf(load: LoadSpan | null, from: number, byNs: number): [cause: Cause, from: number, to: number][] {
  if (!load) return [];
  const { postedNs, arrivedNs, doneNs, readyNs, aloneNs, lostNs } = load;
  const readNs = Math.max(arrivedNs, doneNs - aloneNs - lostNs);
  const at = (ns: number) => ns - from + byNs;
  return [
    ["command", Math.max(0, postedNs - from), at(arrivedNs)],
    ["wait", at(arrivedNs), at(readNs)],
    ["outage", at(readNs), at(readNs + lostNs)],
    ["data", at(readNs + lostNs), at(doneNs)],
    ["fence", at(doneNs), at(readyNs)],
  ];
}

/** Where the time of a mean step went, of runs one below the other. */
export function causesChart(
  runs: readonly { name: string; report: DecodingReport }[],
  { title = "Where a step's time goes" }: { title?: string } = {},
): string {
  const sums = runs.map(({ report }) => CAUSES.reduce((sum, cause) => sum + report.causesNs[cause].mean, 0));
  const height = 96 + 34 * runs.length;
  const axis = timeAxis(Math.max(...sums) * 1.02, 48, 34 * runs.length);
  const used = CAUSES.filter((cause) => runs.some(({ report }) => report.causesNs[cause].mean > 0));
  return svg(title, height + 14, [
    text(20, 28, title, 'class="ink" font-size="17" font-weight="600"'),
    ...axis.ticks,
    ...runs.flatMap(({ name, report }, i) => {
      let from = 0;
      const y = 54 + 34 * i;
      return [
        text(20, y + 15, name, 'class="ink"'),
        ...CAUSES.map((cause) => {
          const to = from + report.causesNs[cause].mean;
          const drawn = block(axis.at, y, from, to, CAUSE_COLOURS[cause], cause);
          from = to;
          return drawn;
        }),
      ];
    }),
    legend(used, height),
  ]);
}

/** What moves the p99, both ways, with intervals: what moves it most on top. */
export function sensitivityChart(
  { rows, factor, of, p99Ns }: SensitivityReport,
  { title = "What moves the p99" }: { title?: string } = {},
): string {
  const ends = rows.flatMap(({ lower, higher }) => [lower, higher].flatMap((one) => endsOf(one?.changeNs)));
  const [least, greatest] = [Math.min(0, ...ends), Math.max(1, ...ends)];
  const [left, right] = [330, RIGHT - 70];
  const at = (ns: number) => left + ((ns - least) / (greatest - least)) * (right - left);
  const zero = rounded(at(0));
  const height = 100 + 40 * rows.length;
  const barOf = (change: SensitivityReport["rows"][number]["lower"], y: number, colour: string) => {
    if (!change) return [];
    const { mean, low, high } = change.changeNs;
    const [x, width] = [Math.min(at(0), at(mean)), Math.abs(at(mean) - at(0))];
    const whisker =
      low === null || high === null
        ? ""
        : `<line class="mark" x1="${rounded(at(low))}" x2="${rounded(at(high))}" y1="${y + 7}" y2="${y + 7}" stroke-width="2"/>`;
    const end =
      mean < 0 ? [Math.min(at(mean), at(low ?? mean)) - 5, "end"] : [Math.max(at(mean), at(high ?? mean)) + 5, "start"];
    return [
      `<rect x="${rounded(x)}" y="${y}" width="${rounded(Math.max(0.6, width))}" height="14" fill="${colour}"/>${whisker}`,
      text(end[0] as number, y + 11, change.value, `class="soft" font-size="11" text-anchor="${end[1]}"`),
    ];
  };
  return svg(title, height, [
    text(20, 28, title, 'class="ink" font-size="17" font-weight="600"'),
    text(
      20,
      50,
      `${of === "itl" ? "inter-token latency" : "TPOT"}, p99 ${duration(p99Ns)}; each divided and multiplied by ${factor}, with the same draws`,
    ),
    `<line class="mark" x1="${zero}" x2="${zero}" y1="62" y2="${height - 30}"/>`,
    ...rows.flatMap(({ parameter, value, lower, higher }, i) => {
      const y = 70 + 40 * i;
      return [
        text(20, y + 18, parameter, 'class="ink"'),
        text(170, y + 18, value),
        ...barOf(lower, y, CAUSE_COLOURS.compute),
        ...barOf(higher, y + 15, CAUSE_COLOURS.wait),
      ];
    }),
    text(
      (left + right) / 2,
      height - 12,
      `change of the p99, up to ${duration(greatest)} (${percent(greatest / p99Ns)})`,
      'class="soft" text-anchor="middle"',
    ),
  ]);
}

function endsOf(change: { mean: number; low: number | null; high: number | null } | undefined): number[] {
  return change ? [change.mean, change.low ?? 0, change.high ?? 0] : [];
}
