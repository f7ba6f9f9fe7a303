import uPlot from "uplot";
import { element } from "./elements.ts";
import { save } from "./files.ts";

/** A picture with its title, what saves it, and its numbers as a table. */
export interface Figure {
  root: HTMLElement;
  /** What is seen: an SVG of the page's own, or whatever holds a canvas. */
  show(picture: Element, numbers: (() => HTMLElement) | null): void;
  say(words: string): void;
  /** One more button beside those that save the picture. */
  offer(label: string, click: () => void): void;
}

/** An empty figure. `name` is what its files are called. */
export function figure(name: string, title: string): Figure {
  const frame = element("div", { class: "picture" });
  const numbers = element("details", { class: "numbers", hidden: true }, element("summary", {}, "Numbers"));
  const words = element("p", { class: "words" });
  // A table of hundreds of rows is made for those who look at it.
  let rows: (() => HTMLElement) | null = null;
  const list = () => {
    if (numbers.open && rows) numbers.replaceChildren(numbers.firstElementChild!, rows());
  };
  numbers.addEventListener("toggle", list);
  const button = (label: string, click: () => void) =>
    element("button", { type: "button", click, "aria-label": `${title} as ${label}` }, label);
  const png = button("PNG", async () => save(`${name}.png`, await pngOf(frame, title)));
  const svg = button("SVG", () => save(`${name}.svg`, new Blob([svgTextOf(frame)], { type: "image/svg+xml" })));
  const actions = element("div", { class: "actions", hidden: true }, svg, png);
  const caption = element("figcaption", {}, element("h3", {}, title), actions);
  const root = element("figure", {}, caption, words, frame, numbers);
  return {
    root,
    show(picture, given) {
      if (frame.firstElementChild !== picture) frame.replaceChildren(picture);
      actions.hidden = given === null;
      svg.hidden = !(picture instanceof SVGElement);
      numbers.hidden = given === null;
      rows = given;
      list();
    },
    say: (text) => {
      words.textContent = text;
    },
    offer: (label, click) => actions.append(button(label, click)),
  };
}

/** What the style sheet gives an SVG on the page, which a file has to bring along. */
const CARRIED = [
  "fill",
  "stroke",
  "stroke-width",
  "stroke-dasharray",
  "font-family",
  "font-size",
  "font-weight",
  "text-anchor",
  "opacity",
  "dominant-baseline",
];

function svgTextOf(frame: HTMLElement): string {
  const seen = frame.querySelector("svg")!;
  const copy = seen.cloneNode(true) as SVGSVGElement;
  const [from, to] = [
    [seen, ...seen.querySelectorAll("*")],
    [copy, ...copy.querySelectorAll("*")],
  ];
  from.forEach((original, i) => {
    const style = getComputedStyle(original);
    for (const property of CARRIED) to[i]!.setAttribute(property, style.getPropertyValue(property));
    to[i]!.removeAttribute("class");
  });
  const { width, height } = seen.getBoundingClientRect();
  copy.setAttribute("width", String(Math.round(width)));
  copy.setAttribute("height", String(Math.round(height)));
  copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  const ground = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  for (const [key, value] of Object.entries({ width: "100%", height: "100%", fill: groundColour() }))
    ground.setAttribute(key, value);
  copy.prepend(ground);
  return new XMLSerializer().serializeToString(copy);
}

const groundColour = () => pageColour("--ground");

/** The picture on the page's ground, with its title above. */
async function pngOf(frame: HTMLElement, title: string): Promise<Blob> {
  const canvas = frame.querySelector("canvas");
  const source = canvas ?? (await imageOf(svgTextOf(frame)));
  const scale = canvas ? canvas.width / canvas.getBoundingClientRect().width : 2;
  const [width, height] = canvas ? [canvas.width, canvas.height] : [source.width * scale, source.height * scale];
  const head = 36 * scale;
  const sheet = element("canvas", { width, height: height + head });
  const ink = sheet.getContext("2d")!;
  ink.fillStyle = groundColour();
  ink.fillRect(0, 0, sheet.width, sheet.height);
  ink.fillStyle = getComputedStyle(document.body).color;
  ink.font = `600 ${16 * scale}px system-ui, sans-serif`;
  ink.fillText(title, 12 * scale, 24 * scale);
  ink.drawImage(source, 0, head, width, height);
  return new Promise((resolve) => sheet.toBlob((blob) => resolve(blob!), "image/png"));
}

async function imageOf(svg: string): Promise<HTMLImageElement> {
  const image = new Image();
  image.src = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  await image.decode();
  URL.revokeObjectURL(image.src);
  return image;
}

/** One line of a chart, by a colour of the page's palette. */
export interface Line {
  label: string;
  /** Its place in the palette. */
  colour: number;
  ys: ArrayLike<number | null>;
  dash?: number[];
  /** Between which lies what was measured. */
  band?: { low: ArrayLike<number | null>; high: ArrayLike<number | null> };
  isStepped?: boolean;
}

export interface Plot {
  x: { label: string; isLog?: boolean; words: (x: number) => string };
  y: { label: string; isLog?: boolean; min?: number; max?: number; words: (y: number) => string };
  xs: ArrayLike<number>;
  lines: readonly Line[];
  /** A line from top to bottom, with a word. */
  mark?: { x: number; label: string } | null;
  height?: number;
}

/** The palette's colours, told apart by people of any colour vision, in the page's scheme. */
export const colourOf = (place: number): string => pageColour(`--line-${place % 9}`);

