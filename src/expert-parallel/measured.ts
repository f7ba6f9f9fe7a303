import type { CommTable } from "../formats/comm.ts";

/** Rows of tokens of a GPU, dispatch and combine in microseconds. */
const times = (
  system: string,
  hidden: number,
  expertsPerToken: number,
  experts: number,
  rows: readonly [tokens: number, dispatchUs: number, combineUs: number][],
): CommTable => ({
  system,
  nodes: 1,
  hidden,
  expertsPerToken,
  experts,
  points: rows.map(([tokens, dispatchUs, combineUs]) => ({
    tokens,
    dispatchNs: 1e3 * dispatchUs,
    combineNs: 1e3 * combineUs,
  })),
  evidence: {
    about: "dispatch and combine",
    grade: "published",
    source: "ai-dynamo/aiconfigurator, sglang 0.5.12, low-latency kernels of DeepEP on one node",
    note: `${system}, ${hidden} wide, ${expertsPerToken} of ${experts}: ${rows.length} of its 11 numbers of tokens`,
  },
});

/** Measured times of Mixtral-8x22B's shape and of DeepSeek-V3's. */
export const COMM_TABLES: readonly CommTable[] = [
  times("h100_sxm", 6144, 2, 8, [
    [1, 9.695, 11.28],
    [8, 10.565, 12.043],
    [64, 29.457, 18.659],
    [128, 49.684, 27.037],
    [512, 178.47, 78.37],
    [1024, 375.228, 157.836],
  ]),
  times("h100_sxm", 7168, 8, 256, [
    [1, 13.194, 14.402],
    [8, 14.786, 16.487],
    [64, 24.574, 39.725],
    [128, 36.721, 66.981],
    [512, 115.522, 259.23],
    [1024, 224.057, 489.434],
  ]),
  times("h200_sxm", 6144, 2, 8, [
    [1, 8.97, 9.594],
    [8, 9.731, 10.239],
    [64, 26.671, 18.189],
    [128, 46.644, 25.458],
    [512, 171.768, 71.802],
    [1024, 346.28, 143.408],
  ]),
  times("h200_sxm", 7168, 8, 256, [
    [1, 11.905, 12.557],
    [8, 12.317, 15.031],
    [64, 22.994, 38.757],
    [128, 35.119, 67.745],
    [512, 112.365, 244.079],
    [1024, 211.099, 480.969],
  ]),
  times("b200_sxm", 6144, 2, 8, [
    [1, 16.121, 15.953],
    [8, 15.846, 17.98],
    [64, 36.188, 20.26],
    [128, 59.651, 25.25],
    [512, 211.368, 61.818],
    [1024, 411.916, 101.98],
  ]),
  times("b200_sxm", 7168, 8, 256, [
    [1, 22.082, 22.062],
    [8, 22.284, 22.78],
    [64, 26.606, 31.453],
    [128, 32.951, 40.875],
    [512, 72.508, 105.292],
    [1024, 129.627, 189.29],
  ]),
  times("gb200", 6144, 2, 8, [
    [1, 11.259, 11.26],
    [8, 10.954, 12.281],
    [64, 33.109, 15.106],
    [128, 58.895, 23.247],
    [512, 207.311, 78.09],
    [1024, 395.331, 117.61],
  ]),
  times("gb200", 7168, 8, 256, [
    [1, 16.57, 18.129],
    [8, 17.443, 18.653],
    [64, 21.642, 25.969],
    [128, 26.86, 36.227],
    [512, 62.573, 91.985],
    [1024, 112.921, 168.29],
  ]),
];
