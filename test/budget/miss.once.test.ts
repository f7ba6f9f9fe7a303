import { describe, expect, test } from "vitest";
import { checkSchedulability } from "../../src/budget/index.ts";
import { convolve } from "../../src/convolution.ts";
import { Distribution } from "../../src/distribution.ts";
import { opticsNamed } from "../../src/optics/index.ts";
import { exactPath } from "../../src/path.ts";
import { shareInterval } from "../../src/statistics.ts";
import { interruptedLoads, stalledMisses, uniforms } from "../reference/budget.ts";
import { changed, check, constant, retraining, stalling, termOf } from "./shared.ts";

/** Post, translate and fence by default, and 160 MB over 16 ports of 800 Gb/s at the default goodput. */
const FIXED_NS = 2000 + 500 + 20_000 + 160e6 / (16 * 95.3);

/** So sure is each comparison with draws of a fixed seed. */
const CONFIDENCE = 0.999;

describe("P(miss) without faults", () => {
  test("of constant hops is all or nothing", () => {
    const optics = constant(412.3);
    const totalNs = FIXED_NS + 2 * (3 * 412.3 + 76);
    for (const [deadlineNs, share] of [
      [totalNs - 1, 1],
      [totalNs + 1, 0],
    ] as const)
      for (const correlation of [0, 0.5, 1]) {
        const { miss } = check({ optics, fabric: { correlation }, objective: { deadlineNs } });
        expect(miss.exact).toBeCloseTo(share, 9);
        expect(miss.sampled.share).toBe(share);
      }
  });

  test("of a doorbell and a completion over one uniform hop is a triangle's corner", () => {
    const optics = { profile: opticsNamed("pcb").profile, hop: Distribution.uniform(1000, 2000) };
    const mostNs = FIXED_NS + 2 * (2000 + 76);
    for (const beforeNs of [100, 200, 500, 1000]) {
      const deadlineNs = mostNs - beforeNs; // P = (beforeNs / 1000)^2 / 2
      const { miss } = checkSchedulability(
        { optics, fabric: { hops: 1 }, objective: { deadlineNs } },
        { draws: 200_000 },
      );
      expect(Math.abs(miss.exact - (beforeNs / 1000) ** 2 / 2)).toBeLessThan(2 * 2 ** -9 * (beforeNs / 1000));
      expect(miss.agree).toBe(true);
    }
  });

  test.each(["dsp-800g", "lpo-800g"].flatMap((name) => [0, 0.5, 1].map((correlation) => ({ name, correlation }))))(
    "exact and sampled agree at the median, p99 and p99.9 of $name, correlation $correlation",
    ({ name, correlation }) => {
      const { hop } = opticsNamed(name);
      const path = exactPath({ hops: [hop, hop, hop], correlation });
      const pair = convolve([path, path]);
      for (const u of [0.5, 0.01, 0.001]) {
        const deadlineNs = FIXED_NS + pair.quantileNs(u);
        const { miss } = checkSchedulability(
          { optics: name, fabric: { correlation }, objective: { deadlineNs } },
          { draws: 300_000, seed: 3 },
        );
        expect(miss.exact / u).toBeCloseTo(1, 6);
        expect(miss.sampled).toMatchObject({ draws: 300_000, confidence: CONFIDENCE });
        expect(miss.sampled).toMatchObject(shareInterval(miss.sampled.misses, 300_000, CONFIDENCE));
        expect([miss.agree, u > miss.sampled.low, u < miss.sampled.high], `at ${u}`).toEqual([true, true, true]);
      }
    },
  );

  test("another seed draws other loads, the same one the same", () => {
    const deadlineNs = FIXED_NS + 2 * (3 * 412 + 76); // about the median
    const misses = (seed: number) =>
      checkSchedulability({ optics: "dsp-800g", objective: { deadlineNs } }, { draws: 10_000, seed }).miss.sampled
        .misses;
    expect(misses(1)).toBe(misses(1));
    expect(misses(1)).not.toBe(misses(2));
  });
});

