import { Command, Option } from "commander";
import {
  type DecodingObjective,
  FENCES,
  type Fence,
  MEANS,
  type Means,
  OBJECTIVES,
  PREFETCHES,
  type Prefetch,
} from "../../index.ts";
import { count, number } from "../options.ts";
import { typed } from "../print.ts";
import { TRACE, type TraceFlags, traceOptions } from "../trace.ts";
import { size } from "../values.ts";

/** What `vorchestrate simulate` is told. */
export interface SimulateFlags extends TraceFlags {
  model?: string;
  bytesPerWeight?: number;
  expertMb?: number;
  cluster?: string;
  gpus?: number;
  gpu?: string;
  optics?: string;
  gpusPerDpu?: number;
  ports?: number;
  dpuPace?: number;
  batch?: number;
  sequence?: number;
  cold?: number;
  routes?: string;
  cache?: number;
  prefetch?: Prefetch;
  predictor?: string;
  horizon?: number;
  means?: Means | "expert-parallel";
  fence?: Fence;
  sync?: number;
  contention?: boolean;
  gapUs?: number;
  deadlineUs?: number;
  residentMs?: number;
  roofline?: boolean;
  steps?: number;
  repetitions?: number;
  outages?: number;
  seed?: number;
  sloMs?: number;
  sloOf?: DecodingObjective;
  sensitivity?: boolean;
  factor?: number;
  times?: string;
  svg?: string;
  trace?: string;
  html?: string;
  json?: boolean;
}

/** `vorchestrate simulate` with all its options. */
export function declaredCommand(): Command {
  const command = new Command("simulate")
    .description(
      "decode on a cluster whose experts are fetched over its fabric: does an SLO hold, and where does the time go",
    )
    .argument(
      "[scenario]",
      "a scenario as JSON; without one, the sources' own: Mixtral-8x22B, 128 GPUs, a quarter cold",
    );
  clusterOptions(command);
  decodingOptions(command);
  fetchingOptions(command);
  runOptions(traceOptions(command));
  return command
    .optionsGroup("Output:")
    .option("--svg <file>", "write one step to scale, phase by phase, as a picture")
    .option("--trace <file>", "write that step for Perfetto or chrome://tracing")
    .option("--html <file>", "write a report to hand on: one file, opens offline")
    .option("--json", "print report, verdict and timeline as JSON")
    .addHelpText(
      "after",
      `
Examples:
  ${typed("simulate")}
  ${typed("simulate --optics lpo-800g --gpus-per-dpu 8 --html report.html")}
  ${typed("simulate --model config.json --gpu h200 --routes trace.csv.gz --prefetch weighed --slo-ms 60")}

Exit codes: 0 the SLO holds, 1 it does not, or nobody can tell, 2 no answer, because the input is wrong.`,
    );
}

function clusterOptions(command: Command): void {
  command
    .optionsGroup("Model and cluster:")
    .option("--model <name>", "a built-in model's name, or a Hugging Face config.json (default: mixtral-8x22b)")
    .option("--bytes-per-weight <bytes>", "of experts (default: 1 for the default model, else the model's own)", number)
    .option("--expert-mb <MB>", "of an expert, whatever its weights (default: the model's)", number)
    .option("--cluster <file>", "a cluster as JSON; vorchestrate schema cluster says what is in it")
    .option("--gpus <count>", "(default: 128)", count)
    .option("--gpu <name>", "a built-in GPU (default: r200)")
    .option("--optics <name>", "between GPUs (default: cpo-800g)")
    .option("--gpus-per-dpu <count>", "GPUs that share a DPU and its ports (default: 1)", count)
    .option("--ports <count>", "that a load is striped over (default: 16)", count)
    .option("--dpu-pace <GB/s>", "the bucket of one DPU (default: 1600)", number);
}

function decodingOptions(command: Command): void {
  command
    .optionsGroup("Decoding:")
    .option("--batch <count>", "sequences of a GPU (default: 1)", number)
    .option("--sequence <tokens>", "that each holds (default: 2048)", number)
    .option(
      "--resident-ms <ms>",
      "a step with all weights there (default: 31.2 for the default model, else the roofline and gaps)",
      number,
    )
    .option("--roofline", "the roofline and gaps, for the default model too")
    .option("--gap-us <µs>", "from router to experts (default: 62)", number)
    .option("--deadline-us <µs>", "from router to weights: later is a miss (default: 180)", number)
    .addOption(new Option("--fence <name>", "when cold weights let a layer go on (default: additive)").choices(FENCES))
    .option("--sync <gpus>", "GPUs that begin each layer together (default: 1)", count)
    .option(
      "--contention",
      "what a GPU serves and receives when its experts begin takes from its HBM's rate: off unless given, 1.4 times as long a run",
    );
}

function fetchingOptions(command: Command): void {
  command
    .optionsGroup("What is cold, and what is fetched ahead:")
    .option("--cold <share>", "of gates that miss one expert (default: 0.25)", number)
    .option("--routes <file>", TRACE)
    .option("--cache <size>", "of what a GPU keeps of fetched experts, with --routes (default: its free HBM)", size)
    .addOption(new Option("--prefetch <name>", "with --routes (default: none)").choices(PREFETCHES))
    .option("--predictor <name>", "markov, oracle, or recall and precision as 0.6,0.5 (default: markov)")
    .option("--horizon <layers>", "how far ahead (default: 1)", number)
    .addOption(
      new Option(
        "--means <name>",
        "how weights are fetched; expert-parallel: tokens travel instead (default: executor)",
      ).choices([...MEANS, "expert-parallel"]),
    );
}

function runOptions(command: Command): void {
  command
    .optionsGroup("Run:")
    .option("--slo-ms <ms>", "p99 that must hold (default: 40)", number)
    .addOption(
      new Option("--slo-of <name>", "inter-token latency, or TPOT over an output (default: itl)").choices(OBJECTIVES),
    )
    .option("--steps <count>", "of each GPU (default: 200)", number)
    .option("--repetitions <count>", "with other draws, for intervals (default: 5)", number)
    .option(
      "--outages <count>",
      "runs of each repetition in which a link goes out once, so that rare outages count (default: 16)",
      number,
    )
    .option("--seed <number>", "of all that is drawn (default: 1)", number)
    .option("--sensitivity", "which parameters move the p99 most, each changed both ways")
    .option("--factor <number>", "that --sensitivity changes by (default: 1.5)", number)
    .option("--times <file>", "measured dispatch and combine times as CSV (default: a few built-in ones)");
}
