import { FORBIDDEN, NONE } from "../../assembly/layout.ts";

// The kernels of placement once more: a line for each sentence of what they say they do, in numbers of 32 bits where they have
// those.

const f32 = Math.fround;

/** What each kernel is given: rows of costs, and what experts and GPUs have. */
export interface Costs {
  width: number;
  costs: Float32Array;
  loads: Float32Array;
}

const sumAt = ({ width, costs, loads }: Costs, prices: Float32Array, expert: number, gpu: number) =>
  f32(f32(costs[expert * width + gpu]! + prices[gpu]!) + f32(loads[expert]! * prices[width + gpu]!));

export interface Ascent extends Costs {
  prices: Float32Array;
  sums: Float64Array;
  bytePrice: Float64Array;
  capacity: Float32Array;
  order: Uint32Array;
  from: Uint32Array;
  moveBytes: Float32Array;
}

/** A pass of prices over all experts. */
export function ascend(at: Ascent, step: number, loadStep: number, byteStep: number, bytesMost: number, free: boolean) {
  const { width, prices, sums, bytePrice, capacity, order, loads } = at;
  let blocks = 0;
  for (let first = 0; first < order.length; first += 8) {
    const block = order.subarray(first, first + 8);
    for (const expert of block) {
      const all = Array.from({ length: width }, (_, gpu) => sumAt(at, prices, expert, gpu));
      let gpu = all.indexOf(Math.min(...all));
      const [home, bytes] = [at.from[expert]!, at.moveBytes[expert]!];
      if (byteStep > 0 && home !== NONE && gpu !== home) {
        if (all[home]! <= all[gpu]! + bytePrice[0]! * bytes) gpu = home;
        else bytePrice[0]! += byteStep * bytes;
      }
      prices[gpu] = f32(prices[gpu]! + f32(step));
      prices[width + gpu] = f32(prices[width + gpu]! + f32(loadStep * loads[expert]!));
    }
    const part = (1 / order.length) * block.length;
    for (let i = 0; i < 2 * width; i++) {
      if (i >= width && loadStep === 0) continue;
      const fall = f32(f32((i < width ? step : loadStep) * part) * capacity[i]!);
      const fallen = f32(prices[i]! - fall);
      prices[i] = free || i >= width ? Math.max(0, fallen) : fallen;
    }
    bytePrice[0] = Math.max(0, bytePrice[0]! - byteStep * bytesMost * part);
    prices.forEach((price, i) => {
      sums[i]! += price;
    });
    sums[2 * width]! += bytePrice[0]!;
    blocks++;
  }
  return blocks;
}

export interface Annealing extends Costs {
  at: Uint32Array;
  candidates: Uint32Array;
  capacity: Float32Array;
  firstSlots: Uint32Array;
  from: Uint32Array;
  moveBytes: Float32Array;
  penalties: Float64Array;
}

/** Proposals of `bits`, four words each, on a placement whose slots are lists with the free ones last. */
export function anneal(state: Annealing, bits: Uint32Array, temperature: number, bytePenalty: number, most: number) {
  const { width, costs, loads, at, candidates, capacity, firstSlots, from, moveBytes, penalties } = state;
  const listed = candidates.length / at.length;
  const slots = Array.from({ length: width }, (_, gpu) =>
    Array.from({ length: firstSlots[gpu + 1]! - firstSlots[gpu]! }, () => -1),
  );
  at.forEach((gpu, expert) => {
    slots[gpu]![slots[gpu]!.indexOf(-1)] = expert;
  });
  const whole = (word: number, count: number) => Number((BigInt(word >>> 0) * BigInt(count)) >> 32n);
  const score = () => {
    const used = new Float64Array(width);
    let [cost, bytes] = [0, 0];
    at.forEach((gpu, expert) => {
      cost += costs[expert * width + gpu]!;
      used[gpu]! += loads[expert]!;
      if (from[expert] !== NONE && from[expert] !== gpu) bytes += moveBytes[expert]!;
    });
    const over = used.map((load, gpu) => Math.max(0, load - capacity[width + gpu]!));
    const penalty = over.reduce((sum, load, gpu) => sum + load * penalties[gpu]!, 0);
    return {
      cost,
      over: over.reduce((a, b) => a + b, 0),
      bytes,
      all: cost + penalty + bytePenalty * Math.max(0, bytes - most),
    };
  };
  let now = score();
  for (let draw = 0; draw + 4 <= bits.length; draw += 4) {
    const expert = whole(bits[draw]!, at.length);
    const chosen = bits[draw + 1]!;
    const rank = Math.min(whole(chosen << 16, listed), whole(chosen & 0xffff0000, listed));
    const target = candidates[expert * listed + rank]!;
    const gpu = at[expert]!;
    if (target === gpu || target === NONE) continue;
    const slot = whole(bits[draw + 2]!, slots[target]!.length);
    const other = slots[target]![slot]!;
    if (other >= 0 && costs[other * width + gpu]! >= FORBIDDEN) continue;
    at[expert] = target;
    if (other >= 0) at[other] = gpu;
    const then = score();
    const worse = then.all - now.all;
    if (worse > 0 && !(Math.exp(-worse / temperature) * 2 ** 32 > bits[draw + 3]!)) {
      at[expert] = gpu;
      if (other >= 0) at[other] = target;
      continue;
    }
    now = then;
    const mine = slots[gpu]!.indexOf(expert);
    if (other >= 0) {
      slots[gpu]![mine] = other;
      slots[target]![slot] = expert;
    } else {
      const last = slots[gpu]!.findLastIndex((held) => held >= 0);
      slots[gpu]![mine] = slots[gpu]![last]!;
      slots[gpu]![last] = -1;
      slots[target]![slots[target]!.indexOf(-1)] = expert;
    }
  }
  return now;
}
