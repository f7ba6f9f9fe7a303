/**
 * A heap of events in which each has four children, in columns. Of equal instants the first pushed is first. What was taken leaves
 * its place free, at the top, for the next event that is pushed.
 */
export class EventHeap {
  readonly #ns: Float64Array;
  readonly #numberOf: Uint32Array;
  readonly #what: Uint32Array;
  #count = 0;
  #number = 0;
  #isTaken = false;
  /** Of the event that was taken last. */
  nowNs = 0;

  constructor(most: number) {
    this.#ns = new Float64Array(most);
    this.#numberOf = new Uint32Array(most);
    this.#what = new Uint32Array(most);
  }

  push(ns: number, what: number): void {
    const number = this.#number++;
    if (this.#isTaken) {
      this.#isTaken = false;
      this.#sink(ns, number, what);
      return;
    }
    let at = this.#count++;
    while (at > 0) {
      const above = (at - 1) >> 2;
      // Whoever is there was pushed before.
      if (this.#ns[above]! <= ns) break;
      this.#move(at, above);
      at = above;
    }
    this.#write(at, ns, number, what);
  }

  /** Takes the first event, and says what happens; -1 if there is none. */
  pop(): number {
    if (this.#isTaken) {
      const last = --this.#count;
      this.#sink(this.#ns[last]!, this.#numberOf[last]!, this.#what[last]!);
    }
    this.#isTaken = this.#count > 0;
    if (!this.#isTaken) return -1;
    this.nowNs = this.#ns[0]!;
    return this.#what[0]!;
  }

  /** Puts an event in the first place, which is free, or where it belongs below. */
  #sink(ns: number, number: number, what: number): void {
    let at = 0;
    for (;;) {
      let least = 4 * at + 1;
      if (least >= this.#count) break;
      const end = Math.min(least + 4, this.#count);
      for (let child = least + 1; child < end; child++)
        if (this.#isBefore(child, this.#ns[least]!, this.#numberOf[least]!)) least = child;
      if (!this.#isBefore(least, ns, number)) break;
      this.#move(at, least);
      at = least;
    }
    this.#write(at, ns, number, what);
  }

  #isBefore(at: number, ns: number, number: number): boolean {
    const atNs = this.#ns[at]!;
    return atNs < ns || (atNs === ns && this.#numberOf[at]! < number);
  }

  #write(at: number, ns: number, number: number, what: number): void {
    this.#ns[at] = ns;
    this.#numberOf[at] = number;
    this.#what[at] = what;
  }

  #move(to: number, from: number): void {
    this.#ns[to] = this.#ns[from]!;
    this.#numberOf[to] = this.#numberOf[from]!;
    this.#what[to] = this.#what[from]!;
  }
}
