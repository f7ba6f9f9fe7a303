import fc from "fast-check";
import { expect, test } from "vitest";
import { JOB_END_NS, JOB_NEXT, JOB_START_NS, SERVER_HEAD, SIM_UNITS_AT } from "../../assembly/simulation-layout.ts";
import { type Optics, opticsNamed } from "../../src/optics/index.ts";
import { Run } from "../../src/simulation/decode.ts";
import { heldFabric } from "../../src/simulation/fabric.ts";
import { simulateDecoding } from "../../src/simulation/index.ts";
import { weighedMean, weighedQuantile } from "../../src/simulation/outages.ts";
import { bindsWords } from "../../src/simulation/page.ts";
import { partsOf } from "../../src/simulation/parts.ts";
import { type DecodingOptions, type DecodingPlan, planDecoding } from "../../src/simulation/plan.ts";
import type { DecodingReport, Times } from "../../src/simulation/report.ts";
import { sourceScenario } from "../../src/simulation/scenario.ts";
import { boundDecoding, judgeDecoding } from "../../src/simulation/verdict.ts";

/** Linear optics whose links go out so often an hour. */
function opticsAt(ratePerLinkHour: number | null): Optics {
  const { profile, hop } = opticsNamed("lpo-800g");
  return { hop, profile: { ...profile, retrain: { ...profile.retrain!, ratePerLinkHour } } };
}

const source = sourceScenario();
const small = (optics: Optics): DecodingOptions => ({
  ...source,
  cluster: { ...source.cluster!, gpus: 8, optics },
  steps: 6,
});

test("outages that never happen leave the report as it is; what one of them does hangs on no rate", () => {
  const at = (rate: number | null) => simulateDecoding(small(opticsAt(rate)), { repetitions: 2, outages: 8 }).report;
  const [never, seldom, unknown] = [at(0), at(1e-9), at(null)];
  expect(never.outages!.counted!.interTokenLatency).toEqual(never.interTokenLatency);
  expect(never.outages!.counted!.tpot).toEqual(never.tpot);
  expect(never.outages!.due!.interTokenLatency.p999Ns.mean).toBe(0);
  expect(never.outages!.runs).toBe(16);
  // Whether links are laid out as those that fail changes no bit of what else happens.
  for (const { outages, interTokenLatency } of [seldom, unknown]) {
    expect(outages!.one).toEqual(never.outages!.one);
    expect(interTokenLatency).toEqual(never.interTokenLatency);
  }
  expect([unknown.outages!.exposure, unknown.outages!.counted]).toEqual([null, null]);
  expect(never.outages!.one.addedNs.mean).toBeGreaterThan(0);
});

test("an objective is judged with outages counted where it is known how often they are", () => {
  const options = small(opticsAt(1e-9));
  const { report } = simulateDecoding(options, { repetitions: 1, outages: 2 });
  const bound = boundDecoding(options);
  const { outages, interTokenLatency, tpot } = report;
  const twice = (times: Times): Times => ({ ...times, p99Ns: { ...times.p99Ns, mean: 2 * times.p99Ns.mean } });
  const counted = { interTokenLatency: twice(interTokenLatency), tpot: twice(tpot!) };
  const often: DecodingReport = { ...report, outages: { ...outages!, counted } };
  const unknown: DecodingReport = { ...report, outages: { ...outages!, counted: null } };
  for (const [of, { p99Ns }] of [
    ["itl", interTokenLatency],
    ["tpot", tpot!],
  ] as const) {
    const slo = { sloNs: 1.5 * p99Ns.mean, of };
    const judged = judgeDecoding(bound, slo, often);
    expect(judged).toMatchObject({ status: "fails", countsOutages: true, p99: { mean: 2 * p99Ns.mean } });
    expect(judged.marginNs).toBeCloseTo(-0.5 * p99Ns.mean, 3);
    expect(bindsWords(judged)).toMatch(/^Rare outages are counted\. Of what weights add/);
    expect(judgeDecoding(bound, slo, unknown)).toMatchObject({ status: "holds", countsOutages: false, p99: p99Ns });
  }
  expect(judgeDecoding(bound, { sloNs: bound.stepNs / 2 }, report)).toMatchObject({ status: "impossible", p99: null });
  expect(() => judgeDecoding(bound, { sloNs: 1e9 }, null)).toThrow(
    "report must be given where sloNs is not below the bound",
  );
});

test("no outages where links do not train again, or where none are asked for", () => {
  const run = { repetitions: 1, outages: 4 };
  expect(simulateDecoding(small(opticsNamed("pcb")), run).report.outages).toBeNull();
  expect(simulateDecoding(small(opticsAt(1)), { ...run, outages: 0 }).report.outages).toBeNull();
  expect(() => simulateDecoding(small(opticsAt(1)), { outages: -1 })).toThrow(
    "outages must be from 0 to 10000, got -1",
  );
});

