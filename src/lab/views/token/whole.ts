import { CAUSE_COLOURS, type DecodingTimeline, duration } from "../../../index.ts";
import { keysOf } from "../../causes.ts";
import { box, type Drawn, hatching, roundMarks, stroke, widthOf, words } from "../../drawing.ts";
import { shape } from "../../elements.ts";

/** Where the strip is that can be clicked, and where time is in it. */
export interface Strip {
  x: (ns: number) => number;
  nsAt: (x: number) => number;
  y: number;
  height: number;
}

const HEIGHT = 26;
const [ON_TIME_Y, LATE_Y] = [34, 88];
const LOADS_Y = LATE_Y + HEIGHT + 3;

/** Time from left to right in a picture that is `width` wide. */
export function stripOf(endNs: number, width: number): Strip {
  const right = width - 12;
  return { x: (ns) => (ns / endNs) * right, nsAt: (x) => (x / right) * endNs, y: LATE_Y, height: HEIGHT };
}

/** A step as it ran, and the same with doorbells late, on one scale that ends at `endNs`. */
export function drawWhole(before: DecodingTimeline, now: DecodingTimeline, endNs: number, width: number): Drawn {
  const { x } = stripOf(endNs, width);
  const bottom = LOADS_Y + 14;
  const shapes: SVGElement[] = [hatching("stalls-whole", "thread")];
  for (const tick of roundMarks(0, endNs, width / 90)) {
    const kind = tick > 0 && x(tick) + 30 < width ? "middle" : tick > 0 ? "end" : "";
    shapes.push(stroke(x(tick), ON_TIME_Y, x(tick), bottom, "grid"));
    shapes.push(words(x(tick), bottom + 16, duration(tick), `small soft ${kind}`));
  }
  shapes.push(words(0, ON_TIME_Y - 8, `as it ran: ${duration(before.stepNs)}`, "small"));
  shapes.push(...layersAt(before, x, ON_TIME_Y));
  const more = now.stepNs - before.stepNs;
  const said =
    more > 0 ? `with the doorbell late: ${duration(now.stepNs)}, ${duration(more)} more` : "with the doorbell on time";
  shapes.push(words(0, LATE_Y - 8, said, "small"));
  shapes.push(...layersAt(now, x, LATE_Y));
  for (const { postedNs, readyNs } of now.loads)
    shapes.push(box(x(postedNs), LOADS_Y, x(readyNs) - x(postedNs), 9, { fill: CAUSE_COLOURS.data }));
  for (const [step, y] of [
    [before, ON_TIME_Y],
    [now, LATE_Y],
  ] as const)
    shapes.push(stroke(x(step.stepNs), y - 4, x(step.stepNs), y + HEIGHT + 4, "limit"));
  const keys = keysOf(["compute", "gap", "data"], 0, bottom + 42, width);
  const left = 17 * 3 + 16 * 3 + ["compute", "gap", "data"].reduce((sum, word) => sum + widthOf(word, 12), 0);
  const stall = [
    box(left, bottom + 32, 12, 12, { style: "fill: url(#stalls-whole)" }),
    words(left + 17, bottom + 42, "stalls for weights", "small"),
  ];
  return { height: keys.nextY, shapes: [...shapes, ...keys.shapes, ...stall] };
}

function layersAt({ layers, gapNs, fence }: DecodingTimeline, x: (ns: number) => number, y: number): SVGElement[] {
  const shapes: SVGElement[] = [];
  for (const { startNs, routerNs, readyNs, multiplyNs, endNs } of layers) {
    const gap = gapOf({ routerNs, readyNs, multiplyNs }, gapNs, fence === "additive");
    shapes.push(box(x(startNs), y, x(endNs) - x(startNs), HEIGHT, { fill: CAUSE_COLOURS.compute }));
    shapes.push(box(x(routerNs), y, x(multiplyNs) - x(routerNs), HEIGHT, { class: "sheet" }));
    if (multiplyNs - routerNs > gap.toNs - gap.fromNs)
      shapes.push(
        shape("rect", {
          x: x(routerNs),
          y,
          width: x(multiplyNs) - x(routerNs),
          height: HEIGHT,
          style: "fill: url(#stalls-whole)",
        }),
      );
    if (gap.toNs > gap.fromNs)
      shapes.push(box(x(gap.fromNs), y, x(gap.toNs) - x(gap.fromNs), HEIGHT, { fill: CAUSE_COLOURS.gap }));
  }
  return shapes;
}

/** When the gap of a layer is: it follows the load where it adds to it, and runs meanwhile elsewhere. */
export function gapOf(
  { routerNs, readyNs, multiplyNs }: { routerNs: number; readyNs: number; multiplyNs: number },
  gapNs: number,
  isAdditive: boolean,
): { fromNs: number; toNs: number } {
  const fromNs = isAdditive ? readyNs : routerNs;
  return { fromNs, toNs: Math.min(multiplyNs, fromNs + gapNs) };
}
