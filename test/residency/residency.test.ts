import fc from "fast-check";
import { expect, test } from "vitest";
import { RandomBits } from "../../src/random.ts";
import { type Accesses, accessesOf, streamAccesses } from "../../src/residency/accesses.ts";
import { Residency } from "../../src/residency/index.ts";
import { POLICIES } from "../../src/residency/policies.ts";
import { recencyCliff, replayResidency, sweepResidency } from "../../src/residency/sweep.ts";
import type { Routes } from "../../src/routes/routes.ts";
import { eventsOf, hitsOf, randomHitsOf } from "../reference/residency.ts";
import { shareOf } from "../share.ts";

const shapes = fc.record({ layers: fc.integer({ min: 1, max: 4 }), experts: fc.integer({ min: 1, max: 9 }) });

/** Events in any order of layers, of one expert to all. */
const anyAccesses = shapes.chain(({ layers, experts }) =>
  fc
    .array(
      fc.record({
        layer: fc.nat({ max: layers - 1 }),
        phase: fc.nat({ max: 1 }),
        chosen: fc.uniqueArray(fc.nat({ max: experts - 1 }), { minLength: 1, maxLength: Math.min(5, experts) }),
      }),
      { minLength: 1, maxLength: 60 },
    )
    .map((events) => ofEvents(layers, experts, events)),
);

function ofEvents(
  layers: number,
  experts: number,
  events: readonly { layer: number; phase: number; chosen: readonly number[] }[],
): Accesses {
  const starts = new Uint32Array(events.length + 1);
  events.forEach(({ chosen }, event) => {
    starts[event + 1] = starts[event]! + chosen.length;
  });
  return {
    layers,
    experts,
    blocks: Uint32Array.from(events.flatMap(({ layer, chosen }) => chosen.map((expert) => layer * experts + expert))),
    starts,
    phases: Uint8Array.from(events, ({ phase }) => phase),
  };
}

/** Accesses, sizes of 1 to 5 bytes, a budget, and what is pinned and fits. */
const anyCase = anyAccesses.chain((accesses) =>
  fc.record({
    accesses: fc.constant(accesses),
    bytes: fc.array(fc.integer({ min: 1, max: 5 }), {
      minLength: accesses.layers * accesses.experts,
      maxLength: accesses.layers * accesses.experts,
    }),
    budgetBytes: fc.integer({ min: 5 * accesses.layers, max: 80 }),
    pins: fc.array(fc.nat({ max: accesses.layers * accesses.experts - 1 }), { maxLength: 1 }),
  }),
);

const placesOf = (pinned: readonly number[], experts: number) =>
  pinned.map((block) => ({ layer: Math.floor(block / experts), expert: block % experts }));

test.each(POLICIES.filter((policy) => policy !== "random"))("%s hits what the reference hits", (policy) => {
  fc.assert(
    fc.property(anyCase, fc.boolean(), ({ accesses, bytes, budgetBytes, pins }, isSplit) => {
      const { layers, experts, blocks, starts } = accesses;
      // Jagged, with equal ones and both signs.
      const scoreOf = (event: number) =>
        Float32Array.from({ length: layers * experts }, (_, block) => (((event + 3) * (block + 7)) % 11) - 5.5);
      const pinned = placesOf(pins, experts);
      const residency = new Residency({ layers, experts, expertBytes: bytes, budgetBytes, policy, pinned, batch: 12 });
      const hits = new Uint8Array(blocks.length);
      const score = (scores: Float32Array, event: number) => scores.set(scoreOf(event));
      residency.replay(accesses, policy === "guided" ? { hits, score } : { hits });
      const expected = hitsOf(accesses, {
        policy,
        bytes,
        budgetBytes,
        pinned: pins,
        ...(policy === "guided" ? { score: scoreOf } : {}),
      });
      expect([...hits]).toEqual(expected);

      const report = residency.report();
      const missed = expected.flatMap((hit, i) => (hit ? [] : [bytes[blocks[i]!]!]));
      expect(report.hits).toBe(expected.filter(Boolean).length);
      expect(report.accesses).toBe(blocks.length);
      expect(report.readBytes).toBe(missed.reduce((sum, size) => sum + size, 0));
      const inDecode = Array.from(accesses.phases).flatMap((phase, event) =>
        phase === 1 ? expected.slice(starts[event]!, starts[event + 1]!) : [],
      );
      expect(report.decode.accesses).toBe(inDecode.length);
      expect(report.decode.hits).toBe(inDecode.filter(Boolean).length);

      if (!isSplit || policy === "belady" || policy === "guided") return;
      const half = accesses.phases.length >> 1;
      const again = new Residency({ layers, experts, expertBytes: bytes, budgetBytes, policy, pinned });
      for (const [from, to] of [
        [0, half],
        [half, accesses.phases.length],
      ] as const)
        again.replay({
          ...accesses,
          blocks: blocks.slice(starts[from]!, starts[to]!),
          starts: starts.slice(from, to + 1).map((start) => start - starts[from]!),
          phases: accesses.phases.slice(from, to),
        });
      expect(again.report()).toEqual(report);
    }),
    { seed: 11, numRuns: shareOf(300) },
  );
});

