import { type Command, InvalidArgumentError, Option } from "commander";
import type { Cluster, Topology } from "../../index.ts";
import { readTopology } from "../../index.ts";
import { readText } from "../files.ts";
import { count, definedOf, flagOf, number } from "../options.ts";

/** What the command line of `vorchestrate place` says. */
export interface PlaceFlags {
  gpus?: number;
  slots?: number;
  slotsPerGpu?: number | number[];
  gpusPerNode?: number;
  gpusPerPod?: number;
  topology?: string;
  drain?: number[];
  tierCosts?: number[];
  objective?: "balance" | "latency";
  scope?: "layer" | "step";
  groups?: number;
  copies?: number;
  copiesMax?: number;
  radius?: number;
  loadMax?: number;
  gap?: number;
  timeLimitMs?: number;
  seed?: number;
  from?: string;
  target?: number;
  movesMax?: number;
  bytesMax?: number;
  expertMb?: number;
  moveCost?: number;
  check?: string;
  explain?: number;
  out?: string;
  maps?: string;
  svg?: string;
  full?: boolean;
  json?: boolean;
}

/** Flags that mean something for one objective alone. */
const ONLY: Record<"balance" | "latency", readonly (keyof PlaceFlags)[]> = {
  balance: ["slots", "scope", "groups", "target", "maps"],
  latency: ["gpusPerPod", "tierCosts", "copies", "copiesMax", "radius", "loadMax", "moveCost", "explain"],
};
/** Flags that mean something only where there is a plan in force. */
const WITH_FROM: readonly (keyof PlaceFlags)[] = ["target", "movesMax", "bytesMax", "moveCost"];

/** Numbers between commas. */
const numbers = (text: string): number[] => text.split(",").map(number);

/** Whole numbers between commas. */
function wholes(text: string): number[] {
  const list = numbers(text);
  const wrong = list.find((value) => !(Number.isInteger(value) && value >= 0));
  if (wrong !== undefined) throw new InvalidArgumentError(`Expected whole numbers, got ${wrong}.`);
  return list;
}

/** One whole number, or one each. */
function slots(text: string): number | number[] {
  const list = wholes(text);
  return list.length === 1 ? list[0]! : list;
}

export function placeOptions(command: Command): Command {
  return command
    .optionsGroup("GPUs:")
    .option("--gpus <count>", "how many there are", number)
    .option("--slots <count>", "experts that all GPUs together have room for, of each layer", count)
    .addOption(
      new Option("--slots-per-gpu <count>", "the same of one GPU; of each, between commas, where they differ")
        .argParser(slots)
        .conflicts("slots"),
    )
    .option("--gpus-per-node <count>", "GPUs sit in a tree: 1 hop in a node, 2 in a pod, 3 anywhere", number)
    .option("--gpus-per-pod <count>", "a multiple of those of a node", number)
    .option("--drain <GPUs>", "GPUs that are to hold nothing, between commas", wholes)
    .option("--topology <file>", "all of that as JSON; flags say otherwise")
    .optionsGroup("Objective:")
    .addOption(
      new Option(
        "--objective <name>",
        "balance: the busiest GPU is as near to the mean as can be (default for loads); latency: demand is as near to experts as can be (default for a problem)",
      ).choices(["balance", "latency"]),
    )
    .addOption(
      new Option(
        "--scope <name>",
        "what is balanced: each layer, or the sums over all of them (default: layer)",
      ).choices(["layer", "step"]),
    )
    .option("--groups <count>", "of experts side by side; a group stays on one node (with --gpus-per-node)", number)
    .option(
      "--tier-costs <costs>",
      "of a unit of demand from the same GPU, node, pod, anywhere (default: 0,1,2,3)",
      numbers,
    )
    .option("--copies <count>", "of each expert at the least, on distinct GPUs (default: 1)", number)
    .option("--copies-max <count>", "at the most, where more are worth their slots (default: as --copies)", number)
    .option("--radius <hops>", "farthest tier from which demand may be served (default: 3, anywhere)", number)
    .option("--load-max <load>", "the most that a GPU may serve (default: not limited)", number)
    .optionsGroup("From a plan in force:")
    .option("--from <plan>", "what --out or --maps wrote, or an engine's physical_to_logical_map as JSON")
    .option("--target <share>", "balancedness (mean over busiest) to reach with as few moves as can be found", number)
    .option("--moves-max <count>", "the most copies to move", number)
    .option("--bytes-max <bytes>", "the most bytes to move", number)
    .option("--expert-mb <MB>", "size of an expert", number)
    .option("--move-cost <cost>", "of moving a copy, in the unit of demand times tier costs (default: 0)", number)
    .optionsGroup("Run:")
    .option("--gap <share>", "how near to the bound is near enough (default: 0.0005 balance, 0.005 latency)", number)
    .option("--time-limit-ms <ms>", "answer with the best plan found until then (default: none)", number)
    .option("--seed <number>", "of all that is drawn (default: 1)", number)
    .optionsGroup("Output:")
    .option("--check <plan>", "verify a plan of anybody's instead, and list what it breaks")
    .option("--explain <expert>", "why an expert is where it is, and what other places would cost", number)
    .option("--out <file>", "write the plan, which --from and --check read")
    .option("--maps <file>", "write EPLB's maps, which serving engines load")
    .option("--svg <file>", "write loads before and after as a picture")
    .option("--full", "show every layer and every GPU")
    .option("--json", "print what the library returned as JSON");
}

