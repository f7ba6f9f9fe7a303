import { Command } from "commander";
import {
  checkDecodingStudy,
  type DecodingStudy,
  type DecodingStudyOptions,
  duration,
  percent,
  type StudyRow,
  studyDecoding,
  studyOptics,
  tailChart,
} from "../index.ts";
import { sayDecoding } from "./decoding-study.ts";
import { checkFolders, writeText } from "./files.ts";
import { definedOf, number, scenarioOf, scenarioOptions } from "./options.ts";
import {
  bar,
  heading,
  marginWords,
  missWords,
  paint,
  progressBar,
  say,
  sayJson,
  sayNext,
  sayTable,
  sayWrapped,
  steady,
  typed,
  width,
} from "./print.ts";

interface StudyFlags extends Record<string, unknown> {
  iterations?: number;
  seed?: number;
  svg?: string;
  decoding?: boolean;
  gpus?: number;
  steps?: number;
  repetitions?: number;
  json?: boolean;
}

/** `vorchestrate study` */
export function studyCommand(): Command {
  return scenarioOptions(
    new Command("study").description("take all built-in optics, side by side, through tail and verdict"),
  )
    .optionsGroup("Run and output:")
    .option("--iterations <count>", "doorbells, and loads, drawn for each (default: 1000000)", number)
    .option("--seed <number>", "of the random draws (default: 1)", number)
    .option("--svg <file>", "write the tails as a picture, on logarithmic scales")
    .option("--decoding", "decode over all of them too, before and after, and with parts switched: under a minute")
    .option("--gpus <count>", "with --decoding: GPUs, a multiple of 8 (default: 32)", number)
    .option("--steps <count>", "with --decoding: of each GPU (default: 100)", number)
    .option("--repetitions <count>", "with --decoding: with other draws, for intervals (default: 3)", number)
    .option("--json", "print all reports and verdicts as JSON")
    .action(async (flags: StudyFlags) => {
      const { iterations, seed, svg, json, gpus, steps, repetitions } = flags;
      checkFolders(svg);
      const size = definedOf({ gpus, steps, repetitions });
      const [stray] = Object.keys(size);
      checkDecodingStudy(size);
      if (stray && !flags.decoding) throw new TypeError(`--${stray} goes with --decoding`);
      const rows = await studied({ ...scenarioOf(flags), ...definedOf({ iterations, seed }) });
      if (svg !== undefined) writeText(svg, picture(rows));
      const decoding = flags.decoding ? decoded({ ...size, ...definedOf({ seed }) }) : null;
      if (json) sayJson(decoding ? { optics: rows, decoding } : rows);
      else sayStudy(rows, decoding, svg);
    });
}

async function studied(options: Parameters<typeof studyOptics>[0]): Promise<StudyRow[]> {
  const progress = progressBar("studying", 100);
  try {
    return await studyOptics({ ...options, onProgress: (_, done, of) => progress.update((100 * done) / of) });
  } finally {
    progress.stop();
  }
}

function decoded(options: DecodingStudyOptions): DecodingStudy {
  const progress = progressBar("decoding", 100);
  try {
    return studyDecoding({ ...options, onProgress: (done, of) => progress.update((100 * done) / of) });
  } finally {
    progress.stop();
  }
}

function picture(rows: readonly StudyRow[]): string {
  const { fabric } = rows[0]!.verdict;
  return tailChart(
    rows.map(({ name, tail }) => ({ name, report: tail })),
    { subtitle: `drawn: ${fabric.hops} hops, ${percent(fabric.correlation)} of traversals in step` },
  );
}

function sayStudy(rows: readonly StudyRow[], decoding: DecodingStudy | null, svg: string | undefined): void {
  const { fabric, demand, objective } = rows[0]!.verdict;
  say(paint.bold("Can expert weights be fetched over this fabric in time?"));
  sayWrapped(
    "",
    `${demand.expertBytes / 1e6} MB in ${duration(objective.deadlineNs)}, ${fabric.hops} hops, ${fabric.ports} ports; in ${percent(fabric.correlation)} of traversals all hops are slow together`,
  );
  sayTails(rows);
  sayVerdicts(rows);
  sayConditions(rows);
  sayWhatDecides(rows);
  if (decoding) sayDecoding(decoding);
  if (svg !== undefined) say(`\nThe picture is in ${svg}`);
  const example = rows.find(({ verdict }) => verdict.schedulable) ?? rows[0]!;
  sayNext([
    [typed(`check --optics ${example.name} --margin`), "one verdict in full, and its limits"],
    [typed("check --profile FILE"), "the same of your own latencies"],
    [typed("simulate"), "decoding on it, and where the time goes"],
    [typed("tail --transport threads"), "a real tail, measured on this machine"],
    [typed("study --svg tails.svg"), "these tails as a picture"],
  ]);
}

