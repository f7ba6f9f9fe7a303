import { type AttentionReader, chunked, compressed, grouped, hybrid, latent } from "./hf-attention.ts";
import type { ConfigFields } from "./hf-fields.ts";

/** How a family's `config.json` is read where families differ. */
export interface Family {
  attention: AttentionReader;
  /** Whether a layer has experts. */
  moe: (config: ConfigFields, layers: number) => (layer: number) => boolean;
  /** Where the width of an expert stands. */
  width: readonly string[];
  /** Where that of layers without experts stands. */
  denseWidth: readonly string[];
  /** Experts that every token takes, and their widths together. */
  shared: (config: ConfigFields, expertWidth: number) => { sharedExperts: number; sharedWidth: number };
}

const MOST = 2 ** 20;

const everyLayer: Family["moe"] = () => () => true;

/** DeepSeek's and GLM's: dense layers first, then each, or each so many, or as a list of layers says. */
const afterDense: Family["moe"] = (config, layers) => {
  const types = config.at("mlp_layer_types");
  if (types.value != null) {
    const all = types.list("a list of types");
    return (layer) => all[layer]?.value === "sparse";
  }
  const dense = config.wholeOr(["first_k_dense_replace"], 0, 0, layers);
  if (config.at("moe_layer_freq").isList) {
    const flags = config.wholes("moe_layer_freq", 0, 1)!;
    return (layer) => flags[layer] === 1;
  }
  const every = config.wholeOr(["moe_layer_freq"], 1, 1, layers);
  return (layer) => layer >= dense && layer % every === 0;
};

/** Qwen's: each so many, counted from 1, but for those that are listed. */
const sparseStep: Family["moe"] = (config, layers) => {
  const step = config.wholeOr(["decoder_sparse_step"], 1, 1, layers);
  const dense = new Set(config.wholes("mlp_only_layers", 0, layers - 1));
  return (layer) => (layer + 1) % step === 0 && !dense.has(layer);
};

/** Llama 4's: as listed, or each so many, counted from 1. */
const interleaved: Family["moe"] = (config, layers) => {
  const listed = config.wholes("moe_layers", 0, layers - 1);
  if (listed) return (layer) => listed.includes(layer);
  const step = config.wholeOr(["interleave_moe_layer_step"], 1, 1, layers);
  return (layer) => (layer + 1) % step === 0;
};

const noneShared: Family["shared"] = () => ({ sharedExperts: 0, sharedWidth: 0 });

const countedShared: Family["shared"] = (config, expertWidth) => {
  const sharedExperts = config.wholeOr(["n_shared_experts", "num_shared_experts"], 0, 0, MOST);
  return { sharedExperts, sharedWidth: sharedExperts * expertWidth };
};

/** Qwen's one, of a width of its own. */
const oneOfWidth: Family["shared"] = (config) => {
  const sharedWidth = config.wholeOr(["shared_expert_intermediate_size"], 0, 0, MOST);
  return { sharedExperts: Math.sign(sharedWidth), sharedWidth };
};

const mixtral: Family = {
  attention: grouped,
  moe: everyLayer,
  width: ["intermediate_size"],
  denseWidth: [],
  shared: noneShared,
};
const deepseek: Family = {
  attention: latent,
  moe: afterDense,
  width: ["moe_intermediate_size"],
  denseWidth: ["intermediate_size"],
  shared: countedShared,
};
const qwen: Family = {
  attention: grouped,
  moe: sparseStep,
  width: ["moe_intermediate_size"],
  denseWidth: ["intermediate_size"],
  shared: oneOfWidth,
};
const llama: Family = {
  attention: chunked,
  moe: interleaved,
  width: ["intermediate_size"],
  denseWidth: ["intermediate_size_mlp"],
  // Every layer of experts has one that all tokens take, as wide as the others.
  shared: (_, expertWidth) => ({ sharedExperts: 1, sharedWidth: expertWidth }),
};
const dbrx: Family = { ...mixtral, width: ["ffn_config.ffn_hidden_size"] };
const glm: Family = { ...deepseek, attention: grouped };
const linearQwen: Family = { ...qwen, attention: hybrid };

/** The families that are known, by `model_type`. */
export const FAMILIES: Readonly<Record<string, Family>> = {
  mixtral,
  gpt_oss: mixtral,
  dbrx,
  deepseek_v2: deepseek,
  deepseek_v3: deepseek,
  deepseek_v32: deepseek,
  deepseek_v4: { ...deepseek, attention: compressed, moe: everyLayer },
  kimi_k2: deepseek,
  kimi_k25: deepseek,
  qwen2_moe: qwen,
  qwen3_moe: qwen,
  qwen3_vl_moe: qwen,
  qwen3_vl_moe_text: qwen,
  qwen3_next: linearQwen,
  qwen3_5_moe: linearQwen,
  qwen3_5_moe_text: linearQwen,
  llama4: llama,
  llama4_text: llama,
  glm4_moe: glm,
  glm4v_moe: glm,
  glm4v_moe_text: glm,
  glm4_moe_lite: deepseek,
  glm_moe_dsa: deepseek,
};