/** Refuses flags of the other objective, and those that need a plan in force where there is none. */
export function checkFlags(flags: PlaceFlags, objective: "balance" | "latency", file: string, hasPlan: boolean): void {
  const other = objective === "balance" ? "latency" : "balance";
  const stray = ONLY[other].find((key) => flags[key] !== undefined);
  if (stray)
    throw new TypeError(`${flagOf(stray)} goes with the objective ${other}, got it with ${file}: ${objective}`);
  const needy = flags.from === undefined && !hasPlan && WITH_FROM.find((key) => flags[key] !== undefined);
  if (needy) throw new TypeError(`${flagOf(needy)} goes with --from <plan>, the plan in force`);
  if (flags.bytesMax !== undefined && flags.movesMax !== undefined)
    throw new TypeError("--bytes-max and --moves-max limit the same: leave one of them out");
  if (flags.check !== undefined) {
    const idle = (["out", "maps", "explain"] as const).find((key) => flags[key] !== undefined);
    if (idle) throw new TypeError(`${flagOf(idle)} goes with a plan that is made here, got it with --check`);
  }
}

/** GPUs and tier costs from flags, from the topology's file where they are silent, and last from the input's own. */
export function topologyOf(flags: PlaceFlags, own: Topology = {}): Topology {
  const { topology, gpus, slotsPerGpu, gpusPerNode, gpusPerPod, drain: drained, tierCosts } = flags;
  const fromFile = topology === undefined ? {} : readTopology(readText(topology), { file: topology });
  return {
    ...own,
    ...fromFile,
    ...definedOf({ gpus, slotsPerGpu, gpusPerNode, gpusPerPod, drained }),
    ...(tierCosts ? { tierCosts: tierCosts as [number, number, number, number] } : {}),
  };
}

/** What a topology is missing for `--gpus`, said as a flag. */
export function gpusOf({ gpus }: Topology): number {
  if (gpus === undefined)
    throw new TypeError("--gpus <count> is missing: neither flags nor a file say how many there are");
  return gpus;
}

/** A whole cluster of a topology. */
export function clusterOf(topology: Topology): Cluster {
  const { tierCosts, ...cluster } = topology;
  const gpus = gpusOf(topology);
  if (cluster.slotsPerGpu === undefined)
    throw new TypeError(
      "--slots-per-gpu <count> is missing: neither flags nor a file say how many experts a GPU holds",
    );
  return { ...cluster, gpus, slotsPerGpu: cluster.slotsPerGpu };
}
