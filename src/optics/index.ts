import { checkAtLeast, checkBetween, checkKeys, checkPositive, describe, didYouMean } from "../check.ts";
import { BODY_ENDS_AT, Distribution, type LatencyQuantiles } from "../distribution.ts";
import type { Measurement } from "../measurement.ts";
import { normalQuantile } from "../normal.ts";
import { GOODPUT_SHARE, goodput, OPTICS } from "./builtin.ts";

/** How far a figure can be trusted, best first. */
export type EvidenceGrade = (typeof GRADES)[number];

const GRADES = ["measured", "published", "reported", "unverified", "assumed"] as const;

/** Where some of a profile's figures come from. */
export interface Evidence {
  /** Which figures. */
  about: string;
  grade: EvidenceGrade;
  source: string;
  note: string;
}

/** What is known of one kind of optics: the latency of one hop, its ports, its energy, its faults. */
export interface OpticsProfile extends LatencyQuantiles {
  name: string;
  title: string;
  /** Line rate of a port, one way. */
  portGbps: number;
  /** The share of the line rate that carries weights. */
  goodputShare: number;
  /** Null where nobody states it, as everywhere below. */
  picojoulesPerBit: number | null;
  /** Clock domains that a bit crosses between the ASIC and the fibre. */
  clockCrossings: number | null;
  /** A port holds back a 9,000-byte frame, and all behind it, for `lowNs` to `highNs`. Null: such a fault is not known of. */
  stall: { probabilityPerFrame: number | null; lowNs: number; highNs: number } | null;
  /** A link trains again and carries nothing for `lowNs` to `highNs`. Null: such a fault is not known of. */
  retrain: { ratePerLinkHour: number | null; lowNs: number; highNs: number } | null;
  evidence: readonly Evidence[];
}

/** A profile and the distribution of one of its hops. */
export interface Optics {
  profile: OpticsProfile;
  hop: Distribution;
}

/** A frame on the wire. */
export const FRAME_BYTES = 9000;

/** The built-in profile of that name, with the distribution of a hop. */
export function opticsNamed(name: string): Optics {
  const profile = OPTICS.find((candidate) => candidate.name === name);
  if (!profile) {
    const names = OPTICS.map((candidate) => candidate.name);
    throw new RangeError(`optics must name a built-in profile, got ${JSON.stringify(name)}${didYouMean(name, names)}`);
  }
  const known = built.get(name) ?? opticsOf(profile);
  built.set(name, known);
  return known;
}

/** Made once: what is worked out of a hop, such as sums of several, is remembered with it. */
const built = new Map<string, Optics>();

/** A profile of stated quantiles, with the distribution of a hop. */
export function opticsOf(profile: OpticsProfile): Optics {
  checkProfile(profile);
  return { profile, hop: Distribution.fromQuantiles(profile) };
}

/** What one's own measurement does not tell of the optics: taken as of an 800G port unless given. */
export type OpticsAround = Partial<
  Pick<OpticsProfile, "portGbps" | "goodputShare" | "picojoulesPerBit" | "clockCrossings" | "stall" | "retrain">
>;

/**
 * Three sigma of a measured body: half of what lies between the quantiles one sigma to either side of a normal's median,
 * where the tail does not reach; no more than puts a normal's 95th percentile at p99.
 */
function bodyJitter3Sigma(hop: Distribution): number {
  const sigmaNs = (hop.quantileNs(0.158655) - hop.quantileNs(0.841345)) / 2;
  const widestNs = (hop.quantileNs(0.01) - hop.quantileNs(0.5)) / normalQuantile(BODY_ENDS_AT);
  return 3 * Math.min(sigmaNs, widestNs * (1 - 1e-9));
}

/** A measurement as a profile: what was measured is taken as the latency of one hop. */
export function measuredOptics(measurement: Measurement, around: OpticsAround = {}): Optics {
  const { name, source, counted, quantiles, samples, notes } = measurement;
  if (!counted && !quantiles) throw new TypeError("measurement must hold counted values or quantiles, got neither");
  const hop = counted ? Distribution.fromCounted(counted) : Distribution.fromQuantiles(quantiles!, samples);
  const profile: OpticsProfile = {
    name,
    title: `measured: ${source}`,
    medianNs: hop.quantileNs(0.5),
    p99Ns: hop.quantileNs(0.01),
    ...(hop.extrapolatedBelow <= 0.001 ? { p999Ns: hop.quantileNs(0.001) } : {}),
    bodyJitter3SigmaNs: quantiles?.bodyJitter3SigmaNs ?? bodyJitter3Sigma(hop),
    portGbps: 800,
    goodputShare: GOODPUT_SHARE,
    picojoulesPerBit: null,
    clockCrossings: null,
    stall: null,
    retrain: null,
    ...around,
    evidence: [
      { about: "latency and jitter", grade: "measured", source, note: notes.join("; ") || "as the file has it" },
      ...(around.goodputShare === undefined ? [goodput] : []),
    ],
  };
  checkProfile(profile);
  return { profile, hop };
}

/** Refuses what makes no sense in a profile; its quantiles are checked where they become a distribution. */
export function checkProfile(profile: OpticsProfile): void {
  for (const name of ["name", "title"] as const)
    if (typeof profile[name] !== "string") throw new TypeError(`${name} must be text, got ${describe(profile[name])}`);
  checkPositive("portGbps", profile.portGbps);
  checkPositive("goodputShare", profile.goodputShare);
  checkBetween("goodputShare", profile.goodputShare, 0, 1);
  for (const name of ["picojoulesPerBit", "clockCrossings"] as const)
    if (profile[name] !== null) checkAtLeast(name, profile[name], 0);
  checkFault("stall", profile.stall, "probabilityPerFrame");
  checkFault("retrain", profile.retrain, "ratePerLinkHour");
  if (!Array.isArray(profile.evidence))
    throw new TypeError(`evidence must be an array, got ${describe(profile.evidence)}`);
  for (const one of profile.evidence as readonly Evidence[]) {
    checkKeys("evidence", one, ["about", "grade", "source", "note"]);
    if (!GRADES.includes(one.grade))
      throw new RangeError(`grade must be one of ${GRADES.join(", ")}, got ${JSON.stringify(one.grade)}`);
  }
}

/** Refuses a fault whose odds or lengths make no sense. */
function checkFault(
  name: "stall" | "retrain",
  fault: OpticsProfile["stall"] | OpticsProfile["retrain"],
  odds: "probabilityPerFrame" | "ratePerLinkHour",
): void {
  if (fault === null) return;
  if (typeof fault !== "object") throw new TypeError(`${name} must be an object or null, got ${describe(fault)}`);
  checkKeys(name, fault, [odds, "lowNs", "highNs"]);
  const likely = (fault as unknown as Record<string, number | null>)[odds];
  if (likely === undefined) throw new TypeError(`${name} must have ${odds}, null where it is not known`);
  if (likely !== null && odds === "probabilityPerFrame") checkBetween(`${name}.${odds}`, likely, 0, 1);
  if (likely !== null && odds === "ratePerLinkHour") checkAtLeast(`${name}.${odds}`, likely, 0);
  checkPositive(`${name}.lowNs`, fault.lowNs);
  checkAtLeast(`${name}.highNs`, fault.highNs, fault.lowNs);
}
