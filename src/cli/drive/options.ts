import { Command, Option } from "commander";
import { type DriveOptions, MEANS, type Means, type Optics, type TrafficOptions, type Tree } from "../../index.ts";
import {
  chosenOptics,
  count,
  definedOf,
  fabricOptions,
  flagOf,
  number,
  type OpticsChoice,
  opticsOptions,
  outageOption,
  scenarioOf,
} from "../options.ts";

/** What `drive` is told. */
export interface DriveFlags extends OpticsChoice, Record<string, unknown> {
  pattern?: TrafficOptions["pattern"];
  gpus?: number;
  means: Means | "all";
  lane?: DriveOptions["lane"];
  order?: DriveOptions["order"];
  onExpire?: DriveOptions["onExpire"];
  gpusPerNode?: number;
  gpusPerPod?: number;
  nodeLink?: number;
  podLink?: number;
  portGbps?: number;
  goodput?: number;
  trace?: string;
  svg?: string;
  json?: boolean;
}

/** What makes a pattern, and goes with no file: flag, field, what the flag's number is multiplied with, words. */
export const PATTERN = [
  ["--loads <count>", "loads", 1, "how many (default: 20000; of incast and hot-source without a rate one each)"],
  ["--load-mb <MB>", "sizeBytes", 1e6, "size of a load (default: 160)"],
  [
    "--utilisation <share>",
    "utilisation",
    1,
    "of what the busiest DPU reads (default: 0.28, as in check; of incast and hot-source all at once)",
  ],
  ["--loads-per-second <rate>", "loadsPerSecond", 1, "the same as a rate"],
  ["--sources <count>", "sources", 1, "of incast (default: all other GPUs)"],
  ["--destinations <count>", "destinations", 1, "of a hot source (default: all other GPUs)"],
  ["--loads-per-burst <count>", "loadsPerBurst", 1, "of bursts (default: 8)"],
] as const;

/** `vorchestrate drive` with all its options. */
export function declaredCommand(): Command {
  const command = new Command("drive")
    .description("drive doorbells through a fabric that paces, queues and fails, and report what came of every load")
    .argument(
      "[file]",
      "doorbells as CSV or JSON lines, or a connection matrix of csg-htsim; else a pattern is generated",
    )
    .optionsGroup("Loads:")
    .addOption(
      new Option("--pattern <name>", "who loads from whom (default: uniform)").choices([
        "uniform",
        "bursts",
        "incast",
        "hot-source",
      ]),
    )
    .option("--gpus <count>", "how many there are (default: 64, or as many as the file names)", count);
  for (const [flags, , , words] of PATTERN) command.option(flags, words, number);
  command
    .addOption(new Option("--arrivals <kind>", "of a pattern (default: poisson)").choices(["poisson", "regular"]))
    .option("--deadline-us <µs>", "from a pattern's post to its deadline (default: 180)", number)
    .optionsGroup("Run:")
    .addOption(
      new Option("--means <name>", "how weights are fetched; all: side by side")
        .choices([...MEANS, "all"])
        .default("executor"),
    )
    .addOption(new Option("--order <name>", "of reads (default: deadline)").choices(["deadline", "arrival"]))
    .addOption(
      new Option("--on-expire <what>", "with loads that cannot be in time (default: finish)").choices([
        "finish",
        "drop",
      ]),
    )
    .option("--queue-depth <count>", "loads that a DPU keeps (default: 1024)", count)
    .option("--burst-mb <MB>", "what a DPU may read at once (default: a chunk)", number)
    .addOption(
      new Option("--lane <name>", "of doorbells (default: dedicated)").choices(["dedicated", "priority", "shared"]),
    )
    .option("--seed <number>", "of all that is drawn (default: 1)", number);
  return fabricOptions(outageOption(opticsOptions(command)))
    .option("--port-gbps <Gb/s>", "line rate of a port (default: as the profile says)", number)
    .option("--goodput <share>", "of it that carries weights (default: as the profile says)", number)
    .option("--gpus-per-node <count>", "GPUs sit in a tree: 1 hop in a node, 2 in a pod, 3 anywhere", count)
    .option("--gpus-per-pod <count>", "the same of pods (default: 8 nodes)", count)
    .option("--node-link <GB/s>", "what goes out of a node, and what comes in (default: unlimited)", number)
    .option("--pod-link <GB/s>", "what goes out of a pod, and what comes in (default: unlimited)", number)
    .optionsGroup("Output:")
    .option("--trace <file>", "write what every DPU and link did, for Perfetto or chrome://tracing")
    .option("--svg <file>", "write how long loads take as a picture, on logarithmic scales")
    .option("--json", "print the report as JSON");
}

/** The optics chosen, with ports as given. */
export async function opticsOf({ portGbps, goodput, ...flags }: DriveFlags): Promise<Optics> {
  const { profile, hop } = await chosenOptics(flags);
  return { profile: { ...profile, ...definedOf({ portGbps, goodputShare: goodput }) }, hop };
}

/** What the flags say of a drive, its optics, GPUs and means aside. */
export function driveOptions(flags: DriveFlags): Omit<DriveOptions, "optics" | "gpus"> {
  const { lane, order, onExpire, gpusPerNode, gpusPerPod, nodeLink, podLink } = flags;
  const { seed, queueDepth, burstMb } = flags as Record<string, number | undefined>;
  const { fabric } = scenarioOf(flags);
  if (gpusPerNode !== undefined && flags.wholePath)
    throw new TypeError("--whole-path is of one path, and --gpus-per-node makes three: leave one of them out");
  let tree: Tree | undefined;
  if (gpusPerNode !== undefined)
    tree = {
      gpusPerNode,
      gpusPerPod: gpusPerPod ?? 8 * gpusPerNode,
      ...definedOf({ nodeBytesPerNs: nodeLink, podBytesPerNs: podLink }),
    };
  else {
    const [stray] = Object.keys(definedOf({ gpusPerPod, nodeLink, podLink }));
    if (stray) throw new TypeError(`${flagOf(stray)} goes with --gpus-per-node`);
  }
  const burstBytes = burstMb === undefined ? undefined : burstMb * 1e6;
  return { fabric, ...definedOf({ lane, order, onExpire, seed, queueDepth, burstBytes, tree }) };
}
