import {
  type ExpertCost,
  figure,
  type LatencyPlacement,
  type LatencyProblem,
  type PlacementExplanation,
  type PlanCheck,
  percent,
} from "../../index.ts";
import { again, heading, paint, say, sayNext, sayTable, sayWrapped, typed } from "../print.ts";
import type { PlaceFlags } from "./flags.ts";
import { type Panel, sayHeat } from "./heat.ts";

const TIERS = ["same GPU", "same node", "same pod", "anywhere"];

/** Of demand, what the GPU itself or its node serves. */
export function nearShare({ demandOfTier }: PlanCheck): number {
  return (demandOfTier[0] + demandOfTier[1]) / (demandOfTier.reduce((a, b) => a + b, 0) || 1);
}

/** GPUs in a row of a picture: those of a node, if there are nodes. */
export function columnsOf({ cluster: { gpus, gpusPerNode } }: LatencyProblem): number {
  return gpusPerNode !== undefined && gpusPerNode < gpus && gpusPerNode >= 4 ? gpusPerNode : Math.min(gpus, 16);
}

/** Loads of GPUs over their mean, in rows. */
export function rowsOf(problem: LatencyProblem, { gpuLoads }: PlanCheck): Float64Array[] {
  const { gpus, drained = [], slotsPerGpu } = problem.cluster;
  const isShut = (gpu: number) =>
    drained.includes(gpu) || (typeof slotsPerGpu === "number" ? slotsPerGpu : slotsPerGpu[gpu]) === 0;
  const open = Array.from({ length: gpus }, (_, gpu) => gpu).filter((gpu) => !isShut(gpu) || gpuLoads[gpu]! > 0).length;
  const mean = gpuLoads.reduce((a, b) => a + b, 0) / (open || 1) || 1;
  const across = columnsOf(problem);
  return Array.from({ length: Math.ceil(gpus / across) }, (_, row) =>
    Float64Array.from({ length: across }, (_, column) => {
      const gpu = row * across + column;
      return gpu >= gpus || (isShut(gpu) && gpuLoads[gpu] === 0) ? Number.NaN : gpuLoads[gpu]! / mean;
    }),
  );
}

/** Verdict, tiers, prices and loads. */
export function sayPlacement(
  problem: LatencyProblem,
  placement: LatencyPlacement,
  before: PlanCheck | undefined,
  file: string,
  flags: PlaceFlags,
): void {
  const { status, check, bound, gap } = placement as LatencyPlacement & { check: PlanCheck };
  const isCut = status.endsWith("limit");
  const word = (isCut ? paint.yellow : paint.green)(paint.bold(status));
  say(`${paint.bold(file)}: ${word}, cost ${paint.bold(figure(check.cost))}`);
  sayWrapped(
    "",
    status === "optimal"
      ? "No plan costs less, and that is proved."
      : `No plan costs less than ${figure(bound)}: this one costs ${percent(gap)} more than that bound${isCut ? ", and the search ended before the gap asked for was closed" : ""}.`,
  );
  const { gpus } = problem.cluster;
  say(paint.dim(`${figure(problem.demand.length)} experts on ${gpus} GPUs`));
  sayTiers(problem, check, before);
  sayPrices(problem, placement, flags.full);
  const panels: Panel[] = [
    ...(before ? [{ name: "before", values: rowsOf(problem, before) }] : []),
    { name: before ? "after" : "", values: rowsOf(problem, check) },
  ];
  const across = columnsOf(problem);
  const labels = panels[0]!.values.map((_, row) => `GPU ${row * across}`);
  sayHeat("Loads of GPUs over their mean", labels, panels);
}

/** Demand and its cost by the tier from which it is served, and before. */
export function sayTiers(
  { tierCosts = [0, 1, 2, 3], cluster, from }: LatencyProblem,
  check: PlanCheck,
  before: PlanCheck | undefined,
): void {
  heading("From where demand is served");
  const { gpus, gpusPerNode = gpus, gpusPerPod = gpus } = cluster;
  const total = check.demandOfTier.reduce((a, b) => a + b, 0) || 1;
  const tiers = [0, 1, 2, 3].filter((tier) => tier < 2 || (tier === 2 ? gpusPerNode < gpus : gpusPerPod < gpus));
  sayTable(
    ["tier", "cost of a unit", "demand", "share", "cost", before ? "cost before" : ""],
    [
      ...tiers.map((tier) => [
        TIERS[tier]!,
        figure(tierCosts[tier]!),
        figure(check.demandOfTier[tier]!),
        percent(check.demandOfTier[tier]! / total),
        figure(check.demandOfTier[tier]! * tierCosts[tier]!),
        before ? figure(before.demandOfTier[tier]! * tierCosts[tier]!) : "",
      ]),
      ...(from ? [["moves", "", figure(check.moves), "", figure(check.movesCost), ""]] : []),
      ["all", "", "", "", paint.bold(figure(check.cost)), before ? figure(before.cost) : ""],
    ],
    [1, 2, 3, 4, 5],
  );
}

const PRICES_SHOWN = 6;

