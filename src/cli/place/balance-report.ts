import {
  type BalanceAnswer,
  type BalancePlan,
  type BalanceProblem,
  type BalanceTask,
  figure,
  type LoadStatistics,
  percent,
} from "../../index.ts";
import { again, heading, paint, say, sayNext, sayTable, sayWrapped, typed } from "../print.ts";
import type { PlaceFlags } from "./flags.ts";
import { type Panel, sayHeat } from "./heat.ts";

/** What is placed: layers that carry load, by their numbers in the model. */
export interface Task {
  problem: BalanceTask;
  layers: number[];
  experts: number;
  statistics: LoadStatistics;
  file: string;
  flags: PlaceFlags;
  /** A plan that does not say how many GPUs it is for, and how many slots it was read to have on each. */
  dealt?: { file: string; slotsPerGpu: number };
}

export type Placed = Exclude<BalanceAnswer, { status: "infeasible" }>;

/** A plan, what it is called, and which GPUs hold nothing in it by rule: what is drained now was not so before. */
export interface NamedPlan {
  name: string;
  plan: BalancePlan;
  shut: ReadonlySet<number>;
}

const LAYERS_SHOWN = 8;
const HEAT_ROWS = 16;

export function sayPlan(task: Task, placed: NamedPlan & { plan: Placed }, before: NamedPlan, isMissed: boolean): void {
  const { problem, flags } = task;
  const { plan } = placed;
  const word = isMissed
    ? paint.yellow(paint.bold("target not reached"))
    : { optimal: paint.green, "within gap": paint.green, "time limit": paint.yellow, "iteration limit": paint.yellow }[
        plan.status
      ](paint.bold(plan.status));
  say(
    `${paint.bold(task.file)}: ${word}, balancedness ${paint.bold(share(plan.balancednessMean))} on average, ${share(plan.balancednessWorst)} at worst`,
  );
  const proved =
    plan.status === "optimal"
      ? "No plan is better, and that is proved"
      : `The busiest GPU bears at most ${percent(plan.gap)} more than the bound, below which no plan can be`;
  sayWrapped("", `${proved}; ${movesWords(plan, problem)}${emptyWords(placed)}.`);
  sayInput(task);
  sayLayers(task, placed, before);
  sayHeatOf(task, [before, placed]);
  sayFiles(flags);
  const next: [string, string][] = [];
  if (flags.maps === undefined) next.push([again("--maps maps.json"), "EPLB's maps, for a serving engine"]);
  if (flags.svg === undefined) next.push([again("--svg place.svg"), "draws loads before and after"]);
  if (flags.out === undefined) next.push([again("--out plan.json"), "the plan, for --from and --check"]);
  next.push([again("--json"), "all of it, for programs"], [typed("place --help"), "every figure that can be given"]);
  sayNext(next);
}

function movesWords({ moves }: BalancePlan, { from, expertBytes }: BalanceProblem): string {
  const bytes = expertBytes === undefined ? "" : ` of ${figure((moves * expertBytes) / 1e9)} GB`;
  const count = moves.toLocaleString("en");
  if (!from) return `${count} slots are filled${bytes && `, with weights${bytes}`}`;
  return moves === 1 ? `1 copy${bytes} moves` : `${count} copies${bytes} move`;
}

/** How many slots hold nothing, of GPUs that may hold some. */
function emptyWords({ plan: { physicalToLogicalMap, gpuOfSlot }, shut }: NamedPlan): string {
  const isEmpty = (expert: number, slot: number) => expert < 0 && !shut.has(gpuOfSlot[slot]!);
  const empty = physicalToLogicalMap.reduce((sum, row) => sum + row.filter(isEmpty).length, 0);
  return empty > 0 ? `; ${empty.toLocaleString("en")} ${empty === 1 ? "slot stays" : "slots stay"} empty` : "";
}

/** What was read, and what was left out. */
export function sayInput({ problem, statistics, dealt }: Task): void {
  const { idleLayers, source } = statistics;
  const slots = gpusOfSlotsIn(problem).length;
  say(paint.dim(`${source}; ${slots} slots a layer over ${problem.gpus} GPUs`));
  if (dealt) {
    const { file, slotsPerGpu } = dealt;
    sayWrapped(
      "",
      paint.yellow(
        `${file} does not say how many GPUs it is for: read as ${slotsPerGpu} ${slotsPerGpu === 1 ? "slot" : "slots"} on each of ${problem.gpus} GPUs.`,
      ),
    );
  }
  if (idleLayers.length > 0)
    sayWrapped(
      "",
      paint.dim(
        `Without load, and left out: ${idleLayers.length === 1 ? "layer" : "layers"} ${ranges(idleLayers)}. The others keep their numbers.`,
      ),
    );
}

/** 0-2, 7 */
function ranges(numbers: readonly number[]): string {
  const words: string[] = [];
  for (let i = 0; i < numbers.length; ) {
    let end = i;
    while (numbers[end + 1] === numbers[end]! + 1) end++;
    words.push(end === i ? `${numbers[i]}` : `${numbers[i]}-${numbers[end]}`);
    i = end + 1;
  }
  return words.join(", ");
}

/** Balancedness to four places: what is near to 1 differs there. */
export function share(value: number): string {
  return (Math.floor(value * 1e4 + 1e-6) / 1e4).toFixed(4);
}

