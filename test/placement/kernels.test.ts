import fc from "fast-check";
import { expect, test } from "vitest";
import { FORBIDDEN, NONE, RANDOM_WORDS } from "../../assembly/layout.ts";
import { RandomBits } from "../../src/index.ts";
import { workspace } from "../../src/wasm.ts";
import { anneal, ascend } from "../reference/placing.ts";
import { shareOf } from "../share.ts";

const WIDTH = 8;
const EXPERTS = 13; // more than a block, and no multiple of one
const SLOTS = 3;

/** Costs that are jagged, some of them equal, some forbidden. */
const rows = fc.record({
  costs: fc.array(
    fc.oneof(
      { arbitrary: fc.float({ min: 0, max: 100, noNaN: true }), weight: 8 },
      { arbitrary: fc.constantFrom(7, 7.5), weight: 2 },
      { arbitrary: fc.constant(FORBIDDEN), weight: 1 },
    ),
    { minLength: EXPERTS * WIDTH, maxLength: EXPERTS * WIDTH },
  ),
  loads: fc.array(fc.float({ min: 0, max: 10, noNaN: true }), { minLength: EXPERTS, maxLength: EXPERTS }),
  prices: fc.array(fc.float({ min: 0, max: 50, noNaN: true }), { minLength: 2 * WIDTH, maxLength: 2 * WIDTH }),
  from: fc.array(fc.constantFrom(NONE, 0, 1, 5), { minLength: EXPERTS, maxLength: EXPERTS }),
});

function kernelsFor(costs: number[], loads: number[], from: number[]) {
  const made = workspace({
    costs: ["F32", EXPERTS * WIDTH],
    loads: ["F32", EXPERTS],
    from: ["U32", EXPERTS],
    moveBytes: ["F32", EXPERTS],
    prices: ["F32", 2 * WIDTH],
    sums: ["F64", 2 * WIDTH + 1],
    bytePrice: ["F64", 1],
    capacity: ["F32", 2 * WIDTH],
    order: ["U32", EXPERTS],
    at: ["U32", EXPERTS],
    slotPrices: ["F32", WIDTH * SLOTS],
    holders: ["U32", WIDTH * SLOTS],
    waiting: ["U32", EXPERTS],
    firstSlots: ["U32", WIDTH + 1],
    found: ["F32", 2],
    places: ["U32", EXPERTS],
    used: ["U32", WIDTH],
    gpuLoads: ["F64", WIDTH],
    known: ["F64", 3],
    penalties: ["F64", WIDTH],
    bits: ["U32", 4096],
    random: ["U32", RANDOM_WORDS],
    candidates: ["U32", EXPERTS * 5],
    least: ["F32", 5],
  });
  const { views } = made;
  views.costs.set(costs);
  views.loads.set(loads);
  views.from.set(from);
  views.moveBytes.forEach((_, i) => {
    views.moveBytes[i] = 1 + (i % 3);
    views.order[i] = (i * 5) % EXPERTS;
  });
  for (let gpu = 0; gpu < WIDTH; gpu++) {
    views.capacity[gpu] = SLOTS;
    views.capacity[WIDTH + gpu] = 5 + gpu;
    views.penalties[gpu] = 3 + gpu;
    views.firstSlots[gpu + 1] = SLOTS * (gpu + 1);
  }
  return made;
}

test("a pass of prices is that of a list, bit for bit", () => {
  fc.assert(
    fc.property(rows, fc.boolean(), fc.constantFrom(0, 0.3), ({ costs, loads, prices, from }, free, byteStep) => {
      const { kernels, at, views } = kernelsFor(costs, loads, from);
      views.prices.set(prices);
      views.bytePrice[0] = 2;
      const copy = Object.fromEntries(Object.entries(views).map(([name, view]) => [name, view.slice()]));
      const twin = { ...(copy as typeof views), width: WIDTH };
      const state = [at.prices, at.sums, at.bytePrice, at.costs, at.loads, at.capacity, at.order] as const;
      const blocks = kernels.ascendPrices(...state, at.from, at.moveBytes, 1.1, 0.7, byteStep, 4, free ? 1 : 0);
      expect(blocks).toBe(ascend(twin, 1.1, 0.7, byteStep, 4, free));
      expect(views.prices).toEqual(twin.prices);
      expect(views.sums).toEqual(twin.sums);
      expect(views.bytePrice).toEqual(twin.bytePrice);
    }),
    { numRuns: shareOf(100) },
  );
});

