import { basename } from "node:path";
import {
  type BalanceAnswer,
  type BalancePlan,
  type BalanceTask,
  balancePlanOf,
  formatMaps,
  formatPlan,
  heatMap,
  type LoadStatistics,
  mapsOf,
  type PlanInForce,
  placeForBalance,
  planInForce,
  readPlan,
  verifyBalance,
} from "../../index.ts";
import { readText, writeText } from "../files.ts";
import { definedOf } from "../options.ts";
import { progressBar, say, sayJson } from "../print.ts";
import {
  gpusOfSlotsIn,
  type NamedPlan,
  sayFiles,
  sayHeatOf,
  sayInfeasible,
  sayInput,
  sayPlan,
  share,
  shutIn,
  type Task,
  timesMeanOf,
} from "./balance-report.ts";
import { gpusOf, type PlaceFlags, topologyOf } from "./flags.ts";
import { sayViolations } from "./violations.ts";

/** Places loads of experts, or checks a plan for them. */
export function runBalance(statistics: LoadStatistics, file: string, flags: PlaceFlags): void {
  const task = taskOf(statistics, file, flags);
  if (flags.check !== undefined) checkPlan(task, flags.check);
  else place(task);
}

function taskOf(statistics: LoadStatistics, file: string, flags: PlaceFlags): Task {
  const { loads, idleLayers } = statistics;
  const layers = loads.flatMap((_, layer) => (idleLayers.includes(layer) ? [] : [layer]));
  if (layers.length === 0) throw new RangeError(`${file}: every load is 0: nothing to balance`);
  const { drained, slotsPerGpu, gpusPerNode, ...topology } = topologyOf(flags);
  const gpus = gpusOf(topology);
  const { slots, scope, groups, target, movesMax, bytesMax, expertMb } = flags;
  if (slots === undefined && slotsPerGpu === undefined)
    throw new TypeError("--slots <count>, of each layer, or --slots-per-gpu <count> is missing");
  if (bytesMax !== undefined && expertMb === undefined) throw new TypeError("--bytes-max goes with --expert-mb");
  const problem: BalanceTask = {
    loads: layers.map((layer) => loads[layer]!),
    gpus,
    ...(slots === undefined
      ? { slotsPerGpu: typeof slotsPerGpu === "number" ? slotsPerGpu : Array.from(slotsPerGpu!) }
      : { slots }),
    ...definedOf({ drained, scope, groups, target, movesMax, bytesMax }),
    ...(groups === undefined ? {} : definedOf({ gpusPerNode })),
    ...(expertMb === undefined ? {} : { expertBytes: expertMb * 1e6 }),
  };
  const task: Task = { problem, layers, experts: loads[0]!.length, statistics, file, flags };
  if (flags.from === undefined) return task;
  const { held: from, ...dealt } = rowsOf(task, flags.from);
  return { ...task, problem: { ...problem, from }, ...dealt };
}

/** A plan's rows of the layers placed, and where its slots were dealt out, as the file does not say on which GPUs they are. */
function rowsOf({ problem, layers, statistics }: Task, file: string): { held: PlanInForce } & Pick<Task, "dealt"> {
  const { held, slots, isDealt } = planInForce(readPlan(readText(file), { file }), {
    file,
    gpus: problem.gpus,
    layers,
    layersOfLoads: statistics.loads.length,
    advice: "give what --out wrote, which says on which GPU each is",
  });
  return { held, ...(isDealt ? { dealt: { file, slotsPerGpu: slots / problem.gpus } } : {}) };
}

function place(task: Task): void {
  const { problem, layers, flags } = task;
  const { gap, timeLimitMs, seed } = flags;
  const before = beforeOf(task);
  const bar = progressBar("placing", layers.length);
  let plans = 0;
  let answer: BalanceAnswer;
  try {
    answer = placeForBalance(problem, {
      ...definedOf({ gap, timeLimitMs, seed }),
      onPlan: () => bar.update(Math.min(layers.length, ++plans)),
    });
  } catch (error) {
    if (error instanceof RangeError) error.message = numbered(error.message, layers);
    throw error;
  } finally {
    bar.stop();
  }
  const isMissed = answer.status !== "infeasible" && answer.balancednessWorst < (flags.target ?? 0) - 1e-9;
  process.exitCode = answer.status === "infeasible" || isMissed ? 1 : 0; // before a reader closes the pipe
  if (answer.status !== "infeasible") writeAll(task, answer, before);
  if (flags.json) sayJson(answer);
  else if (answer.status === "infeasible") sayInfeasible(answer);
  else sayPlan(task, named("after", problem.gpus, answer, problem.drained), before, isMissed);
}

