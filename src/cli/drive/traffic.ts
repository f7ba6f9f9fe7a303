import { Option } from "commander";
import {
  generateTraffic,
  readConnectionMatrix,
  readDoorbells,
  type Traffic,
  type TrafficOptions,
} from "../../index.ts";
import { readText } from "../files.ts";
import { definedOf, flagOf, scenarioOf } from "../options.ts";
import { type DriveFlags, PATTERN } from "./options.ts";

/** What the verdicts' demand makes of a DPU: 14 loads of 160 MB in 40 ms from each of 8 GPUs, of 1.6 TB/s. */
const UTILISATION = 0.28;

/** What is driven: of how many GPUs, if that is known, and in a word or two. */
interface Driven {
  traffic: Traffic;
  gpus: number | undefined;
  what: string;
}

/** What a file holds, or a pattern that the flags describe. */
export function trafficOf(file: string | undefined, flags: DriveFlags): Driven {
  return file === undefined ? pattern(flags) : fromFile(file, flags);
}

function pattern(flags: DriveFlags): Driven {
  const { pattern = "uniform", gpus = 64 } = flags;
  const given: Record<string, unknown> = {};
  for (const [flag, name, factor] of PATTERN) {
    const value = flags[new Option(flag).attributeName()];
    if (typeof value === "number") given[name] = value * factor;
  }
  const atOnce = pattern === "incast" || pattern === "hot-source";
  const paced = "utilisation" in given || "loadsPerSecond" in given;
  const { fabric } = scenarioOf(flags);
  const options = {
    ...(atOnce && !paced ? {} : { loads: 20_000 }),
    ...(atOnce || paced ? {} : { utilisation: UTILISATION }),
    ...definedOf({ arrivals: flags["arrivals"], seed: flags["seed"] }),
    ...definedOf({ paceBytesPerNs: fabric.dpuPaceBytesPerNs, gpusPerDpu: fabric.gpusPerDpu }),
    ...(typeof flags["deadlineUs"] === "number" ? { slackNs: flags["deadlineUs"] * 1e3 } : {}),
    ...given,
  };
  const traffic = generateTraffic({ pattern, gpus, ...options } as TrafficOptions);
  return { traffic, gpus, what: pattern };
}

/** Doorbells or connections, by how the file begins; no option of a pattern goes with them. */
function fromFile(file: string, flags: DriveFlags): Driven {
  const keys = ["pattern", "arrivals", ...PATTERN.map(([flag]) => new Option(flag).attributeName())];
  const stray = keys.find((key) => flags[key] !== undefined);
  if (stray) throw new TypeError(`${flagOf(stray)} goes with a generated pattern, got it with ${file}`);
  const text = readText(file);
  const isMatrix = /^(?:\s|#[^\n]*\n)*Nodes\b/.test(text);
  const slackNs = typeof flags["deadlineUs"] === "number" ? flags["deadlineUs"] * 1e3 : undefined;
  if (!isMatrix) {
    if (slackNs !== undefined)
      throw new TypeError(`--deadline-us goes with what has no deadlines, got it with ${file}`);
    return { traffic: readDoorbells(text, { file }), gpus: flags.gpus, what: file };
  }
  const { traffic, gpus } = readConnectionMatrix(text, { file, ...definedOf({ slackNs }) });
  return { traffic, gpus: flags.gpus ?? gpus, what: file };
}