test("in the end of an auction nobody could save more than a raise, wherever it was interrupted", () => {
  fc.assert(
    fc.property(rows, fc.integer({ min: 1, max: 50 }), ({ costs, loads, prices }, bidsMost) => {
      // Everybody may live somewhere where there is room for all.
      const open = costs.map((cost, i) => (cost >= FORBIDDEN && i % WIDTH < 5 ? 60 : cost));
      const RAISE = 0.25;
      const run = (most: number) => {
        const { kernels, at, views } = kernelsFor(open, loads, []);
        views.prices.set(prices.map((price, i) => (i < WIDTH ? 0 : price)));
        views.waiting.set(views.order);
        views.holders.fill(NONE);
        const state = [at.at, at.slotPrices, at.holders, at.prices, at.waiting, at.costs, at.loads] as const;
        for (let count = EXPERTS; count > 0; )
          count = kernels.bidForSlots(...state, at.firstSlots, at.found, RAISE, count, most);
        return views;
      };
      const views = run(bidsMost);
      expect(views.at).toEqual(run(1e6).at);
      const held = Array.from({ length: WIDTH }, () => 0);
      for (let expert = 0; expert < EXPERTS; expert++) {
        const sumAt = (gpu: number) =>
          views.costs[expert * WIDTH + gpu]! + views.prices[gpu]! + views.loads[expert]! * views.prices[WIDTH + gpu]!;
        const least = Math.min(...Array.from({ length: WIDTH }, (_, gpu) => sumAt(gpu)));
        const gpu = views.at[expert]!;
        const slot = views.holders.indexOf(expert);
        expect(Math.floor(slot / SLOTS)).toBe(gpu);
        // What the slot went for is at least what the GPU's cheapest goes for now.
        expect(sumAt(gpu)).toBeLessThanOrEqual(least + RAISE + 1e-4);
        held[gpu]!++;
      }
      expect(Math.max(...held)).toBeLessThanOrEqual(SLOTS);
      // A slot that nobody took costs nothing: so the placement is within a raise an expert of the best one.
      views.holders.forEach((expert, slot) => {
        if (expert === NONE) expect(views.slotPrices[slot]).toBe(0);
      });
    }),
    { numRuns: shareOf(100) },
  );
});

test("who finds only slots of those who have nowhere else to go is told", () => {
  const costs = Array.from({ length: EXPERTS * WIDTH }, (_, i) => (i % WIDTH === 2 ? 1 : FORBIDDEN));
  const { kernels, at, views } = kernelsFor(costs, Array(EXPERTS).fill(0), []);
  views.waiting.set(views.order);
  views.holders.fill(NONE);
  const state = [at.at, at.slotPrices, at.holders, at.prices, at.waiting, at.costs, at.loads] as const;
  const count = kernels.bidForSlots(...state, at.firstSlots, at.found, 0.25, EXPERTS, 1000);
  expect(count).toBeLessThan(0);
  expect(~count).toBeLessThan(EXPERTS);
});

test("an auction among slots, holders and experts that are none leaves its neighbours alone", () => {
  const word = fc.oneof(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: NONE }));
  const words = (length: number) => fc.array(word, { minLength: length, maxLength: length });
  fc.assert(
    fc.property(rows, words(EXPERTS), words(WIDTH * SLOTS), words(WIDTH + 1), (given, waiting, holders, firstSlots) => {
      const { kernels, at, views } = kernelsFor(given.costs, given.loads, given.from);
      views.waiting.set(waiting);
      views.holders.set(holders);
      views.firstSlots.set(firstSlots);
      const own = new Set<unknown>([
        views.at,
        views.slotPrices,
        views.holders,
        views.prices,
        views.waiting,
        views.found,
      ]);
      const others = Object.values(views).filter((view) => !own.has(view));
      const before = others.map((view) => view.slice());
      const state = [at.at, at.slotPrices, at.holders, at.prices, at.waiting, at.costs, at.loads] as const;
      kernels.bidForSlots(...state, at.firstSlots, at.found, 0.25, EXPERTS, 50);
      expect(others).toEqual(before);
    }),
    { numRuns: shareOf(100) },
  );
});

