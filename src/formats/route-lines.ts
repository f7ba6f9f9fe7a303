import { describe, didYouMean } from "../check.ts";
import { fileError } from "../measurement.ts";
import type { RouteRow } from "../routes/order.ts";
import { DECODE, MOST_EXPERTS, MOST_LAYERS } from "../routes/routes.ts";
import { checkColumns } from "./csv.ts";
import { objectOfLine } from "./json.ts";

/** What a file of routes says of its model; null where it does not. */
export interface RouteHead {
  layers: number | null;
  experts: number | null;
  k: number | null;
  /** Of a layer's experts. */
  expertBytes: Float64Array | null;
}

/** Columns that are read, what else they are called, and those of `route_trace` that say what a cache did and are not read. */
const FIELDS = ["prompt", "phase", "step", "layer", "slot", "expert", "weight", "experts", "weights"] as const;
const OTHER_NAMES: Record<string, Field> = { turn: "prompt", token: "step" };
const LEFT_OUT = ["residency", "expert_bytes"];
const KNOWN = [...FIELDS, ...Object.keys(OTHER_NAMES), ...LEFT_OUT];

type Field = (typeof FIELDS)[number];

/** Rows out of lines, one by one: CSV of a line an expert or a line a row, or JSON of a line a row. */
export class RouteLines {
  readonly head: RouteHead;
  readonly #file: string;
  #isJson: boolean | null = null;
  #columns: (Field | null)[] | null = null;
  /** The row that lines of one expert each are adding to. */
  #open: RouteRow | null = null;
  #sizes: number[] = [];

  constructor(file: string, head: RouteHead) {
    this.#file = file;
    this.head = head;
  }

