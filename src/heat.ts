import { checkLength } from "./check.ts";
import { escaped, rounded } from "./plot.ts";
import { figure } from "./words.ts";

/** Cells in rows and columns, side by side with others of the same size. */
export interface HeatPanel {
  name: string;
  note?: string;
  /** `[row][column]`: 1 is what all would be if they were equal; NaN where there is nothing to be had. */
  values: readonly ArrayLike<number>[];
}

export interface HeatMap {
  title: string;
  subtitle?: string;
  rowLabel: string;
  columnLabel: string;
  /** What rows and columns are called; their numbers unless given. */
  rows?: readonly (string | number)[];
  columns?: readonly (string | number)[];
  panels: readonly HeatPanel[];
}

const LEFT = 64;
const TOP = 104;
const BETWEEN = 40;
const RIGHT = 40;
const PLOT_WIDTH = 400;
const LEGEND_HEIGHT = 74;
/** Told apart by people of any colour vision: blue below, orange and red above what is equal. */
const STOPS = [
  [0, 33, 78, 138],
  [0.5, 103, 169, 207],
  [1, 240, 240, 236],
  [1.5, 239, 138, 70],
  [2, 178, 24, 43],
] as const;
const STEPS = 40;

/** Heat maps side by side as SVG: blue below what is equal, red above; readable on light and dark. */
export function heatMap({ title, subtitle = "", rowLabel, columnLabel, rows, columns, panels }: HeatMap): string {
  const [first] = panels;
  const [down, across] = [first?.values.length ?? 0, first?.values[0]?.length ?? 0];
  if (down === 0 || across === 0) throw new RangeError("panels must hold at least 1 cell, got 0");
  for (const { values } of panels) {
    checkLength("values of a panel", { length: values.length }, down);
    for (const row of values) checkLength("a row of values", row, across);
  }
  const cellHeight = Math.max(4, Math.min(28, 460 / down));
  const plotWidth = Math.min(PLOT_WIDTH, 48 * across);
  const cellWidth = plotWidth / across;
  const [plotHeight, pitch] = [cellHeight * down, plotWidth + BETWEEN];
  const width = Math.max(LEFT + panels.length * pitch - BETWEEN + RIGHT, 560);
  const height = TOP + plotHeight + LEGEND_HEIGHT + 46;
  const ticks = (count: number, size: number) => {
    const step = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024].find((one) => one * size >= 26) ?? count;
    return Array.from({ length: Math.ceil(count / step) }, (_, i) => i * step);
  };
  const bodies = panels.map(({ name, note = "", values }, i) => {
    const x = LEFT + i * pitch;
    const cells = cellPaths(values, x, cellWidth, cellHeight);
    return [
      `<text class="ink" x="${x}" y="${TOP - 26}" font-weight="600">${escaped(name)}</text>`,
      `<text class="soft" x="${x}" y="${TOP - 9}">${escaped(note)}</text>`,
      ...cells,
      `<rect class="frame" x="${x}" y="${TOP}" width="${rounded(plotWidth)}" height="${rounded(plotHeight)}"/>`,
      ...ticks(across, cellWidth).map(
        (column) =>
          `<text class="soft" x="${rounded(x + (column + 0.5) * cellWidth)}" y="${rounded(TOP + plotHeight + 16)}" text-anchor="middle" font-size="11">${escaped(String(columns?.[column] ?? column))}</text>`,
      ),
      `<text class="soft" x="${rounded(x + plotWidth / 2)}" y="${rounded(TOP + plotHeight + 34)}" text-anchor="middle">${escaped(columnLabel)}</text>`,
    ].join("\n");
  });
  const rowStep = ticks(down, cellHeight * 1.6);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${rounded(width)} ${rounded(height)}" width="${rounded(width)}" height="${rounded(height)}" role="img" font-family="system-ui, sans-serif" font-size="13">`,
    `<title>${escaped(title)}</title>`,
    "<style>.ink{fill:#1a1a1a}.soft{fill:#555}.page{fill:#fff}.none{fill:#bbb}.frame{fill:none;stroke:#999}@media(prefers-color-scheme:dark){.ink{fill:#eee}.soft{fill:#aaa}.page{fill:#151515}.none{fill:#444}.frame{stroke:#666}}</style>",
    `<rect class="page" width="${rounded(width)}" height="${rounded(height)}"/>`,
    `<text class="ink" x="${LEFT}" y="28" font-size="17" font-weight="600">${escaped(title)}</text>`,
    `<text class="soft" x="${LEFT}" y="50">${escaped(subtitle)}</text>`,
    ...bodies,
    ...rowStep.map(
      (row) =>
        `<text class="soft" x="${LEFT - 8}" y="${rounded(TOP + (row + 0.5) * cellHeight + 4)}" text-anchor="end" font-size="11">${escaped(String(rows?.[row] ?? row))}</text>`,
    ),
    `<text class="soft" transform="translate(18 ${rounded(TOP + plotHeight / 2)}) rotate(-90)" text-anchor="middle">${escaped(rowLabel)}</text>`,
    ...legend(
      TOP + plotHeight + 58,
      panels.some(({ values }) => values.some((row) => Array.from(row).some(Number.isNaN))),
    ),
    "</svg>",
    "",
  ].join("\n");
}

