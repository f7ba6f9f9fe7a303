import { element, onWidth, shape } from "./elements.ts";

/** What a drawing of some width is made of, and how high that makes it. */
export interface Drawn {
  height: number;
  shapes: readonly SVGElement[];
}

/**
 * An SVG that is drawn for the width it has and again when that changes, so that its words stay as large as the page's. What is
 * appended to `root` stays there when the rest is drawn again: focus and a pointer's capture would else be lost.
 */
export class Drawing {
  readonly root: SVGSVGElement;
  readonly #ink = shape("g");
  readonly #redraw: () => void;
  #draw: ((width: number) => Drawn) | null = null;

  /** `role` is img, unless something in it can be focused. */
  constructor(role: "img" | "group" = "img") {
    this.root = shape("svg", { class: "drawing", role }, this.#ink);
    this.#redraw = onWidth(this.root, (width) => {
      if (!this.#draw) return;
      const { height, shapes } = this.#draw(width);
      this.root.setAttribute("viewBox", `0 0 ${width} ${Math.ceil(height)}`);
      this.#ink.replaceChildren(...shapes);
    });
  }

  /** `title` says what is seen to those who do not see it. */
  show(title: string, draw: (width: number) => Drawn): void {
    this.root.setAttribute("aria-label", title);
    this.#draw = draw;
    this.#redraw();
  }
}

/** Words at a place. `kind` is a class of the style sheet: ink, soft, strong, good, bad, small, end, middle. */
export const words = (x: number, y: number, text: string, kind = "ink") =>
  shape("text", { x: tenth(x), y: tenth(y), class: kind }, text);

/** Words in lines of at most `width`, the first at `y`; and where the next line would be. */
export function lines(x: number, y: number, text: string, width: number, kind = "ink") {
  const step = kind.includes("small") ? 16 : 19;
  const broken = linesOf(text, width, kind.includes("small") ? 12 : 14);
  return { shapes: broken.map((line, i) => words(x, y + i * step, line, kind)), nextY: y + broken.length * step };
}

/** `text` in lines that are at most `width` wide. */
function linesOf(text: string, width: number, size: number): string[] {
  const broken: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && widthOf(longer, size) > width) {
      broken.push(line);
      line = word;
    } else line = longer;
  }
  return [...broken, line];
}

let ruler: CanvasRenderingContext2D | null = null;

/** How wide words of `size` pixels come out. */
export function widthOf(text: string, size = 14): number {
  ruler ??= element("canvas").getContext("2d")!;
  ruler.font = `${size}px system-ui, sans-serif`;
  return ruler.measureText(text).width;
}

/** A box; at least so wide that it can be seen. */
export const box = (x: number, y: number, width: number, height: number, attributes: Record<string, string> = {}) =>
  shape("rect", { x: tenth(x), y: tenth(y), width: tenth(Math.max(0.6, width)), height: tenth(height), ...attributes });

export const stroke = (x1: number, y1: number, x2: number, y2: number, kind: string) =>
  shape("line", { x1: tenth(x1), y1: tenth(y1), x2: tenth(x2), y2: tenth(y2), class: kind });

/** Slanted strokes to fill with what colours alone would not tell apart; `url(#id)` is the fill. */
export function hatching(id: string, kind: string) {
  const pattern = shape(
    "pattern",
    { id, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    shape("line", { x1: 1, y1: 0, x2: 1, y2: 6, class: kind }),
  );
  return shape("defs", {}, pattern);
}

/** Round marks from `low` to `high`, 0 among them, about as many as asked for. */
export function roundMarks(low: number, high: number, about: number): number[] {
  const rough = (high - low) / Math.max(1, about);
  if (!(rough > 0)) return [0];
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  const first = Math.ceil(low / step);
  return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, i) => (first + i) * step);
}

const tenth = (value: number) => Math.round(value * 10) / 10;
