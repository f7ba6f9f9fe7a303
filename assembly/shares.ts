import {
  NONE,
  SHAPE_COPIES_MAX,
  SHAPE_GPUS,
  SHAPE_LIMITED,
  SHAPE_NODE_GPUS,
  SHAPE_NODES,
  SHAPE_POD_GPUS,
  SHAPE_PODS,
} from "./layout";

// Copies of an expert shared out over nodes and pods: the upper floors of copies.ts, where `work` and `marks` are drawn.

/** Nodes and pods. */
export function branches(shape: StaticArray<u32>): u32 {
  return shape[SHAPE_NODES] + shape[SHAPE_PODS];
}

/** Where the columns of a row are that hold for all of an expert; how long the row is but for them. */
export function wholeOf(shape: StaticArray<u32>): u32 {
  return shape[SHAPE_GPUS] + branches(shape);
}

/** Keeps the least costs of a server's, and whose they are. */
export function keepBest(
  work: StaticArray<f64>,
  marks: StaticArray<u32>,
  from: u32,
  best: u32,
  mark: u32,
  places: u32,
  server: u32,
): void {
  for (let copies: u32 = 1; copies < places; copies++) {
    if (work[from + copies] >= work[best + copies]) continue;
    work[best + copies] = work[from + copies];
    marks[mark + copies] = server;
  }
}

/** Marks of two servers the one that the other beats, among those from `begin` to `gpu`, whose costs stand from `base` on. */
export function prune(
  work: StaticArray<f64>,
  prices: StaticArray<f64>,
  gpus: u32,
  base: u32,
  places: u32,
  begin: u32,
  gpu: u32,
): void {
  const own = base + gpu * places;
  work[own] = 0;
  for (let other = begin; other < gpu; other++) {
    const theirs = base + other * places;
    if (work[theirs] !== 0) continue;
    let isBeaten = prices[gpus + other] <= prices[gpus + gpu];
    let beats = prices[gpus + gpu] <= prices[gpus + other];
    for (let copies: u32 = 1; copies < places; copies++) {
      isBeaten = isBeaten && work[theirs + copies] <= work[own + copies];
      beats = beats && work[own + copies] <= work[theirs + copies];
    }
    if (beats) work[theirs] = Infinity;
    else if (isBeaten) {
      work[own] = Infinity;
      return;
    }
  }
}

/** For each pod and server in it, the least costs of 1, 2, ... copies; and the best of servers. */
export function fillPods(
  work: StaticArray<f64>,
  marks: StaticArray<u32>,
  rows: StaticArray<f64>,
  prices: StaticArray<f64>,
  tierCosts: StaticArray<f64>,
  shape: StaticArray<u32>,
  loadEach: f64,
  row: u32,
): void {
  const gpus = shape[SHAPE_GPUS];
  const places = shape[SHAPE_COPIES_MAX] + 1;
  const perPod = shape[SHAPE_POD_GPUS];
  const nodes = shape[SHAPE_NODES];
  const step = shape[SHAPE_LIMITED] !== 0 ? 1 : perPod;
  for (let begin: u32 = 0, pod: u32 = 0; begin < gpus; begin += perPod, pod++) {
    const mark = (nodes + pod) * places;
    const best = (2 * places + 1) * gpus + mark;
    for (let copies: u32 = 0; copies < places; copies++) work[best + copies] = Infinity;
    for (let gpu = begin, end = min(begin + perPod, gpus); gpu < end; gpu += step) {
      const costs = (places + 1) * gpus + gpu * places;
      if (step === 1 && work[gpus + gpu * places] !== 0) {
        work[costs] = Infinity;
        continue;
      }
      shareOverNodes(work, marks, rows, prices, tierCosts, shape, loadEach, row, gpu);
      keepBest(work, marks, costs, best, mark, places, gpu);
      if (step === 1) prune(work, prices, gpus, (places + 1) * gpus, places, begin, gpu);
    }
  }
}

