import { type Cause, type DecodingTimeline, duration, type LayerSpan, type LoadSpan } from "../../../index.ts";
import { keysOf, stretch } from "../../causes.ts";
import { box, type Drawn, hatching, roundMarks, stroke, widthOf, words } from "../../drawing.ts";
import type { Limits } from "./knobs.ts";
import { gapOf } from "./whole.ts";

/** One layer as it ran, and with its doorbell late. Its load is the slowest; null where it waits for none. */
export interface Enlarged {
  before: DecodingTimeline;
  layer: LayerSpan;
  /** The same layer in the step whose doorbells are late. */
  lateLayer: LayerSpan;
  load: LoadSpan | null;
  lateNs: number;
  /** How late it can be made. */
  lateMostNs: number;
  limits: Limits;
  /** From the router's choice: where the picture ends. */
  endNs: number;
}

const HEIGHT = 26;
const [LIMITS_Y, ON_TIME_Y, LATE_Y] = [50, 108, 234];
const BOTTOM = LATE_Y + 2 * HEIGHT + 8;

/** Along which line the doorbell's grip is pulled, above the row that follows it. */
export const GRIP_Y = LATE_Y - 20;
/** How far a line goes down from it. */
export const STEM = 20 + HEIGHT;

/** Time from the router's choice in a picture that is `width` wide. */
export function scaleOf(endNs: number, width: number) {
  const [left, right] = [12, width - 4];
  return {
    at: (ns: number) => left + (ns / endNs) * (right - left),
    nsAt: (x: number) => ((x - left) / (right - left)) * endNs,
  };
}

export function drawEnlarged(what: Enlarged, width: number): Drawn {
  const { before, load, layer, lateLayer, lateNs, lateMostNs, endNs } = what;
  const { at } = scaleOf(endNs, width);
  const shapes: SVGElement[] = [hatching("stalls", "thread"), hatching("tardy", "interval")];
  for (const tick of roundMarks(0, endNs, width / 100)) {
    const isLast = at(tick) + 26 > width;
    shapes.push(stroke(at(tick), LIMITS_Y, at(tick), BOTTOM, "grid"));
    shapes.push(
      words(at(tick), BOTTOM + 16, duration(tick), `small soft ${tick === 0 ? "" : isLast ? "end" : "middle"}`),
    );
  }
  shapes.push(...budget(what, at));
  const label = (y: number, text: string) => shapes.push(words(at(0), y - 7, text, "small"));
  label(ON_TIME_Y, load ? "as it ran: load and GPU" : "as it ran: the GPU waits for no load");
  shapes.push(...loadAt(load, layer.routerNs, 0, at, ON_TIME_Y));
  shapes.push(...gpuAt(layer, before, endNs, at, ON_TIME_Y + HEIGHT + 4));
  label(LATE_Y - 34, lateNs > 0 ? `with its doorbell ${duration(lateNs)} late` : "with its doorbell on time: drag it");
  if (load) shapes.push(stroke(at(0), GRIP_Y, at(lateMostNs), GRIP_Y, "thread"));
  if (load && lateNs > 0)
    shapes.push(box(at(0), LATE_Y + 3, at(lateNs) - at(0), HEIGHT - 6, { style: "fill: url(#tardy)" }));
  shapes.push(...loadAt(load, layer.routerNs, load ? lateNs : 0, at, LATE_Y));
  shapes.push(...gpuAt(lateLayer, before, endNs, at, LATE_Y + HEIGHT + 4));
  const keys = keysOf(
    ["command", "wait", "outage", "data", "fence", "gap", "compute"],
    at(0),
    BOTTOM + 44,
    width - at(0),
  );
  const hatched = (x: number, fill: string, said: string) => [
    box(x, keys.nextY - 10, 12, 12, { style: `fill: url(#${fill})` }),
    words(x + 17, keys.nextY, said, "small"),
  ];
  const stall = [
    ...hatched(at(0), "stalls", "the GPU stalls"),
    ...hatched(at(0) + 48 + widthOf("the GPU stalls", 12), "tardy", "the doorbell is late"),
  ];
  return { height: keys.nextY + 12, shapes: [...shapes, ...keys.shapes, ...stall] };
}

