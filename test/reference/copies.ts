import type { LatencyProblem } from "../../src/index.ts";

// The best plan of a tiny problem, by trying all. Copies are listed in an order, since the first of equally near ones serves.

interface Option {
  gpus: number[];
  cost: number;
  loads: number[];
  bytes: number;
}

/** Everything that a tiny problem states, with demand in full rows of a GPU each. */
export type TinyProblem = LatencyProblem & { demand: number[][]; cluster: { slotsPerGpu: number[] } };

export function tierOf(gpusPerNode: number, gpusPerPod: number, a: number, b: number): number {
  if (a === b) return 0;
  if (Math.floor(a / gpusPerNode) === Math.floor(b / gpusPerNode)) return 1;
  return Math.floor(a / gpusPerPod) === Math.floor(b / gpusPerPod) ? 2 : 3;
}

/** All lists of `least` to `most` distinct numbers below `count`. */
export function* lists(count: number, least: number, most: number, begun: number[] = []): Generator<number[]> {
  if (begun.length >= least) yield begun;
  if (begun.length === most) return;
  for (let next = 0; next < count; next++)
    if (!begun.includes(next)) yield* lists(count, least, most, [...begun, next]);
}

/** What an expert may do, the cheapest first; of lists that come to the same, one. */
function optionsOf(problem: TinyProblem, expert: number): Option[] {
  const { cluster, demand, radius = 3, copies = 1, tierCosts = [0, 1, 2, 3], pinned = [], from } = problem;
  const { gpus, gpusPerNode = gpus, gpusPerPod = gpus, drained = [] } = cluster;
  const [asked, moveCost] = [demand[expert]!, (problem.moveCost as number) ?? 0];
  const all = asked.reduce((sum, amount) => sum + amount, 0);
  const load = problem.loads?.[expert] ?? all;
  const options = new Map<string, Option>();
  for (const held of lists(gpus, copies, problem.copiesMax ?? copies)) {
    if (held.some((gpu) => drained.includes(gpu) || cluster.slotsPerGpu[gpu] === 0)) continue;
    if (pinned.some((pin) => pin.expert === expert && !held.includes(pin.gpu))) continue;
    const loads = new Array<number>(gpus).fill(0);
    let [cost, farthest] = [0, 0];
    asked.forEach((amount, source) => {
      if (amount === 0) return;
      const tiers = held.map((gpu) => tierOf(gpusPerNode, gpusPerPod, source, gpu));
      const tier = Math.min(...tiers);
      farthest = Math.max(farthest, tier);
      cost += amount * tierCosts[tier]!;
      loads[held[tiers.indexOf(tier)]!]! += (load * amount) / all;
    });
    if (all === 0) loads[held[0]!]! += load;
    if (farthest > radius) continue;
    const moves = from ? held.filter((gpu) => !Array.from(from[expert]!).includes(gpu)).length : 0;
    const bytes = moves * ((problem.expertBytes as number) ?? 1);
    const sorted = [...held].sort((a, b) => a - b).join();
    const key = problem.gpuLoadMax === undefined ? sorted : `${sorted} ${loads.map((l) => l.toFixed(9)).join()}`;
    if (!options.has(key)) options.set(key, { gpus: held, cost: cost + moves * moveCost, loads, bytes });
  }
  return [...options.values()].sort((a, b) => a.cost - b.cost);
}

