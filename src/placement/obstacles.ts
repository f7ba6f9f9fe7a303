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
  for (const obstacle of [
    pinObstacle,
    slotObstacle,
    loadObstacle,
    radiusObstacle,
    sourceObstacle,
    circleObstacle,
    neededObstacle,
    crowdObstacle,
    moveObstacle,
  ]) {
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

function slotObstacle(problem: CompleteProblem): Infeasible | undefined {
  const { cluster, experts, copies } = problem;
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

/** How much more than its limit a sum of f64 may be before it counts: as in verify.ts. */
const ROUNDING = 1 + 1e-9;

function loadObstacle({ cluster, loads, gpuLoadMax, isLoadLimited, copiesMax }: CompleteProblem) {
  if (!isLoadLimited) return undefined;
  const limits = Array.from(gpuLoadMax).filter((_, gpu) => cluster.slots[gpu]! > 0);
  const there = limits.reduce((sum, most) => sum + most, 0);
  const all = loads.reduce((sum, load) => sum + load, 0);
  if (all > there * ROUNDING)
    return {
      constraint: "load",
      because: `experts bring a load of ${all}, and open GPUs may serve ${there}`,
      relax: `a gpuLoadMax ${(all / there).toPrecision(4)} times as high`,
    } as const;
  const highest = limits.sort((a, b) => b - a).slice(0, copiesMax);
  const most = highest.reduce((sum, limit) => sum + limit, 0);
  const heavy = loads.findIndex((load) => load > most * ROUNDING);
  if (heavy < 0) return undefined;
  return {
    constraint: "load",
    because:
      copiesMax === 1
        ? `expert ${heavy} alone brings a load of ${loads[heavy]}, and a GPU may serve ${most} at the most`
        : `expert ${heavy} alone brings a load of ${loads[heavy]}, and the ${copiesMax} GPUs of its copies may serve ${most} at the most`,
    relax: `a gpuLoadMax of ${loads[heavy]! / copiesMax}, or ${Math.ceil((loads[heavy]! / most) * copiesMax)} copies of it`,
  } as const;
}

/** What one GPU asks for comes from one copy, so it must be less than what some GPU near enough may serve. */
function sourceObstacle(problem: CompleteProblem): Infeasible | undefined {
  const { cluster, experts, firsts, sources, demand, demandOfExpert, loads, gpuLoadMax, isLoadLimited, radius } =
    problem;
  if (!isLoadLimited) return undefined;
  const size = [1, cluster.gpusPerNode, cluster.gpusPerPod, cluster.gpus][radius]!;
  const highest = new Float64Array(Math.ceil(cluster.gpus / size));
  for (let gpu = 0; gpu < cluster.gpus; gpu++) {
    const circle = Math.floor(gpu / size);
    if (cluster.slots[gpu]! > 0) highest[circle] = Math.max(highest[circle]!, gpuLoadMax[gpu]!);
  }
  for (let expert = 0; expert < experts; expert++) {
    for (let i = firsts[expert]!; i < firsts[expert + 1]!; i++) {
      const load = (loads[expert]! * demand[i]!) / demandOfExpert[expert]!;
      const most = highest[Math.floor(sources[i]! / size)]!;
      if (load <= most * ROUNDING) continue;
      return {
        constraint: "load",
        because: `GPU ${sources[i]} alone brings a load of ${load} to a copy of expert ${expert}, and a GPU within ${radius} hops may serve ${most} at the most`,
        relax: `a gpuLoadMax of ${load}`,
      };
    }
  }
  return undefined;
}

/** GPUs that ask for an expert, one of each circle: GPUs within a radius of one another are all so, and need a copy among them. */
function circlesOf({ cluster, firsts, sources, demand, radius }: CompleteProblem, expert: number): number[] {
  const circles: number[] = [];
  for (let i = firsts[expert]!; i < firsts[expert + 1]!; i++) {
    const source = sources[i]!;
    if (demand[i]! > 0 && !circles.some((other) => tierOf(cluster, other, source) <= radius)) circles.push(source);
  }
  return circles;
}

/** Copies that an expert needs if it has those on `held`: these, and one in each circle that has none. */
function neededBeside(problem: CompleteProblem, expert: number, held: readonly number[]): number {
  if (problem.radius === 3) return held.length;
  const isServed = (source: number) => held.some((gpu) => tierOf(problem.cluster, gpu, source) <= problem.radius);
  return held.length + circlesOf(problem, expert).filter((source) => !isServed(source)).length;
}

/** Slots for all copies that pins and the radius ask for. */
function neededObstacle(problem: CompleteProblem): Infeasible | undefined {
  const { cluster, experts, copies, pins, radius } = problem;
  const slots = cluster.slots.reduce((sum, count) => sum + Math.min(count, experts), 0);
  let needed = 0;
  for (let expert = 0; expert < experts; expert++)
    needed += Math.max(copies, neededBeside(problem, expert, pins.get(expert) ?? []));
  if (needed <= slots) return undefined;
  return {
    constraint: "slots",
    because: `pins${radius < 3 ? `, and copies within ${radius} hops of who asks,` : ""} need ${needed} slots, and open GPUs have ${slots}`,
    relax: `${needed - slots} slots more${radius < 3 ? `, or a radius of ${radius + 1}` : ""}`,
  };
}

function radiusObstacle(problem: CompleteProblem): Infeasible | undefined {
  const { cluster, radius, copiesMax, experts, pins } = problem;
  if (radius === 3) return undefined;
  const isNear = (gpu: number, source: number) => tierOf(cluster, gpu, source) <= radius;
  for (let expert = 0; expert < experts; expert++) {
    const circles = circlesOf(problem, expert);
    const shut = circles.find((source) => !cluster.slots.some((s, gpu) => s > 0 && isNear(gpu, source)));
    if (shut !== undefined)
      return {
        constraint: "radius",
        because: `GPU ${shut} asks for expert ${expert}, and no open GPU is within ${radius} hops of it`,
        relax: `a radius of ${radius + 1}, or slots there`,
      };
    const needed = neededBeside(problem, expert, pins.get(expert) ?? []);
    if (needed <= copiesMax) continue;
    const may = `and may have ${copiesMax === 1 ? "one copy" : `${copiesMax} copies`}`;
    const stays = pins.has(expert) ? `is pinned to GPUs ${pins.get(expert)!.join(", ")}, ` : "";
    return {
      constraint: "radius",
      because: `expert ${expert} ${stays}is asked for by GPUs ${circles.slice(0, 4).join(", ")}${circles.length > 4 ? ", ..." : ""}, no two within ${radius} hops of a GPU, ${may}`,
      relax: `copiesMax ${needed}, or a radius of ${radius + 1}`,
    };
  }
  return undefined;
}

/** Slots and loads of each circle: whoever is asked for there must be there, and is served there. */
function circleObstacle(problem: CompleteProblem): Infeasible | undefined {
  const { cluster, radius, experts, loads, demandOfExpert, firsts, sources, demand, gpuLoadMax } = problem;
  if (radius === 3) return undefined;
  const size = [1, cluster.gpusPerNode, cluster.gpusPerPod][radius]!;
  const [asking, brought] = [new Map<number, number>(), new Map<number, number>()];
  for (let expert = 0; expert < experts; expert++) {
    for (const source of circlesOf(problem, expert)) {
      const circle = Math.floor(source / size);
      asking.set(circle, (asking.get(circle) ?? 0) + 1);
    }
    for (let i = firsts[expert]!; i < firsts[expert + 1]!; i++) {
      const circle = Math.floor(sources[i]! / size);
      const load = (loads[expert]! * demand[i]!) / demandOfExpert[expert]!;
      if (demand[i]! > 0) brought.set(circle, (brought.get(circle) ?? 0) + load);
    }
  }
  for (const [circle, count] of asking) {
    const slots = cluster.slots.subarray(circle * size, (circle + 1) * size);
    const held = slots.reduce((sum, some) => sum + Math.min(some, experts), 0);
    const where = size === 1 ? `GPU ${circle}` : `GPUs ${circle * size} to ${circle * size + slots.length - 1}`;
    if (count > held)
      return {
        constraint: "radius",
        because: `${where} ask for ${count} experts, which must be within ${radius} hops, and have ${held} slots`,
        relax: `${count - held} slots more there, or a radius of ${radius + 1}`,
      };
    const most = slots.reduce((sum, some, i) => sum + (some > 0 ? gpuLoadMax[circle * size + i]! : 0), 0);
    const load = brought.get(circle)!;
    if (load > most * ROUNDING)
      return {
        constraint: "load",
        because: `${where} bring a load of ${load}, which must be served within ${radius} hops, and may serve ${most}`,
        relax: `a gpuLoadMax ${(load / most).toPrecision(4)} times as high there, or a radius of ${radius + 1}`,
      };
  }
  return undefined;
}

function moveObstacle(problem: CompleteProblem): Infeasible | undefined {
  const { cluster, from, pins, expertBytes, movedBytesMax, copies, experts } = problem;
  if (!from || movedBytesMax === Number.POSITIVE_INFINITY) return undefined;
  let bytes = 0;
  for (let expert = 0; expert < experts; expert++) {
    const stay = from[expert]!.filter((gpu) => cluster.slots[gpu]! > 0);
    const pinned = (pins.get(expert) ?? []).filter((gpu) => !stay.includes(gpu));
    const forced = neededBeside(problem, expert, [...stay, ...pinned]) - stay.length;
    bytes += Math.max(forced, copies - stay.length) * expertBytes[expert]!;
  }
  if (bytes <= movedBytesMax) return undefined;
  return {
    constraint: "moved bytes",
    because: `what is pinned elsewhere, on drained GPUs, or too far from who asks is ${bytes} bytes to move, and ${movedBytesMax} may be`,
    relax: `a movedBytesMax of ${bytes}`,
  };
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
