import { basename } from "node:path";
import {
  explainPlacement,
  figure,
  formatPlan,
  heatMap,
  type LatencyPlacement,
  type LatencyPlan,
  type LatencyProblem,
  type PlanCheck,
  percent,
  placeForLatency,
  readPlan,
  type StatedProblem,
  verifyPlacement,
} from "../../index.ts";
import { readText, writeText } from "../files.ts";
import { definedOf } from "../options.ts";
import { progressBar, say, sayJson } from "../print.ts";
import { clusterOf, type PlaceFlags, topologyOf } from "./flags.ts";
import {
  columnsOf,
  nearShare,
  rowsOf,
  sayExplained,
  sayFilesAndNext,
  sayNone,
  sayPlacement,
  sayTiers,
} from "./latency-report.ts";
import { sayViolations } from "./violations.ts";

/** Places experts near to who asks for them, or checks a plan for that. */
export function runLatency(stated: StatedProblem, file: string, flags: PlaceFlags): void {
  const problem = problemOf(stated, flags);
  if (flags.check !== undefined) checkPlan(problem, flags.check, flags);
  else place(problem, file, flags);
}

/** The problem as the file states it, and the flags say otherwise. */
function problemOf({ cluster, tierCosts, ...stated }: StatedProblem, flags: PlaceFlags): LatencyProblem {
  const topology = topologyOf(flags, {
    ...cluster,
    ...definedOf({ tierCosts: tierCosts && ([...tierCosts] as [number, number, number, number]) }),
  });
  const { radius, copies, copiesMax, loadMax, moveCost, movesMax, bytesMax, expertMb } = flags;
  const from = flags.from === undefined ? stated.from : plansOf(flags.from).gpusOfExpert;
  return {
    ...stated,
    cluster: clusterOf(topology),
    ...definedOf({ radius, copies, copiesMax, gpuLoadMax: loadMax, moveCost, from, tierCosts: topology.tierCosts }),
    ...(expertMb === undefined ? {} : { expertBytes: expertMb * 1e6 }),
    ...(bytesMax === undefined ? {} : { movedBytesMax: bytesMax }),
    ...(movesMax === undefined ? {} : { expertBytes: 1, movedBytesMax: movesMax }),
  };
}

function plansOf(file: string): LatencyPlan {
  const plan = readPlan(readText(file), { file });
  if (plan.objective !== "latency")
    throw new TypeError(`${file}: expected a plan for latency, got one of layers and slots`);
  return { gpusOfExpert: plan.gpusOfExpert.map((gpus) => [...gpus]) };
}

function place(problem: LatencyProblem, file: string, flags: PlaceFlags): void {
  const { gap, timeLimitMs, seed, explain = 0 } = flags;
  const last = problem.demand.length - 1;
  if (!(Number.isInteger(explain) && explain >= 0 && explain <= last))
    throw new RangeError(`--explain must be from 0 to ${last}, got ${explain}`);
  const bar = progressBar("placing", 100);
  const near = gap ?? 0.005;
  let firstGap: number | undefined;
  let placement: LatencyPlacement;
  try {
    placement = placeForLatency(problem, {
      ...definedOf({ gap, timeLimitMs, seed }),
      onPlan: (_, cost, bound) => {
        const left = Math.max(near, (cost - bound) / Math.max(bound, Number.MIN_VALUE));
        firstGap ??= left;
        // From the first gap to the one asked for, on a logarithmic scale.
        bar.update(
          firstGap > near ? (100 * Math.log(firstGap / left)) / Math.log(firstGap / Math.max(near, 1e-9)) : 100,
        );
      },
    });
  } finally {
    bar.stop();
  }
  process.exitCode = placement.plan ? 0 : 1; // before a reader closes the pipe
  const before =
    problem.from && verifyPlacement(problem, { gpusOfExpert: problem.from.map((gpus) => Array.from(gpus)) });
  const explained =
    flags.explain === undefined || !placement.plan ? undefined : explainPlacement(problem, placement, flags.explain);
  if (placement.plan) writeAll(problem, placement, before, file, flags);
  if (flags.json) sayJson(explained ? { ...placement, explained } : placement);
  else if (!placement.plan) sayNone(placement);
  else {
    sayPlacement(problem, placement, before, file, flags);
    if (explained) sayExplained(explained);
    sayFilesAndNext(flags);
  }
}

function writeAll(
  problem: LatencyProblem,
  { plan, check, status, bound, gap }: LatencyPlacement,
  before: PlanCheck | undefined,
  file: string,
  flags: PlaceFlags,
): void {
  const { demand, from, loads, ...asked } = problem;
  if (flags.out !== undefined) {
    const result = { status, cost: check!.cost, bound, gap, moves: check!.moves };
    const all = { problem: file, ...asked, ...definedOf({ from: flags.from }) };
    writeText(
      flags.out,
      formatPlan({
        objective: "latency",
        asked: JSON.parse(JSON.stringify(all)),
        result,
        gpusOfExpert: plan!.gpusOfExpert,
      }),
    );
  }
  if (flags.svg !== undefined)
    writeText(
      flags.svg,
      pictureOf(problem, file, [
        ...(before ? [{ name: "before", check: before }] : []),
        { name: before ? "after" : "placed", check: check! },
      ]),
    );
}

function pictureOf(
  problem: LatencyProblem,
  file: string,
  plans: readonly { name: string; check: PlanCheck }[],
): string {
  const across = columnsOf(problem);
  return heatMap({
    title: "What each GPU serves",
    subtitle: `${basename(file)}: ${figure(problem.demand.length)} experts on ${problem.cluster.gpus} GPUs`,
    rowLabel: problem.cluster.gpusPerNode === across ? "node" : `every ${across} GPUs`,
    columnLabel: problem.cluster.gpusPerNode === across ? "GPU of the node" : "GPU",
    panels: plans.map(({ name, check }) => ({
      name,
      note: `cost ${figure(check.cost)}, ${percent(nearShare(check))} from the same node`,
      values: rowsOf(problem, check),
    })),
  });
}

/** Verifies a plan of anybody's. */
function checkPlan(problem: LatencyProblem, file: string, flags: PlaceFlags): void {
  const check = verifyPlacement(problem, plansOf(file));
  process.exitCode = check.violations.length > 0 ? 1 : 0;
  if (flags.svg !== undefined) writeText(flags.svg, pictureOf(problem, file, [{ name: file, check }]));
  if (flags.json) {
    sayJson(check);
    return;
  }
  sayViolations(file, check.violations, flags.full);
  say(`cost ${figure(check.cost)}`);
  sayTiers(problem, check, undefined);
  if (flags.svg !== undefined) say(`\nThe picture is in ${flags.svg}`);
}
