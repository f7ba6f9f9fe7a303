import type { LatencyProblem } from "../../src/index.ts";

/** The least cost over all placements of one copy an expert, by trying them all; Infinity if none keeps the rules. */
export function cheapestOfAll(problem: LatencyProblem): { cost: number; gpus: number[] } {
  const { gpus } = problem.cluster;
  const experts = problem.demand.length;
  let best = { cost: Number.POSITIVE_INFINITY, gpus: [] as number[] };
  const placed: number[] = [];
  const ways = waysOf(problem);
  const go = () => {
    if (placed.length === experts) {
      const cost = costOfAll(problem, placed, ways);
      if (cost < best.cost) best = { cost, gpus: [...placed] };
      return;
    }
    for (let gpu = 0; gpu < gpus; gpu++) {
      placed.push(gpu);
      go();
      placed.pop();
    }
  };
  go();
  return best;
}

/** What a placement costs, from the problem's words alone; Infinity if it breaks a rule. */
export function costOfAll(problem: LatencyProblem, placed: readonly number[], wayOf = waysOf(problem)): number {
  const { cluster, pinned = [] } = problem;
  const { gpus, drained = [] } = cluster;
  const slots = Array.from({ length: gpus }, (_, gpu) => number(cluster.slotsPerGpu, gpu));
  const left = Array.from({ length: gpus }, (_, gpu) => number(problem.gpuLoadMax ?? 1e300, gpu));
  for (const gpu of drained) slots[gpu] = 0;
  for (const { expert, gpu } of pinned) if (placed[expert] !== gpu) return Number.POSITIVE_INFINITY;
  let [cost, bytes] = [0, 0];
  for (let expert = 0; expert < placed.length; expert++) {
    const gpu = placed[expert]!;
    const way = wayOf[expert]![gpu]!;
    cost += way.cost;
    bytes += way.bytes;
    slots[gpu]!--;
    left[gpu]! -= way.load;
  }
  const fits = slots.every((count) => count >= 0) && left.every((load) => load >= -1e-9);
  return fits && bytes <= (problem.movedBytesMax ?? Number.POSITIVE_INFINITY) ? cost : Number.POSITIVE_INFINITY;
}

/** What each expert costs on each GPU, whatever the others do: Infinity beyond the radius. */
function waysOf(problem: LatencyProblem): { cost: number; bytes: number; load: number }[][] {
  const { cluster, gpusPerGroup = 1, tierCosts = [0, 1, 2, 3], radius = 3, from } = problem;
  const { gpus, gpusPerNode = gpus } = cluster;
  const { gpusPerPod = gpus } = cluster;
  return Array.from(problem.demand, (row, expert) => {
    const pairs: [number, number][] =
      "groups" in row
        ? Array.from(row.groups, (group, i) => [group, row.demand[i]!])
        : Array.from(row, (amount, group) => [group, amount]);
    const asked = pairs.reduce((sum, [, amount]) => sum + amount, 0);
    return Array.from({ length: gpus }, (_, gpu) => {
      let cost = 0;
      for (const [group, amount] of pairs) {
        const members = Array.from({ length: gpusPerGroup }, (_, i) => group * gpusPerGroup + i).filter(
          (m) => m < gpus,
        );
        for (const source of members) {
          const same = (size: number) => Math.floor(source / size) === Math.floor(gpu / size);
          const tier = source === gpu ? 0 : same(gpusPerNode) ? 1 : same(gpusPerPod) ? 2 : 3;
          cost += amount > 0 && tier > radius ? Number.POSITIVE_INFINITY : (amount / members.length) * tierCosts[tier]!;
        }
      }
      const moves = from !== undefined && !Array.from(from[expert]!).includes(gpu);
      return {
        cost: cost + (moves ? number(problem.moveCost ?? 0, expert) : 0),
        bytes: moves ? number(problem.expertBytes ?? 1, expert) : 0,
        load: problem.loads?.[expert] ?? asked,
      };
    });
  });
}

function number(given: number | ArrayLike<number>, index: number): number {
  return typeof given === "number" ? given : given[index]!;
}
