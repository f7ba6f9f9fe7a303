import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { gunzipSync } from "node:zlib";
import { type BalanceLimits, type BalancePlan, type BalanceProblem, placeForBalance } from "../src/index.ts";
import { compare } from "./compare.ts";
import type { Row } from "./row.ts";
import { placeGreedily } from "./twins/eplb.ts";

const room = "placement";
const greedy = "EPLB's greedy way, rewritten in TypeScript";
const SHARED = resolve("../shared/data");

/** Loads as skewed as Zipf's law, shuffled by a step that is coprime to the number of experts. */
function skewed(layers: number, experts: number): number[][] {
  return Array.from({ length: layers }, (_, l) =>
    Array.from({ length: experts }, (_, e) => 1e6 / (1 + ((e * 61 + l * 17) % experts))),
  );
}

/** The loads of each expert as EPLB was given them, layer by layer. */
function measured(name: string): number[][] | undefined {
  const path = `${SHARED}/loads/deepseek-r1.${name}.json.gz`;
  if (!existsSync(path)) return;
  return JSON.parse(gunzipSync(readFileSync(path)).toString()).logical_count.slice(3);
}

const planOf = (problem: BalanceProblem, limits?: BalanceLimits) => placeForBalance(problem, limits) as BalancePlan;

/** Mean over busiest GPU, of each layer. */
function greedyBalancedness(loads: readonly number[][], gpus: number, slots: number): number[] {
  return loads.map((layer) => {
    const held = placeGreedily(layer, gpus, slots);
    const copies = new Uint32Array(layer.length);
    for (const expert of held.flat()) copies[expert]!++;
    const sums = held.map((list) => list.reduce((sum, expert) => sum + layer[expert]! / copies[expert]!, 0));
    return sums.reduce((a, b) => a + b, 0) / gpus / Math.max(...sums);
  });
}

const meanOf = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** Copies of an expert on a GPU that holds it already, which is a slot for nothing, of all layers. */
function greedyDuplicates(loads: readonly number[][], gpus: number, slots: number): number {
  return loads
    .flatMap((layer) => placeGreedily(layer, gpus, slots))
    .reduce((sum, held) => sum + held.length - new Set(held).size, 0);
}

/**
 * Milliseconds beside the greedy way, packed only and levelled; and what either reaches, so that nobody takes times for all. Not
 * even packing is the same work: ours keeps copies of an expert on distinct GPUs and works out bounds too.
 */
function rowsOf(name: string, loads: readonly number[][], gpus: number, slots: number, quick: boolean): Row[] {
  const problem = { loads, gpus, slots };
  const packed = `${name}, packed only`;
  const levelled = `${name}, levelled to 0.9995`;
  const compared = compare(
    [
      { name: packed, run: () => planOf(problem, { gap: 1e9 }), checksum: null },
      { name: levelled, run: () => planOf(problem), checksum: null },
      { name: greedy, run: () => loads.map((layer) => placeGreedily(layer, gpus, slots)), checksum: null },
    ],
    { room, unit: `ms for ${loads.length} layers`, unitNs: 1e6, work: 1, quick },
  );
  const theirs = greedyBalancedness(loads, gpus, slots);
  const balanced = (row: string, plan: BalancePlan): Row[] => [
    above(`${row}, mean`, plan.balancednessMean, greedy, meanOf(theirs)),
    above(`${row}, worst layer`, plan.balancednessWorst, greedy, Math.min(...theirs)),
  ];
  return [
    compared.row(packed, greedy),
    ...balanced(packed, planOf(problem, { gap: 1e9 })),
    compared.row(levelled, greedy),
    ...balanced(levelled, planOf(problem)),
  ];
}

/** By how much the busiest GPU is above the mean. */
function above(row: string, balancedness: number, peer: string | null = null, theirs = Number.NaN): Row {
  const excess = (of: number) => 100 * (1 / of - 1);
  const ratio = peer === null ? null : excess(theirs) / excess(balancedness);
  return { room, row, value: excess(balancedness), unit: "% above the mean", peer, ratio, checksum: null };
}

function moved(row: string, value: number, peer: string | null = null, theirs = Number.NaN): Row {
  return { room, row, value, unit: "moves", peer, ratio: peer === null ? null : theirs / value, checksum: null };
}

/** What the greedy way leaves open: copies on one GPU, and how far a plan is from the best there can be. */
function soundRows(name: string, loads: readonly number[][], gpus: number, slots: number): Row[] {
  const row = { room, peer: null, ratio: null, checksum: null };
  const plan = planOf({ loads, gpus, slots });
  return [
    {
      ...row,
      row: `${name}, copies of an expert on one GPU, ${greedy}`,
      value: greedyDuplicates(loads, gpus, slots),
      unit: "copies",
    },
    { ...row, row: `${name}, above the bound at most`, value: 100 * plan.gap, unit: "%" },
  ];
}

/** Loads drift: what moves buy, beside making the plan anew, which moves nearly all. */
function driftRows(before: readonly number[][], after: readonly number[][], quick: boolean): Row[] {
  const shape = { gpus: 32, slots: 288 };
  const from = planOf({ ...shape, loads: before });
  const anew = "made anew";
  const kept = planOf({ ...shape, loads: after, from, target: 1e-6 });
  const made = planOf({ ...shape, loads: after });
  const held = from.physicalToLogicalMap.map((row) => row.map((expert, slot) => `${from.gpuOfSlot[slot]} ${expert}`));
  const movedAnew = made.physicalToLogicalMap.reduce((sum, row, l) => {
    const was = new Set(held[l]);
    return sum + row.filter((expert, slot) => !was.has(`${made.gpuOfSlot[slot]} ${expert}`)).length;
  }, 0);
  const rows = [
    above("drift, plan in force kept, mean", kept.balancednessMean),
    above("drift, made anew, mean", made.balancednessMean),
    moved("drift, made anew, moves", movedAnew),
  ];
  for (const [name, wish] of [
    ["drift, target 0.99", { target: 0.99 }],
    ["drift, at most 500 moves", { movesMax: 500 }],
  ] as const) {
    const problem = { ...shape, loads: after, from, ...wish };
    const plan = planOf(problem);
    const compared = compare(
      [
        { name, run: () => planOf(problem, quick ? { iterations: 1 } : {}), checksum: null },
        { name: anew, run: () => planOf({ ...shape, loads: after }), checksum: null },
      ],
      { room, unit: `ms for ${after.length} layers`, unitNs: 1e6, work: 1, quick },
    );
    rows.push(
      compared.row(name, anew),
      moved(`${name}, moves`, plan.moves, anew, movedAnew),
      above(`${name}, mean`, plan.balancednessMean, anew, made.balancednessMean),
    );
  }
  return rows;
}

export function balanceRows({ quick }: { quick: boolean }): Row[] {
  const layers = quick ? 2 : 58;
  const made = [32, 64, 128].flatMap((gpus) =>
    rowsOf(`balance, ${8 * gpus} experts on ${gpus} GPUs`, skewed(layers, 8 * gpus), gpus, 9 * gpus, quick),
  );
  const before = measured("prefill_in4096")?.slice(0, layers);
  const after = measured("decode_in2000out100")?.slice(0, layers);
  if (!before || !after) return made;
  return [
    ...made,
    ...rowsOf("balance, DeepSeek-R1 on 32 GPUs", after, 32, 288, quick),
    ...soundRows("balance, DeepSeek-R1 on 32 GPUs", after, 32, 288),
    ...driftRows(before, after, quick),
  ];
}
