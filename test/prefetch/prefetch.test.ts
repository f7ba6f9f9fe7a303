import fc from "fast-check";
import { expect, test } from "vitest";
import { Distribution } from "../../src/distribution.ts";
import { opticsNamed } from "../../src/optics/index.ts";
import { prefetchChart } from "../../src/plot.ts";
import { Agenda } from "../../src/prefetch/agenda.ts";
import { Draws } from "../../src/prefetch/draws.ts";
import { foreseenTruly, inclusions } from "../../src/prefetch/foresight.ts";
import { type PrefetchOptions, simulatePrefetch } from "../../src/prefetch/index.ts";
import { PREFETCH_POLICIES } from "../../src/prefetch/plan.ts";
import { Run } from "../../src/prefetch/run.ts";
import { RouteGenerator, type RouteModel } from "../../src/routes/generate.ts";
import { DECODE, PREFILL, type Routes } from "../../src/routes/routes.ts";
import { shareOf } from "../share.ts";

/** One expert a layer and token, of two layers, as `rows` say; the first token is prefill. */
function routesOf(rows: readonly (readonly [number, number])[]): Routes {
  return {
    layers: 2,
    experts: 4,
    k: 1,
    tokens: rows.length,
    prompt: new Uint32Array(rows.length),
    phase: Uint8Array.from(rows, (_, token) => (token === 0 ? PREFILL : DECODE)),
    chosen: Uint16Array.from(rows.flat()),
  };
}

/** A fabric whose loads all take the same: three hops of 200 ns each way, and what is fixed. */
const STEADY = { ...opticsNamed("cpo-800g"), hop: Distribution.uniform(200, 200) };
const WAY_NS = 3 * 200 + 20 + 56;
const EXPERT_BYTES = 16e6;
const LOAD_NS = 2_500 + WAY_NS + EXPERT_BYTES / (16 * 100 * STEADY.profile.goodputShare) + WAY_NS + 20_000;
const one: PrefetchOptions = {
  optics: STEADY,
  expertBytes: EXPERT_BYTES,
  budgetBytes: 2 * EXPERT_BYTES,
  layerNs: 10_000,
  utilisations: [0],
  repetitions: 2,
};

test.each([1, 20_000, 40_000])(
  "one miss on an idle fabric stalls for its load's time less the lead, %d ns",
  (layerNs) => {
    const { rows, loadNs } = simulatePrefetch({
      ...one,
      layerNs,
      predictor: "popularity",
      routes: routesOf([
        [0, 0],
        [0, 1],
      ]),
    });
    expect(loadNs).toBeCloseTo(LOAD_NS, 1);
    const stall = (name: string) => rows.find(({ policy }) => policy === name)!.stallNsPerToken;
    expect(stall("none").mean).toBeCloseTo(LOAD_NS, 1);
    expect(stall("oracle").mean).toBeCloseTo(Math.max(0, LOAD_NS - layerNs), 1);
    expect(stall("oracle").high - stall("oracle").low).toBeLessThan(1e-6);
  },
);

test("where all is resident nothing stalls, and nothing is loaded", () => {
  const { rows } = simulatePrefetch({
    ...one,
    routes: routesOf([
      [2, 3],
      [2, 3],
      [2, 3],
    ]),
  });
  for (const row of rows.filter(({ policy }) => policy === "none" || policy === "oracle")) {
    expect([row.stallNsPerToken.mean, row.missShare, row.bytesPerToken, row.prefetches.posted]).toEqual([0, 0, 0, 0]);
  }
});

const MODEL: RouteModel = {
  layers: 4,
  experts: 16,
  k: 2,
  workloads: [
    {
      name: "chat",
      share: 1,
      zipf: 0.8,
      repetition: 0.3,
      dependence: 0.4,
      topics: 2,
      topicShare: 0.5,
      topicSwitch: 0.1,
    },
  ],
};

test("no nanosecond and no byte is lost", () => {
  fc.assert(
    fc.property(
      fc.record({
        policy: fc.constantFrom(...PREFETCH_POLICIES),
        utilisation: fc.constantFrom(0, 0.3, 0.8, 1.1),
        gpus: fc.integer({ min: 1, max: 3 }),
        gpusPerServer: fc.integer({ min: 1, max: 3 }),
        places: fc.integer({ min: 2, max: 6 }),
        layerNs: fc.constantFrom(3_000, 40_000, 200_000),
        seed: fc.integer({ min: 1, max: 99 }),
      }),
      (asked) => {
        const generator = new RouteGenerator(MODEL);
        const made = generator.generate({ prompts: asked.gpus, prefillTokens: 2, decodeTokens: 10, seed: asked.seed });
        const [serviceNs, commandNs, fenceNs] = [30_000, 2_500, 20_000];
        const path = { hops: [Distribution.uniform(100, 400)] };
        const result = new Run({
          ...asked,
          routes: made.routes,
          confidence: foreseenTruly(generator, made),
          horizon: 1,
          serviceNs,
          chunkNs: 700,
          commandNs,
          fenceNs,
          draws: new Draws(path, serviceNs + commandNs + fenceNs, asked.seed),
          candidates: 8,
          queueDepth: 8,
        }).run();
        const { tokens, prefetches, decodeNs, stallNs, missed } = result;
        expect([tokens, result.asked]).toEqual([asked.gpus * 10, asked.gpus * 10 * 4 * 2]);
        expect(decodeNs).toBeCloseTo(tokens * 4 * asked.layerNs + stallNs, 3);
        // One GPU's clock is the simulation's, but for the time in which background settles.
        if (asked.gpus === 1) expect(result.serverNs).toBeCloseTo(400 * serviceNs + decodeNs, 3);
        // What is served is asked for by routers, or was guessed: of that all that is used is whole.
        const whole = missed - prefetches.late + prefetches.used;
        expect(result.busyNs - result.backgroundNs).toBeCloseTo(whole * serviceNs + result.wastedNs, 2);
        expect(prefetches.used).toBeLessThanOrEqual(prefetches.posted);
        expect(prefetches.late).toBeLessThanOrEqual(prefetches.used);
        if (asked.policy === "none") expect(prefetches.posted + prefetches.refused + result.wastedNs).toBe(0);
        if (asked.policy === "oracle") expect([prefetches.used, result.wastedNs]).toEqual([prefetches.posted, 0]);
      },
    ),
    { seed: 1, numRuns: shareOf(24) },
  );
});

