import { checkKeys, didYouMean } from "../check.ts";
import { baseName, fileError } from "../measurement.ts";
import { type ModelShape, shapeOf } from "../models/shape.ts";
import { FAMILIES } from "./hf-families.ts";
import { ConfigFields } from "./hf-fields.ts";
import { weightBytesOf } from "./hf-quantisation.ts";
import { JsonValue, parseJson } from "./json.ts";

/** How a model's `config.json` is to be read. */
export interface ModelConfigOptions {
  file?: string;
  /** What the model is called; the file's name unless given. */
  name?: string;
  /** Of routed experts; as the file says of its quantisation unless given. */
  bytesPerWeight?: number;
  /** Of everything else but embeddings; as the file says unless given. */
  otherBytesPerWeight?: number;
}

const EXPERTS = [
  "num_local_experts",
  "n_routed_experts",
  "num_experts",
  "moe_num_experts",
  "ffn_config.moe_num_experts",
] as const;
const PER_TOKEN = [
  "num_experts_per_tok",
  "num_experts_per_token",
  "experts_per_token",
  "moe_top_k",
  "ffn_config.moe_top_k",
] as const;
const MOST = 2 ** 20;

/** A mixture-of-experts model from the `config.json` that Hugging Face keeps beside its weights. */
export function readModelConfig(text: string, options: ModelConfigOptions = {}): ModelShape {
  checkKeys("options", options, ["file", "name", "bytesPerWeight", "otherBytesPerWeight"]);
  const { file = "config.json" } = options;
  const outer = new JsonValue(file, "", parseJson(text, file)).object("a model's config.json");
  const nested = outer.at("text_config");
  const isNested = nested.value != null;
  const config = new ConfigFields(isNested ? nested.object("an object") : outer);
  // What a nested text_config leaves out, its model says: kimi's is that of another family.
  const names = [config.at("model_type"), outer.at("model_type")].map(({ value }) => value);
  const type = names.find((name) => typeof name === "string" && Object.hasOwn(FAMILIES, name)) as string | undefined;
  const family = type === undefined ? undefined : FAMILIES[type]!;
  if (type === undefined || !family) throw unknown(file, config, names.at(-1));
  const experts = config.wholeOrNull(EXPERTS, 1, MOST);
  if (experts === null) throw dense(file, config, type);
  const layers = config.whole(["num_hidden_layers", "n_layers"], 1, 2 ** 10);
  const hidden = config.whole(["hidden_size", "d_model"], 1, MOST);
  const expertWidth = config.whole(family.width, 1, MOST);
  const hasExperts = family.moe(config, layers);
  const moeLayers = Array.from({ length: layers }, (_, layer) => layer).filter(hasExperts);
  if (moeLayers.length === 0) throw fileError(file, null, "at least one layer with experts", "none");
  const read = weightBytesFor(options, outer, config.all);
  return shapeOf({
    name: options.name ?? baseName(file).replace(/(\.config)?\.json$/, ""),
    family: type,
    layers,
    moeLayers,
    hidden,
    experts,
    expertsPerToken: config.whole(PER_TOKEN, 1, experts),
    expertWidth,
    ...family.shared(config, expertWidth),
    denseWidth: moeLayers.length < layers ? config.whole(family.denseWidth, 1, MOST) : 0,
    vocabulary: config.whole(["vocab_size"], 1, 2 ** 24),
    isTied: [config.all, outer].some((one) => one.at("tie_word_embeddings").value === true),
    attention: family.attention(config, layers, hidden),
    bytesPerWeight: read.experts,
    otherBytesPerWeight: read.others,
    evidence: [
      { about: "shape", grade: "published", source: baseName(file), note: `config.json of ${type}` },
      read.evidence,
    ],
  });
}

/** Bytes as given, or as the file has them: where all are given, the file need not be understood. */
function weightBytesFor(options: ModelConfigOptions, outer: JsonValue, inner: JsonValue) {
  const { bytesPerWeight: experts, otherBytesPerWeight: others, file = "config.json" } = options;
  const source = experts === undefined && others === undefined ? baseName(file) : "options";
  const about = "bytes of weights";
  if (experts !== undefined && others !== undefined)
    return { experts, others, evidence: { about, grade: "assumed" as const, source, note: "as given" } };
  const read = weightBytesOf(outer, inner);
  const note = read.note ?? "no type is stated: bf16 is assumed";
  const grade = read.note === null || source === "options" ? ("assumed" as const) : ("published" as const);
  return {
    experts: experts ?? read.experts,
    others: others ?? read.others,
    evidence: { about, grade, source, note: source === "options" ? `as given; else ${note}` : note },
  };
}

/** The keys that look as if experts were meant. */
function expertKeys(config: ConfigFields): string {
  const keys = Object.keys(config.all.value as object).filter((key) =>
    /expert|moe|router|top_?k|ffn_config/i.test(key),
  );
  return keys.length > 0 ? `it has ${keys.join(", ")}` : "it has no key that speaks of experts";
}

function unknown(file: string, config: ConfigFields, type: unknown): RangeError {
  const known = Object.keys(FAMILIES);
  const isNamed = typeof type === "string";
  return fileError(
    file,
    null,
    "model_type of a mixture-of-experts family that is known",
    `${isNamed ? JSON.stringify(type) : "none"}; ${expertKeys(config)}${isNamed ? didYouMean(type, known) : `; there are ${known.join(", ")}`}`,
  );
}

function dense(file: string, config: ConfigFields, type: string): RangeError {
  const keys = Object.keys(config.all.value as object);
  const [nearest] = keys
    .filter((key) => /expert/i.test(key))
    .map((key) => didYouMean(key, EXPERTS))
    .filter((words) => words.startsWith("; did"));
  return fileError(
    file,
    null,
    `${EXPERTS.join(" or ")} of ${type}`,
    `a dense model: ${expertKeys(config)}${nearest ?? ""}`,
  );
}
