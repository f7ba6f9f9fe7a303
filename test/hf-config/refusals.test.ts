import { describe, expect, test } from "vitest";
import { readModelConfig } from "../../src/formats/hf-config.ts";
import { deepseek, file, mixtral, read, size, v4 } from "./configs.ts";

describe("bytes of a weight", () => {
  const bytes = (quantization_config: object, options = {}) => {
    const { bytesPerWeight, otherBytesPerWeight } = read({ ...mixtral, quantization_config }, options);
    return [bytesPerWeight, otherBytesPerWeight];
  };
  const packed = (weights: object) => ({ quant_method: "compressed-tensors", config_groups: { group_0: { weights } } });

  test.each<[object, number, number]>([
    [{ quant_method: "fp8" }, 1, 1],
    [{ quant_method: "mxfp4" }, (32 * 4 + 8) / 32 / 8, 2],
    [packed({ num_bits: 4, type: "int", group_size: 32 }), (32 * 4 + 16) / 32 / 8, 2],
    [packed({ num_bits: 4, type: "float", group_size: 16 }), (16 * 4 + 8) / 16 / 8, 2],
    [packed({ num_bits: 8, type: "float", group_size: null }), 1, 2],
    [{ quant_method: "modelopt", quant_algo: "NVFP4" }, (16 * 4 + 8) / 16 / 8, 2],
    [{ quant_method: "modelopt", quantization: { quant_algo: "FP8" } }, 1, 2],
    [{ quant_method: "awq", bits: 4, group_size: 128 }, (128 * 4 + 16 + 4) / 128 / 8, (128 * 4 + 16 + 4) / 128 / 8],
    [{ quant_method: "gptq", bits: 8, group_size: -1 }, 1, 1],
  ])("%j: %d of experts, %d of the rest", (quantisation, experts, others) => {
    expect(bytes(quantisation)).toEqual([experts, others]);
  });

  test("of the type where nothing is quantised, and bf16 where none is stated", () => {
    expect(read({ ...mixtral, torch_dtype: "float32" }).bytesPerWeight).toBe(4);
    const { torch_dtype: _, ...untyped } = mixtral;
    expect(read({ ...untyped, dtype: "float16" }).bytesPerWeight).toBe(2);
    expect(read(untyped)).toMatchObject({ bytesPerWeight: 2, otherBytesPerWeight: 2 });
    expect(read(untyped).evidence[1]).toMatchObject({ grade: "assumed", note: "no type is stated: bf16 is assumed" });
  });

  test("as given, which says so, and where the file is not understood", () => {
    const model = read(mixtral, { bytesPerWeight: 1 });
    expect(model).toMatchObject({ expertBytes: 3 * 64 * 96, otherBytesPerWeight: 2 });
    expect(model.evidence[1]).toMatchObject({ grade: "assumed", source: "options" });
    expect(bytes({ quant_method: "new" }, { bytesPerWeight: 0.5, otherBytesPerWeight: 2 })).toEqual([0.5, 2]);
  });
});

describe("refuses, and names the file", () => {
  test.each<[object, string]>([
    [
      { ...mixtral, model_type: "mixtrall" },
      `${file}: expected model_type of a mixture-of-experts family that is known, got "mixtrall"; it has num_local_experts, num_experts_per_tok; did you mean mixtral?`,
    ],
    [
      { ...size, model_type: "qwen3_moe", num_expert: 4 },
      `${file}: expected num_local_experts or n_routed_experts or num_experts or moe_num_experts or ffn_config.moe_num_experts of qwen3_moe, got a dense model: it has num_expert; did you mean num_experts?`,
    ],
    [
      { ...mixtral, num_experts_per_tok: 7 },
      `${file}: expected num_experts_per_tok to be a whole number from 1 to 6, got 7`,
    ],
    [
      { ...mixtral, num_key_value_heads: 5 },
      `${file}: expected num_key_value_heads to be a whole number from 1 to 4, got 5`,
    ],
    [
      { ...mixtral, num_attention_heads: 3 },
      `${file}: expected head_dim to be a whole number from 1 to 1048576, got 21.3`,
    ],
    [{ ...mixtral, vocab_size: undefined }, `${file}: expected vocab_size, got nothing`],
    [{ ...deepseek, first_k_dense_replace: 8 }, `${file}: expected at least one layer with experts, got none`],
    [{ ...v4, compress_ratios: [0] }, `${file}: expected compress_ratios of 8 layers, got 1`],
    [{ ...mixtral, torch_dtype: "int3" }, `${file}: expected torch_dtype to be one of float32`],
    [
      { ...mixtral, layer_types: Array(8).fill("sliding_attention") },
      `${file}: expected a window for layers of sliding`,
    ],
    [
      { ...mixtral, quantization_config: { quant_method: "gptqq" } },
      `${file}: expected quant_method to be one that is known, or bytesPerWeight to be given, got "gptqq"; did you mean gptq?`,
    ],
  ])("%#", (config, message) => {
    expect(() => read(config)).toThrow(message);
  });

  test("a dense family, with those that are known", () => {
    const dense = { ...size, model_type: "llama" };
    expect(() => read(dense)).toThrow(/got "llama"; it has no key that speaks of experts; did you mean llama4\?$/);
    expect(() => read({ ...size })).toThrow(/got none; it has no key that speaks of experts; there are mixtral, /);
  });

  test("what is no JSON, or no object", () => {
    expect(() => readModelConfig("{\n}}", { file })).toThrow(`${file}:2: expected JSON`);
    expect(() => readModelConfig("[]", { file })).toThrow(`${file}: expected a model's config.json, got an array`);
    expect(() => read(mixtral, { bytePerWeight: 1 })).toThrow("options has no field bytePerWeight; did you mean");
  });
});