/** What the phases may take, and the deadline through all that is below. */
function budget({ before, limits, endNs }: Enlarged, at: (ns: number) => number): SVGElement[] {
  const { commandNs, dataNs, fenceNs } = limits;
  const shapes: SVGElement[] = [words(at(0), LIMITS_Y - 7, "what its phases may take", "small")];
  let fromNs = 0;
  for (const [cause, ns] of [
    ["command", commandNs],
    ["data", dataNs],
    ["fence", fenceNs],
  ] as const) {
    const toNs = Math.min(endNs, fromNs + ns);
    shapes.push(stretch(cause, at(fromNs), LIMITS_Y, at(toNs) - at(fromNs), `${cause}: ${duration(ns)}`, HEIGHT));
    fromNs = toNs;
  }
  const x = at(before.deadlineNs);
  const said = `deadline ${duration(before.deadlineNs)}`;
  const isLeft = x + widthOf(said, 12) + 8 > at(endNs);
  shapes.push(
    stroke(x, 16, x, BOTTOM, "limit"),
    words(x + (isLeft ? -6 : 6), 24, said, `small ${isLeft ? "end" : ""}`),
  );
  return shapes;
}

/** What a load is doing when, counted from its router's choice. */
export function phasesOf(
  load: LoadSpan,
  routerNs: number,
  lateNs: number,
): [cause: Cause, fromNs: number, toNs: number][] {
  const { postedNs, arrivedNs, doneNs, readyNs, aloneNs, lostNs } = load;
  const readNs = Math.max(arrivedNs, doneNs - aloneNs - lostNs);
  const at = (ns: number) => ns - routerNs + lateNs;
  return [
    ["command", at(postedNs), at(arrivedNs)],
    ["wait", at(arrivedNs), at(readNs)],
    ["outage", at(readNs), at(readNs + lostNs)],
    ["data", at(readNs + lostNs), at(doneNs)],
    ["fence", at(doneNs), at(readyNs)],
  ];
}

const loadAt = (load: LoadSpan | null, routerNs: number, lateNs: number, at: (ns: number) => number, y: number) =>
  load === null
    ? []
    : phasesOf(load, routerNs, lateNs).map(([cause, fromNs, toNs]) =>
        stretch(cause, at(fromNs), y, at(toNs) - at(fromNs), cause, HEIGHT),
      );

/** What the GPU does from its router's choice on. */
function gpuAt(
  layer: LayerSpan,
  { gapNs, fence }: DecodingTimeline,
  endNs: number,
  at: (ns: number) => number,
  y: number,
): SVGElement[] {
  const { routerNs, multiplyNs } = layer;
  const gap = gapOf(layer, gapNs, fence === "additive");
  const from = (ns: number) => Math.min(endNs, ns - routerNs);
  const stall = (fromNs: number, toNs: number) =>
    toNs > fromNs ? [box(at(fromNs), y, at(toNs) - at(fromNs), HEIGHT, { style: "fill: url(#stalls)" })] : [];
  const lastNs = from(layer.endNs);
  const until = layer.endNs - routerNs > endNs ? `experts, until ${duration(layer.endNs - routerNs)} →` : "experts";
  return [
    ...stall(0, from(gap.fromNs)),
    stretch("gap", at(from(gap.fromNs)), y, at(from(gap.toNs)) - at(from(gap.fromNs)), "gap", HEIGHT),
    ...stall(from(gap.toNs), from(multiplyNs)),
    stretch("compute", at(from(multiplyNs)), y, at(lastNs) - at(from(multiplyNs)), until, HEIGHT),
  ];
}
