import { type CheckOptions, checkSchedulability, type Verdict } from "../../src/budget/index.ts";
import type { ScenarioInput } from "../../src/budget/scenario.ts";
import type { Term } from "../../src/budget/terms.ts";
import { type Optics, type OpticsProfile, opticsNamed, opticsOf } from "../../src/optics/index.ts";

/** A verdict on few draws, where the sampled P(miss) is not what a test looks at. */
export const check = (input: ScenarioInput, options: CheckOptions = {}): Verdict =>
  checkSchedulability(input, { draws: 100, ...options });

export function termOf({ terms }: Verdict, name: Term["name"]): Term {
  return terms.find((term) => term.name === name)!;
}

/** A built-in profile with other figures. */
export function changed(name: string, change: Partial<OpticsProfile>): Optics {
  return opticsOf({ ...opticsNamed(name).profile, ...change });
}

/** Hops that always take `ns`, without faults. */
export const constant = (ns: number): Optics =>
  changed("cpo-800g", { medianNs: ns, p99Ns: ns, bodyJitter3SigmaNs: 0, stall: null, retrain: null });

/** Linear pluggables' outages, so many times an hour. */
export const retraining = (name: string, ratePerLinkHour: number | null, lowNs = 1e6, highNs = 2e6): Optics =>
  changed(name, { retrain: { ratePerLinkHour, lowNs, highNs } });

/** Retimed pluggables with stalls of 2 to 4 µs. */
export const stalling = (probabilityPerFrame: number | null): Optics =>
  changed("dsp-800g", { stall: { probabilityPerFrame, lowNs: 2000, highNs: 4000 } });
