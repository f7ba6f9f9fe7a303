import { checkKeys, describe, didYouMean } from "../check.ts";
import { fileError } from "../measurement.ts";
import { checkColumns, fieldsOf } from "./csv.ts";
import { JsonValue, parseJson } from "./json.ts";
import { isNpy, readNpy, readNpz } from "./npy.ts";
import { gunzip, isGzip, isZip } from "./unpack.ts";

/** What experts were asked for, as a serving engine counts it. */
export interface LoadStatistics {
  /** A row a layer, a value an expert. */
  loads: Float64Array[];
  /** Rows of all zeros: layers without experts, or never used. */
  idleLayers: number[];
  /** Counts of so many steps are summed. */
  steps: number;
  /** Format and size, e.g. "logical_count of JSON, 61 layers of 256 experts". */
  source: string;
}

/** What the array is called, in the order of trial. */
const NAMES = ["logical_count", "weight", "loads", "load"] as const;
/** What dumps of serving engines and of EPLB's own examples hold beside it. */
const BESIDE = [
  "source",
  "name",
  "rank",
  "average_utilization_rate_over_window",
  "last_physical_to_logical_map",
  "num_replicas",
  "num_groups",
  "num_nodes",
  "num_gpus",
  "phy2log",
];

/**
 * Reads loads of experts from bytes of any known format, recognised by what is in them, and packed by gzip or not: JSON (a row
 * a layer, or steps of such; bare, or as logical_count or weight), CSV (columns layer, expert and load, or a row a layer),
 * NumPy's .npy and .npz.
 */
export async function readLoads(bytes: Uint8Array, options: { file?: string } = {}): Promise<LoadStatistics> {
  checkKeys("options", options, ["file"]);
  const { file = "loads" } = options;
  if (isGzip(bytes)) return readLoads(await gunzip(bytes, file), { file });
  if (isNpy(bytes) || isZip(bytes)) {
    const array = isZip(bytes) ? await readNpz(bytes, { file, names: NAMES }) : readNpy(bytes, { file });
    return ofNumpy(file, array.shape, array.values, `NumPy's ${array.dtype}`);
  }
  return readLoadsText(new TextDecoder().decode(bytes), { file });
}

