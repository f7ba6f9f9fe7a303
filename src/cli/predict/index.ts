import { basename } from "node:path";
import { Command } from "commander";
import {
  type EvaluatedName,
  type EvaluationOptions,
  evaluatePredictors,
  PREDICTORS,
  type PredictionReport,
  predictionChart,
  type Routes,
} from "../../index.ts";
import { checkFolders, writeText } from "../files.ts";
import { count, definedOf, number } from "../options.ts";
import { progressBar, sayJson, typed } from "../print.ts";
import { readTrace, TRACE, type TraceFlags, traceOptions } from "../trace.ts";
import { namesOf } from "../values.ts";
import { sayPredictions } from "./report.ts";

/** What `vorchestrate predict` is told. */
export interface PredictFlags extends TraceFlags {
  predictor?: EvaluatedName[];
  horizon?: number[];
  warmPrompts?: number;
  seed?: number;
  svg?: string;
  json?: boolean;
}

const NAMES: readonly EvaluatedName[] = [...PREDICTORS, "oracle"];

/** `vorchestrate predict` */
export function predictCommand(): Command {
  const command = new Command("predict")
    .description("how much of what a router chooses is foreseen, layers ahead, by predictors that see only the past")
    .argument("<trace>", TRACE)
    .optionsGroup("Predictors:")
    .option("--predictor <names>", `between commas: ${NAMES.join(", ")} (default: all)`, namesOf(NAMES))
    .option("--horizon <layers>", "how far ahead, between commas (default: 1,2,4,8)", (text) =>
      text.split(",").map(count),
    )
    .option("--warm-prompts <count>", "prompts that are learnt from and not scored (default: the first half)", number)
    .option("--seed <number>", "of what is drawn (default: 1)", number);
  return traceOptions(command)
    .optionsGroup("Output:")
    .option("--svg <file>", "write what was claimed against what came true, and recall by horizon, as a picture")
    .option("--json", "print the report as JSON")
    .addHelpText(
      "after",
      `
Of what decoding tokens of the scored prompts used: how much is among as many as the router chooses (k), among 16, among 32.
All predictors stand in one table with chance (random) and the ceiling (oracle, which sees what is to come).

Examples:
  ${typed("predict trace.csv.gz")}
  ${typed("predict trace.csv.gz --predictor markov,blend --horizon 1,4 --svg predict.svg")}
  ${typed("predict ids.npy --experts 128 --warm-prompts 0 --json")}

Exit codes: 0 done, 2 no answer, because the input is wrong.`,
    )
    .action(async (file: string, flags: PredictFlags) => {
      checkFolders(flags.svg);
      const routes = await readTrace(file, flags);
      const report = evaluated(routes, flags);
      if (flags.svg !== undefined)
        writeText(
          flags.svg,
          predictionChart(report, { subtitle: `${basename(file)}: ${report.tokens.scored} tokens of decode` }),
        );
      if (flags.json) sayJson(report);
      else sayPredictions(report, routes, file, flags);
    });
}

/** The report on all predictors, which are evaluated one by one so that a bar can show how far it is. */
function evaluated(
  routes: Routes,
  { predictor = [...NAMES], horizon, warmPrompts, seed }: PredictFlags,
): PredictionReport {
  const options: EvaluationOptions = definedOf({ horizons: horizon, promptsToWarm: warmPrompts, seed });
  const bar = progressBar("predicting", predictor.length);
  try {
    const reports = predictor.map((name, i) => {
      const report = evaluatePredictors(routes, { ...options, predictors: [name] });
      bar.update(i + 1);
      return report;
    });
    return { ...reports[0]!, rows: reports.flatMap(({ rows }) => rows) };
  } finally {
    bar.stop();
  }
}
