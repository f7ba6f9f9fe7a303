import { didYouMean } from "../check.ts";
import { fileError } from "../measurement.ts";
import type { JsonValue } from "./json.ts";

/** Bytes of a weight, scales included, and how that was read. */
export interface WeightBytes {
  experts: number;
  /** Of all that is no routed expert. */
  others: number;
  /** Null where the file does not say, and bf16 is taken. */
  note: string | null;
}

/** Of numbers of their own, without scales. */
const TYPES: Readonly<Record<string, number>> = { float32: 4, bfloat16: 2, float16: 2, float8_e4m3fn: 1 };
/** Four bits and a scale of eight bits for 32 of them (OCP Microscaling formats, MXFP4); for 16 of them (NVFP4). */
const MXFP4_BYTES = (4 + 8 / 32) / 8;
const NVFP4_BYTES = (4 + 8 / 16) / 8;
const METHODS = ["fp8", "fbgemm_fp8", "mxfp4", "compressed-tensors", "modelopt", "awq", "gptq"];

/** What `quantization_config`, or else the type of all weights, says. `outer` and `inner` are the same unless the model is nested. */
export function weightBytesOf(outer: JsonValue, inner: JsonValue): WeightBytes {
  const plain = typeBytesOf(outer, inner);
  const given = [inner, outer].map((one) => one.at("quantization_config")).find(({ value }) => value != null);
  if (!given) return plain;
  const read = quantisedBytes(given.object("an object"), plain);
  const dtype = inner.at("expert_dtype").value ?? outer.at("expert_dtype").value;
  if (dtype === "fp4")
    return { ...read, experts: MXFP4_BYTES, note: `${read.note ?? "bf16"}; experts in fp4 with a scale for 32` };
  return read;
}

function typeBytesOf(outer: JsonValue, inner: JsonValue): WeightBytes {
  const type = [inner, outer]
    .flatMap((one) => [one.at("torch_dtype"), one.at("dtype")])
    .find(({ value }) => value != null);
  if (!type) return { experts: 2, others: 2, note: null };
  const bytes = typeof type.value === "string" ? TYPES[type.value.replace(/^torch\./, "")] : undefined;
  if (bytes === undefined) throw type.wrong(`one of ${Object.keys(TYPES).join(", ")}`);
  return { experts: bytes, others: bytes, note: `${type.value}` };
}

function quantisedBytes(config: JsonValue, plain: WeightBytes): WeightBytes {
  const method = `${config.at("quant_method").value}`;
  switch (method) {
    case "fp8":
    case "fbgemm_fp8":
      return { experts: 1, others: 1, note: "fp8; its scales, 4 bytes for 16,384 weights, are left out" };
    case "mxfp4":
      return { ...plain, experts: MXFP4_BYTES, note: "experts in mxfp4, 4.25 bits with scales" };
    case "compressed-tensors":
      return { ...plain, experts: groupsBytes(config.at("config_groups")), note: "experts as config_groups has them" };
    case "modelopt":
      return { ...plain, ...modelOptBytes(config) };
    case "awq":
    case "gptq": {
      const bits = config.at("bits").whole(2, 8);
      const group = config.at("group_size").whole(-1, 2 ** 16);
      // A scale of 16 bits and a zero for each group; -1 is one for a whole column.
      const bytes = (bits + (group > 0 ? (16 + bits) / group : 0)) / 8;
      return { experts: bytes, others: bytes, note: `${method}, ${bits} bits` };
    }
    default:
      throw fileError(
        config.file,
        null,
        `quant_method to be one that is known, or bytesPerWeight to be given`,
        `${JSON.stringify(config.at("quant_method").value ?? null)}${didYouMean(method, METHODS)}`,
      );
  }
}

/** Of the first group: `weights` has `num_bits`, `type`, and `group_size` where scales are of groups. */
function groupsBytes(groups: JsonValue): number {
  const [first] = Object.keys(groups.object("an object of groups").value as object);
  if (first === undefined) throw groups.wrong("an object with at least one group");
  const weights = groups.at(first).object("a group").at("weights").object("what its weights are");
  const bits = weights.at("num_bits").whole(2, 16);
  const size = weights.at("group_size");
  if (size.value == null) return bits / 8;
  const isFloat = weights.at("type").value === "float";
  return (bits + (isFloat ? 8 : 16) / size.whole(1, 2 ** 16)) / 8;
}

function modelOptBytes(config: JsonValue): Pick<WeightBytes, "experts" | "note"> {
  const inner = config.at("quantization").value != null ? config.at("quantization").object("an object") : config;
  const algorithm = inner.at("quant_algo").value;
  if (algorithm === "NVFP4") return { experts: NVFP4_BYTES, note: "experts in NVFP4, 4.5 bits with scales" };
  if (algorithm === "FP8") return { experts: 1, note: "experts in fp8" };
  throw inner.at("quant_algo").wrong("NVFP4 or FP8");
}
