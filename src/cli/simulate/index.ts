import type { Command } from "commander";
import {
  boundDecoding,
  compareExpertParallel,
  completeServingCluster,
  DECODING_EVIDENCE,
  type DecodingOptions,
  type DecodingResult,
  type DecodingVerdict,
  decodingPage,
  decodingSensitivity,
  type Evidence,
  type ExpertParallelReport,
  expertParallelChart,
  formatTrace,
  judgeDecoding,
  type ModelShape,
  readCommTimes,
  type SensitivityReport,
  sensitivityChart,
  simulateDecoding,
  timelineChart,
  timelineSpans,
} from "../../index.ts";
import { checkFolders, readText, writeText } from "../files.ts";
import { definedOf, flagOf } from "../options.ts";
import { progressBar, sayJson } from "../print.ts";
import { declaredCommand, type SimulateFlags } from "./flags.ts";
import { sayImpossible, sayNoRoom, sayParallel, saySensitivity, saySimulation } from "./report.ts";
import { type Scenario, scenarioOf } from "./scenario.ts";

/** `vorchestrate simulate [SCENARIO]` */
export function simulateCommand(): Command {
  return declaredCommand().action(async (file: string | undefined, flags: SimulateFlags) => {
    checkFolders(flags.svg, flags.trace, flags.html);
    refuseStray(flags);
    const scenario = await scenarioOf(file, flags);
    const { options, sloNs } = scenario;
    const bound = boundDecoding(options);
    const slo = { sloNs, ...definedOf({ of: flags.sloOf }) };
    if (flags.means === "expert-parallel") {
      runParallel(scenario, flags);
      return;
    }
    if (flags.sensitivity) {
      runSensitivity(scenario, flags);
      return;
    }
    if (sloNs < bound.stepNs) {
      refuse(flags, ["svg", "trace", "html"], "an SLO below any step: nothing is simulated");
      const verdict = judgeDecoding(bound, slo, null);
      process.exitCode = 1;
      if (flags.json) sayJson({ verdict });
      else sayImpossible(verdict, scenario);
      return;
    }
    const result = simulated(options, flags);
    const verdict = judgeDecoding(bound, slo, result.report);
    const parallel = parallelOf(options, flags);
    process.exitCode = verdict.status === "holds" ? 0 : 1; // before a reader closes the pipe
    writeAll(scenario, result, verdict, parallel, flags);
    if (flags.json) sayJson({ verdict, ...result, ...definedOf({ expertParallel: parallel }) });
    else saySimulation({ scenario, result, verdict, parallel, flags });
  });
}

function simulated(options: DecodingOptions, { repetitions, outages }: SimulateFlags): DecodingResult {
  const bar = progressBar("decoding", 100);
  try {
    const onProgress = (done: number, of: number) => bar.update((100 * done) / of);
    return simulateDecoding(options, { ...definedOf({ repetitions, outages }), onProgress });
  } finally {
    bar.stop();
  }
}

/** Tokens that travel, where the GPUs of nodes have room for all experts together. */
function parallelOf(options: DecodingOptions, flags: SimulateFlags): ExpertParallelReport | undefined {
  const report = compared(options, flags);
  return report.status === "feasible" ? report : undefined;
}

function compared(decoding: DecodingOptions, { times }: SimulateFlags) {
  const tables = times === undefined ? undefined : readCommTimes(readText(times), { file: times });
  return compareExpertParallel({ decoding, ...definedOf({ times: tables }) });
}

function runParallel({ options, sloNs }: Scenario, flags: SimulateFlags): void {
  const report = compared(options, flags);
  process.exitCode = report.status === "feasible" && report.at.tokensNs <= sloNs ? 0 : 1;
  if (flags.svg !== undefined) {
    if (report.status === "infeasible") throw new RangeError(`--svg has nothing to draw: ${report.because}`);
    writeText(flags.svg, expertParallelChart(report));
  }
  if (flags.json) sayJson(report);
  else if (report.status === "infeasible") sayNoRoom(report);
  else sayParallel(report, sloNs, flags);
}

function runSensitivity({ options }: Scenario, flags: SimulateFlags): void {
  const { repetitions, factor, sloOf } = flags;
  const bar = progressBar("changing", 100);
  let report: SensitivityReport;
  try {
    report = decodingSensitivity(options, {
      ...definedOf({ repetitions, factor, of: sloOf }),
      onProgress: (done, of) => bar.update((100 * done) / of),
    });
  } finally {
    bar.stop();
  }
  if (flags.svg !== undefined) writeText(flags.svg, sensitivityChart(report));
  if (flags.json) sayJson(report);
  else saySensitivity(report, flags);
}

/** Flags that would be ignored in silence. */
function refuseStray(flags: SimulateFlags): void {
  if (flags.means === "expert-parallel")
    refuse(
      flags,
      ["trace", "html", "sensitivity", "factor", "steps", "repetitions", "outages", "sloOf"],
      "--means expert-parallel",
    );
  if (flags.sensitivity) refuse(flags, ["trace", "html", "outages", "sloMs", "times"], "--sensitivity");
  else if (flags.factor !== undefined) throw new TypeError("--factor goes with --sensitivity");
}

function refuse(flags: SimulateFlags, keys: readonly (keyof SimulateFlags)[], what: string): void {
  const stray = keys.find((key) => flags[key] !== undefined);
  if (stray) throw new TypeError(`${flagOf(stray)} does not go with ${what}`);
}

function writeAll(
  scenario: Scenario,
  { report, timeline }: DecodingResult,
  verdict: DecodingVerdict,
  expertParallel: ExpertParallelReport | undefined,
  { svg, trace, html }: SimulateFlags,
): void {
  if (svg !== undefined) writeText(svg, timelineChart(timeline));
  if (trace !== undefined) writeText(trace, [...formatTrace(timelineSpans(timeline))].join(""));
  if (html === undefined) return;
  const evidence = evidenceOf(scenario, expertParallel);
  const title = `Decoding ${report.model} with experts fetched over the fabric`;
  writeText(html, decodingPage({ title, report, timeline, verdict, evidence, ...definedOf({ expertParallel }) }));
}

/** What a run rests on: optics, model, and what the sources' scenario assumes. */
function evidenceOf({ options, isSource }: Scenario, parallel: ExpertParallelReport | undefined): Evidence[] {
  const { evidence } = options.model as ModelShape;
  const { node, pod, anywhere } = completeServingCluster({ gpus: 128, ...options.cluster }).tiers;
  const optics = new Set([node, pod, anywhere].flatMap((tier) => tier.optics.profile.evidence));
  return [
    ...(isSource ? DECODING_EVIDENCE : []),
    ...optics,
    ...evidence,
    ...(parallel ? [parallel.times.evidence] : []),
  ];
}
