import { duration, figure } from "../words.ts";
import { type ClaimFindings, type ClaimNeed, type ClaimReading, compared } from "./answer.ts";
import { stated } from "./fact.ts";
import type { Judges } from "./judges.ts";
import { articleModel, changedOptics, type Laboratory, SEEDS } from "./laboratory.ts";

const ms = (path: string) => stated("tpot.mixtral", path);
const resident = () => stated("results.p50", "before");
const layers = () => articleModel().moeLayers.length;
const coldShare = 0.25;
const coldGates = () => coldShare * layers();
const inMs = ({ mean, low, high }: { mean: number; low: number | null; high: number | null }) => ({
  mean: mean / 1e6,
  low: low === null ? null : low / 1e6,
  high: high === null ? null : high / 1e6,
});

/** The statements that the load's time is solved from. */
export const CALIBRATED_ON = ["tpot.mixtral", "results.p50"];

/** What a cold load takes if the co-packaged mean is to come out, and the pace that makes it take so long. */
export function calibratedLoad(laboratory: Laboratory) {
  const loadNs = ((ms("cpo.mean") - resident()) * 1e6) / coldGates();
  const { load, demand } = laboratory.verdict("cpo-800g");
  const paceBytesPerNs = demand.expertBytes / (loadNs - (load.totalNs - load.dataNs));
  return { loadNs, paceBytesPerNs };
}

/** Decoding at that pace over optics; `outages`: runs of each repetition in which a link goes out once. */
export function calibratedRun(
  laboratory: Laboratory,
  optics: Parameters<typeof changedOptics>[0] | ReturnType<typeof changedOptics> = "cpo-800g",
  outages = 0,
) {
  const { paceBytesPerNs } = calibratedLoad(laboratory);
  return laboratory.decode({ cluster: { gpus: 8, optics, dpuPaceBytesPerNs: paceBytesPerNs } }, outages);
}

/** Of `steps` with independent cold gates, so many have no more than this number, in 99 of 100. */
export function coldGatesAtP99(gates: number, share: number): number {
  let [chance, sum] = [(1 - share) ** gates, 0];
  for (let n = 0; n <= gates; n++) {
    sum += chance;
    if (sum >= 0.99) return n;
    chance *= ((gates - n) / (n + 1)) * (share / (1 - share));
  }
  return gates;
}

function tpot(laboratory: Laboratory): ClaimFindings {
  const { loadNs, paceBytesPerNs } = calibratedLoad(laboratory);
  const cpo = calibratedRun(laboratory).interTokenLatency;
  const rows = (["dsp", "lpo"] as const).map((family) => ({
    family,
    times: calibratedRun(laboratory, `${family}-800g`).interTokenLatency,
  }));
  const plain = laboratory.decode({ cluster: { gpus: 8, dpuPaceBytesPerNs: 1600 } }).interTokenLatency;
  return {
    seeds: SEEDS,
    calibratedOn: CALIBRATED_ON,
    figures: [
      compared("co-packaged mean (calibrated)", "ms", ms("cpo.mean"), inMs(cpo.meanNs)),
      compared("co-packaged p99 (predicted)", "ms", ms("cpo.p99"), inMs(cpo.p99Ns)),
      ...rows.flatMap(({ family, times }) => [
        compared(`${family} mean`, "ms", ms(`${family}.mean`), inMs(times.meanNs)),
        compared(`${family} p99`, "ms", ms(`${family}.p99`), inMs(times.p99Ns)),
      ]),
    ],
    readings: [
      reading("one load in a quarter of 56 layers, on top of the gap", inMs(cpo.meanNs)),
      reading(
        "14 x (240 - 62 µs), the reactive miss less the gap",
        resident() + (coldGates() * (stated("sla.gap-miss", "mean") - stated("sla.gap-resident", "mean"))) / 1e3,
      ),
      reading("loads at 1.6 TB/s, 128 µs through 16 ports", inMs(plain.meanNs)),
    ],
    arithmetic: [
      `${coldGates()} cold loads of ${duration(loadNs)} on ${resident()} ms make the co-packaged mean: at ${figure(paceBytesPerNs)} bytes/ns a DPU`,
      `${coldGatesAtP99(layers(), coldShare)} of 56 gates are cold in the worst of 100 steps: ${figure(resident() + (coldGatesAtP99(layers(), coldShare) * loadNs) / 1e6)} ms, as simulated`,
      ...rows.map(
        ({ family, times }) =>
          `${family} at the same pace: mean ${duration(times.meanNs.mean)}, p99 ${duration(times.p99Ns.mean)}: its hops add ${duration((times.meanNs.mean - cpo.meanNs.mean) / coldGates())} to a load`,
      ),
    ],
    because:
      "one parameter, the load's time, calibrated on the co-packaged mean predicts the co-packaged p99; but retimed and linear optics come out all but the same, for what they add is microseconds",
    needs: [...retimedNeeds(laboratory), ...linearNeeds(laboratory, loadNs)],
  };
}

