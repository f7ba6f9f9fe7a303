import { heading, paint, say, width } from "../print.ts";

/** Loads over the mean from which on a cell looks so: each sign darker than the one before, with colours or without. */
const SHADES: readonly { from: number; sign: string; colour: (text: string) => string; words: string }[] = [
  { from: 0, sign: "·", colour: (text) => paint.dim(text), words: "below 0.5" },
  { from: 0.5, sign: "░", colour: (text) => paint.cyan(text), words: "below 0.9" },
  { from: 0.9, sign: "▒", colour: (text) => paint.green(text), words: "about the mean" },
  { from: 1.1, sign: "▓", colour: (text) => paint.yellow(text), words: "above 1.1" },
  { from: 1.5, sign: "█", colour: (text) => paint.red(text), words: "above 1.5" },
];

/** Loads over the mean, `[row][column]`; NaN where a GPU is to hold nothing. */
export interface Panel {
  name: string;
  values: readonly ArrayLike<number>[];
}

/** Draws panels of rows side by side where they fit, one below the other where they do not. */
export function sayHeat(title: string, labels: readonly string[], panels: readonly Panel[]): void {
  heading(title);
  const lead = Math.max(...labels.map((label) => label.length));
  const across = panels[0]!.values[0]!.length;
  const together = lead + panels.length * (across + 3) <= width();
  const most = together ? across : Math.max(8, width() - lead - 2);
  const each = Math.ceil(across / most);
  const cells = Math.ceil(across / each);
  for (const group of together ? [panels] : panels.map((panel) => [panel])) {
    const names = group
      .map(({ name }) => name.padEnd(cells))
      .join("   ")
      .trimEnd();
    if (names) say(`${"".padEnd(lead)}  ${paint.dim(names)}`);
    labels.forEach((label, row) => {
      const bands = group.map(({ values }) => cellsOf(values[row]!, each));
      say(`${label.padStart(lead)}  ${bands.join("   ")}`);
    });
  }
  const several = each > 1 ? `; a sign is the busiest of ${each} GPUs side by side` : "";
  say(
    paint.dim(`${"".padEnd(lead)}  `) +
      SHADES.map(({ sign, colour, words }) => `${colour(sign)} ${paint.dim(words)}`).join("  ") +
      paint.dim(several),
  );
}

function cellsOf(row: ArrayLike<number>, each: number): string {
  const shades: ((typeof SHADES)[number] | undefined)[] = [];
  for (let first = 0; first < row.length; first += each) {
    let busiest = Number.NaN;
    for (let i = first; i < Math.min(row.length, first + each); i++)
      if (!(row[i]! <= busiest) && !Number.isNaN(row[i]!)) busiest = row[i]!;
    shades.push(SHADES.findLast(({ from }) => busiest >= from));
  }
  // Signs of one colour that stand side by side are coloured together.
  let cells = "";
  for (let i = 0, end = 0; i < shades.length; i = end) {
    const shade = shades[i];
    for (end = i; end < shades.length && shades[end] === shade; ) end++;
    cells += shade ? shade.colour(shade.sign.repeat(end - i)) : " ".repeat(end - i);
  }
  return cells;
}
