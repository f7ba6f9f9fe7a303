import fc from "fast-check";
import { expect, inject, test } from "vitest";
import { ReferenceDecoding } from "../reference/simulation.ts";
import { cluster, planFor } from "./drawn.ts";
import { type Decoded, decode, rowsOf } from "./shared.ts";

// The debug build is slow.
const runs = (count: number) => (inject("build") === "debug" ? Math.ceil(count / 4) : count);

/** Every load, layer and step alike; instants to a millionth of a nanosecond, which is rounding's. */
function expectAlike(found: Decoded, expected: Decoded): void {
  const [a, b] = [rowsOf(found), rowsOf(expected)];
  b.forEach((row, i) => {
    row.forEach(([name, value], j) => {
      const mine = a[i]?.[j]?.[1];
      if (mine === undefined || !(Math.abs(mine - value) <= 1e-6))
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
      found.engine.busyNs(0).forEach((ns, i) => {
        expect(Math.abs(ns - expected.busyNs(0)[i]!), `DPU ${i}`).toBeLessThan(1e-6);
      });
      loads += found.loads.length;
      overtaken += found.engine.counts.overtaken;
      refused += found.refused;
      for (const tally of found.steps.flatMap(({ tallies }) => tallies)) {
        merged += tally.merged;
        late += tally.late;
        wasted += tally.wastedBytes;
      }
    }),
    { seed: 11, numRuns: runs(240) },
  );
  // All of it happens.
  for (const often of [loads / 10, merged, late, overtaken, refused, wasted])
    expect(often).toBeGreaterThan(runs(240) / 10);
});
