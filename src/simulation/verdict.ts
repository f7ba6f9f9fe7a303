import { checkKeys, checkPositive, describe } from "../check.ts";
import { type DecodingOptions, planDecoding } from "./plan.ts";
import { CAUSES, type Cause, type DecodingReport, type Figure, type Times } from "./report.ts";

/** What an objective can be about: the time from token to token, or its mean over an output. */
export const OBJECTIVES = ["itl", "tpot"] as const;
export type DecodingObjective = (typeof OBJECTIVES)[number];

/** The p99 that must hold. */
export interface DecodingSlo {
  sloNs: number;
  /** Inter-token latency unless given: a TPOT averages what is slow away. */
  of?: DecodingObjective;
}

/** Below which no step can be, whatever the fabric. */
export interface DecodingBound {
  stepNs: number;
  /** What computes, and the gaps of so many layers. */
  computeNs: number;
  gapsNs: number;
  layers: number;
}

/** Whether an objective holds. */
export interface DecodingVerdict {
  sloNs: number;
  of: DecodingObjective;
  bound: DecodingBound;
  /** `impossible`: not even with all weights there; `unknown`: the objective lies within the interval. */
  status: "holds" | "fails" | "unknown" | "impossible";
  p99: Figure | null;
  /** Whether `p99` counts rare outages for what they are worth: it does where runs of them were made, and their rate is stated. */
  countsOutages: boolean;
  /** What is left of the objective; below 0 where it is exceeded. */
  marginNs: number;
  /** What takes most beyond the bound, and its share of that; null where nothing does. */
  binds: { cause: Cause; share: number; ns: number } | null;
}

/** The least that a step takes: the roofline, or what was given for it, and the gaps; of routes, with all tokens choosing alike. */
export function boundDecoding(options: DecodingOptions = {}): DecodingBound {
  const { leastStepNs, engine } = planDecoding(options);
  const layers = engine.layers.length;
  const gapsNs = layers * engine.gapNs;
  return { stepNs: leastStepNs, computeNs: leastStepNs - gapsNs, gapsNs, layers };
}

/** Whether `report` keeps an objective, outages counted where it knows how often they are; of what no fabric can keep, without one. */
export function judgeDecoding(bound: DecodingBound, slo: DecodingSlo, report: DecodingReport | null): DecodingVerdict {
  checkKeys("slo", slo, ["sloNs", "of"]);
  const { sloNs, of = "itl" } = slo;
  checkPositive("sloNs", sloNs);
  if (!OBJECTIVES.includes(of)) throw new RangeError(`of must be ${OBJECTIVES.join(", ")}, got ${describe(of)}`);
  const alike = { sloNs, of, bound };
  if (sloNs < bound.stepNs) {
    const marginNs = sloNs - bound.stepNs;
    return { ...alike, status: "impossible", p99: null, countsOutages: false, marginNs, binds: null };
  }
  if (!report)
    throw new TypeError(`report must be given where sloNs is not below the bound of ${bound.stepNs}, got null`);
  const counted = report.outages?.counted ?? null;
  const { interTokenLatency, tpot } = counted ?? report;
  const times: Times | null = of === "itl" ? interTokenLatency : tpot;
  if (!times) throw new RangeError(`steps must be at least 2 where tpot is judged, got ${report.steps}`);
  const { p99Ns } = times;
  const { mean, low, high } = p99Ns;
  const isOpen = low !== null && high !== null && low <= sloNs && sloNs < high;
  const status = isOpen ? "unknown" : mean <= sloNs ? "holds" : "fails";
  const marginNs = sloNs - mean;
  return { ...alike, status, p99: p99Ns, countsOutages: counted !== null, marginNs, binds: bindingCause(report) };
}

/** Of what comes on top of computing and gaps, the most. */
function bindingCause({ causesNs }: DecodingReport): DecodingVerdict["binds"] {
  const extra = CAUSES.filter((cause) => cause !== "compute" && cause !== "gap");
  const sum = extra.reduce((all, cause) => all + causesNs[cause].mean, 0);
  if (!(sum > 0)) return null;
  const cause = extra.reduce((most, next) => (causesNs[next].mean > causesNs[most].mean ? next : most));
  return { cause, share: causesNs[cause].mean / sum, ns: causesNs[cause].mean };
}
