import fc from "fast-check";
import { expect, test } from "vitest";
import { LANES, RANDOM_WORDS } from "../assembly/layout.ts";
import { RandomBits } from "../src/random.ts";
import { workspace } from "../src/wasm.ts";
import * as reference from "./reference/latency.ts";

const { kernels, views, at } = workspace({ bits: ["U32", 40], random: ["U32", RANDOM_WORDS] });

/** The state that the kernel seeds. */
function seeded(seed: number, stream: number): Uint32Array {
  kernels.seedRandom(at.random, seed % 2 ** 32, Math.floor(seed / 2 ** 32), stream);
  return views.random;
}

test("every lane is xoshiro128++", () => {
  // The reference C code by Blackman and Vigna (prng.di.unimi.it) from the state 1, 2, 3, 4, as rand_xoshiro's tests quote it.
  const published = [
    641, 1573767, 3222811527, 3517856514, 836907274, 4247214768, 3867114732, 1355841295, 495546011, 621204420,
  ];
  for (let lane = 0; lane < LANES; lane++) {
    // A state of zeros stays there, and its lane gives zeros: so nothing leaks from one lane into another.
    views.random.fill(0);
    for (let word = 0; word < 4; word++) views.random[word * LANES + lane] = word + 1;
    kernels.drawBits(at.bits, at.random);
    const expected = new Uint32Array(40);
    published.forEach((bits, i) => {
      expected[i * LANES + lane] = bits;
    });
    expect(views.bits).toEqual(expected);
  }
});

test("the reference's SplitMix64 is the published one", () => {
  // Vigna's splitmix64.c (prng.di.unimi.it) from the state 1234567.
  const published = [
    6457827717110365317n,
    3203168211198807973n,
    9817491932198370423n,
    4593380528125082431n,
    16408922859458223821n,
  ];
  let state = 1234567n;
  for (const expected of published) {
    let output: bigint;
    [state, output] = reference.splitMix64(state);
    expect(output).toBe(expected);
  }
});

test("every seed and stream starts where the reference does, and goes on so", () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.nat({ max: 2 ** 32 - 1 }), (seed, stream) => {
      const random = reference.seedRandom(seed, stream);
      expect(seeded(seed, stream)).toEqual(random);
      const expected = new Uint32Array(views.bits.length);
      for (let batch = 0; batch < 3; batch++) {
        kernels.drawBits(at.bits, at.random);
        reference.drawBits(expected, random);
        expect(views.bits).toEqual(expected);
        expect(views.random).toEqual(random);
      }
    }),
    {
      seed: 1,
      numRuns: 300,
      examples: [
        [0, 0],
        [Number.MAX_SAFE_INTEGER, 2 ** 32 - 1],
        [2 ** 32, 0],
        [2 ** 32 - 1, 1],
      ],
    },
  );
});

test("seeds 0 to 999 and streams 0 to 9 share no lane", () => {
  const lanes = new Set<string>();
  for (let seed = 0; seed < 1000; seed++) {
    for (let stream = 0; stream < 10; stream++) {
      const random = seeded(seed, stream);
      for (let lane = 0; lane < LANES; lane++)
        lanes.add([0, 1, 2, 3].map((word) => random[word * LANES + lane]).join());
    }
  }
  expect(lanes.size).toBe(1000 * 10 * LANES);
});

test("RandomBits draws batch after batch from its own stream", () => {
  const random = reference.seedRandom(12, 5);
  const ours = new RandomBits({ seed: 12, stream: 5, batch: 8 });
  const expected = new Uint32Array(8);
  for (let batch = 0; batch < 5; batch++) {
    reference.drawBits(expected, random);
    expect(ours.next()).toEqual(expected);
  }
  reference.drawBits(expected, reference.seedRandom(1));
  expect(new RandomBits({ batch: 8 }).next()).toEqual(expected);
  expect(new RandomBits().next()).toHaveLength(4096);
});

test("names the bad argument", () => {
  for (const [options, message] of [
    [{ seed: -1 }, `seed must be from 0 to ${2 ** 53 - 1}, got -1`],
    [{ seed: 0.5 }, "seed must be a whole number, got 0.5"],
    [{ seed: Number.NaN }, "seed must be finite, got NaN"],
    [{ seed: 2 ** 53 }, `seed must be from 0 to ${2 ** 53 - 1}, got ${2 ** 53}`],
    [{ stream: 2 ** 32 }, `stream must be from 0 to ${2 ** 32 - 1}, got ${2 ** 32}`],
    [{ batch: 6 }, "batch must be a positive multiple of 4, got 6"],
    [{ batch: 0 }, "batch must be a positive multiple of 4, got 0"],
    [{ batch: 2 ** 30 + 4 }, "batch must be at most 16777216, got 1073741828"],
  ] as const)
    expect(() => new RandomBits(options)).toThrow(new RangeError(message));
  // @ts-expect-error: a caller without types
  expect(() => new RandomBits({ seed: "7" })).toThrow(new TypeError('seed must be a number, got "7"'));
});