/** A way to the co-packaged mean, and whether it leads there. */
function reading(name: string, ms: Parameters<typeof compared>[3]): ClaimReading {
  const { unit, found, fits } = compared(name, "ms", stated("tpot.mixtral", "cpo.mean"), ms);
  return { name, unit, found, fits };
}

/** Stalls that give the retimed mean, and what p99 they give with it. */
function retimedNeeds(laboratory: Laboratory): ClaimNeed[] {
  const { load } = laboratory.verdict("dsp-800g");
  const base = calibratedRun(laboratory, "dsp-800g").interTokenLatency.meanNs.mean;
  const want = ms("dsp.mean") * 1e6;
  const at = (probabilityPerFrame: number) =>
    calibratedRun(laboratory, changedOptics("dsp-800g", { stall: { probabilityPerFrame, lowNs: 2000, highNs: 4000 } }))
      .interTokenLatency;
  let probability = (want - base) / coldGates() / 3000 / (load.dataNs / 1e3) / 50;
  let times = at(probability);
  // What stalls add is as good as proportional to their probability: a few steps of the rule of three close in on it.
  for (let i = 0; i < (laboratory.isQuick ? 3 : 5) && Math.abs(times.meanNs.mean - want) > 2e4; i++) {
    probability *= (want - base) / (times.meanNs.mean - base);
    times = at(probability);
  }
  const p99 = times.p99Ns.mean / 1e6;
  return [
    {
      parameter: "probability that a 9,000-byte frame stalls, for the retimed mean",
      unit: "share",
      value: probability,
      gives: { name: "mean", unit: "ms", stated: ms("dsp.mean"), found: times.meanNs.mean / 1e6 },
      because: "by simulation: stalls of 2 to 4 µs on every port",
    },
    {
      parameter: "the same, for mean and p99 together",
      unit: "share",
      value: null,
      gives: { name: "p99", unit: "ms", stated: ms("dsp.p99"), found: p99 },
      because: `none: stalls are many and short, so that they even out; those that give the mean give a p99 of ${figure(p99)} ms`,
    },
  ];
}

/** Of steps, that outages hold: twice those beyond the p99, which is then what the middle one of them takes. */
const HELD_SHARE = 0.02;

/**
 * How long links would have to be out for the mean or the p99 of decoding over linear optics to be what is wanted, and what it is
 * when they are: links go out in runs of the simulator, and are weighed to be so often that `HELD_SHARE` of steps are held.
 */
function outagesThatGive(laboratory: Laboratory, of: "meanNs" | "p99Ns", wantNs: number, typicalNs: number) {
  const { retrain } = changedOptics("lpo-800g", {}).profile;
  const held = (ns: number, ratePerLinkHour: number | null) => {
    const optics = changedOptics("lpo-800g", { retrain: { ...retrain!, ratePerLinkHour, lowNs: ns, highNs: ns } });
    return calibratedRun(laboratory, optics, laboratory.isQuick ? 8 : 16).outages!;
  };
  // A held step waits for the outage, less what of it had passed before the load: one for one, or its share of the mean.
  const slope = of === "meanNs" ? HELD_SHARE : 1;
  let ns = (wantNs - typicalNs) / slope;
  let report = held(ns, null);
  for (let i = 0; ; i++) {
    report = held(ns, ((report.ratePerLinkHourAtP99 ?? 0) * HELD_SHARE) / 0.01);
    const foundNs = report.counted!.interTokenLatency[of].mean;
    if (i === 4 || Math.abs(foundNs / wantNs - 1) < 2e-3) return { ns, foundNs };
    ns += (wantNs - foundNs) / slope;
  }
}

