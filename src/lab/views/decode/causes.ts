import { CAUSES, type Cause, type DecodingReport, duration } from "../../../index.ts";
import { keysOf, stretch } from "../../causes.ts";
import { roundMarks, words as wordsAt } from "../../drawing.ts";
import { shape } from "../../elements.ts";

/** A run as a bar. */
export interface CausesRun {
  /** What it is called: A, B. */
  name: string;
  report: DecodingReport;
  /** The p99 that is judged, and what it must be within. */
  p99Ns: number;
  sloNs: number;
}

const [BAR, ROW, AXIS, HEAD, GOAL] = [24, 58, 30, 28, 18];

/** Causes that are there with all weights in place. */
const BARE: readonly Cause[] = ["compute", "gap"];

/** Where a mean step's time goes, and below, on a scale of its own, what weights add to it. */
export function causesPicture(runs: readonly CausesRun[], width: number): SVGSVGElement {
  const added = CAUSES.filter((cause) => !BARE.includes(cause));
  const used = CAUSES.filter((cause) => runs.some(({ report }) => report.causesNs[cause].mean > 0));
  const longest = Math.max(...runs.map((run) => Math.max(run.p99Ns, sumOf(run, CAUSES))));
  // An objective far beyond all that happens would press the bars together.
  const goals = [...new Set(runs.map(({ sloNs }) => sloNs))].filter((ns) => ns < 1.5 * longest);
  const whole = panel("A mean step, and its p99", runs, CAUSES, { width, y: 0, marks: { goals } });
  const rest = runs.some((run) => sumOf(run, added) > 0)
    ? panel("Of that, what fetching weights adds", runs, added, { width, y: whole.height + 12, marks: null })
    : { height: -12, shapes: [] };
  const keys = keysOf(used, 1, whole.height + rest.height + 35, width);
  const words = runs.map((run) => `${run.name}: ${used.map((cause) => `${cause} ${ns(run, cause)}`).join(", ")}`);
  return shape(
    "svg",
    { viewBox: `0 0 ${width} ${keys.nextY + 8}`, class: "drawing", role: "img" },
    shape("title", {}, `Where a mean step's time goes. ${words.join("; ")}`),
    ...whole.shapes,
    ...rest.shapes,
    ...keys.shapes,
    shape("line", { x1: 7, x2: 7, y1: keys.nextY - 12, y2: keys.nextY + 4, class: "p99" }),
    wordsAt(18, keys.nextY, "p99", "small"),
  );
}

const ns = ({ report }: CausesRun, cause: Cause) => duration(report.causesNs[cause].mean);

const sumOf = ({ report }: CausesRun, causes: readonly Cause[]) =>
  causes.reduce((sum, cause) => sum + report.causesNs[cause].mean, 0);

/** Runs one below the other on one scale. */
function panel(
  title: string,
  runs: readonly CausesRun[],
  causes: readonly Cause[],
  { width, y, marks }: { width: number; y: number; marks: { goals: readonly number[] } | null },
) {
  const sums = runs.map((run) => sumOf(run, causes));
  const most = 1.04 * Math.max(...sums, ...(marks ? [...marks.goals, ...runs.map(({ p99Ns }) => p99Ns)] : []));
  const at = (ns: number) => 1 + ((width - 2) * ns) / most;
  // Each objective has a line of words to itself: they may be as near to one another as they like.
  const words = marks?.goals.length ?? 0;
  const top = y + HEAD + GOAL * words;
  const bottom = top + ROW * runs.length;
  const barY = (row: number) => top + ROW * row + 24;
  const grid = roundMarks(0, most, width / 110).flatMap((tick) => [
    shape("line", { x1: at(tick), x2: at(tick), y1: top, y2: bottom, class: "grid" }),
    shape(
      "text",
      { x: at(tick), y: bottom + 18, "text-anchor": anchorAt(at(tick), width), class: "soft" },
      duration(tick),
    ),
  ]);
  const rows = runs.flatMap((run, i) => {
    const said = marks
      ? `${run.name}: mean ${duration(sums[i]!)}, p99 ${duration(run.p99Ns)}`
      : `${run.name}: ${duration(sums[i]!)}`;
    return [
      shape("text", { x: 1, y: barY(i) - 7 }, said),
      ...segments(run, causes, at, barY(i)),
      ...(marks
        ? [
            shape("line", {
              x1: at(run.p99Ns),
              x2: at(run.p99Ns),
              y1: barY(i) - 4,
              y2: barY(i) + BAR + 4,
              class: "p99",
            }),
          ]
        : []),
    ];
  });
  const goals = (marks?.goals ?? []).flatMap((goal, i) => {
    const whose = runs.filter(({ sloNs }) => sloNs === goal);
    const names = whose.length < runs.length ? ` of ${whose.map(({ name }) => name).join(" and ")}` : "";
    const isLeft = at(goal) > width / 2;
    const wordsY = y + HEAD + GOAL * i + 12;
    const line = (y1: number, y2: number) => shape("line", { x1: at(goal), x2: at(goal), y1, y2, class: "goal" });
    return [
      line(wordsY - 12, wordsY + 4),
      // Through the bars alone: what is written between them stays free.
      ...whose.map((run) => line(barY(runs.indexOf(run)) - 4, barY(runs.indexOf(run)) + BAR + 4)),
      shape(
        "text",
        { x: at(goal) + (isLeft ? -6 : 6), y: wordsY, "text-anchor": isLeft ? "end" : "start", class: "soft" },
        `objective${names} ${duration(goal)}`,
      ),
    ];
  });
  return {
    height: top - y + ROW * runs.length + AXIS,
    shapes: [...grid, shape("text", { x: 1, y: y + 15, class: "head" }, title), ...goals, ...rows],
  };
}

const anchorAt = (x: number, width: number) => (x < 24 ? "start" : x > width - 24 ? "end" : "middle");

function segments(run: CausesRun, causes: readonly Cause[], at: (ns: number) => number, y: number): SVGElement[] {
  let from = 0;
  return causes.flatMap((cause) => {
    const { mean } = run.report.causesNs[cause];
    const x = at(from);
    from += mean;
    if (!(mean > 0)) return [];
    return [
      shape("g", {}, shape("title", {}, `${cause}: ${duration(mean)}`), stretch(cause, x, y, at(from) - x, cause, BAR)),
    ];
  });
}
