/** What is to come, in order of time; what is told for one instant comes in the order in which it was told. */
export class Agenda {
  readonly #heap: { atNs: number; sequence: number; act: (nowNs: number) => void }[] = [];
  #told = 0;

  get nextNs(): number {
    return this.#heap[0]?.atNs ?? Number.POSITIVE_INFINITY;
  }

  at(atNs: number, act: (nowNs: number) => void): void {
    const heap = this.#heap;
    const entry = { atNs, sequence: this.#told++, act };
    let i = heap.length;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (heap[parent]!.atNs <= atNs) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = entry;
  }

  /** Does what is next. */
  act(): void {
    const heap = this.#heap;
    const [first, last] = [heap[0]!, heap.pop()!];
    const size = heap.length;
    for (let i = 0; size > 0; ) {
      let child = 2 * i + 1;
      if (child + 1 < size && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (child >= size || isBefore(last, heap[child]!)) {
        heap[i] = last;
        break;
      }
      heap[i] = heap[child]!;
      i = child;
    }
    first.act(first.atNs);
  }
}

interface Entry {
  atNs: number;
  sequence: number;
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.atNs < other.atNs || (one.atNs === other.atNs && one.sequence < other.sequence);
}
