import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { certify, checkSchedulability, margins, percent, type ScenarioInput } from "../src/index.ts";
import { type Load, serve } from "./reference/edf.ts";
import { barelyCertified, type Kind, kinds, loadsOf, SERVER } from "./reference/shaped.ts";

/** The worst that shaped loads can do: a chunk that is in the way as all bursts come at once, and then all as fast as they may. */
function worstPatterns(system: readonly Kind[]): Load[][] {
  const lastNs = Math.max(...system.map(({ deadlineNs }) => deadlineNs));
  const greedy = (i: number, startNs: number) =>
    loadsOf(system[i]!, { startNs, waitsNs: new Array(100).fill(0), delays: [] });
  const beforeAll = (load: Load) => ({ ...load, arrivalNs: -1e-6 });
  // One doorbell comes just before all others, as early as may be: the first of its kind, or one that is counted later.
  const blocking = (i: number) => {
    const { earlyNs = 0 } = system[i]!;
    const [first, ...rest] = greedy(i, earlyNs - 1e-6);
    const loads = greedy(i, 0);
    const early = loads.flatMap(({ arrivalNs }, m) => (arrivalNs > 0 && arrivalNs < earlyNs ? [m] : []));
    return [[beforeAll(first!), ...rest], ...early.map((m) => loads.with(m, beforeAll(loads[m]!)))];
  };
  const others = (i: number) => system.flatMap((_, k) => (k === i ? [] : greedy(k, 0)));
  return [others(-1), ...system.flatMap((_, i) => blocking(i).map((loads) => [...loads, ...others(i)]))].map((loads) =>
    loads.filter(({ arrivalNs, deadlineNs }) => deadlineNs <= lastNs || arrivalNs < 0),
  );
}

test("where it refuses, a search finds loads that miss: on the line in most cases, a load's time beyond it in nearly all", () => {
  const systems = fc.sample(kinds, { seed: 5, numRuns: 600 }).filter(
    (system) =>
      certify(
        system.map((kind) => ({ ...kind, name: "" })),
        SERVER,
      ).longTermShare <= 1,
  );
  const foundAt = (tighterNs: number) => {
    const missed = systems.filter((system) =>
      worstPatterns(barelyCertified(system, tighterNs)).some((loads) =>
        serve(loads, SERVER).some((endNs, i) => endNs > loads[i]!.deadlineNs + 1e-7),
      ),
    );
    return missed.length / systems.length;
  };
  expect(foundAt(-1e-5), "certified, and the worst patterns miss").toBe(0);
  // The shape counts parts of loads, and loads come whole: the most that can make is the time of the largest, 20 ns.
  const shares = [0.01, 5, 20].map((tighterNs) => ({ tighterNs, share: foundAt(tighterNs) }));
  for (const { tighterNs, share } of shares)
    console.log(
      `deadlines ${tighterNs} ns tighter than certified: ${percent(share)} of ${systems.length} systems miss`,
    );
  const [line, some, load] = shares.map(({ share }) => share);
  expect(line).toBeGreaterThan(0.5);
  expect(some).toBeGreaterThan(line!);
  expect(load).toBeGreaterThan(0.98);
});

