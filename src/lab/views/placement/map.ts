import { pageColour } from "../../colours.ts";
import { element, shape } from "../../elements.ts";

/** Places in rows and columns, and which GPU each belongs to. */
export interface Grid {
  rows: number;
  columns: number;
  rowName: (row: number) => string;
  columnName: (column: number) => string;
  columnLabel: string;
  /** -1 where there is none. */
  gpuAt: (row: number, column: number) => number;
  /** Each row is one GPU, whose name is then a button. */
  areRowsGpus: boolean;
}

export interface Heat {
  grid: Grid;
  /** `[row][column]`, one row behind the other: 1 is the mean; NaN where there is nothing to be had. */
  values: Float64Array;
  /** 1 where something came that was not there before. */
  marks: Uint8Array;
  drained: ReadonlySet<number>;
  /** What is to be read of a place, in words. */
  words: (row: number, column: number) => string;
}

interface Told {
  look(row: number, column: number): void;
  drain(gpu: number): void;
}

interface Measures {
  width: number;
  height: number;
  cellWidth: number;
  cellHeight: number;
}

const LEFT = 62;
const TOP = 6;
const BOTTOM = 94;
const STEPS = 20;
/** Below 1, so that little more or less than the mean is seen, too. */
const STEEPNESS = 0.7;
const LEGEND_WIDTH = 200;

/** What places bear as colours: cold below the mean, hot above it. The names of GPUs are buttons, and arrows move a frame. */
export class HeatView {
  readonly root = shape("svg", { class: "heat", role: "group" });
  readonly #told: Told;
  readonly #cells = shape("g", { class: "cells" });
  readonly #frame = shape("rect", { class: "cursor", tabindex: 0, role: "button" });
  readonly #names = new Map<number, SVGGElement>();
  #heat: Heat | null = null;
  #measures: Measures | null = null;
  #layout = "";
  #at: [row: number, column: number] = [0, 0];

