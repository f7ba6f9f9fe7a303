import { Command } from "commander";
import pc from "picocolors";
import {
  checkSchedulability,
  DEFAULTS_EVIDENCE,
  duration,
  figure,
  type Margins,
  margins,
  percent,
  type Verdict,
} from "../index.ts";
import { chosenOptics, number, type OpticsChoice, opticsOptions, scenarioOf, scenarioOptions } from "./options.ts";
import { heading, inUnit, say, sayJson, sayTable, verdictWord } from "./print.ts";

interface CheckFlags extends OpticsChoice, Record<string, unknown> {
  draws?: number;
  seed?: number;
  margin?: boolean;
  json?: boolean;
}

/** `vorchestrate check` */
export function checkCommand(): Command {
  const command = new Command("check").description(
    "decide whether expert fetches over a fabric are schedulable: what binds, by how much, and how far it reaches",
  );
  return scenarioOptions(opticsOptions(command))
    .option("--draws <count>", "loads drawn for the sampled P(miss) (default: 1000000)", number)
    .option("--seed <number>", "of the random draws (default: 1)", number)
    .option("--margin", "also turn the question round: the largest expert, the most hops, the fewest ports ...")
    .option("--json", "print the verdict as JSON")
    .addHelpText("after", "\nExit codes: 0 schedulable, 1 not schedulable, 2 bad input.")
    .action(async (flags: CheckFlags) => {
      const input = { ...scenarioOf(flags), optics: await chosenOptics(flags) };
      const { draws, seed } = flags;
      const verdict = checkSchedulability(input, {
        ...(draws === undefined ? {} : { draws }),
        ...(seed === undefined ? {} : { seed }),
      });
      const found = flags.margin ? margins(input) : null;
      if (flags.json) sayJson(found ? { ...verdict, margins: found } : verdict);
      else {
        sayVerdict(verdict);
        if (found) sayMargins(found);
        sayNext(flags, verdict);
      }
      process.exitCode = verdict.schedulable ? 0 : 1;
    });
}

