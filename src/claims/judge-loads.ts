import { drive } from "../drive/index.ts";
import type { DriveOptions } from "../drive/plan.ts";
import { compareLanes, laneFaults } from "../lanes.ts";
import { PathSampler } from "../latency.ts";
import { opticsNamed } from "../optics/index.ts";
import { generateTraffic } from "../patterns.ts";
import { figure } from "../words.ts";
import { type ClaimFindings, compared, solve } from "./answer.ts";
import { stated } from "./fact.ts";
import { overSeeds, reactiveGap } from "./judge-deadline.ts";
import type { Judges } from "./judges.ts";
import { changedOptics, type Laboratory, SEEDS } from "./laboratory.ts";

/** Enough ports that a DPU's pace of 1.6 TB/s is what limits a load. */
const CAP_PORTS = 17;

/** Loads one by one, from so many GPUs, far apart in time. */
function drivenAlone(
  laboratory: Laboratory,
  seed: number,
  options: DriveOptions,
  loads = laboratory.isQuick ? 400 : 2000,
) {
  const traffic = generateTraffic({ pattern: "uniform", gpus: 16, loads, gpusPerDpu: 1, utilisation: 0.001, seed });
  return drive(traffic, { ...options, seed, fabric: { ports: CAP_PORTS, gpusPerDpu: 1, ...options.fabric } });
}

function coPackagedLoad(laboratory: Laboratory): ClaimFindings {
  const load = overSeeds(
    laboratory,
    (seed) => drivenAlone(laboratory, seed, { optics: "cpo-800g" }).loadNs.meanNs / 1e3,
  );
  const sixteen = overSeeds(
    laboratory,
    (seed) => drivenAlone(laboratory, seed, { optics: "cpo-800g", fabric: { ports: 16 } }).loadNs.meanNs / 1e3,
  );
  return {
    seeds: SEEDS,
    figures: [
      compared(
        "a load at the DPU's pace",
        "µs",
        stated("sla.cpo-load", "mean"),
        load,
        stated("sla.cpo-load", "plusMinus"),
      ),
    ],
    arithmetic: [
      `post 2 + path 0.22 + translate 0.5 + 160 MB / 1,600 bytes/ns 100 + path 0.22 + fence 20 = ${figure(load.mean)} µs`,
      `through 16 ports of 800G at 95.3% goodput, which are below the pace: ${figure(sixteen.mean)} µs`,
    ],
    because:
      "post, translation and fence were chosen to meet it, as nobody states them: a calibration, not a confirmation",
    calibratedOn: ["sla.cpo-load"],
  };
}

/** A CPU's loads over 2 linear hops: what outages it takes for the p99, and what mean these outages foretell. */
function reactiveMiss(laboratory: Laboratory): ClaimFindings {
  const { retrain } = opticsNamed("lpo-800g").profile;
  const outage = [retrain!.lowNs / 1e3, retrain!.highNs / 1e3] as const;
  const options = (ratePerLinkHour: number): DriveOptions => ({
    optics: changedOptics("lpo-800g", { retrain: { ...retrain!, ratePerLinkHour } }),
    means: "reactive",
    fabric: { hops: 2, ports: CAP_PORTS },
  });
  const at = (rate: number, of: "meanNs" | "p99Ns") =>
    overSeeds(
      laboratory,
      (seed) => drivenAlone(laboratory, seed, options(rate), laboratory.isQuick ? 1000 : 4000).loadNs[of] / 1e3,
    );
  const calm = { mean: at(0, "meanNs"), p99: at(0, "p99Ns") };
  const want = { mean: stated("sla.gap-miss", "mean"), p99: stated("sla.gap-miss", "p99") };
  const perUs = solve(want.p99, 1e-9, 1e-2, (rate) => reactiveGap(rate, calm.mean.mean, outage).p99Us, true)!;
  const links = CAP_PORTS * 2;
  const ratePerLinkHour = (perUs * 3.6e9) / links;
  const foretold = reactiveGap(perUs, calm.mean.mean, outage);
  const held = { mean: at(ratePerLinkHour, "meanNs"), p99: at(ratePerLinkHour, "p99Ns") };
  return {
    seeds: SEEDS,
    figures: [
      compared("mean, no outages", "µs", want.mean, calm.mean),
      compared("p99, no outages", "µs", want.p99, calm.p99),
    ],
    readings: [
      {
        name: "mean with the outages that the p99 takes (predicted)",
        unit: "µs",
        found: held.mean.mean,
        fits: compared("", "µs", want.mean, held.mean).fits,
      },
      {
        name: "p99 with them (calibrated)",
        unit: "µs",
        found: held.p99.mean,
        fits: compared("", "µs", want.p99, held.p99).fits,
      },
    ],
    verdict: "not reproduced",
    arithmetic: [
      `no outages: mean ${figure(calm.mean.mean)}, p99 ${figure(calm.p99.mean)} µs`,
      `outages of 1 to 2 ms on ${links} links, ${figure(ratePerLinkHour)} an hour on each, by the closed form: p99 ${figure(foretold.p99Us)}, mean ${figure(foretold.meanUs)} µs`,
      `the same, driven ${SEEDS} times: p99 ${figure(held.p99.mean)} (${figure(held.p99.low)} to ${figure(held.p99.high)}), mean ${figure(held.mean.mean)} (${figure(held.mean.low)} to ${figure(held.mean.high)}) µs`,
    ],
    because:
      "a CPU's load over two linear hops has no tail without outages; with as many as its p99 takes, its mean comes out by itself",
    calibratedOn: ["sla.gap-miss"],
    needs: [
      {
        parameter: "outages of each link",
        unit: "an hour",
        value: ratePerLinkHour,
        gives: { name: "p99 of a load, closed form", unit: "µs", stated: want.p99, found: foretold.p99Us },
        because: `every ${figure(3600 / ratePerLinkHour)} s on every link: links that do this are out of order, and no p99 of theirs is a property of linear optics`,
      },
    ],
  };
}