  /** `label`: what the picture is called by those who do not see it. */
  constructor(label: string, told: Told) {
    this.#told = told;
    this.root.setAttribute("aria-label", label);
    this.root.addEventListener("pointermove", (event) => this.#hover(event));
    this.root.addEventListener("click", (event) => this.#click(event));
    this.#frame.addEventListener("keydown", (event) => this.#press(event));
    this.#frame.addEventListener("focus", () => this.#told.look(...this.#at));
    document.addEventListener("recolour", () => {
      known = null;
      this.#paint();
    });
  }

  /** Draws for a picture of that width. */
  show(heat: Heat, width: number): void {
    this.#heat = heat;
    if (width < 120) return;
    const { grid } = heat;
    const cellHeight = Math.round(Math.max(13, Math.min(24, 480 / grid.rows)));
    const cellWidth = Math.min(48, (width - LEFT - 12) / grid.columns);
    const layout = [width, grid.rows, grid.columns, grid.areRowsGpus, grid.columnLabel].join();
    this.#measures = { width, height: TOP + grid.rows * cellHeight + BOTTOM, cellWidth, cellHeight };
    if (layout !== this.#layout) this.#layOut();
    this.#layout = layout;
    for (const [gpu, name] of this.#names) {
      const isDrained = heat.drained.has(gpu);
      name.setAttribute("aria-pressed", String(isDrained));
      name.setAttribute("aria-label", `Drain GPU ${gpu}`);
      name.classList.toggle("drained", isDrained);
    }
    this.#paint();
    this.point(...this.#at);
  }

  /** Puts the frame round a place. */
  point(row: number, column: number): void {
    if (!this.#heat || !this.#measures) return;
    const { grid, words } = this.#heat;
    this.#at = [Math.min(row, grid.rows - 1), Math.min(column, grid.columns - 1)];
    const { cellWidth, cellHeight } = this.#measures;
    const [x, y] = [LEFT + this.#at[1] * cellWidth, TOP + this.#at[0] * cellHeight];
    for (const [key, value] of Object.entries({ x, y, width: cellWidth, height: cellHeight }))
      this.#frame.setAttribute(key, String(value));
    this.#frame.setAttribute("aria-label", words(...this.#at));
  }

  #layOut(): void {
    const { grid } = this.#heat!;
    const { width, height, cellWidth, cellHeight } = this.#measures!;
    const focused = [...this.#names].find(([, name]) => name === document.activeElement)?.[0];
    const isFramed = document.activeElement === this.#frame;
    this.#names.clear();
    const parts: SVGElement[] = [];
    for (let row = 0; row < grid.rows; row++) {
      const middle = TOP + (row + 0.5) * cellHeight;
      const text = shape("text", { x: LEFT - 8, y: middle + 4, "text-anchor": "end" }, grid.rowName(row));
      if (!grid.areRowsGpus) {
        parts.push(text);
        continue;
      }
      const ground = shape("rect", { x: 0, y: middle - cellHeight / 2, width: LEFT - 4, height: cellHeight, rx: 3 });
      const gpu = grid.gpuAt(row, 0);
      const name = shape("g", { class: "gpu", role: "button", tabindex: row === 0 ? 0 : -1 }, ground, text);
      name.addEventListener("keydown", (event) => this.#pressName(event, row));
      this.#names.set(gpu, name);
      parts.push(name);
    }
    const step = [1, 2, 4, 8, 16, 32, 64, 128].find((one) => one * cellWidth >= 26) ?? grid.columns;
    const bottom = TOP + grid.rows * cellHeight;
    for (let column = 0; column < grid.columns; column += step)
      parts.push(
        shape(
          "text",
          { x: LEFT + (column + 0.5) * cellWidth, y: bottom + 15, "text-anchor": "middle", class: "soft" },
          grid.columnName(column),
        ),
      );
    const middle = LEFT + (grid.columns * cellWidth) / 2;
    parts.push(
      shape("text", { x: middle, y: bottom + 32, "text-anchor": "middle", class: "soft" }, grid.columnLabel),
      shape("g", { class: "legend", transform: `translate(${LEFT} ${bottom + 44})` }),
    );
    this.root.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.root.setAttribute("width", String(width));
    this.root.setAttribute("height", String(height));
    this.root.replaceChildren(this.#cells, ...parts, this.#frame);
    if (isFramed) this.#frame.focus();
    if (focused !== undefined) this.#names.get(focused)?.focus();
  }

  #paint(): void {
    if (!this.#heat || !this.#measures) return;
    const { grid, values, marks } = this.#heat;
    const { cellWidth, cellHeight } = this.#measures;
    const colours = coloursNow();
    const paths = new Map<string, string[]>();
    const dots: string[] = [];
    const [gapX, gapY] = [cellWidth > 7 ? 1 : 0, cellHeight > 7 ? 1 : 0];
    const radius = Math.min(cellWidth, cellHeight) / 6;
    values.forEach((value, i) => {
      const [row, column] = [Math.floor(i / grid.columns), i % grid.columns];
      if (grid.gpuAt(row, column) < 0) return;
      const [x, y] = [LEFT + column * cellWidth, TOP + row * cellHeight];
      const colour = colours(value);
      const path = paths.get(colour) ?? [];
      path.push(
        `M${x.toFixed(1)} ${y}h${(cellWidth - gapX).toFixed(1)}v${cellHeight - gapY}h-${(cellWidth - gapX).toFixed(1)}z`,
      );
      paths.set(colour, path);
      if (marks[i] && radius >= 0.8)
        dots.push(
          `M${(x + (cellWidth - gapX) / 2 - radius).toFixed(1)} ${y + (cellHeight - gapY) / 2}a${radius} ${radius} 0 1 0 ${2 * radius} 0a${radius} ${radius} 0 1 0 ${-2 * radius} 0z`,
        );
    });
    this.#cells.replaceChildren(
      ...Array.from(paths, ([fill, path]) => shape("path", { fill, d: path.join("") })),
      shape("path", { class: "came", d: dots.join("") }),
    );
    const hasNone = values.some((value, i) => Number.isNaN(value) && grid.gpuAt(Math.floor(i / grid.columns), 0) >= 0);
    this.root.querySelector(".legend")?.replaceChildren(...legend(colours, dots.length > 0, hasNone));
  }

  #placeOf({ clientX, clientY }: MouseEvent): [number, number] | null {
    if (!this.#heat || !this.#measures) return null;
    const { left, top, width } = this.root.getBoundingClientRect();
    const { width: own, cellWidth, cellHeight } = this.#measures;
    const scale = own / width;
    const column = Math.floor(((clientX - left) * scale - LEFT) / cellWidth);
    const row = Math.floor(((clientY - top) * scale - TOP) / cellHeight);
    const { rows, columns, gpuAt } = this.#heat.grid;
    return row >= 0 && row < rows && column >= 0 && column < columns && gpuAt(row, column) >= 0 ? [row, column] : null;
  }

  #hover(event: PointerEvent): void {
    const place = this.#placeOf(event);
    if (place && place.join() !== this.#at.join()) this.#told.look(...place);
  }

  #click(event: MouseEvent): void {
    const name = [...this.#names].find(([, one]) => one.contains(event.target as Node));
    if (name) {
      this.#told.drain(name[0]);
      return;
    }
    const place = this.#placeOf(event);
    if (!place) return;
    this.#told.look(...place);
    if (!this.#heat!.grid.areRowsGpus) this.#told.drain(this.#heat!.grid.gpuAt(...place));
  }

  #press(event: KeyboardEvent): void {
    const { grid } = this.#heat!;
    const [row, column] = this.#at;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.#told.drain(grid.gpuAt(row, column));
      return;
    }
    const [down, right] = STEP_OF[event.key] ?? [0, 0];
    if (down === 0 && right === 0) return;
    event.preventDefault();
    const place = [row + down, column + right] as const;
    if (place[0] < 0 || place[0] >= grid.rows || place[1] < 0 || place[1] >= grid.columns || grid.gpuAt(...place) < 0)
      return;
    this.#told.look(...place);
  }

  #pressName(event: KeyboardEvent, row: number): void {
    const gpus = [...this.#names.keys()];
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.#told.drain(gpus[row]!);
      return;
    }
    const next = this.#names.get(gpus[row + (STEP_OF[event.key]?.[0] ?? 0)] ?? -1);
    if (!next || next === event.currentTarget) return;
    event.preventDefault();
    for (const name of this.#names.values()) name.setAttribute("tabindex", name === next ? "0" : "-1");
    next.focus();
  }
}

const STEP_OF: Record<string, [down: number, right: number]> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
};

type Colours = (value: number) => string;

/** To ask the page for a colour makes it work out all styles anew: once is enough until they change. */
let known: Colours | null = null;
const coloursNow = (): Colours => (known ??= coloursOfPage());

/** Colours from cold over level to hot, as the page has them now. */
function coloursOfPage(): Colours {
  const stops = ["--cold", "--level", "--hot"].map(channelsOf);
  const none = pageColour("--none");
  const made = Array.from({ length: 2 * STEPS + 1 }, (_, i) => {
    const [from, to] = i < STEPS ? [stops[0]!, stops[1]!] : [stops[1]!, stops[2]!];
    const share = (i % STEPS) / STEPS + (i === 2 * STEPS ? 1 : 0);
    return `rgb(${from.map((channel, c) => Math.round(channel + (to[c]! - channel) * share)).join(" ")})`;
  });
  return (value) => {
    if (Number.isNaN(value)) return none;
    const off = Math.min(2, value) - 1;
    return made[Math.round((1 + Math.sign(off) * Math.abs(off) ** STEEPNESS) * STEPS)]!;
  };
}

const channelsOf = (variable: string) => (pageColour(variable).match(/[\d.]+/g) ?? []).slice(0, 3).map(Number);

function legend(colours: Colours, hasCome: boolean, hasNone: boolean): SVGElement[] {
  const step = LEGEND_WIDTH / STEPS;
  const word = (x: number, anchor: string, text: string) =>
    shape("text", { x, y: 24, "text-anchor": anchor, class: "soft" }, text);
  const key = (x: number, text: string) => shape("text", { x, y: 43, class: "soft" }, text);
  return [
    ...Array.from({ length: STEPS }, (_, i) =>
      shape("rect", { x: i * step, y: 0, width: step + 0.3, height: 10, fill: colours((2 * i + 1) / STEPS) }),
    ),
    word(0, "start", "0"),
    word(LEGEND_WIDTH / 2, "middle", "mean"),
    word(LEGEND_WIDTH, "end", "2 or more"),
    ...(hasNone
      ? [shape("rect", { x: 0, y: 34, width: 10, height: 10, fill: colours(Number.NaN) }), key(16, "holds nothing")]
      : []),
    ...(hasCome ? [shape("circle", { class: "came", cx: 115, cy: 39, r: 3 }), key(124, "copies came")] : []),
  ];
}

/** A picture and another side by side, where there is room. */
export const pair = (...figures: HTMLElement[]) => element("div", { class: "pair wide" }, ...figures);
