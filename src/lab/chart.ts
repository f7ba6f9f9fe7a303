import uPlot from "uplot";
import { colourOf, pageColour } from "./colours.ts";
import { element } from "./elements.ts";

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

/** A chart on a canvas that follows its frame's width and the page's colours. */
export class Chart {
  readonly root = element("div", { class: "chart" });
  #plot: Plot | null = null;
  #drawn: uPlot | null = null;
  #shape = "";

  constructor() {
    new ResizeObserver(() => this.#fit()).observe(this.root);
  }

  show(plot: Plot): void {
    this.#plot = plot;
    if (this.#drawn && this.#shape === shapeOf(plot)) this.#drawn.setData(seriesOf(plot));
    else this.#redraw();
  }

  #fit(): void {
    const width = this.root.clientWidth;
    if (width === 0) this.#drop();
    else if (!this.#drawn) this.#redraw();
    else if (width !== this.#drawn.width) this.#drawn.setSize({ width, height: this.#plot?.height ?? 360 });
  }

  /** Where nobody sees it, it holds nothing, and so it comes back in the colours of then. */
  #drop(): void {
    document.removeEventListener("recolour", this.#redraw);
    this.#drawn?.destroy();
    this.#drawn = null;
  }

  #redraw = (): void => {
    const width = this.root.clientWidth;
    this.#drop();
    if (!this.#plot || width === 0) return;
    document.addEventListener("recolour", this.#redraw);
    this.#shape = shapeOf(this.#plot);
    this.#drawn = new uPlot(
      optionsOf(this.#plot, width, () => this.#plot!.mark ?? null),
      seriesOf(this.#plot),
      this.root,
    );
  };
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
