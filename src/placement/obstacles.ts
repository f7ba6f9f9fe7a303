import { tierOf } from "./cluster.ts";
import type { CompleteProblem } from "./problem.ts";

/** Why no plan keeps all rules. */
export interface Infeasible {
  /** The rule that cannot be kept. */
  constraint: "slots" | "copies" | "load" | "radius" | "pins" | "moved bytes";
  /** What is asked and what there is, with numbers. */
  because: string;
  /** What would have to change. */
  relax: string;
}

/** What no placement can get round, if it can be seen without searching. */
export function obstacleOf(problem: CompleteProblem): Infeasible | undefined {
  for (const obstacle of [pinObstacle, slotObstacle, loadObstacle, radiusObstacle, crowdObstacle, moveObstacle]) {
    const found = obstacle(problem);
    if (found) return found;
  }
  return undefined;
}

function pinObstacle({ cluster, pins, copiesMax }: CompleteProblem): Infeasible | undefined {
  const pinned = new Uint32Array(cluster.gpus);
  for (const [expert, gpus] of pins) {
    if (gpus.length > copiesMax)
      return {
        constraint: "pins",
        because: `expert ${expert} is pinned to ${gpus.length} GPUs and may have ${copiesMax} copies`,
        relax: `copiesMax ${gpus.length}, or ${gpus.length - copiesMax} pins fewer`,
      };
    for (const gpu of gpus) {
      pinned[gpu]!++;
      if (cluster.drained.has(gpu))
        return {
          constraint: "pins",
          because: `expert ${expert} is pinned to GPU ${gpu}, which is drained`,
          relax: `GPU ${gpu} not drained, or the expert not pinned`,
        };
    }
  }
  const full = pinned.findIndex((count, gpu) => count > cluster.slots[gpu]!);
  if (full < 0) return undefined;
  return {
    constraint: "pins",
    because: `${pinned[full]} experts are pinned to GPU ${full}, which has ${cluster.slots[full]} slots`,
    relax: `${pinned[full]! - cluster.slots[full]!} pins fewer, or as many slots more`,
  };
}

function slotObstacle({ cluster, experts, copies }: CompleteProblem): Infeasible | undefined {
  const open = cluster.slots.reduce((sum, slots) => sum + (slots > 0 ? 1 : 0), 0);
  if (copies > open)
    return {
      constraint: "copies",
      because: `${copies} copies of an expert need as many GPUs, and ${open} are open`,
      relax: `${copies - open} GPUs more, or ${open} copies`,
    };
  // Of one expert, a GPU has a slot at the most.
  const slots = cluster.slots.reduce((sum, count) => sum + Math.min(count, experts), 0);
  if (slots >= experts * copies) return undefined;
  const missing = experts * copies - slots;
  return {
    constraint: "slots",
    because: `${experts} experts with ${copies === 1 ? "a copy" : `${copies} copies`} each need ${experts * copies} slots, and open GPUs have ${slots}`,
    relax: `${missing} slots more`,
  };
}

function loadObstacle({ cluster, loads, gpuLoadMax, isLoadLimited, copiesMax }: CompleteProblem) {
  if (!isLoadLimited) return undefined;
  let [all, there, most] = [0, 0, 0];
  for (let gpu = 0; gpu < cluster.gpus; gpu++) {
    if (cluster.slots[gpu] === 0) continue;
    there += gpuLoadMax[gpu]!;
    most = Math.max(most, gpuLoadMax[gpu]!);
  }
  for (const load of loads) all += load;
  if (all > there)
    return {
      constraint: "load",
      because: `experts bring a load of ${all}, and open GPUs may serve ${there}`,
      relax: `a gpuLoadMax ${(all / there).toPrecision(4)} times as high`,
    } as const;
  const heavy = loads.findIndex((load) => load > most * copiesMax);
  if (heavy < 0) return undefined;
  return {
    constraint: "load",
    because: `expert ${heavy} alone brings a load of ${loads[heavy]}, and a GPU may serve ${most} at the most`,
    relax: `a gpuLoadMax of ${loads[heavy]! / copiesMax}, or ${Math.ceil(loads[heavy]! / most)} copies of it`,
  } as const;
}

