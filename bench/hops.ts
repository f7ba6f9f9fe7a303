import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import highs from "highs";
import {
  type LatencyPlacement,
  type LatencyProblem,
  lineChart,
  type PlaceOptions,
  placeForLatency,
  RandomBits,
  type Series,
} from "../src/index.ts";
import { median } from "./compare.ts";
import type { Row } from "./row.ts";

// Placement for latency beside HiGHS, a solver of linear and integer programmes in C++, compiled to Wasm. Its instances are read
// where they lie beside the project, and made here where they do not, of the same kind and size.

const room = "placement";
const DATA = new URL("../../shared/data/placement/", import.meta.url);
const HIGHS = "HiGHS, Wasm";
/** The package is CommonJS: what Node imports is the function that its types call the default of a default. */
export const loadHighs = highs as unknown as typeof highs.default;

/** Experts that a few GPUs ask for, in nodes of 8 and pods of 4 nodes; every GPU may hold `slots` of them, and serve so much. */
interface Hops {
  name: string;
  E: number;
  G: number;
  slotsPerGpu: number;
  bwCapPerGpu: number;
  src: number[][];
  demand: number[][];
}

export function hopsNamed(name: string, experts: number, gpus: number): Hops {
  const file = new URL(`hop-${name}.json.gz`, DATA);
  if (existsSync(file)) return { name, ...JSON.parse(gunzipSync(readFileSync(file)).toString()) };
  return hopsMade(experts, gpus, 4, `${experts} x ${gpus}, made here`);
}

/** Demand falls as the logarithm of a draw is uniform over three decades, and halves from source to source. */
export function hopsMade(experts: number, gpus: number, sources: number, name: string): Hops {
  const bits = new RandomBits({ seed: experts + gpus + sources, batch: 4096 });
  let [words, next] = [bits.next(), 0];
  const draw = () => {
    if (next === words.length) [words, next] = [bits.next(), 0];
    return words[next++]! / 2 ** 32;
  };
  const src: number[][] = [];
  const demand: number[][] = [];
  let all = 0;
  for (let expert = 0; expert < experts; expert++) {
    const from = new Set<number>();
    while (from.size < sources) from.add(Math.floor(draw() * gpus));
    src.push([...from]);
    const most = 10 ** (1 + 2 * draw());
    demand.push([...from].map((_, i) => 1 + Math.floor((most * (0.5 + draw())) / (1 + i))));
    all += demand.at(-1)!.reduce((sum, asked) => sum + asked, 0);
  }
  const slotsPerGpu = Math.ceil(experts / gpus);
  return { name, E: experts, G: gpus, slotsPerGpu, bwCapPerGpu: Math.ceil((1.1 * all) / gpus), src, demand };
}

export function problemOf({ G, slotsPerGpu, bwCapPerGpu, src, demand }: Hops, isLimited: boolean): LatencyProblem {
  return {
    objective: "latency",
    cluster: { gpus: G, gpusPerNode: 8, gpusPerPod: 32, slotsPerGpu },
    demand: src.map((groups, expert) => ({ groups, demand: demand[expert]! })),
    ...(isLimited ? { gpuLoadMax: bwCapPerGpu } : {}),
  };
}

/** The same as a programme in CPLEX's text: a variable an expert and GPU. */
export function programmeOf({ E, G, slotsPerGpu, bwCapPerGpu, src, demand }: Hops, isLimited: boolean): string {
  const tier = (a: number, b: number) => (a === b ? 0 : a >> 3 === b >> 3 ? 1 : a >> 5 === b >> 5 ? 2 : 3);
  const costs: string[] = [];
  const rules: string[] = [];
  const gpus = Array.from({ length: G }, (_, gpu) => gpu);
  const held = gpus.map((): string[] => []);
  const served = gpus.map((): string[] => []);
  for (let expert = 0; expert < E; expert++) {
    const load = demand[expert]!.reduce((sum, asked) => sum + asked, 0);
    for (const gpu of gpus) {
      const cost = demand[expert]!.reduce((sum, asked, i) => sum + asked * tier(src[expert]![i]!, gpu), 0);
      costs.push(`${cost} x${expert}_${gpu}`);
      held[gpu]!.push(`x${expert}_${gpu}`);
      served[gpu]!.push(`${load} x${expert}_${gpu}`);
    }
    rules.push(`${gpus.map((gpu) => `x${expert}_${gpu}`).join(" + ")} = 1`);
  }
  for (const gpu of gpus) {
    rules.push(`${held[gpu]!.join(" + ")} <= ${slotsPerGpu}`);
    if (isLimited) rules.push(`${served[gpu]!.join(" + ")} <= ${bwCapPerGpu}`);
  }
  const binary = isLimited ? `Binary\n ${held.flat().join("\n ")}\n` : "";
  return `Minimize\n ${costs.join("\n + ")}\nSubject To\n ${rules.join("\n ")}\n${binary}End`;
}

