import { duration, type SensitivityChange, type SensitivityReport } from "../../../index.ts";
import { roundMarks } from "../../drawing.ts";
import { shape } from "../../elements.ts";

const BAR = 13;
/** From here on names stand beside their bars, below it above them. */
const WIDE = 640;
const NAMES = 250;

/** What each parameter does to the p99, divided and multiplied: what moves it most on top. */
export function swingsPicture({ rows, factor, p99Ns }: SensitivityReport, width: number): SVGSVGElement {
  const isWide = width >= WIDE;
  const [names, above, head, axis] = isWide ? [NAMES, 6, 30, 30] : [0, 24, 30, 30];
  const rowHeight = above + 2 * BAR + 12;
  const ends = rows.flatMap(({ lower, higher }) => [...endsOf(lower), ...endsOf(higher)]);
  const [least, greatest] = [Math.min(0, ...ends), Math.max(0, ...ends)];
  const span = greatest - least || 1;
  // What a parameter becomes is written at the ends.
  const [left, right] = [names + 76, width - 76];
  const at = (ns: number) => left + ((ns - least) / span) * (right - left);
  const bottom = head + rowHeight * rows.length;
  const grid = roundMarks(least, greatest, (right - left) / 90).flatMap((tick) => [
    shape("line", { x1: at(tick), x2: at(tick), y1: head, y2: bottom, class: tick === 0 ? "zero" : "grid" }),
    shape("text", { x: at(tick), y: bottom + 18, "text-anchor": "middle", class: "soft" }, signed(tick)),
  ]);
  const drawn = rows.flatMap(({ parameter, value, lower, higher }, i) => {
    const y = head + rowHeight * i;
    const name = isWide
      ? [
          shape("text", { x: 1, y: y + above + 11 }, parameter),
          shape("text", { x: 1, y: y + above + BAR + 13, class: "soft" }, value),
        ]
      : [shape("text", { x: 1, y: y + 17 }, `${parameter}, ${value}`)];
    return [
      ...name,
      ...changed(lower, y + above, "divided", at),
      ...changed(higher, y + above + BAR + 2, "multiplied", at),
    ];
  });
  const words = rows.map(({ parameter, swingNs }) => `${parameter} ${duration(swingNs)}`).join(", ");
  return shape(
    "svg",
    { viewBox: `0 0 ${width} ${bottom + axis}`, class: "drawing", role: "img" },
    shape("title", {}, `By how much the p99 of ${duration(p99Ns)} moves, at the most: ${words}`),
    ...key(factor),
    ...grid,
    ...drawn,
  );
}

function key(factor: number): SVGElement[] {
  return (["divided", "multiplied"] as const).flatMap((how, i) => [
    shape("rect", { x: 1 + 140 * i, y: 4, width: 13, height: 13, class: "swing", "data-how": how }),
    shape("text", { x: 20 + 140 * i, y: 15 }, `${how} by ${factor}`),
  ]);
}

function changed(
  change: SensitivityChange | null,
  y: number,
  how: "divided" | "multiplied",
  at: (ns: number) => number,
): SVGElement[] {
  if (!change) return [];
  const { mean, low, high } = change.changeNs;
  const x = Math.min(at(0), at(mean));
  const middle = y + BAR / 2;
  const bar = { x, y, width: Math.max(1, Math.abs(at(mean) - at(0))), height: BAR, class: "swing", "data-how": how };
  const isLeft = mean < 0;
  const end = isLeft ? Math.min(at(mean), at(low ?? mean)) - 5 : Math.max(at(mean), at(high ?? mean)) + 5;
  return [
    shape("rect", bar, shape("title", {}, `${change.value}: ${signed(mean)}`)),
    ...(low === null || high === null
      ? []
      : [shape("line", { x1: at(low), x2: at(high), y1: middle, y2: middle, class: "whisker" })]),
    shape("text", { x: end, y: y + 11, "text-anchor": isLeft ? "end" : "start", class: "soft" }, change.value),
  ];
}

const endsOf = (change: SensitivityChange | null): number[] =>
  change ? [change.changeNs.mean, change.changeNs.low ?? 0, change.changeNs.high ?? 0] : [];

/** A change as people read it. */
export const signed = (ns: number): string =>
  Math.abs(ns) < 1 ? "0" : `${ns > 0 ? "+" : "−"}${duration(Math.abs(ns))}`;