describe("as a term of the verdict", () => {
  const check = (input: Partial<ScenarioInput> = {}) =>
    checkSchedulability({ optics: "cpo-800g", ...input }, { draws: 1000 });
  const termOf = (input: Partial<ScenarioInput>) => check(input).terms.find(({ name }) => name === "certificate")!;

  test("its value is the latest end of a load by the arithmetic", () => {
    const { certificate, load } = check();
    const { pathBoundNs, bytesPerNs } = certificate;
    // post + path + translate + a chunk in the way + 8 loads + path + fence
    const endNs = 2000 + 500 + (1e6 + 8 * 160e6) / bytesPerNs + 2 * pathBoundNs + 20_000;
    const { value, limit, unit, margin, because } = termOf({});
    expect(value).toBeCloseTo(endNs, 3);
    expect({ limit, unit }).toEqual({ limit: 180_000, unit: "ns" });
    expect(margin).toBeCloseTo(1 - endNs / 180_000, 9);
    expect(certificate).toMatchObject({ epsilon: 1e-6, bytesPerNs: load.bytesPerNs, extrapolated: true });
    expect(certificate.tightestDeadlineNs).toBe(value);
    expect(because).toMatch(
      /^8 loads at once, one a GPU \(nobody states it\), 160 MB each .*; 1 at once would be certain$/,
    );
  });

  test("8 GPUs that share a DPU are not certified for a load each, and the verdict rests on fewer", () => {
    const verdict = check();
    expect(termOf({})).toMatchObject({ holds: null });
    expect(verdict.certificate).toMatchObject({ certified: false, stated: false, loadsAtOnce: 8, mostLoadsAtOnce: 1 });
    expect(verdict).toMatchObject({ schedulable: true, radiusHops: 3, binding: "bandwidth" });
    expect(verdict.conditions).toEqual([
      expect.stringMatching(
        /^a DPU is asked for at most 1 load at once, and one more every 357\.1 µs: nobody states it/,
      ),
    ]);
  });

  test("it decides where the number of loads at once is stated", () => {
    const stated = (loadsAtOnce: number, deadlineNs = 180_000) =>
      check({ demand: { loadsAtOnce }, objective: { deadlineNs } });
    expect(stated(1)).toMatchObject({ schedulable: true, conditions: [], radiusHops: 3 });
    expect(stated(2)).toMatchObject({ schedulable: false, binding: "certificate", radiusHops: 0 });
    const { tightestDeadlineNs } = stated(8).certificate;
    expect(stated(8, tightestDeadlineNs! + 1)).toMatchObject({ schedulable: true });
    expect(stated(8, tightestDeadlineNs! - 1)).toMatchObject({ schedulable: false });
    expect(stated(1, tightestDeadlineNs!).certificate.mostLoadsAtOnce).toBe(8);
  });

  test("margins obey it where it decides", () => {
    const input = { optics: "cpo-800g", demand: { loadsAtOnce: 1 } };
    const { tightestDeadlineNs } = check(input).certificate;
    expect(margins(input).tightestDeadlineNs).toBe(Math.ceil(tightestDeadlineNs!));
    expect(margins({ ...input, demand: { loadsAtOnce: 2 } }).mostHops).toBeNull();
  });

  test("asked for more than is served, it says so of the long run", () => {
    const demand = { loadsPerStep: 60, loadsAtOnce: 1 };
    expect(termOf({ demand })).toMatchObject({ unit: "share", limit: 1, holds: false });
    expect(termOf({ demand }).because).toMatch(/^1 load at once: in the long run 126% /);
    expect(check({ demand }).certificate).toMatchObject({ tightestDeadlineNs: null, mostLoadsAtOnce: 0 });
    expect(check({ demand: { loadsPerStep: 60 } }).conditions.at(-1)).toMatch(/may never end$/);
  });

  test("without any load in the long run a burst still has to be served", () => {
    const { certificate, conditions } = check({ demand: { loadsPerStep: 0 } });
    expect(certificate).toMatchObject({ everyNs: null, longTermShare: 0, mostLoadsAtOnce: 1 });
    expect(conditions[0]).toMatch(/^a DPU is asked for at most 1 load at once: nobody/);
  });

  test.each([
    [{ demand: { loadsAtOnce: 0 } }, "loadsAtOnce must be from 1 to 1000000, got 0"],
    [{ demand: { loadsAtOnce: 1.5 } }, "loadsAtOnce must be a whole number, got 1.5"],
    [{ fabric: { chunkBytes: 0 } }, "chunkBytes must be above 0, got 0"],
    [{ objective: { epsilon: 0 } }, "epsilon must be above 0, got 0"],
  ])("refuses %o", (input, message) => {
    expect(() => check(input)).toThrow(message);
  });
});
