import { fileError } from "../measurement.ts";
import {
  type AttentionShape,
  compressedAttention,
  groupedAttention,
  type IndexFigures,
  latentAttention,
  linearAttention,
} from "../models/attention.ts";
import type { ConfigFields } from "./hf-fields.ts";

/** Which of a family's figures say how it attends. */
export type AttentionReader = (config: ConfigFields, layers: number, hidden: number) => AttentionShape[];

const MOST = 2 ** 20;
const MOST_TOKENS = 2 ** 30;

/** Layers of several kinds: one entry for each kind that there is. */
function byKind<Kind>(kinds: readonly Kind[], shape: (kind: Kind, layers: number[]) => AttentionShape) {
  return [...new Set(kinds)].map((kind) =>
    shape(
      kind,
      kinds.flatMap((one, layer) => (one === kind ? [layer] : [])),
    ),
  );
}

function headsOf(config: ConfigFields, hidden: number) {
  const heads = config.whole(["num_attention_heads", "n_heads"], 1, MOST);
  const kvHeads = config.wholeOr(["num_key_value_heads", "attn_config.kv_n_heads"], heads, 1, heads);
  const headSize = config.wholeOr(["head_dim"], hidden / heads, 1, MOST);
  return { heads, kvHeads, headSize };
}

/** Multi-head or grouped; layers that `layer_types` calls sliding or chunked see a window, or all where only a window is stated. */
export const grouped: AttentionReader = (config, layers, hidden) => {
  const figures = { hidden, ...headsOf(config, hidden), isGated: config.is("attn_output_gate") };
  const isOff = config.at("use_sliding_window").value === false;
  const windowTokens = isOff ? null : config.wholeOrNull(["sliding_window"], 1, MOST_TOKENS);
  const types = config.typesOf(layers);
  const windows = types
    ? types.map((type) => (type === "full_attention" ? null : windowOf(config, type, windowTokens)))
    : Array.from({ length: layers }, () => windowTokens);
  return byKind(windows, (window, of) => groupedAttention({ ...figures, layers: of, windowTokens: window }));
};

function windowOf(config: ConfigFields, type: string, windowTokens: number | null): number {
  const chunk = config.wholeOrNull(["attention_chunk_size"], 1, MOST_TOKENS);
  const window = type === "sliding_attention" ? windowTokens : type === "chunked_attention" ? chunk : undefined;
  if (window === undefined)
    throw fileError(config.file, null, "layer_types of full_attention, sliding_attention or chunked_attention", type);
  if (window === null) throw fileError(config.file, null, `a window for layers of ${type}`, "none");
  return window;
}

/** Llama 4: but for every fourth layer, or as `no_rope_layers` says with 0, chunks; on average half of one is behind a token. */
export const chunked: AttentionReader = (config, layers, hidden) => {
  if (config.typesOf(layers)) return grouped(config, layers, hidden);
  const figures = { hidden, ...headsOf(config, hidden) };
  const chunk = config.wholeOrNull(["attention_chunk_size"], 1, MOST_TOKENS);
  const interval = config.wholeOr(["no_rope_layer_interval"], 4, 1, layers);
  const given = config.wholes("no_rope_layers", 0, 1);
  const isWhole = (layer: number) => (given?.length ? given[layer] === 0 : (layer + 1) % interval === 0);
  const windows = Array.from({ length: layers }, (_, layer) => (isWhole(layer) ? null : chunk));
  return byKind(windows, (window, of) => groupedAttention({ ...figures, layers: of, windowTokens: window }));
};

function indexFigures(config: ConfigFields): IndexFigures | null {
  const heads = config.wholeOrNull(["index_n_heads"], 1, MOST);
  if (heads === null) return null;
  return {
    heads,
    headSize: config.whole(["index_head_dim"], 1, MOST),
    readMax: config.whole(["index_topk"], 1, MOST_TOKENS),
  };
}

/** DeepSeek's, with an index where one is stated. */
export const latent: AttentionReader = (config, layers, hidden) => [
  latentAttention({
    layers: Array.from({ length: layers }, (_, layer) => layer),
    hidden,
    heads: config.whole(["num_attention_heads"], 1, MOST),
    queryRank: config.wholeOrNull(["q_lora_rank"], 1, MOST),
    kvRank: config.whole(["kv_lora_rank"], 1, MOST),
    nopeSize: config.whole(["qk_nope_head_dim"], 1, MOST),
    ropeSize: config.whole(["qk_rope_head_dim"], 1, MOST),
    valueSize: config.whole(["v_head_dim"], 1, MOST),
    index: indexFigures(config),
  }),
];

/** Qwen3-Next and 3.5: linear but for every fourth layer, or as `layer_types` says; outputs of the others are gated. */
export const hybrid: AttentionReader = (config, layers, hidden) => {
  const interval = config.wholeOr(["full_attention_interval"], 4, 1, layers);
  const types =
    config.typesOf(layers) ??
    Array.from({ length: layers }, (_, i) => ((i + 1) % interval === 0 ? "full_attention" : "linear_attention"));
  const isGated = config.at("attn_output_gate").value !== false;
  return byKind(types, (type, of) => {
    if (type === "full_attention") return groupedAttention({ layers: of, hidden, ...headsOf(config, hidden), isGated });
    if (type !== "linear_attention")
      throw fileError(config.file, null, "layer_types of full_attention or linear_attention", type);
    return linearAttention({
      layers: of,
      hidden,
      keyHeads: config.whole(["linear_num_key_heads"], 1, MOST),
      keySize: config.whole(["linear_key_head_dim"], 1, MOST),
      valueHeads: config.whole(["linear_num_value_heads"], 1, MOST),
      valueSize: config.whole(["linear_value_head_dim"], 1, MOST),
      convolutionTokens: config.wholeOr(["linear_conv_kernel_dim"], 4, 1, MOST),
    });
  });
};

/** DeepSeek V4: `compress_ratios` says of each layer how many tokens a row stands for; where it is 4, an index chooses rows. */
export const compressed: AttentionReader = (config, layers, hidden) => {
  const ratios = config.wholes("compress_ratios", 0, MOST_TOKENS);
  // What is beyond the layers is of the head that predicts further tokens.
  if (!ratios || ratios.length < layers)
    throw fileError(config.file, null, `compress_ratios of ${layers} layers`, ratios ? `${ratios.length}` : "none");
  const index = indexFigures(config);
  return byKind(ratios.slice(0, layers), (ratio, of) =>
    compressedAttention({
      layers: of,
      hidden,
      heads: config.whole(["num_attention_heads"], 1, MOST),
      headSize: config.whole(["head_dim"], 1, MOST),
      queryRank: config.whole(["q_lora_rank"], 1, MOST),
      outputGroups: config.whole(["o_groups"], 1, MOST),
      outputRank: config.whole(["o_lora_rank"], 1, MOST),
      windowTokens: config.whole(["sliding_window"], 1, MOST_TOKENS),
      rowTokens: ratio,
      index: ratio === 4 ? index : null,
    }),
  );
};