function sayVerdict(verdict: Verdict): void {
  const { optics, fabric, demand, objective, load, miss, jitter, transfer, sla } = verdict;
  const word = verdict.schedulable ? pc.green(pc.bold("schedulable")) : pc.red(pc.bold("not schedulable"));
  say(
    `${pc.bold(optics.name)}, ${fabric.hops} ${fabric.hops === 1 ? "hop" : "hops"}, ${figure(demand.expertBytes / 1e6)} MB in ${duration(objective.deadlineNs)}: ${word}`,
  );
  for (const condition of verdict.conditions) say(`${pc.yellow("provided that")} ${condition}`);
  heading("Terms, the binding one first");
  sayTable(
    ["term", "", "value", "limit", "margin", "because"],
    verdict.terms.map(({ name, holds, value, limit, unit, margin, because }) => [
      name,
      verdictWord(holds),
      inUnit(value, unit),
      inUnit(limit, unit),
      margin === null ? "?" : percent(margin),
      because,
    ]),
    [2, 3, 4],
  );
  say();
  say(
    `Radius: all terms hold up to ${pc.bold(figure(verdict.radiusHops))} of 3 hops (1 same node, 2 same pod, 3 anywhere).`,
  );

  heading("One load on an idle fabric");
  const phase = (name: string, parts: string, { ns, limitNs, holds }: Verdict["sla"]["command"]) => [
    name,
    duration(ns),
    `of ${duration(limitNs)}`,
    verdictWord(holds),
    parts,
  ];
  sayTable(
    ["phase", "takes", "limit", "", "made of"],
    [
      phase(
        "command",
        `post ${duration(load.postNs)} + path ${duration(load.pathNs)} + translate ${duration(load.translateNs)}`,
        sla.command,
      ),
      phase(
        "data",
        `${figure(demand.expertBytes / 1e6)} MB at ${figure(load.bytesPerNs)} GB/s, held by ${load.limitedBy}`,
        sla.data,
      ),
      phase("fence", `path ${duration(load.completionPathNs)} + local fence ${duration(load.localFenceNs)}`, sla.fence),
    ],
    [1, 2],
  );
  say(
    pc.dim(
      `The phases' limits come to ${duration(sla.phasesNs)}; ${duration(objective.deadlineNs)} less ${duration(objective.localNs)} of local work leave ${duration(sla.perHopNs)} a hop.`,
    ),
  );

  heading("Moving the bytes");
  const megabytes = `${figure(demand.expertBytes / 1e6)} MB`;
  say(
    `${megabytes} over one ${optics.portGbps} Gb/s port: ${duration(transfer.onePortNs)} at line rate, ${duration(transfer.onePortAtGoodputNs)} at ${percent(optics.goodputShare)} goodput.`,
  );
  for (const { goodputShare, ports, because } of transfer.portsForDataLimit)
    say(
      `A data phase of ${duration(objective.dataNs)} needs ${pc.bold(String(ports))} such ports at ${percent(goodputShare)} goodput (${because}).`,
    );
  sayTable(
    ["a GPU that takes in", "", "needs", ""],
    transfer.ingress.map(({ name, bytesPerNs, ns, meetsDeadline }) => [
      `${figure(bytesPerNs)} GB/s`,
      name,
      duration(ns),
      meetsDeadline ? "" : pc.red("past the deadline on its own"),
    ]),
    [0, 2],
  );

  heading("P(miss)");
  const { sampled } = miss;
  say(
    `by convolution ${percent(miss.exact)}; of ${figure(sampled.draws)} loads drawn ${figure(sampled.misses)} miss: ${percent(sampled.low)} .. ${percent(sampled.high)} at ${percent(sampled.confidence)}; the two ${miss.agree ? "agree" : pc.red("disagree")}`,
  );

  heading("Jitter, 3 sigma");
  sayTable(
    ["", "body, as stated", "whole distribution", "of the command budget"],
    [
      [
        "one hop",
        duration(jitter.hopBody3SigmaNs),
        duration(jitter.hop3SigmaNs),
        `${percent(jitter.hopShare)} (does not gate)`,
      ],
      [`${fabric.hops} hops, independent`, "", duration(jitter.path3SigmaApartNs), ""],
      [
        `${fabric.hops} hops, in step`,
        duration(jitter.pathBody3SigmaTogetherNs),
        duration(jitter.path3SigmaTogetherNs),
        "",
      ],
      [
        `as given (${percent(fabric.correlation)} in step)`,
        "",
        duration(jitter.path3SigmaNs),
        percent(jitter.pathShare),
      ],
    ],
    [1, 2],
  );
  if (verdict.warnings.length > 0) heading("Mind");
  for (const warning of verdict.warnings) say(`  ${pc.yellow("!")} ${warning}`);
  heading("Rests on");
  for (const { about, grade, source } of optics.evidence) say(`  ${pc.bold(grade)} ${about}: ${source}`);
  say(
    pc.dim(
      `  Defaults of the fabric, where not given: ${[...new Set(DEFAULTS_EVIDENCE.map(({ grade }) => grade))].join(" and ")} (see vorchestrate check --help).`,
    ),
  );
}

function sayMargins(found: Margins): void {
  heading("How far it can be pushed, one figure at a time");
  const row = (name: string, value: number | null, words: (value: number) => string) => [
    name,
    value === null ? "none: it does not hold as it is" : words(value),
  ];
  sayTable(
    ["", ""],
    [
      row("largest expert", found.largestExpertBytes, (bytes) => `${figure(bytes / 1e6)} MB`),
      row("most hops", found.mostHops, (hops) => (hops === 64 ? "64 or more" : String(hops))),
      row("fewest ports", found.fewestPorts, String),
      row("tightest deadline", found.tightestDeadlineNs, duration),
      row("most loads a step", found.mostLoadsPerStep, String),
    ],
  );
}

function sayNext(flags: CheckFlags, verdict: Verdict): void {
  say();
  if (!flags.margin) say(pc.dim("Next: --margin shows how far each figure can be pushed; --json prints all of it."));
  else if (!verdict.schedulable)
    say(pc.dim(`Next: change what binds (${verdict.binding}), or bring your own fabric: --profile FILE.`));
}