function requestsInTime(laboratory: Laboratory): ClaimFindings {
  const { fabric } = laboratory.verdict("cpo-800g");
  const limit = stated("doorbell.deadline");
  const most = (family: string) =>
    overSeeds(laboratory, (seed) => {
      const hops = Array.from({ length: 3 }, () => opticsNamed(family).hop);
      const sampler = new PathSampler({ hops, correlation: 1 }, { batch: laboratory.isQuick ? 16_384 : 131_072, seed });
      return (fabric.postNs + fabric.translateNs + sampler.next().reduce((a, b) => Math.max(a, b), 0)) / 1e3;
    });
  const rows = ["cpo-800g", "lpo-800g", "dsp-800g"].map((name) => ({ name, found: most(name) }));
  return {
    seeds: SEEDS,
    figures: [compared("the latest over co-packaged optics", "µs", [0, limit], rows[0]!.found)],
    readings: rows.map(({ name, found }) => ({
      name: `the latest over ${name}`,
      unit: "µs",
      found: found.mean,
      fits: found.mean <= limit,
    })),
    arithmetic: rows.map(
      ({ name, found }) => `${name}: post 2 + latest traversal + translate 0.5 = ${figure(found.mean)} µs`,
    ),
    because:
      "over co-packaged and retimed optics doorbells are in time, if nothing queues before them; over linear ones the few latest are not",
  };
}

function behindFrames(laboratory: Laboratory): ClaimFindings {
  const utilisation = 0.53;
  const bare = opticsNamed("cpo-800g").hop;
  const worst = (lane: "dedicated" | "priority" | "shared") =>
    overSeeds(laboratory, (seed) => {
      const faults = [1, 2, 3].flatMap(() => laneFaults(lane, { utilisation }));
      const sampler = new PathSampler({ hops: [bare, bare, bare], correlation: 1, faults }, { batch: 16_384, seed });
      return sampler.next().reduce((a, b) => a + b, 0) / 16_384;
    });
  const base = worst("dedicated").mean;
  const rows = compareLanes({ utilisation }).map((report) => ({ ...report, drawn: worst(report.lane).mean - base }));
  return {
    seeds: SEEDS,
    verdict: "underdetermined",
    readings: rows.map(({ lane, drawn }) => ({
      name: `${lane}: mean wait over 3 hops, drawn`,
      unit: "ns",
      found: drawn,
      fits: lane === "dedicated",
    })),
    arithmetic: rows.map(
      ({ lane, meanNs, p99Ns, mostNs }) =>
        `${lane}: mean ${figure(meanNs)} ns, p99 ${figure(p99Ns)} ns, at most ${mostNs === null ? "nothing bounds it" : `${figure(mostNs)} ns`} (links ${figure(100 * utilisation)}% busy)`,
    ),
    because:
      "true of a lane of their own; first in line they wait for the frame on the wire, 90 ns a hop at the most; in one queue with bulk they are stuck. Nobody says which it is",
  };
}

export const LOAD_JUDGES: Judges = {
  "sla.cpo-load": coPackagedLoad,
  "sla.gap-miss": reactiveMiss,
  "doorbell.deadline": requestsInTime,
  "doorbell.flit": behindFrames,
};