/** `readLoads` of a text: JSON or CSV. */
export function readLoadsText(text: string, { file = "loads" }: { file?: string } = {}): LoadStatistics {
  const content = text.replace(/^\uFEFF/, "");
  if (content.trim() === "") throw fileError(file, null, "loads of experts", "an empty file");
  return /^\s*[[{]/.test(content) ? ofJson(content, file) : ofCsv(content, file);
}

/** Layers of equal width, with what may be said of them. */
function statisticsOf(file: string, loads: Float64Array[], steps: number, format: string): LoadStatistics {
  const experts = loads[0]?.length ?? 0;
  if (experts === 0) throw fileError(file, null, "at least 1 layer of at least 1 expert", "none");
  const idleLayers = loads.flatMap((row, layer) => (row.every((load) => load === 0) ? [layer] : []));
  const size = `${loads.length} ${loads.length === 1 ? "layer" : "layers"} of ${experts} experts`;
  const summed = steps === 1 ? "" : `, ${steps} steps summed`;
  return { loads, idleLayers, steps, source: `${format}, ${size}${summed}` };
}

function ofJson(text: string, file: string): LoadStatistics {
  const all = new JsonValue(file, "", parseJson(text, file));
  if (all.isList) return ofLists(all, "JSON");
  const given = NAMES.filter((name) => all.object("loads").at(name).isGiven);
  if (given.length !== 1) {
    const keys = Object.keys(all.value as object);
    const near = keys.map((key) => didYouMean(key, NAMES)).find((words) => words.includes("did you mean"));
    throw fileError(
      file,
      null,
      `one of ${NAMES.join(", ")}`,
      (given.length > 0 ? given.join(" and ") : keys.join(", ") || "an empty object") + (near ?? ""),
    );
  }
  all.object("loads", [...NAMES, ...BESIDE]);
  return ofLists(all.at(given[0]!), `${given[0]} of JSON`);
}

/** [layers][experts], or [steps][layers][experts]. */
function ofLists(all: JsonValue, format: string): LoadStatistics {
  const rows = all.list("a list of layers");
  const isStepped = rows[0]?.isList && (rows[0].value as unknown[]).some(Array.isArray);
  const steps = isStepped ? rows.map((step) => step.list("a list of layers")) : [rows];
  const width = steps[0]?.[0]?.isList ? (steps[0][0].value as unknown[]).length : 0;
  const sums: Float64Array[] = [];
  for (const [step, layers] of steps.entries()) {
    if (layers.length !== steps[0]!.length)
      throw fileError(all.file, null, `${rows[step]!.place} to hold ${steps[0]!.length} layers`, `${layers.length}`);
    layers.forEach((layer, i) => {
      const row = layer.numbers(0);
      if (row.length !== width)
        throw fileError(all.file, null, `${layer.place} to hold ${width} experts`, `${row.length}`);
      addTo(sums, i, row);
    });
  }
  return statisticsOf(all.file, sums, steps.length, format);
}

function addTo(sums: Float64Array[], layer: number, row: Float64Array): void {
  const sum = sums[layer];
  if (sum)
    row.forEach((load, expert) => {
      sum[expert]! += load;
    });
  else sums[layer] = row;
}

function ofNumpy(file: string, shape: readonly number[], values: Float64Array, format: string): LoadStatistics {
  if (shape.length !== 2 && shape.length !== 3)
    throw fileError(
      file,
      null,
      "layers x experts, or steps x layers x experts",
      shape.join(" x ") || "a single number",
    );
  const [steps, layers, experts] = (shape.length === 2 ? [1, ...shape] : shape) as [number, number, number];
  const wrong = values.findIndex((load) => !(load >= 0 && load < Number.POSITIVE_INFINITY));
  if (wrong >= 0) {
    const [step, layer] = [Math.floor(wrong / layers / experts), Math.floor(wrong / experts) % layers];
    const place = `${shape.length === 3 ? `[${step}]` : ""}[${layer}][${wrong % experts}]`;
    throw fileError(file, null, `${place} to be a number from 0 up`, `${values[wrong]}`);
  }
  const sums: Float64Array[] = [];
  for (let row = 0; row < steps * layers; row++)
    addTo(sums, row % layers, values.slice(row * experts, (row + 1) * experts));
  return statisticsOf(file, sums, steps, format);
}

const HEADS = ["layer", "expert", "load", "step"] as const;

function ofCsv(text: string, file: string): LoadStatistics {
  const lines = text
    .split(/\r\n|\r|\n/)
    .map((line, i) => ({ number: i + 1, fields: fieldsOf(line) }))
    .filter(({ fields }) => fields.length > 1 || fields[0] !== "");
  const [first, ...rest] = lines as [(typeof lines)[number], ...typeof lines];
  const isNamed = first.fields.some((field) => /^[a-z_]/i.test(field) && !/^(nan|inf(inity)?)$/i.test(field));
  for (const { number, fields } of lines) checkColumns(file, number, fields, first.fields);
  if (isNamed) return ofColumns(file, first, rest);
  const rows = lines.map(({ number, fields }) => Float64Array.from(fields, (field) => loadOf(file, number, field)));
  return statisticsOf(file, rows, 1, "CSV");
}

/** A line an expert of a layer, and of a step where there is such a column. */
function ofColumns(
  file: string,
  { number, fields: heads }: { number: number; fields: string[] },
  lines: readonly { number: number; fields: string[] }[],
): LoadStatistics {
  const names = heads.map((head) => head.toLowerCase());
  names.forEach((name, i) => {
    if (!(HEADS as readonly string[]).includes(name))
      throw fileError(file, number, "the columns layer, expert and load", `${heads[i]}${didYouMean(name, HEADS)}`);
    if (names.indexOf(name) < i) throw fileError(file, number, "each column once", `${heads[i]} twice`);
  });
  const missing = HEADS.slice(0, 3).find((name) => !names.includes(name));
  if (missing) throw fileError(file, number, "the columns layer, expert and load", `no ${missing}`);
  const [layerAt, expertAt, loadAt, stepAt] = HEADS.map((name) => names.indexOf(name)) as [
    number,
    number,
    number,
    number,
  ];
  const steps = new Set<string>();
  const seen = new Map<string, number>();
  const loads = new Map<number, Map<number, number>>();
  let [layers, experts] = [0, 0];
  for (const { number, fields } of lines) {
    const layer = indexOf(file, number, "layer", fields[layerAt]!);
    const expert = indexOf(file, number, "expert", fields[expertAt]!);
    const step = stepAt < 0 ? "0" : fields[stepAt]!;
    const key = `${step}/${layer}/${expert}`;
    if (seen.has(key))
      throw fileError(
        file,
        number,
        "each expert of a layer once",
        `expert ${expert} of layer ${layer} again, as in line ${seen.get(key)}`,
      );
    seen.set(key, number);
    steps.add(step);
    const row = loads.get(layer) ?? new Map<number, number>();
    row.set(expert, (row.get(expert) ?? 0) + loadOf(file, number, fields[loadAt]!));
    loads.set(layer, row);
    [layers, experts] = [Math.max(layers, layer + 1), Math.max(experts, expert + 1)];
  }
  for (const [layer, row] of loads)
    for (let expert = 0; expert < experts; expert++)
      if (!row.has(expert))
        throw fileError(file, null, `a load of every expert of layer ${layer}`, `none of expert ${expert}`);
  const rows = Array.from({ length: layers }, (_, layer) =>
    Float64Array.from({ length: experts }, (_, expert) => loads.get(layer)?.get(expert) ?? 0),
  );
  return statisticsOf(file, rows, Math.max(1, steps.size), "CSV");
}

const MOST_INDEX = 2 ** 16;

function indexOf(file: string, line: number, what: string, field: string): number {
  if (/^\d+$/.test(field) && Number(field) < MOST_INDEX) return Number(field);
  throw fileError(file, line, `${what} to be a whole number from 0 to ${MOST_INDEX - 1}`, field || "nothing");
}

function loadOf(file: string, line: number, field: string): number {
  const isNumber = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(field);
  const load = isNumber ? Number(field) : Number.NaN;
  if (load >= 0 && load < Number.POSITIVE_INFINITY) return load;
  throw fileError(file, line, "loads to be numbers from 0 up", isNumber ? field : field ? describe(field) : "nothing");
}