test("a run that goes on from what was saved is the one that had the outage from the beginning", () => {
  const plan = planDecoding(small(opticsAt(null)));
  plan.engine.fabric = heldFabric({ seed: 1 }, plan.cluster, 1);
  const endsOf = (run: Run) => {
    const ends: number[] = [];
    for (let unit = run.next(); unit >= 0; unit = run.next()) ends.push(run.engine.endNs(unit));
    return ends;
  };
  const calm = endsOf(new Run(plan));
  const { server } = new Run(plan).engine.failing[2]!;
  const [beginNs, endNs] = [calm[9]! + 1e5, calm[9]! + 9e6];
  const whole = new Run(plan);
  whole.engine.strike(server, beginNs, endNs);
  const struck = endsOf(whole);
  expect(struck).not.toEqual(calm);
  const parted = new Run(plan);
  for (let i = 0; i < 10; i++) parted.next();
  const saved = parted.save();
  parted.engine.strike(server, beginNs, endNs);
  expect(endsOf(parted)).toEqual(struck.slice(10));
  parted.restore(saved);
  expect(endsOf(parted)).toEqual(calm.slice(10));
});

test("so is one whose links carry something as they go out, whenever that is", () => {
  const cluster = { ...source.cluster!, optics: opticsAt(null), gpus: 64, gpusPerDpu: 8 };
  const plan = planDecoding({ ...source, cluster, steps: 2 });
  plan.engine.fabric = heldFabric({ seed: 1 }, plan.cluster, 1);
  const run = new Run(plan);
  const start = run.save();
  const endsOf = () => {
    const ends: number[] = [];
    for (let unit = run.next(); unit >= 0; unit = run.next()) ends.push(run.engine.endNs(unit));
    return ends;
  };
  const calm = endsOf();
  const base = baseOf(start.state, plan);
  const { failing } = run.engine;
  let carrying = 0;
  for (let i = 0; i < 40; i++) {
    // A load takes about 0.2 ms: of those under way as a step ends some are so still.
    const beginNs = calm[Math.floor(((i + 0.5) / 40) * calm.length)]! + 5e4;
    const { server } = failing[i % failing.length]!;
    run.restore(start);
    run.engine.strike(server, beginNs, beginNs + 1.5e6);
    const struck = endsOf();
    run.restore(start);
    const before = calm.filter((ns) => ns <= beginNs).length;
    for (let ended = 0; ended < before; ended++) run.next();
    carrying += Number(carriesAt(run.engine.save(), base, server, beginNs));
    run.engine.strike(server, beginNs, beginNs + 1.5e6);
    expect(endsOf()).toEqual(struck.slice(before));
  }
  expect(carrying).toBeGreaterThan(0);
});

/** At which address a simulation begins, which its header tells of its parts. */
function baseOf(state: Float64Array, { engine }: DecodingPlan): number {
  return wordsOf(state)[2 * SIM_UNITS_AT]! - partsOf(engine).at.units;
}

/** Whether a server has a turn in its queue, which began before `ns`, that ends after it. */
function carriesAt(state: Float64Array, base: number, server: number, ns: number): boolean {
  const rows = wordsOf(state);
  for (let job = rows[2 * server + SERVER_HEAD / 4]!; job !== 0; job = rows[(job - base + JOB_NEXT) / 4]!) {
    const [startNs, endNs] = [JOB_START_NS, JOB_END_NS].map((field) => state[(job - base + field) / 8]!);
    if (startNs! < ns && endNs! > ns) return true;
  }
  return false;
}

const wordsOf = (state: Float64Array) => new Uint32Array(state.buffer, state.byteOffset, 2 * state.length);

test("weighed values are those of a list that has each as often as it weighs", () => {
  const ns = fc.integer({ min: 1, max: 50 });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(ns, fc.option(ns, { nil: null })), { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 0, max: 1 }),
      fc.constantFrom(0.25, 0.5, 0.9, 0.99),
      (pairs, weight, u) => {
        const before = pairs.map(([value]) => value);
        const differ = pairs.filter(([value, other]) => other !== null && other !== value);
        const after = pairs.map(([value, other]) => (weight === 1 ? (other ?? value) : value));
        const changed = {
          sorted: Float64Array.from(before).sort(),
          gone: differ.map(([value]) => value),
          come: differ.map(([, other]) => other!),
        };
        const plain = Float64Array.from(after).sort();
        expect(weighedQuantile(changed, weight, u)).toBe(plain[Math.floor(u * plain.length)]);
        const sum = after.reduce((all, value) => all + value, 0);
        expect(Math.abs(weighedMean(changed, weight) - sum / after.length)).toBeLessThan(1e-9);
      },
    ),
    { seed: 6 },
  );
});