function sayTails(rows: readonly StudyRow[]): void {
  heading("The path of a doorbell, one way (drawn, not measured)");
  const barWidth = width() - 82; // what the other columns leave
  const shown = barWidth >= 12;
  sayTable(
    ["optics", "median", "p99", "p99.9", "most", "3 sigma", "evidence", shown ? "median to p99.9" : ""],
    rows.map(({ name, tail, verdict }) => [
      paint.bold(name),
      steady(tail.median.ns),
      steady(tail.p99.ns),
      steady(tail.p999.ns),
      steady(tail.mostNs),
      steady(tail.threeSigmaNs),
      verdict.optics.evidence[0]!.grade,
      shown ? paint.cyan(tailBar(tail.median.ns, tail.p999.ns, rows, barWidth)) : "",
    ]),
    [1, 2, 3, 4, 5],
  );
}

/** A bar from the median to p99.9 on the logarithmic scale of all rows. */
function tailBar(medianNs: number, p999Ns: number, rows: readonly StudyRow[], width: number): string {
  const least = Math.log(Math.min(...rows.map(({ tail }) => tail.median.ns)));
  const most = Math.log(Math.max(...rows.map(({ tail }) => tail.p999.ns)));
  const at = (ns: number) => ((Math.log(ns) - least) / (most - least || 1)) * width;
  const start = Math.floor(at(medianNs));
  return " ".repeat(start) + bar(Math.max(1 / width, (at(p999Ns) - start) / width), width);
}

function sayVerdicts(rows: readonly StudyRow[]): void {
  heading("The verdict");
  sayTable(
    ["optics", "", "hops", "binds", "margin", "a load", "P(miss)"],
    rows.map(({ name, verdict }) => {
      const binding = verdict.terms[0]!;
      return [
        paint.bold(name),
        verdictOf(verdict),
        `${verdict.radiusHops} of 3`,
        binding.name,
        marginWords(binding.margin),
        steady(verdict.load.totalNs),
        missWords(verdict.miss.exact),
      ];
    }),
    [4, 5, 6],
  );
}

/** What a verdict rests on, but for how many loads come at once: that is the same for all optics, and said once. */
function conditionsOf({ conditions, certificate }: StudyRow["verdict"]): string[] {
  return certificate.stated ? conditions : conditions.slice(0, -1);
}

function verdictOf(verdict: StudyRow["verdict"]): string {
  if (!verdict.schedulable) return paint.red("not schedulable");
  return conditionsOf(verdict).length > 0 ? paint.yellow("schedulable, if") : paint.green("schedulable");
}

function sayConditions(rows: readonly StudyRow[]): void {
  const open = rows.filter(({ verdict }) => conditionsOf(verdict).length > 0);
  if (open.length === 0) return;
  heading("What is not known, and must hold");
  const longest = Math.max(...rows.map(({ name }) => name.length));
  for (const { name, verdict } of open)
    for (const condition of conditionsOf(verdict)) sayWrapped(`${paint.bold(name.padEnd(longest))}  `, condition);
}

function sayWhatDecides(rows: readonly StudyRow[]): void {
  heading("What decides");
  const { demand, objective, optics, transfer, certificate } = rows[0]!.verdict;
  sayWrapped(
    "- ",
    `One port of ${optics.portGbps} Gb/s takes ${duration(transfer.onePortNs)} for ${demand.expertBytes / 1e6} MB: ports carry a load, not hops.`,
  );
  const tooSlow = transfer.ingress.findLast(({ meetsDeadline }) => !meetsDeadline);
  if (tooSlow)
    sayWrapped(
      "- ",
      `A GPU that takes in ${tooSlow.bytesPerNs} GB/s needs ${duration(tooSlow.ns)}, whatever the optics: late on its own.`,
    );
  if (!certificate.stated && certificate.tightestDeadlineNs !== null)
    sayWrapped(
      "- ",
      `Nobody states how many loads a DPU is asked for at once. ${certificate.loadsAtOnce}, one a GPU, may take ${duration(certificate.tightestDeadlineNs)}; certain within ${duration(objective.deadlineNs)}: ${certificate.mostLoadsAtOnce}. Every verdict above rests on that.`,
    );
  if (rows.every(({ verdict }) => verdict.miss.exact < 1e-9)) {
    const slackNs = objective.deadlineNs - Math.max(...rows.map(({ verdict }) => verdict.load.totalNs));
    const mostNs = Math.max(...rows.map(({ tail }) => tail.mostNs));
    sayWrapped(
      "- ",
      `On an idle fabric none misses: the slowest doorbell drawn takes ${duration(mostNs)}, the slack is ${duration(slackNs)}. Faults and queues decide.`,
    );
  }
}
