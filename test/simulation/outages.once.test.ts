import { expect, test } from "vitest";
import { opticsNamed } from "../../src/optics/index.ts";
import { simulateDecoding } from "../../src/simulation/index.ts";
import type { DecodingOptions } from "../../src/simulation/plan.ts";
import type { Figure } from "../../src/simulation/report.ts";
import { sourceScenario } from "../../src/simulation/scenario.ts";

const [LOW_NS, HIGH_NS] = [1e6, 2e6];
const source = sourceScenario();

/** The sources' scenario on 16 GPUs, whose links go out so often an hour. */
function scenario(ratePerLinkHour: number, change: DecodingOptions = {}): DecodingOptions {
  const { profile, hop } = opticsNamed("lpo-800g");
  const optics = { hop, profile: { ...profile, retrain: { ratePerLinkHour, lowNs: LOW_NS, highNs: HIGH_NS } } };
  return { ...source, ...change, cluster: { ...source.cluster!, gpus: 16, ...change.cluster, optics } };
}

const half = ({ low, high }: Figure) => (high! - low!) / 2;

/** Both of 95% intervals of their own: they differ by no more than both together. */
function expectAlike(a: Figure, b: Figure): void {
  expect(Math.abs(a.mean - b.mean)).toBeLessThan(half(a) + half(b));
}

// 4,800 steps a repetition, of which some 3% wait for an outage: links have gone out hundreds of times by then.
test.each([
  ["a DPU for each GPU", {}],
  ["8 GPUs share one", { cluster: { gpus: 16, gpusPerDpu: 8 } }],
] as const)("what is weighed by exposure is what runs come to that meet many outages: %s", (_, change) => {
  const { report } = simulateDecoding(scenario(300, { steps: 300, ...change }), { outages: 60 });
  const { counted, due, exposure } = report.outages!;
  expect(exposure!.mean).toBeGreaterThan(100);
  const [drawn, weighed] = [report.interTokenLatency, counted!.interTokenLatency];
  expectAlike(drawn.meanNs, weighed.meanNs);
  expectAlike(drawn.p99Ns, weighed.p99Ns);
  expectAlike(drawn.p999Ns, weighed.p999Ns);
  expectAlike(report.tpot!.meanNs, counted!.tpot!.meanNs);
  // And it can tell: what is due to outages is more than what may be left between the two.
  expect(due!.interTokenLatency.meanNs.low).toBeGreaterThan(0);
});

test("one outage adds what arithmetic makes of it", () => {
  // All in one node: of the links only those of DPUs carry anything, and a GPU that has one to itself has one load on it at most.
  const gpus = 16;
  const { report } = simulateDecoding(scenario(0, { cluster: { gpus, gpusPerNode: gpus }, steps: 100 }), {
    repetitions: 8,
    outages: 200,
  });
  const { one, links } = report.outages!;
  const ports = 16;
  const { postedPerStep, bytesPerStep } = report.loads;
  const serviceNs =
    bytesPerStep.mean / postedPerStep.mean / (ports * 100 * opticsNamed("lpo-800g").profile.goodputShare);
  const stepNs = report.interTokenLatency.meanNs.mean;
  const carrying = (postedPerStep.mean * serviceNs) / stepNs;
  // While a GPU has no load under way, it comes to a router every so often, which asks for one in a quarter of cases.
  const [layers, cold] = [56, 0.25];
  const routerNs = ((1 - carrying) * stepNs) / layers;
  /** A load under way is put off by all of an outage; one that comes during it by what is left. */
  const putOffNs = (ns: number) => {
    let comes = 0;
    for (let k = 0; k * routerNs < ns; k++) {
      const leftNs = ns - k * routerNs; // at the beginning of the time in which the (k + 1)th router comes
      const untilNs = Math.min(routerNs, leftNs);
      comes += cold * (1 - cold) ** k * ((untilNs * (leftNs - untilNs / 2)) / routerNs);
    }
    return carrying * ns + (1 - carrying) * comes;
  };
  const lengths = Array.from({ length: 1000 }, (_, i) => LOW_NS + ((i + 0.5) / 1000) * (HIGH_NS - LOW_NS));
  const mean = lengths.reduce((sum, ns) => sum + putOffNs(ns), 0) / lengths.length;
  const expected = ((gpus * ports) / links) * mean;
  expect(Math.abs(one.addedNs.mean - expected)).toBeLessThan(half(one.addedNs));
  // The interval tells it from neighbours: it is within a tenth.
  expect(half(one.addedNs)).toBeLessThan(0.1 * expected);
});
