import { Command, Option } from "commander";
import {
  duration,
  figure,
  type Histogram,
  measureTail,
  percent,
  SimulatedTransport,
  type TailReport,
  ThreadTransport,
  type Transport,
  tailChart,
  UdpEcho,
  UdpTransport,
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
  transport: "simulated" | "threads" | "udp";
  connect?: string;
  timeoutMs?: number;
  listen?: string;
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
      new Option(
        "--transport <name>",
        "simulated: drawn from a profile; threads: measured between two threads here; udp: measured to --connect",
      )
        .choices(["simulated", "threads", "udp"])
        .default("simulated"),
    )
    .option("--connect <host:port>", "with --transport udp: where vorchestrate tail --listen runs")
    .option(
      "--timeout-ms <ms>",
      "with --transport udp: without a reply for so long a doorbell is lost (default: 100)",
      number,
    )
    .option("--listen <port>", "answer another machine's doorbells; on 127.0.0.1 unless HOST:PORT is given")
    .option("--warmup <count>", "doorbells rung before any is timed (default: 1000)", number)
    .option("--iterations <count>", "doorbells timed (default: 1000000)", number)
    .option("--seed <number>", "of the random draws (default: 1)", number);
  return pathOptions(opticsOptions(command))
    .optionsGroup("Output:")
    .option("--svg <file>", "write the tail as a picture, on logarithmic scales")
    .option("--hdr <file>", "write the measurements as an HdrHistogram log, which check --profile reads")
    .option("--json", "print the report as JSON")
    .action(async (flags: TailFlags) => {
      if (flags.listen !== undefined) return answer(flags);
      const startTime = Date.now() / 1000;
      const { warmup, iterations = 1_000_000, svg, hdr } = flags;
      checkFolders(svg, hdr);
      const transport = flags.transport === "simulated" ? await simulated(flags) : await measured(flags);
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
        if (transport instanceof ThreadTransport || transport instanceof UdpTransport) await transport.close();
      }
    });
}

/** Answers doorbells until the process is interrupted. */
async function answer({ listen, transport, json, ...others }: TailFlags): Promise<void> {
  const [stray] = Object.keys(others);
  if (stray || transport !== "simulated")
    throw new TypeError(`${flagOf(stray ?? "transport")} goes with the side that measures, got it with --listen`);
  const echo = await UdpEcho.open({ listen: listen! });
  if (json) sayJson({ address: echo.address });
  else say(`answering doorbells at ${paint.bold(echo.address)}; end it with Ctrl-C`);
  await new Promise<void>((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
  await echo.close();
  const { answered, dropped } = echo.counts;
  if (!json) say(`${figure(answered)} answered, ${figure(dropped)} dropped that were no doorbells`);
}

/** A transport that measures, to which no option of a simulated path applies. */
async function measured({
  transport,
  connect,
  timeoutMs,
  warmup,
  iterations,
  svg,
  hdr,
  json,
  ...simulation
}: TailFlags): Promise<Transport> {
  const [stray] = Object.keys(simulation);
  if (stray) throw new TypeError(`${flagOf(stray)} goes with --transport simulated, got it with ${transport}`);
  if (transport === "udp") {
    if (connect === undefined)
      throw new TypeError("--transport udp needs --connect HOST:PORT, where tail --listen runs");
    return UdpTransport.open({ connect, ...definedOf({ timeoutMs }) });
  }
  refuseUdpFlags({ connect, timeoutMs });
  return ThreadTransport.open();
}

function refuseUdpFlags(flags: { connect: string | undefined; timeoutMs: number | undefined }): void {
  const [stray] = Object.keys(definedOf(flags));
  if (stray) throw new TypeError(`${flagOf(stray)} goes with --transport udp`);
}

async function simulated(flags: TailFlags): Promise<Transport> {
  refuseUdpFlags({ connect: flags.connect, timeoutMs: flags.timeoutMs });
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
  // A legend and a subtitle are one line each.
  const [name, subtitle] = {
    simulated: [report.transport, report.method],
    threads: ["two threads", "measured: half the round trip between two threads of one machine"],
    udp: ["UDP", "measured: half the round trip of a datagram of 64 bytes"],
  }[transport] as [string, string];
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
  if (report.losses) {
    const { sent, lost, reordered, duplicated } = report.losses;
    const line = `${figure(lost)} of ${figure(sent)} lost (${percent(lost / sent)}), in no quantile; ${figure(reordered)} came late, ${figure(duplicated)} twice`;
    say(lost > 0 ? paint.yellow(line) : paint.dim(line));
  }
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
