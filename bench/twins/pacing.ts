// The kernels of assembly/pacing.ts in TypeScript, for loads of one chunk without gates: pairing heaps, one a DPU by deadline
// and one by latest start, and a tournament over them. Each field has an array of its own, which goes faster than rows do.

const NONE = -1;

class Heaps {
  readonly key: Float64Array;
  readonly tie: Float64Array;
  readonly child: Int32Array;
  readonly next: Int32Array;
  readonly previous: Int32Array;

  constructor(nodes: number) {
    this.key = new Float64Array(nodes);
    this.tie = new Float64Array(nodes);
    this.child = new Int32Array(nodes);
    this.next = new Int32Array(nodes);
    this.previous = new Int32Array(nodes);
  }

  isBefore(a: number, b: number): boolean {
    const [keyA, keyB] = [this.key[a]!, this.key[b]!];
    return keyA < keyB || (keyA === keyB && this.tie[a]! < this.tie[b]!);
  }

  pushed(root: number, node: number): number {
    this.child[node] = NONE;
    this.next[node] = NONE;
    this.previous[node] = NONE;
    return root === NONE ? node : this.melded(root, node);
  }

  withoutRoot(root: number): number {
    const { next } = this;
    let pairs = NONE;
    let at = this.child[root]!;
    while (at !== NONE) {
      let pair = at;
      const other = next[pair]!;
      at = NONE;
      if (other !== NONE) {
        at = next[other]!;
        pair = this.melded(pair, other);
      }
      next[pair] = pairs;
      pairs = pair;
    }
    if (pairs === NONE) return NONE;
    let heap = pairs;
    pairs = next[heap]!;
    while (pairs !== NONE) {
      const after = next[pairs]!;
      heap = this.melded(pairs, heap);
      pairs = after;
    }
    next[heap] = NONE;
    this.previous[heap] = NONE;
    return heap;
  }

  without(root: number, node: number): number {
    const rest = this.withoutRoot(node);
    if (node === root) return rest;
    const [after, before] = [this.next[node]!, this.previous[node]!];
    if (this.child[before] === node) this.child[before] = after;
    else this.next[before] = after;
    if (after !== NONE) this.previous[after] = before;
    return rest === NONE ? root : this.melded(root, rest);
  }

  melded(a: number, b: number): number {
    let [parent, inner] = [a, b];
    if (this.isBefore(b, a)) [parent, inner] = [b, a];
    const child = this.child[parent]!;
    this.next[inner] = child;
    this.previous[inner] = parent;
    if (child !== NONE) this.previous[child] = inner;
    this.child[parent] = inner;
    return parent;
  }
}

export interface PacerTwinOptions {
  dpus: number;
  paceBytesPerNs: number;
  capacity: number;
  batch: number;
}

/** A Pacer of one GPU a DPU. */
export class PacerTwin {
  readonly loads;
  readonly events;
  readonly #pace: number;
  readonly #dpus: number;
  readonly #capacity: number;
  readonly #free: Int32Array;
  #freeCount: number;
  readonly #heaps: Heaps;
  readonly #bytes: Float64Array;
  readonly #dpuOf: Int32Array;
  readonly #isWatched: Uint8Array;
  readonly #roots: Int32Array;
  readonly #wakeNs: Float64Array;
  readonly #readyNs: Float64Array;
  readonly #winners: Int32Array;
  #accepted = 0;
  #nowNs = 0;

  constructor({ dpus, paceBytesPerNs, capacity, batch }: PacerTwinOptions) {
    this.loads = {
      destinationGpu: new Uint32Array(batch),
      sizeBytes: new Float64Array(batch),
      deadlineNs: new Float64Array(batch),
      slot: new Uint32Array(batch),
    };
    this.events = { slot: new Uint32Array(batch), bytes: new Float64Array(batch), atNs: new Float64Array(batch) };
    this.#pace = paceBytesPerNs;
    this.#dpus = dpus;
    this.#capacity = capacity;
    this.#free = Int32Array.from({ length: capacity }, (_, i) => capacity - 1 - i);
    this.#freeCount = capacity;
    this.#heaps = new Heaps(2 * capacity);
    this.#bytes = new Float64Array(capacity);
    this.#dpuOf = new Int32Array(capacity);
    this.#isWatched = new Uint8Array(capacity);
    const leaves = 2 ** Math.ceil(Math.log2(2 * dpus));
    this.#roots = new Int32Array(leaves).fill(NONE);
    this.#wakeNs = new Float64Array(leaves).fill(Number.POSITIVE_INFINITY);
    this.#readyNs = new Float64Array(dpus);
    this.#winners = new Int32Array(2 * leaves);
    for (let i = 0; i < leaves; i++) this.#winners[leaves + i] = i;
    for (let i = leaves - 1; i >= 1; i--) this.#winners[i] = this.#winners[2 * i]!;
  }

  submit(count: number): number {
    const { destinationGpu, sizeBytes, deadlineNs, slot: slots } = this.loads;
    const heaps = this.#heaps;
    const accepted = Math.min(count, this.#freeCount);
    for (let i = 0; i < accepted; i++) {
      const slot = this.#free[--this.#freeCount]!;
      const dpu = destinationGpu[i]!;
      this.#bytes[slot] = sizeBytes[i]!;
      this.#dpuOf[slot] = dpu;
      this.#isWatched[slot] = 1;
      slots[i] = slot;
      heaps.key[slot] = deadlineNs[i]!;
      heaps.tie[slot] = this.#accepted;
      heaps.key[this.#capacity + slot] = deadlineNs[i]! - sizeBytes[i]! / this.#pace;
      heaps.tie[this.#capacity + slot] = this.#accepted++;
      this.#enqueue(dpu, slot);
      this.#enqueue(this.#dpus + dpu, this.#capacity + slot);
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
      const node = this.#roots[queue]!;
      if (queue < this.#dpus) {
        this.#roots[queue] = this.#heaps.withoutRoot(node);
        if (this.#isWatched[node] === 1) {
          const watch = this.#dpus + queue;
          this.#isWatched[node] = 0;
          this.#roots[watch] = this.#heaps.without(this.#roots[watch]!, this.#capacity + node);
        }
        this.#readyNs[queue] = Math.max(atNs, this.#readyNs[queue]!) + this.#bytes[node]! / this.#pace;
        slots[events] = node;
        sizes[events] = this.#bytes[node]!;
        instants[events++] = atNs;
      } else if (node !== NONE && this.#heaps.key[node]! <= atNs) {
        this.#roots[queue] = this.#heaps.withoutRoot(node);
        this.#isWatched[node - this.#capacity] = 0;
        slots[events] = node - this.#capacity;
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

  #enqueue(queue: number, node: number): void {
    const root = this.#heaps.pushed(this.#roots[queue]!, node);
    this.#roots[queue] = root;
    if (root === node) this.#refresh(queue, this.#nowNs);
  }

  #refresh(queue: number, nowNs: number): void {
    const [winners, wakeNs, dpus] = [this.#winners, this.#wakeNs, this.#dpus];
    const root = this.#roots[queue]!;
    let ownNs = Number.POSITIVE_INFINITY;
    if (root !== NONE) ownNs = Math.max(nowNs, queue < dpus ? this.#readyNs[queue]! : this.#heaps.key[root]!);
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
    return this.#heaps.isBefore(this.#roots[a]!, this.#roots[b]!);
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
