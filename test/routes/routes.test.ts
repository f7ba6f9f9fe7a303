import { expect, test } from "vitest";
import { readRoutes } from "../../src/formats/routes.ts";
import { checkRoutes, NO_EXPERT, type Routes } from "../../src/routes/routes.ts";

test("routes that contradict themselves are refused, by token and layer", () => {
  const routes = (chosen: readonly number[], experts = 4): Routes => ({
    layers: 2,
    experts,
    k: 3,
    tokens: 2,
    prompt: new Uint32Array(2),
    phase: new Uint8Array(2).fill(1),
    chosen: Uint16Array.from(chosen),
  });
  const none = NO_EXPERT;
  const good = [0, 1, 2, 3, none, none, none, none, none, 1, 0, 3];
  expect(() => checkRoutes(routes(good))).not.toThrow();
  for (const [last, message] of [
    [[1, 0, 4], "an expert of token 1 in layer 1 must be from 0 to 3, got 4"],
    [[1, 0, 1], "experts of token 1 in layer 1 must be distinct, got 1 twice"],
    [[1, none, 0], "experts of token 1 in layer 1 must come before places of none, got 0 behind one"],
    [[none, 2, none], "experts of token 1 in layer 1 must come before places of none, got 2 behind one"],
  ] as const)
    expect(() => checkRoutes(routes([...good.slice(0, 9), ...last]))).toThrow(new RangeError(message));
  expect(() => checkRoutes(routes(good, 2))).toThrow(new RangeError("k must be from 1 to 2, got 3"));
});

test("a prefill that says nothing of layers is held to those of its last token", async () => {
  const read = (...tokens: number[]) => {
    const rows = tokens.flatMap((layers, step) => Array.from({ length: layers }, (_, layer) => `0,${step},${layer},1`));
    return readRoutes(new TextEncoder().encode(["phase,step,layer,experts", ...rows].join("\n")), { file: "p.csv" });
  };
  // The last layer may be missing of all tokens but the last.
  for (const tokens of [[4], [3, 4], [4, 3, 4], [3, 3, 3, 4]])
    expect(await read(...tokens)).toMatchObject({ layers: 4, tokens: tokens.length });
  for (const [tokens, message] of [
    [[2, 4], "p.csv:4: expected layer 2 of step 0, got none"],
    [[3, 2, 4, 4], "p.csv:7: expected layer 2 of step 1, got none"],
  ] as const)
    await expect(read(...tokens)).rejects.toThrow(new RangeError(message));
});
