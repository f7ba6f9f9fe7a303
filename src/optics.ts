import { checkAtLeast, checkBetween, checkKeys, checkPositive, describe, didYouMean } from "./check.ts";
import { BODY_ENDS_AT, Distribution, type LatencyQuantiles } from "./distribution.ts";
import type { Measurement } from "./measurement.ts";
import { normalQuantile } from "./normal.ts";
import { nsFromMs, nsFromUs } from "./units.ts";

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

/** Goodput where nobody states it: the least share at which 12 ports of 800 Gb/s carry 160 MB in 140 µs. */
export const GOODPUT_SHARE = 0.953;

const ARTICLE = "article on co-packaged optics and expert fetching (the first of the sources), section";

const goodput: Evidence = {
  about: "goodputShare",
  grade: "assumed",
  source: "arithmetic",
  note: "the least share at which 12 ports of 800 Gb/s carry 160 MB in 140 µs; the source's own 140 against 100 µs would imply 71.4%",
};

const simulated = (section: number, note: string): Evidence => ({
  about: "latency and jitter",
  grade: "unverified",
  source: `${ARTICLE} ${section}`,
  note: `the source says of its table "simulated on internal cluster"; ${note}`,
});

const energy = (note: string): Evidence => ({
  about: "picojoulesPerBit",
  grade: "unverified",
  source: `${ARTICLE} 1`,
  note,
});

const dsp: OpticsProfile = {
  name: "dsp-800g",
  title: "retimed pluggables, 800G",
  medianNs: 412,
  p99Ns: 736,
  bodyJitter3SigmaNs: 84,
  portGbps: 800,
  goodputShare: GOODPUT_SHARE,
  picojoulesPerBit: 15,
  clockCrossings: 3,
  stall: { probabilityPerFrame: null, lowNs: nsFromUs(2), highNs: nsFromUs(4) },
  retrain: null,
  evidence: [
    simulated(4, "its 3 sigma of 84 ns can only be the body's: median and p99 alone force at least 96 ns on the whole"),
    {
      about: "stall",
      grade: "unverified",
      source: `${ARTICLE} 3`,
      note: "a length of 2 to 4 µs is stated, no probability; KP4, RS(544,514), corrects up to 15 symbols of a codeword in line, without sending again",
    },
    energy("15 pJ/bit; modules of 14 to 16 W, reported second-hand, would be 17.5 to 20"),
    goodput,
  ],
};

const lpo: OpticsProfile = {
  name: "lpo-800g",
  title: "linear pluggables, 800G",
  medianNs: 198,
  p99Ns: 1240,
  bodyJitter3SigmaNs: 310,
  portGbps: 800,
  goodputShare: GOODPUT_SHARE,
  picojoulesPerBit: 7,
  clockCrossings: null,
  stall: null,
  retrain: { ratePerLinkHour: null, lowNs: nsFromMs(1), highNs: nsFromMs(2) },
  evidence: [
    simulated(
      4,
      "a normal body this wide would be negative in 2.8% of draws: a floor of half the median holds 17% of them, at 99 ns",
    ),
    {
      about: "retrain",
      grade: "unverified",
      source: `${ARTICLE} 3`,
      note: "an outage of 1 to 2 ms is stated, no rate; the host's FEC stays in force on linear optics",
    },
    energy("7 pJ/bit; modules of 8 to 9 W, reported second-hand, would be 10 to 11"),
    goodput,
  ],
};

const cpo: OpticsProfile = {
  name: "cpo-800g",
  title: "co-packaged optics, 800G",
  medianNs: 48,
  p99Ns: 52,
  bodyJitter3SigmaNs: 1.8,
  portGbps: 800,
  goodputShare: GOODPUT_SHARE,
  picojoulesPerBit: 5,
  clockCrossings: 1,
  stall: null,
  retrain: { ratePerLinkHour: 6e-6, lowNs: nsFromMs(1), highNs: nsFromMs(2) },
  evidence: [
    simulated(4, "a real switch on the way adds 150 to 250 ns, not the 20 ns of its pipeline"),
    {
      about: "retrain",
      grade: "reported",
      source: "vendors' field reports of co-packaged switches, second-hand",
      note: "more than 1 million device-hours of 400G without a flap: at most 3e-6 an hour at 95%, so 6e-6 for a port of 800G; the outage's length is assumed, as of linear pluggables",
    },
    energy("5 pJ/bit; early products of 1.6T reach about 5.6, another of the sources says 7"),
    goodput,
  ],
};

