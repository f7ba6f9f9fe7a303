import {
  bindsWords,
  CAUSES,
  crossingWords,
  type DecodingReport,
  type DecodingResult,
  type DecodingVerdict,
  duration,
  type ExpertParallelNoRoom,
  type ExpertParallelReport,
  figure,
  type OutageReport,
  outageRows,
  outageWords,
  percent,
  type SensitivityReport,
  type Times,
  timeWords,
} from "../../index.ts";
import {
  again,
  bar,
  heading,
  paint,
  say,
  sayNext,
  sayTable,
  sayWrapped,
  sizeWords,
  steady,
  typed,
  width,
} from "../print.ts";
import type { SimulateFlags } from "./flags.ts";
import type { Scenario } from "./scenario.ts";

const OF = { itl: "inter-token latency", tpot: "TPOT" } as const;

/** Everything of a run, the answer first. */
export function saySimulation(run: {
  scenario: Scenario;
  result: DecodingResult;
  verdict: DecodingVerdict;
  parallel: ExpertParallelReport | undefined;
  flags: SimulateFlags;
}): void {
  const { scenario, result, verdict, parallel, flags } = run;
  const { report } = result;
  sayVerdict(verdict, scenario);
  say(
    paint.dim(
      `${report.gpus} GPUs, ${report.batch} x ${figure(report.sequence)} tokens each; ${report.repetitions === 1 ? "one run" : `${report.repetitions} runs`} of ${figure(report.steps)} steps`,
    ),
  );
  sayTimes(report);
  if (report.outages) sayOutages(report.outages);
  sayCauses(report);
  sayCosts(report);
  if (parallel) {
    heading("If tokens travelled instead of weights");
    const { at, ranks } = parallel;
    sayWrapped(
      "",
      `A step would take ${duration(at.tokensNs)} with all experts on ${ranks} GPUs together, dispatch and combine as measured on ${nodesWords(parallel)}. ${crossingWords(parallel)} ${paint.dim("--means expert-parallel shows the curve.")}`,
    );
  }
  const { svg, trace, html } = flags;
  if (svg !== undefined || trace !== undefined || html !== undefined) say();
  if (svg !== undefined) say(`The step is drawn in ${svg}`);
  if (trace !== undefined) say(`The trace is in ${trace}: open it at https://ui.perfetto.dev or chrome://tracing`);
  if (html !== undefined) say(`The report to hand on is ${html}`);
  sayNext([
    ...(html === undefined ? [[again("--html report.html"), "a report to hand on"] as const] : []),
    ...(svg === undefined ? [[again("--svg step.svg"), "draws one step to scale"] as const] : []),
    ...(trace === undefined && html === undefined
      ? [[again("--sensitivity"), "which parameters move the p99 most"] as const]
      : []),
    [again("--json"), "all of it, for programs"],
    [typed("simulate --help"), "every figure that can be given"],
  ]);
}

function sayVerdict(verdict: DecodingVerdict, { name }: Scenario): void {
  const { status, of, sloNs, p99, marginNs } = verdict;
  const word = { holds: paint.green, fails: paint.red, unknown: paint.yellow, impossible: paint.red }[status](
    paint.bold(
      { holds: "holds", fails: "does not hold", unknown: "too close to call", impossible: "impossible" }[status],
    ),
  );
  say(`${paint.bold(name)}: p99 of ${OF[of]} within ${duration(sloNs)} ${word}`);
  if (!p99) return;
  const margin = `${duration(Math.abs(marginNs))} ${marginNs < 0 ? "too much" : "to spare"}`;
  sayWrapped("", `It is ${timeWords(p99)}, ${margin}. ${bindsWords(verdict)}`);
}

