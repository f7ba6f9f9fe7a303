import { groupedAttention, linearAttention } from "./attention.ts";
import { LATENT_MODELS } from "./builtin-latent.ts";
import { MXFP4, model, published, range } from "./given.ts";
import type { ModelShape } from "./shape.ts";

const mixtral = (name: string, layers: number, hidden: number, heads: number, expertWidth: number): ModelShape =>
  model({
    name,
    family: "mixtral",
    layers,
    hidden,
    experts: 8,
    expertsPerToken: 2,
    expertWidth,
    vocabulary: 32_000,
    attention: (of) => groupedAttention({ layers: of, hidden, heads, kvHeads: 8, headSize: 128 }),
    bytesPerWeight: 2,
    otherBytesPerWeight: 2,
    evidence: published("bf16"),
  });

const gptOss = (name: string, layers: number, experts: number): ModelShape => {
  const figures = { hidden: 2880, heads: 64, kvHeads: 8, headSize: 64 };
  const every = range(0, layers);
  return model({
    name,
    family: "gpt_oss",
    layers,
    hidden: 2880,
    experts,
    expertsPerToken: 4,
    expertWidth: 2880,
    vocabulary: 201_088,
    attention: [
      groupedAttention({ ...figures, layers: every.filter((layer) => layer % 2 === 0), windowTokens: 128 }),
      groupedAttention({ ...figures, layers: every.filter((layer) => layer % 2 === 1) }),
    ],
    bytesPerWeight: MXFP4,
    otherBytesPerWeight: 2,
    evidence: published("experts in mxfp4, all else bf16; every other layer sees 128 tokens"),
  });
};

const qwen3 = (name: string, layers: number, hidden: number, heads: number, expertWidth: number): ModelShape =>
  model({
    name,
    family: "qwen3_moe",
    layers,
    hidden,
    experts: 128,
    expertsPerToken: 8,
    expertWidth,
    vocabulary: 151_936,
    attention: (of) => groupedAttention({ layers: of, hidden, heads, kvHeads: 4, headSize: 128 }),
    bytesPerWeight: 2,
    otherBytesPerWeight: 2,
    evidence: published("bf16"),
  });

const qwen35: ModelShape = model({
  name: "qwen3.5-397b",
  family: "qwen3_5_moe_text",
  layers: 60,
  hidden: 4096,
  experts: 512,
  expertsPerToken: 10,
  expertWidth: 1024,
  sharedExperts: 1,
  sharedWidth: 1024,
  vocabulary: 248_320,
  attention: [
    linearAttention({
      layers: range(0, 60).filter((layer) => layer % 4 !== 3),
      hidden: 4096,
      keyHeads: 16,
      keySize: 128,
      valueHeads: 64,
      valueSize: 128,
      convolutionTokens: 4,
    }),
    groupedAttention({
      layers: range(0, 60).filter((layer) => layer % 4 === 3),
      hidden: 4096,
      heads: 32,
      kvHeads: 2,
      headSize: 256,
      isGated: true,
    }),
  ],
  bytesPerWeight: 2,
  otherBytesPerWeight: 2,
  evidence: published("bf16; three of four layers keep a state of fixed size, in f32"),
});

const llama4 = (name: string, experts: number, every: number): ModelShape => {
  const figures = { hidden: 5120, heads: 40, kvHeads: 8, headSize: 128 };
  return model({
    name,
    family: "llama4_text",
    layers: 48,
    moeLayers: range(0, 48).filter((layer) => (layer + 1) % every === 0),
    hidden: 5120,
    experts,
    expertsPerToken: 1,
    expertWidth: 8192,
    sharedExperts: 1,
    sharedWidth: 8192,
    denseWidth: every > 1 ? 16_384 : 0,
    vocabulary: 202_048,
    attention: [
      groupedAttention({ ...figures, layers: range(0, 48).filter((layer) => layer % 4 !== 3), windowTokens: 8192 }),
      groupedAttention({ ...figures, layers: range(0, 48).filter((layer) => layer % 4 === 3) }),
    ],
    bytesPerWeight: 2,
    otherBytesPerWeight: 2,
    evidence: published("bf16; three of four layers see chunks of 8,192 tokens, which are taken as full"),
  });
};

const glm45: ModelShape = model({
  name: "glm-4.5",
  family: "glm4_moe",
  layers: 92,
  moeLayers: range(3, 92),
  hidden: 5120,
  experts: 160,
  expertsPerToken: 8,
  expertWidth: 1536,
  sharedExperts: 1,
  sharedWidth: 1536,
  denseWidth: 12_288,
  vocabulary: 151_552,
  attention: (layers) => groupedAttention({ layers, hidden: 5120, heads: 96, kvHeads: 8, headSize: 128 }),
  bytesPerWeight: 2,
  otherBytesPerWeight: 2,
  evidence: published("bf16"),
});

const dbrx: ModelShape = model({
  name: "dbrx",
  family: "dbrx",
  layers: 40,
  hidden: 6144,
  experts: 16,
  expertsPerToken: 4,
  expertWidth: 10_752,
  vocabulary: 100_352,
  attention: (layers) => groupedAttention({ layers, hidden: 6144, heads: 48, kvHeads: 8, headSize: 128 }),
  bytesPerWeight: 2,
  otherBytesPerWeight: 2,
  evidence: published("bf16"),
});

/** The built-in models. */
export const MODELS: readonly ModelShape[] = [
  mixtral("mixtral-8x7b", 32, 4096, 32, 14_336),
  mixtral("mixtral-8x22b", 56, 6144, 48, 16_384),
  dbrx,
  gptOss("gpt-oss-20b", 24, 32),
  gptOss("gpt-oss-120b", 36, 128),
  qwen3("qwen3-30b", 48, 2048, 32, 768),
  qwen3("qwen3-235b", 94, 4096, 64, 1536),
  qwen35,
  llama4("llama-4-scout", 16, 1),
  llama4("llama-4-maverick", 128, 2),
  glm45,
  ...LATENT_MODELS,
];
