import fc from "fast-check";
import { expect, test } from "vitest";
import { CERTAIN, LANES, QUANTILES, RANDOM_WORDS } from "../assembly/layout.ts";
import { Distribution } from "../src/distribution.ts";
import { HopSampler, type Path, PathSampler } from "../src/latency.ts";
import { workspace } from "../src/wasm.ts";
import * as reference from "./reference/latency.ts";
import { checksum, jaggedQuantiles } from "./reference/latency.ts";
import { shareOf } from "./share.ts";
import { JAGGED_DRAWS, PROFILE_DRAWS } from "./vectors/draws.ts";

const MILLION = 1_000_000;
const BATCH = 4000;

/** FNV-1a of a million draws, a batch at a time. */
function millionDraws(next: () => Float32Array): number {
  let hash = checksum(new Float32Array());
  for (let drawn = 0; drawn < MILLION; drawn += BATCH) hash = checksum(next(), hash);
  return hash;
}

/** The kernel's draws from any table, a monotone one or not. */
function tableSampler(quantilesNs: Float32Array, seed: number, stream: number, batch: number): () => Float32Array {
  const { kernels, views, at } = workspace({
    latencyNs: ["F32", batch],
    quantileNs: ["F32", QUANTILES],
    random: ["U32", RANDOM_WORDS],
  });
  views.quantileNs.set(quantilesNs);
  kernels.seedRandom(at.random, seed % 2 ** 32, Math.floor(seed / 2 ** 32), stream);
  return () => {
    kernels.drawHops(at.latencyNs, at.quantileNs, at.random);
    return views.latencyNs;
  };
}

test("a million draws equal the reference, bit for bit", () => {
  const quantilesNs = jaggedQuantiles();
  const next = tableSampler(quantilesNs, 7, 0, BATCH);
  const random = reference.seedRandom(7);
  const expected = new Float32Array(BATCH);
  for (let drawn = 0; drawn < shareOf(MILLION); drawn += BATCH) {
    reference.drawHops(expected, quantilesNs, random);
    expect(checksum(next())).toBe(checksum(expected));
  }
});

test.each(JAGGED_DRAWS)("a million draws of seed $seed, stream $stream equal the C twin", ({ seed, stream, draws }) => {
  expect(millionDraws(tableSampler(jaggedQuantiles(), seed, stream, BATCH))).toBe(draws);
});

test.each(PROFILE_DRAWS)("a million draws of $name equal the C twin", ({ quantiles, edges, draws }) => {
  const hop = Distribution.fromQuantiles(quantiles);
  expect(checksum(hop.quantilesNs)).toBe(edges);
  const sampler = new HopSampler(hop, { seed: 7, batch: BATCH });
  expect(millionDraws(() => sampler.next())).toBe(draws);
});

/** Sets every lane of `random` so that its next output is the wanted word: rotl(s0 + s3, 7) + s0 with s0 = 0. */
function aim(random: Uint32Array, words: readonly number[]): void {
  random.fill(0);
  words.forEach((word, lane) => {
    random[3 * LANES + lane] = (word >>> 7) | (word << 25);
  });
}

test("the least and the greatest words read the outermost edges and nothing beyond", () => {
  const { kernels, views, at } = workspace({
    before: ["F32", 64],
    latencyNs: ["F32", LANES],
    bits: ["U32", LANES],
    quantileNs: ["F32", QUANTILES],
    after: ["F32", 64],
    random: ["U32", RANDOM_WORDS],
  });
  views.before.fill(Number.NaN); // what is read from outside the table shows
  views.after.fill(Number.NaN);
  views.quantileNs.set(Float32Array.from({ length: QUANTILES }, (_, edge) => edge));
  views.quantileNs[QUANTILES - 1] = 1e9; // an empty cell: this edge weighs nothing
  const draws = (words: number[]) => {
    aim(views.random, words);
    kernels.drawBits(at.bits, at.random);
    expect([...views.bits]).toEqual(words);
    aim(views.random, words);
    kernels.drawHops(at.latencyNs, at.quantileNs, at.random);
    return [...views.latencyNs];
  };
  // The table's value is its edge's number, so a draw is the number of its cell and its place in it.
  expect(draws([0, 1, 2, 3])).toEqual([0, 0, 128 + 64, 128 + 64]); // 2 is drawn as 3, halfway through the second octave
  expect(draws([0x7fffffff, 0x80000000, 0x80ffffff, 0x81000000])).toEqual([
    31 * 128,
    31 * 128,
    31 * 128 + 1,
    31 * 128 + 1,
  ]);
  // Near 2^32 a float holds multiples of 256: from 2^32 - 128 on a word rounds up to 2^32, the edge of u = 1.
  expect(draws([0xfffffeff, 0xffffff7f, 0xffffff80, 0xffffffff])).toEqual(
    [4096 - 2 ** -16, 4096 - 2 ** -16, 4096, 4096].map(Math.fround),
  );
});

