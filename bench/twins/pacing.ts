// The kernels of assembly/pacing.ts in TypeScript, for loads of one chunk without gates: heaps of four children a node, one a
// DPU by deadline and one by latest start, and a tournament over them. Each field has an array of its own and each heap has
// arrays of its own, without pages: as many loads as it may hold are known here.

const NONE = -1;

/** A heap of four children a node, of at most `length` nodes, whose places it notes for all heaps of its kind. */
class Heap {
  readonly #keys: Float64Array;
  readonly #ties: Float64Array;
  readonly #nodes: Int32Array;
  readonly #places: Int32Array;
  #size = 0;

  constructor(length: number, places: Int32Array) {
    this.#keys = new Float64Array(length);
    this.#ties = new Float64Array(length);
    this.#nodes = new Int32Array(length);
    this.#places = places;
  }

  get root(): number {
    return this.#size === 0 ? NONE : this.#nodes[0]!;
  }
  get key(): number {
    return this.#keys[0]!;
  }
  get tie(): number {
    return this.#ties[0]!;
  }

  push(key: number, tie: number, node: number): void {
    this.#rise(this.#size++, key, tie, node);
  }

  take(node: number): void {
    const [keys, ties, nodes, places] = [this.#keys, this.#ties, this.#nodes, this.#places];
    const last = --this.#size;
    let at = places[node]!;
    places[node] = NONE;
    if (at === last) return;
    for (let child = 4 * at + 1; child < last; child = 4 * at + 1) {
      const end = Math.min(child + 4, last);
      let least = child;
      for (let other = child + 1; other < end; other++) {
        const [a, b] = [keys[other]!, keys[least]!];
        if (a < b || (a === b && ties[other]! < ties[least]!)) least = other;
      }
      keys[at] = keys[least]!;
      ties[at] = ties[least]!;
      nodes[at] = nodes[least]!;
      places[nodes[at]!] = at;
      at = least;
    }
    this.#rise(at, keys[last]!, ties[last]!, nodes[last]!);
  }

  #rise(from: number, key: number, tie: number, node: number): void {
    const [keys, ties, nodes, places] = [this.#keys, this.#ties, this.#nodes, this.#places];
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 2;
      if (keys[parent]! < key || (keys[parent] === key && ties[parent]! < tie)) break;
      keys[at] = keys[parent]!;
      ties[at] = ties[parent]!;
      nodes[at] = nodes[parent]!;
      places[nodes[at]!] = at;
      at = parent;
    }
    keys[at] = key;
    ties[at] = tie;
    nodes[at] = node;
    places[node] = at;
  }
}

export interface PacerTwinOptions {
  dpus: number;
  paceBytesPerNs: number;
  /** Loads a DPU. */
  depth: number;
  batch: number;
}

/** A Pacer of one GPU a DPU. */
export class PacerTwin {
  readonly loads;
  readonly events;
  readonly #pace: number;
  readonly #dpus: number;
  readonly #free: Int32Array;
  #freeCount: number;
  readonly #queues: Heap[];
  /** Where a load is in its queue of latest starts, or NONE. */
  readonly #watched: Int32Array;
  readonly #bytes: Float64Array;
  readonly #dpuOf: Int32Array;
  readonly #wakeNs: Float64Array;
  readonly #readyNs: Float64Array;
  readonly #winners: Int32Array;
  #accepted = 0;
  #nowNs = 0;

  constructor({ dpus, paceBytesPerNs, depth, batch }: PacerTwinOptions) {
    const capacity = dpus * depth;
    this.loads = {
      destinationGpu: new Uint32Array(batch),
      sizeBytes: new Float64Array(batch),
      deadlineNs: new Float64Array(batch),
      slot: new Uint32Array(batch),
    };
    this.events = { slot: new Uint32Array(batch), bytes: new Float64Array(batch), atNs: new Float64Array(batch) };
    this.#pace = paceBytesPerNs;
    this.#dpus = dpus;
    this.#free = Int32Array.from({ length: capacity }, (_, i) => capacity - 1 - i);
    this.#freeCount = capacity;
    this.#watched = new Int32Array(capacity).fill(NONE);
    const heaps = (places: Int32Array) => Array.from({ length: dpus }, () => new Heap(depth, places));
    this.#queues = [...heaps(new Int32Array(capacity)), ...heaps(this.#watched)];
    this.#bytes = new Float64Array(capacity);
    this.#dpuOf = new Int32Array(capacity);
    const leaves = 2 ** Math.ceil(Math.log2(2 * dpus));
    this.#wakeNs = new Float64Array(leaves).fill(Number.POSITIVE_INFINITY);
    this.#readyNs = new Float64Array(dpus);
    this.#winners = new Int32Array(2 * leaves);
    for (let i = 0; i < leaves; i++) this.#winners[leaves + i] = i;
    for (let i = leaves - 1; i >= 1; i--) this.#winners[i] = this.#winners[2 * i]!;
  }

