import { checkKeys, describe } from "../check.ts";
import { baseName } from "../measurement.ts";
import { GOODPUT_SHARE } from "../optics/builtin.ts";
import { type Evidence, type Optics, type OpticsProfile, opticsOf } from "../optics/index.ts";
import { parseJson } from "./json.ts";
import { looksLikePerftest } from "./perftest.ts";

const KEYS = [
  "medianNs",
  "p99Ns",
  "p999Ns",
  "bodyJitter3SigmaNs",
  "floorNs",
  "portGbps",
  "goodputShare",
  "picojoulesPerBit",
  "clockCrossings",
  "name",
  "title",
  "stall",
  "retrain",
  "evidence",
];
const REQUIRED = ["medianNs", "p99Ns", "bodyJitter3SigmaNs"] as const;

/** Whether a text is meant as a profile: a JSON object that perftest did not write. */
export function isProfile(text: string): boolean {
  return /^\s*\{/.test(text) && !looksLikePerftest(text);
}

/** A profile from JSON: what `vorchestrate optics NAME --json` prints, or just the three latencies that must be there. */
export function readProfile(text: string, { file }: { file: string }): Optics {
  const given = parseJson(text, file);
  try {
    return opticsOf(profileOf(given, file));
  } catch (error) {
    if (error instanceof Error) error.message = `${file}: ${error.message}`;
    throw error;
  }
}

function profileOf(given: unknown, file: string): OpticsProfile {
  if (typeof given !== "object" || given === null || Array.isArray(given))
    throw new TypeError(`profile must be an object, got ${describe(given)}`);
  checkKeys("profile", given, KEYS);
  const fields = given as Partial<OpticsProfile>;
  for (const name of REQUIRED)
    if (fields[name] === undefined) throw new TypeError(`profile must have ${REQUIRED.join(", ")}; ${name} is missing`);
  return {
    name: baseName(file),
    title: "stated in a file",
    portGbps: 800,
    goodputShare: GOODPUT_SHARE,
    picojoulesPerBit: null,
    clockCrossings: null,
    stall: null,
    retrain: null,
    evidence: [evidenceOf(file)],
    ...(fields as Required<Pick<OpticsProfile, (typeof REQUIRED)[number]>>),
  };
}

const evidenceOf = (file: string): Evidence => ({
  about: "all figures",
  grade: "unverified",
  source: file,
  note: "as its author states; goodput, ports and faults are defaults where the file is silent",
});
