import { Command, Option } from "commander";
import {
  type DriveOptions,
  type DriveReport,
  type DurationSummary,
  drive,
  driveChart,
  duration,
  figure,
  generateTraffic,
  MEANS,
  type Means,
  type Optics,
  percent,
  readConnectionMatrix,
  readDoorbells,
  TraceText,
  type Traffic,
  type TrafficOptions,
  type Tree,
} from "../index.ts";
import { checkFolders, readText, writePieces, writeText } from "./files.ts";
import {
  chosenOptics,
  count,
  definedOf,
  fabricOptions,
  flagOf,
  number,
  type OpticsChoice,
  opticsOptions,
  outageOption,
  scenarioOf,
} from "./options.ts";
import {
  again,
  heading,
  paint,
  progressBar,
  say,
  sayJson,
  sayNext,
  sayTable,
  sayWrapped,
  steady,
  typed,
} from "./print.ts";

interface DriveFlags extends OpticsChoice, Record<string, unknown> {
  pattern?: TrafficOptions["pattern"];
  gpus?: number;
  means: Means | "all";
  lane?: DriveOptions["lane"];
  order?: DriveOptions["order"];
  onExpire?: DriveOptions["onExpire"];
  portGbps?: number;
  goodput?: number;
  trace?: string;
  svg?: string;
  json?: boolean;
}

/** What makes a pattern, and goes with no file: flag, field, what the flag's number is multiplied with, words. */
const PATTERN = [
  ["--loads <count>", "loads", 1, "how many (default: 20000; of incast and hot-source without a rate one each)"],
  ["--load-mb <MB>", "sizeBytes", 1e6, "size of a load (default: 160)"],
  [
    "--utilisation <share>",
    "utilisation",
    1,
    "of what the busiest DPU reads (default: 0.28, as in check; of incast and hot-source all at once)",
  ],
  ["--loads-per-second <rate>", "loadsPerSecond", 1, "the same as a rate"],
  ["--sources <count>", "sources", 1, "of incast (default: all other GPUs)"],
  ["--destinations <count>", "destinations", 1, "of a hot source (default: all other GPUs)"],
  ["--loads-per-burst <count>", "loadsPerBurst", 1, "of bursts (default: 8)"],
] as const;

/** What the verdicts' demand makes of a DPU: 14 loads of 160 MB in 40 ms from each of 8 GPUs, of 1.6 TB/s. */
const UTILISATION = 0.28;

