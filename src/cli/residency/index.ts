import { basename } from "node:path";
import { Command, Option } from "commander";
import { POLICIES, type Policy, PREDICTORS, type PredictorName, residencyChart } from "../../index.ts";
import { checkFolders, writeText } from "../files.ts";
import { count, number } from "../options.ts";
import { sayJson, typed } from "../print.ts";
import { TRACE, type TraceFlags, traceOptions } from "../trace.ts";
import { namesOf, sizes } from "../values.ts";
import { sayResidency } from "./report.ts";
import { swept } from "./sweep.ts";

/** What `vorchestrate residency` is told. */
export interface ResidencyFlags extends TraceFlags {
  budget?: number[];
  budgets?: number;
  policies?: Policy[];
  guide?: PredictorName;
  pin?: string;
  seed?: number;
  svg?: string;
  json?: boolean;
}

/** `vorchestrate residency` */
export function residencyCommand(): Command {
  const command = new Command("residency")
    .description("how much of what a router asks for a cache of experts has, by policy and budget")
    .argument("<trace>", TRACE)
    .optionsGroup("Cache:")
    .addOption(new Option("--budget <sizes>", "bytes to hold experts in, between commas: 4GB,8GB").argParser(sizes))
    .addOption(
      new Option("--budgets <count>", "that many, evenly up to all experts (default: 10 from 1% of them to all)")
        .argParser(count)
        .conflicts("budget"),
    )
    .option(
      "--policies <names>",
      `between commas: ${POLICIES.join(", ")} (default: all, guided with --guide)`,
      namesOf(POLICIES),
    )
    .addOption(
      new Option("--guide <predictor>", "who says what guided holds: the likeliest of the next token").choices(
        PREDICTORS,
      ),
    )
    .option("--pin <places>", "experts that are held throughout, as layer:expert between commas: 0:17,0:3")
    .option("--seed <number>", "of what is drawn (default: 1)", number);
  return traceOptions(command)
    .optionsGroup("Output:")
    .option("--svg <file>", "write hits against the budget as a picture")
    .option("--json", "print the sweep as JSON")
    .addHelpText(
      "after",
      `
All budgets of lru and layer take one pass. random, lru, lfu, layer and layerlfu read the trace as it comes, however long it is, in
constant memory, where it says how many layers and experts there are, or flags do. belady must know all that is asked for (9
bytes an access); guided holds the whole trace. Belady is left out of the default for traces of more than 1 GB.

Examples:
  ${typed("residency trace.csv.gz")}
  ${typed("residency trace.csv.gz --budget 4GB,8GB --guide blend")}
  ${typed("residency trace.csv --policies lru,lfu --budgets 40 --svg hits.svg")}
  ${typed("residency ids.npy --experts 128 --expert-bytes 9437184 --pin 0:3,0:17")}

Exit codes: 0 done, 2 no answer, because the input is wrong.`,
    )
    .action(async (file: string, flags: ResidencyFlags) => {
      checkFolders(flags.svg);
      const answer = await swept(file, flags);
      if (flags.svg !== undefined)
        writeText(
          flags.svg,
          residencyChart(answer.sweep, {
            subtitle: `${basename(file)}: ${answer.layers} layers of ${answer.experts} experts`,
          }),
        );
      if (flags.json) sayJson(answer.sweep);
      else sayResidency(answer, file, flags);
    });
}
