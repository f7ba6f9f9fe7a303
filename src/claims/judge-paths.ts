import { coherentLoad, traversalAt, traversalOf } from "../coherency.ts";
import type { Path } from "../latency.ts";
import { opticsNamed } from "../optics/index.ts";
import { exactPath } from "../path.ts";
import { figure } from "../words.ts";
import { type ClaimFindings, compared, fits } from "./answer.ts";
import { stated } from "./fact.ts";
import type { Judges } from "./judges.ts";

const HOPS = 3;
const hopOf = (family: string) => opticsNamed(family === "pcb" ? "pcb" : `${family}-800g`);
const pathOf = (family: string, change: Partial<Path> = {}): Path => ({
  hops: Array.from({ length: HOPS }, () => hopOf(family).hop),
  correlation: 1,
  ...change,
});

function budgetOfRetimed(): ClaimFindings {
  const together = traversalAt(pathOf("dsp"), 0.01).hopsNs / 1e3;
  const bare = { pipelineNs: 0, serdesNs: 0 };
  const apart = exactPath(pathOf("dsp", { correlation: 0, ...bare })).quantileNs(0.01) / 1e3;
  return {
    figures: [compared("p99 of 3 hops in step", "µs", stated("budget.dsp-3hop"), together)],
    readings: [
      {
        name: "hops in step: p99s add up",
        unit: "µs",
        found: together,
        fits: fits(stated("budget.dsp-3hop"), together),
      },
      { name: "hops independent", unit: "µs", found: apart, fits: fits(stated("budget.dsp-3hop"), apart) },
    ],
    arithmetic: [`3 x ${figure(hopOf("dsp").profile.p99Ns)} ns = ${figure(together)} µs`],
    because: "it follows if all hops are slow together; independent ones need less",
  };
}

function budgetOfCoPackaged(): ClaimFindings {
  const { medianNs, bodyJitter3SigmaNs } = hopOf("cpo").profile;
  const median = traversalAt(pathOf("cpo"), 0.5).hopsNs;
  return {
    figures: [
      compared("3 hops", "ns", stated("budget.cpo-3hop"), median, stated("budget.cpo-3hop", "plusMinus")),
      compared("give or take", "ns", stated("budget.cpo-3hop", "plusMinus"), HOPS * bodyJitter3SigmaNs, 1),
    ],
    arithmetic: [
      `3 x ${medianNs} = ${figure(median)} ns`,
      `3 x ${bodyJitter3SigmaNs} = ${figure(HOPS * bodyJitter3SigmaNs)} ns in step, sqrt(3) x ${bodyJitter3SigmaNs} = ${figure(Math.sqrt(HOPS) * bodyJitter3SigmaNs)} ns independent`,
    ],
    because: "the bodies of three hops in step come to it, rounded up",
  };
}

function boundOfDoorbell(): ClaimFindings {
  const { hopsNs, pipelineNs, serdesNs } = traversalAt(pathOf("cpo"), 0.5);
  const at = (name: string) => stated("doorbell.cpo-bound", name);
  return {
    figures: [
      compared("wire", "ns", at("wire"), hopsNs),
      compared("with the pipeline", "ns", at("total"), hopsNs + pipelineNs),
      compared("with SERDES", "ns", at("withSerdes"), hopsNs + pipelineNs + serdesNs),
    ],
    arithmetic: [`${figure(hopsNs)} + ${pipelineNs} + ${serdesNs} = ${figure(hopsNs + pipelineNs + serdesNs)} ns`],
    because: "the sum of its parts; the SERDES are what is left of it, so they are an assumption and not a check",
    calibratedOn: ["doorbell.cpo-bound"],
  };
}

function doorbellOverLinear(): ClaimFindings {
  const mean = HOPS * hopOf("lpo").hop.moments().meanNs;
  const { hopsNs } = traversalAt(pathOf("lpo"), 0.5);
  const p99 = traversalAt(pathOf("lpo"), 0.01).hopsNs;
  const command = stated("sla.phases", "command") * 1e3;
  return {
    figures: [
      compared("mean of 3 hops", "ns", stated("doorbell.lpo", "mean"), mean),
      compared("p99 of 3 hops in step", "µs", stated("doorbell.lpo", "p99"), p99 / 1e3),
    ],
    readings: [
      { name: "three medians", unit: "ns", found: hopsNs, fits: fits(stated("doorbell.lpo", "mean"), hopsNs) },
      {
        name: "the mean that median and p99 make",
        unit: "ns",
        found: mean,
        fits: fits(stated("doorbell.lpo", "mean"), mean),
      },
    ],
    arithmetic: [
      `3 x 198 = ${figure(hopsNs)} ns is the median; with the tail the mean is ${figure(mean)} ns`,
      `3 x 1,240 = ${figure(p99)} ns, which is ${figure((100 * p99) / command)}% of the command phase, not 17%`,
    ],
    because: "what is called a mean is the median, and the tail lifts the mean above it",
  };
}

