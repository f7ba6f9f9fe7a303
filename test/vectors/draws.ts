// Printed by bench/native/draws.c, an independent implementation in C (normal quantiles by bisecting erfcl, logarithms by
// libm), with gcc 12.2 on x86-64:
//
//     gcc -O2 -ffp-contract=off -o build/draws bench/native/draws.c -lm && build/draws

/** FNV-1a of the first million draws of (seed, stream) from the jagged table. */
export const JAGGED_DRAWS = [
  { seed: 7, stream: 0, draws: 2526207235 },
  { seed: 7, stream: 1, draws: 398575842 },
  { seed: 0, stream: 0, draws: 4247210689 },
  { seed: 1, stream: 2 ** 32 - 1, draws: 1534023480 },
  { seed: 2 ** 32, stream: 3, draws: 1958097851 },
  { seed: 2 ** 53 - 1, stream: 0, draws: 3655138933 },
  { seed: 2 ** 53 - 1, stream: 2 ** 32 - 1, draws: 1025347079 },
];

/** FNV-1a of the table of each stated profile, and of the first million draws of seed 7 from it. */
export const PROFILE_DRAWS = [
  {
    name: "dsp",
    quantiles: { medianNs: 412, p99Ns: 736, bodyJitter3SigmaNs: 84 },
    edges: 3210187273,
    draws: 768423630,
  },
  {
    name: "lpo",
    quantiles: { medianNs: 198, p99Ns: 1240, bodyJitter3SigmaNs: 310 },
    edges: 672291081,
    draws: 1541970208,
  },
  {
    name: "cpo",
    quantiles: { medianNs: 48, p99Ns: 52, bodyJitter3SigmaNs: 1.8 },
    edges: 1075870836,
    draws: 1212395156,
  },
  {
    name: "pcb",
    quantiles: { medianNs: 12, p99Ns: 14, bodyJitter3SigmaNs: 0.5 },
    edges: 4071137585,
    draws: 3512826633,
  },
  {
    name: "npo",
    quantiles: { medianNs: 97, p99Ns: 254, bodyJitter3SigmaNs: 24 },
    edges: 811175515,
    draws: 2850159406,
  },
  {
    name: "dsp with p99.9",
    quantiles: { medianNs: 412, p99Ns: 736, p999Ns: 1200, bodyJitter3SigmaNs: 84 },
    edges: 3357747546,
    draws: 606927465,
  },
];

/** Standard normal values and the probabilities with which they are exceeded. */
export const NORMAL_QUANTILES = [
  [0.998046875, -2.8856349124267573],
  [0.999, -3.090232306167813],
  [0.95, -1.6448536269514722],
  [0.925, -1.4395314709384561],
  [0.75, -0.6744897501960817],
  [0.51, -0.025068908258711057],
  [0.3, 0.5244005127080408],
  [0.075, 1.439531470938456],
  [0.05, 1.6448536269514726],
  [0.01, 2.326347874040841],
  [0.001, 3.0902323061678136],
  [1e-6, 4.753424308822899],
  [1e-11, 6.706023155495136],
  [1e-12, 7.034483825301132],
  [1e-20, 9.262340089798407],
  [2.3283064365386963e-10, 6.230260137989043],
  [1e-100, 21.273453560965326],
  [1e-300, 37.0470962993612],
] as const;
