import { drop, exchangeCopies, occupy, vacate } from "./copyslots";
import {
  CLOSED,
  FORCED,
  HOME,
  NONE,
  ROW_BYTES,
  ROW_COLUMNS,
  ROW_MOVE_COST,
  SHAPE_COPIES,
  SHAPE_COPIES_MAX,
  SHAPE_GPUS,
  SHAPE_LIMITED,
} from "./layout";
import { drawBits } from "./random";
import { serve } from "./serving";
import { wholeOf } from "./shares";

// Plans with several copies are annealed: a copy goes to a slot of one of the GPUs that prices make good for its expert, and who
// has that slot takes its place, or gives a copy up that it need not have; or a copy is added, dropped, or comes first among
// those that are equally near. What GPUs are overloaded by, and bytes moved beyond the budget, cost penalties that grow.

/** Words of a draw: expert, what is done, candidate, slot, whether it is accepted. */
const DRAWS = 5;

/** A proposal: what is done, the expert, its copy, the GPU that it goes to, the copy there, how many both experts have then. */
const WHAT = 0;
const EXPERT = 1;
const OWN = 2;
const TARGET = 3;
const OTHER = 4;
const LENGTH = 5;
const THEIR_LENGTH = 6;

/** What can be done: a copy goes elsewhere, changing places with the other or leaving it without; one is added, dropped, put first. */
const SWAP = 0;
const OUST = 1;
const ADD = 2;
const DROP = 3;
const FIRST = 4;

/** What is known of a plan. */
const COST = 0;
const OVERLOAD = 1;
const MOVED_BYTES = 2;

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
  known[COST] = 0;
  known[OVERLOAD] = 0;
  known[MOVED_BYTES] = 0;
  for (let expert: u32 = 0; expert < <u32>counts.length; expert++) {
    const first = expert * most;
    const count = counts[expert];
    const moves = movesOf(at, first, count, flags, expert * gpus);
    const columns = (expert + 1) * (wholeOf(shape) + ROW_COLUMNS) - ROW_COLUMNS;
    costs[expert] =
      serve(served, at, first, count, rows, tierCosts, shape, expert, circles[expert]) +
      <f64>moves * rows[columns + ROW_MOVE_COST];
    known[COST] += costs[expert];
    known[MOVED_BYTES] += <f64>moves * rows[columns + ROW_BYTES];
    for (let copy = first; copy < first + count; copy++) gpuLoads[at[copy]] += served[copy];
  }
  for (let gpu: u32 = 0; gpu < gpus; gpu++) known[OVERLOAD] += max(0, gpuLoads[gpu] - capacity[gpus + gpu]);
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
    const beyond = max(0, known[MOVED_BYTES] + moved - bytesMost) - max(0, known[MOVED_BYTES] - bytesMost);
    let change = worse + (beyond !== 0 ? bytePenalty * beyond : 0);
    if (shape[SHAPE_LIMITED] !== 0)
      change += shift(gpuLoads, before, proposal, at, counts, served, trial, trialServed, capacity, penalties, most);
    if (change > 0 && !isAccepted(change, temperature, bits[draw + 4])) {
      if (shape[SHAPE_LIMITED] !== 0) unshift(gpuLoads, before, proposal, at, counts, trial, most);
      continue;
    }
    known[COST] += worse;
    known[MOVED_BYTES] += moved;
    costs[expert] = cost;
    if (other !== NONE) costs[theirs] = theirCost;
    commit(at, counts, places, holders, used, firstSlots, proposal, most);
    for (let i: u32 = 0; i < length; i++) served[expert * most + i] = trialServed[i];
    for (let i: u32 = 0; i < theirLength; i++) served[theirs * most + i] = trialServed[most + i];
  }
}

