/** How a layer attends. *Latent* keeps one compressed row a token; *linear* a state of fixed size; *compressed* rows of several tokens. */
export type AttentionKind = "multi-head" | "grouped" | "latent" | "linear" | "compressed";

/** What attention of some layers reads, keeps and computes; all figures are of one layer. */
export interface AttentionShape {
  kind: AttentionKind;
  /** The layers that attend so, from 0. */
  layers: readonly number[];
  /** Weights of all projections. */
  weights: number;
  /** A row that is kept: of a token, or of as many as `rows` says. */
  kvBytesPerRow: number;
  /** Of one query against one row: scores and sums, over all heads. */
  flopsPerRow: number;
  /** The last tokens that are attended one by one; null: all of them. */
  windowTokens: number | null;
  /** Rows beyond the window: the tokens that one stands for, and how many a query reads at most. Null: none. */
  rows: { tokens: number; readMax: number | null } | null;
  /** What chooses the rows to read looks at all of them. */
  index: { bytesPerRow: number; flopsPerRow: number } | null;
  /** A state that each token reads and writes whole, and what that computes. */
  state: { bytes: number; flops: number } | null;
}

/** Of one sequence of `tokens`: the rows that a query reads. */
export function rowsRead({ windowTokens, rows }: AttentionShape, tokens: number): number {
  const beyond = rows ? Math.min(rows.readMax ?? Number.POSITIVE_INFINITY, tokens / rows.tokens) : 0;
  return Math.min(windowTokens ?? tokens, tokens) + beyond;
}

/** Of one sequence of `tokens`: the bytes that a query reads, of the layers' one. */
export function attentionBytes(attention: AttentionShape, tokens: number): number {
  const { kvBytesPerRow, rows, index, state } = attention;
  const looked = index ? (index.bytesPerRow * tokens) / (rows?.tokens ?? 1) : 0;
  return kvBytesPerRow * rowsRead(attention, tokens) + looked + 2 * (state?.bytes ?? 0);
}

/** Of one query in a sequence of `tokens`: all that is computed in one layer, projections first. */
export function attentionFlops(attention: AttentionShape, tokens: number): number {
  const { weights, flopsPerRow, rows, index, state } = attention;
  const looked = index ? (index.flopsPerRow * tokens) / (rows?.tokens ?? 1) : 0;
  return 2 * weights + flopsPerRow * rowsRead(attention, tokens) + looked + (state?.flops ?? 0);
}

/** Of one sequence of `tokens`: the bytes that one layer keeps in HBM. */
export function keptBytes({ kvBytesPerRow, windowTokens, rows, index, state }: AttentionShape, tokens: number): number {
  const inRows = rows ? tokens / rows.tokens : 0;
  const kept = Math.min(windowTokens ?? tokens, tokens) + inRows;
  return kvBytesPerRow * kept + (index?.bytesPerRow ?? 0) * inRows + (state?.bytes ?? 0);
}

/** Keys and values are kept in bf16 unless said otherwise; an index's keys in fp8, with a scale of four bytes. */
const BYTES_OF_VALUE = 2;
const INDEX_SCALE_BYTES = 4;
/** A linear layer's state is kept in f32, for errors add up in it. */
const BYTES_OF_STATE = 4;

/** Several heads of queries to each of keys and values; as many of either where it is multi-head. */
export function groupedAttention(figures: {
  layers: readonly number[];
  hidden: number;
  heads: number;
  kvHeads: number;
  headSize: number;
  windowTokens?: number | null;
  /** Outputs pass a gate that is projected like the queries. */
  isGated?: boolean;
}): AttentionShape {
  const { layers, hidden, heads, kvHeads, headSize, windowTokens = null, isGated = false } = figures;
  const queries = heads * headSize;
  return {
    kind: heads === kvHeads ? "multi-head" : "grouped",
    layers,
    weights: hidden * queries * (isGated ? 3 : 2) + 2 * hidden * kvHeads * headSize,
    kvBytesPerRow: 2 * kvHeads * headSize * BYTES_OF_VALUE,
    flopsPerRow: 4 * queries,
    windowTokens,
    rows: null,
    index: null,
    state: null,
  };
}

/** An index of small heads that chooses the rows to read. */
export interface IndexFigures {
  heads: number;
  headSize: number;
  readMax: number;
}

/**
 * DeepSeek's latent attention: all heads share one row of `kvRank` + `ropeSize` values a token, from which keys and values are
 * projected. Decoding absorbs these projections into queries and outputs, so a row is read once for all heads.
 */