function linearNeeds(laboratory: Laboratory, loadNs: number): ClaimNeed[] {
  const n = coldGatesAtP99(layers(), coldShare);
  const typical = resident() + (coldGates() * loadNs) / 1e6;
  const most = stated("optics.lpo-retrain", "high");
  const every = (gates: number) => resident() + gates * (loadNs / 1e6 + most);
  const [p99, mean] = (["p99Ns", "meanNs"] as const).map((of) =>
    outagesThatGive(laboratory, of, ms(of === "p99Ns" ? "lpo.p99" : "lpo.mean") * 1e6, typical * 1e6),
  );
  return [
    {
      parameter: "outages of a link, so often that 2% of steps are held",
      unit: "ms",
      value: p99!.ns / 1e6,
      gives: { name: "p99, decoded with them", unit: "ms", stated: ms("lpo.p99"), found: p99!.foundNs / 1e6 },
      because: `by simulation: ${figure(p99!.ns / 1e6 / most)} times the longest outage stated`,
    },
    {
      parameter: "outages of 1 to 2 ms in a step, one a gate at the most",
      unit: "count",
      value: null,
      gives: { name: "every cold gate held for 2 ms", unit: "ms", stated: ms("lpo.p99"), found: every(coldGates()) },
      because: `no number: an outage of each of 14 loads gives ${figure(every(coldGates()))} ms, of ${n} ${figure(every(n))} ms, and of all ${layers()} gates, if all were cold, ${figure(every(layers()))} ms; it would take ${Math.ceil((ms("lpo.p99") - typical) / most)} in a step, one after the other`,
    },
    {
      parameter: "the same, if they make the linear mean",
      unit: "ms",
      value: mean!.ns / 1e6,
      gives: { name: "mean, decoded with them", unit: "ms", stated: ms("lpo.mean"), found: mean!.foundNs / 1e6 },
      because: `by simulation: ${figure(mean!.ns / p99!.ns)} times as long as the p99 takes, so that no length gives both where 2% of steps are held: outages would have to be more common`,
    },
  ];
}

function medians(laboratory: Laboratory): ClaimFindings {
  const after = inMs(calibratedRun(laboratory).interTokenLatency.p50Ns);
  const id = "results.p50";
  return {
    seeds: SEEDS,
    calibratedOn: CALIBRATED_ON,
    figures: [
      compared("after", "ms", stated(id, "after"), after),
      compared("change", "share", stated(id, "delta"), (after.mean ?? 0) / resident() - 1),
    ],
    arithmetic: [
      `before: 31.2 ms is taken as given; after: ${figure(coldGates())} loads of ${duration(calibratedLoad(laboratory).loadNs)} on top`,
    ],
    because:
      "the load's time was calibrated on the same 33.7 ms, given as a mean elsewhere: median and mean agree, which is all that is shown",
  };
}

function p99s(laboratory: Laboratory): ClaimFindings {
  const id = "results.p99";
  const [before, wanted, delta] = [stated(id, "before"), stated(id, "after"), stated(id, "delta")];
  const after = inMs(calibratedRun(laboratory).interTokenLatency.p99Ns);
  const calm = inMs(laboratory.decode({ cold: { share: 0 } }).interTokenLatency.p99Ns);
  const outage = before - calm.mean;
  return {
    seeds: SEEDS,
    calibratedOn: CALIBRATED_ON,
    figures: [
      compared("before, all experts resident", "ms", before, calm),
      compared("after (predicted)", "ms", wanted, after),
      compared("change of the stated two", "share", delta, wanted / before - 1),
    ],
    arithmetic: [
      `35.2 / 121 - 1 = ${figure(wanted / before - 1)}`,
      `all experts resident: no step takes longer than ${figure(calm.mean)} ms, as nothing is fetched`,
    ],
    because:
      "the p99 after follows from the calibrated mean; that before has no cause among what is stated: resident experts are not fetched",
    needs: [
      {
        parameter: "delay in 1% of steps, before",
        unit: "ms",
        value: outage,
        gives: null,
        because: `as long as ${figure(outage / 2)} outages of 2 ms, one after the other; where nothing is fetched none holds a step, so that there is nothing to put it into`,
      },
    ],
  };
}

export const DECODING_JUDGES: Judges = {
  "tpot.mixtral": tpot,
  "results.p50": medians,
  "results.p99": p99s,
};
