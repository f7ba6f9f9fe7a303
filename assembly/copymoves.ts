import { commit, EXPERT, LENGTH, OTHER, propose, THEIR_LENGTH, writeTrial } from "./copyproposals";
import {
  HOME,
  KNOWN_COST,
  KNOWN_MOVED_BYTES,
  KNOWN_OVERLOAD,
  NONE,
  ROW_BYTES,
  ROW_COLUMNS,
  ROW_MOVE_COST,
  SHAPE_COPIES_MAX,
  SHAPE_GPUS,
  SHAPE_LIMITED,
} from "./layout";
import { drawBits, isAccepted } from "./random";
import { serve } from "./serving";
import { wholeOf } from "./shares";

// Plans with several copies are annealed: a copy goes to a slot of one of the GPUs that prices make good for its expert, and who
// has that slot takes its place, or gives a copy up that it need not have; or a copy is added, dropped, or comes first among
// those that are equally near. What GPUs are overloaded by, and bytes moved beyond the budget, cost penalties that grow.

/** Words of a draw: expert, what is done, candidate, slot, whether it is accepted. */
const DRAWS = 5;

/** Works out loads, costs and bytes moved of all experts from where their copies are. */
export function settleCopies(
  gpuLoads: StaticArray<f64>,
  served: StaticArray<f64>,
  costs: StaticArray<f64>,
  known: StaticArray<f64>,
  at: StaticArray<u32>,
  counts: StaticArray<u32>,
  rows: StaticArray<f64>,
  flags: StaticArray<u32>,
  tierCosts: StaticArray<f64>,
  shape: StaticArray<u32>,
  circles: StaticArray<u32>,
  capacity: StaticArray<f64>,
): void {
  const gpus = shape[SHAPE_GPUS];
  const most = shape[SHAPE_COPIES_MAX];
  for (let gpu: u32 = 0; gpu < gpus; gpu++) gpuLoads[gpu] = 0;
  known[KNOWN_COST] = 0;
  known[KNOWN_OVERLOAD] = 0;
  known[KNOWN_MOVED_BYTES] = 0;
  for (let expert: u32 = 0; expert < <u32>counts.length; expert++) {
    const first = expert * most;
    const count = counts[expert];
    const moves = movesOf(at, first, count, flags, expert * gpus);
    const columns = (expert + 1) * (wholeOf(shape) + ROW_COLUMNS) - ROW_COLUMNS;
    costs[expert] =
      serve(served, at, first, count, rows, tierCosts, shape, expert, circles[expert]) +
      <f64>moves * rows[columns + ROW_MOVE_COST];
    known[KNOWN_COST] += costs[expert];
    known[KNOWN_MOVED_BYTES] += <f64>moves * rows[columns + ROW_BYTES];
    for (let copy = first; copy < first + count; copy++) gpuLoads[at[copy]] += served[copy];
  }
  for (let gpu: u32 = 0; gpu < gpus; gpu++) known[KNOWN_OVERLOAD] += max(0, gpuLoads[gpu] - capacity[gpus + gpu]);
}

/** How many copies are where the expert was not. */
function movesOf(at: StaticArray<u32>, first: u32, count: u32, flags: StaticArray<u32>, flag: u32): u32 {
  let moves: u32 = 0;
  for (let copy = first; copy < first + count; copy++) if ((flags[flag + at[copy]] & HOME) === 0) moves++;
  return moves;
}

/**
 * Makes a proposal for each five words of `bits`. One that makes things worse by x is accepted with probability
 * exp(-x / temperature). `penalties` are of a unit of overload on each GPU, `bytePenalty` of a byte beyond `bytesMost`. `trial`
 * and `trialServed` have room for the copies of two experts, `before` for twice as many loads.
 */
export function annealCopies(
  at: StaticArray<u32>,
  counts: StaticArray<u32>,
  places: StaticArray<u32>,
  holders: StaticArray<u32>,
  used: StaticArray<u32>,
  gpuLoads: StaticArray<f64>,
  served: StaticArray<f64>,
  costs: StaticArray<f64>,
  known: StaticArray<f64>,
  proposal: StaticArray<u32>,
  trial: StaticArray<u32>,
  trialServed: StaticArray<f64>,
  before: StaticArray<f64>,
  bits: StaticArray<u32>,
  random: StaticArray<u32>,
  candidates: StaticArray<u32>,
  rows: StaticArray<f64>,
  flags: StaticArray<u32>,
  tierCosts: StaticArray<f64>,
  shape: StaticArray<u32>,
  circles: StaticArray<u32>,
  capacity: StaticArray<f64>,
  firstSlots: StaticArray<u32>,
  penalties: StaticArray<f64>,
  temperature: f64,
  bytePenalty: f64,
  bytesMost: f64,
): void {
  const most = shape[SHAPE_COPIES_MAX];
  const bytesAt = wholeOf(shape) + ROW_BYTES;
  const columns = wholeOf(shape) + ROW_COLUMNS;
  drawBits(bits, random);
  for (let draw = 0; draw + DRAWS <= bits.length; draw += DRAWS) {
    if (!propose(proposal, bits, draw, at, counts, holders, candidates, flags, shape, firstSlots)) continue;
    const expert = proposal[EXPERT];
    const other = proposal[OTHER];
    const theirs = other === NONE ? 0 : other / most;
    writeTrial(trial, proposal, at, counts, most);
    const length = proposal[LENGTH];
    const theirLength = proposal[THEIR_LENGTH];
    const cost = weigh(trialServed, trial, 0, length, rows, flags, tierCosts, shape, circles, expert);
    let theirCost = 0.0;
    let worse = cost - costs[expert];
    let moved =
      <f64>movesChanged(trial, 0, length, at, expert * most, counts[expert], flags, expert * shape[SHAPE_GPUS]) *
      rows[expert * columns + bytesAt];
    if (other !== NONE) {
      theirCost = weigh(trialServed, trial, most, theirLength, rows, flags, tierCosts, shape, circles, theirs);
      worse += theirCost - costs[theirs];
      moved +=
        <f64>(
          movesChanged(trial, most, theirLength, at, theirs * most, counts[theirs], flags, theirs * shape[SHAPE_GPUS])
        ) * rows[theirs * columns + bytesAt];
    }
    if (worse === Infinity) continue;
    const beyond = max(0, known[KNOWN_MOVED_BYTES] + moved - bytesMost) - max(0, known[KNOWN_MOVED_BYTES] - bytesMost);
    let change = worse + (beyond !== 0 ? bytePenalty * beyond : 0);
    if (shape[SHAPE_LIMITED] !== 0)
      change += shift(gpuLoads, before, proposal, at, counts, served, trial, trialServed, capacity, penalties, most);
    if (change > 0 && !isAccepted(change, temperature, bits[draw + 4])) {
      if (shape[SHAPE_LIMITED] !== 0) unshift(gpuLoads, before, proposal, at, counts, trial, most);
      continue;
    }
    known[KNOWN_COST] += worse;
    known[KNOWN_MOVED_BYTES] += moved;
    costs[expert] = cost;
    if (other !== NONE) costs[theirs] = theirCost;
    commit(at, counts, places, holders, used, firstSlots, proposal, most);
    for (let i: u32 = 0; i < length; i++) served[expert * most + i] = trialServed[i];
    for (let i: u32 = 0; i < theirLength; i++) served[theirs * most + i] = trialServed[most + i];
  }
}

