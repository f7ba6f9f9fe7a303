import { FORBIDDEN, KNOWN_COST, KNOWN_MOVED_BYTES, KNOWN_OVERLOAD, NONE } from "./layout";
import { below, drawBits, isAccepted } from "./random";

// Where loads are limited too, a placement is annealed: an expert is taken to one of the GPUs that prices make good for it, into
// a slot chosen at random, and who has that slot takes its place. What a GPU is overloaded by costs a penalty, which
// grows meanwhile, and bytes moved beyond the budget likewise. The slots of a GPU are a row of `holders`, the free ones last.

/** Words of a draw: expert, candidate, slot, whether it is accepted. */
const DRAWS = 4;

/** Lists for each expert the GPUs with the least costs and prices, the least first; NONE behind those that are not forbidden. */
export function listCandidates(
  candidates: StaticArray<u32>,
  least: StaticArray<f32>,
  costs: StaticArray<f32>,
  loads: StaticArray<f32>,
  prices: StaticArray<f32>,
): void {
  const experts = loads.length;
  const width = prices.length / 2;
  const count = least.length;
  assert(candidates.length === experts * count, "as many for each expert");
  for (let expert = 0; expert < experts; expert++) {
    const row = expert * width;
    const list = expert * count;
    for (let i = 0; i < count; i++) {
      least[i] = FORBIDDEN;
      candidates[list + i] = NONE;
    }
    for (let gpu = 0; gpu < width; gpu++) {
      const cost = costs[row + gpu] + prices[gpu] + loads[expert] * prices[width + gpu];
      if (cost >= least[count - 1]) continue;
      let i = count - 1;
      for (; i > 0 && least[i - 1] > cost; i--) {
        least[i] = least[i - 1];
        candidates[list + i] = candidates[list + i - 1];
      }
      least[i] = cost;
      candidates[list + i] = gpu;
    }
  }
}

/** Fills slots, places in them, loads of GPUs and what is known of a placement, from where its experts are. */
export function settlePlacement(
  holders: StaticArray<u32>,
  places: StaticArray<u32>,
  used: StaticArray<u32>,
  gpuLoads: StaticArray<f64>,
  known: StaticArray<f64>,
  at: StaticArray<u32>,
  costs: StaticArray<f32>,
  loads: StaticArray<f32>,
  capacity: StaticArray<f32>,
  firstSlots: StaticArray<u32>,
  from: StaticArray<u32>,
  moveBytes: StaticArray<f32>,
): void {
  const width = capacity.length / 2;
  for (let gpu = 0; gpu < width; gpu++) {
    used[gpu] = 0;
    gpuLoads[gpu] = 0;
  }
  for (let slot = 0; slot < holders.length; slot++) holders[slot] = NONE;
  known[KNOWN_COST] = 0;
  known[KNOWN_OVERLOAD] = 0;
  known[KNOWN_MOVED_BYTES] = 0;
  for (let expert = 0; expert < at.length; expert++) {
    const gpu = at[expert];
    const slot = firstSlots[gpu] + used[gpu];
    assert(slot < firstSlots[gpu + 1], "a GPU has room for its experts");
    holders[slot] = expert;
    places[expert] = slot;
    used[gpu]++;
    gpuLoads[gpu] += loads[expert];
    known[KNOWN_COST] += costs[expert * width + gpu];
    if (from[expert] !== NONE && from[expert] !== gpu) known[KNOWN_MOVED_BYTES] += moveBytes[expert];
  }
  for (let gpu = 0; gpu < width; gpu++) known[KNOWN_OVERLOAD] += max(0, gpuLoads[gpu] - capacity[width + gpu]);
}

/**
 * Proposes as many changes as there are words in `bits`, four each. A change that makes things worse by x is accepted with
 * probability exp(-x / temperature). `penalties` are what a unit of overload costs on each GPU, `bytePenalty` a byte beyond `bytesMost`.
 */
