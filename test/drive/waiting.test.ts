import fc from "fast-check";
import { expect, test } from "vitest";
import { Waiting } from "../../src/drive/waiting.ts";
import { shareOf } from "../share.ts";

const [DPUS, ROWS] = [3, 40];

test("who waits is served first come, first served, as a plain list says", () => {
  const step = fc.oneof(
    fc.record({ what: fc.constant("add" as const), dpu: fc.nat({ max: DPUS - 1 }) }),
    fc.record({ what: fc.constant("take" as const), dpu: fc.nat({ max: DPUS - 1 }), most: fc.nat({ max: 4 }) }),
    fc.record({ what: fc.constant("leave" as const), dpu: fc.nat({ max: DPUS - 1 }), row: fc.nat({ max: ROWS - 1 }) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: ROWS }), (steps) => {
      const waiting = new Waiting(ROWS);
      const lists = Array.from({ length: DPUS }, (): number[] => []);
      const dpuOf = new Map<number, number>();
      for (const one of steps) {
        const list = lists[one.dpu]!;
        if (one.what === "add") {
          const row = dpuOf.size;
          dpuOf.set(row, one.dpu);
          list.push(row);
          waiting.add(one.dpu, row);
        } else if (one.what === "take") {
          expect(waiting.take(one.dpu, one.most)).toEqual(list.splice(0, one.most));
        } else {
          const of = lists[dpuOf.get(one.row) ?? one.dpu]!;
          const place = of.indexOf(one.row);
          expect(waiting.leave(dpuOf.get(one.row) ?? one.dpu, one.row)).toBe(place >= 0);
          if (place >= 0) of.splice(place, 1);
        }
        const dpus = [...lists.keys()].filter((dpu) => lists[dpu]!.length > 0);
        expect([...waiting.dpus].sort()).toEqual(dpus);
        expect(waiting.isEmpty).toBe(dpus.length === 0);
        for (let dpu = 0; dpu < DPUS; dpu++) expect(waiting.has(dpu)).toBe(dpus.includes(dpu));
      }
    }),
    { seed: 1, numRuns: shareOf(300) },
  );
});

test("half a million wait, of whom half leave from the end and the others are taken one by one", () => {
  // A list that is searched and moved up takes minutes for it.
  const rows = 500_000;
  const waiting = new Waiting(rows);
  const begun = performance.now();
  for (let row = 0; row < rows; row++) waiting.add(0, row);
  for (let row = rows - 1; row >= rows / 2; row--) waiting.leave(0, row);
  let inOrder = 0;
  for (let row = 0; row < rows / 2; row++) if (waiting.take(0, 1)[0] === row) inOrder++;
  expect(inOrder).toBe(rows / 2);
  expect(waiting.isEmpty).toBe(true);
  expect(performance.now() - begun).toBeLessThan(20_000);
}, 60_000);
