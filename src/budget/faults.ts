import type { Lattice } from "../convolution.ts";
import { nsFromHours } from "../units.ts";
import { exactMissShare, fixedNs, type LoadPhases } from "./load.ts";
import type { Scenario } from "./scenario.ts";

/** What a link that trains again does to loads. */
export interface RetrainEffect {
  /** Null where nobody states it. */
  ratePerLinkHour: number | null;
  links: number;
  /** Outages that a load meets, of a million loads; null with the rate. */
  outagesPerMillionLoads: number | null;
  /** P(miss), given that a load meets one. */
  missGivenOutage: number;
  /** Loads that miss for it, of a million; null with the rate, unless no rate makes one late. */
  missesPerMillionLoads: number | null;
  /** The greatest rate at which what the tail leaves of the allowed misses is not used up; null where no rate makes a load late. */
  ratePerLinkHourMax: number | null;
}

/** What frames that stall do to loads. */
export interface StallEffect {
  probabilityPerFrame: number | null;
  /** Chances of a stall on one port of one load: its frames times its hops. */
  chancesPerPort: number;
  /** The greatest probability at which P(miss) stays within what is allowed; 0 where it does not even without stalls. */
  probabilityPerFrameMax: number;
}

/** An outage that begins while a load is under way, or before and is not over, holds it back for what is left of it. */
export function retrainEffect(scenario: Scenario, phases: LoadPhases, tailShare: number): RetrainEffect | null {
  const { retrain } = scenario.fabric.optics.profile;
  if (!retrain) return null;
  const slackNs = scenario.objective.deadlineNs - phases.totalNs;
  const links = scenario.fabric.ports * scenario.fabric.hops;
  // Instants at which an outage may begin and be met, and those of them that make the load late; the mean over lengths.
  const lengths = 1000;
  let [metNs, lateNs] = [0, 0];
  for (let i = 0; i < lengths; i++) {
    const outageNs = retrain.lowNs + ((i + 0.5) / lengths) * (retrain.highNs - retrain.lowNs);
    metNs += (outageNs + phases.totalNs) / lengths;
    lateNs += (outageNs > slackNs ? Math.min(outageNs - slackNs, outageNs) + phases.totalNs : 0) / lengths;
  }
  const missGivenOutage = lateNs / metNs;
  const outagesPerLoad = (ratePerHour: number) => (links * ratePerHour * metNs) / nsFromHours(1);
  const harmless = missGivenOutage === 0;
  const rate = retrain.ratePerLinkHour;
  const left = Math.max(0, scenario.objective.missShareMax - tailShare);
  return {
    ratePerLinkHour: rate,
    links,
    outagesPerMillionLoads: rate === null ? null : 1e6 * outagesPerLoad(rate),
    missGivenOutage,
    missesPerMillionLoads: harmless ? 0 : rate === null ? null : 1e6 * outagesPerLoad(rate) * missGivenOutage,
    ratePerLinkHourMax: harmless ? null : left / (outagesPerLoad(1) * missGivenOutage),
  };
}

export function stallEffect(
  scenario: Scenario,
  phases: LoadPhases,
  pair: Lattice,
  chancesPerPort: number,
): StallEffect | null {
  const { stall } = scenario.fabric.optics.profile;
  if (!stall) return null;
  const holds = (probability: number) =>
    exactMissShare(scenario, pair, phases, probability) <= scenario.objective.missShareMax;
  let probabilityPerFrameMax = 0;
  if (scenario.objective.deadlineNs > fixedNs(scenario, phases) && holds(0)) {
    // Bisection over the logarithm: from one stall in 10^12 frames to one in each.
    let [low, high] = [-12, 0];
    if (holds(1)) low = high;
    for (let i = 0; i < 24 && low < high; i++) {
      const middle = (low + high) / 2;
      if (holds(10 ** middle)) low = middle;
      else high = middle;
    }
    probabilityPerFrameMax = 10 ** low;
  }
  return { probabilityPerFrame: stall.probabilityPerFrame, chancesPerPort, probabilityPerFrameMax };
}