describe("stalls", () => {
  test.each([1e-3, 2e-3, 5e-3])("exact and sampled agree at %d a frame", (probability) => {
    const { miss, stall } = checkSchedulability({ optics: stalling(probability) }, { draws: 300_000, seed: 4 });
    // 160 MB over 16 ports are 1112 frames of 9,000 bytes each, and each passes 3 hops.
    expect(stall).toMatchObject({ probabilityPerFrame: probability, chancesPerPort: 3336 });
    expect(miss.agree).toBe(true);
  });

  // 9,000 x 40 x 4 bytes over 4 ports: 40 frames each; the deadline leaves 1 to 9 µs for stalls of 2 to 4.
  test.each([1000, 2500, 3500, 6000, 9000])("drawn frame by frame, as many loads miss: slack %d ns", (slackNs) => {
    const { profile, hop } = opticsNamed("dsp-800g");
    const stall = { probabilityPerFrame: 0.002, lowNs: 2000, highNs: 4000 };
    const fixedNs = 22_500 + (9000 * 160) / (4 * 95.3);
    const deadlineNs = fixedNs + 2 * (2 * 412 + 76) + slackNs;
    const { miss } = check({
      optics: { profile: { ...profile, stall }, hop },
      fabric: { hops: 2, ports: 4, correlation: 0 },
      demand: { expertBytes: 9000 * 160 },
      objective: { deadlineNs },
    });
    const loads = 50_000;
    const misses = stalledMisses(
      {
        loads,
        fixedNs,
        deadlineNs,
        traversalNs: (uniform) => 76 + hop.quantileNs(uniform()) + hop.quantileNs(uniform()),
        ports: 4,
        framesPerPort: 40,
        hops: 2,
        stall,
      },
      uniforms(slackNs),
    );
    const { low, high } = shareInterval(misses, loads, CONFIDENCE);
    expect(miss.exact).toBeGreaterThan(low);
    expect(miss.exact).toBeLessThan(high);
  });

  test("the greatest probability that holds is where P(miss) reaches its limit", () => {
    const { stall } = check({ optics: stalling(null) });
    const exact = (factor: number) => check({ optics: stalling(stall!.probabilityPerFrameMax * factor) }).miss.exact;
    expect(stall!.probabilityPerFrame).toBeNull();
    expect(exact(1)).toBeLessThanOrEqual(0.01);
    expect(exact(1 + 1e-4)).toBeGreaterThan(0.01);
    expect(exact(1 + 1e-4)).toBeLessThan(0.0101);
  });

  test("where every frame may stall, any probability holds", () => {
    // 3336 stalls of 4 µs are 13.3 ms.
    const { stall } = check({ optics: stalling(null), objective: { deadlineNs: 15e6 } });
    expect(stall!.probabilityPerFrameMax).toBe(1);
  });

  test("a stall in every frame makes one load of thousands of stalls", () => {
    // A port's 3336 stalls of 2 to 4 µs take 10.0 ms, give or take sqrt(3336 / 12) x 2 µs = 33 µs; the worst of 16 no more than 10.2.
    const share = (deadlineNs: number) => check({ optics: stalling(1), objective: { deadlineNs } }).miss;
    expect(share(9.8e6).exact).toBeCloseTo(1, 9);
    expect(share(9.8e6).sampled.share).toBe(1);
    expect(share(10.5e6).exact).toBeLessThan(1e-6);
    expect(share(10.5e6).sampled.share).toBe(0);
  });

  test("many ports and many stalls are drawn less often, not for ever", () => {
    const { miss } = checkSchedulability({ optics: stalling(0.5) }, { draws: 1e9 });
    // 16 ports x (1 + 3336 x 0.5) draws a load, of 1e8.
    expect(miss.sampled.draws).toBe(Math.ceil(1e8 / (16 * (1 + 3336 * 0.5) + 1)));
    expect(miss.agree).toBe(true);
  });
});

