import { duration, figure as figureOf, percent } from "../../../index.ts";
import type { PlacementAnswer, Side } from "../../jobs/placement/plans.ts";
import { writtenList } from "../../knobs.ts";
import type { Column } from "../../table.ts";

// What becomes of an answer in sentences and tables.

const count = (value: number) => value.toLocaleString("en");

/** Times the mean, to as many places as tell it from 1. */
export const times = (value: number): string => `${value < 1.1 ? value.toFixed(4) : figureOf(value)} times the mean`;

export const gpusWords = (gpus: readonly number[]): string =>
  `${gpus.length === 1 ? "GPU" : "GPUs"} ${writtenList(gpus)}`;

/** What came of it, in a sentence or three. */
export function findings(answer: PlacementAnswer): string {
  const { after, infeasible } = answer;
  if (infeasible)
    return `No plan keeps all rules. What binds is ${infeasible.constraint}: ${infeasible.because}. What would help: ${relaxed(answer)}.`;
  if (!after) return "No plan was found in that time: allow more of it, or more rounds.";
  const result = answer.objective === "balance" ? levelled(answer, after) : shortened(answer, after);
  return `${moved(answer)}${result} ${proved(answer)}`;
}

function levelled({ before, moves, scope }: PlacementAnswer, after: Side): string {
  const busiest = scope === "layer" ? "in the worst layer the busiest GPU" : "over all layers the busiest GPU";
  if (moves !== null) return `${busiest} bears ${times(after.value)}.`;
  return `With experts in their order, ${busiest} bears ${times(before!.value)}; as placed here, ${times(after.value)}.`;
}

function shortened({ before, moves }: PlacementAnswer, after: Side): string {
  const less = before && before.value > 0 ? 1 - after.value / before.value : 0;
  const cost = `ways ${moves === null ? "" : "and moves "}cost ${figureOf(after.value)}`;
  if (moves !== null) return `${cost}, where they cost ${figureOf(before!.value)} before.`;
  return `As placed here ${cost}: ${percent(less)} less than with experts in their order.`;
}

function moved({ moves, copies, movesMax, drained }: PlacementAnswer): string {
  const gone = drained.length === 0 ? "" : `${gpusWords(drained)} ${drained.length === 1 ? "is" : "are"} drained. `;
  if (moves === null) return gone;
  return `${gone}${count(moves)} of ${count(copies)} copies move${moves === movesMax ? ", as many as may" : movesMax === null ? "" : `, of the ${count(movesMax)} that may`}, and `;
}

function proved({ status, gap, trace, tookMs, objective }: PlacementAnswer): string {
  const took = `after ${duration(tookMs * 1e6)}`;
  if (status === "optimal") return `No plan is better, and that is proved, ${took}.`;
  const room = `No plan can be more than ${percent(objective === "balance" ? gap : gap / (1 + gap))} better`;
  if (status === "within gap") return `${room}: near enough, ${took}.`;
  return `${room}; the search ended at its ${status === "time limit" ? "time limit" : "limit of rounds"}, ${took}, before that was down to ${percent(trace.gapAsked)}.`;
}

/** What would have to change, in the words of the knobs. */
export function relaxed({ infeasible, copies }: PlacementAnswer): string {
  const { moves, relax } = infeasible!;
  if (moves !== null) return `a move budget of ${count(moves)} copies, ${percent(moves / copies)} of them`;
  return relax
    .replace(/a greater movedBytesMax|movedBytesMax/, "a greater move budget")
    .replace(/gpuLoadMax/, "limit on what a GPU serves");
}

/** Figures of a side, for the table. */
export interface Glance {
  side: Side;
  answer: PlacementAnswer;
  isAfter: boolean;
}

const ofAfter =
  <T extends string | number>(of: (answer: PlacementAnswer) => T | null) =>
  ({ answer, isAfter }: Glance) =>
    isAfter ? of(answer) : null;

const BALANCE: readonly Column<Glance>[] = [
  { title: "busiest over mean", of: ({ side }) => side.value, words: ({ side }) => side.value.toFixed(4) },
  {
    title: "balancedness, mean",
    of: ({ side }) => side.balancednessMean,
    words: ({ side }) => side.balancednessMean!.toFixed(4),
  },
  {
    title: "worst",
    of: ({ side }) => side.balancednessWorst,
    words: ({ side }) => side.balancednessWorst!.toFixed(4),
  },
];

const TIERS = ["same GPU", "same node", "same pod", "anywhere"];

const LATENCY: readonly Column<Glance>[] = [
  { title: "cost", of: ({ side }) => side.value, words: ({ side }) => figureOf(side.value) },
  ...TIERS.map(
    (title, tier): Column<Glance> => ({
      title,
      of: ({ side }) => side.demandOfTier![tier]! / (side.demandOfTier!.reduce((a, b) => a + b, 0) || 1),
      words: ({ side }) => percent(side.demandOfTier![tier]! / (side.demandOfTier!.reduce((a, b) => a + b, 0) || 1)),
    }),
  ),
];

/** The table of both sides. */
export function glanceColumns({ objective }: PlacementAnswer): readonly Column<Glance>[] {
  return [
    { title: "plan", of: ({ side }) => side.name },
    ...(objective === "balance" ? BALANCE : LATENCY),
    {
      title: "bound",
      of: ofAfter(({ bound }) => bound),
      words: (row) => (row.isAfter ? figureOf(row.answer.bound) : "–"),
    },
    { title: "gap", of: ofAfter(({ gap }) => gap), words: (row) => (row.isAfter ? percent(row.answer.gap) : "–") },
    { title: "moves", of: ofAfter(({ moves }) => moves) },
    { title: "status", of: ofAfter(({ status }) => status) },
    { title: "checksum", of: ofAfter(({ checksum }) => checksum) },
  ];
}

export interface Move {
  layer: number;
  expert: number;
  to: number;
  from: string;
}

export const MOVE_COLUMNS: readonly Column<Move>[] = [
  { title: "layer", of: ({ layer }) => layer },
  { title: "expert", of: ({ expert }) => expert },
  { title: "to GPU", of: ({ to }) => to },
  { title: "was on", of: ({ from }) => from },
];

/** Each copy that comes to a GPU, and where copies of its expert were. */
export function movesOf({ before, after, layers }: PlacementAnswer): Move[] {
  if (!before || !after) return [];
  const slots = after.gpuOfSlot.length;
  const held = before.gpuOfSlot.length;
  return layers.flatMap((layer, l) => {
    const was = new Map<number, number[]>();
    for (let slot = 0; slot < held; slot++) {
      const expert = before.expertOfSlot[l * held + slot]!;
      was.set(expert, [...(was.get(expert) ?? []), before.gpuOfSlot[slot]!]);
    }
    return Array.from({ length: slots }, (_, slot) => slot)
      .filter((slot) => after.came[l * slots + slot] === 1)
      .map((slot) => {
        const expert = after.expertOfSlot[l * slots + slot]!;
        return {
          layer,
          expert,
          to: after.gpuOfSlot[slot]!,
          from: writtenList((was.get(expert) ?? []).sort((a, b) => a - b)),
        };
      });
  });
}
