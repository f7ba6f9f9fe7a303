import { Command } from "commander";
import {
  BASELINES_EVIDENCE,
  checkSchedulability,
  DEFAULTS_EVIDENCE,
  duration,
  type Evidence,
  figure,
  type Margins,
  margins,
  percent,
  type Verdict,
} from "../index.ts";
import {
  chosenOptics,
  count,
  definedOf,
  number,
  type OpticsChoice,
  opticsOptions,
  outageOption,
  scenarioOf,
  scenarioOptions,
} from "./options.ts";
import {
  again,
  heading,
  inUnit,
  marginWords,
  missWords,
  paint,
  say,
  sayJson,
  sayNext,
  sayTable,
  sayWrapped,
  steady,
  typed,
  verdictWord,
} from "./print.ts";

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
  return scenarioOptions(outageOption(opticsOptions(command)))
    .optionsGroup("Run and output:")
    .option("--draws <count>", "loads drawn for the sampled P(miss) (default: 1000000)", count)
    .option("--seed <number>", "of the random draws (default: 1)", number)
    .option("--margin", "also turn the question round: the largest expert, the most hops, the fewest ports ...")
    .option("--json", "print the verdict as JSON")
    .addHelpText("after", "\nExit codes: 0 schedulable, 1 not schedulable, 2 no answer, because the input is wrong.")
    .action(async (flags: CheckFlags) => {
      const { draws, seed } = flags;
      const input = { ...scenarioOf(flags), optics: await chosenOptics(flags) };
      const verdict = checkSchedulability(input, definedOf({ draws, seed }));
      const found = flags.margin ? margins(input) : null;
      process.exitCode = verdict.schedulable ? 0 : 1; // before a reader closes the pipe
      if (flags.json) sayJson(found ? { ...verdict, margins: found } : verdict);
      else sayAll(verdict, found, flags);
    });
}

function sayAll(verdict: Verdict, found: Margins | null, { wholePath }: CheckFlags): void {
  const { optics, fabric, demand, objective } = verdict;
  const word = verdict.schedulable ? paint.green(paint.bold("schedulable")) : paint.red(paint.bold("not schedulable"));
  const path = wholePath ? "the path as measured" : hopsOf(fabric.hops);
  const megabytes = `${figure(demand.expertBytes / 1e6)} MB`;
  say(`${paint.bold(optics.name)}: ${word}`);
  say(`${megabytes} in ${duration(objective.deadlineNs)} over ${path} and ${fabric.ports} ports`);
  for (const condition of verdict.conditions) sayWrapped(`${paint.yellow("provided that")} `, condition);
  sayTerms(verdict);
  if (!wholePath) {
    say();
    say(
      `All terms hold up to ${paint.bold(String(verdict.radiusHops))} of 3 hops (1 same node, 2 same pod, 3 anywhere).`,
    );
  }
  if (found) sayMargins(found, wholePath);
  sayLoad(verdict);
  sayTransfer(verdict, megabytes);
  sayMiss(verdict);
  sayJitter(verdict);
  sayLanes(verdict);
  sayAlternatives(verdict);
  if (verdict.warnings.length > 0) heading("Mind");
  for (const warning of verdict.warnings) sayWrapped(`  ${paint.yellow("!")} `, warning);
  sayEvidence(`What is known of ${optics.name}`, optics.evidence);
  sayEvidence("What else it rests on, where you give no other figures", [...DEFAULTS_EVIDENCE, ...BASELINES_EVIDENCE]);
  sayNext([
    ...(found ? [] : [[again("--margin"), "how far each figure can be pushed"] as const]),
    [again("--json"), "all of it, for programs"],
    [typed("check --help"), "every figure that can be given"],
  ]);
}

function hopsOf(hops: number): string {
  return hops === 1 ? "1 hop" : `${hops} hops`;
}

