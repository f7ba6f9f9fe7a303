import {
  CLOSED,
  FORCED,
  HOME,
  ROW_ALL,
  ROW_BYTES,
  ROW_COLUMNS,
  ROW_LOAD,
  ROW_MOVE_COST,
  SHAPE_COPIES,
  SHAPE_COPIES_MAX,
  SHAPE_GPUS,
  SHAPE_LIMITED,
  SHAPE_NODE_GPUS,
  SHAPE_NODES,
  SHAPE_POD_GPUS,
  SHAPE_PODS,
  SHAPE_RADIUS,
} from "./layout";
import { branches, fillPods, keepBest, prune, shareOverNodes, shareOverPods, wholeOf } from "./shares";

// Where is one expert to have its copies, if slots and loads have prices? GPUs sit in a tree, and who asks is served by the
// nearest copy, so the answer is worked out up the tree, exactly, for each number of copies (facility location on trees is
// solved like this in Shah and Farach-Colton, "Undiscretized dynamic programming", 2002):
//
//     node:  whoever has no copy is served from one in the node; those that save most over that hold copies
//     pod:   copies are shared out over nodes; nodes without are served from one in the pod
//     all:   copies are shared out over pods; pods without are served from anywhere
//
// Of copies that are equally near the one where load is cheapest serves, the *server*: it is tried out in each place. A server
// that is not the cheapest costs more than the one that is, so the least over all of them is what the best set costs. Further
// up, a server is only tried if none beside it has both cheaper load and lower costs.
//
// A row of `rows` is an expert:  | demand of GPUs | of nodes | of pods | all | load | cost of a move | bytes |, and `flags` say
// for each expert and GPU what layout.ts names. `prices` are of a slot, then of a unit of load, of each GPU. `work` and
// `marks` are scratch:
//
//     work:   | price of a copy, a GPU | of its node | of its pod | best of nodes | best of pods | all | least |
//     marks:  | servers of nodes | servers of pods | shares of children | of pods | least | must, a node | must, a pod |
//
// where from "of its node" to "all" there is a place for each number of copies; place 0 of a GPU is 0 if it is to be tried.

/**
 * Tells `chosen` the GPUs that are best for an expert at these prices (of a slot, then of load, of each GPU), the one with
 * the cheapest load first, and `sum`, an array of one, what they cost with prices. Returns how many they are, 0 if there are none.
 */
export function chooseCopies(
  chosen: StaticArray<u32>,
  sum: StaticArray<f64>,
  work: StaticArray<f64>,
  marks: StaticArray<u32>,
  rows: StaticArray<f64>,
  flags: StaticArray<u32>,
  prices: StaticArray<f64>,
  tierCosts: StaticArray<f64>,
  shape: StaticArray<u32>,
  bytePrice: f64,
  expert: u32,
): u32 {
  const gpus = shape[SHAPE_GPUS];
  const most = shape[SHAPE_COPIES_MAX];
  const whole = wholeOf(shape);
  const row = expert * (whole + ROW_COLUMNS);
  const asked = rows[row + whole + ROW_ALL];
  const load = rows[row + whole + ROW_LOAD];
  // What nobody asks for brings its load to any copy.
  const loadEach = asked > 0 ? load / asked : 0;
  const idle = asked > 0 ? 0.0 : load;
  priceCopies(work, marks, rows, flags, prices, shape, bytePrice, expert);
  fillNodes(work, marks, rows, flags, prices, tierCosts, shape, loadEach, expert);
  fillPods(work, marks, rows, prices, tierCosts, shape, loadEach, row);
  const all = <u32>(work.length - 2 * (most + 1));
  const podRows = gpus * (most + 2);
  const step = shape[SHAPE_LIMITED] !== 0 ? 1 : gpus;
  let least = Infinity;
  let server: u32 = 0;
  let count: u32 = 0;
  for (let gpu: u32 = 0; gpu < gpus; gpu += step) {
    if (step === 1 && work[podRows + gpu * (most + 1)] !== 0) continue;
    shareOverPods(work, marks, rows, prices, tierCosts, shape, loadEach, row, gpu);
    const idleCost = idle * prices[gpus + gpu];
    for (let copies = shape[SHAPE_COPIES]; copies <= most; copies++) {
      const cost = work[all + copies] + idleCost;
      if (cost >= least) continue;
      least = cost;
      server = gpu;
      count = copies;
    }
  }
  sum[0] = least;
  if (count === 0) return 0;
  trace(chosen, work, marks, rows, flags, prices, tierCosts, shape, loadEach, expert, server, count);
  return count;
}