/** Cells of one colour are one path. */
function cellPaths(values: readonly ArrayLike<number>[], x: number, width: number, height: number): string[] {
  const paths = new Map<string, string[]>();
  const [w, h] = [rounded(width + 0.1), rounded(height + 0.1)];
  values.forEach((row, r) => {
    for (let c = 0; c < row.length; c++) {
      const paint = Number.isNaN(row[c]!) ? 'class="none"' : `fill="${colourOf(row[c]!)}"`;
      const path = paths.get(paint) ?? [];
      path.push(`M${rounded(x + c * width)} ${rounded(TOP + r * height)}h${w}v${h}h-${w}z`);
      paths.set(paint, path);
    }
  });
  return Array.from(paths, ([paint, path]) => `<path ${paint} shape-rendering="crispEdges" d="${path.join("")}"/>`);
}

/** The colour of a share of what is equal, in steps; all from twice up have the last. */
function colourOf(value: number): string {
  const at = Math.round(Math.min(2, Math.max(0, value)) * (STEPS / 2)) / (STEPS / 2);
  const i = Math.max(
    1,
    STOPS.findIndex(([stop]) => stop >= at),
  );
  const [low, high] = [STOPS[i - 1]!, STOPS[i]!];
  const share = (at - low[0]) / (high[0] - low[0]);
  const channels = [1, 2, 3].map((c) => Math.round(low[c]! + share * (high[c]! - low[c]!)));
  return `#${channels.map((channel) => channel.toString(16).padStart(2, "0")).join("")}`;
}

const LEGEND_WIDTH = 240;

function legend(y: number, hasNone: boolean): string[] {
  const step = LEGEND_WIDTH / STEPS;
  return [
    ...Array.from(
      { length: STEPS },
      (_, i) =>
        `<rect x="${rounded(LEFT + i * step)}" y="${rounded(y)}" width="${rounded(step + 0.1)}" height="12" fill="${colourOf((2 * (i + 0.5)) / STEPS)}"/>`,
    ),
    ...[0, 0.5, 1, 1.5, 2].map(
      (value) =>
        `<text class="soft" x="${rounded(LEFT + (LEGEND_WIDTH * value) / 2)}" y="${rounded(y + 28)}" text-anchor="middle" font-size="11">${value === 2 ? "2 or more" : figure(value)}</text>`,
    ),
    `<text class="soft" x="${LEFT + LEGEND_WIDTH + 40}" y="${rounded(y + 11)}">times the mean</text>`,
    ...(hasNone
      ? [
          `<rect class="none" x="${LEFT + LEGEND_WIDTH + 150}" y="${rounded(y)}" width="12" height="12"/>`,
          `<text class="soft" x="${LEFT + LEGEND_WIDTH + 170}" y="${rounded(y + 11)}">is to hold nothing</text>`,
        ]
      : []),
  ];
}
