import { Relaxation, type Sack } from "./relaxation.ts";

/** A search that would hold more states than this in one layer gives way to the relaxed bound, unless told otherwise. */
const STATES_MAX = 1 << 20;

const OVERFLOWN = Number.NEGATIVE_INFINITY;
const EMPTY: Seed = { places: 0, load: 0, value: 0, settled: 0 };

/** Items that are in every set: how many, their load, their price and their reduced price. */
interface Seed {
  places: number;
  load: number;
  value: number;
  settled: number;
}

/**
 * The knapsack with cardinality: of a sack's items the set of least total price, prices of any sign.
 *
 * First relaxed: a price on load (mu) and one on a place (lambda) leave a choice item by item. Every set then costs the
 * relaxed optimum plus its *excess*: what its wrong choices cost at reduced prices, and its free capacity at mu. A set that is
 * feasible gives an upper bound, so items whose reduced price alone exceeds the difference are settled; the others,
 * the *core*, are gone through by dynamic programming, those that matter most first. Its states are (places, load, price); one is dropped
 * when another with as many places is no heavier and no dearer, or when its excess is above the difference.
 * (Martello and Toth's core with Nemhauser and Ullmann's lists, made to count.)
 */
export class Knapsack {
  /** The cheapest set, after `solve` returned what is below `upper`. */
  readonly set: Int32Array;
  setCount = 0;
  /** Of the last `solve`. */
  readonly relaxation: Relaxation;
  readonly #statesMax: number;
  readonly #loads: Float64Array;
  readonly #core: Int32Array;
  #coreCount = 0;
  #settledPlaces = 0;
  #layer = new Layer(1 << 10);
  #next = new Layer(1 << 10);
  #kept = new Layer(1 << 10);
  #start: Int32Array;
  #keptStart: Int32Array;
  readonly #nextStart: Int32Array;
  /** How each state came to be: the item it took, and the state that took it. */
  #item = new Int32Array(1 << 12);
  #from = new Int32Array(1 << 12);
  #traces = 0;

  constructor(loads: Float64Array, statesMax = STATES_MAX) {
    this.#statesMax = statesMax;
    const experts = loads.length;
    this.#loads = loads;
    this.set = new Int32Array(experts);
    this.relaxation = new Relaxation(loads);
    this.#core = new Int32Array(experts);
    this.#start = new Int32Array(experts + 2);
    this.#keptStart = new Int32Array(experts + 2);
    this.#nextStart = new Int32Array(experts + 2);
  }

  /**
   * The least price of a set, where that is below `upper`, and `set` holds it. Else `upper`, and `setCount` is -1; Infinity
   * where nothing fits. Should the search grow too large: a lower bound, and in `set` what attains it relaxed.
   */
  solve(sack: Sack, price: Float64Array, upper: number): number {
    this.setCount = -1;
    const { relaxation } = this;
    if (!relaxation.solve(sack, price)) return Number.POSITIVE_INFINITY;
    const { relaxed, slack, chosen, topItem } = relaxation;
    let below = upper;
    // What the relaxation chose fits: a first set.
    let cost = 0;
    for (let i = 0; i < chosen; i++) cost += price[topItem[i]!]!;
    if (cost < below) {
      below = cost;
      this.#take();
    }
    const budget = below - relaxed;
    if (budget <= slack) return below;
    const last = this.setCount;
    const best = this.#search(sack, price, budget + slack);
    if (best === OVERFLOWN) {
      this.#take();
      return relaxed;
    }
    if (best < below) return best;
    // What the search found is no better than what was known.
    if (last >= 0) this.#take();
    else this.setCount = -1;
    return below;
  }

