/** What a knapsack may hold: from `least` to `most` of the first `count` of `items`, `capacity` of load in all. */
export interface Sack {
  items: Int32Array;
  count: number;
  least: number;
  most: number;
  capacity: number;
}

/** Of a sack, what is left when its capacity and its places are priced instead of bounded: a choice item by item. */
export class Relaxation {
  /** The relaxed optimum: no set costs less. */
  relaxed = 0;
  /** Prices on load and on a place. */
  mu = 0;
  lambda = 0;
  /** Far above what rounding does to sums of the size met here. */
  slack = 0;
  /** By how much a set costs more than `relaxed`, at least, if it has the item (positive), or has it not (negative). */
  readonly reduced: Float64Array;
  /** The items of least price plus mu x load, ascending, one more than fit; the first `chosen` are the relaxed optimum, and fit. */
  readonly topItem: Int32Array;
  chosen = 0;
  readonly #topKey: Float64Array;
  #chosenLoad = 0;
  #chosenKeys = 0;
  readonly #loads: Float64Array;

  constructor(loads: Float64Array) {
    this.#loads = loads;
    this.reduced = new Float64Array(loads.length);
    this.topItem = new Int32Array(loads.length + 2);
    this.#topKey = new Float64Array(loads.length + 2);
  }

  /** Finds the mu at which the relaxed optimum is greatest, from the side on which its items fit; false where none ever do. */
  solve(sack: Sack, price: Float64Array): boolean {
    this.relaxed = Number.POSITIVE_INFINITY;
    this.slack = 0;
    if (!this.#climb(sack, price)) return false;
    this.#reduce(sack, price);
    return true;
  }

  #climb(sack: Sack, price: Float64Array): boolean {
    const { capacity, least, most, count } = sack;
    if (least > count || least > most || capacity < 0) return false;
    this.#choose(sack, price, 0);
    this.mu = 0;
    if (this.#chosenLoad <= capacity) return true;
    let low = 0;
    let lowKeys = this.#chosenKeys;
    let lowSlope = this.#chosenLoad - capacity;
    let high = this.#firstMu(sack, price);
    if (high < 0) return false;
    let highKeys = this.#chosenKeys - high * capacity;
    let highSlope = this.#chosenLoad - capacity;
    // The relaxed optimum is concave and piecewise linear in mu: where two of its lines meet, it is no higher.
    for (let round = 0; round < 50 && highSlope < 0; round++) {
      const mu = (highKeys - lowKeys + lowSlope * low - highSlope * high) / (lowSlope - highSlope);
      if (!(mu > low && mu < high)) break;
      this.#choose(sack, price, mu);
      const keys = this.#chosenKeys - mu * capacity;
      const met = keys >= lowKeys + lowSlope * (mu - low) - tolerance(keys);
      if (this.#chosenLoad <= capacity) {
        high = mu;
        highKeys = keys;
        highSlope = this.#chosenLoad - capacity;
      } else {
        low = mu;
        lowKeys = keys;
        lowSlope = this.#chosenLoad - capacity;
      }
      if (met) break;
    }
    this.mu = high;
    this.#choose(sack, price, high);
    return true;
  }

  /** Some mu at which the relaxed optimum fits: at -1 there is none. */
  #firstMu(sack: Sack, price: Float64Array): number {
    let mu = 1;
    for (let doubling = 0; doubling < 64; doubling++) {
      this.#choose(sack, price, mu);
      if (this.#chosenLoad <= sack.capacity) return mu;
      mu *= 4;
    }
    return -1;
  }

  /** The cheapest set by price plus mu x load, whatever its load. */
  #choose(sack: Sack, price: Float64Array, mu: number): void {
    const { items, count, least, most } = sack;
    const top = this.#topKey;
    const topItem = this.topItem;
    const kept = Math.min(most + 1, count);
    let size = 0;
    for (let i = 0; i < count; i++) {
      const e = items[i]!;
      const key = price[e]! + mu * this.#loads[e]!;
      if (size === kept) {
        if (!(key < top[size - 1]!)) continue;
        size--;
      }
      let j = size++;
      for (; j > 0 && top[j - 1]! > key; j--) {
        top[j] = top[j - 1]!;
        topItem[j] = topItem[j - 1]!;
      }
      top[j] = key;
      topItem[j] = e;
    }
    let chosen = 0;
    let load = 0;
    let keys = 0;
    while (chosen < size && chosen < most && (chosen < least || top[chosen]! < 0)) {
      load += this.#loads[topItem[chosen]!]!;
      keys += top[chosen++]!;
    }
    this.chosen = chosen;
    this.#chosenLoad = load;
    this.#chosenKeys = keys;
    const last = chosen > 0 ? top[chosen - 1]! : 0;
    // Amid the last that is in and the first that is out, which spreads the reduced prices most evenly.
    const amid = chosen === size ? -Math.max(0, last) : -(last + top[chosen]!) / 2;
    if (chosen === 0) this.lambda = 0;
    else if (least === most) this.lambda = amid;
    else if (chosen === most) this.lambda = Math.max(0, amid);
    else this.lambda = chosen === least ? Math.min(0, amid) : 0;
  }

  #reduce(sack: Sack, price: Float64Array): void {
    const { items, count, least, most, capacity } = sack;
    const lambda = this.lambda;
    const mu = this.mu;
    let relaxed = -lambda * (lambda > 0 ? most : least) - (mu > 0 ? mu * capacity : 0);
    for (let i = 0; i < count; i++) {
      const e = items[i]!;
      const reduced = price[e]! + mu * this.#loads[e]! + lambda;
      this.reduced[e] = reduced;
      if (reduced < 0) relaxed += reduced;
    }
    this.relaxed = relaxed;
    this.slack = 1e-12 * (1 + Math.abs(relaxed) + (mu > 0 ? mu * capacity : 0) + Math.abs(lambda) * most);
  }
}

/** Below this, sums of f64 about `value` are not told apart. */
export function tolerance(value: number): number {
  return 1e-9 * (1 + Math.abs(value));
}
