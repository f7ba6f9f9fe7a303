import { checkKeys, describe } from "../check.ts";
import { baseName, fileError } from "../measurement.ts";
import { GOODPUT_SHARE } from "../optics/builtin.ts";
import { type Evidence, type Optics, type OpticsProfile, opticsOf } from "../optics/index.ts";
import { leastWhole } from "../statistics.ts";
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
  const given = parsed(text, file);
  try {
    return opticsOf(profileOf(given, file));
  } catch (error) {
    if (error instanceof Error) error.message = `${file}: ${error.message}`;
    throw error;
  }
}

function parsed(text: string, file: string): unknown {
  const message = complaint(text);
  if (message === null) return JSON.parse(text);
  throw fileError(
    file,
    text.slice(0, faultAt(text, message)).split("\n").length,
    "JSON",
    message.replaceAll("\n", " "),
  );
}

/** What the parser has against `text`. */
function complaint(text: string): string | null {
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Where in `text` the parser stopped. It does not tell of an unexpected token: that is where the shortest text with one ends. */
function faultAt(text: string, message: string): number {
  const [, position] = /position (\d+)/.exec(message) ?? [];
  if (position !== undefined) return Number(position);
  return (
    leastWhole(1, text.length + 1, (length) => /^Unexpected token/.test(complaint(text.slice(0, length)) ?? "")) - 1
  );
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
