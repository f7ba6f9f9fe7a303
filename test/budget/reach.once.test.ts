import { expect, test } from "vitest";
import { checkSchedulability, reachByHops } from "../../src/index.ts";

test.each(["dsp-800g", "lpo-800g"])("how far %s reaches is what verdicts at each distance say", (optics) => {
  const reach = reachByHops({ optics, fabric: { hops: 7 } });
  expect(reach.map(({ hops }) => hops)).toEqual([1, 2, 3]);
  for (const { hops, holds, totalNs, binding } of reach) {
    const verdict = checkSchedulability({ optics, fabric: { hops } }, { draws: 1 });
    expect({ holds, totalNs, binding }).toEqual({
      holds: verdict.schedulable,
      totalNs: verdict.load.totalNs,
      binding: verdict.terms[0],
    });
    expect(holds).toBe(hops <= verdict.radiusHops);
  }
});

test("a scenario that makes no sense is refused", () => {
  expect(() => reachByHops({ optics: "cpo-800g", fabric: { ports: 0 } })).toThrow(/^ports must be .*, got 0$/);
});