describe("outages", () => {
  test.each([
    { lowNs: 50_000, highNs: 150_000 }, // about as long as what is left of the deadline
    { lowNs: 1e6, highNs: 2e6 },
  ])("drawn one by one, as many loads meet them and miss: $lowNs to $highNs ns", ({ lowNs, highNs }) => {
    const hourly = 5e12 / (48 * (122_000 + highNs)) / 1000; // about 1 of 1000 loads meets one, and of 10^6 meets two
    const verdict = check({ optics: retraining("cpo-800g", hourly, lowNs, highNs) });
    const { retrain, load } = verdict;
    expect([retrain!.links, retrain!.ratePerLinkHour]).toEqual([16 * 3, hourly]);
    const loads = 3_000_000;
    const { met, late } = interruptedLoads(
      { loads, totalNs: load.totalNs, deadlineNs: 180_000, links: 48, ratePerLinkHour: hourly, lowNs, highNs },
      uniforms(11),
    );
    const meets = shareInterval(met, loads, CONFIDENCE);
    const misses = shareInterval(late, loads, CONFIDENCE);
    const given = shareInterval(late, met, CONFIDENCE);
    expect(retrain!.outagesPerMillionLoads! / 1e6).toBeGreaterThan(meets.low);
    expect(retrain!.outagesPerMillionLoads! / 1e6).toBeLessThan(meets.high);
    expect(retrain!.missesPerMillionLoads! / 1e6).toBeGreaterThan(misses.low);
    expect(retrain!.missesPerMillionLoads! / 1e6).toBeLessThan(misses.high);
    expect(retrain!.missGivenOutage).toBeGreaterThan(given.low);
    expect(retrain!.missGivenOutage).toBeLessThan(given.high);
  });

  test("an outage of one length, by hand", () => {
    // A load of T takes 22,500 + 2 x (3 x 50 + 76) ns and its data; 1 ms is met by loads over T + 1 ms, and makes them late
    // unless less than the slack is left of it.
    const constantHops = constant(50).profile;
    const { retrain } = check({
      optics: changed("cpo-800g", { ...constantHops, retrain: { ratePerLinkHour: 0.5, lowNs: 1e6, highNs: 1e6 } }),
      fabric: { hops: 2, ports: 10 },
    });
    const totalNs = 22_500 + 2 * (2 * 50 + 76) + 160e6 / 953;
    const [metNs, slackNs] = [1e6 + totalNs, 180_000 - totalNs];
    expect(slackNs).toBeLessThan(0); // 10 ports are too few: each load that meets one is late
    expect(retrain!.missGivenOutage).toBeCloseTo(1, 12);
    expect(retrain!.outagesPerMillionLoads! / ((1e6 * 20 * 0.5 * metNs) / 3.6e12)).toBeCloseTo(1, 6);
    const roomy = check({
      optics: changed("cpo-800g", { ...constantHops, retrain: { ratePerLinkHour: 0.5, lowNs: 1e6, highNs: 1e6 } }),
      fabric: { hops: 2 },
    });
    const shortNs = 22_500 + 2 * 176 + 160e6 / 1524.8;
    const lateShare = (shortNs + 1e6 - (180_000 - shortNs)) / (shortNs + 1e6);
    expect(roomy.retrain!.missGivenOutage).toBeCloseTo(lateShare, 6);
  });

  test("the greatest rate that holds uses up what the tail leaves", () => {
    const { retrain } = check({ optics: "lpo-800g" });
    const faults = (factor: number) =>
      termOf(check({ optics: retraining("lpo-800g", retrain!.ratePerLinkHourMax! * factor) }), "faults");
    expect(retrain!.missesPerMillionLoads).toBeNull();
    expect(faults(1 - 1e-9)).toMatchObject({ holds: true });
    expect(faults(1 + 1e-9)).toMatchObject({ holds: false });
    expect(faults(1).value! / 10_000).toBeCloseTo(1, 9); // 1% of a million, of which the tail takes nothing
  });

  test("what the tail takes of the limit is not left to outages", () => {
    const { hop } = opticsNamed("lpo-800g");
    const path = exactPath({ hops: [hop, hop, hop], correlation: 1 });
    const deadlineNs = FIXED_NS + convolve([path, path]).quantileNs(0.004);
    const verdict = check({ optics: retraining("lpo-800g", 1), objective: { deadlineNs } });
    expect(termOf(verdict, "faults").limit).toBeCloseTo(6000, 1); // 1% less 0.4%
  });

  test("a tail that already misses too often leaves no rate", () => {
    const { retrain, terms } = check({ optics: "lpo-800g", objective: { deadlineNs: 100_000 } });
    expect(retrain!.ratePerLinkHourMax).toBe(0);
    expect(terms.at(-1)).toMatchObject({ name: "faults", limit: 0, holds: null });
  });
});
