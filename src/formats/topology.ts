import { CLUSTER_KEYS, type Cluster } from "../placement/cluster.ts";
import { JsonValue, parseJson } from "./json.ts";

/** What a file says of GPUs and how they sit; what it leaves out is for whoever reads it to say. */
export interface Topology extends Partial<Cluster> {
  /** What a unit of demand costs from the same GPU, node, pod, and anywhere. */
  tierCosts?: [number, number, number, number];
}

const MOST_GPUS = 2 ** 16;
const MOST_SLOTS = 2 ** 24;

/** A topology from JSON: the fields of a `Cluster`, and `tierCosts`. */
export function readTopology(text: string, { file = "topology" }: { file?: string } = {}): Topology {
  const all = new JsonValue(file, "", parseJson(text, file)).object("a topology", [...CLUSTER_KEYS, "tierCosts"]);
  return { ...clusterOf(all), ...tierCostsOf(all) };
}

/** Those fields of a cluster that are given. */
export function clusterOf(all: JsonValue): Partial<Cluster> {
  const cluster: Partial<Cluster> = {};
  for (const key of ["gpus", "gpusPerNode", "gpusPerPod"] as const)
    if (all.at(key).isGiven) cluster[key] = all.at(key).whole(1, MOST_GPUS);
  const slots = all.at("slotsPerGpu");
  if (slots.isGiven) cluster.slotsPerGpu = slots.isList ? slots.wholes(0, MOST_SLOTS) : slots.whole(0, MOST_SLOTS);
  const drained = all.at("drained");
  if (drained.isGiven) cluster.drained = drained.wholes(0, (cluster.gpus ?? MOST_GPUS) - 1);
  return cluster;
}

/** The costs of the four tiers, none less than the one before. */
export function tierCostsOf(all: JsonValue): Pick<Topology, "tierCosts"> {
  const costs = all.at("tierCosts");
  if (!costs.isGiven) return {};
  const numbers = costs.numbers(0);
  if (numbers.length !== 4 || numbers.some((cost, tier) => tier > 0 && cost < numbers[tier - 1]!))
    throw costs.wrong("4 costs, of which none is less than the one before");
  return { tierCosts: Array.from(numbers) as [number, number, number, number] };
}