test("one pass over all budgets equals a replay of each", () => {
  fc.assert(
    fc.property(anyCase, ({ accesses, bytes, budgetBytes, pins }) => {
      const { layers, experts } = accesses;
      const budgetsBytes = [budgetBytes, budgetBytes + 7, budgetBytes + 2.5, budgetBytes, 1000];
      const pinned = placesOf(pins, experts);
      for (const policy of ["lru", "layer"] as const) {
        const { points } = sweepResidency(accesses, { expertBytes: bytes, budgetsBytes, policies: [policy], pinned });
        expect(points.map((point) => ({ ...point, warnings: [] }))).toEqual(
          budgetsBytes.map((budget) => {
            const residency = new Residency({
              layers,
              experts,
              expertBytes: bytes,
              budgetBytes: budget,
              policy,
              pinned,
            });
            residency.replay(accesses);
            return residency.report();
          }),
        );
      }
    }),
    { seed: 12, numRuns: shareOf(80) },
  );
});

test("random keeps within the budget, spares the event and takes all others alike", () => {
  // Three of four experts fit: of those that event n does not ask for, each goes with a chance of 1 in 3.
  const [layers, experts, rounds] = [1, 4, shareOf(6000)];
  const residency = new Residency({ layers, experts, expertBytes: [1], budgetBytes: 3, policy: "random", seed: 5 });
  const gone = new Float64Array(experts);
  let evictions = 0;
  for (let round = 0; round < rounds; round++) {
    const missing = [0, 1, 2, 3].filter((expert) => !residency.isResident(0, expert));
    const asked = missing[0] ?? 0;
    residency.replay(ofEvents(layers, experts, [{ layer: 0, phase: 1, chosen: [asked] }]));
    expect(residency.isResident(0, asked)).toBe(true);
    const left = [0, 1, 2, 3].filter((expert) => !residency.isResident(0, expert));
    if (round < 3) continue;
    expect(left).toHaveLength(1);
    expect(left[0]).not.toBe(asked);
    // The distance from what was asked for, around the four.
    gone[(left[0]! - asked + 4) % 4]!++;
    evictions++;
  }
  // Five sigma of a binomial with 1 in 3.
  const bound = 5 * Math.sqrt((evictions * 2) / 9);
  for (const distance of [1, 2, 3]) expect(Math.abs(gone[distance]! - evictions / 3)).toBeLessThan(bound);
});

/** A repeating mix of chosen experts, jagged enough to tell policies apart. */
function mixed(tokens: number, layers = 6, experts = 32, k = 4): Routes {
  const chosen = new Uint16Array(tokens * layers * k);
  let state = 12345;
  const draw = (bound: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) ** 2 * bound);
  };
  for (let row = 0; row < tokens * layers; row++) {
    const taken = new Set<number>();
    while (taken.size < k) taken.add(draw(experts));
    chosen.set([...taken], row * k);
  }
  return {
    layers,
    experts,
    k,
    tokens,
    prompt: new Uint32Array(tokens),
    phase: Uint8Array.from({ length: tokens }, (_, token) => Number(token >= 20)),
    chosen,
  };
}