const pcb: OpticsProfile = {
  name: "pcb",
  title: "copper on one board",
  medianNs: 12,
  p99Ns: 14,
  bodyJitter3SigmaNs: 0.5,
  portGbps: 800,
  goodputShare: GOODPUT_SHARE,
  picojoulesPerBit: null,
  clockCrossings: null,
  stall: null,
  retrain: null,
  evidence: [
    simulated(
      4,
      "its 3 sigma of 0.5 ns can only be the body's: median and p99 alone force at least 0.59 ns on the whole",
    ),
    goodput,
  ],
};

const npo: OpticsProfile = {
  ...cpo,
  name: "npo-800g",
  title: "near-packaged optics, 800G",
  medianNs: 97,
  p99Ns: 254,
  bodyJitter3SigmaNs: 24,
  picojoulesPerBit: 5.9,
  clockCrossings: null,
  retrain: { ratePerLinkHour: null, lowNs: nsFromMs(1), highNs: nsFromMs(2) },
  evidence: [
    {
      about: "latency, jitter and energy",
      grade: "assumed",
      source: "the geometric mean of lpo-800g and cpo-800g",
      note: "the engine sits beside the package: the electrical reach, and with it equalisation and its tail, lies between the two; nobody states figures",
    },
    { about: "retrain", grade: "assumed", source: "as lpo-800g", note: "no rate is stated" },
    goodput,
  ],
};

const elsfp: OpticsProfile = {
  ...cpo,
  name: "cpo-elsfp-800g",
  title: "co-packaged optics with an external, replaceable laser, 800G",
  picojoulesPerBit: 6,
  evidence: [
    {
      about: "latency and jitter",
      grade: "assumed",
      source: "as cpo-800g",
      note: "the laser feeds light in and is not in the path of the bits",
    },
    {
      about: "picojoulesPerBit",
      grade: "assumed",
      source: "5 pJ/bit of cpo-800g",
      note: "and a fifth more light for the connector and fibre between laser and engine",
    },
    ...cpo.evidence.slice(1, 2),
    goodput,
  ],
};

const faster = (
  slow: OpticsProfile,
  picojoulesPerBit: number | null,
  about: Omit<Evidence, "about">,
): OpticsProfile => ({
  ...slow,
  name: slow.name.replace("800g", "1600g"),
  title: slow.title.replace("800G", "1.6T"),
  portGbps: 1600,
  picojoulesPerBit,
  retrain: slow.retrain && {
    ...slow.retrain,
    ratePerLinkHour: slow.retrain.ratePerLinkHour === null ? null : 2 * slow.retrain.ratePerLinkHour,
  },
  evidence: [
    {
      about: "latency, jitter and faults",
      grade: "assumed",
      source: `as ${slow.name}`,
      note: "twice the lanes, each as before; a port fails as often as two of half its rate",
    },
    { about: "picojoulesPerBit", ...about },
    goodput,
  ],
});

/** The built-in profiles. */
export const OPTICS: readonly OpticsProfile[] = [
  dsp,
  lpo,
  npo,
  cpo,
  elsfp,
  pcb,
  faster(dsp, 17.8, { grade: "reported", source: "modules of 27 to 30 W, second-hand", note: "28.5 W over 1.6 Tb/s" }),
  faster(lpo, 10, { grade: "assumed", source: "modules of 8 W for 800G, second-hand", note: "the same energy a bit" }),
  faster(cpo, 5.6, { grade: "reported", source: "about 9 W a port of 1.6T, second-hand", note: "9 W over 1.6 Tb/s" }),
];

/** The built-in profile of that name, with the distribution of a hop. */
export function opticsNamed(name: string): Optics {
  const profile = OPTICS.find((candidate) => candidate.name === name);
  if (!profile) {
    const names = OPTICS.map((candidate) => candidate.name);
    throw new RangeError(`optics must name a built-in profile, got ${JSON.stringify(name)}${didYouMean(name, names)}`);
  }
  return opticsOf(profile);
}

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