function coherentRead(): ClaimFindings {
  const at = (name: string) => stated("coherency.lpo", name);
  const roundTrips = at("roundTrips");
  const bytes = 64;
  const snoop = (hopNs: number) =>
    coherentLoad(traversalOf(HOPS, hopNs), { bytes, outstanding: 1, bytesPerNs: 1600, roundTrips });
  const { medianNs, p99Ns } = hopOf("lpo").profile;
  const us = (ns: number) => ns / 1e3;
  const readings = [
    ["1.5 traversals one way, hops of 400 ns", us(snoop(400).oneWay.miss.hopsNs), at("best")],
    ["1.5 round trips, hops of 400 ns", us(snoop(400).roundTrips.miss.hopsNs), at("best")],
    ["1.5 round trips at the profile's median", us(snoop(medianNs).roundTrips.miss.hopsNs), at("best")],
    ["1.5 traversals one way at its p99", us(snoop(p99Ns).oneWay.miss.hopsNs), at("p99")],
    ["1.5 round trips at its p99", us(snoop(p99Ns).roundTrips.miss.hopsNs), at("p99")],
  ] as const;
  return {
    figures: [
      compared("1.5 round trips at best", "µs", at("best"), us(snoop(medianNs).roundTrips.miss.hopsNs)),
      compared("1.5 round trips at p99", "µs", at("p99"), us(snoop(p99Ns).roundTrips.miss.hopsNs)),
    ],
    readings: readings.map(([name, found, is]) => ({ name, unit: "µs", found, fits: fits(is, found) })),
    arithmetic: readings.map(([name, found]) => `${name}: ${figure(found)} µs`),
    because:
      "1.5 round trips are three traversals, and a linear hop takes 198 ns in the same document: the figures are those of half as many hops of twice the time",
    needs: [
      {
        parameter: "traversals of a snoop",
        unit: "count",
        value: roundTrips,
        gives: { name: "p99", unit: "µs", stated: at("p99"), found: us(snoop(p99Ns).oneWay.miss.hopsNs) },
        because: "a round trip counted as one way",
      },
    ],
  };
}

export const PATH_JUDGES: Judges = {
  "optics.dsp-range": () => {
    const { medianNs, p99Ns } = hopOf("dsp").profile;
    return {
      figures: [
        compared("from (its median)", "ns", stated("optics.dsp-range", "low"), medianNs),
        compared("to (its p99)", "ns", stated("optics.dsp-range", "high"), p99Ns),
      ],
      arithmetic: [`median ${medianNs} ns, p99 ${p99Ns} ns, in hundreds`],
      because: "median and p99 of the profile, rounded to hundreds",
    };
  },
  "sla.jitter-hops": () => {
    const perHop = stated("sla.jitter-hops", "perHop");
    const count = stated("sla.jitter-hops", "hops");
    const [together, apart] = [count * perHop, Math.sqrt(count) * perHop];
    const total = stated("sla.jitter-hops", "total");
    return {
      figures: [compared("hops in step", "ns", total, together)],
      readings: [
        { name: "hops in step", unit: "ns", found: together, fits: fits(total, together) },
        { name: "hops independent", unit: "ns", found: apart, fits: fits(total, apart) },
      ],
      arithmetic: [`${count} x ${perHop} = ${together} ns; sqrt(${count}) x ${perHop} = ${figure(apart)} ns`],
      because: "it follows if all hops are late together, the cautious end",
    };
  },
  "budget.dsp-3hop": budgetOfRetimed,
  "budget.cpo-3hop": budgetOfCoPackaged,
  "tail.cpo-over-mean": () => {
    const { hop, profile } = hopOf("cpo");
    const over = profile.p99Ns / hop.moments().meanNs - 1;
    return {
      figures: [compared("p99 over the mean", "share", stated("tail.cpo-over-mean"), over)],
      arithmetic: [`${profile.p99Ns} / ${hop.moments().meanNs.toFixed(2)} - 1 = ${figure(over)}`],
      because: "of one hop, whose mean is all but its median",
    };
  },
  "doorbell.cpo-bound": boundOfDoorbell,
  "doorbell.command-ratio": () => {
    const { hopsNs, pipelineNs, serdesNs } = traversalAt(pathOf("cpo"), 0.5);
    const ratio = (stated("sla.phases", "command") * 1e3) / (hopsNs + pipelineNs + serdesNs);
    return {
      figures: [compared("command phase over a traversal", "ratio", stated("doorbell.command-ratio"), ratio)],
      arithmetic: [`10 µs / ${figure(hopsNs + pipelineNs + serdesNs)} ns = ${figure(ratio)}`],
      because: "the quotient",
    };
  },
  "doorbell.lpo": doorbellOverLinear,
  "coherency.lpo": coherentRead,
};
