import { expect, test } from "vitest";
import { type Optics, opticsNamed } from "../src/optics/index.ts";
import { SimulatedTransport } from "../src/simulated.ts";
import { studyOptics } from "../src/study.ts";
import { measureTail } from "../src/tail.ts";
import { changed, check } from "./budget/shared.ts";

const two = ["lpo-800g", "cpo-800g"].map(opticsNamed);

test("a study takes each kind of optics through the harness and the verdict, in order", async () => {
  const progress: [string, number, number][] = [];
  const rows = await studyOptics({
    optics: two,
    iterations: 20_000,
    seed: 7,
    fabric: { hops: 2 },
    onProgress: (...step) => progress.push(step),
  });
  expect(rows.map(({ name }) => name)).toEqual(["lpo-800g", "cpo-800g"]);
  expect(progress).toEqual([
    ["lpo-800g", 0, 2],
    ["cpo-800g", 1, 2],
    ["", 2, 2],
  ]);
  for (const [i, { tail, verdict }] of rows.entries()) {
    const { profile, hop } = two[i]!;
    expect(tail).toMatchObject({ transport: profile.name, iterations: 20_000, clock: null });
    // Two hops in step and 76 ns: the median and p99 of the sample hold twice a hop's, to a cell of the histogram.
    for (const [name, u] of [
      ["median", 0.5],
      ["p99", 0.01],
    ] as const) {
      const ns = 2 * hop.quantileNs(u) + 76;
      expect(tail[name].lowNs! * (1 - 1 / 1024)).toBeLessThan(ns);
      expect(tail[name].highNs! * (1 + 1 / 1024)).toBeGreaterThan(ns);
    }
    const alone = check({ optics: profile.name, fabric: { hops: 2 } }, { draws: 20_000, seed: 7 });
    expect(verdict).toEqual(alone);
  }
});

test("the same seed measures the same, another one does not", async () => {
  const medians = async (seed: number) =>
    (await studyOptics({ optics: two, iterations: 1000, seed })).map(({ tail }) => [tail.meanNs, tail.mostNs]);
  expect(await medians(1)).toEqual(await medians(1));
  expect(await medians(1)).not.toEqual(await medians(2));
});

test("a name stands for its built-in profile, and a wrong one is refused before anything is drawn", async () => {
  const study = (optics: readonly (Optics | string)[], onProgress = () => {}) =>
    studyOptics({ optics, iterations: 1000, onProgress });
  expect(await study(["lpo-800g", two[1]!])).toEqual(await study(two));
  let begun = false;
  const wrong = study([two[0]!, "cpo-80g"], () => {
    begun = true;
  });
  await expect(wrong).rejects.toThrow(
    new RangeError('optics must name a built-in profile, got "cpo-80g"; did you mean cpo-800g?'),
  );
  expect(begun).toBe(false);
});

test("a scenario's errors are its own", async () => {
  await expect(studyOptics({ optics: two, fabric: { hops: 0 } })).rejects.toThrow(
    new RangeError("hops must be from 1 to 64, got 0"),
  );
  await expect(studyOptics({ optics: two, iterations: 10 })).rejects.toThrow(
    new RangeError("iterations must be from 100 to 1000000000000, got 10"),
  );
});

test("a simulated path stalls where its profile says how often", async () => {
  const stalls = (probabilityPerFrame: number | null) =>
    changed("pcb", { stall: { probabilityPerFrame, lowNs: 5000, highNs: 6000 } });
  const measured = async (probability: number | null) => {
    const transport = SimulatedTransport.over(stalls(probability), { hops: 3, seed: 2 });
    return (await measureTail(transport, { iterations: 50_000, warmup: 0 })).report;
  };
  const [never, always, rarely] = [await measured(null), await measured(1), await measured(0.01)];
  expect(never.mostNs).toBeLessThan(200);
  expect(always.leastNs).toBeGreaterThan(15_000); // one at each hop
  expect(never.method).toContain("no faults");
  expect(always.method).toContain("with faults");
  // The mean of 3 chances of 1% of 5.5 µs, to 4 standard errors: sqrt(3 x 0.01 / 50,000) x 5.5 µs each.
  expect(Math.abs(rarely.meanNs - never.meanNs - 165)).toBeLessThan(4 * Math.sqrt(0.03 / 50_000) * 5510);
});

test("a simulated path hands out its draws once each, whatever the batches", () => {
  const over = () => SimulatedTransport.over(two[0]!, { hops: 2, seed: 3 });
  const [whole, parts] = [over(), over()];
  const expected = new Float32Array(10_000);
  whole.ring(expected);
  const got: number[] = [];
  for (const length of [1, 4095, 2, 5000, 902]) {
    const batch = new Float32Array(length);
    parts.ring(batch);
    got.push(...batch);
  }
  expect(got).toEqual([...expected]);
  expect(new Set(got).size).toBeGreaterThan(9000);
});
