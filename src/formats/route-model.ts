import { checkModel, type RouteModel, type RouteWorkload } from "../routes/generate.ts";
import { MOST_EXPERTS, MOST_LAYERS } from "../routes/routes.ts";
import { JsonValue, parseJson } from "./json.ts";

const FIELDS = ["layers", "experts", "k", "seed", "workloads"];
const FIGURES = ["share", "repetition", "dependence", "topicShare", "topicSwitch"] as const;
const WORKLOAD = ["name", "zipf", "topics", ...FIGURES];

/** A model of routes from JSON: the fields of a `RouteModel`, all of a workload's stated. */
export function readRouteModel(text: string, { file = "model" }: { file?: string } = {}): RouteModel {
  const all = new JsonValue(file, "", parseJson(text, file)).object("a model of routes", FIELDS);
  const seed = all.at("seed");
  const model: RouteModel = {
    layers: all.at("layers").whole(1, MOST_LAYERS),
    experts: all.at("experts").whole(1, MOST_EXPERTS),
    k: all.at("k").whole(1, MOST_EXPERTS),
    workloads: all.at("workloads").list("a list of workloads").map(workloadOf),
    ...(seed.isGiven ? { seed: seed.whole(0, 2 ** 32 - 1) } : {}),
  };
  try {
    checkModel(model);
  } catch (error) {
    if (error instanceof RangeError) error.message = `${file}: ${error.message}`;
    throw error;
  }
  return model;
}

function workloadOf(one: JsonValue): RouteWorkload {
  one.object("a workload", WORKLOAD);
  const name = one.at("name");
  if (typeof name.value !== "string") throw name.wrong("a name");
  const zipf = one.at("zipf");
  const figures = Object.fromEntries(FIGURES.map((key) => [key, one.at(key).number(0)]));
  return {
    ...(figures as Record<(typeof FIGURES)[number], number>),
    name: name.value,
    zipf: zipf.isList ? Array.from(zipf.numbers(0)) : zipf.number(0),
    topics: one.at("topics").whole(1, 4096),
  };
}

/** A model as JSON, as `readRouteModel` reads it; exponents to six digits. */
export function formatRouteModel(model: RouteModel): string {
  const figures = (_: string, value: unknown) => (typeof value === "number" ? Number(value.toPrecision(6)) : value);
  const { workloads, ...shape } = model;
  const head = Object.entries(shape).map(([key, value]) => `  ${JSON.stringify(key)}: ${JSON.stringify(value)},\n`);
  const lines = workloads.map((workload) => `    ${JSON.stringify(workload, figures)}`);
  return `{\n${head.join("")}  "workloads": [\n${lines.join(",\n")}\n  ]\n}\n`;
}