/** What demand and moves of an expert cost with its copies as tried. */
function weigh(
  trialServed: StaticArray<f64>,
  trial: StaticArray<u32>,
  first: u32,
  count: u32,
  rows: StaticArray<f64>,
  flags: StaticArray<u32>,
  tierCosts: StaticArray<f64>,
  shape: StaticArray<u32>,
  circles: StaticArray<u32>,
  expert: u32,
): f64 {
  const whole = wholeOf(shape);
  const moves = movesOf(trial, first, count, flags, expert * shape[SHAPE_GPUS]);
  const cost = serve(trialServed, trial, first, count, rows, tierCosts, shape, expert, circles[expert]);
  return cost + <f64>moves * rows[expert * (whole + ROW_COLUMNS) + whole + ROW_MOVE_COST];
}

/** How many moves more there are. */
function movesChanged(
  trial: StaticArray<u32>,
  first: u32,
  count: u32,
  at: StaticArray<u32>,
  firstNow: u32,
  countNow: u32,
  flags: StaticArray<u32>,
  flag: u32,
): i32 {
  return <i32>movesOf(trial, first, count, flags, flag) - <i32>movesOf(at, firstNow, countNow, flags, flag);
}

/** Changes the loads of GPUs, and returns what penalties rise by; `before` is told the loads that were, in turn. */
function shift(
  gpuLoads: StaticArray<f64>,
  before: StaticArray<f64>,
  proposal: StaticArray<u32>,
  at: StaticArray<u32>,
  counts: StaticArray<u32>,
  served: StaticArray<f64>,
  trial: StaticArray<u32>,
  trialServed: StaticArray<f64>,
  capacity: StaticArray<f64>,
  penalties: StaticArray<f64>,
  most: u32,
): f64 {
  let kept = 0;
  let rise = 0.0;
  for (let side: u32 = 0; side < 2; side++) {
    if (side === 1 && proposal[OTHER] === NONE) break;
    const expert = side === 0 ? proposal[EXPERT] : proposal[OTHER] / most;
    for (let copy = expert * most, end = copy + counts[expert]; copy < end; copy++) {
      before[kept++] = gpuLoads[at[copy]];
      rise += add(gpuLoads, capacity, penalties, at[copy], -served[copy]);
    }
    for (let copy = side * most, end = copy + proposal[LENGTH + side]; copy < end; copy++) {
      before[kept++] = gpuLoads[trial[copy]];
      rise += add(gpuLoads, capacity, penalties, trial[copy], trialServed[copy]);
    }
  }
  return rise;
}

/** Changes the load of a GPU, and returns what its penalty rises by. */
function add(
  gpuLoads: StaticArray<f64>,
  capacity: StaticArray<f64>,
  penalties: StaticArray<f64>,
  gpu: u32,
  load: f64,
): f64 {
  const most = capacity[penalties.length + gpu];
  const now = gpuLoads[gpu];
  gpuLoads[gpu] = now + load;
  return penalties[gpu] * (max(0, now + load - most) - max(0, now - most));
}

/** Takes `shift` back, last things first, to the last bit. */
function unshift(
  gpuLoads: StaticArray<f64>,
  before: StaticArray<f64>,
  proposal: StaticArray<u32>,
  at: StaticArray<u32>,
  counts: StaticArray<u32>,
  trial: StaticArray<u32>,
  most: u32,
): void {
  const other = proposal[OTHER];
  const theirs = other === NONE ? 0 : counts[other / most];
  let kept = counts[proposal[EXPERT]] + proposal[LENGTH] + theirs + proposal[THEIR_LENGTH];
  for (let side = 1; side >= 0; side--) {
    if (side === 1 && other === NONE) continue;
    const expert = side === 0 ? proposal[EXPERT] : other / most;
    for (let i = <i32>proposal[LENGTH + side] - 1; i >= 0; i--) gpuLoads[trial[side * most + i]] = before[--kept];
    for (let i = <i32>counts[expert] - 1; i >= 0; i--) gpuLoads[at[expert * most + i]] = before[--kept];
  }
}
