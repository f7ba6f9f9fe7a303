import { type Command, InvalidArgumentError, Option } from "commander";
import { type Optics, opticsNamed, readOptics, type ScenarioInput } from "../index.ts";
import { readText } from "./files.ts";
import { typed } from "./print.ts";

/** A number from the command line; what it may be is checked where it is used. */
export function number(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || Number.isNaN(value))
    throw new InvalidArgumentError(`Expected a number, got ${JSON.stringify(text)}.`);
  return value;
}

/** A number from `low` to `high`, where nothing else checks it. */
const within = (low: number, high: number) => (text: string) => {
  const value = number(text);
  if (value >= low && value <= high) return value;
  throw new InvalidArgumentError(
    high === Number.POSITIVE_INFINITY ? `It must be at least ${low}.` : `It must be from ${low} to ${high}.`,
  );
};

/** How many of something, where nothing else checks it. */
export function count(text: string): number {
  const value = within(1, 1e9)(text);
  if (!Number.isInteger(value)) throw new InvalidArgumentError("It must be a whole number.");
  return value;
}

/** Adds the options that choose optics: a built-in profile, or one's own measurement. */
export function opticsOptions(command: Command): Command {
  return command
    .optionsGroup("Optics:")
    .addOption(
      new Option("--optics <name>", `a built-in profile (default: cpo-800g); ${typed("optics")} lists them`).conflicts(
        "profile",
      ),
    )
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
    .option(
      "--ns-per-value <number>",
      "nanoseconds that 1 stands for in an HdrHistogram log (default: as the log says, else 1)",
      number,
    )
    .option("--whole-path", "the measurement spans the whole path: one hop, no pipeline or SERDES on top")
    .option(
      "--stall-probability <share>",
      "that a 9,000-byte frame stalls on a port, where the profile names stalls",
      within(0, 1),
    );
}

/** Adds the option for outages, which no single doorbell's path shows. */
export function outageOption(command: Command): Command {
  return command.option(
    "--retrain-per-hour <rate>",
    "outages of a link an hour, where the profile names them",
    within(0, Number.POSITIVE_INFINITY),
  );
}

export interface OpticsChoice {
  optics?: string;
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
  const { optics = "cpo-800g", profile, verb, unit, column, nsPerValue, wholePath } = choice;
  const reading = definedOf({ verb, unit, column, nsPerValue });
  if (profile !== undefined)
    return withFaults(await readOptics(readText(profile), { file: profile, ...reading }), choice);
  const [stray] = Object.keys(definedOf({ ...reading, wholePath }));
  if (stray) throw new TypeError(`${flagOf(stray)} goes with --profile <file>`);
  return withFaults(opticsNamed(optics), choice);
}