/** An SLO that no fabric can keep. */
export function sayImpossible(verdict: DecodingVerdict, scenario: Scenario): void {
  sayVerdict(verdict, scenario);
  const { bound, marginNs } = verdict;
  sayWrapped(
    "what binds   ",
    `computing ${duration(bound.computeNs)} and ${bound.layers} gaps of ${duration(bound.gapsNs / bound.layers)} are ${duration(bound.stepNs)} with every weight in place, ${duration(-marginNs)} too much. Nothing was simulated.`,
  );
  sayWrapped(
    "what helps   ",
    "a smaller --batch or --sequence, a faster --gpu, a shorter --gap-us, or a larger --slo-ms",
  );
}

function sayTimes({ interTokenLatency, tpot, tpotTokens, loads }: DecodingReport): void {
  heading("How long");
  const row = (name: string, { p50Ns, meanNs, p99Ns, p999Ns }: Times) => [
    name,
    ...[p50Ns, meanNs, p99Ns, p999Ns].map(({ mean }) => steady(mean)),
    p99Ns.low === null ? "one run" : `${steady(p99Ns.low)} .. ${steady(p99Ns.high!)}`,
  ];
  sayTable(
    ["", "median", "mean", "p99", "p99.9", "p99 lies within"],
    [
      row(OF.itl, interTokenLatency),
      ...(tpot ? [row(`TPOT of ${tpotTokens} tokens`, tpot)] : []),
      ...(loads.postedPerStep.mean > 0 ? [row("a load", loads.times)] : []),
    ],
    [1, 2, 3, 4],
  );
  if (loads.askedPerStep.mean > 0)
    say(
      paint.dim(`${percent(loads.missShare.mean)} of loads come after their deadline; TPOT averages what is slow away`),
    );
}

function sayOutages(outages: OutageReport): void {
  heading("With rare outages counted");
  for (const words of outageWords(outages)) sayWrapped("", words);
  const { counted, due } = outages;
  if (counted && due) sayTable(["", "mean", "p99", "p99.9"], outageRows(counted, due), [1, 2, 3]);
}

function sayCauses({ causesNs }: DecodingReport): void {
  heading("Where a mean step's time goes");
  const sum = CAUSES.reduce((all, cause) => all + causesNs[cause].mean, 0);
  const room = width() - 36;
  const shown = CAUSES.filter((cause) => causesNs[cause].mean > 0);
  sayTable(
    ["", "", "", ""],
    shown.map((cause) => {
      const { mean } = causesNs[cause];
      return [cause, steady(mean), percent(mean / sum), paint.cyan(bar(mean / sum, room))];
    }),
    [1, 2],
  );
}

function sayCosts({ loads, ...report }: DecodingReport): void {
  heading("What it takes, a GPU");
  const { prefetchesPerStep, heldShare, usedShare } = loads;
  const { gpu, fabric } = report.joulesPerToken;
  const rows: [string, string][] = [
    [
      "loads a step",
      `${figure(loads.postedPerStep.mean)}, ${sizeWords(loads.bytesPerStep.mean)}, of which ${sizeWords(loads.wastedBytesPerStep.mean)} in vain`,
    ],
    ...(heldShare.mean > 0
      ? ([["held already", `${percent(heldShare.mean)} of ${figure(loads.askedPerStep.mean)} experts asked for`]] as [
          string,
          string,
        ][])
      : []),
    ...(prefetchesPerStep.mean > 0
      ? ([["prefetches a step", `${figure(prefetchesPerStep.mean)}, ${percent(usedShare.mean)} used`]] as [
          string,
          string,
        ][])
      : []),
    ["HBM", `${figure(report.hbmBytesPerNs.mean)} GB/s`],
    [
      "fabric",
      `${figure(report.fabricGbps.mean)} Gb/s; the busiest part is busy ${percent(report.busiestShare.mean)} of the time`,
    ],
    ["per million tokens", `${figure(report.gpuHoursPerMillionTokens.mean)} GPU-hours`],
    [
      "per token",
      `${figure(gpu.mean)} J${fabric ? `, and ${figure(fabric.mean)} J of optics` : "; that of optics is not stated"}`,
    ],
  ];
  sayTable(["", ""], rows);
}

