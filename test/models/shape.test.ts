import { describe, expect, test } from "vitest";
import { MODELS } from "../../src/models/builtin.ts";
import { modelNamed } from "../../src/models/index.ts";
import { distinctExperts, kvBytesOf, type ModelFigures, shapeOf, totalsOf } from "../../src/models/shape.ts";

/** Parameters in 10^9, all and active, as those who made a model state them. */
const STATED: [name: string, all: number, active: number | null][] = [
  ["mixtral-8x7b", 46.7, 12.9],
  ["mixtral-8x22b", 141, 39],
  ["dbrx", 132, 36],
  ["gpt-oss-20b", 20.9, 3.6],
  ["gpt-oss-120b", 116.8, 5.1],
  ["qwen3-30b", 30.5, 3.3],
  ["qwen3-235b", 235, 22],
  ["qwen3.5-397b", 397, 17],
  ["llama-4-scout", 109, 17],
  ["llama-4-maverick", 400, 17],
  ["glm-4.5", 355, 32],
  ["glm-5", 744, 40],
  ["deepseek-v3", 671, 37],
  ["deepseek-v3.2", 671, 37],
  ["deepseek-v4-flash", 284, 13],
  ["deepseek-v4-pro", 1600, 49],
  ["kimi-k2", 1000, 32],
  ["frontier-1.8t", 1800, null],
];

describe("built-in models", () => {
  test.each(STATED)("%s has the parameters that are stated of it: %d and %d x 10^9", (name, all, active) => {
    const model = modelNamed(name);
    const { parameters, activeParameters } = totalsOf(model);
    // Stated in one to three digits, by some with what sees pictures or predicts further tokens.
    expect(Math.abs(parameters / 1e9 / all - 1)).toBeLessThan(0.03);
    // Some count the embeddings on both sides, some on neither; stated to the last digit.
    const [head, rounding] = [model.headWeights / 1e9, Number.isInteger(active) ? 0.5 : 0.05];
    if (active !== null) expect(Math.abs(activeParameters / 1e9 - active)).toBeLessThan(head + rounding);
  });

  test("each is stated above", () => {
    expect(MODELS.map(({ name }) => name).sort()).toEqual(STATED.map(([name]) => name).sort());
  });

  test("an expert at a byte a weight", () => {
    const megabytes = (name: string) => modelNamed(name).expertWeights / 1e6;
    expect(megabytes("mixtral-8x22b")).toBeCloseTo(302, 0);
    expect(megabytes("deepseek-v3")).toBeCloseTo(44, 1);
    expect(megabytes("qwen3-235b")).toBeCloseTo(18.9, 1);
    expect(megabytes("qwen3-30b")).toBeCloseTo(4.7, 1);
  });

  test("frontier-1.8t has 160 MB an expert, and one copy takes 22.5 GPUs of 80 GB", () => {
    const frontier = modelNamed("frontier-1.8t");
    expect(frontier).toMatchObject({ experts: 256, expertsPerToken: 8, layers: 44, expertBytes: 160e6 });
    expect(totalsOf(frontier).expertBytes / 80e9).toBeCloseTo(22.5, 1);
    expect(frontier.evidence.map(({ grade }) => grade)).toEqual(["unverified", "assumed", "assumed"]);
  });

  test("a name that is none names the nearest", () => {
    expect(() => modelNamed("deepseekv3")).toThrow(
      new RangeError('model must name a built-in model, got "deepseekv3"; did you mean deepseek-v3?'),
    );
  });
});

describe("distinct experts", () => {
  /** All ways in which `tokens` choose 2 of 4, each as likely as any other. */
  const enumerated = (tokens: number): number => {
    const pairs = [0b0011, 0b0101, 0b0110, 0b1001, 0b1010, 0b1100];
    let masks = [0];
    for (let i = 0; i < tokens; i++) masks = masks.flatMap((mask) => pairs.map((pair) => mask | pair));
    const ones = (mask: number) => [0, 1, 2, 3].filter((bit) => mask & (1 << bit)).length;
    return masks.reduce((sum, mask) => sum + ones(mask), 0) / masks.length;
  };

  test.each([1, 2, 3, 4])("of %d tokens, as counting all ways has it", (tokens) => {
    expect(distinctExperts(4, 2, tokens)).toBeCloseTo(enumerated(tokens), 12);
  });

  test("none of no tokens, and never more than all", () => {
    expect(distinctExperts(256, 8, 0)).toBe(0);
    expect(distinctExperts(256, 8, 1)).toBeCloseTo(8, 12);
    expect(distinctExperts(8, 8, 3)).toBe(8);
    expect(distinctExperts(256, 8, 1e6)).toBe(256);
  });
});

describe("shapes", () => {
  const { expertWeights: _, expertBytes: __, ...given } = modelNamed("mixtral-8x7b");
  const { routerWeights, sharedWeights, denseWeights, attentionWeights, kvBytesPerToken, headWeights, ...figures } =
    given;
  const wrong = (part: Partial<ModelFigures>) => () => shapeOf({ ...figures, ...part });

  test("what follows from figures", () => {
    expect({ routerWeights, sharedWeights, denseWeights }).toEqual({
      routerWeights: 4096 * 8,
      sharedWeights: 0,
      denseWeights: 0,
    });
    expect(attentionWeights).toBe(2 * 4096 * 4096 + 2 * 4096 * 1024);
    expect(kvBytesPerToken).toBe(2 * 8 * 128 * 2);
    expect(headWeights).toBe(4096 * 32_000);
    expect(kvBytesOf(given, 1000)).toBe(32 * 4096 * 1000);
  });

  test("a tied head is counted once", () => {
    const tied = totalsOf(shapeOf({ ...figures, isTied: true }));
    const apart = totalsOf(shapeOf(figures));
    expect(apart.parameters - tied.parameters).toBe(headWeights);
    expect(apart.allBytes - tied.allBytes).toBe(2 * headWeights);
    expect(apart.activeParameters).toBe(tied.activeParameters);
  });

  test.each<[Partial<ModelFigures>, Error]>([
    [{ experts: 0 }, new RangeError("experts must be from 1 to 16777216, got 0")],
    [{ expertsPerToken: 9 }, new RangeError("expertsPerToken must be from 1 to 8, got 9")],
    [{ moeLayers: [] }, new RangeError("layers with experts must be from 1 to 32, got 0")],
    [{ moeLayers: [3, 3] }, new RangeError("layer with experts must be from 4 to 31, got 3")],
    [{ moeLayers: [32] }, new RangeError("layer with experts must be from 0 to 31, got 32")],
    [{ bytesPerWeight: 0 }, new RangeError("bytesPerWeight must be above 0, got 0")],
    [{ hidden: 1.5 }, new RangeError("hidden must be a whole number, got 1.5")],
  ])("%j is refused", (part, error) => {
    expect(wrong(part)).toThrow(error);
  });

  test("each layer attends in one way", () => {
    const [one] = figures.attention;
    expect(wrong({ attention: [one!, { ...one!, layers: [3] }] })).toThrow(/^attention must say of each of 32 layers/);
    expect(wrong({ attention: [] })).toThrow(/^attention must say of each of 32 layers/);
  });
});