test("any word reads between the edges of its own cell", () => {
  const quantilesNs = jaggedQuantiles();
  const { kernels, views, at } = workspace({
    latencyNs: ["F32", LANES],
    quantileNs: ["F32", QUANTILES],
    random: ["U32", RANDOM_WORDS],
  });
  views.quantileNs.set(quantilesNs);
  const word = fc.oneof(
    fc.nat({ max: 2 ** 32 - 1 }),
    fc.tuple(fc.nat({ max: 31 }), fc.integer({ min: -300, max: 300 })).map(([o, d]) => (2 ** o + d) >>> 0), // near an octave's edge
  );
  fc.assert(
    fc.property(fc.array(word, { minLength: LANES, maxLength: LANES }), (words) => {
      aim(views.random, words);
      kernels.drawHops(at.latencyNs, at.quantileNs, at.random);
      words.forEach((bits, lane) => {
        expect(views.latencyNs[lane]).toBe(reference.quantileOf(quantilesNs, bits));
        const u = Math.fround((bits | 1) >>> 0);
        const octave = 31 - Math.clz32(Math.min(u, 2 ** 32 - 1));
        const cell = Math.min(4095, octave * 128 + Math.floor((u / 2 ** octave - 1) * 128));
        const edges = [quantilesNs[cell]!, quantilesNs[cell + 1]!];
        expect(views.latencyNs[lane]).toBeGreaterThanOrEqual(Math.min(...edges));
        expect(views.latencyNs[lane]).toBeLessThanOrEqual(Math.max(...edges));
      });
    }),
    { seed: 2, numRuns: shareOf(2000) },
  );
});

/** Quantiles that do not contradict each other. */
const quantiles = fc
  .record({
    medianNs: fc.double({ min: 1, max: 1e4, noNaN: true }),
    spread: fc.double({ min: 0, max: 3, noNaN: true }),
    more: fc.double({ min: 0, max: 3, noNaN: true }),
    jitter: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ medianNs, spread, more, jitter }) => ({
    medianNs,
    p99Ns: medianNs * (1 + spread),
    p999Ns: medianNs * (1 + spread) * (1 + more),
    bodyJitter3SigmaNs: medianNs * spread * jitter, // the body's p95 is 0.55 of it above the median
  }));
const distribution = quantiles.map((q) => Distribution.fromQuantiles(q));

test("no draw is outside the table", () => {
  fc.assert(
    fc.property(distribution, fc.maxSafeNat(), (hop, seed) => {
      const draws = new HopSampler(hop, { seed, batch: 1000 }).next();
      expect(draws.every((ns) => ns <= hop.quantilesNs[0]! && ns >= hop.quantilesNs[QUANTILES - 2]!)).toBe(true);
    }),
    { seed: 3, numRuns: shareOf(100) },
  );
});

/** Draws of both for a few batches; the path's tables are those of its distributions. */
function expectPathsEqual(path: Path, batch: number, batches: number, seed: number): void {
  const sampler = new PathSampler(path, { seed, stream: 9, batch });
  const random = reference.seedRandom(seed, 9);
  const expected = new Float32Array(batch);
  const tables = {
    hops: path.hops.map((hop) => hop.quantilesNs),
    faults: (path.faults ?? []).map(({ probability, delay }) => ({ probability, quantilesNs: delay.quantilesNs })),
    correlation: path.correlation ?? 0,
    fixedNs: (path.pipelineNs ?? 20) + (path.serdesNs ?? 56),
  };
  for (let i = 0; i < batches; i++) {
    reference.drawPaths(expected, tables, random);
    expect(checksum(sampler.next())).toBe(checksum(expected));
  }
}