/** What one more slot, and one more of the load that a GPU may serve, would save: the dearest first. */
function sayPrices({ cluster, gpuLoadMax }: LatencyProblem, { prices, check }: LatencyPlacement, full = false): void {
  const { slotsPerGpu, drained = [] } = cluster;
  const slotsOf = (gpu: number) => (typeof slotsPerGpu === "number" ? slotsPerGpu : slotsPerGpu[gpu]!);
  const open = Array.from({ length: cluster.gpus }, (_, gpu) => gpu).filter(
    (gpu) => slotsOf(gpu) > 0 && !drained.includes(gpu),
  );
  const least = Math.min(...open.map((gpu) => prices.slot[gpu]!));
  const mostOf = (gpu: number) => (typeof gpuLoadMax === "number" ? gpuLoadMax : gpuLoadMax?.[gpu]);
  const worth = (gpu: number) => prices.slot[gpu]! - least;
  const dearest = open.toSorted((a, b) => worth(b) - worth(a) || prices.load[b]! - prices.load[a]! || a - b);
  const shown = full ? dearest : dearest.slice(0, PRICES_SHOWN);
  heading("What is scarce: the GPUs whose slots are worth most");
  const isLimited = gpuLoadMax !== undefined;
  sayTable(
    ["GPU", "a slot saves", "slots used", "serves", ...(isLimited ? ["of at most", "a unit of load saves"] : [])],
    shown.map((gpu) => [
      `GPU ${gpu}`,
      figure(worth(gpu)),
      `${check!.slotsUsed[gpu]} of ${slotsOf(gpu)}`,
      figure(check!.gpuLoads[gpu]!),
      ...(isLimited ? [figure(mostOf(gpu)!), figure(prices.load[gpu]!)] : []),
    ]),
    [1, 2, 3, 4, 5],
  );
  sayWrapped(
    "",
    paint.dim(
      `A slot more there saves about so much more than one on GPU ${open.find((gpu) => worth(gpu) === 0)}, where it saves least.${shown.length < open.length ? " --full shows all GPUs." : ""}`,
    ),
  );
}

/** Why there is no plan. */
export function sayNone({ status, bound, infeasible }: LatencyPlacement): void {
  if (!infeasible) {
    say(paint.yellow(paint.bold(`${status}: no plan was found`)));
    say(`None costs less than ${figure(bound)}. Allow more time.`);
    return;
  }
  say(paint.red(paint.bold("infeasible")));
  sayWrapped("what binds   ", `${infeasible.constraint}: ${infeasible.because}`);
  sayWrapped(
    "what helps   ",
    infeasible.relax.replace(/\w+/g, (word) => FLAGS[word] ?? word),
  );
}

/** What the library's fields are called here. */
const FLAGS: Record<string, string> = {
  gpuLoadMax: "--load-max",
  copiesMax: "--copies-max",
  movedBytesMax: "--bytes-max or --moves-max",
};

const OTHERS_SHOWN = 6;

/** What an expert costs where it is, and on other GPUs. */
export function sayExplained({ expert, demand, load, askers, here, others }: PlacementExplanation): void {
  const places = (gpus: readonly number[]) =>
    `${gpus.length === 1 ? "GPU" : "GPUs"} ${gpus.toSorted((a, b) => a - b).join(" and ")}`;
  heading(`Why expert ${expert} is on ${places(here.gpus)}`);
  const shown = askers.slice(0, 6).map(({ gpu, demand: asked }) => `GPU ${gpu} (${figure(asked)})`);
  sayWrapped(
    "",
    `${figure(demand)} is asked of it, and serving it is a load of ${figure(load)}. Who asks: ${shown.join(", ")}${askers.length > 6 ? ` and ${askers.length - 6} more` : ""}.`,
  );
  const row = (name: string, cost: ExpertCost, more: string, free: string) => [
    name,
    ...[cost.waysCost, cost.moveCost, cost.slotPrice, cost.loadPrice].map(figure),
    figure(cost.total),
    more,
    free,
  ];
  sayTable(
    ["on", "ways", "move", "slot's price", "load's price", "in all", "more", "free slots"],
    [
      row(places(here.gpus), here, "", ""),
      ...others
        .slice(0, OTHERS_SHOWN)
        .map((other) => row(places(other.gpus), other, signed(other.more), String(other.freeSlots))),
    ],
    [1, 2, 3, 4, 5, 6, 7],
  );
  const byTier = here.demandOfTier.flatMap((asked, tier) =>
    asked > 0 ? [`${figure(asked)} from ${TIERS[tier]}`] : [],
  );
  const rest = others.length - OTHERS_SHOWN;
  sayWrapped(
    "",
    paint.dim(
      `Where it is, it serves ${byTier.join(", ") || "nobody"}. Prices are what other experts would pay for the place.${rest > 0 ? ` ${rest} more GPUs cost ${others[OTHERS_SHOWN]!.more >= 0 ? "still more" : "other sums"}.` : ""}`,
    ),
  );
}

function signed(value: number): string {
  return `${value >= 0 ? "+" : "−"}${figure(Math.abs(value))}`;
}

/** Where files are, and what to type next. */
export function sayFilesAndNext({ out, svg, explain }: PlaceFlags): void {
  if (out !== undefined || svg !== undefined) say();
  if (out !== undefined) say(`The plan is in ${out}`);
  if (svg !== undefined) say(`The picture is in ${svg}`);
  sayNext([
    ...(explain === undefined ? [[again("--explain 0"), "why expert 0 is where it is"] as const] : []),
    ...(out === undefined ? [[again("--out plan.json"), "the plan, for --from and --check"] as const] : []),
    [again("--json"), "all of it, for programs"],
    [typed("place --help"), "every figure that can be given"],
  ]);
}
