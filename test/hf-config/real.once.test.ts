import { existsSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { readModelConfig } from "../../src/formats/hf-config.ts";
import { modelNamed } from "../../src/models/index.ts";

const FOLDER = fileURLToPath(new URL("../../../shared/data/hf-configs/", import.meta.url));

/** Figures as model cards state them: experts, top-k, layers, those with experts, and megabytes of an expert at a byte a weight. */
const CARDS: [file: string, builtIn: string, experts: number, topK: number, layers: number, moe: number, mb: number][] =
  [
    ["mistralai__Mixtral-8x7B-v0.1", "mixtral-8x7b", 8, 2, 32, 32, 176],
    ["mistralai__Mixtral-8x22B-v0.1", "mixtral-8x22b", 8, 2, 56, 56, 302],
    ["openai__gpt-oss-20b", "gpt-oss-20b", 32, 4, 24, 24, 24.9],
    ["openai__gpt-oss-120b", "gpt-oss-120b", 128, 4, 36, 36, 24.9],
    ["Qwen__Qwen3-30B-A3B", "qwen3-30b", 128, 8, 48, 48, 4.7],
    ["Qwen__Qwen3-235B-A22B", "qwen3-235b", 128, 8, 94, 94, 18.9],
    ["deepseek-ai__DeepSeek-R1", "deepseek-v3", 256, 8, 61, 58, 44],
    ["deepseek-ai__DeepSeek-V3.2", "deepseek-v3.2", 256, 8, 61, 58, 44],
  ];

describe.skipIf(!existsSync(FOLDER))("real config.json of ../shared/data/hf-configs", () => {
  test("each file is below", () => {
    expect(readdirSync(FOLDER).sort()).toEqual(CARDS.map(([file]) => `${file}.config.json`).sort());
  });

  test.each(CARDS)("%s is %s", (name, builtIn, experts, expertsPerToken, layers, moe, megabytes) => {
    const file = `${FOLDER}${name}.config.json`;
    const text = readFileSync(file, "utf8");
    const read = readModelConfig(text, { file });
    expect(read).toMatchObject({ name, experts, expertsPerToken, layers });
    expect(read.moeLayers).toHaveLength(moe);
    expect(read.moeLayers.at(-1)).toBe(layers - 1);
    const atOneByte = readModelConfig(text, { file, bytesPerWeight: 1 }).expertBytes / 1e6;
    expect(Math.abs(atOneByte - megabytes)).toBeLessThan(megabytes < 100 ? 0.06 : 0.6); // as the cards round
    // The built-in model is the same, but for its name, what it is called by, and where that is said.
    expect({ ...read, name: builtIn, evidence: [] }).toEqual({ ...modelNamed(builtIn), evidence: [] });
  });
});