/** The least cost of any plan; Infinity if there is none. */
export function leastCost(problem: TinyProblem): number {
  const { cluster, gpuLoadMax = Number.POSITIVE_INFINITY, movedBytesMax = Number.POSITIVE_INFINITY } = problem;
  const options = problem.demand.map((_, expert) => optionsOf(problem, expert));
  const rest = new Array<number>(options.length + 1).fill(0);
  for (let e = options.length - 1; e >= 0; e--)
    rest[e] = rest[e + 1]! + (options[e]![0]?.cost ?? Number.POSITIVE_INFINITY);
  const slots = [...cluster.slotsPerGpu];
  const room = slots.map(() => (gpuLoadMax as number) * (1 + 1e-9));
  let best = Number.POSITIVE_INFINITY;
  const goOn = (expert: number, cost: number, bytes: number) => {
    if (expert === options.length) {
      best = Math.min(best, cost);
      return;
    }
    for (const option of options[expert]!) {
      if (cost + option.cost + rest[expert + 1]! >= best) return;
      if (bytes + option.bytes > movedBytesMax) continue;
      if (option.gpus.some((gpu) => slots[gpu] === 0) || option.loads.some((load, gpu) => load > room[gpu]!)) continue;
      for (const gpu of option.gpus) slots[gpu]!--;
      option.loads.forEach((load, gpu) => {
        room[gpu]! -= load;
      });
      goOn(expert + 1, cost + option.cost, bytes + option.bytes);
      option.loads.forEach((load, gpu) => {
        room[gpu]! += load;
      });
      for (const gpu of option.gpus) slots[gpu]!++;
    }
  };
  goOn(0, 0, 0);
  return best;
}

/** Whole numbers below `below`, from a seed (a linear congruence: enough to make problems). */
export function drawer(seed: number): (below: number) => number {
  let state = BigInt(seed) * 2862933555777941757n + 3037000493n;
  return (below) => {
    state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n);
    return Number((state >> 33n) % BigInt(below));
  };
}

/** A tiny problem with some of all rules: 3 to 5 experts on 3 to 6 GPUs, up to 3 copies. */
export function tinyProblem(seed: number): TinyProblem {
  const draw = drawer(seed);
  const gpus = 3 + draw(4);
  const gpusPerNode = 1 + draw(3);
  const copiesMax = 1 + draw(3);
  const isLimited = draw(5) < 2;
  const experts = isLimited && copiesMax === 3 && gpus > 4 ? 3 : 3 + draw(3);
  const demand = Array.from({ length: experts }, () =>
    Array.from({ length: gpus }, () => (draw(3) === 0 ? 0 : draw(10))),
  );
  const drained = draw(4) === 0 ? [draw(gpus)] : [];
  const all = demand.flat().reduce((sum, amount) => sum + amount, 0);
  const hasMoves = draw(2) === 0;
  const copies = 1 + draw(copiesMax);
  const room = Math.ceil((experts * (copies + draw(3) / 2)) / gpus);
  return {
    objective: "latency",
    cluster: {
      gpus,
      gpusPerNode,
      gpusPerPod: gpusPerNode * (1 + draw(2)),
      slotsPerGpu: Array.from({ length: gpus }, () => Math.max(0, room + draw(3) - (draw(3) === 0 ? 1 : 0))),
      drained,
    },
    demand,
    copies,
    copiesMax,
    radius: [3, 3, 3, 3, 2, 2, 1, 0][draw(8)]!,
    ...(draw(3) === 0 ? { tierCosts: [0, 1, 1, 5] as const } : {}),
    ...(isLimited ? { gpuLoadMax: (all / gpus) * (1 + draw(16) / 8) } : {}),
    ...(draw(3) === 0 ? { loads: demand.map(() => draw(Math.ceil(all / experts) * 2)) } : {}),
    ...(draw(3) === 0
      ? { pinned: Array.from({ length: 1 + draw(2) }, () => ({ expert: draw(experts), gpu: draw(gpus) })) }
      : {}),
    ...(hasMoves
      ? {
          from: demand.map(() =>
            Array.from({ length: draw(copiesMax + 1) }, () => draw(gpus)).filter((g, i, l) => l.indexOf(g) === i),
          ),
          moveCost: draw(5),
          expertBytes: 3,
          ...(draw(2) === 0 ? { movedBytesMax: 3 * draw(experts * copies + 1) } : {}),
        }
      : {}),
  };
}
