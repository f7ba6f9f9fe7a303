import { figure as figureOf, type PlacementExplanation, percent } from "../../../index.ts";
import { element } from "../../elements.ts";
import type { PlacementAnswer, Side } from "../../jobs/placement/plans.ts";
import { type Column, table } from "../../table.ts";
import { times } from "./words.ts";

// Why a place is as it is: what a GPU holds of a layer, and what each of it is there for.

/** A copy of an expert on the GPU that is looked at. */
export interface Held {
  expert: number;
  /** Of all of the layer's load. */
  share: number;
  copies: number;
  /** Of the expert's load that falls to this GPU, over the mean of GPUs. */
  bears: number;
  came: boolean;
}

/** What a GPU holds of a layer, those first that bear the most. */
export function heldOn(answer: PlacementAnswer, side: Side, gpu: number, l: number): Held[] {
  const { experts, loads } = answer;
  const slots = side.gpuOfSlot.length;
  const row = side.expertOfSlot.subarray(l * slots, (l + 1) * slots);
  const own = loads.subarray(l * experts, (l + 1) * experts);
  const all = own.reduce((a, b) => a + b, 0) || 1;
  const inUse = side.heat
    .subarray(l * answer.gpus, (l + 1) * answer.gpus)
    .reduce((count, value) => count + (Number.isNaN(value) ? 0 : 1), 0);
  const copies = new Uint32Array(experts);
  for (const expert of row) if (expert >= 0) copies[expert]!++;
  const held: Held[] = [];
  side.gpuOfSlot.forEach((on, slot) => {
    const expert = row[slot]!;
    if (on !== gpu || expert < 0) return;
    const share = own[expert]! / all;
    const bears = share * side.shareOfSlot[l * slots + slot]! * inUse;
    held.push({ expert, share, copies: copies[expert]!, bears, came: side.came[l * slots + slot] === 1 });
  });
  return held.sort((a, b) => b.bears - a.bears);
}

const COLUMNS: readonly Column<Held>[] = [
  { title: "expert", of: ({ expert }) => expert },
  { title: "of the load", of: ({ share }) => share, words: ({ share }) => percent(share) },
  { title: "copies", of: ({ copies }) => copies },
  { title: "bears here", of: ({ bears }) => bears, words: ({ bears }) => `${figureOf(bears)} of the mean` },
  { title: "was here", of: ({ came }) => (came ? "no, it came" : "yes") },
];

export const heldTable = (held: readonly Held[], isChange: boolean) =>
  table("place", "What it holds", isChange ? COLUMNS : COLUMNS.slice(0, -1), held);

/** Why that is so, in words. */
export function placeWords(answer: PlacementAnswer, side: Side, gpu: number, l: number, held: readonly Held[]): string {
  const value = side.heat[l * answer.gpus + gpu]!;
  if (Number.isNaN(value))
    return answer.drained.includes(gpu) ? "It is drained, and holds nothing." : "It has no slots, and holds nothing.";
  const [top] = held;
  if (!top) return "Its slots are empty.";
  const bears = `It bears ${times(value)} with ${held.length} ${held.length === 1 ? "expert" : "experts"}.`;
  if (answer.objective === "latency") {
    const worth = answer.slotWorth?.[gpu];
    return `${bears}${worth === undefined || Number.isNaN(worth) ? "" : ` One slot more here would save about ${figureOf(worth)} more than where it would save least.`}`;
  }
  const inUse = (top.bears * top.copies) / top.share || 0;
  const alone = top.share * inUse;
  const why =
    alone > 1
      ? `Expert ${top.expert} alone would load a GPU with ${times(alone)}: its ${top.copies} ${top.copies === 1 ? "copy bears all of that" : `copies share it, ${figureOf(top.bears)} of the mean each`}, and light ones fill up the rest.`
      : `The heaviest, expert ${top.expert}, is ${figureOf(top.bears)} of the mean here${top.copies > 1 ? `, one of ${top.copies} copies` : ""}; the others make up the rest.`;
  return `${bears} ${why}`;
}

interface Cost {
  name: string;
  ways: number;
  move: number;
  slot: number;
  load: number;
  total: number;
  more: number | null;
  free: number | null;
}

const COSTS: readonly Column<Cost>[] = [
  { title: "on", of: ({ name }) => name },
  ...(["ways", "move", "slot", "load", "total"] as const).map(
    (key): Column<Cost> => ({
      title: { ways: "ways", move: "move", slot: "slot's price", load: "load's price", total: "in all" }[key],
      of: (row) => row[key],
      words: (row) => figureOf(row[key]),
    }),
  ),
  {
    title: "more",
    of: ({ more }) => more,
    words: ({ more }) => (more === null ? "–" : `${more < 0 ? "−" : "+"}${figureOf(Math.abs(more))}`),
  },
  { title: "free slots", of: ({ free }) => free },
];

const NAMED = 6;

/** Why an expert is near to whom it is near, beside all other GPUs. */
export function explained({ expert, demand, askers, here, others }: PlacementExplanation): HTMLElement {
  const costs = ({ waysCost, moveCost, slotPrice, loadPrice, total }: typeof here) => ({
    ways: waysCost,
    move: moveCost,
    slot: slotPrice,
    load: loadPrice,
    total,
  });
  const rows: Cost[] = [
    { name: `GPU ${here.gpus.join(" and ")}`, ...costs(here), more: null, free: null },
    ...others.map((other) => ({
      name: `GPU ${other.gpus.join(" and ")}`,
      ...costs(other),
      more: other.more,
      free: other.freeSlots,
    })),
  ];
  const who = askers.slice(0, NAMED).map(({ gpu, demand: asked }) => `GPU ${gpu} (${figureOf(asked)})`);
  const rest = askers.length > NAMED ? ` and ${askers.length - NAMED} more` : "";
  return element(
    "div",
    {},
    element(
      "p",
      {},
      `Expert ${expert}: ${figureOf(demand)} is asked of it, by ${who.join(", ") || "nobody"}${rest}. Prices are what other experts would pay for the place.`,
    ),
    table("explained", `What expert ${expert} costs here, and elsewhere`, COSTS, rows),
  );
}
