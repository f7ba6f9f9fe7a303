import { didYouMean } from "../check.ts";
import { baseName, fileError, positiveDecimal } from "../measurement.ts";
import type { Evidence } from "../optics/index.ts";

/** Mean times of sending tokens to their experts and their answers back. */
export interface CommPoint {
  /** Of one GPU. */
  tokens: number;
  dispatchNs: number;
  combineNs: number;
}

/** Measured times of one system and one shape of model, ascending in tokens. */
export interface CommTable {
  system: string;
  nodes: number;
  hidden: number;
  expertsPerToken: number;
  experts: number;
  points: readonly CommPoint[];
  evidence: Evidence;
}

const COLUMNS = [
  "system",
  "node_num",
  "hidden_size",
  "num_token",
  "num_topk",
  "num_experts",
  "combine_avg_t_us",
  "dispatch_avg_t_us",
] as const;
/** What such files say besides. */
const OTHERS = [
  "framework",
  "version",
  "device",
  "op_name",
  "kernel_source",
  "combine_bandwidth_gbps",
  "dispatch_bandwidth_gbps",
];

/** Measured dispatch and combine times from CSV, a row a number of tokens, as aiconfigurator's tables of DeepEP have them. */
export function readCommTimes(text: string, { file = "times" }: { file?: string } = {}): CommTable[] {
  const [head = "", ...lines] = text.replace(/^\uFEFF/, "").split(/\r\n|\r|\n/);
  const names = head.split(",").map((name) => name.trim());
  const known: readonly string[] = [...COLUMNS, ...OTHERS];
  for (const name of names)
    if (!known.includes(name)) throw fileError(file, 1, "known columns", `${name}${didYouMean(name, known)}`);
  for (const name of COLUMNS)
    if (!names.includes(name)) throw fileError(file, 1, `a column ${name}`, names.join(", ") || "nothing");
  const tables = new Map<string, CommTable & { points: CommPoint[] }>();
  lines.forEach((line, i) => {
    if (line.trim() === "") return;
    const fields = line.split(",").map((field) => field.trim());
    if (fields.length !== names.length) throw fileError(file, i + 2, `${names.length} fields`, `${fields.length}`);
    const textOf = (name: (typeof COLUMNS)[number]) => fields[names.indexOf(name)]!;
    const numberOf = (name: (typeof COLUMNS)[number], isWhole = false) => {
      const value = positiveDecimal(textOf(name));
      if (!(value > 0) || (isWhole && !Number.isInteger(value)))
        throw fileError(file, i + 2, `${name} to be ${isWhole ? "a whole number" : "a number"} above 0`, textOf(name));
      return value;
    };
    const shape = {
      system: textOf("system"),
      nodes: numberOf("node_num", true),
      hidden: numberOf("hidden_size", true),
      expertsPerToken: numberOf("num_topk", true),
      experts: numberOf("num_experts", true),
    };
    const key = JSON.stringify(shape);
    const evidence: Evidence = {
      about: "dispatch and combine",
      grade: "published",
      source: baseName(file),
      note: "means",
    };
    const table = tables.get(key) ?? { ...shape, points: [], evidence };
    tables.set(key, table);
    table.points.push({
      tokens: numberOf("num_token", true),
      dispatchNs: 1e3 * numberOf("dispatch_avg_t_us"),
      combineNs: 1e3 * numberOf("combine_avg_t_us"),
    });
  });
  for (const table of tables.values()) checkPoints(table, file);
  if (tables.size === 0) throw fileError(file, null, "at least 1 row of times", "none");
  return [...tables.values()];
}

function checkPoints({ points, ...table }: CommTable & { points: CommPoint[] }, file: string): void {
  points.sort((a, b) => a.tokens - b.tokens);
  const twice = points.find(({ tokens }, i) => i > 0 && points[i - 1]!.tokens === tokens);
  if (twice)
    throw fileError(
      file,
      null,
      `one row for each number of tokens of ${table.system}, ${table.hidden} x ${table.expertsPerToken}`,
      `two of ${twice.tokens}`,
    );
}