export function latentAttention(figures: {
  layers: readonly number[];
  hidden: number;
  heads: number;
  /** Null: queries are projected at once. */
  queryRank: number | null;
  kvRank: number;
  nopeSize: number;
  ropeSize: number;
  valueSize: number;
  index?: IndexFigures | null;
}): AttentionShape {
  const { layers, hidden, heads, queryRank, kvRank, nopeSize, ropeSize, valueSize, index = null } = figures;
  const keys = heads * (nopeSize + ropeSize);
  const queries = queryRank === null ? hidden * keys : queryRank * (hidden + keys);
  const values = hidden * (kvRank + ropeSize) + kvRank * heads * (nopeSize + valueSize) + heads * valueSize * hidden;
  return {
    kind: "latent",
    layers,
    weights:
      queries + values + (index ? indexWeights(index, hidden, queryRank ?? hidden) + hidden * index.headSize : 0),
    kvBytesPerRow: (kvRank + ropeSize) * BYTES_OF_VALUE,
    flopsPerRow: 2 * heads * (kvRank + ropeSize) + 2 * heads * kvRank,
    windowTokens: index ? 0 : null,
    rows: index ? { tokens: 1, readMax: index.readMax } : null,
    index: index && indexOf(index),
    state: null,
  };
}

/** A gated delta rule: a state of `keySize` x `valueSize` a head of values stands for all tokens before. */
export function linearAttention(figures: {
  layers: readonly number[];
  hidden: number;
  keyHeads: number;
  keySize: number;
  valueHeads: number;
  valueSize: number;
  /** Tokens that the convolution before it sees. */
  convolutionTokens: number;
}): AttentionShape {
  const { layers, hidden, keyHeads, keySize, valueHeads, valueSize, convolutionTokens } = figures;
  const values = valueHeads * valueSize;
  const mixed = 2 * keyHeads * keySize + values;
  const state = valueHeads * keySize * valueSize;
  return {
    kind: "linear",
    layers,
    // Queries, keys and values; the output's gate; two gates a head; the convolution; the output.
    weights: hidden * (mixed + values + 2 * valueHeads) + mixed * convolutionTokens + values * hidden,
    kvBytesPerRow: 0,
    flopsPerRow: 0,
    windowTokens: 0,
    rows: null,
    index: null,
    // To decay it, read it by key, add an outer product, read it by query: 1 + 2 + 2 + 2 a value.
    state: { bytes: state * BYTES_OF_STATE + mixed * (convolutionTokens - 1) * BYTES_OF_VALUE, flops: 7 * state },
  };
}

/**
 * DeepSeek V4's: one row a token in a window, and behind it one row for every `rowTokens`; keys are values too. Where a row stands
 * for few tokens an index chooses which to read. `rowTokens` 0 is the window alone.
 */
export function compressedAttention(figures: {
  layers: readonly number[];
  hidden: number;
  heads: number;
  headSize: number;
  queryRank: number;
  outputGroups: number;
  outputRank: number;
  windowTokens: number;
  rowTokens: number;
  index: IndexFigures | null;
}): AttentionShape {
  const { layers, hidden, heads, headSize, queryRank, outputGroups, outputRank, windowTokens, rowTokens, index } =
    figures;
  const queries = heads * headSize;
  // Rows that an index chooses from overlap: both halves are projected, each with its gate.
  const compressor = (size: number) => (rowTokens === 0 ? 0 : 2 * hidden * size * (index ? 2 : 1));
  return {
    kind: "compressed",
    layers,
    weights:
      queryRank * (hidden + queries) +
      hidden * headSize +
      outputRank * (queries + outputGroups * hidden) +
      compressor(headSize) +
      (index ? indexWeights(index, hidden, queryRank) + compressor(index.headSize) : 0),
    kvBytesPerRow: headSize * BYTES_OF_VALUE,
    flopsPerRow: 4 * queries,
    windowTokens,
    rows: rowTokens === 0 ? null : { tokens: rowTokens, readMax: index?.readMax ?? null },
    index: index && indexOf(index),
    state: null,
  };
}

/** Its queries, and what weighs its heads. */
function indexWeights({ heads, headSize }: IndexFigures, hidden: number, queryRank: number): number {
  return queryRank * heads * headSize + hidden * heads;
}

function indexOf({ heads, headSize }: IndexFigures): AttentionShape["index"] {
  return { bytesPerRow: headSize + INDEX_SCALE_BYTES, flopsPerRow: 2 * heads * headSize };
}
