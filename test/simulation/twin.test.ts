import fc from "fast-check";
import { expect, test } from "vitest";
import { SERVER_KINDS } from "../../assembly/simulation-layout.ts";
import { ReferenceDecoding } from "../reference/simulation.ts";
import { shareOf } from "../share.ts";
import { cluster, planFor } from "./drawn.ts";
import { type Decoded, decode, rowsOf } from "./shared.ts";

/** Every load, layer and step alike; instants to a millionth of a nanosecond, or a trillionth of themselves, as rounding adds up. */
function expectAlike(found: Decoded, expected: Decoded): void {
  const [a, b] = [rowsOf(found), rowsOf(expected)];
  b.forEach((row, i) => {
    row.forEach(([name, value], j) => {
      const mine = a[i]?.[j]?.[1];
      if (mine === undefined || !(Math.abs(mine - value) <= Math.max(1e-6, 1e-12 * value)))
        expect({ row: i, ...Object.fromEntries(a[i] ?? []) }, `${name} of row ${i}`).toEqual(Object.fromEntries(row));
    });
  });
  expect(a).toHaveLength(b.length);
  expect(found.refused).toBe(expected.refused);
}

test("whatever a cluster is asked, every load, layer and step is that of the reference", () => {
  let [loads, merged, late, overtaken, refused, wasted] = [0, 0, 0, 0, 0, 0];
  fc.assert(
    fc.property(cluster, (drawn) => {
      const { plan, stepOf } = planFor(drawn);
      const found = decode(plan, drawn.steps, stepOf);
      const expected = new ReferenceDecoding(plan, drawn.steps, stepOf);
      expectAlike(found, expected);
      // Ways out and ways in are told apart by who was busy, and by nothing else.
      for (let kind = 0; kind < SERVER_KINDS; kind++) {
        const busyNs = found.engine.busyNs(kind);
        expect(busyNs).toHaveLength(expected.busyNs(kind).length);
        for (const [i, ns] of expected.busyNs(kind).entries())
          expect(Math.abs(busyNs[i]! - ns), `server ${i} of kind ${kind}`).toBeLessThan(1e-6);
      }
      loads += found.loads.length;
      overtaken += found.engine.counts.overtaken;
      refused += found.refused;
      for (const tally of found.steps.flatMap(({ tallies }) => tallies)) {
        merged += tally.merged;
        late += tally.late;
        wasted += tally.wastedBytes;
      }
    }),
    { seed: 11, numRuns: shareOf(240, 60) },
  );
  // All of it happens.
  for (const often of [loads / 10, merged, late, overtaken, refused, wasted])
    expect(often).toBeGreaterThan(shareOf(240, 60) / 10);
});

test("over many steps too, in which prefetches are weighed by how busy servers were", () => {
  let [refused, prefetches] = [0, 0];
  const long = {
    gpus: 4,
    unit: 1,
    steps: 60,
    layers: 3,
    forced: false,
    eager: false,
    ahead: 3,
    prefetchesMost: 3,
  } as const;
  for (const drawn of fc.sample(cluster, { seed: 5, numRuns: shareOf(8, 2) })) {
    const { plan, stepOf } = planFor({ ...drawn, ...long, copies: 1, order: "deadline" });
    const found = decode(plan, long.steps, stepOf);
    expectAlike(found, new ReferenceDecoding(plan, long.steps, stepOf));
    refused += found.refused;
    prefetches += found.loads.filter(({ prefetched }) => prefetched).length;
  }
  for (const often of [refused, prefetches]) expect(often).toBeGreaterThan(100);
});
