import { checkAtLeast, checkBetween, checkLength, checkPositive, checkWhole } from "../check.ts";
import type { CountedValues } from "../histogram.ts";
import { ascending, baseName, checkEnough, checkNotEmpty, fileError, type Measurement } from "../measurement.ts";
import { decodeHistogram, encodeHistogram } from "./hdr-histogram.ts";

const LEGEND = '"StartTimestamp","Interval_Length","Interval_Max","Interval_Compressed_Histogram"';

/** The log format has no place for a unit; a comment of ours does. */
const UNIT_COMMENT = "#[1 ns is ";

export interface HdrLogOptions {
  /** The file's name, for messages. */
  file: string;
  /** How many nanoseconds 1 in the file stands for; as a comment of `writeHdrLog` says, else 1, unless given. */
  nsPerValue?: number;
}

/** Reads an HdrHistogram log (V2): all intervals and tags, merged. */
export async function readHdrLog(text: string, { file, nsPerValue }: HdrLogOptions): Promise<Measurement> {
  if (nsPerValue !== undefined) checkPositive("nsPerValue", nsPerValue);
  checkNotEmpty(file, text);
  const stated = valuesPerNsOf(text);
  if (nsPerValue !== undefined && stated !== null && Math.abs(nsPerValue * stated - 1) > 1e-9)
    throw fileError(file, null, `1 to be ${nsPerValue} ns, as the option says`, `a comment by which 1 ns is ${stated}`);
  const nsOf = (value: number) => (stated === null ? value * (nsPerValue ?? 1) : value / stated);
  const counts = new Map<number, number>();
  const tags = new Set<string>();
  let [intervals, total, zeros] = [0, 0, 0];
  for (const [i, line] of text.split(/\r\n|\r|\n/).entries()) {
    if (/^\s*(#|"|Timestamp|$)/.test(line)) continue; // a comment, the legend, or nothing
    const fields = line.trim().split(/[,\s]+/);
    if (fields[0]!.startsWith("Tag=")) tags.add(fields.shift()!.slice(4));
    const histogram = fields.length === 4 ? fields[3]! : null;
    if (histogram === null || fields.slice(0, 3).some((field) => Number.isNaN(Number(field))))
      throw fileError(file, i + 1, "[Tag=...,] start, length, max and a histogram in base64", line.slice(0, 60));
    const cells = await decodeHistogram(histogram, (expected, got) => fileError(file, i + 1, expected, got));
    for (const { low, size, count } of cells) {
      // A recorded 0 is somewhere below the unit: half of one stands for it.
      const value = low === 0 ? size / 2 : low + Math.floor(size / 2);
      counts.set(nsOf(value), (counts.get(nsOf(value)) ?? 0) + count);
      total += count;
      if (low === 0) zeros += count;
    }
    intervals++;
  }
  checkEnough(file, total);
  const notes = [
    stated === null
      ? `the file does not say its unit: 1 in it is taken as ${nsPerValue ?? 1} ns`
      : `1 ns is ${stated} in the file, as its comment says`,
    "every value is the middle of its cell in the file's histograms",
  ];
  if (tags.size > 0) notes.push(`tags merged: ${[...tags].join(", ")}`);
  if (zeros > 0) notes.push(`${zeros} values below the least that the file tells from 0 count as half of that`);
  return {
    name: baseName(file),
    source: `HdrHistogram log V2, ${intervals} ${intervals === 1 ? "interval" : "intervals"}, ${total} values`,
    counted: ascending(counts),
    quantiles: null,
    samples: total,
    notes,
  };
}

/** What 1 ns is in the values, where a comment of ours says so. */
function valuesPerNsOf(text: string): number | null {
  const comment = text.split(/\r\n|\r|\n/).find((line) => line.startsWith(UNIT_COMMENT));
  const value = Number.parseFloat(comment?.slice(UNIT_COMMENT.length) ?? "");
  return value > 0 ? value : null;
}

export interface HdrLogExport {
  /** When the first value was recorded, in seconds since 1970. */
  startTime: number;
  /** For how many seconds values were recorded. */
  lengthSeconds: number;
  /** What 1 ns becomes in the file, which holds whole numbers; 1 unless given. */
  valuesPerNs?: number;
  /** Decimal digits to which values are told apart; 3 unless given. */
  significantDigits?: number;
  /** The interval's tag; none unless given. */
  tag?: string;
}

/** Writes values (in ns) as an HdrHistogram log (V2) of one interval. */
export async function writeHdrLog(
  { values, counts }: CountedValues,
  { startTime, lengthSeconds, valuesPerNs = 1, significantDigits = 3, tag }: HdrLogExport,
): Promise<string> {
  checkBetween("startTime", startTime, 0, 8.64e12); // what Date can print
  checkAtLeast("lengthSeconds", lengthSeconds, 0);
  checkPositive("valuesPerNs", valuesPerNs);
  checkWhole("significantDigits", significantDigits, 0, 5);
  checkLength("counts", counts, values.length);
  if (tag !== undefined && !/^[^\s,]+$/.test(tag))
    throw new RangeError(`tag must be free of commas and spaces, got ${JSON.stringify(tag)}`);
  const units = values.map((value, i) => {
    const unit = Math.round(value * valuesPerNs);
    checkWhole(`value ${i + 1} x valuesPerNs`, unit, 0, 2 ** 53 - 1);
    checkWhole(`count ${i + 1}`, counts[i]!, 0, 2 ** 53 - 1);
    return unit;
  });
  const histogram = await encodeHistogram({ values: units, counts }, significantDigits);
  // Readers take the column of greatest values to be in 10^6 units, as Java's tool writes it.
  const most = units.reduce((a, b) => Math.max(a, b), 0) / 1e6;
  return [
    "#[Histogram log format version 1.3]",
    `${UNIT_COMMENT}${valuesPerNs} in the values, Interval_Max is in 1e6 of them]`,
    `#[StartTime: ${startTime.toFixed(3)} (seconds since epoch), ${new Date(startTime * 1000).toISOString()}]`,
    `#[BaseTime: ${startTime.toFixed(3)} (seconds since epoch)]`,
    LEGEND,
    `${tag === undefined ? "" : `Tag=${tag},`}0.000,${lengthSeconds.toFixed(3)},${most.toFixed(3)},${histogram}`,
    "",
  ].join("\n");
}

/** Whether a text is an HdrHistogram log: its comments or legend, or a histogram of any version in a line. */
export function looksLikeHdrLog(text: string): boolean {
  return /^#\[Histogram log format|^"StartTimestamp"|^(Tag=[^,]*,)?[\d.]+,[\d.]+,[\d.]+,D?HIST/m.test(text);
}
