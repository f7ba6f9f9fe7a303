import { Command, Option } from "commander";
import {
  duration,
  figure,
  type Histogram,
  measureTail,
  SimulatedTransport,
  type TailReport,
  ThreadTransport,
  type Transport,
  tailChart,
  writeHdrLog,
} from "../index.ts";
import { checkFolders, writeText } from "./files.ts";
import {
  chosenOptics,
  definedOf,
  flagOf,
  number,
  type OpticsChoice,
  opticsOptions,
  pathOptions,
  wholePath,
} from "./options.ts";
import {
  again,
  heading,
  paint,
  progressBar,
  quantileWords,
  say,
  sayHistogram,
  sayJson,
  sayNext,
  sayTable,
  sayWrapped,
  steady,
  typed,
} from "./print.ts";

interface TailFlags extends OpticsChoice {
  transport: "simulated" | "threads";
  hops?: number;
  correlation?: number;
  pipelineNs?: number;
  serdesNs?: number;
  warmup?: number;
  iterations?: number;
  seed?: number;
  svg?: string;
  hdr?: string;
  json?: boolean;
}

/** `vorchestrate tail` */
export function tailCommand(): Command {
  const command = new Command("tail")
    .description("ring 64-byte doorbells and report the tail of their latencies")
    .optionsGroup("Run:")
    .addOption(
      new Option("--transport <name>", "simulated: drawn from a profile; threads: measured between two threads here")
        .choices(["simulated", "threads"])
        .default("simulated"),
    )
    .option("--warmup <count>", "doorbells rung before any is timed (default: 1000)", number)
    .option("--iterations <count>", "doorbells timed (default: 1000000)", number)
    .option("--seed <number>", "of the random draws (default: 1)", number);
  return pathOptions(opticsOptions(command))
    .optionsGroup("Output:")
    .option("--svg <file>", "write the tail as a picture, on logarithmic scales")
    .option("--hdr <file>", "write the measurements as an HdrHistogram log, which check --profile reads")
    .option("--json", "print the report as JSON")
    .action(async (flags: TailFlags) => {
      const startTime = Date.now() / 1000;
      const { warmup, iterations = 1_000_000, svg, hdr } = flags;
      checkFolders(svg, hdr);
      const transport = flags.transport === "threads" ? await threads(flags) : await simulated(flags);
      const bar = progressBar("ringing", iterations);
      try {
        const { report, histogram } = await measureTail(transport, {
          ...definedOf({ warmup }),
          iterations,
          onProgress: bar.update,
        });
        bar.stop();
        await writeFiles(flags, report, histogram, startTime);
        if (flags.json) sayJson(report);
        else sayTail(report, histogram, flags);
      } finally {
        bar.stop();
        if (transport instanceof ThreadTransport) await transport.close();
      }
    });
}

/** Doorbells between two threads of this machine, which no option of a simulated path applies to. */
async function threads({
  transport,
  warmup,
  iterations,
  svg,
  hdr,
  json,
  ...simulation
}: TailFlags): Promise<Transport> {
  const [stray] = Object.keys(simulation);
  if (stray) throw new TypeError(`${flagOf(stray)} goes with --transport simulated, got it with ${transport}`);
  return ThreadTransport.open();
}

async function simulated(flags: TailFlags): Promise<Transport> {
  const { hops, correlation, pipelineNs, serdesNs, seed } = flags;
  const path = { hops: 3, correlation: 1, pipelineNs: 20, serdesNs: 56, ...wholePath(flags) };
  return SimulatedTransport.over(await chosenOptics(flags), {
    ...path,
    ...definedOf({ hops, correlation, pipelineNs, serdesNs, seed }),
  });
}

/** Thousandths of a nanosecond: a path of co-packaged optics varies by less than one. */
const VALUES_PER_NS = 1000;

async function writeFiles(
  { transport, svg, hdr }: TailFlags,
  report: TailReport,
  histogram: Histogram,
  startTime: number,
): Promise<void> {
  const threads = transport === "threads";
  const name = threads ? "two threads" : report.transport; // a legend and a subtitle are one line each
  const subtitle = threads ? "measured: half the round trip between two threads of one machine" : report.method;
  if (svg !== undefined) writeText(svg, tailChart([{ name, report }], { subtitle }));
  if (hdr === undefined) return;
  const lengthSeconds = Date.now() / 1000 - startTime;
  const tag = report.transport.replace(/[\s,]+/g, "-");
  writeText(hdr, await writeHdrLog(histogram.counted(), { startTime, lengthSeconds, tag, valuesPerNs: VALUES_PER_NS }));
}

function sayTail(report: TailReport, histogram: Histogram, { svg, hdr }: TailFlags): void {
  say(
    `${paint.bold(report.transport)}: ${figure(report.iterations)} doorbells, after ${figure(report.warmup)} to warm up`,
  );
  sayWrapped("", paint.dim(report.method));
  const { clock } = report;
  if (clock)
    say(paint.dim(`Clock: ${clock.name}, ${duration(clock.costNs)} a reading, steps of ${duration(clock.stepNs)}.`));
  heading(`One way (with intervals at ${report.confidence * 100}%)`);
  sayTable(
    ["", "", ""],
    [
      ["median", ...quantileWords(report.median)],
      ["p99", ...quantileWords(report.p99)],
      ["p99.9", ...quantileWords(report.p999)],
      ["most", steady(report.mostNs), ""],
      ["mean", steady(report.meanNs), paint.dim(`± ${duration(report.meanErrorNs)}`)],
      ["3 sigma", steady(report.threeSigmaNs), ""],
    ],
    [1],
  );
  if ([report.median, report.p99, report.p999].some(({ thin }) => thin))
    say(paint.yellow("* fewer than 10 measurements lie beyond it"));
  if (report.outside > 0) say(paint.yellow(`${figure(report.outside)} lay outside 1 ns .. 4.3 s`));
  heading("How many took how long");
  sayHistogram(histogram.counted());
  if (svg !== undefined) say(`\nThe picture is in ${svg}`);
  if (hdr !== undefined) say(`\nThe HdrHistogram log is in ${hdr}`);
  sayNext([
    ...(svg === undefined ? [[again("--svg tail.svg"), "draws it"] as const] : []),
    hdr === undefined
      ? [again("--hdr tail.hlog"), "keeps it: check --profile reads it"]
      : [typed(`check --profile ${hdr} --whole-path`), "decides on such a path"],
  ]);
}
