import { describe, expect, test } from "vitest";
import { type Chart, lineChart, tailChart } from "../src/plot.ts";
import type { TailReport } from "../src/tail.ts";

/** The elements of an XML text, in order; throws where one is not closed, and where a sign is not escaped. */
function elements(xml: string): { name: string; text: string }[] {
  const [open, found]: [string[], { name: string; text: string }[]] = [[], []];
  const token = /<(\/?)([a-z]+)((?: [a-zA-Z0-9-]+="[^"<]*")*)(\/?)>|([^<]+)/y;
  while (token.lastIndex < xml.length) {
    const from = token.lastIndex;
    const match = token.exec(xml);
    if (!match) throw new Error(`no XML: ${xml.slice(from, from + 80)}`);
    const [whole, end, name, , single, text] = match;
    if (/&(?!(amp|lt|gt|quot);)/.test(whole)) throw new Error(`not escaped: ${whole}`);
    if (text !== undefined) {
      const last = found.at(-1);
      if (last && text.trim() !== "") last.text += text;
    } else if (end) {
      if (open.pop() !== name) throw new Error(`${name} closes nothing`);
    } else {
      found.push({ name: name!, text: "" });
      if (!single) open.push(name!);
    }
  }
  if (open.length > 0) throw new Error(`${open} not closed`);
  if (typeof DOMParser !== "undefined")
    expect(new DOMParser().parseFromString(xml, "image/svg+xml").querySelector("parsererror")).toBeNull();
  return found;
}

const chart: Chart = {
  title: "How it went",
  x: { label: "time" },
  y: { label: "speed" },
  series: [
    {
      name: "one",
      points: [
        { x: 0, y: 1 },
        { x: 10, y: 3, low: 2, high: 4 },
        { x: 20, y: 5, low: 4, high: 6 },
      ],
    },
  ],
};
const count = (svg: string, name: string) => elements(svg).filter((element) => element.name === name).length;
const pointsOf = (svg: string) =>
  [...svg.matchAll(/<polyline points="([^"]*)"/g)].map(([, points]) =>
    points!.split(" ").map((point) => point.split(",").map(Number) as [number, number]),
  );

test("a chart is well-formed, with a line and a band for each series", () => {
  const svg = lineChart({ ...chart, subtitle: "twice", marks: [{ x: 5, label: "here" }] });
  expect([count(svg, "svg"), count(svg, "polyline"), count(svg, "polygon")]).toEqual([1, 1, 1]);
  const texts = elements(svg).map(({ text }) => text);
  for (const words of ["How it went", "twice", "here", "time", "speed", "one"]) expect(texts).toContain(words);
});

test("points lie where the axes say", () => {
  const [line] = pointsOf(lineChart(chart));
  const [[x0, y0], [x1, y1], [x2, y2]] = line as [[number, number], [number, number], [number, number]];
  expect(x1 - x0).toBeCloseTo(x2 - x1, 0); // 0, 10, 20
  expect(x1).toBeGreaterThan(x0);
  expect(y0 - y1).toBeCloseTo(y1 - y2, 0); // 1, 3, 5: upwards
  expect(y1).toBeLessThan(y0);
  const [logarithmic] = pointsOf(
    lineChart({
      ...chart,
      x: { label: "time", log: true },
      series: [{ name: "", points: [1, 10, 100].map((x) => ({ x, y: 0 })) }],
    }),
  );
  expect(logarithmic![1]![0] - logarithmic![0]![0]).toBeCloseTo(logarithmic![2]![0] - logarithmic![1]![0], 0);
});

test("all that people write is escaped", () => {
  const nasty = `<b>"A" & 'B'</b>`;
  const svg = lineChart({
    title: nasty,
    subtitle: nasty,
    x: { label: nasty, format: () => nasty },
    y: { label: nasty },
    series: [{ ...chart.series[0]!, name: nasty }],
    marks: [{ x: 3, label: nasty }],
  });
  expect(count(svg, "b")).toBe(0);
  expect(svg).toContain("&lt;b&gt;&quot;A&quot; &amp; 'B'&lt;/b&gt;");
});

describe("refuses", () => {
  const withPoints = (points: Chart["series"][number]["points"], log = true): Chart => ({
    ...chart,
    x: { label: "time", log },
    series: [{ name: "one", points }],
  });
  test.each<[string, Chart, RegExp]>([
    ["no series", { ...chart, series: [] }, /^series must hold at least 1 point, got 0$/],
    ["an empty series", withPoints([]), /^series must hold at least 1 point, got 0$/],
    ["0 on a logarithmic axis", withPoints([{ x: 0, y: 1 }]), /^the least time must be above 0, got 0$/],
    [
      "what is below it",
      withPoints([
        { x: 2, y: 1 },
        { x: -1, y: 1 },
      ]),
      /^the least time must be above 0, got -1$/,
    ],
    [
      "what is endless",
      withPoints([
        { x: 2, y: 1 },
        { x: Number.POSITIVE_INFINITY, y: 1 },
      ]),
      /^the greatest time must be finite/,
    ],
    [
      "no number",
      withPoints(
        [
          { x: 2, y: 1 },
          { x: Number.NaN, y: 1 },
        ],
        false,
      ),
      /^the least time must be finite, got NaN$/,
    ],
  ])("%s", (_, chart, message) => {
    expect(() => lineChart(chart)).toThrow(message);
  });
});

test("one point, or a flat line, has room around it", () => {
  for (const log of [false, true])
    for (const line of pointsOf(
      lineChart({
        ...chart,
        x: { label: "x", log },
        y: { label: "y", log },
        series: [{ name: "", points: [{ x: 5, y: 7 }] }],
      }),
    ))
      for (const place of line.flat()) expect(Number.isFinite(place)).toBe(true);
});

describe("a chart of tails", () => {
  const report = (scale: number) =>
    ({ curve: [1, 0.1, 0.01].map((u, i) => ({ u, ns: scale * (1 + i) })) }) as unknown as TailReport;

  test("has a line for each report, on logarithmic axes", () => {
    const svg = tailChart([
      { name: "a", report: report(10) },
      { name: "b", report: report(20) },
    ]);
    expect(count(svg, "polyline")).toBe(2);
    const [a, b] = pointsOf(svg);
    expect(b![0]![0] - a![0]![0]).toBeCloseTo(b![2]![0] - a![2]![0], 0); // twice as long is as far to the right everywhere
    expect(a![1]![1] - a![0]![1]).toBeCloseTo(a![2]![1] - a![1]![1], 0); // a tenth is as far down everywhere
  });

  test("draws curves that coincide once, under all their names", () => {
    const svg = tailChart([
      { name: "a", report: report(10) },
      { name: "b", report: report(20) },
      { name: "c", report: report(10) },
    ]);
    expect(count(svg, "polyline")).toBe(2);
    expect(
      elements(svg)
        .filter(({ name }) => name === "tspan")
        .map(({ text }) => text),
    ).toEqual(["a", "c", "b"]);
  });

  test("leaves out what took no time, and refuses where nothing is left", () => {
    const some = {
      curve: [
        { u: 1, ns: 0 },
        { u: 0.1, ns: 5 },
      ],
    } as unknown as TailReport;
    expect(pointsOf(tailChart([{ name: "a", report: some }]))[0]).toHaveLength(1);
    expect(() => tailChart([])).toThrow(/at least 1 point/);
  });
});