test("true probabilities come true", () => {
  const generator = new RouteGenerator({ ...MODEL, experts: 32, k: 4 });
  const made = generator.generate({ prompts: 8, prefillTokens: 0, decodeTokens: 100, seed: 3 });
  const confidence = foreseenTruly(generator, made);
  const { routes } = made;
  const steps = Array.from({ length: 10 }, () => ({ claimed: 0, used: 0, count: 0 }));
  for (let row = 0; row < routes.tokens * routes.layers; row++)
    for (let e = 0; e < 32; e++) {
      const claimed = confidence[row * 32 + e]!;
      if (claimed === 0) continue;
      const step = steps[Math.min(9, Math.floor(claimed * 10))]!;
      step.claimed += claimed;
      step.count++;
      if (routes.chosen.subarray(row * 4, row * 4 + 4).includes(e)) step.used++;
    }
  // What is counted of n wavers by at most 2 / sqrt n in 4 standard errors; that inclusions are worked out as if each came alone costs the rest.
  for (const { claimed, used, count } of steps)
    if (count > 0) expect(Math.abs(claimed - used) / count).toBeLessThan(2 / Math.sqrt(count) + 0.03);
});

test("inclusions add up to k, grow with p, and are all 1 where all are taken", () => {
  const weights = fc.array(fc.double({ min: 1e-6, max: 1, noNaN: true }), { minLength: 3, maxLength: 20 });
  fc.assert(
    fc.property(weights, fc.integer({ min: 1, max: 3 }), (values, k) => {
      const sum = values.reduce((all, value) => all + value, 0);
      const p = Float64Array.from(values, (value) => value / sum).sort();
      const chances = inclusions(p, k);
      expect(chances.reduce((all, chance) => all + chance, 0)).toBeCloseTo(k, 6);
      expect([...chances].sort((a, b) => a - b)).toEqual([...chances]);
    }),
    { seed: 1, numRuns: shareOf(200) },
  );
});

test("an agenda is kept in order of time, and of what was told first", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 40 }), (times) => {
      const agenda = new Agenda();
      const seen: number[][] = [];
      times.forEach((atNs, i) => {
        agenda.at(atNs, (nowNs) => seen.push([nowNs, i]));
      });
      while (agenda.nextNs < Number.POSITIVE_INFINITY) agenda.act();
      expect(seen).toEqual(times.map((atNs, i) => [atNs, i]).sort((a, b) => a[0]! - b[0]! || a[1]! - b[1]!));
    }),
    { seed: 1, numRuns: shareOf(100) },
  );
});

test("equal options give equal reports, and the chart has a line a policy", () => {
  const options: PrefetchOptions = {
    ...one,
    model: MODEL,
    gpus: 2,
    decodeTokens: 8,
    budgetBytes: 4 * 4 * EXPERT_BYTES,
    utilisations: [0, 0.5],
  };
  const report = simulatePrefetch(options);
  expect(simulatePrefetch(options)).toEqual(report);
  expect(simulatePrefetch({ ...options, seed: 2 }).rows).not.toEqual(report.rows);
  expect(report.rows.map(({ policy, utilisation }) => `${policy} ${utilisation}`)).toEqual(
    [0, 0.5].flatMap((utilisation) => PREFETCH_POLICIES.map((policy) => `${policy} ${utilisation}`)),
  );
  const svg = prefetchChart(report, { subtitle: "two GPUs" });
  for (const name of PREFETCH_POLICIES) expect(svg).toContain(`>${name}</tspan>`);
});

test("names the bad argument", () => {
  const good = { ...one, model: MODEL, budgetBytes: 8 * EXPERT_BYTES };
  for (const [options, message] of [
    [{ model: undefined }, "options must have routes or a model, got neither"],
    [{ horizon: 2 }, "horizon must be 1 where the true probabilities foresee, got 2"],
    [{ horizon: 4, predictor: "markov" }, "horizon must be from 1 to 3, got 4"],
    [{ budgetBytes: 1e6 }, "budgetBytes must hold 2 experts of each layer, 128000000, got 1000000"],
    [{ layerNs: 0 }, "layerNs must be above 0, got 0"],
    [{ policies: ["alway"] }, "policy must be known, got alway; did you mean always?"],
    [{ utilisation: [0.5] }, "options has no field utilisation; did you mean utilisations?"],
    [{ utilisations: [-1] }, "utilisation must be from 0 to 16, got -1"],
    [{ repetitions: 1 }, "repetitions must be from 2 to 10000, got 1"],
  ] as [object, string][])
    expect(() => simulatePrefetch({ ...good, ...options } as PrefetchOptions)).toThrow(message);
});
