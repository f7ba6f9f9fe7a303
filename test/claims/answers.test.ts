import { expect, test } from "vitest";
import { answerOf, compared, fits, halfDigit, solve } from "../../src/claims/answer.ts";
import { FACTS, stated } from "../../src/claims/fact.ts";
import { aloneWords } from "../../src/claims/headline.ts";
import { judgeClaims } from "../../src/claims/index.ts";
import { latencyFor } from "../../src/claims/joint.ts";
import { reactiveGap, stalledMissShare, stallsThatMiss } from "../../src/claims/judge-deadline.ts";
import { coldGatesAtP99 } from "../../src/claims/judge-decoding.ts";

const one = async (id: string) => (await judgeClaims({ ids: [id], isQuick: true }))[0]!;
const found = async (id: string) => (await one(id)).figures.map((figure) => figure.found);

test("a figure fits to the digits in which it is stated", () => {
  expect([140, 2.2, 0.0003, 600, 136, 0].map(halfDigit)).toEqual(
    [5, 0.05, 0.00005, 50, 0.5, 0].map((half) => expect.closeTo(half, 9)),
  );
  expect(fits(2.2, 2.208)).toBe(true);
  expect(fits(136, 136.7)).toBe(false);
  expect(fits([5, 15], 8)).toBe(true);
  expect(fits([200, 500], 512)).toBe(false);
  expect(compared("", "ms", 35.2, { mean: 35, low: 34.9, high: 35.3 }).fits).toBe(true);
});

test("what rests on a parameter that other statements were solved for is a prediction", () => {
  const [fact] = FACTS as [(typeof FACTS)[0]];
  const made = (calibratedOn?: string[]) =>
    answerOf(fact, { arithmetic: [], because: "", ...(calibratedOn && { calibratedOn }) }).isPrediction;
  expect([made(), made([]), made([fact.id]), made(["another"]), made(["another", fact.id])]).toEqual([
    false,
    false,
    false,
    true,
    false,
  ]);
});

test("what is solved for gives the target when put back", () => {
  expect(solve(2, 0, 10, (x) => x * x)).toBeCloseTo(Math.SQRT2, 8);
  expect(solve(1e-3, 1e-9, 1, (x) => x, true)).toBeCloseTo(1e-3, 10);
  expect(solve(200, 0, 10, (x) => x * x)).toBeNull();
});

test("arithmetic of paths and power, worked out apart", async () => {
  expect(await found("power.switch-saving")).toEqual([256, 512, 1024]);
  expect((await one("power.switch-saving")).needs[0]!.value).toBeCloseTo(60, 9);
  expect((await found("power.lpo-module"))[0]).toBeCloseTo(5.6, 9);
  expect((await one("power.lpo-module")).needs.map(({ value }) => value)).toEqual([
    10,
    expect.closeTo(16.667, 3),
    expect.closeTo(18.182, 3),
  ]);
  expect((await found("reliability.engines"))[0]).toBe(16);
  expect((await found("budget.dsp-3hop"))[0]).toBeCloseTo(2.208, 3);
  expect(await found("doorbell.cpo-bound")).toEqual([144, 164, 220].map((ns) => expect.closeTo(ns, 1)));
  expect((await found("doorbell.command-ratio"))[0]).toBeCloseTo(45.45, 1);
  expect((await found("sla.jitter-hops"))[0]).toBe(900);
  expect((await one("coherency.lpo")).readings.map((reading) => reading.found)).toEqual(
    [1.8, 3.6, 1.782, 5.58, 11.16].map((us) => expect.closeTo(us, 3)),
  );
  expect((await found("tpot.headroom"))[0]).toBeCloseTo(4.8, 9);
  expect((await found("sla.token-budget"))[0]).toBeCloseTo(136.72, 2);
});

test("the worst of 100 steps has 22 cold gates of 56", () => {
  // P(at most 22) of Binomial(56, 1/4) by the plain sum.
  const atMost = (most: number) => {
    let sum = 0;
    for (let n = 0, ways = 1; n <= most; ways = (ways * (56 - n)) / ++n) sum += ways * 0.25 ** n * 0.75 ** (56 - n);
    return sum;
  };
  expect(atMost(21)).toBeLessThan(0.99);
  expect(atMost(22)).toBeGreaterThanOrEqual(0.99);
  expect(coldGatesAtP99(56, 0.25)).toBe(22);
});

test("the stalls that make 12.4% of loads late do so when put back", () => {
  const share = stated("miss.table", "dsp");
  const [{ x, y }] = stallsThatMiss(share, [4]) as [{ x: number; y: number }];
  expect(stalledMissShare(x * 1e3, y)).toBeCloseTo(share, 3);
  expect(stalledMissShare(x * 1e3, 0)).toBeLessThan(share / 100); // by latency alone
});

test("outages lengthen the mean by their rate times the area that they hold up", () => {
  // Of one length L a load of T waits L where the outage begins during it, and L/2 on average for L before it.
  const { meanUs, p99Us } = reactiveGap(1e-5, 140, [1500, 1500]);
  expect(meanUs).toBeCloseTo(140 + 1e-5 * (1500 * 140 + 1500 ** 2 / 2), 1);
  // beyond(x) = 1e-5 (140 + 1500 - x) is 1% at x = 640.
  expect(p99Us).toBeCloseTo(140 + 640, 0);
});

test("unknown statements are refused with the nearest known one", async () => {
  await expect(judgeClaims({ ids: ["tpot.mixtrl"] })).rejects.toThrow(/tpot\.mixtral/);
  expect(FACTS).toHaveLength(83);
});

test("words about the latency of optics follow from what was found", () => {
  const words = (loadsForOnePercent: number, addedNsPerLoad = 2300) =>
    aloneWords({ addedNsPerLoad, addedShareOfStep: 1e-3, loadsForOnePercent });
  expect(words(149)).toContain("149 loads, and it has 56 gates: at no recall does the latency of optics matter.");
  expect(words(28)).toContain("28 loads, and it has 56 gates: the latency of optics matters where more than 50%");
  expect(words(Number.MAX_VALUE, -1)).toBe(
    "Retimed optics add nothing to a load: at no recall does the latency of optics matter.",
  );
});

test("what optics would have to add to a load is told where they may add something, and nowhere else", () => {
  const at = (high: number) =>
    latencyFor({ utilisation: 0.5, recall: 0.58, loads: 14, added: { mean: 0, low: -1, high } }, 2300, 0.01);
  // Ten times as much as costs a thousandth.
  expect(at(0.001)).toEqual([{ x: 0.5, y: expect.closeTo(23, 9) }]);
  expect([at(0), at(-0.001)]).toEqual([[], []]);
});
