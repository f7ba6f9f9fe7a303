import { CAUSES, type Cause, type DecodingReport, duration } from "../../../index.ts";
import { shape } from "../../elements.ts";
import { roundMarks } from "../../fitted.ts";

/** A run as a bar. */
export interface CausesRun {
  /** What it is called: A, B. */
  name: string;
  report: DecodingReport;
  /** The p99 that is judged, and what it must be within. */
  p99Ns: number;
  sloNs: number;
}

const [BAR, ROW, AXIS, HEAD, GOAL, LEGEND] = [24, 58, 30, 28, 18, 22];
/** What a letter takes, more or less. */
const LETTER = 8.2;

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
  const legendY = whole.height + rest.height + 24;
  const { shapes, height } = legend(used, width, legendY);
  const words = runs.map((run) => `${run.name}: ${used.map((cause) => `${cause} ${ns(run, cause)}`).join(", ")}`);
  return shape(
    "svg",
    { viewBox: `0 0 ${width} ${legendY + height}`, width, height: legendY + height, role: "img" },
    shape("title", {}, `Where a mean step's time goes. ${words.join("; ")}`),
    ...whole.shapes,
    ...rest.shapes,
    ...shapes,
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
    const segment = { x, y, width: Math.max(0.5, at(from) - x), height: BAR, class: "cause", "data-cause": cause };
    return [shape("rect", segment, shape("title", {}, `${cause}: ${duration(mean)}`))];
  });
}

/** Colours and their names, in as many lines as it takes, and the mark of the p99. */
function legend(causes: readonly Cause[], width: number, y: number) {
  let [x, line] = [1, 0];
  const place = (name: string) => {
    const room = 22 + LETTER * name.length + 16;
    if (x + room > width && x > 1) [x, line] = [1, line + 1];
    const [left, top] = [x, y + LEGEND * line];
    x += room;
    return { left, top, text: shape("text", { x: left + 19, y: top + 11 }, name) };
  };
  const shapes = causes.flatMap((cause) => {
    const { left, top, text } = place(cause);
    return [shape("rect", { x: left, y: top, width: 13, height: 13, class: "cause", "data-cause": cause }), text];
  });
  const { left, top, text } = place("p99");
  const mark = shape("line", { x1: left + 6, x2: left + 6, y1: top - 2, y2: top + 15, class: "p99" });
  return { shapes: [...shapes, mark, text], height: LEGEND * (line + 1) };
}
