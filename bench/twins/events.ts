/** A heap of events in which each has four children, in columns. Of equal instants the first pushed is first. */
export class EventHeap {
  readonly #ns: Float64Array;
  readonly #numberOf: Uint32Array;
  readonly #what: Uint32Array;
  #count = 0;
  #number = 0;
  /** Of the event that was taken last. */
  nowNs = 0;

  constructor(most: number) {
    this.#ns = new Float64Array(most);
    this.#numberOf = new Uint32Array(most);
    this.#what = new Uint32Array(most);
  }

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  push(ns: number, what: number): void {
    const number = this.#number++;
    let at = this.#count++;
    while (at > 0) {
      const above = (at - 1) >> 2;
      // Whoever is there was pushed before.
      if (this.#ns[above]! <= ns) break;
      this.#move(at, above);
      at = above;
    }
    this.#ns[at] = ns;
    this.#numberOf[at] = number;
    this.#what[at] = what;
  }

  pop(): number {
    const what = this.#what[0]!;
    this.nowNs = this.#ns[0]!;
    const last = --this.#count;
    let at = 0;
    for (;;) {
      let least = 4 * at + 1;
      if (least >= last) break;
      const end = Math.min(least + 4, last);
      for (let child = least + 1; child < end; child++) if (this.#isBefore(child, least)) least = child;
      if (!this.#isBefore(least, last)) break;
      this.#move(at, least);
      at = least;
    }
    this.#move(at, last);
    return what;
  }

  #isBefore(a: number, b: number): boolean {
    const [aNs, bNs] = [this.#ns[a]!, this.#ns[b]!];
    return aNs < bNs || (aNs === bNs && this.#numberOf[a]! < this.#numberOf[b]!);
  }

  #move(to: number, from: number): void {
    this.#ns[to] = this.#ns[from]!;
    this.#numberOf[to] = this.#numberOf[from]!;
    this.#what[to] = this.#what[from]!;
  }
}
