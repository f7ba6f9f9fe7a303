import { basename } from "node:path";
import { Command } from "commander";
import {
  compareFit,
  figure,
  formatRouteModel,
  type RouteFit,
  type RouteStatistics,
  type RouteWorkload,
} from "../../index.ts";
import { checkFolders, writeText } from "../files.ts";
import { count, definedOf, number } from "../options.ts";
import { again, heading, paint, quoted, say, sayJson, sayNext, sayTable, sayWrapped, tenths, typed } from "../print.ts";
import { readTrace, TRACE, type TraceFlags, traceOptions } from "../trace.ts";

interface FitFlags extends TraceFlags {
  workloads?: string[];
  topics?: number;
  topicShare?: number;
  topicSwitch?: number;
  seed?: number;
  out?: string;
  json?: boolean;
}

/** `vorchestrate routes fit` */
export function fitCommand(): Command {
  const command = new Command("fit")
    .description("take from a trace a model whose routes have its popularity, repetition and dependence")
    .argument("<trace>", TRACE)
    .optionsGroup("Model:")
    .option(
      "--workloads <names>",
      "of each prompt in turn, between commas: chat,chat,code (default: all one)",
      (text) => text.split(",").map((name) => name.trim()),
    )
    .option("--topics <count>", "of each workload (default: as many as the trace tells of)", count)
    .option("--topic-share <share>", "of popularity that is the topic's own (default: fitted)", number)
    .option("--topic-switch <share>", "of tokens that begin another topic (default: fitted)", number)
    .option("--seed <number>", "of all that is drawn (default: 1)", number);
  return traceOptions(command)
    .optionsGroup("Output:")
    .option("--out <file>", "write the model as JSON, which routes generate reads")
    .option("--json", "print the model, and what it reaches, as JSON")
    .addHelpText(
      "after",
      `
The figures are found by trial: routes are generated, counted as the trace is, and moved by what is amiss. What is reached is
counted of routes drawn anew. The model takes no sizes of experts along: say them with routes generate --expert-bytes.

Examples:
  ${typed("routes fit trace.csv.gz --out model.json")}
  ${typed("routes fit ids.npy --experts 128 --topics 8 --topic-share 0.3 --topic-switch 0.01")}

Exit codes: 0 done, 2 no answer, because the input is wrong.`,
    )
    .action(async (file: string, flags: FitFlags) => {
      checkFolders(flags.out);
      const routes = await readTrace(file, flags);
      const { workloads, topics, topicShare, topicSwitch, seed, out } = flags;
      if (process.stderr.isTTY && !flags.json) console.error(paint.dim("fitting, which takes some seconds ..."));
      const fit = compareFit(routes, definedOf({ workloads, topics, topicShare, topicSwitch, seed }));
      if (out !== undefined) writeText(out, formatRouteModel(fit.model));
      if (flags.json) sayJson(fit);
      else sayFit(fit, basename(file), out);
    });
}

function sayFit({ model, workloads }: RouteFit, file: string, out: string | undefined): void {
  say(`${paint.bold(file)}: ${model.layers} layers of ${model.experts} experts, at most ${model.k} a token`);
  for (const { workload, prompts, tokens, target, reached } of workloads) {
    const of = workloads.length > 1 ? `${workload}: ` : "";
    heading(`${of}${figure(prompts)} ${prompts === 1 ? "prompt" : "prompts"}, ${figure(tokens)} tokens`);
    sayTable(
      ["", "trace", "model", "apart, in points"],
      STATISTICS.map(([name, value]) => {
        const [theirs, ours] = [value(target), value(reached)];
        return [name, tenths(theirs), tenths(ours), (100 * Math.abs(theirs - ours)).toFixed(1)];
      }),
      [1, 2, 3],
    );
    const apart = target.topShare.map((share, layer) => Math.abs(share - reached.topShare[layer]!));
    say(paint.dim(`layer by layer, popularity is ${(100 * mean(apart)).toFixed(1)} points apart on average`));
    sayModel(model.workloads.find(({ name }) => name === workload)!);
  }
  say();
  if (out !== undefined) say(`The model is in ${out}`);
  sayWrapped("", paint.dim("trace: as counted there. model: of as many tokens, drawn anew from what was fitted."));
  sayNext([
    ...(out === undefined ? [[again("--out model.json"), "keeps the model"] as const] : []),
    [typed(`routes generate ${quoted(out ?? "model.json")} --out trace.csv.gz`), "draws from it"],
  ]);
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

const STATISTICS: readonly (readonly [string, (statistics: RouteStatistics) => number])[] = [
  ["choices that fall on a layer's most popular eighth", ({ topShare }) => mean(topShare)],
  ["experts that the token before chose, too", ({ repetition }) => repetition],
  ["choices that follow the commonest way between layers", ({ dependence }) => dependence],
];

function sayModel({ zipf, repetition, dependence }: RouteWorkload): void {
  const exponents = typeof zipf === "number" ? [zipf] : zipf;
  sayWrapped(
    "",
    `repetition ${figure(repetition)}, dependence ${figure(dependence)}, Zipf's exponent ${figure(mean(exponents))} (${figure(Math.min(...exponents))} .. ${figure(Math.max(...exponents))} by layer)`,
  );
}