/** What a copy on each GPU costs before it serves, and where nodes and pods must have one. */
function priceCopies(
  work: StaticArray<f64>,
  marks: StaticArray<u32>,
  rows: StaticArray<f64>,
  flags: StaticArray<u32>,
  prices: StaticArray<f64>,
  shape: StaticArray<u32>,
  bytePrice: f64,
  expert: u32,
): void {
  const gpus = shape[SHAPE_GPUS];
  const whole = wholeOf(shape);
  const row = expert * (whole + ROW_COLUMNS);
  const move = rows[row + whole + ROW_MOVE_COST] + bytePrice * rows[row + whole + ROW_BYTES];
  const nodes = shape[SHAPE_NODES];
  const must = <u32>marks.length - branches(shape);
  for (let branch: u32 = 0; branch < branches(shape); branch++) {
    const within: u32 = branch < nodes ? 1 : 2;
    marks[must + branch] = shape[SHAPE_RADIUS] <= within && rows[row + gpus + branch] > 0 ? 1 : 0;
  }
  const flag = expert * gpus;
  for (let gpu: u32 = 0; gpu < gpus; gpu++) {
    const flagged = flags[flag + gpu];
    work[gpu] = (flagged & CLOSED) !== 0 ? Infinity : prices[gpu] + ((flagged & HOME) !== 0 ? 0 : move);
    if ((flagged & FORCED) === 0) continue;
    marks[must + gpu / shape[SHAPE_NODE_GPUS]] = 1;
    marks[must + nodes + gpu / shape[SHAPE_POD_GPUS]] = 1;
  }
}

/** For each node and server in it, the least costs of 1, 2, ... copies; and the best of servers. */
function fillNodes(
  work: StaticArray<f64>,
  marks: StaticArray<u32>,
  rows: StaticArray<f64>,
  flags: StaticArray<u32>,
  prices: StaticArray<f64>,
  tierCosts: StaticArray<f64>,
  shape: StaticArray<u32>,
  loadEach: f64,
  expert: u32,
): void {
  const gpus = shape[SHAPE_GPUS];
  const places = shape[SHAPE_COPIES_MAX] + 1;
  const perNode = shape[SHAPE_NODE_GPUS];
  const step = shape[SHAPE_LIMITED] !== 0 ? 1 : perNode;
  for (let begin: u32 = 0, node: u32 = 0; begin < gpus; begin += perNode, node++) {
    const best = (2 * places + 1) * gpus + node * places;
    for (let copies: u32 = 0; copies < places; copies++) work[best + copies] = Infinity;
    for (let gpu = begin, end = min(begin + perNode, gpus); gpu < end; gpu += step) {
      if (step === 1 && work[gpu] === Infinity) {
        work[gpus + gpu * places] = Infinity;
        continue;
      }
      fillNode(work, marks, rows, flags, prices, tierCosts, shape, loadEach, expert, gpu);
      keepBest(work, marks, gpus + gpu * places, best, node * places, places, gpu);
      if (step === 1) prune(work, prices, gpus, gpus, places, begin, gpu);
    }
  }
}

/** The least costs of 1, 2, ... copies in the node of a server, which has one; the least savers are listed. Returns who must have one. */
function fillNode(
  work: StaticArray<f64>,
  marks: StaticArray<u32>,
  rows: StaticArray<f64>,
  flags: StaticArray<u32>,
  prices: StaticArray<f64>,
  tierCosts: StaticArray<f64>,
  shape: StaticArray<u32>,
  loadEach: f64,
  expert: u32,
  server: u32,
): u32 {
  const gpus = shape[SHAPE_GPUS];
  const most = shape[SHAPE_COPIES_MAX];
  const isLimited = shape[SHAPE_LIMITED] !== 0;
  const row = expert * (wholeOf(shape) + ROW_COLUMNS);
  const node = server / shape[SHAPE_NODE_GPUS];
  const begin = node * shape[SHAPE_NODE_GPUS];
  const end = min(begin + shape[SHAPE_NODE_GPUS], gpus);
  const least = <u32>work.length - (most + 1);
  const list = <u32>marks.length - branches(shape) - (most + 1);
  const served = tierCosts[1] + (isLimited ? loadEach * prices[gpus + server] : 0);
  let cost = rows[row + gpus + node] * served;
  let musts: u32 = 0;
  let listed: u32 = 0;
  for (let gpu = begin; gpu < end; gpu++) {
    const isForced = (flags[expert * gpus + gpu] & FORCED) !== 0;
    if (work[gpu] === Infinity && !isForced) continue;
    const own = tierCosts[0] + (isLimited ? loadEach * prices[gpus + gpu] : 0);
    const adds = work[gpu] + rows[row + gpu] * (own - served);
    if (isForced || (isLimited && gpu === server)) {
      musts++;
      cost += adds;
      continue;
    }
    if (listed === most && adds >= work[least + most - 1]) continue;
    let i = listed < most ? listed++ : most - 1;
    for (; i > 0 && work[least + i - 1] > adds; i--) {
      work[least + i] = work[least + i - 1];
      marks[list + i] = marks[list + i - 1];
    }
    work[least + i] = adds;
    marks[list + i] = gpu;
  }
  const at = gpus + server * (most + 1);
  for (let copies: u32 = 0; copies <= most; copies++) {
    if (copies > musts && copies <= musts + listed) cost += work[least + copies - musts - 1];
    work[at + copies] = copies > 0 && copies >= musts && copies <= musts + listed ? cost : Infinity;
  }
  return musts;
}

