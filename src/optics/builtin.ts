import { nsFromMs, nsFromUs } from "../units.ts";
import type { Evidence, OpticsProfile } from "./index.ts";

/** Goodput where nobody states it: the least share at which 12 ports of 800 Gb/s carry 160 MB in 140 µs. */
export const GOODPUT_SHARE = 0.953;

const ARTICLE = "article on co-packaged optics and expert fetching (the first of the sources), section";

/** Of a goodput that nobody states. */
export const goodput: Evidence = {
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
