import { describe, expect, test } from "vitest";
import {
  type AttentionShape,
  attentionBytes,
  attentionFlops,
  compressedAttention,
  groupedAttention,
  keptBytes,
  latentAttention,
  linearAttention,
  rowsRead,
} from "../../src/models/attention.ts";

/** A matrix's weights, by its rows and columns. */
const matrix = (rows: number, columns: number) => rows * columns;
const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
const layers = [0];

describe("grouped", () => {
  const figures = { layers, hidden: 64, heads: 8, kvHeads: 2, headSize: 12 };
  const attention = groupedAttention(figures);

  test("weights, rows and flops", () => {
    expect(attention.kind).toBe("grouped");
    expect(attention.weights).toBe(sum([matrix(64, 96), matrix(64, 24), matrix(64, 24), matrix(96, 64)]));
    expect(attentionBytes(attention, 10)).toBe(10 * 2 * 24 * 2);
    // Each head: a product of its query with every key, and a sum of values, both of 12 multiplications and additions.
    expect(attentionFlops(attention, 10)).toBe(2 * attention.weights + 10 * 8 * (2 * 12 + 2 * 12));
    expect(keptBytes(attention, 10)).toBe(attentionBytes(attention, 10));
  });

  test("as many keys as queries are multi-head; a gate is one more matrix", () => {
    expect(groupedAttention({ ...figures, kvHeads: 8 }).kind).toBe("multi-head");
    expect(groupedAttention({ ...figures, isGated: true }).weights - attention.weights).toBe(matrix(64, 96));
  });

  test("a window ends what is read and kept", () => {
    const windowed = groupedAttention({ ...figures, windowTokens: 7 });
    for (const tokens of [0, 3, 7]) expect(attentionBytes(windowed, tokens)).toBe(attentionBytes(attention, tokens));
    expect(attentionBytes(windowed, 1000)).toBe(attentionBytes(attention, 7));
    expect(keptBytes(windowed, 1000)).toBe(keptBytes(attention, 7));
  });
});

describe("latent", () => {
  const figures = {
    layers,
    hidden: 64,
    heads: 4,
    queryRank: 24,
    kvRank: 32,
    nopeSize: 16,
    ropeSize: 8,
    valueSize: 20,
  };
  const attention = latentAttention(figures);

  test("weights, rows and flops", () => {
    const queries = [matrix(64, 24), matrix(24, 4 * 24)];
    const rows = [matrix(64, 32 + 8), matrix(32, 4 * 16), matrix(32, 4 * 20), matrix(4 * 20, 64)];
    expect(attention.weights).toBe(sum([...queries, ...rows]));
    expect(attentionBytes(attention, 10)).toBe(10 * (32 + 8) * 2);
    // Absorbed: scores over all 40 values of a row, sums over the 32 that are not for places.
    expect(attentionFlops(attention, 10)).toBe(2 * attention.weights + 10 * 4 * (2 * 40 + 2 * 32));
    expect(latentAttention({ ...figures, queryRank: null }).weights).toBe(sum([matrix(64, 4 * 24), ...rows]));
  });

  test("an index looks at all rows, and so many are read", () => {
    const chosen = latentAttention({ ...figures, index: { heads: 2, headSize: 8, readMax: 5 } });
    expect(chosen.weights - attention.weights).toBe(sum([matrix(24, 2 * 8), matrix(64, 8), matrix(64, 2)]));
    expect([2, 5, 100].map((tokens) => rowsRead(chosen, tokens))).toEqual([2, 5, 5]);
    expect(attentionBytes(chosen, 100)).toBe(5 * 80 + 100 * (8 + 4));
    expect(keptBytes(chosen, 100)).toBe(100 * (80 + 12));
    expect(attentionFlops(chosen, 100)).toBe(2 * chosen.weights + 5 * 4 * (2 * 40 + 2 * 32) + 100 * 2 * 2 * 8);
  });
});

describe("linear", () => {
  const attention = linearAttention({
    layers,
    hidden: 64,
    keyHeads: 2,
    keySize: 8,
    valueHeads: 4,
    valueSize: 6,
    convolutionTokens: 4,
  });

  test("a state of fixed size is read and written, however long the sequence", () => {
    const projections = [matrix(64, 16), matrix(64, 16), matrix(64, 24), matrix(64, 24), matrix(64, 4), matrix(64, 4)];
    expect(attention.weights).toBe(sum([...projections, matrix(16 + 16 + 24, 4), matrix(24, 64)]));
    const state = 4 * 8 * 6 * 4 + 56 * 3 * 2;
    for (const tokens of [1, 1e6]) {
      expect(keptBytes(attention, tokens)).toBe(state);
      expect(attentionBytes(attention, tokens)).toBe(2 * state);
      expect(attentionFlops(attention, tokens)).toBe(2 * attention.weights + 7 * 4 * 8 * 6);
    }
  });
});

describe("compressed", () => {
  const figures = {
    layers,
    hidden: 64,
    heads: 4,
    headSize: 16,
    queryRank: 24,
    outputGroups: 2,
    outputRank: 10,
    windowTokens: 8,
  };
  const common = [
    matrix(64, 24),
    matrix(24, 64),
    matrix(64, 16),
    // Each of 2 groups projects its half of the heads' 64 values.
    2 * matrix(32, 10),
    matrix(2 * 10, 64),
  ];

  test("the window alone", () => {
    const window = compressedAttention({ ...figures, rowTokens: 0, index: null });
    expect(window.weights).toBe(sum(common));
    expect([4, 8, 100].map((tokens) => rowsRead(window, tokens))).toEqual([4, 8, 8]);
  });

  test("rows of many tokens, all of them read", () => {
    const heavy = compressedAttention({ ...figures, rowTokens: 32, index: null });
    expect(heavy.weights).toBe(sum([...common, 2 * matrix(64, 16)]));
    expect(rowsRead(heavy, 640)).toBe(8 + 20);
    expect(keptBytes(heavy, 640)).toBe((8 + 20) * 16 * 2);
  });

  test("rows of few tokens, of which an index chooses", () => {
    const chosen = compressedAttention({ ...figures, rowTokens: 4, index: { heads: 2, headSize: 6, readMax: 12 } });
    const index = [matrix(24, 2 * 6), matrix(64, 2), 4 * matrix(64, 6)];
    expect(chosen.weights).toBe(sum([...common, 4 * matrix(64, 16), ...index]));
    expect([40, 48, 400].map((tokens) => rowsRead(chosen, tokens))).toEqual([18, 20, 20]);
    expect(attentionBytes(chosen, 400)).toBe(20 * 32 + 100 * (6 + 4));
    expect(keptBytes(chosen, 400)).toBe((8 + 100) * 32 + 100 * (6 + 4));
  });
});

test("nothing shrinks as a sequence grows", () => {
  const all: AttentionShape[] = [
    groupedAttention({ layers, hidden: 8, heads: 2, kvHeads: 1, headSize: 4, windowTokens: 5 }),
    compressedAttention({
      layers,
      hidden: 8,
      heads: 2,
      headSize: 4,
      queryRank: 4,
      outputGroups: 1,
      outputRank: 2,
      windowTokens: 4,
      rowTokens: 4,
      index: { heads: 1, headSize: 2, readMax: 3 },
    }),
  ];
  for (const attention of all)
    for (const of of [attentionBytes, attentionFlops, keptBytes])
      for (let tokens = 0; tokens < 64; tokens++)
        expect(of(attention, tokens + 1)).toBeGreaterThanOrEqual(of(attention, tokens));
});
