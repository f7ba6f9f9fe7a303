import { expect, test } from "vitest";
import { OPTICS } from "../../src/optics/builtin.ts";
import { STATED_TPOT, studyDecoding } from "../../src/simulation/study.ts";

test("a study sets all optics side by side, and switches parts one by one", () => {
  let told = 0;
  const study = studyDecoding({ gpus: 8, steps: 10, repetitions: 1, onProgress: () => told++ });
  expect(study.optics.map(({ name }) => name)).toEqual(OPTICS.map(({ name }) => name));
  expect(told).toBe(2 * OPTICS.length + study.crowded.length + study.foreseen.length);
  for (const { name, stated, after } of study.optics) {
    expect(stated).toEqual(STATED_TPOT[name] ?? null);
    // 302 MB in a quarter of 56 gates: never below what is resident.
    expect(after.interTokenLatency.p50Ns.mean).toBeGreaterThan(after.residentStepNs);
  }
  const means = study.crowded.map(({ report }) => report.interTokenLatency.meanNs.mean);
  const at = (name: string) => means[study.crowded.findIndex((row) => row.name === name)]!;
  // Gaps that run meanwhile hide up to 62 µs of each load; a DPU for each GPU leaves none waiting for another's.
  expect(at("gaps that run meanwhile")).toBeLessThan(at("as it is"));
  expect(at("a DPU for each GPU")).toBeLessThan(at("as it is"));
  expect(study.foreseen[0]!.report.loads.prefetchesPerStep.mean).toBe(0);
  expect(() => studyDecoding({ gpus: 4 })).toThrow("gpus must be from 8 to 4096, got 4");
});
