import { expect, test } from "vitest";
import { OPTICS } from "../../src/optics/builtin.ts";
import { checkDecodingStudy, STATED_TPOT, studyDecoding } from "../../src/simulation/study.ts";
import { commandLine, longLines, SLIPS } from "../run-cli.ts";

const { run } = commandLine("study");

test("study --decoding, in words and as JSON", async () => {
  const args = "--iterations 20000 --decoding --gpus 8 --steps 4 --repetitions 1";
  const words = await run(args);
  expect([words.status, words.stderr]).toEqual([0, ""]);
  expect(words.stdout).not.toMatch(SLIPS);
  expect(longLines(words.stdout)).toEqual([]);
  expect(words.stdout).toContain("8 GPUs with a DPU each");
  const { optics, decoding } = JSON.parse((await run(`${args} --json`)).stdout);
  expect(decoding.optics.map(({ name }: { name: string }) => name)).toEqual(
    optics.map(({ name }: { name: string }) => name),
  );
  expect([decoding.gpus, decoding.steps, decoding.repetitions]).toEqual([8, 4, 1]);
});

test.each([
  ["--steps 4", "--steps goes with --decoding"],
  ["--decoding --gpus 4", "gpus must be from 8 to 4096, got 4 (--gpus 4)"],
  ["--decoding --gpus 12", "gpus must be a positive multiple of 8, got 12 (--gpus 12)"],
  ["--decoding --repetitions 0", "repetitions must be from 1 to 10000, got 0 (--repetitions 0)"],
])("study %s", async (args, message) => {
  const { status, stdout, stderr } = await run(`--iterations 1000 ${args}`);
  expect([status, stdout]).toEqual([2, ""]);
  expect(stderr).toContain(message);
});

test("a study sets all optics side by side, and switches parts one by one", () => {
  const told: [done: number, of: number][] = [];
  const study = studyDecoding({
    gpus: 8,
    steps: 10,
    repetitions: 1,
    onProgress: (done, of) => void told.push([done, of]),
  });
  expect(study.optics.map(({ name }) => name)).toEqual(OPTICS.map(({ name }) => name));
  const runs = 2 * OPTICS.length + study.crowded.length + study.foreseen.length;
  expect(told).toEqual(Array.from({ length: runs + 1 }, (_, done) => [done, runs]));
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
  // Prefetches of the steps that only fill caches are used in those that count: no share of them is above 1.
  for (const { name, report } of study.foreseen.slice(1)) {
    expect(report.loads.usedShare.mean, name).toBeGreaterThan(0);
    expect(report.loads.usedShare.mean, name).toBeLessThanOrEqual(1);
  }
  expect(study.foreseen[3]!.report.loads.usedShare.mean).toBe(1); // an oracle's
  expect(() => studyDecoding({ gpus: 4 })).toThrow("gpus must be from 8 to 4096, got 4");
  expect(() => checkDecodingStudy({ seed: -1 })).toThrow("seed must be from 0 to 9007199254740991, got -1");
  expect(() => checkDecodingStudy({ gpus: 4096, steps: 1e7 })).toThrow(
    "steps must be at most 32758, after 10 of warmup",
  );
});