/** What ours takes, the median of some runs, beside one run of HiGHS, reading its programme included; and what the plans cost. */
async function besideHighs(hops: Hops, isLimited: boolean, options: PlaceOptions, quick: boolean): Promise<Row[]> {
  const name = `${isLimited ? "slots and load" : "slots"}, ${hops.name}`;
  const problem = problemOf(hops, isLimited);
  const { ms, placed } = timed(problem, options, quick ? 1 : 9);
  const solver = await loadHighs();
  const programme = programmeOf(hops, isLimited);
  const beginMs = performance.now();
  const solved = solver.solve(programme, isLimited ? { mip_rel_gap: 0.01, time_limit: 120 } : {});
  const theirMs = performance.now() - beginMs;
  const over = (100 * (placed.check!.cost - solved.ObjectiveValue)) / solved.ObjectiveValue;
  return [
    { room, row: name, value: ms, unit: "ms/solve", peer: HIGHS, ratio: theirMs / ms, checksum: null },
    lone(
      `${name}: cost beside that of HiGHS (${solved.Status}${isLimited ? ", asked for 1%" : ""})`,
      100 + over,
      "% of it",
    ),
    ...gapRow(name, placed),
  ];
}

/** The median time of some runs, and what the last one found. */
function timed(problem: LatencyProblem, options: PlaceOptions, runs: number): { ms: number; placed: LatencyPlacement } {
  const times: number[] = [];
  let placed: LatencyPlacement | undefined;
  for (let run = 0; run < runs; run++) {
    const beginMs = performance.now();
    placed = placeForLatency(problem, options);
    times.push(performance.now() - beginMs);
  }
  return { ms: median(times), placed: placed! };
}

function lone(row: string, value: number, unit: string): Row {
  return { room, row, value, unit, peer: null, ratio: null, checksum: null };
}

function gapRow(name: string, { gap, check, bound }: LatencyPlacement): Row[] {
  const checksum = (Math.round(check!.cost) % 2 ** 32) >>> 0;
  return [{ ...lone(`${name}: gap that is certified (bound ${Math.round(bound)})`, 100 * gap, "%"), checksum }];
}

function alone(hops: Hops, isLimited: boolean, options: PlaceOptions, runs: number, words = ""): Row[] {
  const name = `${isLimited ? "slots and load" : "slots"}, ${hops.name}${words}`;
  const { ms, placed } = timed(problemOf(hops, isLimited), options, runs);
  return [lone(name, ms, "ms/solve"), ...gapRow(name, placed)];
}

/** What grows, and to what, from 4,096 experts on 128 GPUs that 4 GPUs each ask for. */
const GROWTH: Record<string, [experts: number, gpus: number, sources: number][]> = {
  experts: [1024, 4096, 16384].map((experts) => [experts, 128, 4]),
  GPUs: [64, 128, 256, 512].map((gpus) => [4096, gpus, 4]),
  "GPUs that ask for an expert": [1, 4, 16, 128].map((sources) => [4096, 128, sources]),
};

/** How the time of one round grows; the picture goes to build/placement-growth.svg. */
function growth(quick: boolean): Row[] {
  if (quick) return [lone("growth: slots, 64 x 8", roundMs(64, 8, 4, false, 1), "ms/round")];
  const rows: Row[] = [];
  const series: Series[] = [];
  for (const [what, sizes] of Object.entries(GROWTH))
    for (const isLimited of [false, true]) {
      const kind = isLimited ? "slots and load" : "slots";
      const points = sizes.map(([experts, gpus, sources]) => {
        const y = roundMs(experts, gpus, sources, isLimited, 5);
        rows.push(
          lone(`growth with ${what}: ${kind}, ${experts} x ${gpus}, ${sources} asking for each`, y, "ms/round"),
        );
        return { x: what === "experts" ? experts : what === "GPUs" ? gpus : sources, y };
      });
      series.push({ name: `${what}\n${kind}`, points });
    }
  const chart = lineChart({
    title: "How long a round of placement takes",
    subtitle: "around 4,096 experts on 128 GPUs, of which 4 ask for each",
    x: { label: "how many experts, GPUs, or GPUs that ask for an expert", log: true },
    y: { label: "ms", log: true },
    series,
  });
  writeFileSync("build/placement-growth.svg", chart);
  return rows;
}

function roundMs(experts: number, gpus: number, sources: number, isLimited: boolean, runs: number): number {
  return timed(problemOf(hopsMade(experts, gpus, sources, ""), isLimited), { gap: 0, rounds: 1 }, runs).ms;
}

export async function latencyRows({ quick }: { quick: boolean }): Promise<Row[]> {
  const runs = quick ? 1 : 9;
  if (quick) return [...(await besideHighs(hopsMade(64, 8, 4, "64 x 8"), false, {}, quick)), ...growth(quick)];
  return [
    ...(await besideHighs(hopsNamed("4096x128-s0.3", 4096, 128), false, { gap: 0.003 }, quick)),
    // Asked for 1.25%, its plan is within 1% of HiGHS's, which is asked for 1%.
    ...(await besideHighs(hopsNamed("1024x64-s0.3", 1024, 64), true, { gap: 0.0125 }, quick)),
    ...alone(hopsNamed("1024x64-s0.3", 1024, 64), true, { gap: 0.01 }, runs, ", to a gap of 1%"),
    ...alone(hopsNamed("14848x288-dsr1", 14848, 288), false, { gap: 0.003 }, runs),
    ...alone(hopsNamed("14848x288-dsr1", 14848, 288), true, {}, runs),
    ...["256x32", "1024x64", "4096x128", "14848x288"].flatMap((size) => {
      const [experts, gpus] = size.split("x").map(Number) as [number, number];
      return alone(hopsNamed(`${size}-s1`, experts, gpus), true, { gap: 0.01 }, 1);
    }),
    ...growth(quick),
  ];
}
