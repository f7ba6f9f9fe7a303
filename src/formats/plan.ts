import { fileError } from "../measurement.ts";
import { looksLikeMaps, readSlots } from "./eplb.ts";
import { JsonValue, parseJson } from "./json.ts";

/** What was asked of whoever made a plan, and what came of it: said in a file, and read by nobody but people. */
export type Remarks = Readonly<Record<string, unknown>>;

/** Experts in slots, layer by layer. */
export interface BalancePlanFile {
  objective: "balance";
  /** `[row][slot]`: an expert, -1 for none. */
  physicalToLogicalMap: readonly (readonly number[])[];
  /** Unknown of EPLB's maps, whose slots lie on GPUs in equal parts. */
  gpuOfSlot?: readonly number[];
  /** Of EPLB's maps that say so: how many GPUs those are. */
  gpus?: number;
  /** Numbers of the layers that the rows are of; unknown of EPLB's maps. */
  layers?: readonly number[];
  asked?: Remarks;
  result?: Remarks;
}

/** GPUs of each expert. */
export interface LatencyPlanFile {
  objective: "latency";
  gpusOfExpert: readonly (readonly number[])[];
  asked?: Remarks;
  result?: Remarks;
}

export type PlanFile = BalancePlanFile | LatencyPlanFile;

const FORMAT = "vorchestrate plan";
const VERSION = 1;
const HEAD = ["format", "version", "objective", "asked", "result"] as const;
const FIELDS = {
  balance: ["layers", "gpuOfSlot", "physicalToLogicalMap"],
  latency: ["gpusOfExpert"],
} as const;
const MOST = 2 ** 24;

/** A plan as JSON, a line a field. */
export function formatPlan(plan: PlanFile): string {
  const { objective, asked, result, ...fields } = plan;
  const all = { format: FORMAT, version: VERSION, objective, asked, result, ...fields };
  const lines = Object.entries(all).flatMap(([key, value]) =>
    value === undefined ? [] : [`  ${JSON.stringify(key)}: ${JSON.stringify(value)}`],
  );
  return `{\n${lines.join(",\n")}\n}\n`;
}

/** A plan from what `formatPlan` wrote, or from EPLB's maps. */
export function readPlan(text: string, { file = "plan" }: { file?: string } = {}): PlanFile {
  if (looksLikeMaps(text)) {
    const { rows, ...gpus } = readSlots(text, file);
    return { objective: "balance", physicalToLogicalMap: rows, ...gpus };
  }
  const all = new JsonValue(file, "", parseJson(text, file)).object("a plan");
  if (all.at("format").value !== FORMAT)
    throw fileError(file, null, `format ${JSON.stringify(FORMAT)}, or EPLB's physical_to_logical_map`, keysOf(all));
  const version = all.at("version");
  if (version.value !== VERSION) throw version.wrong(`${VERSION}: a later version of this program may read it`);
  const { value: objective } = all.at("objective");
  if (objective !== "balance" && objective !== "latency") throw all.at("objective").wrong('"balance" or "latency"');
  all.object("a plan", [...HEAD, ...FIELDS[objective]]);
  const remarks = {
    ...(all.at("asked").isGiven ? { asked: all.at("asked").object("an object").value as Remarks } : {}),
    ...(all.at("result").isGiven ? { result: all.at("result").object("an object").value as Remarks } : {}),
  };
  if (objective === "latency")
    return {
      objective,
      gpusOfExpert: all
        .at("gpusOfExpert")
        .list("a row of GPUs an expert")
        .map((row) => row.wholes(0, MOST)),
      ...remarks,
    };
  const layers = all.at("layers").wholes(0, MOST);
  const gpuOfSlot = all.at("gpuOfSlot").wholes(0, MOST);
  const rows = all.at("physicalToLogicalMap").list("a row of experts a layer");
  if (rows.length !== layers.length)
    throw fileError(file, null, `physicalToLogicalMap to hold ${layers.length} rows, a layer each`, `${rows.length}`);
  const physicalToLogicalMap = rows.map((row) => row.wholes(-1, MOST));
  physicalToLogicalMap.forEach((row, i) => {
    if (row.length !== gpuOfSlot.length)
      throw fileError(file, null, `physicalToLogicalMap[${i}] to hold ${gpuOfSlot.length} slots`, `${row.length}`);
  });
  return { objective, physicalToLogicalMap, gpuOfSlot, layers, ...remarks };
}

function keysOf(all: JsonValue): string {
  return Object.keys(all.value as object).join(", ") || "an empty object";
}
