import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type RankStep,
  type Requests,
  requestsOf,
  type ServingOptions,
  type StepTimes,
  simulateServing,
} from "../../src/index.ts";
import { shareOf } from "../share.ts";

/** Steps that all take as long, and what was in each. */
class EvenSteps implements StepTimes {
  readonly seen: RankStep[][] = [];
  stepNs(ranks: readonly RankStep[]): number {
    this.seen.push([...ranks]);
    return 100;
  }
}

function served(rows: [arrivalNs: number, input: number, output: number][], options: ServingOptions = {}) {
  const steps = new EvenSteps();
  const requests = requestsOf(rows.map(([arrivalNs, input, output]) => ({ arrivalNs, input, output })));
  return { ...simulateServing(requests, { kvTokens: 1e6, steps, ...options }), seen: steps.seen, requests };
}

describe("continuous batching, step by step", () => {
  test("a prompt in pieces, then a token a step", () => {
    const { times, report, seen } = served([[0, 5000, 4]]);
    expect([...times.firstNs, ...times.endNs]).toEqual([300, 600]);
    expect(seen.flat().map(({ prefillTokens }) => prefillTokens)).toEqual([2048, 2048, 904, 0, 0, 0]);
    expect(seen.flat().map(({ decodeContext }) => decodeContext)).toEqual([0, 0, 0, 5001, 5002, 5003]);
    // The last piece looks back on 4,096 tokens and its own: 904 x 4,096 + 904 x 905 / 2.
    expect(seen[2]![0]).toMatchObject({ prefillContext: 904 * 4096 + (904 * 905) / 2, prefillRows: 5000 });
    expect(report).toMatchObject({ steps: 6, mixedSteps: 3, meanStepNs: 100, spanNs: 600, busyShare: 1 });
    expect(report.tpot!.meanNs).toBe(100);
  });

  test.each([
    [false, 300],
    // Step 3 was planned at 100, as step 2 began.
    [true, 400],
  ])("who comes during step 2 is in step 3, or in step 4 where steps are planned ahead: %s", (ahead, firstNs) => {
    const { times } = served(
      [
        [0, 10, 9],
        [150, 10, 3],
      ],
      { ahead },
    );
    expect([times.queuedNs[1], times.firstNs[1], times.endNs[1]]).toEqual([200, firstNs, firstNs + 200]);
  });

  test("prompts take what running sequences leave of a step's tokens, in pieces or not at all", () => {
    const rows: [number, number, number][] = [
      [0, 1, 9],
      [0, 30, 2],
      [0, 5, 2],
    ];
    const limits = { maxBatchedTokens: 20, maxSequences: 3, ahead: false };
    const inPieces = served(rows, limits);
    expect(
      inPieces.seen
        .flat()
        .map(({ decodes, prefillTokens }) => [decodes, prefillTokens])
        .slice(0, 3),
    ).toEqual([
      [0, 20],
      [1, 16],
      [3, 0],
    ]);
    const whole = served([rows[0]!, [0, 15, 2], [0, 5, 2]], { ...limits, chunked: false });
    expect(
      whole.seen
        .flat()
        .map(({ decodes, prefillTokens }) => [decodes, prefillTokens])
        .slice(0, 3),
    ).toEqual([
      [0, 16],
      [2, 5],
      [2, 0],
    ]);
  });

  test("seats are given again when the last token is out", () => {
    const { times, seen } = served(
      [
        [0, 4, 3],
        [0, 4, 2],
        [0, 4, 1],
      ],
      { maxSequences: 2, ahead: false },
    );
    expect([...times.firstNs]).toEqual([100, 100, 300]);
    expect([...times.endNs]).toEqual([300, 200, 300]);
    expect(seen.every(([rank]) => rank!.decodes + rank!.pieces <= 2)).toBe(true);
  });

  test("ranks step together, and who has less to do takes the next request", () => {
    const { seen, times } = served(
      [
        [0, 7, 2],
        [0, 9, 2],
        [0, 11, 2],
      ],
      { ranks: 2, ahead: false },
    );
    expect(seen[0]!.map(({ prefillTokens }) => prefillTokens)).toEqual([18, 9]);
    expect([...times.endNs]).toEqual([200, 200, 200]);
  });

  test.each([true, false])(
    "where room runs out the last to come makes way and is computed anew, planned ahead: %s",
    (ahead) => {
      // Three blocks of 16 tokens: each request ends with all of them.
      const { report, times, seen } = served(
        [
          [0, 16, 20],
          [0, 16, 20],
        ],
        { kvTokens: 48, ahead },
      );
      expect(report.preemptions).toBeGreaterThan(0);
      expect(times.endNs[0]).toBe(2000);
      expect(times.endNs[1]).toBeGreaterThan(2000);
      const sum = (of: (rank: RankStep) => number) => seen.flat().reduce((all, rank) => all + of(rank), 0);
      expect(sum(({ prefillTokens }) => prefillTokens)).toBeGreaterThan(32);
      expect(report.outputTokensPerSecond * report.spanNs * 1e-9).toBeCloseTo(40, 6);
    },
  );
});