function radiusObstacle(problem: CompleteProblem): Infeasible | undefined {
  const { cluster, firsts, sources, demand, radius, copiesMax, experts } = problem;
  if (radius === 3) return undefined;
  for (let expert = 0; expert < experts; expert++) {
    // GPUs within a radius of one another are all so: one copy can serve each such circle.
    const circles: number[] = [];
    for (let i = firsts[expert]!; i < firsts[expert + 1]!; i++) {
      const source = sources[i]!;
      if (demand[i]! > 0 && !circles.some((other) => tierOf(cluster, other, source) <= radius)) circles.push(source);
    }
    const shut = circles.find(
      (source) => !cluster.slots.some((s, gpu) => s > 0 && tierOf(cluster, gpu, source) <= radius),
    );
    if (shut !== undefined)
      return {
        constraint: "radius",
        because: `GPU ${shut} asks for expert ${expert}, and no open GPU is within ${radius} hops of it`,
        relax: `a radius of ${radius + 1}, or slots there`,
      };
    if (circles.length <= copiesMax) continue;
    return {
      constraint: "radius",
      because: `expert ${expert} is asked for by GPUs ${circles.slice(0, 4).join(", ")}${circles.length > 4 ? ", ..." : ""}, no two within ${radius} hops of a GPU, and may have ${copiesMax === 1 ? "one copy" : `${copiesMax} copies`}`,
      relax: `copiesMax ${circles.length}, or a radius of ${radius + 1}`,
    };
  }
  return undefined;
}

function moveObstacle({ cluster, from, pins, expertBytes, movedBytesMax, copies, experts }: CompleteProblem) {
  if (!from || movedBytesMax === Number.POSITIVE_INFINITY) return undefined;
  let bytes = 0;
  for (let expert = 0; expert < experts; expert++) {
    const stay = from[expert]!.filter((gpu) => cluster.slots[gpu]! > 0);
    const pinned = (pins.get(expert) ?? []).filter((gpu) => !stay.includes(gpu)).length;
    bytes += Math.max(pinned, copies - stay.length, 0) * expertBytes[expert]!;
  }
  if (bytes <= movedBytesMax) return undefined;
  return {
    constraint: "moved bytes",
    because: `what is pinned elsewhere, and what is on drained GPUs, is ${bytes} bytes to move, and ${movedBytesMax} may be`,
    relax: `a movedBytesMax of ${bytes}`,
  } as const;
}

/**
 * Where an expert has one copy, it may live on one GPU, in one node or one pod, or anywhere. Of such sets either one lies in
 * another or they are apart, so there is room for all unless too many are confined to one of them (Hall's theorem).
 */
function crowdObstacle(problem: CompleteProblem): Infeasible | undefined {
  const { cluster, experts, copiesMax, radius, firsts, sources, demand, pins } = problem;
  if (copiesMax > 1 || (radius === 3 && pins.size === 0)) return undefined;
  const { gpus, slots } = cluster;
  const sizes = [1, cluster.gpusPerNode, cluster.gpusPerPod];
  const confined = sizes.map((size) => new Uint32Array(Math.ceil(gpus / size)));
  for (let expert = 0; expert < experts; expert++) {
    const pin = pins.get(expert)?.[0];
    let source = firsts[expert]!;
    while (source < firsts[expert + 1]! && demand[source] === 0) source++;
    const isAsked = source < firsts[expert + 1]!;
    if (pin === undefined && !(isAsked && radius < 3)) continue;
    const [gpu, least] = pin === undefined ? [sources[source]!, radius] : [pin, 0];
    for (let level = least; level < 3; level++) confined[level]![Math.floor(gpu / sizes[level]!)]!++;
  }
  for (const [level, size] of sizes.entries())
    for (const [part, count] of confined[level]!.entries()) {
      const [first, end] = [part * size, Math.min((part + 1) * size, gpus)];
      const room = slots.subarray(first, end).reduce((sum, has) => sum + has, 0);
      if (count <= room) continue;
      const where = size === 1 ? `GPU ${first}, which has` : `GPUs ${first} to ${end - 1}, which have`;
      return {
        constraint: radius < 3 ? "radius" : "pins",
        because: `${count} experts may live only on ${where} ${room} slots`,
        relax: `${count - room} slots more there${radius < 3 ? ", or a greater radius" : ""}`,
      };
    }
  return undefined;
}
