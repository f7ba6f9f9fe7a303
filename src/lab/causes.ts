import { CAUSE_COLOURS, type Cause } from "../index.ts";
import { box, widthOf, words } from "./drawing.ts";
import { shape } from "./elements.ts";

/** Where words in white are read more easily than in black. */
const DARK: ReadonlySet<Cause> = new Set(["compute", "outage", "barrier"]);

/** A stretch of time that went to `cause`, named where there is room. Nothing where it lasts for none. */
export function stretch(cause: Cause, x: number, y: number, width: number, label: string = cause, height = 24) {
  if (!(width > 0)) return shape("g");
  const named = width > widthOf(label, 12) + 10;
  const colours = { fill: CAUSE_COLOURS[cause], class: `stretch ${cause}` };
  return shape(
    "g",
    {},
    box(x, y, width, height, colours),
    named ? words(x + 5, y + height / 2 + 4, label, `small ${DARK.has(cause) ? "on-dark" : "on-light"}`) : null,
  );
}

/** What the colours stand for, in as many rows as `width` needs; and where they end. */
export function keysOf(causes: readonly Cause[], x: number, y: number, width: number) {
  let [left, top] = [x, y];
  const shapes = causes.map((cause) => {
    const wide = 17 + widthOf(cause, 12) + 16;
    if (left > x && left + wide > x + width) [left, top] = [x, top + 20];
    const item = shape(
      "g",
      {},
      box(left, top - 10, 12, 12, { fill: CAUSE_COLOURS[cause], class: `stretch ${cause}` }),
      words(left + 17, top, cause, "small"),
    );
    left += wide;
    return item;
  });
  return { shapes, nextY: top + 20 };
}