/** `vorchestrate drive` */
export function driveCommand(): Command {
  const command = new Command("drive")
    .description("drive doorbells through a fabric that paces, queues and fails, and report what came of every load")
    .argument(
      "[file]",
      "doorbells as CSV or JSON lines, or a connection matrix of csg-htsim; else a pattern is generated",
    )
    .optionsGroup("Loads:")
    .addOption(
      new Option("--pattern <name>", "who loads from whom (default: uniform)").choices([
        "uniform",
        "bursts",
        "incast",
        "hot-source",
      ]),
    )
    .option("--gpus <count>", "how many there are (default: 64, or as many as the file names)", count);
  for (const [flags, , , words] of PATTERN) command.option(flags, words, number);
  command
    .addOption(new Option("--arrivals <kind>", "of a pattern (default: poisson)").choices(["poisson", "regular"]))
    .option("--deadline-us <µs>", "from a pattern's post to its deadline (default: 180)", number)
    .optionsGroup("Run:")
    .addOption(
      new Option("--means <name>", "how weights are fetched; all: side by side")
        .choices([...MEANS, "all"])
        .default("executor"),
    )
    .addOption(new Option("--order <name>", "of reads (default: deadline)").choices(["deadline", "arrival"]))
    .addOption(
      new Option("--on-expire <what>", "with loads that cannot be in time (default: finish)").choices([
        "finish",
        "drop",
      ]),
    )
    .option("--queue-depth <count>", "loads that a DPU keeps (default: 1024)", count)
    .option("--burst-mb <MB>", "what a DPU may read at once (default: a chunk)", number)
    .addOption(
      new Option("--lane <name>", "of doorbells (default: dedicated)").choices(["dedicated", "priority", "shared"]),
    )
    .option("--seed <number>", "of all that is drawn (default: 1)", number);
  return fabricOptions(outageOption(opticsOptions(command)))
    .option("--port-gbps <Gb/s>", "line rate of a port (default: as the profile says)", number)
    .option("--goodput <share>", "of it that carries weights (default: as the profile says)", number)
    .option("--gpus-per-node <count>", "GPUs sit in a tree: 1 hop in a node, 2 in a pod, 3 anywhere", count)
    .option("--gpus-per-pod <count>", "the same of pods (default: 8 nodes)", count)
    .option("--node-link <GB/s>", "what goes out of a node, and what comes in (default: unlimited)", number)
    .option("--pod-link <GB/s>", "what goes out of a pod, and what comes in (default: unlimited)", number)
    .optionsGroup("Output:")
    .option("--trace <file>", "write what every DPU and link did, for Perfetto or chrome://tracing")
    .option("--svg <file>", "write how long loads take as a picture, on logarithmic scales")
    .option("--json", "print the report as JSON")
    .action(async (file: string | undefined, flags: DriveFlags) => {
      checkFolders(flags.trace, flags.svg);
      const optics = await opticsOf(flags);
      const { traffic, gpus, what } = file === undefined ? pattern(flags) : fromFile(file, flags);
      const options = { optics, ...definedOf({ gpus }), ...driveOptions(flags) };
      const means = flags.means === "all" ? MEANS : [flags.means];
      if (flags.trace !== undefined && means.length > 1)
        throw new TypeError("--trace is of one of the means, got --means all");
      const reports = means.map((one) => driven(traffic, { ...options, means: one }, flags.trace));
      if (flags.svg !== undefined) writeText(flags.svg, driveChart(reports, pictureOf(reports, what, traffic)));
      if (flags.json) sayJson(reports.length === 1 ? reports[0] : reports);
      else sayAll(reports, what, flags);
    });
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

/** The optics chosen, with ports as given. */
async function opticsOf({ portGbps, goodput, ...flags }: DriveFlags): Promise<Optics> {
  const { profile, hop } = await chosenOptics(flags);
  return { profile: { ...profile, ...definedOf({ portGbps, goodputShare: goodput }) }, hop };
}

function pattern(flags: DriveFlags): { traffic: Traffic; gpus: number; what: string } {
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
function fromFile(file: string, flags: DriveFlags): { traffic: Traffic; gpus: number | undefined; what: string } {
  const keys = ["pattern", "arrivals", ...PATTERN.map(([flag]) => new Option(flag).attributeName())];
  const stray = keys.find((key) => flags[key] !== undefined);
  if (stray) throw new TypeError(`${flagOf(stray)} goes with a generated pattern, got it with ${file}`);
  const text = readText(file);
  const isMatrix = /^\s*(#.*\s+)*Nodes\b/.test(text);
  const slackNs = typeof flags["deadlineUs"] === "number" ? flags["deadlineUs"] * 1e3 : undefined;
  if (!isMatrix) {
    if (slackNs !== undefined)
      throw new TypeError(`--deadline-us goes with what has no deadlines, got it with ${file}`);
    return { traffic: readDoorbells(text, { file }), gpus: flags.gpus, what: file };
  }
  const { traffic, gpus } = readConnectionMatrix(text, { file, ...definedOf({ slackNs }) });
  return { traffic, gpus: flags.gpus ?? gpus, what: file };
}

function driveOptions(flags: DriveFlags): Omit<DriveOptions, "optics" | "gpus"> {
  const { lane, order, onExpire, gpus } = flags;
  const { seed, queueDepth, burstMb, gpusPerNode, gpusPerPod, nodeLink, podLink } = flags as Record<
    string,
    number | undefined
  >;
  const { fabric } = scenarioOf(flags);
  if (fabric.gpusPerDpu !== undefined && gpus !== undefined) fabric.gpusPerDpu = Math.min(fabric.gpusPerDpu, gpus);
  let tree: Tree | undefined;
  if (gpusPerNode !== undefined)
    tree = {
      gpusPerNode,
      gpusPerPod: gpusPerPod ?? 8 * gpusPerNode,
      ...definedOf({ nodeBytesPerNs: nodeLink, podBytesPerNs: podLink }),
    };
  else {
    const [stray] = Object.keys(definedOf({ gpusPerPod, nodeLink, podLink }));
    if (stray) throw new TypeError(`${flagOf(stray)} goes with --gpus-per-node`);
  }
  const burstBytes = burstMb === undefined ? undefined : burstMb * 1e6;
  return { fabric, ...definedOf({ lane, order, onExpire, seed, queueDepth, burstBytes, tree }) };
}

/** Drives, with a bar that shows how far it is, and writes the trace meanwhile. */
function driven(traffic: Traffic, options: DriveOptions, trace: string | undefined): DriveReport {
  const bar = progressBar(options.means ?? "driving", traffic.op.length);
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

function sayAll(reports: readonly DriveReport[], what: string, { trace, svg }: DriveFlags): void {
  const [report] = reports as [DriveReport];
  const { loads, gpus, bytes, dpus, cancels, fences } = report;
  say(
    `${paint.bold(what)}: ${figure(loads)} loads, ${figure(bytes / 1e9)} GB, between ${gpus} GPUs over ${report.optics}`,
  );
  const others = [cancels && `${figure(cancels)} cancels`, fences && `${figure(fences)} fences`].filter(Boolean);
  say(
    paint.dim(
      `${dpus.length} DPUs; ${[...others, `${duration(report.spanNs)} from the first post to the last end`].join(", ")}`,
    ),
  );
  heading("How long a load takes, from post to end");
  sayTable(
    ["", "median", "p99", "p99.9", "most", "in time", "late or dropped"],
    reports.map((one) => [one.means, ...timesOf(one.loadNs), figure(one.outcomes.done), missesOf(one)]),
    [1, 2, 3, 4, 5],
  );
  heading("How long it waits in its DPU's queue");
  sayTable(
    ["", "median", "p99", "p99.9", "most", "mean"],
    reports.map((one) => [one.means, ...timesOf(one.queueNs), timeOf(one.queueNs.meanNs)]),
    [1, 2, 3, 4, 5],
  );
  for (const one of reports) sayMind(one);
  sayDpus(report);
  sayFaults(report);
  if (svg !== undefined) say(`\nThe picture is in ${svg}`);
  if (trace !== undefined) say(`\nThe trace is in ${trace}: open it at https://ui.perfetto.dev or chrome://tracing`);
  sayNext([
    ...(reports.length > 1 ? [] : [[again("--means all"), "beside a CPU's loads and a coherent fabric's"] as const]),
    ...(trace === undefined ? [[again("--trace drive.json"), "what every DPU and link did"] as const] : []),
    ...(svg === undefined ? [[again("--svg drive.svg"), "draws how long loads take"] as const] : []),
    [again("--json"), "all of it, for programs"],
    [typed("drive --help"), "every figure that can be given"],
  ]);
}

function timesOf({ medianNs, p99Ns, p999Ns, mostNs }: DurationSummary): string[] {
  return [medianNs, p99Ns, p999Ns, mostNs].map(timeOf);
}

function timeOf(ns: number): string {
  return ns === 0 ? "none" : steady(ns);
}

function missesOf({ misses: { count, share, low, high } }: DriveReport): string {
  if (count === 0) return paint.green(`0 (at most ${percent(high)})`);
  return `${paint.red(figure(count))} = ${percent(share)} ${paint.dim(`(${percent(low)} .. ${percent(high)})`)}`;
}

function sayMind({ means, expired, pushedBack, outcomes }: DriveReport): void {
  const words = [
    expired > 0 && `${figure(expired)} could not make their deadline any more and were told so at once`,
    outcomes.dropped > 0 && `${figure(outcomes.dropped)} of them were dropped`,
    outcomes.cancelled > 0 && `${figure(outcomes.cancelled)} were cancelled`,
    pushedBack > 0 && `${figure(pushedBack)} found their DPU's queue full and waited at the GPU`,
  ].filter(Boolean);
  if (words.length > 0) sayWrapped(`${means}: `, paint.dim(`${words.join("; ")}.`));
}

const DPUS_SHOWN = 16;

function sayDpus({ dpus, means }: DriveReport): void {
  const busy = dpus.filter(({ loads }) => loads > 0).sort((a, b) => b.bytes - a.bytes || a.dpu - b.dpu);
  heading(`Per DPU (${means}), the busiest first`);
  sayTable(
    ["DPU", "loads", "misses", "GB/s", "of its pace", "queue median", "queue p99", "load p99"],
    busy
      .slice(0, DPUS_SHOWN)
      .map(({ dpu, loads, misses, bytesPerNs, paceShare, queueNs, loadNs }) => [
        String(dpu),
        figure(loads),
        figure(misses),
        figure(bytesPerNs),
        percent(paceShare),
        timeOf(queueNs.medianNs),
        timeOf(queueNs.p99Ns),
        steady(loadNs.p99Ns),
      ]),
    [0, 1, 2, 3, 4, 5, 6, 7],
  );
  if (busy.length > DPUS_SHOWN) say(paint.dim(`and ${busy.length - DPUS_SHOWN} more: --json has all`));
}

const HELD_SHOWN = 8;

function sayFaults({ faults: { outages, linkTimeShare, held } }: DriveReport): void {
  if (outages === 0 && held.length === 0) return;
  heading("Faults");
  say(
    `${figure(outages)} outages took ${percent(linkTimeShare)} of the links' time; faults held ${figure(held.length)} loads`,
  );
  const longest = [...held].sort((a, b) => b.heldNs - a.heldNs);
  sayTable(
    ["load", "DPU", "held", "ended at", ""],
    longest
      .slice(0, HELD_SHOWN)
      .map(({ fenceId, dpu, heldNs, endNs, outcome }) => [
        String(fenceId),
        String(dpu),
        steady(heldNs),
        steady(endNs),
        outcome,
      ]),
    [0, 1, 2, 3],
  );
  if (held.length > HELD_SHOWN) say(paint.dim(`and ${figure(held.length - HELD_SHOWN)} more: --json names each`));
}
