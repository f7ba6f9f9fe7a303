import { basename } from "node:path";
import { Command, Option } from "commander";
import {
  type Calibration,
  calibrateServing,
  MODELS,
  type RequestFile,
  readRequests,
  type ServingOptions,
  servingChart,
  servingOnFabric,
  simulateServing,
} from "../../index.ts";
import { checkFolders, readBytes, writeText } from "../files.ts";
import { chosenModel } from "../models.ts";
import { definedOf, flagOf, number } from "../options.ts";
import { progressBar, sayJson, typed } from "../print.ts";
import { type Served, sayServing } from "./report.ts";

/** What `vorchestrate serve` is told. */
export interface ServeFlags {
  model?: string;
  gpu?: string;
  ranks?: number;
  maxSequences?: number;
  maxBatchedTokens?: number;
  kvTokens?: number;
  whole?: boolean;
  ahead?: boolean;
  flopsShare?: number;
  hbmShare?: number;
  linkShare?: number;
  overheadUs?: number;
  prefillOverheadUs?: number;
  sequenceUs?: number;
  coldShare?: number;
  gpus?: number;
  optics?: string;
  sequence?: number;
  calibrate?: boolean;
  svg?: string;
  json?: boolean;
}

/** `vorchestrate serve <requests>` */
export function serveCommand(): Command {
  return new Command("serve")
    .description("serve requests with continuous batching: time to first token, per token, throughput")
    .argument(
      "<requests>",
      "Azure's CSV, Mooncake's JSON lines, arrivalMs,inputTokens,outputTokens, or vLLM's; gzip or not",
    )
    .optionsGroup("Engine:")
    .option("--model <name>", "a built-in model's name, or a Hugging Face config.json (default: qwen3-30b)")
    .option("--gpu <name>", "a built-in GPU (default: h100)")
    .option("--ranks <gpus>", "each with requests of its own, experts spread over all (default: 1)", number)
    .option("--max-sequences <count>", "of a rank at once (default: 128)", number)
    .option("--max-batched-tokens <count>", "of a rank's step (default: 2048)", number)
    .option("--kv-tokens <count>", "that a rank has room for (default: what 90% of its HBM leaves)", number)
    .option("--whole", "prompts are computed whole, not in pieces")
    .option("--no-ahead", "steps are planned when the one before is done, not while it runs")
    .optionsGroup("Steps:")
    .option("--flops-share <share>", "of the GPU's peak that is reached (default: 1)", number)
    .option("--hbm-share <share>", "of its HBM's rate (default: 1)", number)
    .option("--link-share <share>", "of the rate between ranks (default: 1)", number)
    .option("--overhead-us <µs>", "of each step (default: 0)", number)
    .option("--prefill-overhead-us <µs>", "of each step with prompts, beyond that (default: 0)", number)
    .option("--sequence-us <µs>", "of each sequence in a step, on the host (default: 0)", number)
    .optionsGroup("Experts fetched over a fabric:")
    .option("--cold-share <share>", "of layers in which a GPU fetches one: decode steps are simulated", number)
    .option("--gpus <count>", "of that cluster (default: 128)", number)
    .option("--optics <name>", "between them (default: cpo-800g)")
    .option("--sequence <tokens>", "that sequences hold while they decode (default: 2048)", number)
    .optionsGroup("Output:")
    .addOption(
      new Option(
        "--calibrate",
        "fit the costs of steps to every other of measured requests, and say how far off the rest are",
      ).conflicts("coldShare"),
    )
    .option("--svg <file>", "write the times as a picture")
    .option("--json", "print the report as JSON")
    .addHelpText(
      "after",
      `
Steps are rooflines unless told otherwise, which no program reaches: what comes out is a bound. Only files of
vLLM's say when requests were served, which --calibrate takes. With --cold-share the requests are those of one
GPU of a cluster in which all others are as busy; prompts find their experts there. Each prompt is computed whole:
prefixes that Mooncake's requests share (hash_ids) are counted, not cached, as engines differ in what they keep.

Examples:
  ${typed("serve requests.csv --model deepseek-v3 --gpu b200 --ranks 16")}
  ${typed("serve measured.jsonl --gpu rtx-pro-6000 --ranks 2 --calibrate --svg serve.svg")}
  ${typed("serve requests.csv --cold-share 0.25 --model mixtral-8x22b --gpu r200")}

Exit codes: 0 done, 2 no answer, because the input is wrong.`,
    )
    .action(async (file: string, flags: ServeFlags) => {
      checkFolders(flags.svg);
      const read = await readRequests(readBytes(file), { file });
      const served = serve(read, flags, file);
      const { result, calibration, table } = served;
      if (flags.svg !== undefined)
        writeText(
          flags.svg,
          servingChart(read.requests, result.times, { subtitle: subtitleOf(file, served), measured: read.measured }),
        );
      if (flags.json)
        sayJson({ ...result.report, ...(calibration ? { calibration } : {}), ...(table ? { table } : {}) });
      else sayServing(served, file, flags);
    });
}