test("random evicts what the reference draws, so the same on every build and host", () => {
  const accesses = accessesOf(mixed(400));
  const bytes = Array.from({ length: 6 * 32 }, (_, block) => [3, 5, 3, 3, 5, 4][Math.floor(block / 32)]!);
  const cache = { layers: 6, experts: 32, expertBytes: bytes, budgetBytes: 260, policy: "random", seed: 9 } as const;
  const hits = new Uint8Array(accesses.blocks.length);
  new Residency(cache).replay(accesses, { hits });
  const bits = new RandomBits({ seed: 9, batch: 65536 }).next();
  const expected = randomHitsOf(accesses, bytes, 260, bits);
  expect([...hits]).toEqual(expected);
  expect(expected.filter(Boolean).length).toBeGreaterThan(1000);
});

const anyRoutes = shapes.chain(({ layers, experts }) =>
  fc
    .record({
      k: fc.integer({ min: 1, max: experts }),
      rows: fc.array(fc.tuple(fc.nat({ max: 3 }), fc.nat({ max: 1 })), { minLength: 1, maxLength: 12 }),
      seed: fc.nat(),
    })
    .map(({ k, rows, seed }): Routes => {
      const sorted = rows.sort((a, b) => a[0] - b[0]);
      let state = seed;
      const chosen = Uint16Array.from({ length: rows.length * layers * k }, () => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        const drawn = Math.floor((state / 2 ** 32) * (experts + 1));
        return drawn === experts ? 0xffff : drawn;
      });
      return {
        layers,
        experts,
        k,
        tokens: rows.length,
        prompt: Uint32Array.from(sorted, ([prompt]) => prompt),
        phase: Uint8Array.from(sorted, ([, phase]) => phase),
        chosen,
      };
    }),
);

test("events of routes are those of the reference, whole or streamed in batches", async () => {
  await fc.assert(
    fc.asyncProperty(anyRoutes, async (routes) => {
      const expected = eventsOf(routes);
      const { layers, experts, k } = routes;
      const events = (accesses: Accesses) =>
        Array.from(accesses.phases, (phase, event) => {
          const blocks = [...accesses.blocks.subarray(accesses.starts[event]!, accesses.starts[event + 1]!)];
          return { layer: Math.floor(blocks[0]! / experts), phase, experts: blocks.map((block) => block % experts) };
        });
      expect(events(accessesOf(routes))).toEqual(expected);
      const rows = Array.from({ length: routes.tokens * layers }, (_, row) => ({
        prompt: routes.prompt[Math.floor(row / layers)]!,
        phase: routes.phase[Math.floor(row / layers)]!,
        layer: row % layers,
        experts: routes.chosen.subarray(row * k, (row + 1) * k),
      }));
      const streamed = [];
      for await (const batch of streamAccesses(rows, { layers, experts, batch: 7 })) streamed.push(...events(batch));
      expect(streamed).toEqual(expected);
    }),
    { seed: 13, numRuns: shareOf(200) },
  );
});

test("the cliff of LRU is where its first hit is, and is said", () => {
  // Two layers take turns; a token asks for 2 x (3 + 5) = 16 bytes, all of them again.
  const chosen = Array.from({ length: 10 }, () => [0, 1, 0, 1]).flat();
  const routes = {
    layers: 2,
    experts: 4,
    k: 2,
    tokens: 10,
    prompt: new Uint32Array(10),
    phase: new Uint8Array(10).fill(1),
    chosen: Uint16Array.from(chosen),
  };
  const accesses = accessesOf(routes);
  expect(recencyCliff(accesses, [3, 5])).toEqual({ cliffBytes: 11, cycleBytes: 16 });
  const at = (budgetBytes: number) => replayResidency(accesses, { policy: "lru", budgetBytes, expertBytes: [3, 5] });
  expect(at(10.9).hits).toBe(0);
  expect(at(10.9).warnings).toEqual([
    "lru is below its cliff: with 1.1e-5 MB it evicts every expert before the next token asks for it, and from 1.1e-5 MB on it does not; one token asks for at least 1.6e-5 MB",
  ]);
  expect(at(11).hits).toBeGreaterThan(0);
  expect(at(11).warnings).toEqual([]);
  expect(at(16).hits).toBe(36);
  const never = ofEvents(1, 4, [{ layer: 0, phase: 1, chosen: [0, 1] }]);
  expect(recencyCliff(never, [3])).toEqual({ cliffBytes: null, cycleBytes: 6 });
  expect(recencyCliff(ofEvents(1, 4, [{ layer: 0, phase: 0, chosen: [1] }]), [3])).toEqual({
    cliffBytes: null,
    cycleBytes: null,
  });
});