/** Draws what is to be tried; false if it is of no use, or breaks a rule. */
function propose(
  proposal: StaticArray<u32>,
  bits: StaticArray<u32>,
  draw: i32,
  at: StaticArray<u32>,
  counts: StaticArray<u32>,
  holders: StaticArray<u32>,
  candidates: StaticArray<u32>,
  flags: StaticArray<u32>,
  shape: StaticArray<u32>,
  firstSlots: StaticArray<u32>,
): bool {
  const gpus = shape[SHAPE_GPUS];
  const least = shape[SHAPE_COPIES];
  const most = shape[SHAPE_COPIES_MAX];
  const expert = below(bits[draw], counts.length);
  const count = counts[expert];
  const first = expert * most;
  // Two parts for each copy, one each for adding and dropping, one for the order where it matters.
  const more: u32 = most > least ? 2 : 0;
  const part = below(bits[draw + 1], 2 * count + more + (shape[SHAPE_LIMITED] !== 0 && count > 1 ? 1 : 0));
  const drawn = below(bits[draw + 2], count);
  proposal[EXPERT] = expert;
  proposal[OTHER] = NONE;
  proposal[TARGET] = NONE;
  if (part >= 2 * count + more) {
    proposal[WHAT] = FIRST;
    proposal[OWN] = drawn;
    return drawn > 0;
  }
  if (part === 2 * count) {
    proposal[WHAT] = DROP;
    proposal[OWN] = drawn;
    return count > least && (flags[expert * gpus + at[first + drawn]] & FORCED) === 0;
  }
  const adds = part > 2 * count;
  const own = adds ? count : part >>> 1;
  if (adds ? count === most : (flags[expert * gpus + at[first + own]] & FORCED) !== 0) return false;
  // The better ones more often: the lesser of two places in the list.
  const two = bits[draw + 2];
  const listed = candidates.length / counts.length;
  const target = candidates[expert * listed + min(below(two << 16, listed), below(two & 0xffff0000, listed))];
  if (target === NONE || isOn(at, first, count, target)) return false;
  const other = holders[firstSlots[target] + below(bits[draw + 3], firstSlots[target + 1] - firstSlots[target])];
  proposal[OWN] = own;
  proposal[TARGET] = target;
  proposal[OTHER] = other;
  proposal[WHAT] = adds ? ADD : SWAP;
  if (other === NONE) return true;
  const theirs = other / most;
  if ((flags[theirs * gpus + target] & FORCED) !== 0) return false;
  if (adds || (more !== 0 && (bits[draw + 3] & 1) !== 0)) {
    if (!adds) proposal[WHAT] = OUST;
    return counts[theirs] > least;
  }
  const gpu = at[first + own];
  return (flags[theirs * gpus + gpu] & CLOSED) === 0 && !isOn(at, theirs * most, counts[theirs], gpu);
}

/** Where the copies of both experts would be. */
function writeTrial(
  trial: StaticArray<u32>,
  proposal: StaticArray<u32>,
  at: StaticArray<u32>,
  counts: StaticArray<u32>,
  most: u32,
): void {
  const what = proposal[WHAT];
  const own = proposal[OWN];
  const other = proposal[OTHER];
  const first = proposal[EXPERT] * most;
  let length = counts[proposal[EXPERT]];
  for (let i: u32 = 0; i < length; i++) trial[i] = at[first + i];
  if (what === FIRST) {
    trial[0] = trial[own];
    trial[own] = at[first];
  } else if (what === DROP) {
    trial[own] = trial[--length];
  } else {
    trial[own] = proposal[TARGET];
    if (what === ADD) length++;
  }
  proposal[LENGTH] = length;
  proposal[THEIR_LENGTH] = 0;
  if (other === NONE) return;
  const theirFirst = (other / most) * most;
  let theirLength = counts[other / most];
  for (let i: u32 = 0; i < theirLength; i++) trial[most + i] = at[theirFirst + i];
  trial[most + other - theirFirst] = what === SWAP ? at[first + own] : trial[most + --theirLength];
  proposal[THEIR_LENGTH] = theirLength;
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

/** Does what is proposed to lists and slots. */
function commit(
  at: StaticArray<u32>,
  counts: StaticArray<u32>,
  places: StaticArray<u32>,
  holders: StaticArray<u32>,
  used: StaticArray<u32>,
  firstSlots: StaticArray<u32>,
  proposal: StaticArray<u32>,
  most: u32,
): void {
  const expert = proposal[EXPERT];
  const what = proposal[WHAT];
  const other = proposal[OTHER];
  const copy = expert * most + proposal[OWN];
  if (what === FIRST) {
    exchangeCopies(at, places, holders, expert * most, copy);
    return;
  }
  if (what === DROP) {
    drop(at, places, holders, used, firstSlots, copy, expert * most + --counts[expert]);
    return;
  }
  if (other !== NONE) {
    const theirs = other / most;
    if (what === SWAP) vacate(at, places, holders, used, firstSlots, other);
    else drop(at, places, holders, used, firstSlots, other, theirs * most + --counts[theirs]);
  }
  const gpu = at[copy];
  if (what === ADD) counts[expert]++;
  else vacate(at, places, holders, used, firstSlots, copy);
  if (other !== NONE && what === SWAP) occupy(at, places, holders, used, firstSlots, other, gpu);
  occupy(at, places, holders, used, firstSlots, copy, proposal[TARGET]);
}

function isOn(at: StaticArray<u32>, first: u32, count: u32, gpu: u32): bool {
  for (let copy = first; copy < first + count; copy++) if (at[copy] === gpu) return true;
  return false;
}

function isAccepted(change: f64, temperature: f64, bits: u32): bool {
  const ratio = change / temperature;
  return ratio < 22 && Math.exp(-ratio) * 4294967296.0 > bits;
}

/** A whole number below `count`, from 32 uniform bits. */
function below(bits: u32, count: u32): u32 {
  return <u32>((<u64>bits * <u64>count) >>> 32);
}