function sayTerms({ terms }: Verdict): void {
  heading("Terms, the binding one first");
  sayTable(
    ["term", "", "value", "limit", "margin"],
    terms.map(({ name, holds, value, limit, unit, margin }) => [
      paint.bold(name),
      verdictWord(holds),
      name === "tail" && value !== null ? missWords(value) : inUnit(value, unit),
      inUnit(limit, unit),
      marginWords(margin),
    ]),
    [2, 3, 4],
  );
  say();
  for (const { name, because } of terms) sayWrapped(`${name.padEnd(9)}  `, paint.dim(because));
}

function sayLoad({ demand, objective, load, sla, fabric }: Verdict): void {
  heading("One load on an idle fabric");
  const row = (name: string, { ns, limitNs, holds }: Verdict["sla"]["command"], parts: string) => [
    name,
    steady(ns),
    `of ${duration(limitNs)}`,
    verdictWord(holds),
    parts,
  ];
  const data = `${figure(demand.expertBytes / 1e6)} MB at ${figure(load.bytesPerNs)} GB/s, held by ${load.limitedBy}`;
  const command = `post ${duration(load.postNs)} + path ${duration(load.pathNs)} + translate ${duration(load.translateNs)}`;
  const fence = `path ${duration(load.completionPathNs)} + local fence ${duration(load.localFenceNs)}`;
  sayTable(
    ["phase", "takes", "limit", "", "made of"],
    [row("command", sla.command, command), row("data", sla.data, data), row("fence", sla.fence, fence)],
    [1, 2],
  );
  sayWrapped(
    "",
    paint.dim(
      `The phases' limits come to ${duration(sla.phasesNs)}; ${duration(objective.deadlineNs)} less ${duration(objective.localNs)} of local work leave ${duration(sla.perHopNs)} for ${fabric.hops === 1 ? "the hop" : "each hop"}.`,
    ),
  );
}

function sayTransfer({ optics, transfer, objective }: Verdict, megabytes: string): void {
  heading("Moving the bytes");
  sayWrapped(
    "",
    `${megabytes} over one ${optics.portGbps} Gb/s port: ${duration(transfer.onePortNs)} at line rate, ${duration(transfer.onePortAtGoodputNs)} at ${percent(optics.goodputShare)} goodput.`,
  );
  say(`A data phase of ${duration(objective.dataNs)} needs`);
  for (const { goodputShare, ports, because } of transfer.portsForDataLimit)
    sayWrapped(
      `  ${paint.bold(String(ports).padStart(4))} such ports at `,
      `${percent(goodputShare)} goodput ${paint.dim(`(${because})`)}`,
    );
  sayTable(
    ["a GPU that takes in", "", "needs", ""],
    transfer.ingress.map(({ name, bytesPerNs, ns, meetsDeadline }) => [
      `${figure(bytesPerNs)} GB/s`,
      name,
      steady(ns),
      meetsDeadline ? "" : paint.red("late on its own"),
    ]),
    [0, 2],
  );
}

function sayMiss({ miss }: Verdict): void {
  heading("P(miss)");
  const { exact, sampled, near, agree } = miss;
  say(`by convolution ${missWords(exact)}`);
  sayWrapped(
    "by drawing     ",
    `${percent(sampled.low)} .. ${percent(sampled.high)} at ${percent(sampled.confidence)}: of ${figure(sampled.draws)} loads drawn ${figure(sampled.misses)} miss`,
  );
  sayWrapped(
    "the same at    ",
    `${duration(near.deadlineNs)}, where they can differ: ${missWords(near.exact)} and ${percent(near.sampled.low)} .. ${percent(near.sampled.high)}`,
  );
  say(agree ? paint.dim("the two agree") : paint.red("the two disagree"));
}

function sayJitter({ jitter, fabric }: Verdict): void {
  heading("Jitter, 3 sigma");
  const hops = hopsOf(fabric.hops);
  const path = [
    [`${hops}, independent`, "", steady(jitter.path3SigmaApartNs), ""],
    [`${hops}, in step`, steady(jitter.pathBody3SigmaTogetherNs), steady(jitter.path3SigmaTogetherNs), ""],
    [`${hops}, ${percent(fabric.correlation)} in step`, "", steady(jitter.path3SigmaNs), percent(jitter.pathShare)],
  ];
  sayTable(
    ["", "body", "whole", "of the command limit"],
    [
      [
        "1 hop",
        steady(jitter.hopBody3SigmaNs),
        steady(jitter.hop3SigmaNs),
        `${percent(jitter.hopShare)}${fabric.hops === 1 ? "" : " (does not gate)"}`,
      ],
      ...(fabric.hops === 1 ? [] : path),
    ],
    [1, 2],
  );
}