/** Lists the GPUs of so many copies with this server, going down the tree again. */
function trace(
  chosen: StaticArray<u32>,
  work: StaticArray<f64>,
  marks: StaticArray<u32>,
  rows: StaticArray<f64>,
  flags: StaticArray<u32>,
  prices: StaticArray<f64>,
  tierCosts: StaticArray<f64>,
  shape: StaticArray<u32>,
  loadEach: f64,
  expert: u32,
  server: u32,
  count: u32,
): void {
  const gpus = shape[SHAPE_GPUS];
  const places = shape[SHAPE_COPIES_MAX] + 1;
  const row = expert * (wholeOf(shape) + ROW_COLUMNS);
  const nodes = shape[SHAPE_NODES];
  const isLimited = shape[SHAPE_LIMITED] !== 0;
  const shares = branches(shape) * places;
  // Shares of pods are kept in `marks`, behind those of children, which are overwritten in turn.
  shareOverPods(work, marks, rows, prices, tierCosts, shape, loadEach, row, server);
  const pods = shape[SHAPE_PODS];
  const nodesPerPod = shape[SHAPE_POD_GPUS] / shape[SHAPE_NODE_GPUS];
  const podShares = shares + max(pods, nodesPerPod) * places;
  for (let pod = <i32>pods - 1, left = count; pod >= 0; pod--) {
    const part = marks[shares + pod * places + left];
    marks[podShares + pod] = part;
    left -= part;
  }
  let listed: u32 = 0;
  for (let pod: u32 = 0; pod < pods; pod++) {
    let left = marks[podShares + pod];
    if (left === 0) continue;
    const isOwn = isLimited && pod === server / shape[SHAPE_POD_GPUS];
    const podServer = isOwn ? server : marks[(nodes + pod) * places + left];
    shareOverNodes(work, marks, rows, prices, tierCosts, shape, loadEach, row, podServer);
    const begin = pod * nodesPerPod;
    for (let node = <i32>min(begin + nodesPerPod, nodes) - 1; node >= <i32>begin; node--) {
      const part = marks[shares + (node - begin) * places + left];
      if (part === 0) continue;
      left -= part;
      const nodeServer =
        isLimited && node === podServer / shape[SHAPE_NODE_GPUS] ? podServer : marks[node * places + part];
      const musts = fillNode(work, marks, rows, flags, prices, tierCosts, shape, loadEach, expert, nodeServer);
      listed = listNode(chosen, marks, flags, shape, expert, nodeServer, part - musts, listed);
    }
  }
  if (isLimited) sortByLoadPrice(chosen, prices, gpus, count);
}

/** Lists who must have a copy in a node, and the first of those who may; returns how many are listed then. */
function listNode(
  chosen: StaticArray<u32>,
  marks: StaticArray<u32>,
  flags: StaticArray<u32>,
  shape: StaticArray<u32>,
  expert: u32,
  server: u32,
  free: u32,
  listed: u32,
): u32 {
  const gpus = shape[SHAPE_GPUS];
  const begin = server - (server % shape[SHAPE_NODE_GPUS]);
  const end = min(begin + shape[SHAPE_NODE_GPUS], gpus);
  const list = <u32>marks.length - branches(shape) - (shape[SHAPE_COPIES_MAX] + 1);
  for (let gpu = begin; gpu < end; gpu++)
    if ((flags[expert * gpus + gpu] & FORCED) !== 0 || (shape[SHAPE_LIMITED] !== 0 && gpu === server))
      chosen[listed++] = gpu;
  for (let i: u32 = 0; i < free; i++) chosen[listed++] = marks[list + i];
  return listed;
}

function sortByLoadPrice(chosen: StaticArray<u32>, prices: StaticArray<f64>, gpus: u32, count: u32): void {
  for (let i: u32 = 1; i < count; i++) {
    const gpu = chosen[i];
    let j = i;
    for (; j > 0 && prices[gpus + chosen[j - 1]] > prices[gpus + gpu]; j--) chosen[j] = chosen[j - 1];
    chosen[j] = gpu;
  }
}
