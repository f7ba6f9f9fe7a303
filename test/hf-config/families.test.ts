import { describe, expect, test } from "vitest";
import { deepseek, file, index, linear, llama, mixtral, qwen, read, v4 } from "./configs.ts";

describe("families", () => {
  test("mixtral: all layers, of the only width there is", () => {
    const model = read(mixtral);
    expect(model).toMatchObject({
      name: "tiny",
      family: "mixtral",
      layers: 8,
      hidden: 64,
      experts: 6,
      expertsPerToken: 2,
      expertWidth: 96,
      expertBytes: 3 * 64 * 96 * 2,
      sharedExperts: 0,
      denseWidth: 0,
      vocabulary: 1000,
      isTied: false,
    });
    expect(model.moeLayers).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(model.attention).toHaveLength(1);
    expect(model.attention[0]).toMatchObject({ kind: "grouped", windowTokens: null, kvBytesPerRow: 2 * 2 * 16 * 2 });
    expect(model.evidence.map(({ grade }) => grade)).toEqual(["published", "published"]);
  });

  test("deepseek v2 and v3: dense layers first, shared experts, latent attention", () => {
    for (const model_type of ["deepseek_v2", "deepseek_v3", "kimi_k2", "glm4_moe_lite"]) {
      const model = read({ ...deepseek, model_type });
      expect(model).toMatchObject({
        experts: 12,
        expertsPerToken: 3,
        sharedExperts: 2,
        sharedWidth: 64,
        denseWidth: 160,
      });
      expect(model.moeLayers).toEqual([3, 4, 5, 6, 7]);
      expect(model.attention[0]).toMatchObject({ kind: "latent", kvBytesPerRow: 80, index: null });
    }
    expect(read({ ...deepseek, moe_layer_freq: 2 }).moeLayers).toEqual([4, 6]);
    expect(read({ ...deepseek, moe_layer_freq: [0, 1, 0, 0, 1, 0, 0, 1] }).moeLayers).toEqual([1, 4, 7]);
    const { q_lora_rank: _, ...lite } = deepseek;
    expect(read({ ...lite, q_lora_rank: null })).toEqual(read(lite));
  });

  test("deepseek v3.2 and glm 5: an index chooses what is read", () => {
    for (const model_type of ["deepseek_v32", "glm_moe_dsa"])
      expect(read({ ...deepseek, ...index, model_type }).attention[0]).toMatchObject({
        kind: "latent",
        windowTokens: 0,
        rows: { tokens: 1, readMax: 16 },
      });
    const types = ["dense", "sparse", "sparse", "dense", "sparse", "sparse", "sparse", "sparse"];
    expect(read({ ...deepseek, mlp_layer_types: types }).moeLayers).toEqual([1, 2, 4, 5, 6, 7]);
  });

  test("deepseek v4: all layers have experts in fp4; what predicts further tokens is left out", () => {
    const model = read(v4);
    expect(model.moeLayers).toHaveLength(8);
    expect(model).toMatchObject({ bytesPerWeight: 4.25 / 8, otherBytesPerWeight: 1, sharedExperts: 1, denseWidth: 0 });
    expect(model.attention.map(({ layers, rows }) => [layers, rows])).toEqual([
      [[0, 1, 7], null],
      [[2, 4, 6], { tokens: 4, readMax: 16 }],
      [[3, 5], { tokens: 128, readMax: null }],
    ]);
  });

  test("kimi k2.5 and others: nested in text_config, or flat", () => {
    const { torch_dtype, ...inner } = { ...deepseek, model_type: "kimi_k2" };
    const nested = { model_type: "kimi_k25", torch_dtype, text_config: inner, vision_config: { hidden_size: 8 } };
    expect(read(nested)).toEqual(read({ ...deepseek, model_type: "kimi_k2" }));
    expect(read({ ...deepseek, model_type: "kimi_k25" })).toMatchObject({ experts: 12, hidden: 64 });
  });

  test("qwen: each so many layers, but for those that are listed", () => {
    expect(read(qwen).moeLayers).toHaveLength(8);
    expect(read({ ...qwen, decoder_sparse_step: 2 }).moeLayers).toEqual([1, 3, 5, 7]);
    expect(read({ ...qwen, mlp_only_layers: [0, 7] })).toMatchObject({
      moeLayers: [1, 2, 3, 4, 5, 6],
      denseWidth: 128,
    });
    const windowed = { ...qwen, sliding_window: 256 };
    expect(read(windowed).attention[0]!.windowTokens).toBe(256);
    expect(read({ ...windowed, use_sliding_window: false }).attention[0]!.windowTokens).toBeNull();
  });

  test("qwen 3.5 and next: three of four layers are linear, outputs of the others gated, a shared expert", () => {
    const text_config = { ...linear, model_type: "qwen3_5_moe_text" };
    for (const config of [
      { model_type: "qwen3_5_moe", text_config },
      { ...linear, model_type: "qwen3_next" },
    ]) {
      const model = read(config);
      expect(model).toMatchObject({ sharedExperts: 1, sharedWidth: 40, experts: 16 });
      expect(model.attention.map(({ kind, layers }) => [kind, layers])).toEqual([
        ["linear", [0, 1, 2, 4, 5, 6]],
        ["grouped", [3, 7]],
      ]);
      // Queries, their gates and outputs: 3 x 64 x 128; keys and values of 2 heads of 32.
      expect(model.attention[1]!.weights).toBe(3 * 64 * 128 + 2 * 64 * 64);
    }
  });

  test("gpt-oss: every other layer sees a window; two names of one figure", () => {
    const config = {
      ...mixtral,
      model_type: "gpt_oss",
      experts_per_token: 2,
      sliding_window: 128,
      layer_types: Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? "sliding_attention" : "full_attention")),
      quantization_config: { quant_method: "mxfp4" },
    };
    const model = read(config);
    expect(model).toMatchObject({ bytesPerWeight: 4.25 / 8, otherBytesPerWeight: 2 });
    expect(model.attention.map(({ windowTokens, layers }) => [windowTokens, layers])).toEqual([
      [128, [0, 2, 4, 6]],
      [null, [1, 3, 5, 7]],
    ]);
    expect(() => read({ ...config, experts_per_token: 4 })).toThrow(
      new RangeError(`${file}: expected num_experts_per_tok and experts_per_token to agree, got 2 and 4`),
    );
  });

  test("llama 4: every layer or every other, one shared expert as wide as the rest, chunks", () => {
    const model = read({ model_type: "llama4", text_config: { ...llama, interleave_moe_layer_step: 2 } });
    expect(model).toMatchObject({ family: "llama4_text", sharedExperts: 1, sharedWidth: 96, denseWidth: 192 });
    expect(model.moeLayers).toEqual([1, 3, 5, 7]);
    expect(model.attention.map(({ windowTokens, layers }) => [windowTokens, layers])).toEqual([
      [512, [0, 1, 2, 4, 5, 6]],
      [null, [3, 7]],
    ]);
    expect(read({ ...llama, moe_layers: [2, 5] }).moeLayers).toEqual([2, 5]);
    expect(read(llama)).toMatchObject({ denseWidth: 0, moeLayers: [0, 1, 2, 3, 4, 5, 6, 7] });
    const none = [1, 0, 1, 1, 1, 1, 1, 1];
    expect(read({ ...llama, no_rope_layers: none }).attention[1]).toMatchObject({ windowTokens: null, layers: [1] });
  });

  test("glm 4.5: as deepseek, but for grouped attention", () => {
    const glm = { ...deepseek, model_type: "glm4_moe", num_key_value_heads: 2, head_dim: 24 };
    expect(read(glm)).toMatchObject({ moeLayers: [3, 4, 5, 6, 7], sharedExperts: 2 });
    expect(read(glm).attention[0]).toMatchObject({ kind: "grouped", kvBytesPerRow: 2 * 2 * 24 * 2 });
  });

  test("dbrx: names of its own", () => {
    const model = read({
      model_type: "dbrx",
      d_model: 64,
      n_heads: 4,
      n_layers: 8,
      vocab_size: 1000,
      torch_dtype: "bfloat16",
      attn_config: { kv_n_heads: 2 },
      ffn_config: { ffn_hidden_size: 96, moe_num_experts: 6, moe_top_k: 2 },
    });
    expect({ ...model, family: "mixtral", evidence: [] }).toEqual({ ...read(mixtral), evidence: [] });
  });
});
