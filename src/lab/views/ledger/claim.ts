import {
  type ClaimAnswer,
  type ClaimCurve,
  type ClaimFigure,
  type ClaimNeed,
  figure as figureOf,
} from "../../../index.ts";
import { Chart } from "../../chart.ts";
import { element } from "../../elements.ts";
import { figure } from "../../figure.ts";
import { table } from "../../table.ts";

/** All that is known of a statement, one below the other. */
export function unfolded(answer: ClaimAnswer): HTMLElement[] {
  const {
    id,
    because,
    figures,
    readings,
    arithmetic,
    needs,
    curves,
    calibratedOn,
    isPrediction,
    document,
    section,
    seeds,
  } = answer;
  const parts: (HTMLElement | null)[] = [
    element("p", {}, `${because.charAt(0).toUpperCase()}${because.slice(1)}.`),
    figures.length === 0 ? null : statedAndFound(id, figures),
    readings.length === 0
      ? null
      : table(
          `${id}-readings`,
          "Readings",
          [
            { title: "reading", of: ({ name }) => name },
            { title: "comes to", of: ({ found }) => found, words: ({ found, unit }) => amount(found, unit) },
            { title: "verdict", of: ({ fits }) => (fits ? "fits" : "does not fit") },
          ],
          readings,
        ),
    arithmetic.length === 0
      ? null
      : titled("Arithmetic", element("pre", { class: "arithmetic" }, arithmetic.join("\n"))),
    needs.length === 0 ? null : titled("What would have to be true", element("ul", {}, ...needs.map(need))),
    ...curves.map((curve, i) => curveFigure(`${id}-${i + 1}`, curve)),
    calibratedOn.length === 0 ? null : element("p", {}, `Calibrated on ${calibratedOn.join(", ")}.`),
    isPrediction ? element("p", {}, "What came out beside these is a prediction.") : null,
    element("p", { class: "hint" }, `Article ${document}, ${section}.${seeds === null ? "" : ` ${seeds} seeds.`}`),
  ];
  return parts.filter((part) => part !== null);
}

/** One parameter against another, along which a statement would hold. */
export function curveFigure(name: string, { title, x, y, isLog, points }: ClaimCurve): HTMLElement {
  const made = figure(name, title);
  const chart = new Chart();
  made.show(chart.root, () =>
    table(
      name,
      title,
      [
        { title: x, of: (point) => point.x },
        { title: y, of: (point) => point.y },
      ],
      points,
    ),
  );
  const seen = isLog ? points.filter((point) => point.y > 0) : points;
  chart.show({
    x: { label: x, words: figureOf },
    y: { label: y, isLog, words: figureOf },
    xs: seen.map((point) => point.x),
    lines: [{ label: "what would have to be true", colour: 0, ys: seen.map((point) => point.y) }],
    height: 260,
  });
  return made.root;
}

const amount = (value: number, unit: string) =>
  value === Number.MAX_VALUE ? "any more" : `${figureOf(value)} ${unit}`;

function statedWords({ stated, unit }: ClaimFigure): string {
  if (typeof stated === "number") return amount(stated, unit);
  const [low, high] = stated;
  return high === Number.MAX_VALUE ? `above ${amount(low, unit)}` : `${figureOf(low)} to ${amount(high, unit)}`;
}

function statedAndFound(id: string, figures: readonly ClaimFigure[]): HTMLElement {
  return table(
    id,
    "Stated and found",
    [
      { title: "figure", of: ({ name }) => name },
      {
        title: "stated",
        of: ({ stated }) => (typeof stated === "number" ? stated : stated.join(" to ")),
        words: statedWords,
      },
      { title: "found", of: ({ found }) => found, words: ({ found, unit }) => amount(found, unit) },
      {
        title: "95%",
        of: ({ interval }) => interval?.join(" to ") ?? null,
        words: ({ interval }) => (interval ? interval.map(figureOf).join(" to ") : "–"),
      },
      { title: "verdict", of: ({ fits }) => (fits ? "fits" : "does not fit") },
    ],
    figures,
  );
}

function need({ parameter, value, unit, gives, because }: ClaimNeed): HTMLElement {
  const put = gives
    ? ` (${gives.name} is then ${amount(gives.found, gives.unit)}, stated ${figureOf(gives.stated)})`
    : "";
  return element(
    "li",
    {},
    element("strong", {}, `${parameter}: ${value === null ? "no value does" : amount(value, unit)}`),
    `${put}. ${because}`,
  );
}

const titled = (title: string, content: HTMLElement) => element("div", {}, element("h4", {}, title), content);