  submit(count: number): number {
    const { destinationGpu, sizeBytes, deadlineNs, slot: slots } = this.loads;
    const accepted = Math.min(count, this.#freeCount);
    for (let i = 0; i < accepted; i++) {
      const slot = this.#free[--this.#freeCount]!;
      const dpu = destinationGpu[i]!;
      this.#bytes[slot] = sizeBytes[i]!;
      this.#dpuOf[slot] = dpu;
      slots[i] = slot;
      this.#enqueue(dpu, deadlineNs[i]!, slot);
      this.#enqueue(this.#dpus + dpu, deadlineNs[i]! - sizeBytes[i]! / this.#pace, slot);
      this.#accepted++;
    }
    return accepted;
  }

  advance(nowNs: number): number {
    const { slot: slots, bytes: sizes, atNs: instants } = this.events;
    const room = slots.length;
    this.#nowNs = nowNs;
    let events = 0;
    while (events < room) {
      const queue = this.#winners[1]!;
      const atNs = this.#wakeNs[queue]!;
      if (!(atNs <= nowNs)) break;
      const slot = this.#queues[queue]!.root;
      if (queue < this.#dpus) {
        this.#queues[queue]!.take(slot);
        if (this.#watched[slot] !== NONE) this.#queues[this.#dpus + queue]!.take(slot);
        this.#readyNs[queue] = Math.max(atNs, this.#readyNs[queue]!) + this.#bytes[slot]! / this.#pace;
        slots[events] = slot;
        sizes[events] = this.#bytes[slot]!;
        instants[events++] = atNs;
      } else if (slot !== NONE && this.#queues[queue]!.key <= atNs) {
        this.#queues[queue]!.take(slot);
        slots[events] = slot;
        sizes[events] = 0;
        instants[events++] = atNs;
      }
      this.#refresh(queue, atNs);
    }
    return events;
  }

  complete(count: number): void {
    const { slot, bytes } = this.events;
    for (let i = 0; i < count; i++) if (bytes[i]! > 0) this.#free[this.#freeCount++] = slot[i]!;
  }

  #enqueue(queue: number, key: number, slot: number): void {
    this.#queues[queue]!.push(key, this.#accepted, slot);
    if (this.#queues[queue]!.root === slot) this.#refresh(queue, this.#nowNs);
  }

  #refresh(queue: number, nowNs: number): void {
    const [winners, wakeNs, dpus] = [this.#winners, this.#wakeNs, this.#dpus];
    const heap = this.#queues[queue]!;
    let ownNs = Number.POSITIVE_INFINITY;
    if (heap.root !== NONE) ownNs = Math.max(nowNs, queue < dpus ? this.#readyNs[queue]! : heap.key);
    wakeNs[queue] = ownNs;
    let winner = queue;
    for (let match = (winners.length >> 1) + queue; match > 1; match >>= 1) {
      const other = winners[match ^ 1]!;
      if (this.#isEarlier(other, winner)) winner = other;
      winners[match >> 1] = winner;
    }
  }

  #isEarlier(a: number, b: number): boolean {
    const [wakeA, wakeB] = [this.#wakeNs[a]!, this.#wakeNs[b]!];
    if (wakeA !== wakeB) return wakeA < wakeB;
    if (wakeA === Number.POSITIVE_INFINITY || a >= this.#dpus || b >= this.#dpus) return a < b;
    const [first, other] = [this.#queues[a]!, this.#queues[b]!];
    return first.key < other.key || (first.key === other.key && first.tie < other.tie);
  }
}

/** A load as one writes it in a first simulator. */
export interface NaiveLoad {
  dpu: number;
  sizeBytes: number;
  deadlineNs: number;
  submittedNs: number;
}

/** A binary heap of objects. */
class ObjectHeap<T> {
  readonly #items: { key: number; item: T }[] = [];

  get first(): { key: number; item: T } | undefined {
    return this.#items[0];
  }

  push(key: number, item: T): void {
    const items = this.#items;
    let at = items.length;
    const pushed = { key, item };
    items.push(pushed);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (items[parent]!.key <= key) break;
      items[at] = items[parent]!;
      at = parent;
    }
    items[at] = pushed;
  }

  pop(): T | undefined {
    const items = this.#items;
    const top = items[0];
    const last = items.pop();
    if (top === undefined || last === undefined || items.length === 0) return top?.item;
    let at = 0;
    for (let child = 1; child < items.length; child = 2 * at + 1) {
      if (child + 1 < items.length && items[child + 1]!.key < items[child]!.key) child++;
      if (items[child]!.key >= last.key) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = last;
    return top.item;
  }
}

/** A pacer as one writes it in a first simulator: objects in a binary heap a DPU, and one heap of the DPUs' next instants. */
export class NaivePacer {
  readonly #queues: ObjectHeap<NaiveLoad>[];
  readonly #readyNs: number[];
  readonly #wakes = new ObjectHeap<number>();
  readonly #pace: number;

  constructor(dpus: number, paceBytesPerNs: number) {
    this.#queues = Array.from({ length: dpus }, () => new ObjectHeap<NaiveLoad>());
    this.#readyNs = new Array(dpus).fill(0);
    this.#pace = paceBytesPerNs;
  }

  submit(load: NaiveLoad): void {
    const queue = this.#queues[load.dpu]!;
    if (!queue.first) this.#wakes.push(Math.max(load.submittedNs, this.#readyNs[load.dpu]!), load.dpu);
    queue.push(load.deadlineNs, load);
  }

  advance(nowNs: number): { load: NaiveLoad; atNs: number }[] {
    const reads: { load: NaiveLoad; atNs: number }[] = [];
    for (let wake = this.#wakes.first; wake && wake.key <= nowNs; wake = this.#wakes.first) {
      const [dpu, atNs] = [wake.item, wake.key];
      this.#wakes.pop();
      const load = this.#queues[dpu]!.pop()!;
      reads.push({ load, atNs });
      this.#readyNs[dpu] = atNs + load.sizeBytes / this.#pace;
      if (this.#queues[dpu]!.first) this.#wakes.push(this.#readyNs[dpu]!, dpu);
    }
    return reads;
  }
}