function sayLayers({ problem, layers, flags }: Task, placed: NamedPlan, before: NamedPlan): void {
  const { plan } = placed;
  const heat = timesMeanOf(problem, placed);
  const rows = layers.map((_, row) => row);
  const [now, was] = [evennessOf(heat), evennessOf(timesMeanOf(problem, before))];
  const worst = rows.toSorted((a, b) => now[a]! - now[b]! || was[a]! - was[b]!);
  const shown = flags.full ? rows : worst.slice(0, LAYERS_SHOWN);
  const all = shown.length === rows.length;
  heading(all ? "Layer by layer" : `The ${shown.length} worst of ${rows.length} layers`);
  const movesOf = (row: number) => movesOfLayer(problem, plan, row);
  sayTable(
    [
      "layer",
      before.name,
      "after",
      "bound",
      "busiest GPU",
      "bears",
      "of the mean",
      "copies",
      problem.from ? "moves" : "most copies",
    ],
    shown.map((row) => {
      const loads = heat[row]!;
      const [busiest] = Array.from(loads, (load, gpu) => ({ load, gpu }))
        .filter(({ load }) => !Number.isNaN(load))
        .sort((a, b) => b.load - a.load);
      const counts = plan.expertCount[row]!;
      return [
        String(layers[row]),
        share(was[row]!),
        paint.bold(share(now[row]!)),
        problem.scope === "step" ? "" : share(1 / plan.lowerBound[row]!),
        `GPU ${busiest!.gpu}`,
        figure(busiest!.load * meanOf(problem, placed, row)),
        `${(busiest!.load).toFixed(4)} x`,
        String(counts.reduce((a, b) => a + b, 0)),
        String(problem.from ? movesOf(row) : counts.reduce((a, b) => Math.max(a, b), 0)),
      ];
    }),
    [0, 1, 2, 3, 4, 5, 6, 7, 8],
  );
  if (!all) say(paint.dim("--full shows every layer"));
}

function meanOf({ loads, gpus }: BalanceTask, { shut }: NamedPlan, row: number): number {
  return Array.from(loads[row]!).reduce((a, b) => a + b, 0) / (gpus - shut.size);
}

function movesOfLayer({ from }: BalanceProblem, { physicalToLogicalMap, gpuOfSlot }: BalancePlan, row: number): number {
  const held = new Set(from!.physicalToLogicalMap[row]!.map((expert, slot) => `${expert}/${from!.gpuOfSlot[slot]}`));
  return physicalToLogicalMap[row]!.filter((expert, slot) => expert >= 0 && !held.has(`${expert}/${gpuOfSlot[slot]}`))
    .length;
}

/** The layers that were worst before, and what became of them. */
export function sayHeatOf({ problem, layers, flags }: Task, plans: readonly NamedPlan[]): void {
  const rows = layers.map((_, row) => row);
  const was = evennessOf(timesMeanOf(problem, plans[0]!));
  const shown = flags.full
    ? rows
    : rows
        .toSorted((a, b) => was[a]! - was[b]!)
        .slice(0, HEAT_ROWS)
        .sort((a, b) => a - b);
  const panels: Panel[] = plans.map((named) => {
    const values = timesMeanOf(problem, named);
    return { name: named.name, values: shown.map((row) => values[row]!) };
  });
  const which = shown.length === rows.length ? "" : `: the ${shown.length} layers that were worst`;
  sayHeat(
    `Loads of GPUs over their mean${which}`,
    shown.map((row) => `layer ${layers[row]}`),
    panels,
  );
}

export function sayFiles({ out, maps, svg }: PlaceFlags): void {
  if (out === undefined && maps === undefined && svg === undefined) return;
  say();
  if (out !== undefined) say(`The plan is in ${out}`);
  if (maps !== undefined) say(`EPLB's maps are in ${maps}`);
  if (svg !== undefined) say(`The picture is in ${svg}`);
}

export function sayInfeasible({ constraint, because, relax }: Extract<BalanceAnswer, { status: "infeasible" }>): void {
  say(paint.red(paint.bold("infeasible")));
  sayWrapped("what binds   ", `${constraint}: ${because}`);
  sayWrapped("what helps   ", relax);
}

/** The GPU of every slot of a problem. */
export function gpusOfSlotsIn({ gpus, slots, slotsPerGpu }: BalanceProblem): number[] {
  const each =
    typeof slotsPerGpu === "number"
      ? new Array<number>(gpus).fill(slotsPerGpu)
      : (slotsPerGpu ??
        Array.from(
          { length: gpus },
          (_, g) => Math.floor(((g + 1) * slots!) / gpus) - Math.floor((g * slots!) / gpus),
        ));
  return each.flatMap((count, gpu) => new Array<number>(count).fill(gpu));
}

/** Loads of GPUs over their mean, NaN of those that are drained. */
export function timesMeanOf({ loads, gpus }: BalanceTask, { plan, shut }: NamedPlan): Float64Array[] {
  const { physicalToLogicalMap, shareOfSlot, gpuOfSlot } = plan;
  return physicalToLogicalMap.map((row, layer) => {
    const sums = new Float64Array(gpus);
    row.forEach((expert, slot) => {
      if (expert >= 0) sums[gpuOfSlot[slot]!]! += (loads[layer]![expert] ?? 0) * shareOfSlot[layer]![slot]!;
    });
    const mean = sums.reduce((a, b) => a + b, 0) / (gpus - shut.size);
    return sums.map((sum, gpu) => (shut.has(gpu) && sum === 0 ? Number.NaN : sum / (mean || 1)));
  });
}

/** Balancedness of each layer by itself. */
function evennessOf(heat: readonly Float64Array[]): number[] {
  return heat.map((row) => 1 / row.reduce((most, value) => (value > most ? value : most), 1));
}

/** GPUs that hold nothing: those that are drained, and those without slots. */
export function shutIn(gpus: number, gpuOfSlot: readonly number[], drained: readonly number[] = []): Set<number> {
  const open = new Set(gpuOfSlot);
  for (const gpu of drained) open.delete(gpu);
  return new Set(Array.from({ length: gpus }, (_, gpu) => gpu).filter((gpu) => !open.has(gpu)));
}
