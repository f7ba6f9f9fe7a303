import { compressedAttention, latentAttention } from "./attention.ts";
import { type Given, MXFP4, model, published, range } from "./given.ts";
import type { ModelShape } from "./shape.ts";

/** What the models after DeepSeek V3 have in common. */
const latentModel = (
  given: Pick<Given, "name" | "family" | "layers" | "hidden" | "experts" | "vocabulary" | "denseWidth" | "evidence"> & {
    dense: number;
    heads: number;
    queryRank: number;
    nopeSize: number;
    valueSize: number;
    index?: { heads: number; headSize: number; readMax: number };
    bytesPerWeight: number;
    otherBytesPerWeight: number;
  },
): ModelShape => {
  const { dense, heads, queryRank, nopeSize, valueSize, index = null, ...rest } = given;
  return model({
    ...rest,
    moeLayers: range(dense, given.layers),
    expertsPerToken: 8,
    expertWidth: 2048,
    sharedExperts: 1,
    sharedWidth: 2048,
    attention: (layers) =>
      latentAttention({
        layers,
        hidden: given.hidden,
        heads,
        queryRank,
        kvRank: 512,
        nopeSize,
        ropeSize: 64,
        valueSize,
        index,
      }),
  });
};

const fp8 = { bytesPerWeight: 1, otherBytesPerWeight: 1 };
const index = { heads: 64, headSize: 128, readMax: 2048 };
const deepseek = {
  ...fp8,
  layers: 61,
  hidden: 7168,
  dense: 3,
  experts: 256,
  vocabulary: 129_280,
  denseWidth: 18_432,
  heads: 128,
  queryRank: 1536,
  nopeSize: 128,
  valueSize: 128,
};

/** A family whose layers after the first two alternate between rows of 4 and of 128 tokens. */
const deepseekV4 = (figures: {
  name: string;
  layers: number;
  hidden: number;
  experts: number;
  expertWidth: number;
  heads: number;
  queryRank: number;
  outputGroups: number;
  readMax: number;
  rowsOfFirst: number;
}): ModelShape => {
  const { heads, queryRank, outputGroups, readMax, rowsOfFirst, ...rest } = figures;
  const rowTokens = range(0, rest.layers).map((layer) => (layer < 2 ? rowsOfFirst : layer % 2 === 0 ? 4 : 128));
  const attention = [...new Set(rowTokens)].map((tokens) =>
    compressedAttention({
      layers: range(0, rest.layers).filter((layer) => rowTokens[layer] === tokens),
      hidden: rest.hidden,
      heads,
      headSize: 512,
      queryRank,
      outputGroups,
      outputRank: 1024,
      windowTokens: 128,
      rowTokens: tokens,
      index: tokens === 4 ? { heads: 64, headSize: 128, readMax } : null,
    }),
  );
  return model({
    ...rest,
    family: "deepseek_v4",
    expertsPerToken: 6,
    sharedExperts: 1,
    sharedWidth: rest.expertWidth,
    vocabulary: 129_280,
    attention,
    bytesPerWeight: MXFP4,
    otherBytesPerWeight: 1,
    evidence: [
      {
        about: "shape and bytes of weights",
        grade: "reported",
        source: "public integrations of the model, second-hand",
        note: "experts in fp4 with a scale for 32 weights, all else fp8; which layers have which rows is as reported",
      },
    ],
  });
};

/** 160 MB are no multiple of 3 x hidden bytes: the width is that of the nearest. */
const frontier: ModelShape = model(
  {
    name: "frontier-1.8t",
    family: "frontier",
    layers: 44,
    hidden: 8192,
    experts: 256,
    expertsPerToken: 8,
    expertWidth: Math.round(160e6 / (3 * 8192)),
    vocabulary: 129_280,
    attention: (layers) =>
      latentAttention({
        layers,
        hidden: 8192,
        heads: 128,
        queryRank: 1536,
        kvRank: 512,
        nopeSize: 128,
        ropeSize: 64,
        valueSize: 128,
      }),
    ...fp8,
    evidence: [
      {
        about: "1.8 T parameters, 256 experts, 8 per token, 160 MB an expert",
        grade: "unverified",
        source: "article on co-packaged optics and expert fetching (the first of the sources), sections 1 and 2",
        note: "its parameters, taken as they are; experts alone come to 1.802 T at a byte a weight",
      },
      {
        about: "44 layers",
        grade: "assumed",
        source: "arithmetic",
        note: "1.8 TB over 256 experts of 160 MB; a byte a weight makes 1.8 T parameters 1.8 TB",
      },
      {
        about: "hidden 8,192, attention, vocabulary, no dense layers, no shared experts",
        grade: "assumed",
        source: "attention of deepseek-v3",
        note: "the source is silent; it is half a percent of the parameters",
      },
    ],
  },
  { expertBytes: 160e6 },
);

/** Models whose layers keep one row a token, or less. */
export const LATENT_MODELS: readonly ModelShape[] = [
  latentModel({
    ...deepseek,
    name: "glm-5",
    family: "glm_moe_dsa",
    layers: 78,
    hidden: 6144,
    vocabulary: 154_880,
    denseWidth: 12_288,
    heads: 64,
    queryRank: 2048,
    nopeSize: 192,
    valueSize: 256,
    index: { heads: 32, headSize: 128, readMax: 2048 },
    bytesPerWeight: 2,
    otherBytesPerWeight: 2,
    evidence: published("bf16; an index of 32 heads chooses 2,048 tokens"),
  }),
  latentModel({
    ...deepseek,
    name: "deepseek-v3",
    family: "deepseek_v3",
    evidence: published("fp8; without the module that predicts further tokens; R1 has the same shape"),
  }),
  latentModel({
    ...deepseek,
    name: "deepseek-v3.2",
    family: "deepseek_v32",
    index,
    evidence: published("fp8; an index of 64 heads chooses 2,048 tokens"),
  }),
  deepseekV4({
    name: "deepseek-v4-flash",
    layers: 43,
    hidden: 4096,
    experts: 256,
    expertWidth: 2048,
    heads: 64,
    queryRank: 1024,
    outputGroups: 8,
    readMax: 512,
    rowsOfFirst: 0,
  }),
  deepseekV4({
    name: "deepseek-v4-pro",
    layers: 61,
    hidden: 7168,
    experts: 384,
    expertWidth: 3072,
    heads: 128,
    queryRank: 1536,
    outputGroups: 16,
    readMax: 1024,
    rowsOfFirst: 128,
  }),
  latentModel({
    ...deepseek,
    name: "kimi-k2",
    family: "kimi_k2",
    dense: 1,
    experts: 384,
    vocabulary: 163_840,
    heads: 64,
    evidence: published("fp8"),
  }),
  frontier,
];
