import { expect, test } from "vitest";
import { drive } from "../../src/drive/index.ts";
import { reportOf } from "../../src/drive/report.ts";
import { generateTraffic } from "../../src/patterns.ts";
import { nsFromHours } from "../../src/units.ts";
import { shareOf } from "../share.ts";
import { FIXED_NS, POST_NS, runOf, steady, TRANSLATE_NS, trafficOf } from "./shared.ts";

/** One port and one hop, so that a DPU has one link: it is out for 0.1 ms in 10. */
const [LOW_NS, HIGH_NS, GAP_NS] = [50_000, 150_000, 9.9e6];
const retrain = { ratePerLinkHour: nsFromHours(1) / GAP_NS, lowNs: LOW_NS, highNs: HIGH_NS };
const optics = steady(400, { retrain });
const fabric = { ports: 1, hops: 1, gpusPerDpu: 4 };
const [GPUS, LOADS] = [16, shareOf(8000, 2000)];
/** From post to the DPU's queue. */
const BEFORE_NS = POST_NS + 400 + FIXED_NS + TRANSLATE_NS;
const traffic = generateTraffic({
  pattern: "uniform",
  gpus: GPUS,
  loads: LOADS,
  sizeBytes: 16e6,
  gpusPerDpu: 4,
  paceBytesPerNs: 95.3,
  utilisation: 0.6,
  slackNs: 2e6,
});