const [dsp, lpo, cpo, pcb] = PROFILE_DRAWS.map(({ quantiles }) => Distribution.fromQuantiles(quantiles)) as [
  Distribution,
  Distribution,
  Distribution,
  Distribution,
];

test.each([0, 0.3, 0.5, 1])("traversals with correlation %d equal the reference, bit for bit", (correlation) => {
  const hops = [dsp, lpo, cpo, pcb, dsp];
  const stall = Distribution.uniform(50_000, 250_000);
  for (let count = 1; count <= hops.length; count++) {
    for (const probability of [0, 1e-3, 1]) {
      const faults = [
        { probability, delay: stall },
        { probability: 1e-3, delay: lpo },
      ];
      expectPathsEqual({ hops: hops.slice(0, count), correlation, faults }, BATCH, 3, 100 + count);
    }
    expectPathsEqual({ hops: hops.slice(0, count), correlation, pipelineNs: 0.1, serdesNs: 0 }, BATCH, 3, count);
  }
});

test("any path equals the reference in small batches", () => {
  const share = fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true }));
  const path = fc.record({
    hops: fc.array(distribution, { minLength: 1, maxLength: 5 }),
    correlation: share,
    pipelineNs: fc.double({ min: 0, max: 1000, noNaN: true }),
    serdesNs: fc.double({ min: 0, max: 1000, noNaN: true }),
    faults: fc.array(fc.record({ probability: share, delay: distribution }), { maxLength: 3 }),
  });
  fc.assert(
    fc.property(path, fc.integer({ min: 1, max: 16 }), fc.maxSafeNat(), (path, lanes, seed) =>
      expectPathsEqual(path, lanes * LANES, 3, seed),
    ),
    { seed: 4, numRuns: shareOf(100) },
  );
});

test("traversals through jagged tables equal the reference, bit for bit", () => {
  const tables = [1, 3, 0.7].map((scale) => jaggedQuantiles().map((ns) => ns * scale));
  const [batch, hopTable, share] = [BATCH, [2, 0, 1, 0], 2 ** -10];
  const { kernels, views, at } = pathWorkspace(batch, tables, hopTable, [share * CERTAIN, 1]);
  kernels.seedRandom(at.random, 5, 0, 0);
  const random = reference.seedRandom(5);
  const expected = new Float32Array(batch);
  for (let i = 0; i < 25; i++) {
    drawPaths({ kernels, at }, 0.25 * CERTAIN, 76);
    const hops = hopTable.map((table) => tables[table]!);
    const faults = [{ probability: share, quantilesNs: tables[1]! }];
    reference.drawPaths(expected, { hops, faults, correlation: 0.25, fixedNs: 76 }, random);
    expect(checksum(views.latencyNs)).toBe(checksum(expected));
  }
});

test("a table's number past the last one means the last", () => {
  const tables = [10, 20].map((ns) => new Float32Array(QUANTILES).fill(ns));
  const all = CERTAIN;
  for (const [hopTable, faults, expected] of [
    [[0], [], 11],
    [[2], [], 21],
    [[0xffffffff, 0x80000000, 0], [], 51],
    [[0], [all, 7], 31],
    [[1], [all, 0xffffffff, all, 0], 51],
  ] as [number[], number[], number][]) {
    const { kernels, views, at } = pathWorkspace(8, tables, hopTable, faults);
    kernels.seedRandom(at.random, 1, 0, 0);
    drawPaths({ kernels, at }, 0, 1);
    expect([...views.latencyNs]).toEqual(new Array(8).fill(expected));
  }
});