describe("continuous batching, as a whole", () => {
  const rows = fc.array(
    fc.record({
      arrivalNs: fc.nat({ max: 5000 }),
      input: fc.integer({ min: 1, max: 90 }),
      output: fc.integer({ min: 1, max: 12 }),
    }),
    { minLength: 1, maxLength: 30 },
  );
  const options = fc.record({
    ranks: fc.integer({ min: 1, max: 3 }),
    maxSequences: fc.integer({ min: 1, max: 8 }),
    maxBatchedTokens: fc.integer({ min: 8, max: 120 }),
    kvTokens: fc.integer({ min: 112, max: 400 }),
    chunked: fc.boolean(),
    ahead: fc.boolean(),
  });

  test("every token is computed once but for who made way, within all limits, and in order", () => {
    fc.assert(
      fc.property(rows, options, (given, limits) => {
        const maxBatchedTokens = limits.chunked ? limits.maxBatchedTokens : 120;
        const requests = requestsOf(given);
        const steps = new EvenSteps();
        const { times, report } = simulateServing(requests, { ...limits, maxBatchedTokens, steps });
        let prefilled = 0;
        let decoded = 0;
        for (const rank of steps.seen.flat()) {
          prefilled += rank.prefillTokens;
          decoded += rank.decodes;
          expect(rank.decodes + rank.prefillTokens).toBeLessThanOrEqual(maxBatchedTokens);
          expect(rank.decodes + rank.pieces).toBeLessThanOrEqual(limits.maxSequences);
          expect(rank.decodeContext + rank.prefillRows).toBeLessThanOrEqual(limits.kvTokens);
        }
        const inputs = given.reduce((sum, { input }) => sum + input, 0);
        const later = given.reduce((sum, { output }) => sum + output - 1, 0);
        if (report.preemptions === 0) expect([prefilled, decoded]).toEqual([inputs, later]);
        else expect(prefilled + decoded).toBeGreaterThanOrEqual(inputs + later);
        expect(steps.seen.length).toBe(report.steps);
        requests.arrivalNs.forEach((arrivalNs, i) => {
          expect(times.queuedNs[i]).toBeGreaterThanOrEqual(arrivalNs);
          expect(times.firstNs[i]! - times.queuedNs[i]!).toBeGreaterThanOrEqual(100);
          // Each token takes a step at least.
          expect(times.endNs[i]! - times.firstNs[i]!).toBeGreaterThanOrEqual(99.9 * (requests.outputTokens[i]! - 1));
        });
      }),
      { seed: 5, numRuns: shareOf(150) },
    );
  });

  test("one seat and one token each are M/D/1: the mean wait is rho D / 2 (1 - rho)", () => {
    const [count, rho] = [40_000, 0.6];
    // Exponential gaps of a seeded Lehmer generator.
    let state = 12345;
    let arrivalNs = 0;
    const requests = requestsOf(
      Array.from({ length: count }, () => {
        state = (state * 48271) % 2147483647;
        arrivalNs -= (100 / rho) * Math.log(state / 2147483647);
        return { arrivalNs, input: 1, output: 1 };
      }),
    );
    const { report } = simulateServing(requests, {
      maxSequences: 1,
      ahead: false,
      kvTokens: 16,
      steps: new EvenSteps(),
    });
    // Waits follow one another: 40,000 are worth some 3,000 apart, of which the mean is within 5% at three standard errors.
    expect(Math.abs((report.ttft.meanNs - 100) / ((rho * 100) / (2 * (1 - rho))) - 1)).toBeLessThan(0.05);
    expect(Math.abs(report.busyShare - rho)).toBeLessThan(0.01);
  });
});

describe("refusals", () => {
  const requests: Requests = requestsOf([{ arrivalNs: 0, input: 100, output: 20 }]);
  test.each([
    [{ maxSequence: 3 }, "options has no field maxSequence; did you mean maxSequences?"],
    [{ maxSequences: 0 }, "maxSequences must be from 1 to 1048576, got 0"],
    [
      { maxSequences: 64, maxBatchedTokens: 32 },
      "maxBatchedTokens must be at least 64, a token for each of maxSequences, got 32",
    ],
    [{ kvTokens: 127 }, "kvTokens must be at least 128, what request 0 takes up in whole blocks, got 127"],
    [
      { chunked: false, maxSequences: 1, maxBatchedTokens: 119 },
      "maxBatchedTokens must be at least 120, what request 0 takes up, where prompts are computed whole, got 119",
    ],
    [{ ranks: 129 }, "ranks must be from 1 to 128, got 129"],
    [{ linkShare: 0 }, "linkShare must be above 0, got 0"],
    [{ overheadNs: -1 }, "overheadNs must be from 0 to 1000000000000, got -1"],
    [
      { model: "mixtral-8x22b" },
      "ranks must be more: of h100's 80.0 GB 90% are used, and mixtral-8x22b on 1 takes 281",
    ],
    [{ model: "mixtral-8x22" }, "did you mean mixtral-8x22b?"],
    [{ steps: { stepNs: () => 1 }, overheadNs: 5 }, "overheadNs goes with steps of the roofline: steps are given"],
    [{ ahead: 1 as never }, "ahead must be a boolean, got number"],
  ] as [ServingOptions, string][])("%j", (options, message) => {
    expect(() => simulateServing(requests, options)).toThrow(message);
  });

  test("requests that are none", () => {
    expect(() => simulateServing(requestsOf([]))).toThrow("requests must be at least 1, got 0");
    const backwards = {
      ...requestsOf([
        { arrivalNs: 0, input: 1, output: 1 },
        { arrivalNs: 5, input: 1, output: 1 },
      ]),
    };
    backwards.arrivalNs[1] = -1;
    expect(() => simulateServing(backwards)).toThrow("arrivalNs[1] must be at least 0, got -1");
    const empty = requestsOf([{ arrivalNs: 0, input: 1, output: 0 }]);
    expect(() => simulateServing(empty)).toThrow("outputTokens[0] must be from 1 to 16777216, got 0");
  });
});
