import { basename } from "node:path";
import { duration, figure, type PredictionReport, type PredictorReport, type Routes } from "../../index.ts";
import { again, heading, paint, quoted, say, sayNext, sayTable, sayWrapped, tenths, typed } from "../print.ts";
import type { PredictFlags } from "./index.ts";

/** Prints how much was foreseen, and how that falls. */
export function sayPredictions(
  report: PredictionReport,
  { layers, experts, tokens, prompt, expertBytes }: Routes,
  file: string,
  { svg }: PredictFlags,
): void {
  const { k, rows, warnings } = report;
  const prompts = new Set(prompt).size;
  say(`${paint.bold(basename(file))}: ${layers} layers of ${experts} experts, at most ${k} a token`);
  sayWrapped(
    "",
    paint.dim(
      `${figure(tokens)} tokens of ${prompts} ${prompts === 1 ? "prompt" : "prompts"}; ${figure(report.tokens.scored)} of decode are scored, ${figure(report.tokens.warm)} only learnt from${expertBytes ? "" : "; waste counts experts, as nothing says how large they are"}`,
    ),
  );
  for (const warning of warnings) sayWrapped(paint.yellow("warning: "), warning);
  if (report.tokens.scored > 0) {
    sayRecall(report);
    sayFall(report);
    sayPrompts(rows);
    sayLearning(rows);
  }
  if (svg !== undefined) say(`\nThe picture is in ${svg}`);
  sayNext([
    ...(svg === undefined ? [[again("--svg predict.svg"), "draws claims against truth, and the fall"] as const] : []),
    [again("--json"), "all of it, for programs"],
    [typed(`residency ${quoted(file)}`), "what a cache has of what is asked"],
  ]);
}

const horizonsOf = (rows: readonly PredictorReport[]) => [...new Set(rows.map(({ horizon }) => horizon))];
const layersWords = (horizon: number) => `${horizon} ${horizon === 1 ? "layer" : "layers"}`;

function sayRecall({ rows, k }: PredictionReport): void {
  for (const horizon of horizonsOf(rows)) {
    heading(`What was foreseen of what decoding used, ${layersWords(horizon)} ahead`);
    sayTable(
      ["predictor", `recall @${k}`, "@16", "@32", "exact", "waste", "calibration error", "cost"],
      rows
        .filter((row) => row.horizon === horizon)
        .map((row) => [
          paint.bold(row.predictor),
          tenths(row.recallK),
          tenths(row.recall16),
          tenths(row.recall32),
          tenths(row.exact),
          tenths(row.wasteK),
          (100 * row.calibrationError).toFixed(2),
          row.predictor === "oracle" ? "none" : duration(Number(row.nsPerPrediction.toPrecision(2))),
        ]),
      [1, 2, 3, 4, 5, 6, 7],
    );
  }
  say(
    paint.dim(`exact: all of a layer among ${k}; waste: bytes of the ${k} not used, over bytes used; error in points`),
  );
}

/** Recall by horizon, beside the fall that the sources state. */
function sayFall({ rows, k }: PredictionReport): void {
  const horizons = horizonsOf(rows).sort((a, b) => a - b);
  const [near, far] = [horizons[0]!, horizons.at(-1)!];
  if (near === far) return;
  const predictors = [...new Set(rows.map(({ predictor }) => predictor))];
  const of = (name: string, horizon: number) =>
    rows.find((row) => row.predictor === name && row.horizon === horizon)!.recallK;
  heading(`How that falls with the horizon, in layers: recall @${k}`);
  sayTable(
    ["predictor", ...horizons.map(String), "fall, in points"],
    predictors.map((name) => [
      paint.bold(name),
      ...horizons.map((horizon) => tenths(of(name, horizon))),
      (100 * (of(name, near) - of(name, far))).toFixed(1),
    ]),
    [...horizons.map((_, i) => i + 1), horizons.length + 1],
  );
  sayWrapped(
    "",
    paint.dim(
      "The sources state a fall from 60% at 180 µs to 31% at 600 µs: 29 points, over time. At their 557 µs a layer, both are within the next two layers.",
    ),
  );
}

const PROMPTS_SHOWN = 12;

/** Recall prompt by prompt, where several are scored. */
function sayPrompts(rows: readonly PredictorReport[]): void {
  const nearest = rows.filter(({ horizon }) => horizon === Math.min(...horizonsOf(rows)));
  const [first] = nearest;
  if (!first || first.prompts.length < 2) return;
  const named = nearest.filter(({ predictor }) => predictor !== "oracle");
  const shown = named.length > 0 ? named : nearest;
  heading(`By prompt, ${layersWords(first.horizon)} ahead`);
  sayTable(
    ["prompt", ...shown.map(({ predictor }) => predictor)],
    first.prompts
      .slice(0, PROMPTS_SHOWN)
      .map(({ prompt }, i) => [String(prompt), ...shown.map(({ prompts }) => tenths(prompts[i]!.recallK))]),
    [0, ...shown.map((_, i) => i + 1)],
  );
  if (first.prompts.length > PROMPTS_SHOWN)
    say(paint.dim(`and ${first.prompts.length - PROMPTS_SHOWN} more: --json has all`));
}

/** Recall by how many tokens were learnt from, where the report tells. */
function sayLearning(rows: readonly PredictorReport[]): void {
  const learning = rows.flatMap((row) => {
    const { learning: steps = [] } = row as { learning?: readonly { tokens: number; recallK: number }[] };
    return steps.length > 1 && row.horizon === Math.min(...horizonsOf(rows)) && row.predictor !== "oracle"
      ? [{ row, steps }]
      : [];
  });
  if (learning.length === 0) return;
  const columns = Math.min(6, learning[0]!.steps.length);
  const picked = Array.from({ length: columns }, (_, i) =>
    Math.round((i * (learning[0]!.steps.length - 1)) / Math.max(1, columns - 1)),
  );
  heading("What is learnt as tokens come");
  sayTable(
    ["tokens learnt from", ...picked.map((i) => figure(learning[0]!.steps[i]!.tokens))],
    learning.map(({ row, steps }) => [paint.bold(row.predictor), ...picked.map((i) => tenths(steps[i]!.recallK))]),
    picked.map((_, i) => i + 1),
  );
}
