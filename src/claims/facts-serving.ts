import type { Fact } from "./fact.ts";

/** What is stated of models, their decoding and the GPUs that it takes. */
export const SERVING_FACTS: readonly Fact[] = [
  {
    id: "model.frontier",
    document: 1,
    section: "1",
    kind: "input",
    states: "A model too large to be held by each replica: its weights, its experts and those of a token",
    values: {
      parameters: 1800000000000,
      experts: 256,
      activePerToken: 8,
    },
  },
  {
    id: "tpot.mixtral",
    document: 1,
    section: "4",
    kind: "simulated",
    states: "Time per output token of Mixtral 8x22B by optics, a quarter of experts cold",
    values: {
      dsp: {
        mean: 42.3,
        p99: 68.1,
      },
      lpo: {
        mean: 38.9,
        p99: 192,
      },
      cpo: {
        mean: 33.7,
        p99: 35.2,
      },
      sla: 40,
      unit: "ms",
    },
  },
  {
    id: "tpot.headroom",
    document: 1,
    section: "4",
    kind: "derived",
    states: "What the co-packaged p99 leaves of 40 ms",
    values: {
      value: 4.8,
      unit: "ms",
    },
  },
  {
    id: "capacity.gpus",
    document: 1,
    section: "8",
    kind: "derived",
    states: "GPUs for 1.8T, all experts everywhere or fetched",
    values: {
      resident: 2048,
      disaggregated: 256,
    },
  },
  {
    id: "results.gpus",
    document: 1,
    section: "8",
    kind: "simulated",
    states: "GPUs before and after",
    values: {
      before: 2048,
      after: 288,
      delta: -0.859,
    },
  },
  {
    id: "results.p50",
    document: 1,
    section: "8",
    kind: "simulated",
    states: "Median time per output token before and after",
    values: {
      before: 31.2,
      after: 33.7,
      unit: "ms",
      delta: 0.08,
    },
  },
  {
    id: "results.p99",
    document: 1,
    section: "8",
    kind: "simulated",
    states: "Its p99 before and after",
    values: {
      before: 121,
      after: 35.2,
      unit: "ms",
      delta: -0.709,
    },
  },
  {
    id: "results.gpu-hours",
    document: 1,
    section: "8",
    kind: "simulated",
    states: "GPU-hours for a million tokens before and after",
    values: {
      before: 18.4,
      after: 3.1,
      delta: -0.832,
    },
  },
  {
    id: "results.hbm-bandwidth",
    document: 1,
    section: "8",
    kind: "simulated",
    states: "What a GPU draws from its HBM before and after",
    values: {
      before: 2.1,
      after: 0.9,
      unit: "TB/s",
    },
  },
  {
    id: "results.fabric-bandwidth",
    document: 1,
    section: "8",
    kind: "simulated",
    states: "What a GPU draws from the fabric before and after",
    values: {
      before: 180,
      after: 620,
      unit: "Gb/s",
    },
  },
  {
    id: "results.traffic",
    document: 1,
    section: "8",
    kind: "input",
    states: "What was served in that run, and on how many GPUs",
    values: {
      sharegpt: 0.8,
      codegen: 0.2,
      gpus: 128,
    },
  },
  {
    id: "faq.overprovision",
    document: 1,
    section: "9",
    kind: "context",
    states: "How many times the GPUs it takes to hold everything",
    values: {
      low: 6,
      high: 8,
      unit: "ratio",
    },
  },
  {
    id: "faq.jitter-envelope",
    document: 1,
    section: "9",
    kind: "input",
    states: "The bounds of a co-packaged hop",
    values: {
      latencyBelow: 50,
      jitterBelow: 2,
      unit: "ns",
    },
  },
  {
    id: "tco.ten",
    document: 1,
    section: "10",
    kind: "context",
    states: "How many times cheaper serving is said to become",
    values: {
      value: 10,
      unit: "ratio",
    },
  },
];
