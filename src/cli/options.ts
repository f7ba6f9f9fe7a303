import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { type Optics, opticsNamed, readOptics, type ScenarioInput } from "../index.ts";

/** A number from the command line; what it may be is checked where it is used. */
export function number(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || Number.isNaN(value))
    throw new InvalidArgumentError(`expected a number, got ${JSON.stringify(text)}`);
  return value;
}

/** Adds the options that choose optics: a built-in profile, or one's own measurement. */
export function opticsOptions(command: Command): Command {
  return command
    .option("--optics <name>", "a built-in profile (see: vorchestrate optics)", "cpo-800g")
    .option(
      "--profile <file>",
      "your own latencies instead: perftest output, HdrHistogram log, CSV, or a profile as JSON",
    )
    .addOption(
      new Option(
        "--verb <verb>",
        "what perftest measured: write and send print half a round trip, read and atomic all of it",
      ).choices(["write", "send", "read", "atomic"]),
    )
    .addOption(new Option("--unit <unit>", "of the values in a CSV file").choices(["ns", "us", "ms", "s"]))
    .option("--column <name>", "which column of a CSV file, by its head or its number")
    .option("--ns-per-value <number>", "nanoseconds that 1 stands for in an HdrHistogram log (default: 1)", number)
    .option("--whole-path", "the measurement spans the whole path: one hop, no pipeline or SERDES on top")
    .option(
      "--stall-probability <share>",
      "that a 9,000-byte frame stalls on a port, where the profile names stalls",
      number,
    )
    .option("--retrain-per-hour <rate>", "outages of a link an hour, where the profile names them", number);
}

export interface OpticsChoice {
  optics: string;
  profile?: string;
  verb?: "write" | "send" | "read" | "atomic";
  unit?: "ns" | "us" | "ms" | "s";
  column?: string;
  nsPerValue?: number;
  wholePath?: boolean;
  stallProbability?: number;
  retrainPerHour?: number;
}

/** The optics that the options choose. */
export async function chosenOptics(choice: OpticsChoice): Promise<Optics> {
  const { verb, unit, column, nsPerValue } = choice;
  const given = Object.fromEntries(
    Object.entries({ verb, unit, column, nsPerValue }).filter(([, value]) => value !== undefined),
  );
  if (choice.profile === undefined) {
    const [stray] = [...Object.keys(given), ...(choice.wholePath ? ["wholePath"] : [])];
    if (stray) throw new TypeError(`${stray} goes with --profile FILE`);
    return withFaults(opticsNamed(choice.optics), choice);
  }
  const text = readFileSync(choice.profile, "utf8");
  return withFaults(await readOptics(text, { file: basename(choice.profile), ...given }), choice);
}

/** The same optics with the odds of their faults as given. */
function withFaults(optics: Optics, { stallProbability, retrainPerHour }: OpticsChoice): Optics {
  const { profile } = optics;
  if (stallProbability !== undefined && !profile.stall)
    throw new TypeError(`stallProbability does not apply: ${profile.name} names no stalls`);
  if (retrainPerHour !== undefined && !profile.retrain)
    throw new TypeError(`retrainPerHour does not apply: ${profile.name} names no outages`);
  return {
    ...optics,
    profile: {
      ...profile,
      stall: profile.stall && {
        ...profile.stall,
        probabilityPerFrame: stallProbability ?? profile.stall.probabilityPerFrame,
      },
      retrain: profile.retrain && {
        ...profile.retrain,
        ratePerLinkHour: retrainPerHour ?? profile.retrain.ratePerLinkHour,
      },
    },
  };
}

/** One option a figure of the scenario: how it is called here, what it is there, and how the one becomes the other. */
const FIGURES = [
  ["--hops <count>", "fabric", "hops", 1, "hops of a path: 1 same node, 2 same pod, 3 anywhere (default: 3)"],
  [
    "--correlation <share>",
    "fabric",
    "correlation",
    1,
    "of traversals in which all hops are slow together (default: 1)",
  ],
  ["--pipeline-ns <ns>", "fabric", "pipelineNs", 1, "switch pipeline, once a traversal (default: 20)"],
  ["--serdes-ns <ns>", "fabric", "serdesNs", 1, "SERDES, once a traversal (default: 56)"],
  ["--ports <count>", "fabric", "ports", 1, "ports that a load is striped over (default: 16)"],
  ["--dpu-pace <GB/s>", "fabric", "dpuPaceBytesPerNs", 1, "the bucket of one DPU (default: 1600)"],
  ["--gpu-ingress <GB/s>", "fabric", "gpuIngressBytesPerNs", 1, "what one GPU takes in (default: 1800)"],
  ["--source-egress <GB/s>", "fabric", "sourceEgressBytesPerNs", 1, "what the source sends out (default: 1800)"],
  ["--source-hbm <GB/s>", "fabric", "sourceHbmBytesPerNs", 1, "what the source's HBM spares (default: 5500)"],
  ["--gpus-per-dpu <count>", "fabric", "gpusPerDpu", 1, "GPUs that share a DPU and its ports (default: 8)"],
  ["--post-us <µs>", "fabric", "postNs", 1e3, "from the router to the wire (default: 2)"],
  ["--translate-us <µs>", "fabric", "translateNs", 1e3, "from doorbell to read (default: 0.5)"],
  ["--local-fence-us <µs>", "fabric", "localFenceNs", 1e3, "on the GPU after completion (default: 20)"],
  ["--expert-mb <MB>", "demand", "expertBytes", 1e6, "size of an expert (default: 160)"],
  ["--loads-per-step <count>", "demand", "loadsPerStep", 1, "loads of a GPU in a decode step (default: 14)"],
  ["--step-ms <ms>", "demand", "stepNs", 1e6, "length of a decode step (default: 40)"],
  ["--deadline-us <µs>", "objective", "deadlineNs", 1e3, "from the router to the weights in place (default: 180)"],
  ["--miss-share <share>", "objective", "missShareMax", 1, "of loads that may be late (default: 0.01)"],
  [
    "--jitter-share <share>",
    "objective",
    "jitterShareMax",
    1,
    "of the command budget that 3 sigma may take (default: 0.05)",
  ],
  ["--utilisation <share>", "objective", "utilisationMax", 1, "of any resource (default: 0.8)"],
  ["--command-us <µs>", "objective", "commandNs", 1e3, "limit of the command phase (default: 10)"],
] as const;

/** Adds an option for every figure of the scenario. */
export function scenarioOptions(command: Command): Command {
  for (const [flags, , , , description] of FIGURES) command.option(flags, description, number);
  return command;
}

/** The scenario's figures among parsed options. */
export function scenarioOf(options: Record<string, unknown>): Required<Omit<ScenarioInput, "optics">> {
  const scenario: Record<string, Record<string, number>> = { fabric: {}, demand: {}, objective: {} };
  if (options["wholePath"]) scenario["fabric"] = { hops: 1, pipelineNs: 0, serdesNs: 0 };
  for (const [flags, part, name, factor] of FIGURES) {
    const key = flags
      .slice(2)
      .split(" ")[0]!
      .replace(/-(.)/g, (_, letter) => letter.toUpperCase());
    const value = options[key];
    if (typeof value === "number") scenario[part]![name] = value * factor;
  }
  return scenario as Required<Omit<ScenarioInput, "optics">>;
}