export function annealPlacement(
  at: StaticArray<u32>,
  holders: StaticArray<u32>,
  places: StaticArray<u32>,
  used: StaticArray<u32>,
  gpuLoads: StaticArray<f64>,
  known: StaticArray<f64>,
  bits: StaticArray<u32>,
  random: StaticArray<u32>,
  candidates: StaticArray<u32>,
  costs: StaticArray<f32>,
  loads: StaticArray<f32>,
  capacity: StaticArray<f32>,
  firstSlots: StaticArray<u32>,
  from: StaticArray<u32>,
  moveBytes: StaticArray<f32>,
  penalties: StaticArray<f64>,
  temperature: f64,
  bytePenalty: f64,
  bytesMost: f64,
): void {
  const experts = at.length;
  const width = capacity.length / 2;
  const listed = candidates.length / experts;
  drawBits(bits, random);
  for (let draw = 0; draw + DRAWS <= bits.length; draw += DRAWS) {
    const expert = below(bits[draw], experts);
    const gpu = at[expert];
    // The better ones more often: the lesser of two places in the list.
    const chosen = bits[draw + 1];
    const target = candidates[expert * listed + min(below(chosen << 16, listed), below(chosen & 0xffff0000, listed))];
    if (target === gpu || target === NONE) continue;
    const slot = firstSlots[target] + below(bits[draw + 2], firstSlots[target + 1] - firstSlots[target]);
    const other = holders[slot];
    let worse: f64 = costs[expert * width + target] - costs[expert * width + gpu];
    let moved = movedBytes(from[expert], gpu, target, moveBytes[expert]);
    let shifted = <f64>loads[expert];
    if (other !== NONE) {
      if (costs[other * width + gpu] >= FORBIDDEN) continue;
      worse += costs[other * width + gpu] - costs[other * width + target];
      moved += movedBytes(from[other], target, gpu, moveBytes[other]);
      shifted -= loads[other];
    }
    const here =
      max(0, gpuLoads[gpu] - shifted - capacity[width + gpu]) - max(0, gpuLoads[gpu] - capacity[width + gpu]);
    const there =
      max(0, gpuLoads[target] + shifted - capacity[width + target]) -
      max(0, gpuLoads[target] - capacity[width + target]);
    const beyond = max(0, known[KNOWN_MOVED_BYTES] + moved - bytesMost) - max(0, known[KNOWN_MOVED_BYTES] - bytesMost);
    const change = worse + penalties[gpu] * here + penalties[target] * there + bytePenalty * beyond;
    if (change > 0 && !isAccepted(change, temperature, bits[draw + 3])) continue;
    known[KNOWN_COST] += worse;
    known[KNOWN_OVERLOAD] += here + there;
    known[KNOWN_MOVED_BYTES] += moved;
    gpuLoads[gpu] -= shifted;
    gpuLoads[target] += shifted;
    at[expert] = target;
    if (other !== NONE) at[other] = gpu;
    exchange(holders, places, used, firstSlots, expert, gpu, other, target, slot);
  }
}

/** Puts an expert into a slot of another GPU, and who was there into its own; a free slot there is the first free one then. */
function exchange(
  holders: StaticArray<u32>,
  places: StaticArray<u32>,
  used: StaticArray<u32>,
  firstSlots: StaticArray<u32>,
  expert: u32,
  gpu: u32,
  other: u32,
  target: u32,
  slot: u32,
): void {
  const left = places[expert];
  if (other !== NONE) {
    holders[left] = other;
    places[other] = left;
    holders[slot] = expert;
    places[expert] = slot;
    return;
  }
  const last = firstSlots[gpu] + --used[gpu];
  holders[left] = holders[last];
  places[holders[last]] = left;
  holders[last] = NONE;
  const next = firstSlots[target] + used[target]++;
  holders[next] = expert;
  places[expert] = next;
}

/** How many bytes more are moved if an expert that comes from `from` is on `to` rather than on `gpu`. */
function movedBytes(from: u32, gpu: u32, to: u32, bytes: f64): f64 {
  if (from === NONE) return 0;
  return from === gpu ? bytes : from === to ? -bytes : 0;
}