function pathWorkspace(batch: number, tables: Float32Array[], hopTable: number[], faults: number[]) {
  const space = workspace({
    latencyNs: ["F32", batch],
    firstBits: ["U32", batch],
    ownBits: ["U32", batch],
    choiceBits: ["U32", batch],
    quantileNs: ["F32", QUANTILES * tables.length],
    hopTable: ["U32", hopTable.length],
    faults: ["U32", faults.length],
    random: ["U32", RANDOM_WORDS],
  });
  tables.forEach((table, i) => {
    space.views.quantileNs.set(table, i * QUANTILES);
  });
  space.views.hopTable.set(hopTable);
  space.views.faults.set(faults);
  return space;
}

function drawPaths(
  { kernels, at }: Pick<ReturnType<typeof pathWorkspace>, "kernels" | "at">,
  correlatedBelow: number,
  fixedNs: number,
): void {
  kernels.drawPaths(
    at.latencyNs,
    at.firstBits,
    at.ownBits,
    at.choiceBits,
    at.quantileNs,
    at.hopTable,
    at.faults,
    at.random,
    correlatedBelow,
    fixedNs,
  );
}

test("a probability between two words is told apart as the comparison says", () => {
  // The word that decides the first fault of the first traversal, and a probability half a step above it.
  const random = reference.seedRandom(3);
  const bits = new Uint32Array(LANES);
  for (const _row of ["first", "choice", "strikes"]) reference.drawBits(bits, random);
  const steps = bits[0]! >>> 1;
  const traversalNs = (probability: number) =>
    new PathSampler(
      {
        hops: [Distribution.uniform(0, 0)],
        pipelineNs: 0,
        serdesNs: 0,
        faults: [{ probability, delay: Distribution.uniform(5, 5) }],
      },
      { seed: 3, batch: LANES },
    ).next()[0];
  expect(traversalNs(steps / 2 ** 31)).toBe(0);
  expect(traversalNs((steps + 0.5) / 2 ** 31)).toBe(5);
  expect(traversalNs((steps + 1) / 2 ** 31)).toBe(5);
});

test("correlated hops take the same place of their tables, independent ones do not", () => {
  // Any latency of a uniform hop is its u: twice the same is twice the first, bit for bit.
  const hop = Distribution.uniform(0, 1);
  const first = new HopSampler(hop, { seed: 8, batch: 1000 }).next();
  const fixed = { pipelineNs: 0, serdesNs: 0 };
  const sum = (correlation: number) =>
    new PathSampler({ hops: [hop, hop], correlation, ...fixed }, { seed: 8, batch: 1000 }).next();
  expect(sum(1)).toEqual(first.map((u) => 2 * u));
  expect(sum(0).filter((ns, i) => ns === 2 * first[i]!).length).toBe(0);
  // 1000 traversals, a share of 0.3: within 4 standard errors (14.5 each) of 300.
  const together = sum(0.3).filter((ns, i) => ns === 2 * first[i]!).length;
  expect(Math.abs(together - 300)).toBeLessThan(4 * Math.sqrt(1000 * 0.3 * 0.7));
});

test("names the bad argument", () => {
  const hop = dsp;
  expect(() => new HopSampler(hop, { batch: 6 })).toThrow(
    new RangeError("batch must be a positive multiple of 4, got 6"),
  );
  expect(() => new HopSampler(hop, { seed: -1 })).toThrow(
    new RangeError(`seed must be from 0 to ${2 ** 53 - 1}, got -1`),
  );
  for (const [path, message] of [
    [{ hops: [] }, "hops must hold at least 1 distribution, got 0"],
    [{ hops: [hop], correlation: 1.5 }, "correlation must be from 0 to 1, got 1.5"],
    [{ hops: [hop], correlation: Number.NaN }, "correlation must be finite, got NaN"],
    [{ hops: [hop], pipelineNs: -1 }, "pipelineNs must be at least 0, got -1"],
    [{ hops: [hop], serdesNs: Number.POSITIVE_INFINITY }, "serdesNs must be finite, got Infinity"],
    [{ hops: [hop], faults: [{ probability: 2, delay: hop }] }, "probability must be from 0 to 1, got 2"],
  ] as const)
    expect(() => new PathSampler(path)).toThrow(new RangeError(message));
  expect(() => new PathSampler({ hops: [hop] }, { batch: 2 })).toThrow(
    new RangeError("batch must be a positive multiple of 4, got 2"),
  );
});