function sayLanes({ lanes: { utilisation, from, frameBytes, lanes }, fabric, optics }: Verdict): void {
  heading("Doorbells behind bulk");
  const busy = {
    stated: "of the time links are busy",
    load: "of the time links are busy, if they are as busy as the load makes the ports",
    assumed: "of the time links are busy: assumed, as the load does not say",
  }[from];
  sayWrapped(
    "",
    `${percent(utilisation)} ${busy}; ${hopsOf(fabric.hops)} behind frames of ${frameBytes.toLocaleString("en")} bytes at ${optics.portGbps} Gb/s add to 64 bytes`,
  );
  sayTable(
    ["lane", "mean", "p99", "p99.9", "at most", "gains over shared"],
    lanes.map(({ lane, meanNs, p99Ns, p999Ns, mostNs, meanGainNs, p99GainNs }) => [
      paint.bold(lane),
      ...[meanNs, p99Ns, p999Ns].map(waitWords),
      mostNs === null ? "no bound" : waitWords(mostNs),
      lane === "shared" ? "" : `${duration(meanGainNs)} on average, ${duration(p99GainNs)} at p99`,
    ]),
    [1, 2, 3, 4],
  );
}

const waitWords = (ns: number) => (ns === 0 ? "0 ns" : steady(ns));

function sayAlternatives({ alternatives: { outstandingMisses, median, p99 } }: Verdict): void {
  heading("The same load by other means");
  const at = [median, p99];
  const row = (name: string, ns: (means: (typeof at)[number]) => number) => [
    name,
    ...at.map((means) => steady(ns(means))),
  ];
  const together = `${figure(outstandingMisses)} misses together`;
  sayTable(
    ["", "hops at median", "hops at p99"],
    [
      row("paced, as checked", ({ pacedNs }) => pacedNs),
      row("reactive: a CPU asks for it, and is told", ({ reactive }) => reactive.totalNs),
      row("coherent, a miss: 1.5 round trips", ({ coherent }) => coherent.roundTrips.miss.totalNs),
      row(`coherent, ${together}`, ({ coherent }) => coherent.roundTrips.totalNs),
      row("read as 1.5 ways, a miss", ({ coherent }) => coherent.oneWay.miss.totalNs),
      row(`read as 1.5 ways, ${together}`, ({ coherent }) => coherent.oneWay.totalNs),
    ],
    [1, 2],
  );
  const [typical, slow] = at.map(({ coherent }) => figure(coherent.roundTrips.outstandingForWire));
  sayWrapped(
    "",
    paint.dim(`To keep the wire busy, ${typical} misses would have to be under way together, and ${slow} at p99.`),
  );
}

function sayEvidence(title: string, evidence: readonly Evidence[]): void {
  heading(title);
  for (const { about, grade, source, note } of evidence)
    sayWrapped(`  ${paint.bold(grade.padEnd(10))}  `, `${about}: ${source}; ${paint.dim(note)}`);
}

function sayMargins(found: Margins, wholePath: boolean | undefined): void {
  heading("How far it can be pushed, one figure at a time");
  const row = (name: string, value: number | null, words: (value: number) => string) => [
    name,
    value === null ? paint.dim("none: no value makes all terms hold") : words(value),
  ];
  sayTable(
    ["", ""],
    [
      row("largest expert", found.largestExpertBytes, (bytes) => `${figure(bytes / 1e6)} MB`),
      ...(wholePath ? [] : [row("most hops", found.mostHops, (hops) => (hops === 64 ? "64 or more" : String(hops)))]),
      row("fewest ports", found.fewestPorts, String),
      row("tightest deadline", found.tightestDeadlineNs, duration),
      row("most loads a step", found.mostLoadsPerStep, figure),
    ],
  );
}