/** Shares copies out over the nodes of a server's pod. */
export function shareOverNodes(
  work: StaticArray<f64>,
  marks: StaticArray<u32>,
  rows: StaticArray<f64>,
  prices: StaticArray<f64>,
  tierCosts: StaticArray<f64>,
  shape: StaticArray<u32>,
  loadEach: f64,
  row: u32,
  server: u32,
): void {
  const gpus = shape[SHAPE_GPUS];
  const places = shape[SHAPE_COPIES_MAX] + 1;
  const begin = ((server / shape[SHAPE_POD_GPUS]) * shape[SHAPE_POD_GPUS]) / shape[SHAPE_NODE_GPUS];
  const end = min(begin + shape[SHAPE_POD_GPUS] / shape[SHAPE_NODE_GPUS], shape[SHAPE_NODES]);
  const isLimited = shape[SHAPE_LIMITED] !== 0;
  const served = tierCosts[2] + (isLimited ? loadEach * prices[gpus + server] : 0);
  const own = isLimited ? server / shape[SHAPE_NODE_GPUS] : NONE;
  const into = (places + 1) * gpus + server * places;
  share(work, marks, rows, row + gpus, shape, served, into, begin, end, 0, own, gpus + server * places);
  work[into] = Infinity;
}

/** Shares copies out over pods, with a server in one of them. */
export function shareOverPods(
  work: StaticArray<f64>,
  marks: StaticArray<u32>,
  rows: StaticArray<f64>,
  prices: StaticArray<f64>,
  tierCosts: StaticArray<f64>,
  shape: StaticArray<u32>,
  loadEach: f64,
  row: u32,
  server: u32,
): void {
  const gpus = shape[SHAPE_GPUS];
  const places = shape[SHAPE_COPIES_MAX] + 1;
  const nodes = shape[SHAPE_NODES];
  const pods = shape[SHAPE_PODS];
  const isLimited = shape[SHAPE_LIMITED] !== 0;
  const served = tierCosts[3] + (isLimited ? loadEach * prices[gpus + server] : 0);
  const own = isLimited ? server / shape[SHAPE_POD_GPUS] : NONE;
  const all = <u32>work.length - 2 * places;
  const ownAt = (places + 1) * gpus + server * places;
  share(work, marks, rows, row + gpus + nodes, shape, served, all, 0, pods, nodes, own, ownAt);
}

/**
 * The least costs of 0, 1, 2, ... copies over children from `begin` to `end` (nodes, or pods), where those without are
 * `served` at so much a unit of what they ask for, and the child `own`, which has a copy, costs what stands at `ownAt`.
 */
function share(
  work: StaticArray<f64>,
  marks: StaticArray<u32>,
  rows: StaticArray<f64>,
  asked: u32,
  shape: StaticArray<u32>,
  served: f64,
  into: u32,
  begin: u32,
  end: u32,
  level: u32,
  own: u32,
  ownAt: u32,
): void {
  const most = shape[SHAPE_COPIES_MAX];
  const places = most + 1;
  const best = (2 * places + 1) * shape[SHAPE_GPUS] + level * places;
  const shares = branches(shape) * places;
  const must = <u32>marks.length - branches(shape) + level;
  work[into] = 0;
  let reached: u32 = 0;
  for (let child = begin; child < end; child++) {
    const costs = child === own ? ownAt : best + child * places;
    const none = child === own || marks[must + child] !== 0 ? Infinity : rows[asked + child] * served;
    const last = reached;
    reached = min(most, reached + (level === 0 ? shape[SHAPE_NODE_GPUS] : shape[SHAPE_POD_GPUS]));
    for (let copies = last + 1; copies <= reached; copies++) work[into + copies] = Infinity;
    for (let copies = <i32>reached; copies >= 0; copies--) {
      let least = work[into + copies] + none;
      let part: u32 = 0;
      for (let here: u32 = 1; here <= <u32>copies; here++) {
        const cost = work[into + copies - here] + work[costs + here];
        if (cost >= least) continue;
        least = cost;
        part = here;
      }
      work[into + copies] = least;
      marks[shares + (child - begin) * places + copies] = part;
    }
  }
  for (let copies = reached + 1; copies <= most; copies++) work[into + copies] = Infinity;
}
