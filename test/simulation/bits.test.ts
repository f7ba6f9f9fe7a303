import { expect, inject, test } from "vitest";
import { decode, MIXTRAL, ours, planOf, stepsOf, twin } from "../../bench/decoding.ts";

test("every build has the same bits: those of a twin in TypeScript", () => {
  const shape = { ...MIXTRAL, coldShare: 0.6 };
  const plan = planOf(shape, 24);
  const steps = stepsOf(shape, 16);
  const count = inject("build") === "debug" ? 10 : 40;
  const [a, b] = [ours(plan), twin(plan)];
  expect(decode(a, steps, count)).toBe(decode(b, steps, count));
  expect(a.engine.counts.overtaken).toBeGreaterThan(0);
  for (let gpu = 0; gpu < 24; gpu++) expect(a.endNs(gpu)).toBe(b.endNs(gpu));
});
