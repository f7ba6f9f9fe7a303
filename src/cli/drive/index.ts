import type { Command } from "commander";
import {
  DOORBELL_OPS,
  type DriveOptions,
  type DriveReport,
  drive,
  driveChart,
  figure,
  MEANS,
  TraceText,
  type Traffic,
} from "../../index.ts";
import { checkFolders, writePieces, writeText } from "../files.ts";
import { definedOf } from "../options.ts";
import { progressBar, sayJson } from "../print.ts";
import { type DriveFlags, declaredCommand, driveOptions, opticsOf } from "./options.ts";
import { sayAll } from "./say.ts";
import { trafficOf } from "./traffic.ts";

/** `vorchestrate drive` */
export function driveCommand(): Command {
  return declaredCommand().action(async (file: string | undefined, flags: DriveFlags) => {
    checkFolders(flags.trace, flags.svg);
    const means = meansOf(flags);
    const optics = await opticsOf(flags);
    const { traffic, gpus, what } = trafficOf(file, flags);
    const options = { optics, ...definedOf({ gpus }), ...driveOptions(flags) };
    const reports = means.map((one) => driven(traffic, { ...options, means: one }, flags.trace));
    if (flags.svg !== undefined) writeText(flags.svg, driveChart(reports, pictureOf(reports, what, traffic)));
    if (flags.json) sayJson(reports.length === 1 ? reports[0] : reports);
    else sayAll(reports, what, flags);
  });
}

/** The means asked for, all of which go with the other flags. */
function meansOf({ means, trace, gpusPerNode }: DriveFlags) {
  if (means !== "all") return [means];
  if (trace !== undefined) throw new TypeError("--trace is of one of the means, got --means all");
  if (gpusPerNode !== undefined)
    throw new TypeError("--gpus-per-node goes with executor and reactive, got --means all");
  return MEANS;
}

/** What a picture says besides its curves. */
function pictureOf([report]: readonly DriveReport[], what: string, { op, postNs, deadlineNs }: Traffic) {
  const slacks = new Set<number>();
  for (let row = 0; row < op.length && slacks.size < 2; row++) slacks.add(Math.round(deadlineNs[row]! - postNs[row]!));
  const [slackNs] = slacks;
  return {
    subtitle: `${what}: ${figure(report!.loads)} loads between ${report!.gpus} GPUs over ${report!.optics}`,
    ...(slacks.size === 1 && slackNs! > 0 ? { slackNs: slackNs! } : {}),
  };
}

/** Drives, with a bar that shows how far it is, and writes the trace meanwhile. */
function driven(traffic: Traffic, options: DriveOptions, trace: string | undefined): DriveReport {
  const bar = progressBar(options.means ?? "driving", traffic.op.filter((op) => op === DOORBELL_OPS.load).length);
  const text = new TraceText();
  const file = trace === undefined ? undefined : writePieces(trace);
  try {
    const report = drive(traffic, options, {
      onProgress: (ended) => bar.update(ended),
      ...(file ? { onSpan: (span) => file.write(text.spanText(span)) } : {}),
    });
    file?.write(text.endText());
    return report;
  } finally {
    file?.close();
    bar.stop();
  }
}
