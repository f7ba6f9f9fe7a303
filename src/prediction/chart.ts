import { type Chart, lineChart } from "../plot.ts";
import { figure, percent } from "../words.ts";
import type { PredictionReport, PredictorReport } from "./evaluate.ts";

/** What the ceiling and the floor are left out of: they claim nothing. */
const CLAIMLESS: readonly string[] = ["oracle", "random"];

/** A share of fewer says little. */
const LEAST_CLAIMS = 10;

/**
 * What predictors claimed against what came true, with how many claims there were, at the least horizon; recall against the
 * horizon, where there are several; and recall against what was learnt, where the report has it.
 */
export function predictionChart(report: PredictionReport, { subtitle = "" }: { subtitle?: string } = {}): string {
  const { rows, k } = report;
  const horizons = [...new Set(rows.map(({ horizon }) => horizon))].sort((a, b) => a - b);
  const nearest = rows.filter(({ horizon }) => horizon === horizons[0]);
  const claiming = nearest.filter(
    ({ predictor, reliability }) => !CLAIMLESS.includes(predictor) && reliability.length > 0,
  );
  const ahead = `${horizons[0]} ${horizons[0] === 1 ? "layer" : "layers"} ahead`;
  const charts: Chart[] = [];
  if (claiming.length > 0) charts.push(reliability(claiming, ahead, subtitle), claims(claiming, ahead, subtitle));
  if (horizons.length > 1) charts.push(overHorizon(rows, k, subtitle));
  const learning = nearest.filter(
    (row): row is PredictorReport & Learning => ((row as Partial<Learning>).learning ?? []).length > 1,
  );
  if (learning.length > 0) charts.push(overTokens(learning, k, ahead, subtitle));
  if (charts.length === 0)
    throw new RangeError("rows must hold several horizons, or a predictor that claims, got none");
  return lineChart(charts);
}

/** Recall of decoding tokens by how many tokens had been learnt from. */
interface Learning {
  learning: readonly { tokens: number; recallK: number }[];
}

function reliability(rows: readonly PredictorReport[], ahead: string, subtitle: string): Chart {
  return {
    title: `How far to trust what is claimed, ${ahead}`,
    subtitle: `${subtitle}${subtitle ? "; " : ""}the larger a dot, the more claims; fewer than ${LEAST_CLAIMS} are left out`,
    x: { label: "mean of the probabilities claimed", from: 0, to: 1, format: percent },
    y: { label: "share that came true", from: 0, to: 1, format: percent },
    series: [
      ...rows.map(({ predictor, reliability }) => ({
        name: predictor,
        points: reliability
          .filter(({ count }) => count >= LEAST_CLAIMS)
          .map(({ claimed, true: share, count }) => ({ x: claimed, y: share, radius: 1 + Math.log10(count) })),
      })),
      {
        name: "as claimed",
        points: [
          { x: 0, y: 0 },
          { x: 1, y: 1 },
        ],
        isReference: true,
      },
    ],
  };
}

function claims(rows: readonly PredictorReport[], ahead: string, subtitle: string): Chart {
  return {
    title: `How often so much is claimed, ${ahead}`,
    subtitle,
    x: { label: "mean of the probabilities claimed", from: 0, to: 1, format: percent },
    y: { label: "claims", log: true, format: figure },
    series: rows.map(({ predictor, reliability }) => ({
      name: predictor,
      points: reliability.map(({ claimed, count }) => ({ x: claimed, y: count, radius: 2.5 })),
    })),
  };
}

/** Each predictor once: those of the other pictures first, so that they keep their colours, and the oracle only where it is alone. */
function inOrder(predictors: readonly string[]): string[] {
  const all = [...new Set(predictors)];
  return all
    .filter((name) => name !== "oracle" || all.length === 1)
    .sort((a, b) => Number(CLAIMLESS.includes(a)) - Number(CLAIMLESS.includes(b)));
}

function overHorizon(rows: readonly PredictorReport[], k: number, subtitle: string): Chart {
  const predictors = inOrder(rows.map(({ predictor }) => predictor));
  return {
    title: `What is foreseen of what is used, at k = ${k}`,
    subtitle,
    x: { label: "layers ahead", log: true, ticks: [...new Set(rows.map(({ horizon }) => horizon))] },
    y: { label: "recall", from: 0, format: percent },
    series: predictors.map((name) => ({
      name,
      points: rows
        .filter(({ predictor }) => predictor === name)
        .map(({ horizon, recallK }) => ({ x: horizon, y: recallK, radius: 2.5 }))
        .sort((a, b) => a.x - b.x),
    })),
  };
}

function overTokens(rows: readonly (PredictorReport & Learning)[], k: number, ahead: string, subtitle: string): Chart {
  return {
    title: `What is learnt as tokens come, at k = ${k}, ${ahead}`,
    subtitle,
    x: { label: "tokens learnt from", format: figure },
    y: { label: "recall of decode", from: 0, format: percent },
    series: inOrder(rows.map(({ predictor }) => predictor)).map((name) => ({
      name,
      points: rows
        .filter(({ predictor }) => predictor === name)
        .flatMap(({ learning }) => learning.map(({ tokens, recallK }) => ({ x: tokens, y: recallK, radius: 2.5 }))),
    })),
  };
}