test("the sum of what is least is that of a sum and a minimum", () => {
  fc.assert(
    fc.property(rows, fc.constantFrom(0, 1.5), ({ costs, loads, prices, from }, bytePrice) => {
      const { kernels, at, views } = kernelsFor(costs, loads, from);
      views.prices.set(prices);
      const sum = kernels.sumOfLeast(at.costs, at.loads, at.prices, at.from, at.moveBytes, bytePrice);
      let expected = 0;
      for (let expert = 0; expert < EXPERTS; expert++) {
        const all = Array.from({ length: WIDTH }, (_, gpu) => {
          const move = from[expert] !== NONE && from[expert] !== gpu ? bytePrice * views.moveBytes[expert]! : 0;
          const price = views.prices[gpu]! + views.loads[expert]! * views.prices[WIDTH + gpu]!;
          return views.costs[expert * WIDTH + gpu]! + price + move;
        });
        expected += Math.min(...all);
      }
      expect(sum).toBeCloseTo(expected, 6);
    }),
    { numRuns: shareOf(100) },
  );
});

test("candidates are the GPUs that are least, the least first, and none that is forbidden", () => {
  fc.assert(
    fc.property(rows, ({ costs, loads, prices }) => {
      const { kernels, at, views } = kernelsFor(costs, loads, []);
      views.prices.set(prices);
      kernels.listCandidates(at.candidates, at.least, at.costs, at.loads, at.prices);
      for (let expert = 0; expert < EXPERTS; expert++) {
        const sums = Array.from({ length: WIDTH }, (_, gpu) => {
          const price = Math.fround(views.loads[expert]! * views.prices[WIDTH + gpu]!);
          return Math.fround(Math.fround(views.costs[expert * WIDTH + gpu]! + views.prices[gpu]!) + price);
        });
        const sorted = [...sums.keys()]
          .filter((gpu) => sums[gpu]! < FORBIDDEN)
          .sort((a, b) => sums[a]! - sums[b]! || a - b);
        const listed = Array.from(views.candidates.subarray(5 * expert, 5 * expert + 5)).filter((gpu) => gpu !== NONE);
        expect(listed).toEqual(sorted.slice(0, 5));
      }
    }),
    { numRuns: shareOf(100) },
  );
});

test("annealing accepts what lists accept, and knows what it comes to", () => {
  fc.assert(
    fc.property(rows, fc.integer({ min: 1, max: 1000 }), ({ costs, loads, from }, seed) => {
      const { kernels, at, views } = kernelsFor(costs, loads, from);
      views.at.forEach((_, expert) => {
        views.at[expert] = expert % WIDTH;
        views.costs[expert * WIDTH + (expert % WIDTH)] = 50;
      });
      kernels.listCandidates(at.candidates, at.least, at.costs, at.loads, at.prices);
      const placement = [at.holders, at.places, at.used, at.gpuLoads, at.known] as const;
      const moves = [at.from, at.moveBytes] as const;
      kernels.settlePlacement(...placement, at.at, at.costs, at.loads, at.capacity, at.firstSlots, ...moves);
      const words = new RandomBits({ seed, batch: 4096 }).next().slice();
      kernels.seedRandom(at.random, seed, 0, 0);
      const twin = { ...views, at: views.at.slice(), width: WIDTH };
      const expected = anneal(twin, words, 4, 2, 5);
      const fixed = [at.candidates, at.costs, at.loads, at.capacity, at.firstSlots, ...moves, at.penalties] as const;
      kernels.annealPlacement(at.at, ...placement, at.bits, at.random, ...fixed, 4, 2, 5);
      expect(views.bits).toEqual(words);
      expect(views.at).toEqual(twin.at);
      expect(views.known[0]).toBeCloseTo(expected.cost, 3);
      expect(views.known[1]).toBeCloseTo(expected.over, 3);
      expect(views.known[2]).toBeCloseTo(expected.bytes, 3);
    }),
    { numRuns: shareOf(100) },
  );
});
