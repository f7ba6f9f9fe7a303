import { checkAtLeast, checkBetween, checkFinite, checkKeys, checkPositive, describe } from "../check.ts";
import { baseName, fileError } from "../measurement.ts";
import { type Evidence, GOODPUT_SHARE, type Optics, type OpticsProfile, opticsOf } from "../optics.ts";
import { looksLikePerftest } from "./perftest.ts";

const NUMBERS = [
  "medianNs",
  "p99Ns",
  "p999Ns",
  "bodyJitter3SigmaNs",
  "floorNs",
  "portGbps",
  "goodputShare",
  "picojoulesPerBit",
  "clockCrossings",
] as const;
const KEYS = [...NUMBERS, "name", "title", "stall", "retrain", "evidence"];
const REQUIRED = ["medianNs", "p99Ns", "bodyJitter3SigmaNs"] as const;

/** Whether a text is meant as a profile: a JSON object that perftest did not write. */
export function isProfile(text: string): boolean {
  return /^\s*\{/.test(text) && !looksLikePerftest(text);
}

/** A profile from JSON: what `vorchestrate optics NAME --json` prints, or just the three latencies that must be there. */
export function readProfile(text: string, { file }: { file: string }): Optics {
  try {
    return opticsOf(profileOf(parsed(text, file), file));
  } catch (error) {
    if (error instanceof Error && !error.message.startsWith(file)) error.message = `${file}: ${error.message}`;
    throw error;
  }
}

function parsed(text: string, file: string): object {
  try {
    return JSON.parse(text);
  } catch (error) {
    const [, position = text.length] = /position (\d+)/.exec(String(error)) ?? [];
    throw fileError(file, text.slice(0, Number(position)).split("\n").length, "JSON", (error as Error).message);
  }
}

function profileOf(given: object, file: string): OpticsProfile {
  checkKeys("profile", given, KEYS);
  const fields = given as Partial<OpticsProfile>;
  for (const name of REQUIRED)
    if (fields[name] === undefined) throw new TypeError(`profile must have ${REQUIRED.join(", ")}; ${name} is missing`);
  for (const name of NUMBERS) {
    const value = fields[name];
    const mayBeNull = name === "picojoulesPerBit" || name === "clockCrossings";
    if (value === undefined || (value === null && mayBeNull)) continue;
    checkFinite(name, value as number);
  }
  const profile: OpticsProfile = {
    name: baseName(file),
    title: "stated in a file",
    portGbps: 800,
    goodputShare: GOODPUT_SHARE,
    picojoulesPerBit: null,
    clockCrossings: null,
    stall: null,
    retrain: null,
    evidence: [EVIDENCE(file)],
    ...(fields as Required<Pick<OpticsProfile, (typeof REQUIRED)[number]>>),
  };
  checkPositive("portGbps", profile.portGbps);
  checkPositive("goodputShare", profile.goodputShare);
  checkBetween("goodputShare", profile.goodputShare, 0, 1);
  checkFault("stall", profile.stall, "probabilityPerFrame");
  checkFault("retrain", profile.retrain, "ratePerLinkHour");
  return profile;
}

const EVIDENCE = (file: string): Evidence => ({
  about: "all figures",
  grade: "measured",
  source: file,
  note: "as its author states; goodput, ports and faults are defaults where the file is silent",
});

/** Refuses a fault whose odds or lengths make no sense. */
export function checkFault(
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
