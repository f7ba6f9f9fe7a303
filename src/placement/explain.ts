import { checkWhole } from "../check.ts";
import { type CompleteCluster, tierOf } from "./cluster.ts";
import type { LatencyPlacement } from "./latency.ts";
import { type CompleteProblem, completeProblem, type LatencyProblem } from "./problem.ts";
import { nearest } from "./verify.ts";

/** What it costs to have an expert on some GPUs. Prices are over those of the cheapest GPU that is open. */
export interface ExpertCost {
  gpus: number[];
  /** Its demand by the tier from which it is then served. */
  demandOfTier: [number, number, number, number];
  waysCost: number;
  moveCost: number;
  /** What others would pay for the slots, and for the load that they serve. */
  slotPrice: number;
  loadPrice: number;
  total: number;
}

/** Another GPU for one of the copies. */
export interface OtherPlace extends ExpertCost {
  /** Where the copy would go, and where it would leave. */
  gpu: number;
  insteadOf: number;
  /** How much more that costs than where they are: below 0, it would be better for this expert alone. */
  more: number;
  freeSlots: number;
}

/** Why an expert is where it is. */
export interface PlacementExplanation {
  expert: number;
  demand: number;
  load: number;
  /** Who asks for it, those that ask most first. */
  askers: { gpu: number; demand: number }[];
  here: ExpertCost;
  /** Every other GPU that the rules allow, the cheapest first. */
  others: OtherPlace[];
}

/** Why an expert of a placement is where it is: what that costs, in ways and at the prices of what is scarce, beside every other GPU. */
export function explainPlacement(
  problem: LatencyProblem,
  placement: LatencyPlacement,
  expert: number,
): PlacementExplanation {
  const complete = completeProblem(problem);
  const { cluster, experts, firsts, sources, demand, demandOfExpert, loads, pins, radius } = complete;
  checkWhole("expert", expert, 0, experts - 1);
  const held = placement.plan?.gpusOfExpert[expert];
  if (!held) throw new TypeError(`placement must have a plan, got one that is ${placement.status}`);
  const used = new Uint32Array(cluster.gpus);
  for (const gpus of placement.plan!.gpusOfExpert) for (const gpu of gpus) used[gpu]!++;
  const prices = pricesOf(complete, placement);
  const here = costOf(complete, prices, expert, held);
  const others: OtherPlace[] = [];
  const movable = held.filter((gpu) => !pins.get(expert)?.includes(gpu));
  for (let gpu = 0; gpu < cluster.gpus; gpu++) {
    if (cluster.slots[gpu] === 0 || held.includes(gpu)) continue;
    const [best] = movable
      .map((insteadOf) => ({
        gpu,
        insteadOf,
        ...costOf(complete, prices, expert, [...held.filter((other) => other !== insteadOf), gpu]),
      }))
      .filter(({ demandOfTier }) => demandOfTier.every((asked, tier) => tier <= radius || asked === 0))
      .sort((a, b) => a.total - b.total);
    if (best) others.push({ ...best, more: best.total - here.total, freeSlots: cluster.slots[gpu]! - used[gpu]! });
  }
  const askers = Array.from(sources.subarray(firsts[expert], firsts[expert + 1]), (gpu, i) => ({
    gpu,
    demand: demand[firsts[expert]! + i]!,
  }));
  return {
    expert,
    demand: demandOfExpert[expert]!,
    load: loads[expert]!,
    askers: askers.sort((a, b) => b.demand - a.demand || a.gpu - b.gpu),
    here,
    others: others.sort((a, b) => a.more - b.more || a.gpu - b.gpu),
  };
}

/** Prices of slots and of load over the least of them: what all GPUs share decides nothing. */
function pricesOf({ cluster }: CompleteProblem, { prices }: LatencyPlacement) {
  return { slot: overLeast(cluster, prices.slot), load: overLeast(cluster, prices.load), byte: prices.byte };
}

/** Each GPU's price over that of the cheapest open one; 0 where a GPU is shut. */
export function overLeast({ slots }: Pick<CompleteCluster, "slots">, prices: Float64Array): Float64Array {
  const least = prices.reduce((a, price, gpu) => (slots[gpu]! > 0 ? Math.min(a, price) : a), Number.POSITIVE_INFINITY);
  return prices.map((price, gpu) => (slots[gpu]! > 0 ? price - least : 0));
}

function costOf(
  problem: CompleteProblem,
  prices: ReturnType<typeof pricesOf>,
  expert: number,
  held: readonly number[],
): ExpertCost {
  const { cluster, firsts, sources, demand, demandOfExpert, tierCosts, loads, from, moveCosts, expertBytes } = problem;
  const cost: ExpertCost = {
    gpus: [...held],
    demandOfTier: [0, 0, 0, 0],
    waysCost: 0,
    moveCost: 0,
    slotPrice: 0,
    loadPrice: 0,
    total: 0,
  };
  for (const gpu of held) {
    cost.slotPrice += prices.slot[gpu]!;
    if (from && !from[expert]!.includes(gpu)) cost.moveCost += moveCosts[expert]! + prices.byte * expertBytes[expert]!;
  }
  for (let i = firsts[expert]!; i < firsts[expert + 1]!; i++) {
    const gpu = nearest(cluster, sources[i]!, held);
    const tier = tierOf(cluster, sources[i]!, gpu);
    cost.demandOfTier[tier] += demand[i]!;
    cost.waysCost += demand[i]! * tierCosts[tier];
    cost.loadPrice += (prices.load[gpu]! * loads[expert]! * demand[i]!) / demandOfExpert[expert]!;
  }
  if (demandOfExpert[expert] === 0) cost.loadPrice += prices.load[held[0]!]! * loads[expert]!;
  cost.total = cost.waysCost + cost.moveCost + cost.slotPrice + cost.loadPrice;
  return cost;
}
