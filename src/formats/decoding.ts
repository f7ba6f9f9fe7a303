import { fileError } from "../measurement.ts";
import { DECODING_KEYS } from "../simulation/options.ts";
import type { DecodingOptions } from "../simulation/plan.ts";
import { readCluster } from "./cluster.ts";
import { JsonValue, parseJson } from "./json.ts";

/** A scenario of decoding as a file states it: fields of `DecodingOptions`; its cluster as in a cluster's file, `slo` besides. */
export type StatedDecoding = Omit<DecodingOptions, "model"> & { model?: string; sloNs?: number };

/** What only a program can hand in: optics apart from their cluster, routes. */
const KEYS: readonly string[] = [...DECODING_KEYS, "sloNs", "$schema"];

/** A scenario from JSON; what it leaves out has the library's defaults. Values are checked where they are used. */
export function readDecoding(text: string, { file = "scenario" }: { file?: string } = {}): StatedDecoding {
  const all = new JsonValue(file, "", parseJson(text, file)).object("a scenario", KEYS);
  const { cluster: _, model: __, $schema: ___, ...plain } = all.value as Record<string, unknown>;
  const [model, cluster, cold] = [all.at("model"), all.at("cluster"), all.at("cold")];
  if (model.isGiven && typeof model.value !== "string")
    throw model.wrong("a model's name or the path of a config.json");
  if (cold.isGiven) cold.object("an object with a share", ["share"]).at("share").number(0);
  for (const name of ["sloNs", "batch", "sequence", "steps", "gapNs", "deadlineNs", "seed"] as const)
    if (all.at(name).isGiven) all.at(name).number(0);
  if (cluster.isGiven) cluster.object("a cluster");
  try {
    return {
      ...plain,
      ...(model.isGiven ? { model: model.value as string } : {}),
      ...(cluster.isGiven ? { cluster: readCluster(JSON.stringify(cluster.value), { file: `${file}: cluster` }) } : {}),
    };
  } catch (error) {
    if (error instanceof TypeError) throw fileError(file, null, "a scenario", error.message);
    throw error;
  }
}
