import type { TrafficOptions } from "../../src/patterns.ts";

// Printed by bench/native/traffic.c, an independent implementation in C (logarithms by libm, in long doubles), with gcc 12.2
// on x86-64:
//
//     gcc -O2 -ffp-contract=off -o build/traffic bench/native/traffic.c -lm && build/traffic

/** 10,000 loads, 1,000,000 a second: posts of loads 0, 99 and 9999; FNV-1a of source and destination of every load. */
export const TRAFFIC: { options: TrafficOptions; posts: [number, number, number]; ends: number }[] = [
  {
    options: { pattern: "uniform", seed: 1, gpus: 8 },
    posts: [3867.5622972200572, 91940.429323879565, 10056287.501213523],
    ends: 3895003710,
  },
  {
    options: { pattern: "uniform", seed: 2 ** 53 - 1, gpus: 65536 },
    posts: [339.99962955191103, 89536.886833912693, 9998820.5666436534],
    ends: 2463259117,
  },
  {
    options: { pattern: "bursts", seed: 7, gpus: 72 },
    posts: [3728.121262861071, 114689.69341892001, 10581543.696832156],
    ends: 1447032594,
  },
  {
    options: { pattern: "bursts", seed: 7, gpus: 9, loadsPerBurst: 3 },
    posts: [1398.0454735729018, 97650.628635439585, 10277150.840752408],
    ends: 2010859653,
  },
  {
    options: { pattern: "incast", seed: 3, gpus: 128 },
    posts: [1733.872644105154, 100737.87433219451, 10163015.408743454],
    ends: 1928199728,
  },
  {
    options: { pattern: "hot-source", seed: 3, gpus: 128, destinations: 20 },
    posts: [1733.872644105154, 100737.87433219451, 10163015.408743454],
    ends: 2908052613,
  },
];