function subtitleOf(file: string, { model, gpu, ranks }: Served): string {
  return `${basename(file)}: ${model} on ${ranks === 1 ? gpu : `${ranks} x ${gpu}`}`;
}

function serve(read: RequestFile, flags: ServeFlags, file: string): Served {
  const { calibrate, ranks } = flags;
  const model = flags.model === undefined ? MODELS.find(({ name }) => name === "qwen3-30b")! : chosenModel(flags.model);
  const gpu = flags.gpu ?? "h100";
  const given = optionsOf(flags);
  const about = { read, model: model.name, gpu, ranks: ranks ?? 1 };
  if (flags.coldShare !== undefined) {
    const { serving, table } = tabled(fabricOf(flags, model, gpu), batchesOf(flags.maxSequences));
    const { flopsShare: _, hbmShare: __, ...engine } = given;
    const result = simulateServing(read.requests, { ...serving, ...engine });
    return { ...about, gpu: `one of ${flags.gpus ?? GPUS_OF_FABRIC} x ${gpu}`, result, table, calibration: null };
  }
  for (const stray of ["gpus", "optics", "sequence"] as const)
    if (flags[stray] !== undefined) throw new TypeError(`${stray} goes with --cold-share <share>, got none`);
  const options: ServingOptions = { model, gpu, ...given };
  let calibration: Calibration | null = null;
  if (calibrate) {
    if (read.measured === null)
      throw new TypeError(`calibrate goes with requests that were measured, got none in ${basename(file)}`);
    calibration = calibrated(read.requests, read.measured, options);
  }
  const result = simulateServing(read.requests, { ...options, ...calibration?.costs });
  return { ...about, result, table: null, calibration };
}

/** Costs that fit, with a bar while they are looked for. */
function calibrated(...[requests, measured, options]: Parameters<typeof calibrateServing>): Calibration {
  const runs = 400;
  const bar = progressBar("fitting", runs);
  try {
    return calibrateServing(requests, measured, options, { runs, onProgress: bar.update });
  } finally {
    bar.stop();
  }
}

/** Steps over a fabric, with a bar while they are simulated. */
function tabled(fabric: ReturnType<typeof fabricOf>, batches: readonly number[]) {
  const bar = progressBar("decoding", batches.length);
  try {
    return servingOnFabric(fabric, { batches, onProgress: bar.update });
  } finally {
    bar.stop();
  }
}

/** What flags say of the engine and its steps. */
function optionsOf(flags: ServeFlags): ServingOptions {
  const ns = (us: number | undefined) => (us === undefined ? undefined : us * 1e3);
  const { ranks, maxSequences, maxBatchedTokens, kvTokens, flopsShare, hbmShare, linkShare } = flags;
  return definedOf({
    ranks,
    maxSequences,
    maxBatchedTokens,
    kvTokens,
    chunked: flags.whole ? false : undefined,
    ahead: flags.ahead === false ? false : undefined,
    flopsShare,
    hbmShare,
    linkShare,
    overheadNs: ns(flags.overheadUs),
    prefillOverheadNs: ns(flags.prefillOverheadUs),
    sequenceNs: ns(flags.sequenceUs),
  });
}

const GPUS_OF_FABRIC = 128;

function fabricOf(flags: ServeFlags, model: ReturnType<typeof chosenModel>, gpu: string) {
  const { coldShare, gpus = GPUS_OF_FABRIC, optics, sequence, flopsShare, hbmShare } = flags;
  for (const stray of ["linkShare", "overheadUs", "prefillOverheadUs", "sequenceUs"] as const)
    if (flags[stray] !== undefined)
      throw new TypeError(`${flagOf(stray)} goes with steps of the roofline, not with --cold-share`);
  if (flags.ranks !== undefined)
    throw new TypeError("ranks goes with experts that are spread, not fetched: leave out --cold-share or --ranks");
  return {
    model,
    cluster: { gpus, gpu, ...definedOf({ optics }) },
    cold: { share: coldShare! },
    efficiency: definedOf({ flopsShare, hbmShare }),
    ...definedOf({ sequence }),
  };
}

/** Doublings, up to as many sequences as a GPU may hold. */
function batchesOf(most = 32): number[] {
  const batches = [];
  for (let batch = 1; batch < most; batch *= 2) batches.push(batch);
  return [...batches, most];
}
