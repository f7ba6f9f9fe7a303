import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { Command, Option } from "commander";
import pc from "picocolors";
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
import { chosenOptics, number, type OpticsChoice, opticsOptions } from "./options.ts";
import { heading, progressBar, quantileWords, say, sayHistogram, sayJson, sayTable } from "./print.ts";

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
    .addOption(
      new Option("--transport <name>", "simulated: drawn from a profile; threads: measured between two threads here")
        .choices(["simulated", "threads"])
        .default("simulated"),
    )
    .option("--warmup <count>", "doorbells rung before any is timed (default: 1000)", number)
    .option("--iterations <count>", "doorbells timed (default: 1000000)", number)
    .option("--hops <count>", "hops of the simulated path (default: 3)", number)
    .option("--correlation <share>", "of traversals in which all hops are slow together (default: 1)", number)
    .option("--pipeline-ns <ns>", "switch pipeline, once a traversal (default: 20)", number)
    .option("--serdes-ns <ns>", "SERDES, once a traversal (default: 56)", number)
    .option("--seed <number>", "of the random draws (default: 1)", number);
  return opticsOptions(command)
    .option("--svg <file>", "write the tail as a picture, on logarithmic scales")
    .option("--hdr <file>", "write the measurements as an HdrHistogram log, which check --profile reads")
    .option("--json", "print the report as JSON")
    .action(async (flags: TailFlags) => {
      const startTime = Date.now() / 1000;
      const { warmup, iterations = 1_000_000 } = flags;
      const transport = flags.transport === "threads" ? await threads(flags) : await simulated(flags);
      const bar = progressBar("ringing", iterations);
      try {
        const { report, histogram } = await measureTail(transport, {
          ...(warmup === undefined ? {} : { warmup }),
          iterations,
          onProgress: bar.update,
        });
        bar.stop();
        await writeFiles(flags, report, histogram, startTime);
        if (flags.json) sayJson(report);
        else sayTail(report, histogram, flags);
      } finally {
        bar.stop();
        if (transport instanceof ThreadTransport) transport.close();
      }
    });
}

/** Doorbells between two threads of this machine. */
async function threads(flags: TailFlags): Promise<Transport> {
  for (const key of ["hops", "correlation", "pipelineNs", "serdesNs", "seed", "profile"] as const)
    if (flags[key] !== undefined) throw new TypeError(`${key} goes with --transport simulated, got it with threads`);
  return ThreadTransport.open();
}

async function simulated(flags: TailFlags): Promise<Transport> {
  const optics = await chosenOptics(flags);
  const { wholePath, hops = wholePath ? 1 : 3, correlation = 1, seed = 1 } = flags;
  const { pipelineNs = wholePath ? 0 : 20, serdesNs = wholePath ? 0 : 56 } = flags;
  return SimulatedTransport.over(optics, { hops, correlation, pipelineNs, serdesNs, seed });
}

async function writeFiles(
  { svg, hdr }: TailFlags,
  report: TailReport,
  histogram: Histogram,
  startTime: number,
): Promise<void> {
  if (svg !== undefined) {
    const name = report.transport;
    writeFileSync(svg, tailChart([{ name, report }], { subtitle: report.method }));
  }
  if (hdr !== undefined) {
    const lengthSeconds = Date.now() / 1000 - startTime;
    writeFileSync(
      hdr,
      await writeHdrLog(histogram.counted(), {
        startTime,
        lengthSeconds,
        tag: report.transport.replace(/[\s,]+/g, "-"),
      }),
    );
  }
}

function sayTail(report: TailReport, histogram: Histogram, flags: TailFlags): void {
  say(
    `${pc.bold(report.transport)}: ${figure(report.iterations)} doorbells, after ${figure(report.warmup)} to warm up`,
  );
  say(pc.dim(report.method));
  if (flags.transport === "threads")
    say(pc.dim(`on ${cpus()[0]?.model ?? "an unknown processor"}, ${cpus().length} cores, Node ${process.version}`));
  if (report.clock)
    say(
      pc.dim(
        `clock: ${report.clock.name}, ${duration(report.clock.costNs)} a reading, steps of ${duration(report.clock.stepNs)}`,
      ),
    );
  heading(`One way (with intervals at ${report.confidence * 100}%)`);
  sayTable(
    ["", ""],
    [
      ["median", quantileWords(report.median)],
      ["p99", quantileWords(report.p99)],
      ["p99.9", quantileWords(report.p999)],
      ["most", duration(report.mostNs)],
      ["mean", `${duration(report.meanNs)} ± ${duration(report.meanErrorNs)}`],
      ["3 sigma", duration(report.threeSigmaNs)],
    ],
  );
  if ([report.median, report.p99, report.p999].some(({ thin }) => thin))
    say(pc.yellow("* fewer than 10 measurements lie beyond it"));
  if (report.outside > 0) say(pc.yellow(`${figure(report.outside)} lay outside 1 ns .. 4.3 s`));
  heading("How many took how long");
  sayHistogram(histogram.counted());
  say();
  for (const [what, file] of [
    ["picture", flags.svg],
    ["HdrHistogram log", flags.hdr],
  ])
    if (file !== undefined) say(pc.dim(`${what}: ${file}`));
  if (flags.hdr !== undefined) say(pc.dim(`Next: vorchestrate check --profile ${flags.hdr} --whole-path`));
  else say(pc.dim("Next: --svg FILE draws it; --hdr FILE keeps it for vorchestrate check --profile FILE --whole-path"));
}
