import { readModelConfig } from "../../src/formats/hf-config.ts";

export const file = "tiny.json";
/** What a `config.json` of that name comes to. */
export const read = (config: object, options = {}) => readModelConfig(JSON.stringify(config), { file, ...options });

/** Small models of each family, as their `config.json` would have them. */
export const size = {
  hidden_size: 64,
  num_hidden_layers: 8,
  num_attention_heads: 4,
  vocab_size: 1000,
  torch_dtype: "bfloat16",
};
export const mixtral = {
  ...size,
  model_type: "mixtral",
  num_local_experts: 6,
  num_experts_per_tok: 2,
  intermediate_size: 96,
  num_key_value_heads: 2,
};
export const latent = { q_lora_rank: 24, kv_lora_rank: 32, qk_nope_head_dim: 16, qk_rope_head_dim: 8, v_head_dim: 16 };
export const deepseek = {
  ...size,
  ...latent,
  model_type: "deepseek_v3",
  n_routed_experts: 12,
  num_experts_per_tok: 3,
  moe_intermediate_size: 32,
  intermediate_size: 160,
  n_shared_experts: 2,
  first_k_dense_replace: 3,
};
export const qwen = {
  ...size,
  model_type: "qwen3_moe",
  num_experts: 16,
  num_experts_per_tok: 4,
  moe_intermediate_size: 24,
  intermediate_size: 128,
  num_key_value_heads: 2,
  head_dim: 32,
};
export const linear = {
  ...qwen,
  linear_num_key_heads: 2,
  linear_key_head_dim: 8,
  linear_num_value_heads: 4,
  linear_value_head_dim: 8,
  linear_conv_kernel_dim: 4,
  shared_expert_intermediate_size: 40,
};
export const llama = {
  ...mixtral,
  model_type: "llama4_text",
  num_experts_per_tok: 1,
  intermediate_size_mlp: 192,
  attention_chunk_size: 512,
  head_dim: 16,
};
export const index = { index_n_heads: 2, index_head_dim: 8, index_topk: 16 };
export const v4 = {
  ...size,
  ...index,
  model_type: "deepseek_v4",
  n_routed_experts: 12,
  num_experts_per_tok: 3,
  n_shared_experts: 1,
  moe_intermediate_size: 32,
  head_dim: 16,
  q_lora_rank: 24,
  o_groups: 2,
  o_lora_rank: 8,
  sliding_window: 128,
  compress_ratios: [0, 0, 4, 128, 4, 128, 4, 0, 0],
  quantization_config: { quant_method: "fp8" },
  expert_dtype: "fp4",
};
