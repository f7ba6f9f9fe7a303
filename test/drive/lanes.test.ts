import { expect, test } from "vitest";
import { Distribution } from "../../src/distribution.ts";
import type { DriveOptions } from "../../src/drive/plan.ts";
import { opticsNamed } from "../../src/optics/index.ts";
import { shareOf } from "../share.ts";
import { runOf, steady, trafficOf } from "./shared.ts";

// Loads on an idle fabric, each long after the one before: what a lane adds to a doorbell is all that differs.

const COUNT = shareOf(20_000);
const idle = trafficOf(
  Array.from({ length: COUNT }, (_, fenceId) => ({ fenceId, postNs: 1e6 * fenceId, sizeBytes: 64 })),
);

/** How long each load took. */
const loadsBy = (options: Partial<DriveOptions>) => {
  const { ends } = runOf(idle, { optics: steady(400), ...options }, 2);
  return ends.endNs.map((ns, row) => ns - idle.postNs[row]!);
};
const meanOf = (values: Float64Array) => values.reduce((sum, ns) => sum + ns, 0) / values.length;
/** 90 ns a frame at 800 Gb/s. */
const FRAME_NS = 90;

test("a dedicated lane does not feel bulk", () => {
  const optics = opticsNamed("dsp-800g");
  const quiet = loadsBy({ optics });
  expect(loadsBy({ optics, fabric: { bulkUtilisation: 0.99 } })).toEqual(quiet);
  expect(loadsBy({ optics, lane: "dedicated", fabric: { bulkUtilisation: 0 } })).toEqual(quiet);
  // Nor do the others where there is no bulk.
  for (const lane of ["priority", "shared"] as const)
    expect(loadsBy({ optics, lane, fabric: { bulkUtilisation: 0 } })).toEqual(quiet);
});

test.each([
  [1, 0.3],
  [3, 0.8],
  [5, 0.95],
])("over %d hops at %d a priority lane adds hops x utilisation x 45 ns, and never more than hops x 90", (hops, rho) => {
  const quiet = loadsBy({ fabric: { hops } });
  const busy = loadsBy({ lane: "priority", fabric: { hops, bulkUtilisation: rho } });
  const added = busy.map((ns, i) => ns - quiet[i]!);
  // A hop waits with probability rho for what is left of a frame, anything up to all of it: 5 standard errors.
  const variance = rho * (FRAME_NS ** 2 / 3) - (rho * (FRAME_NS / 2)) ** 2;
  const error = Math.sqrt((hops * variance) / COUNT);
  expect(Math.abs(meanOf(added) - hops * rho * (FRAME_NS / 2))).toBeLessThan(5 * error);
  expect(Math.max(...added)).toBeLessThanOrEqual(hops * FRAME_NS + 1e-3);
  expect(Math.min(...added)).toBeGreaterThanOrEqual(-1e-3);
  const none = added.filter((ns) => ns < 1e-3).length / COUNT;
  const share = (1 - rho) ** hops;
  expect(Math.abs(none - share)).toBeLessThan(5 * Math.sqrt((share * (1 - share)) / COUNT) + 1e-4);
});

test("a shared lane waits as M/D/1 says, more and more as bulk fills the links", () => {
  const quiet = meanOf(loadsBy({}));
  let last = 0;
  for (const rho of [0.3, 0.6, 0.9]) {
    const added = loadsBy({ lane: "shared", fabric: { bulkUtilisation: rho } }).map((ns) => ns - quiet);
    // Pollaczek and Khinchine, with frames of one length: mean, and second moment of a hop's wait.
    const mean = (rho * FRAME_NS) / (2 * (1 - rho));
    const square = 2 * mean ** 2 + (rho * FRAME_NS ** 2) / (3 * (1 - rho));
    const error = Math.sqrt((3 * (square - mean ** 2)) / COUNT);
    // The wait is tabulated in steps of a thousandth of a frame or so.
    expect(Math.abs(meanOf(added) - 3 * mean)).toBeLessThan(5 * error + 0.001 * 3 * mean);
    expect(meanOf(added)).toBeGreaterThan(last);
    last = meanOf(added);
  }
});

test("bulk is at 0.8 unless the fabric says otherwise, and frames are shorter on faster ports", () => {
  const [stated, unsaid] = [{ bulkUtilisation: 0.8 }, {}].map((fabric) => loadsBy({ lane: "priority", fabric }));
  expect(unsaid).toEqual(stated);
  const optics = steady(400, { portGbps: 1600 });
  const quiet = loadsBy({ optics });
  const added = loadsBy({ optics, lane: "priority" }).map((ns, i) => ns - quiet[i]!);
  expect(Math.max(...added)).toBeLessThanOrEqual(3 * 45 + 1e-3);
  expect(Math.max(...added)).toBeGreaterThan(3 * 45 * 0.9);
});

test("lanes delay doorbells, and what answers them not", () => {
  const { ends } = runOf(idle, { optics: steady(400), lane: "shared", fabric: { bulkUtilisation: 0.95 } }, 2);
  const answers = ends.endNs.map((ns, row) => ns - ends.dataNs[row]!);
  expect(Math.max(...answers) - Math.min(...answers)).toBeLessThan(1e-3);
  const doorbells = ends.arrivalNs.map((ns, row) => ns - idle.postNs[row]!);
  expect(Math.max(...doorbells) - Math.min(...doorbells)).toBeGreaterThan(3 * FRAME_NS);
});

test("doorbells and answers are drawn from the hop's own distribution, apart from one another", () => {
  const hop = Distribution.uniform(100, 700);
  const optics = { ...steady(400), hop };
  const { ends } = runOf(idle, { optics, fabric: { hops: 1, postNs: 0, translateNs: 0, localFenceNs: 0 } }, 2);
  const there = ends.arrivalNs.map((ns, row) => ns - idle.postNs[row]! - 76);
  const back = ends.endNs.map((ns, row) => ns - ends.dataNs[row]! - 76);
  const sigma = 600 / Math.sqrt(12);
  for (const ns of [there, back]) {
    expect(Math.abs(meanOf(ns) - 400)).toBeLessThan((5 * sigma) / Math.sqrt(COUNT) + 1); // Q(u) ends at u = 1 - 2^-9
    expect(Math.min(...ns)).toBeGreaterThan(100 - 1e-3);
    expect(Math.max(...ns)).toBeLessThan(700 + 1e-3);
  }
  const correlation = meanOf(there.map((ns, i) => (ns - 400) * (back[i]! - 400))) / sigma ** 2;
  expect(Math.abs(correlation)).toBeLessThan(5 / Math.sqrt(COUNT));
});