  /** The row that ends with this line or, where a row is several lines, with the one before. */
  push(text: string, line: number): RouteRow | null {
    if (text === "" || text.trim() === "") return null;
    if (this.#isJson === null && text.startsWith("#")) {
      this.#comment(text, line);
      return null;
    }
    this.#isJson ??= text.trimStart().startsWith("{");
    if (this.#isJson) return this.#ofJson(text, line);
    if (!this.#columns) {
      this.#columns = this.#columnsOf(text, line);
      this.#endHead(line);
      return null;
    }
    return this.#ofCells(text, line, this.#columns);
  }

  /** The last row, where it is several lines. */
  end(): RouteRow | null {
    const open = this.#open;
    this.#open = null;
    return open;
  }

  /** `# key=value key=value`, and the format's name and version. */
  #comment(text: string, line: number): void {
    const version = /^#\s*route_trace\s+(\S+)/.exec(text)?.[1];
    if (version !== undefined && version !== "v1") throw fileError(this.#file, line, "route_trace v1", version);
    const said = new Map([...text.matchAll(/(\w+)=(\S+)/g)].map(([, key, value]) => [key!, value!]));
    const whole = (key: string, low: number, high: number) => {
      const value = said.get(key);
      return value === undefined ? null : this.#whole(line, key, value, low, high);
    };
    for (const [key, name, most] of [
      ["layers", "n_layer", MOST_LAYERS],
      ["experts", "n_expert", MOST_EXPERTS],
      ["k", "n_expert_used", MOST_EXPERTS],
    ] as const) {
      const value = whole(name, 1, most);
      if (value !== null && this.head[key] !== null && value !== this.head[key])
        throw fileError(this.#file, line, `${name} to be ${this.head[key]}, as was said before`, `${value}`);
      this.head[key] ??= value;
    }
    const layer = whole("layer", 0, MOST_LAYERS - 1);
    const bytes = whole("expert_bytes", 1, 2 ** 40);
    if (layer !== null && bytes !== null) this.#sizes[layer] = bytes;
  }

  #endHead(line: number): void {
    if (this.#sizes.length === 0) return;
    const layers = this.head.layers ?? this.#sizes.length;
    for (let layer = 0; layer < Math.max(layers, this.#sizes.length); layer++)
      if (layer >= layers || this.#sizes[layer] === undefined)
        throw fileError(
          this.#file,
          line,
          `expert_bytes of layers 0 to ${layers - 1}`,
          layer >= layers ? `that of layer ${this.#sizes.length - 1}` : `none of layer ${layer}`,
        );
    this.head.expertBytes ??= Float64Array.from(this.#sizes);
  }

  #columnsOf(text: string, line: number): (Field | null)[] {
    const heads = cellsOf(text).map((head) => head.toLowerCase());
    const columns = heads.map((head, i) => {
      if (!KNOWN.includes(head))
        throw fileError(this.#file, line, "columns of routes", `${head || "an empty head"}${didYouMean(head, KNOWN)}`);
      if (heads.indexOf(head) < i) throw fileError(this.#file, line, "each column once", `${head} twice`);
      return LEFT_OUT.includes(head) ? null : (OTHER_NAMES[head] ?? (head as Field));
    });
    const has = (field: Field) => columns.includes(field);
    if (!has("step") || !has("layer") || has("expert") === has("experts"))
      throw fileError(this.#file, line, "the columns step, layer, and either expert or experts", heads.join(", "));
    return columns;
  }

  #ofCells(text: string, line: number, columns: readonly (Field | null)[]): RouteRow | null {
    const cells = cellsOf(text);
    checkColumns(this.#file, line, cells, columns);
    const cell = (field: Field) => cells[columns.indexOf(field)];
    const row = this.#blank(line, cell);
    const list = cell("experts");
    if (list !== undefined) {
      row.experts = listOf(list).map((value) => this.#expert(line, value));
      const weights = cell("weights");
      if (weights !== undefined) row.weights = listOf(weights).map((value) => this.#weight(line, value));
      this.#checkRow(row);
      return row;
    }
    const [expert, weight] = [this.#expert(line, cell("expert")!), cell("weight")];
    const open = this.#open;
    const isSame =
      open &&
      open.prompt === row.prompt &&
      open.phase === row.phase &&
      open.step === row.step &&
      open.layer === row.layer;
    const into = isSame ? open : row;
    const slot = cell("slot");
    if (slot !== undefined && slot !== String(into.experts.length))
      throw fileError(this.#file, line, `slot to be ${into.experts.length}`, slot || "nothing");
    into.experts.push(expert);
    if (weight !== undefined) {
      into.weights ??= [];
      into.weights.push(this.#weight(line, weight));
    }
    into.line = line;
    this.#checkRow(into);
    if (isSame) return null;
    this.#open = row;
    return open;
  }

  #ofJson(text: string, line: number): RouteRow {
    const fields = objectOfLine(this.#file, line, text);
    const values = new Map<Field, unknown>();
    for (const [key, value] of Object.entries(fields)) {
      const field = OTHER_NAMES[key] ?? (key as Field);
      if (!(FIELDS as readonly string[]).includes(field) || ["slot", "expert", "weight"].includes(field))
        throw fileError(
          this.#file,
          line,
          "keys of a row of routes",
          `${key}${didYouMean(key, ["prompt", "phase", "step", "layer", "experts", "weights"])}`,
        );
      values.set(field, value);
    }
    const row = this.#blank(line, (field) => values.get(field));
    const list = (field: "experts" | "weights") => {
      const value = values.get(field);
      if (!Array.isArray(value)) throw fileError(this.#file, line, `${field} to be a list`, describe(value));
      return value as unknown[];
    };
    row.experts = list("experts").map((value) => this.#expert(line, value));
    if (values.has("weights")) row.weights = list("weights").map((value) => this.#weight(line, value));
    this.#checkRow(row);
    return row;
  }

  /** A row without experts, decode of prompt 0 unless it says otherwise. */
  #blank(line: number, value: (field: Field) => unknown): RouteRow {
    const stated = value("phase");
    const phase = stated === "prefill" ? 0 : stated === "decode" ? 1 : (stated ?? DECODE);
    if (!["0", "1"].includes(`${phase}`))
      throw fileError(this.#file, line, "phase to be 0, 1, prefill or decode", `${stated}` || "nothing");
    const layers = this.head.layers ?? MOST_LAYERS;
    return {
      line,
      prompt: this.#whole(line, "prompt", value("prompt") ?? 0, 0, 2 ** 32 - 1),
      phase: Number(phase),
      step: this.#whole(line, "step", value("step"), 0, Number.MAX_SAFE_INTEGER),
      layer: this.#whole(line, "layer", value("layer"), 0, layers - 1),
      experts: [],
      weights: null,
    };
  }

  #checkRow({ line, experts, weights }: RouteRow): void {
    const { k } = this.head;
    if (experts.length === 0 || (k !== null && experts.length > k))
      throw fileError(this.#file, line, `1 to ${k ?? "k"} experts`, `${experts.length}`);
    for (let i = 1; i < experts.length; i++)
      if (experts.indexOf(experts[i]!) < i)
        throw fileError(this.#file, line, "distinct experts", `${experts[i]} twice`);
    if (weights && weights.length !== experts.length)
      throw fileError(this.#file, line, `${experts.length} weights`, `${weights.length}`);
  }

  #expert(line: number, value: unknown): number {
    return this.#whole(line, "expert", value, 0, (this.head.experts ?? MOST_EXPERTS) - 1);
  }

  #weight(line: number, value: unknown): number {
    const weight = typeof value === "string" && value !== "" ? Number(value) : value;
    if (typeof weight === "number" && Number.isFinite(weight)) return weight;
    throw fileError(
      this.#file,
      line,
      "weights to be numbers",
      typeof value === "string" ? value || "nothing" : describe(value),
    );
  }

  #whole(line: number, what: string, value: unknown, low: number, high: number): number {
    const number = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
    if (typeof number === "number" && Number.isInteger(number) && number >= low && number <= high) return number;
    const got =
      value === undefined || value === "" ? "nothing" : /^[sn]/.test(typeof value) ? `${value}` : describe(value);
    throw fileError(this.#file, line, `${what} to be a whole number from ${low} to ${high}`, got);
  }
}

/** What stands between commas, where those in quotes do not part. */
function cellsOf(text: string): string[] {
  if (!text.includes('"')) return text.split(",").map((cell) => cell.trim());
  return [...text.matchAll(/\s*("[^"]*"|[^,]*?)\s*(?:,|$)/g)]
    .map(([, cell]) => cell!.replace(/^"(.*)"$/, "$1"))
    .slice(0, /,\s*$/.test(text) ? undefined : -1);
}

/** The values of a list: in spaces, commas, bars or semicolons, in brackets or not. */
function listOf(cell: string): string[] {
  return cell
    .replace(/^\[(.*)\]$/, "$1")
    .split(/[\s,|;]+/)
    .filter((value) => value !== "");
}
