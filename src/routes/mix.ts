import type { RouteModel } from "./generate.ts";

/**
 * A mix to begin with: four of five prompts are chat and one is code, the mix that the sources state of their own traffic, on the
 * layers, experts and k of Qwen3-30B-A3B. How the two choose is *assumed*: repetition, dependence and popularity lie between what
 * the traces of gpt-oss-120b and Qwen3-30B-A3B show, and code, of fewer topics, keeps to its own experts more. Nobody states it.
 */
export const ROUTE_MIX: RouteModel = {
  layers: 48,
  experts: 128,
  k: 8,
  seed: 1,
  workloads: [
    {
      name: "chat",
      share: 0.8,
      zipf: 1.6,
      repetition: 0.08,
      dependence: 0.45,
      topics: 16,
      topicShare: 0.3,
      topicSwitch: 0.01,
    },
    {
      name: "code",
      share: 0.2,
      zipf: 2,
      repetition: 0.12,
      dependence: 0.5,
      topics: 4,
      topicShare: 0.5,
      topicSwitch: 0.002,
    },
  ],
};

/** Of an expert of that model in 16 bits: 3 matrices of 2,048 x 768. */
export const ROUTE_MIX_EXPERT_BYTES = 3 * 2048 * 768 * 2;