/** What a plan is held against: the plan in force, or experts in order, as engines start. */
function beforeOf(task: Task): NamedPlan {
  const { problem, layers, experts } = task;
  const { from, drained = [] } = problem;
  if (from) {
    const slotsPerGpu = new Array<number>(problem.gpus).fill(0);
    for (const gpu of from.gpuOfSlot) slotsPerGpu[gpu]!++;
    const then = { loads: problem.loads, gpus: problem.gpus, slotsPerGpu };
    return named("before", problem.gpus, balancePlanOf(then, from.physicalToLogicalMap, from.gpuOfSlot));
  }
  const gpuOfSlot = gpusOfSlotsIn(problem);
  const row = inOrder(gpuOfSlot, drained, experts);
  const rows = layers.map(() => row);
  return named("in order", problem.gpus, balancePlanOf(problem, rows, gpuOfSlot), drained);
}

function named<P extends BalancePlan>(name: string, gpus: number, plan: P, drained?: readonly number[]) {
  return { name, plan, shut: shutIn(gpus, plan.gpuOfSlot, drained) };
}

/** Experts 0, 1, 2 ... in slots that may hold some, and from 0 again. */
function inOrder(gpuOfSlot: readonly number[], drained: readonly number[], experts: number): number[] {
  let next = 0;
  return gpuOfSlot.map((gpu) => (drained.includes(gpu) ? -1 : next++ % experts));
}

function writeAll(task: Task, plan: BalancePlan, before: NamedPlan): void {
  const { problem, layers, experts, statistics, file, flags } = task;
  const { physicalToLogicalMap, gpuOfSlot, balancednessMean, balancednessWorst, gap, moves } = plan;
  if (flags.out !== undefined) {
    const { loads, from, ...asked } = problem;
    const result = { balancednessMean, balancednessWorst, gap, moves };
    writeText(
      flags.out,
      formatPlan({
        objective: "balance",
        asked: { loads: file, ...asked, ...definedOf({ from: flags.from }) },
        result,
        layers,
        gpuOfSlot,
        physicalToLogicalMap,
      }),
    );
  }
  if (flags.maps !== undefined) {
    const idle = inOrder(gpuOfSlot, problem.drained ?? [], experts);
    const rows = statistics.loads.map((_, layer) => physicalToLogicalMap[layers.indexOf(layer)] ?? idle);
    const isEqual = gpuOfSlot.every((gpu, slot) => gpu === Math.floor((slot * problem.gpus) / gpuOfSlot.length));
    writeText(flags.maps, formatMaps({ ...mapsOf(rows, experts), ...(isEqual ? { gpus: problem.gpus } : {}) }));
  }
  if (flags.svg !== undefined)
    writeText(
      flags.svg,
      pictureOf(task, [
        { ...before, name: before.name === "before" ? "before" : "experts in order" },
        named("after", problem.gpus, plan, problem.drained),
      ]),
    );
}

function pictureOf({ problem, layers, file }: Task, plans: readonly NamedPlan[]): string {
  return heatMap({
    title: "What each GPU bears of each layer",
    subtitle: `${basename(file)}: ${layers.length} layers over ${problem.gpus} GPUs`,
    rowLabel: "layer",
    columnLabel: "GPU",
    rows: layers,
    panels: plans.map((one) => ({
      name: one.name,
      note: `balancedness ${share(one.plan.balancednessMean)}, worst ${share(one.plan.balancednessWorst)}`,
      values: timesMeanOf(problem, one),
    })),
  });
}

/** Verifies a plan of anybody's. */
function checkPlan(task: Task, file: string): void {
  const { problem, layers, flags } = task;
  const { held, ...dealt } = rowsOf(task, file);
  const { physicalToLogicalMap, gpuOfSlot } = held;
  const plan = balancePlanOf(problem, physicalToLogicalMap, gpuOfSlot);
  const checked = named(file, problem.gpus, plan, problem.drained);
  const check = verifyBalance(problem, plan);
  check.violations = check.violations.map((words) => numbered(words, layers));
  process.exitCode = check.violations.length > 0 ? 1 : 0;
  if (flags.svg !== undefined) writeText(flags.svg, pictureOf(task, [checked]));
  if (flags.json) {
    sayJson(check);
    return;
  }
  sayViolations(file, check.violations, flags.full);
  say(`balancedness ${share(plan.balancednessMean)} on average, ${share(plan.balancednessWorst)} at worst`);
  sayInput({ ...task, ...dealt });
  sayHeatOf(task, [checked]);
  sayFiles(flags);
}

/** Words on rows of what was placed, with the numbers that their layers have in the model. */
function numbered(words: string, layers: readonly number[]): string {
  return words.replace(/\blayer (\d+)/g, (_, row) => `layer ${layers[Number(row)]}`);
}