/** How far times of dispatch and combine reach. */
const nodesWords = ({ times: { nodes } }: ExpertParallelReport) => (nodes === 1 ? "one node" : `${nodes} nodes`);

/** Steps by batch, either way. */
export function sayParallel(report: ExpertParallelReport, sloNs: number, { svg }: SimulateFlags): void {
  const { model, at, ranks, points, notes } = report;
  const isWithin = at.tokensNs <= sloNs;
  const word = (isWithin ? paint.green : paint.red)(paint.bold(isWithin ? "holds" : "does not hold"));
  say(`${paint.bold(model)}, tokens travel among ${ranks} GPUs: a mean step within ${duration(sloNs)} ${word}`);
  sayWrapped(
    "",
    `It is ${duration(at.tokensNs)} with ${at.batch} ${at.batch === 1 ? "sequence" : "sequences"} a GPU. ${crossingWords(report)}`,
  );
  heading("A step, by sequences of a GPU");
  sayTable(
    ["sequences", "tokens travel", "weights travel", "all in place", "dispatch", "combine", "busiest rank"],
    points.map((point) => [
      figure(point.batch),
      steady(point.tokensNs),
      steady(point.weightsNs),
      steady(point.residentNs),
      steady(point.dispatchNs),
      steady(point.combineNs),
      `${point.imbalance.toFixed(2)} x`,
    ]),
    [0, 1, 2, 3, 4, 5, 6],
  );
  sayWrapped(
    "",
    paint.dim(
      `Weights travel: the least, as if no load waited for another GPU's. Dispatch and combine: ${report.times.evidence.source}.`,
    ),
  );
  for (const note of notes) sayWrapped("- ", note);
  if (svg !== undefined) say(`\nThe picture is in ${svg}`);
  else sayNext([[again("--svg tokens.svg"), "draws them"]]);
}

/** That tokens cannot travel, for want of room. */
export function sayNoRoom({ model, ranks, because }: ExpertParallelNoRoom): void {
  say(`${paint.bold(model)}, tokens travel among ${ranks} GPUs: ${paint.red(paint.bold("infeasible"))}`);
  sayWrapped("", `${because}. More --gpus, or a --gpu with more memory, would hold all.`);
}

/** Parameters, what moves the p99 most on top. */
export function saySensitivity(
  { rows, factor, of, p99Ns, repetitions }: SensitivityReport,
  { svg }: SimulateFlags,
): void {
  say(`${paint.bold(`What moves the p99 of ${OF[of]}`)}, which is ${duration(p99Ns)}`);
  say(
    paint.dim(`each parameter divided and multiplied by ${factor}, ${repetitions} pairs of runs with the same draws`),
  );
  say();
  const words = (change: SensitivityReport["rows"][number]["lower"]) => {
    if (!change) return ["", ""];
    const { mean, low, high } = change.changeNs;
    const isClear = low !== null && high !== null && low * high > 0;
    return [
      change.value,
      `${isClear ? signed(mean) : paint.dim(signed(mean))}${low === null ? "" : paint.dim(` ± ${duration((high! - low) / 2)}`)}`,
    ];
  };
  sayTable(
    ["parameter", "is", "if", "p99 by", "if", "p99 by"],
    rows.map(({ parameter, value, lower, higher }) => [
      paint.bold(parameter),
      value,
      ...words(lower),
      ...words(higher),
    ]),
    [1, 2, 3, 4, 5],
  );
  say(paint.dim("Dim: its interval holds 0. Changes are the mean over pairs, ± half of its 95% interval."));
  if (svg !== undefined) say(`\nThe picture is in ${svg}`);
  else sayNext([[again("--svg sensitivity.svg"), "draws them"]]);
}

function signed(ns: number): string {
  return Math.abs(ns) < 1 ? "0" : `${ns > 0 ? "+" : "−"}${duration(Math.abs(ns))}`;
}