/** The same optics with the odds of their faults as given. */
function withFaults(optics: Optics, { stallProbability, retrainPerHour }: OpticsChoice): Optics {
  const { profile } = optics;
  const { name, stall, retrain } = profile;
  if (stallProbability !== undefined && !stall)
    throw new TypeError(`--stall-probability does not apply: ${name} names no stalls`);
  if (retrainPerHour !== undefined && !retrain)
    throw new TypeError(`--retrain-per-hour does not apply: ${name} names no outages`);
  return {
    ...optics,
    profile: {
      ...profile,
      stall: stall && { ...stall, probabilityPerFrame: stallProbability ?? stall.probabilityPerFrame },
      retrain: retrain && { ...retrain, ratePerLinkHour: retrainPerHour ?? retrain.ratePerLinkHour },
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
  ["--chunk-mb <MB>", "fabric", "chunkBytes", 1e6, "what a more urgent load waits for at most (default: 1)"],
  ["--post-us <µs>", "fabric", "postNs", 1e3, "from the router to the wire (default: 2)"],
  ["--translate-us <µs>", "fabric", "translateNs", 1e3, "from doorbell to read (default: 0.5)"],
  ["--local-fence-us <µs>", "fabric", "localFenceNs", 1e3, "on the GPU after completion (default: 20)"],
  [
    "--bulk-utilisation <share>",
    "fabric",
    "bulkUtilisation",
    1,
    "that bulk keeps the links of doorbells busy (default: as the load; in drive, with --lane, 0.8)",
  ],
  [
    "--outstanding-misses <count>",
    "fabric",
    "outstandingMisses",
    1,
    "of a coherent fabric, as a baseline (default: 1024)",
  ],
  ["--expert-mb <MB>", "demand", "expertBytes", 1e6, "size of an expert (default: 160)"],
  ["--loads-per-step <count>", "demand", "loadsPerStep", 1, "loads of a GPU in a decode step (default: 14)"],
  ["--loads-at-once <count>", "demand", "loadsAtOnce", 1, "all GPUs of a DPU ask for at once (default: unstated)"],
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
  ["--utilisation <share>", "objective", "utilisationMax", 1, "most of any resource (default: 0.8)"],
  ["--epsilon <share>", "objective", "epsilon", 1, "of traversals the certificate leaves out (default: 0.000001)"],
  ["--command-us <µs>", "objective", "commandNs", 1e3, "limit of the command phase (default: 10)"],
  ["--data-us <µs>", "objective", "dataNs", 1e3, "limit of the data phase (default: 140)"],
  ["--fence-us <µs>", "objective", "fenceNs", 1e3, "limit of the fence (default: 30)"],
  ["--local-us <µs>", "objective", "localNs", 1e3, "what no hop takes up of the deadline (default: 60)"],
] as const;

const GROUPS = { fabric: "Fabric:", demand: "Demand:", objective: "Objective:" };

/** Adds the options for the path of a doorbell: those figures of the fabric that make it up. */
export function pathOptions(command: Command): Command {
  command.optionsGroup("Path:");
  for (const [flags, , , , description] of FIGURES.slice(0, 4)) command.option(flags, description, number);
  return command;
}

/** Adds an option for every figure of the fabric. */
export function fabricOptions(command: Command): Command {
  command.optionsGroup(GROUPS.fabric);
  for (const [flags, part, , , description] of FIGURES)
    if (part === "fabric") command.option(flags, description, number);
  return command;
}

/** Adds an option for every figure of the scenario. */
export function scenarioOptions(command: Command): Command {
  for (const [flags, part, , , description] of FIGURES)
    command.optionsGroup(GROUPS[part]).option(flags, description, number);
  return command;
}

/** The scenario's figures among parsed options. */
export function scenarioOf(options: Record<string, unknown>): Required<Omit<ScenarioInput, "optics">> {
  const scenario = { fabric: wholePath(options), demand: {}, objective: {} } as Record<string, Record<string, number>>;
  for (const [flags, part, name, factor] of FIGURES) {
    const value = options[keyOf(flags)];
    if (typeof value === "number") scenario[part]![name] = value * factor;
  }
  return scenario as Required<Omit<ScenarioInput, "optics">>;
}

/** The path of a measurement that spans all of it; nothing where it does not. */
export function wholePath(options: OpticsChoice | Record<string, unknown>) {
  if (!options.wholePath) return {};
  for (const key of ["hops", "pipelineNs", "serdesNs"] as const)
    if ((options as Record<string, unknown>)[key] !== undefined)
      throw new TypeError(`${flagOf(key)} is part of what --whole-path measured: leave one of them out`);
  return { hops: 1, pipelineNs: 0, serdesNs: 0 };
}

/** What else a flag sets by another name: the field, and what the flag is called once parsed. */
const OTHERS: Readonly<Record<string, string>> = {
  sizeBytes: "loadMb",
  slackNs: "deadlineUs",
  paceBytesPerNs: "dpuPace",
  burstBytes: "burstMb",
  nodeBytesPerNs: "nodeLink",
  podBytesPerNs: "podLink",
  goodputShare: "goodput",
  radiusHops: "radius",
  groupGpus: "group",
  sloNs: "sloMs",
  promptsToWarm: "warmPrompts",
  prefillTokens: "prefill",
  decodeTokens: "decode",
  budgetBytes: "budget",
  budgetsBytes: "budgets",
  pinned: "pin",
  chunked: "whole",
  loadNs: "loadUs",
  overheadNs: "overheadUs",
  prefillOverheadNs: "prefillOverheadUs",
  sequenceNs: "sequenceUs",
  syncGpus: "sync",
  residentStepNs: "residentMs",
  cacheBytes: "cache",
  share: "cold",
  gapNs: "gapUs",
};

/** A message about a figure, followed by the flag that sets it as it was typed: `(--deadline-us -5)`. */
export function withFlag(message: string, command: Command | undefined): string {
  const [, place = ""] = /^(?:options must leave out )?([\w.[\]]+) /.exec(message) ?? [];
  const option = command && optionOf(place, command);
  if (!option) return message;
  const value = command.getOptionValue(option.attributeName());
  return `${message} (${option.long}${value === undefined || value === true ? "" : ` ${value}`})`;
}

/** The option that sets what stands in a place such as `workloads[0].topics` or `pinned[2].layer`: the field, or what it is of. */
function optionOf(place: string, { options }: Command): Option | undefined {
  const names = place
    .replace(/\[\d+\]/g, "")
    .split(".")
    .reverse();
  for (const name of names) {
    const figure = FIGURES.find(([, , candidate]) => candidate === name);
    const key = figure ? keyOf(figure[0]) : (OTHERS[name] ?? name);
    const option = options.find((candidate) => candidate.attributeName() === key);
    if (option) return option;
  }
  return undefined;
}

/** The flag of a parsed option, e.g. `--pipeline-ns` of `pipelineNs`. */
export function flagOf(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** What a flag is called once parsed. */
function keyOf(flags: string): string {
  return new Option(flags).attributeName();
}

/** `object` without what is undefined. */
export function definedOf<T extends object>(object: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined)) as T;
}
