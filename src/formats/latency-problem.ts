import { fileError } from "../measurement.ts";
import { CLUSTER_KEYS, type Cluster } from "../placement/cluster.ts";
import { type LatencyProblem, PROBLEM_KEYS, type SparseDemand } from "../placement/problem.ts";
import { JsonValue, parseJson } from "./json.ts";
import { clusterOf, tierCostsOf } from "./topology.ts";

/** A latency problem as a file states it: of the cluster, what the file leaves out is for whoever reads it to say. */
export type StatedProblem = Omit<LatencyProblem, "cluster"> & { cluster: Partial<Cluster> };

const MOST = 2 ** 24;
const MOST_GPUS = 2 ** 16;

/** Whether a text is meant as a latency problem: a JSON object that states demand. */
export function isLatencyProblem(text: string): boolean {
  return /^\s*\{/.test(text) && /"(demand|objective)"\s*:/.test(text);
}

/** A latency problem from JSON: the fields of a `LatencyProblem`, rows of demand full or sparse. */
export function readLatencyProblem(text: string, { file = "problem" }: { file?: string } = {}): StatedProblem {
  const all = new JsonValue(file, "", parseJson(text, file)).object("a latency problem", PROBLEM_KEYS);
  const objective = all.at("objective");
  if (objective.isGiven && objective.value !== "latency") throw objective.wrong('"latency"');
  if (!all.at("demand").isGiven) throw fileError(file, null, "demand, a row an expert", "none");
  const problem: StatedProblem = {
    objective: "latency",
    cluster: clusterOf(all.at("cluster").isGiven ? all.at("cluster").object("a cluster", CLUSTER_KEYS) : all),
    demand: all.at("demand").list("a row an expert").map(demandOf),
    ...tierCostsOf(all),
  };
  for (const [key, low, high] of [
    ["gpusPerGroup", 1, MOST_GPUS],
    ["radius", 0, 3],
    ["copies", 1, MOST_GPUS],
    ["copiesMax", 1, MOST_GPUS],
  ] as const)
    if (all.at(key).isGiven) problem[key] = all.at(key).whole(low, high);
  for (const key of ["gpuLoadMax", "moveCost", "expertBytes"] as const) {
    const given = all.at(key);
    if (given.isGiven) problem[key] = given.isList ? given.numbers(0) : given.number(0);
  }
  if (all.at("movedBytesMax").isGiven) problem.movedBytesMax = all.at("movedBytesMax").number(0);
  if (all.at("loads").isGiven) problem.loads = all.at("loads").numbers(0);
  if (all.at("pinned").isGiven) problem.pinned = all.at("pinned").list("a list of experts and GPUs").map(pinOf);
  if (all.at("from").isGiven)
    problem.from = all
      .at("from")
      .list("a row of GPUs an expert")
      .map((row) => row.wholes(0, MOST_GPUS - 1));
  return problem;
}

function demandOf(row: JsonValue): ArrayLike<number> | SparseDemand {
  if (row.isList) return row.numbers(0);
  row.object("a list, or an object of groups and demand", ["groups", "demand"]);
  const [groups, demand] = [row.at("groups").wholes(0, MOST_GPUS - 1), row.at("demand").numbers(0)];
  if (groups.length !== demand.length)
    throw fileError(
      row.file,
      null,
      `${row.place} to have as many amounts as groups`,
      `${demand.length} for ${groups.length}`,
    );
  return { groups, demand };
}

function pinOf(pin: JsonValue): { expert: number; gpu: number } {
  pin.object("an object of expert and gpu", ["expert", "gpu"]);
  return { expert: pin.at("expert").whole(0, MOST - 1), gpu: pin.at("gpu").whole(0, MOST_GPUS - 1) };
}