test.each(["finish", "drop"] as const)(
  "with links out a hundredth of the time every load ends once, and those that this touched are told: %s",
  (onExpire) => {
    let readBytes = 0;
    const onChunk = ({ bytes }: { bytes: number }) => {
      readBytes += bytes;
    };
    const { plan, run, ends } = runOf(traffic, { optics, fabric, onExpire }, GPUS, { onChunk });
    const report = reportOf(plan, traffic, run);
    const { outcomes, faults, dpus } = report;
    expect(outcomes.done + outcomes.late + outcomes.dropped).toBe(LOADS);
    expect(dpus.reduce((sum, { loads }) => sum + loads, 0)).toBe(LOADS);
    expect(dpus.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(readBytes);
    expect(outcomes.done).toBeGreaterThan(0.9 * LOADS);
    expect(onExpire === "drop" ? outcomes.late : outcomes.dropped).toBe(0);

    const firstNs = traffic.postNs[0]!;
    const outages = dpus.map(({ dpu }) =>
      run.pacer.outagesOf(dpu, report.endNs).filter(({ endNs }) => endNs > firstNs),
    );
    expect(faults.outages).toBe(outages.flat().length);
    const heldNs = new Map(faults.held.map((held) => [held.fenceId, held]));
    expect(heldNs.size).toBe(faults.held.length);
    let touched = 0;
    for (let row = 0; row < LOADS; row++) {
      if (ends.dataNs[row] === 0) continue; // dropped
      const dpu = Math.floor(traffic.destinationGpu[row]! / 4);
      const overlapNs = outages[dpu]!.reduce(
        (sum, { beginNs, endNs }) =>
          sum + Math.max(0, Math.min(endNs, ends.dataNs[row]!) - Math.max(beginNs, ends.arrivalNs[row]!)),
        0,
      );
      const held = heldNs.get(traffic.fenceId[row]!);
      expect(held === undefined, `load ${row} has ${overlapNs} ns`).toBe(overlapNs === 0);
      if (!held) continue;
      touched++;
      expect(Math.abs(held.heldNs - overlapNs)).toBeLessThan(1e-3);
      expect(held).toMatchObject({ dpu, endNs: ends.endNs[row] });
    }
    expect(touched).toBeGreaterThan(LOADS / 100);

    // Links' time in outage, by the list to the last digit; by its law within 5 standard errors of its renewals.
    const timeNs = report.spanNs * dpus.length;
    const outNs = outages
      .flat()
      .reduce((sum, { beginNs, endNs }) => sum + Math.min(report.endNs, endNs) - Math.max(firstNs, beginNs), 0);
    expect(faults.linkTimeShare).toBeCloseTo(outNs / timeNs, 12);
    const cycleNs = GAP_NS + 100_000;
    const share = 100_000 / cycleNs;
    const variance = (1 - share) ** 2 * ((HIGH_NS - LOW_NS) ** 2 / 12) + share ** 2 * GAP_NS ** 2;
    const error = Math.sqrt((timeNs / cycleNs) * variance) / timeNs;
    expect(Math.abs(faults.linkTimeShare - share)).toBeLessThan(5 * error);
  },
);

test("links in step stop together: as many outages as they have all together, each of one of them", () => {
  const many = { ...fabric, ports: 4, hops: 3 };
  const slow = steady(400, { retrain: { ...retrain, ratePerLinkHour: retrain.ratePerLinkHour / 12 } });
  const one = drive(traffic, { optics, fabric }).faults;
  const twelve = drive(traffic, { optics: slow, fabric: { ...many } }).faults;
  // Twelve links a DPU, each as rarely out as one in twelve of the one link: as many outages, of a twelfth of all links' time.
  expect(Math.abs(twelve.outages - one.outages)).toBeLessThan(5 * Math.sqrt(one.outages + twelve.outages));
  expect(twelve.linkTimeShare / one.linkTimeShare).toBeGreaterThan(0.5 / 12);
  expect(twelve.linkTimeShare / one.linkTimeShare).toBeLessThan(2 / 12);
});

test("outages cost time, and no load", () => {
  const quiet = drive(traffic, { optics: steady(400), fabric });
  const noisy = drive(traffic, { optics, fabric });
  expect(quiet.faults).toEqual({ outages: 0, linkTimeShare: 0, held: [] });
  expect(noisy.loadNs.count).toBe(quiet.loadNs.count);
  expect(noisy.loadNs.meanNs).toBeGreaterThan(quiet.loadNs.meanNs);
});

test("outages count from the first post, whenever that is", () => {
  const { run } = runOf(trafficOf([]), { optics, fabric }, 4);
  const outages = run.pacer.outagesOf(0, 1e10);
  const { beginNs, endNs } = outages.find(({ beginNs }) => beginNs > 9e9)!;
  // Posted in the midst of an outage: of that the second half is in the drive.
  const postNs = (beginNs + endNs) / 2;
  const report = drive(trafficOf([{ fenceId: 1, postNs, sizeBytes: 16e6 }]), { optics, fabric, gpus: 4 });
  const nextNs = outages[outages.findIndex((outage) => outage.beginNs === beginNs) + 1]!.beginNs;
  expect(report.endNs).toBeLessThan(nextNs);
  expect(report.faults.outages).toBe(1);
  expect(report.faults.linkTimeShare).toBeCloseTo((endNs - postNs) / report.spanNs, 9);
});

test("an outage counts up to the end of the drive", () => {
  const { run } = runOf(trafficOf([]), { optics, fabric }, 2);
  const [first] = run.pacer.outagesOf(0, 1e9);
  const middleNs = (first!.beginNs + first!.endNs) / 2;
  // A load that the outage holds and a cancel takes back: that is the last of it.
  const { faults, endNs } = drive(
    trafficOf([
      { fenceId: 1, postNs: first!.beginNs - 50_000, sizeBytes: 16e6 },
      { op: "cancel", fenceId: 1, postNs: middleNs - BEFORE_NS },
    ]),
    { optics, fabric, gpus: 4 },
  );
  expect(endNs).toBeCloseTo(middleNs, 3);
  expect(faults.outages).toBe(1);
  expect(faults.linkTimeShare).toBeCloseTo((middleNs - first!.beginNs) / (middleNs - (first!.beginNs - 50_000)), 6);
});

test("frames stall as often on each hop as their odds say, and hold their loads so long", () => {
  const stall = { probabilityPerFrame: 1e-4, lowNs: 1000, highNs: 3000 };
  // Loads of 4 MB, far apart, over 3 hops: 444 frames and 0.133 stalls each.
  const rows = Array.from({ length: LOADS }, (_, fenceId) => ({ fenceId, postNs: 1e6 * fenceId, sizeBytes: 4e6 }));
  const { ends } = runOf(trafficOf(rows), { optics: steady(400, { stall }), fabric: { ...fabric, hops: 3 } }, 2);
  const mean = (4e6 / 9000) * 3 * 1e-4;
  const held = ends.heldNs.filter((ns) => ns > 0);
  const share = 1 - Math.exp(-mean);
  expect(Math.abs(held.length / LOADS - share)).toBeLessThan(5 * Math.sqrt((share * (1 - share)) / LOADS));
  const totalNs = held.reduce((sum, ns) => sum + ns, 0);
  const square = 2000 ** 2 + 2000 ** 2 / 12;
  expect(Math.abs(totalNs - LOADS * mean * 2000)).toBeLessThan(5 * Math.sqrt(LOADS * mean * square));
  for (const [row, ns] of ends.heldNs.entries())
    expect(ends.dataNs[row]! - ends.firstReadNs[row]!).toBeCloseTo(4e6 / 95.3 + ns, 3);
});

const tiers = [
  ["in a node", { source: 1, destination: 0 }, 1],
  ["from node to node", { source: 2, destination: 0 }, 3],
  ["from pod to pod", { source: 4, destination: 0 }, 5],
] as const;
/** Loads of 4 MB each, far apart. */
const apart = (route: { source: number; destination: number }) =>
  trafficOf(
    Array.from({ length: LOADS }, (_, fenceId) => ({ fenceId, postNs: 1e6 * fenceId, sizeBytes: 4e6, ...route })),
  );
const tree = { gpusPerNode: 2, gpusPerPod: 4 };
const oneOfTwo = { ports: 1, gpusPerDpu: 2 };

test.each(tiers)("in a tree, what goes %s meets the outages of its own links alone", (_, route, links) => {
  for (const rates of [{}, { nodeBytesPerNs: 500, podBytesPerNs: 500 }]) {
    const { ends } = runOf(apart(route), { optics, fabric: oneOfTwo, tree: { ...tree, ...rates } }, 8);
    const held = ends.heldNs.filter((ns) => ns > 0).length / LOADS;
    // None of the links is out when it comes, and none goes out while it is on them.
    const share = 1 - (GAP_NS / (GAP_NS + 100_000)) ** links * Math.exp((-links * 4e6) / 95.3 / GAP_NS);
    expect(Math.abs(held - share)).toBeLessThan(5 * Math.sqrt((share * (1 - share)) / LOADS));
  }
});

test.each(tiers)("in a tree, frames of what goes %s stall on its own links alone", (_, route, links) => {
  const stall = { probabilityPerFrame: 1e-4, lowNs: 1000, highNs: 3000 };
  const { ends } = runOf(apart(route), { optics: steady(400, { stall }), fabric: oneOfTwo, tree }, 8);
  const held = ends.heldNs.filter((ns) => ns > 0).length / LOADS;
  const share = 1 - Math.exp((-4e6 / 9000) * links * 1e-4);
  expect(Math.abs(held - share)).toBeLessThan(5 * Math.sqrt((share * (1 - share)) / LOADS));
});

test("in a tree, a DPU has the outages of its ports", () => {
  const { plan } = runOf(trafficOf([]), { optics, fabric: { ports: 4 }, tree }, 8);
  expect(plan.pacer.faults!.links).toEqual({ ports: 4, node: 4, pod: 4 });
});