  #take(): void {
    const { topItem, chosen } = this.relaxation;
    this.set.set(topItem.subarray(0, chosen));
    this.setCount = chosen;
  }

  /** The least price of a set within the budget, Infinity where there is none; `set` has it. */
  #search(sack: Sack, price: Float64Array, budget: number): number {
    const seed = this.#settle(sack, price, budget);
    if (seed.places > sack.most || seed.load > sack.capacity) return Number.POSITIVE_INFINITY;
    this.#traces = 0;
    if (!this.#enumerate(0, seed, sack, price, budget)) return OVERFLOWN;
    [this.#kept, this.#layer] = [this.#layer, this.#kept];
    [this.#keptStart, this.#start] = [this.#start, this.#keptStart];
    if (!this.#enumerate(1, EMPTY, sack, price, budget)) return OVERFLOWN;
    return this.#combine(sack, budget);
  }

  /** Every other item of the core, from `seed` on: leaves the states in the layer. False where there are too many. */
  #enumerate(first: number, seed: Seed, sack: Sack, price: Float64Array, budget: number): boolean {
    const { least, most } = sack;
    this.#layer.reserve(1);
    this.#layer.load[0] = seed.load;
    this.#layer.value[0] = seed.value;
    this.#layer.trace[0] = -1;
    for (let k = 0; k <= most + 1; k++) this.#start[k] = k <= seed.places ? 0 : 1;
    let settled = seed.settled;
    // Of the other half all may be taken.
    let left = this.#coreCount + this.#settledPlaces - seed.places;
    for (let i = first; i < this.#coreCount; i += 2) {
      const e = this.#core[i]!;
      if (this.relaxation.reduced[e]! < 0) settled += this.relaxation.reduced[e]!;
      const states = this.#start[most + 1]!;
      if (states > this.#statesMax) return false;
      this.#reserve(states);
      this.#advance(e, price[e]!, budget + settled, Math.max(0, least - --left), sack);
    }
    return true;
  }

  /** Joins each state of one half with the cheapest of the other that it has room for. */
  #combine({ items, count, least, most, capacity }: Sack, budget: number): number {
    const { load, value, trace } = this.#layer;
    const other = this.#kept;
    let best = Number.POSITIVE_INFINITY;
    let bestHere = -1;
    let bestThere = -1;
    for (let k = 0; k <= most; k++) {
      for (let l = Math.max(0, least - k); l <= most - k; l++) {
        const first = this.#keptStart[l]!;
        let there = this.#keptStart[l + 1]! - 1;
        for (let here = this.#start[k]!; here < this.#start[k + 1]! && there >= first; here++) {
          while (there >= first && load[here]! + other.load[there]! > capacity) there--;
          if (there < first || value[here]! + other.value[there]! >= best) continue;
          best = value[here]! + other.value[there]!;
          bestHere = here;
          bestThere = there;
        }
      }
    }
    if (bestHere < 0) return best;
    this.setCount = 0;
    for (let i = 0; i < count; i++)
      if (this.relaxation.reduced[items[i]!]! < -budget) this.set[this.setCount++] = items[i]!;
    for (let t = trace[bestHere]!; t >= 0; t = this.#from[t]!) this.set[this.setCount++] = this.#item[t]!;
    for (let t = other.trace[bestThere]!; t >= 0; t = this.#from[t]!) this.set[this.setCount++] = this.#item[t]!;
    return best;
  }

  /** Parts the items into the core, those in every set within the budget, and those in none. */
  #settle(sack: Sack, price: Float64Array, budget: number): Seed {
    const seed = { ...EMPTY };
    const core = this.#core;
    let size = 0;
    for (let i = 0; i < sack.count; i++) {
      const e = sack.items[i]!;
      const reduced = this.relaxation.reduced[e]!;
      if (reduced > budget) continue;
      if (reduced < -budget) {
        seed.places++;
        seed.load += this.#loads[e]!;
        seed.value += price[e]!;
        seed.settled += reduced;
        continue;
      }
      const weight = Math.abs(reduced);
      let j = size++;
      for (; j > 0 && Math.abs(this.relaxation.reduced[core[j - 1]!]!) < weight; j--) core[j] = core[j - 1]!;
      core[j] = e;
    }
    this.#coreCount = size;
    this.#settledPlaces = seed.places;
    return seed;
  }

  /** One more layer: each state without the item, and with it, merged by load. `keep` is what value + mu x load + lambda x places may be. */
  #advance(e: number, price: number, keep: number, leastPlaces: number, { most, capacity }: Sack): void {
    const { load, value, trace } = this.#layer;
    const next = this.#next;
    const start = this.#start;
    const weight = this.#loads[e]!;
    const { mu, lambda } = this.relaxation;
    let size = 0;
    for (let k = 0; k <= most; k++) {
      this.#nextStart[k] = size;
      if (k < leastPlaces) continue;
      const limit = keep - lambda * k;
      let without = start[k]!;
      const withoutEnd = start[k + 1]!;
      let having = k > 0 ? start[k - 1]! : 0;
      const havingEnd = k > 0 ? start[k]! : 0;
      let least = Number.POSITIVE_INFINITY;
      while (without < withoutEnd || having < havingEnd) {
        const a = without < withoutEnd ? load[without]! : Number.POSITIVE_INFINITY;
        const b = having < havingEnd ? load[having]! + weight : Number.POSITIVE_INFINITY;
        if (a < b || (a === b && value[without]! <= value[having]! + price)) {
          const v = value[without]!;
          if (v < least && v + mu * a <= limit) {
            least = v;
            next.load[size] = a;
            next.value[size] = v;
            next.trace[size++] = trace[without]!;
          }
          without++;
        } else {
          const v = value[having]! + price;
          if (b > capacity) having = havingEnd;
          else if (v < least && v + mu * b <= limit) {
            least = v;
            next.load[size] = b;
            next.value[size] = v;
            this.#item[this.#traces] = e;
            this.#from[this.#traces] = trace[having]!;
            next.trace[size++] = this.#traces++;
          }
          having++;
        }
      }
    }
    this.#nextStart[most + 1] = size;
    this.#start.set(this.#nextStart.subarray(0, most + 2));
    this.#next = this.#layer;
    this.#layer = next;
  }

  #reserve(states: number): void {
    this.#next.reserve(2 * states);
    if (this.#traces + states <= this.#item.length) return;
    this.#item = grown(this.#item, this.#traces + states);
    this.#from = grown(this.#from, this.#traces + states);
  }
}

/** The states after some items: for each number of places a list that rises in load and falls in value. */
class Layer {
  load: Float64Array;
  value: Float64Array;
  /** The last item that a state took; -1 for none. */
  trace: Int32Array;

  constructor(states: number) {
    this.load = new Float64Array(states);
    this.value = new Float64Array(states);
    this.trace = new Int32Array(states);
  }

  /** Makes room; what was in it is lost. */
  reserve(states: number): void {
    if (states <= this.load.length) return;
    this.load = new Float64Array(2 * states);
    this.value = new Float64Array(2 * states);
    this.trace = new Int32Array(2 * states);
  }
}

function grown(from: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const to = new Int32Array(2 * length);
  to.set(from);
  return to;
}