/** A colour of the style sheet as a canvas understands it. */
export function pageColour(variable: string): string {
  const probe = element("span", { style: `color: var(${variable})` });
  document.body.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** A chart on a canvas that follows its frame's width and the page's colours. */
export class Chart {
  readonly root = element("div", { class: "chart" });
  #plot: Plot | null = null;
  #drawn: uPlot | null = null;
  #shape = "";

  constructor() {
    new ResizeObserver(() => this.#fit()).observe(this.root);
    document.addEventListener("recolour", () => this.#redraw());
  }

  show(plot: Plot): void {
    this.#plot = plot;
    if (this.#drawn && this.#shape === shapeOf(plot)) this.#drawn.setData(seriesOf(plot));
    else this.#redraw();
  }

  #fit(): void {
    const width = this.root.clientWidth;
    if (this.#drawn && width > 0 && width !== this.#drawn.width)
      this.#drawn.setSize({ width, height: this.#plot?.height ?? 360 });
    else if (!this.#drawn) this.#redraw();
  }

  #redraw(): void {
    const width = this.root.clientWidth;
    if (!this.#plot || width === 0) return;
    this.#drawn?.destroy();
    this.#shape = shapeOf(this.#plot);
    this.#drawn = new uPlot(
      optionsOf(this.#plot, width, () => this.#plot!.mark ?? null),
      seriesOf(this.#plot),
      this.root,
    );
  }
}

/** All of a plot but its numbers: where that stays, a chart need not be made again. */
function shapeOf({ x, y, lines, height }: Plot): string {
  return JSON.stringify([
    x,
    y,
    height,
    lines.map(({ label, colour, dash, band, isStepped }) => [label, colour, dash, !!band, isStepped]),
  ]);
}

function seriesOf({ xs, lines }: Plot): uPlot.AlignedData {
  const rows = lines.flatMap(({ ys, band }) => (band ? [ys, band.low, band.high] : [ys]));
  return [Array.from(xs), ...rows.map((row) => Array.from(row as ArrayLike<number>))] as uPlot.AlignedData;
}

function optionsOf({ x, y, lines, height = 360 }: Plot, width: number, markNow: () => Plot["mark"]): uPlot.Options {
  const [ink, faint] = [pageColour("--ink"), pageColour("--faint")];
  const font = "12px system-ui, sans-serif";
  const axis = (label: string, words: (value: number) => string, isLog: boolean): uPlot.Axis => ({
    label,
    stroke: ink,
    font,
    labelFont: font,
    grid: { stroke: faint, width: 1 },
    ticks: { stroke: faint, width: 1 },
    filter: (_, splits) => splits,
    values: (_, splits) =>
      splits.map((value) => (value === null ? "" : isLog ? roundWords(value, words) : words(value))),
  });
  const series: uPlot.Series[] = [{ label: x.label, value: (_, value) => (value == null ? "–" : x.words(value)) }];
  const bands: uPlot.Band[] = [];
  for (const { label, colour, dash, band, isStepped } of lines) {
    const stroke = colourOf(colour);
    const value = (_: uPlot, at: number | null) => (at == null ? "–" : y.words(at));
    const line: uPlot.Series = { label, stroke, width: 2, value, points: { show: false }, ...(dash ? { dash } : {}) };
    if (isStepped) line.paths = uPlot.paths.stepped!({ align: 1 });
    series.push(line);
    if (!band) continue;
    const edge = (name: string): uPlot.Series => ({
      label: `${label}, ${name}`,
      stroke: "transparent",
      width: 0,
      value,
      points: { show: false },
    });
    bands.push({ series: [series.length + 1, series.length], fill: `color-mix(in srgb, ${stroke} 25%, transparent)` });
    series.push(edge("low"), edge("high"));
  }
  return {
    width,
    height,
    series,
    bands,
    scales: {
      x: { time: false, distr: x.isLog ? 3 : 1 },
      y: {
        distr: y.isLog ? 3 : 1,
        ...(y.min === undefined ? {} : { range: (_, low, high) => [y.min!, y.max ?? Math.max(high, low)] }),
      },
    },
    axes: [axis(x.label, x.words, x.isLog ?? false), { ...axis(y.label, y.words, y.isLog ?? false), size: 64 }],
    hooks: { draw: [(drawn) => drawMark(drawn, markNow(), ink)] },
    legend: { live: width > 600 },
    cursor: { points: { size: 6 } },
  };
}

/** Of a logarithm's marks those that are 1, 2 or 5 of their decade have room for words. */
function roundWords(value: number, words: (value: number) => string): string {
  const lead = Number(value.toExponential(3).split("e")[0]);
  return lead === 1 || lead === 2 || lead === 5 ? words(value) : "";
}

function drawMark(plot: uPlot, mark: Plot["mark"], ink: string): void {
  if (!mark) return;
  const { ctx, bbox } = plot;
  const at = plot.valToPos(mark.x, "x", true);
  if (at < bbox.left || at > bbox.left + bbox.width) return;
  const scale = devicePixelRatio;
  ctx.save();
  ctx.strokeStyle = ink;
  ctx.fillStyle = ink;
  ctx.lineWidth = scale;
  ctx.setLineDash([4 * scale, 4 * scale]);
  ctx.beginPath();
  ctx.moveTo(at, bbox.top);
  ctx.lineTo(at, bbox.top + bbox.height);
  ctx.stroke();
  ctx.font = `${12 * scale}px system-ui, sans-serif`;
  const isLeft = at > bbox.left + bbox.width * 0.7;
  ctx.textAlign = isLeft ? "right" : "left";
  ctx.fillText(mark.label, at + (isLeft ? -6 : 6) * scale, bbox.top + 14 * scale);
  ctx.restore();
}
