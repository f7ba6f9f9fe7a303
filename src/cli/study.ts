import { writeFileSync } from "node:fs";
import { Command } from "commander";
import pc from "picocolors";
import { duration, percent, type StudyRow, studyOptics, tailChart } from "../index.ts";
import { number, scenarioOf, scenarioOptions } from "./options.ts";
import { bar, heading, progressBar, say, sayJson, sayTable } from "./print.ts";

interface StudyFlags extends Record<string, unknown> {
  iterations?: number;
  seed?: number;
  svg?: string;
  json?: boolean;
}

/** `vorchestrate study` */
export function studyCommand(): Command {
  return scenarioOptions(
    new Command("study").description("take all built-in optics, side by side, through tail and verdict"),
  )
    .option("--iterations <count>", "doorbells, and loads, drawn for each (default: 1000000)", number)
    .option("--seed <number>", "of the random draws (default: 1)", number)
    .option("--svg <file>", "write the tails as a picture, on logarithmic scales")
    .option("--json", "print all reports and verdicts as JSON")
    .action(async (flags: StudyFlags) => {
      const { iterations, seed } = flags;
      const progress = progressBar("studying", 100);
      const rows = await studyOptics({
        ...scenarioOf(flags),
        ...(iterations === undefined ? {} : { iterations }),
        ...(seed === undefined ? {} : { seed }),
        onProgress: (_, done, of) => progress.update((100 * done) / of),
      });
      progress.stop();
      if (flags.svg !== undefined) writeFileSync(flags.svg, picture(rows));
      if (flags.json) sayJson(rows);
      else sayStudy(rows, flags);
    });
}

function picture(rows: readonly StudyRow[]): string {
  const { fabric } = rows[0]!.verdict;
  return tailChart(
    rows.map(({ name, tail }) => ({ name, report: tail })),
    { subtitle: `drawn: ${fabric.hops} hops, ${percent(fabric.correlation)} of traversals in step` },
  );
}

function sayStudy(rows: readonly StudyRow[], { svg }: StudyFlags): void {
  const { fabric, demand, objective } = rows[0]!.verdict;
  say(pc.bold("Can expert weights be fetched over this fabric in time?"));
  say(
    `${demand.expertBytes / 1e6} MB in ${duration(objective.deadlineNs)}, ${fabric.hops} hops, ${fabric.ports} ports, ${percent(fabric.correlation)} of traversals with all hops in step`,
  );
  heading("The path of a doorbell, one way (drawn, not measured)");
  sayTable(
    ["optics", "median", "p99", "p99.9", "most", "3 sigma", "", "evidence"],
    rows.map(({ name, tail, verdict }) => [
      pc.bold(name),
      duration(tail.median.ns),
      duration(tail.p99.ns),
      duration(tail.p999.ns),
      duration(tail.mostNs),
      duration(tail.threeSigmaNs),
      pc.cyan(tailBar(tail.median.ns, tail.p999.ns, rows)),
      verdict.optics.evidence[0]!.grade,
    ]),
    [1, 2, 3, 4, 5],
  );
  say(pc.dim("bars: from the median to p99.9, on a logarithmic scale"));
  heading("The verdict");
  sayTable(
    ["optics", "", "radius", "binding term", "its margin", "load takes", "P(miss)"],
    rows.map(({ name, verdict }) => {
      const [binding] = verdict.terms;
      return [
        pc.bold(name),
        verdict.schedulable
          ? verdict.conditions.length > 0
            ? pc.yellow("if ...")
            : pc.green("schedulable")
          : pc.red("not schedulable"),
        `${verdict.radiusHops} of 3`,
        binding!.name,
        binding!.margin === null ? "?" : percent(binding!.margin),
        duration(verdict.load.totalNs),
        percent(verdict.miss.exact),
      ];
    }),
    [2, 4, 5, 6],
  );
  const open = rows.filter(({ verdict }) => verdict.conditions.length > 0);
  if (open.length > 0) {
    heading("What nobody states, and what it must be");
    for (const { name, verdict } of open)
      for (const condition of verdict.conditions) say(`  ${pc.bold(name)}: ${condition}`);
  }
  heading("What decides");
  const { transfer } = rows[0]!.verdict;
  const slow = transfer.ingress.filter(({ meetsDeadline }) => !meetsDeadline);
  say(
    `  One port of 800 Gb/s takes ${duration(demand.expertBytes / 100)} for an expert: ports, not hops, carry the load.`,
  );
  for (const { bytesPerNs, ns } of slow.slice(-1))
    say(
      `  A GPU that takes in ${bytesPerNs} GB/s needs ${duration(ns)}, whatever the optics: past the deadline on its own.`,
    );
  say(
    "  On an idle fabric no optics miss: their tails are nanoseconds, the slack is microseconds. Faults and queues decide.",
  );
  heading("Next");
  say(
    `  vorchestrate check --optics ${rows[0]!.name} --margin       one verdict in full, and how far it can be pushed`,
  );
  say("  vorchestrate check --profile FILE             your own latencies: perftest, HdrHistogram log, CSV");
  say("  vorchestrate tail --transport threads         a real tail, measured on this machine");
  if (svg === undefined) say("  vorchestrate study --svg tails.svg            the tails as a picture");
  else say(`  the picture is in ${svg}`);
  say(pc.dim("  From a clone: npx vorchestrate ..., or node dist/cli/main.js ..."));
}

/** A bar from the median to p99.9 on the scale of all rows. */
function tailBar(medianNs: number, p999Ns: number, rows: readonly StudyRow[]): string {
  const width = 24;
  const least = Math.log(Math.min(...rows.map(({ tail }) => tail.median.ns)));
  const most = Math.log(Math.max(...rows.map(({ tail }) => tail.p999.ns)));
  const at = (ns: number) => ((Math.log(ns) - least) / (most - least || 1)) * width;
  const start = Math.floor(at(medianNs));
  return (" ".repeat(start) + bar(Math.max(0.04, (at(p999Ns) - start) / width), width)).padEnd(width + 1);
}
