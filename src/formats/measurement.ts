import { checkKeys } from "../check.ts";
import { checkNotEmpty, fileError, type Measurement } from "../measurement.ts";
import { type LatencyColumnOptions, looksLikeColumn, readLatencyColumn } from "./csv.ts";
import { type HdrLogOptions, looksLikeHdrLog, readHdrLog } from "./hdr.ts";
import { looksLikePerftest, type PerftestOptions, readPerftest } from "./perftest.ts";

export interface MeasurementOptions extends PerftestOptions, HdrLogOptions, LatencyColumnOptions {}

type Option = Exclude<keyof MeasurementOptions, "file">;

interface Format {
  name: string;
  options: readonly Option[];
  matches(text: string): boolean;
  read(text: string, options: MeasurementOptions): Measurement | Promise<Measurement>;
}

/** In order of trial: a column of numbers is the least particular. */
const FORMATS: readonly Format[] = [
  { name: "an HdrHistogram log", options: ["nsPerValue"], matches: looksLikeHdrLog, read: readHdrLog },
  { name: "perftest output", options: ["verb"], matches: looksLikePerftest, read: readPerftest },
  { name: "a column of latencies", options: ["unit", "column"], matches: looksLikeColumn, read: readLatencyColumn },
];

/** Reads latencies from a text of any known format, recognised by what is in it. */
export async function readMeasurement(text: string, options: MeasurementOptions): Promise<Measurement> {
  const { file } = options;
  checkKeys("options", options, ["file", ...FORMATS.flatMap((format) => format.options)]);
  checkNotEmpty(file, text);
  const format = FORMATS.find(({ matches }) => matches(text));
  if (!format) throw fileError(file, null, FORMATS.map(({ name }) => name).join(", or "), "none of them");
  const given = Object.keys(options) as (keyof MeasurementOptions)[];
  const idle = given.find((key) => key !== "file" && options[key] !== undefined && !format.options.includes(key));
  if (idle)
    throw new TypeError(
      `options must leave out ${idle} for ${format.name} (${file}), got ${JSON.stringify(options[idle])}`,
    );
  return format.read(text, options);
}
