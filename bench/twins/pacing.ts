import FlatQueue from "flatqueue";
import { NONE } from "../../assembly/layout.ts";

// What the kernels of assembly/reading.ts and pacing.ts do without gates, ports, faults and bursts for loads of one chunk that
// have arrived and end when they are read, in TypeScript: trees over the places of each DPU, a tournament over the DPUs.
//
// A tree has two children a node, its root is node 1, and leaf `place` node `width + place`. At 32 deep this took 138 ns a
// doorbell of the bench; keys by slot instead of by node 141 (1 to 4% less at 1,024 and 32,768 deep); latest starts whose nodes
// are put right only when the root comes due 161 (13% more at 1,024 deep, 16% less at 32,768); keys alone, and a search from the
// root, 155; heaps of four children a node 180, of two 183; the kernel's trees of 32 children 365, for want of SIMD.

export interface PacerTwinOptions {
  dpus: number;
  paceBytesPerNs: number;
  /** Loads a DPU, a power of two. */
  depth: number;
  batch: number;
}

/** A Pacer of one GPU a DPU. */
export class PacerTwin {
  readonly loads;
  readonly events;
  readonly #pace: number;
  readonly #width: number;
  readonly #bits: number;
  readonly #free: Uint32Array;
  readonly #freeCount: Uint32Array;
  readonly #sizeBytes: Float64Array;
  readonly #sequence: Float64Array;
  /** Trees of deadlines, the slots that they are of, and trees of latest starts. */
  readonly #keys: Float64Array;
  readonly #winners: Uint32Array;
  readonly #latestNs: Float64Array;
  readonly #creditNs: Float64Array;
  /** A DPU's next event, and the DPUs that win the matches of the tournament. */
  readonly #dueNs: Float64Array;
  readonly #matches: Uint32Array;
  #accepted = 0;
  #nowNs = 0;

  constructor({ dpus, paceBytesPerNs, depth, batch }: PacerTwinOptions) {
    const [words, floats] = [() => new Uint32Array(batch), () => new Float64Array(batch)];
    this.loads = { destinationGpu: words(), sizeBytes: floats(), deadlineNs: floats(), slot: words() };
    this.events = {
      slot: words(),
      bytes: floats(),
      bytesLeft: floats(),
      atNs: floats(),
      endNs: floats(),
      heldNs: floats(),
    };
    const slots = dpus * depth;
    this.#pace = paceBytesPerNs;
    this.#width = depth;
    this.#bits = Math.log2(depth);
    this.#free = Uint32Array.from({ length: slots }, (_, i) => depth - 1 - (i % depth));
    this.#freeCount = new Uint32Array(dpus).fill(depth);
    this.#sizeBytes = new Float64Array(slots);
    this.#sequence = new Float64Array(slots);
    this.#keys = new Float64Array(2 * slots).fill(Number.POSITIVE_INFINITY);
    this.#winners = Uint32Array.from({ length: 2 * slots }, (_, i) => (i >> (this.#bits + 1)) * depth + (i % depth));
    this.#latestNs = new Float64Array(2 * slots).fill(Number.POSITIVE_INFINITY);
    this.#creditNs = new Float64Array(dpus);
    const leaves = 2 ** Math.ceil(Math.log2(dpus));
    this.#dueNs = new Float64Array(leaves).fill(Number.POSITIVE_INFINITY);
    this.#matches = new Uint32Array(2 * leaves);
    for (let i = 2 * leaves - 1; i >= 1; i--) this.#matches[i] = i >= leaves ? i - leaves : this.#matches[2 * i]!;
  }

  submit(count: number): number {
    const { destinationGpu, sizeBytes, deadlineNs, slot: slots } = this.loads;
    const [free, freeCount, bits, width, pace] = [this.#free, this.#freeCount, this.#bits, this.#width, this.#pace];
    const [keys, winners, latest, dueNs] = [this.#keys, this.#winners, this.#latestNs, this.#dueNs];
    const first = this.#accepted;
    for (let i = 0; i < count; i++) {
      const dpu = destinationGpu[i]!;
      const left = freeCount[dpu]!;
      if (left === 0) {
        slots[i] = NONE;
        continue;
      }
      freeCount[dpu] = left - 1;
      const place = free[(dpu << bits) + left - 1]!;
      const slot = (dpu << bits) | place;
      const tree = dpu << (bits + 1);
      const isFirst = keys[tree + 1] === Number.POSITIVE_INFINITY;
      const key = deadlineNs[i]!;
      const latestNs = key - sizeBytes[i]! / pace;
      slots[i] = slot;
      this.#sizeBytes[slot] = sizeBytes[i]!;
      this.#sequence[slot] = this.#accepted++;
      let node = width + place;
      latest[tree + node] = latestNs;
      for (node >>= 1; node > 0 && latestNs < latest[tree + node]!; node >>= 1) latest[tree + node] = latestNs;
      node = width + place;
      keys[tree + node] = key;
      for (node >>= 1; node > 0 && key < keys[tree + node]!; node >>= 1) {
        keys[tree + node] = key;
        winners[tree + node] = slot;
      }
      if (isFirst || latestNs < dueNs[dpu]!) this.#refresh(dpu);
    }
    return this.#accepted - first;
  }

  advance(nowNs: number): number {
    const [dueNs, matches, rows] = [this.#dueNs, this.#matches, this.events.slot.length];
    let row = 0;
    for (let dpu = matches[1]!; row < rows && dueNs[dpu]! <= nowNs; dpu = matches[1]!) {
      row = this.#advanceDpu(dpu, row, nowNs);
      this.#refresh(dpu);
    }
    this.#nowNs = nowNs;
    return row;
  }

  #advanceDpu(dpu: number, from: number, nowNs: number): number {
    const { slot: slots, bytes: sizes, bytesLeft, atNs, endNs, heldNs } = this.events;
    const [free, bits, width, pace, sizeBytes] = [this.#free, this.#bits, this.#width, this.#pace, this.#sizeBytes];
    const [keys, winners, latest, sequence] = [this.#keys, this.#winners, this.#latestNs, this.#sequence];
    const firstSlot = dpu << bits;
    const tree = dpu << (bits + 1);
    const rows = slots.length;
    let row = from;
    let clockNs = this.#nowNs;
    let creditNs = this.#creditNs[dpu]!;
    let freed = firstSlot + this.#freeCount[dpu]!;
    while (row < rows) {
      const latestNs = later(clockNs, latest[tree + 1]!);
      const isIdle = keys[tree + 1] === Number.POSITIVE_INFINITY;
      const readNs = isIdle ? Number.POSITIVE_INFINITY : later(clockNs, creditNs);
      if (readNs <= latestNs) {
        if (readNs > nowNs) break;
        clockNs = readNs;
        const slot = winners[tree + 1]!;
        const place = slot - firstSlot;
        const bytes = sizeBytes[slot]!;
        creditNs = readNs + bytes / pace;
        slots[row] = slot;
        sizes[row] = bytes;
        bytesLeft[row] = 0;
        atNs[row] = readNs;
        endNs[row] = creditNs;
        heldNs[row++] = 0;
        free[freed++] = place;
        let winner = slot;
        let key = Number.POSITIVE_INFINITY;
        keys[tree + width + place] = key;
        for (let node = width + place; node > 1; node >>= 1) {
          const other = tree + (node ^ 1);
          const otherKey = keys[other]!;
          if (otherKey < key || (otherKey === key && sequence[winners[other]!]! < sequence[winner]!)) {
            winner = winners[other]!;
            key = otherKey;
          }
          keys[tree + (node >> 1)] = key;
          winners[tree + (node >> 1)] = winner;
        }
        this.#clearLatest(tree, place);
      } else {
        if (latestNs > nowNs) break;
        clockNs = latestNs;
        const first = latest[tree + 1]!;
        let node = 1;
        while (node < width) node = latest[tree + 2 * node] === first ? 2 * node : 2 * node + 1;
        slots[row] = firstSlot + node - width;
        sizes[row] = 0;
        bytesLeft[row] = sizeBytes[firstSlot + node - width]!;
        atNs[row] = latestNs;
        endNs[row] = latestNs;
        heldNs[row++] = 0;
        this.#clearLatest(tree, node - width);
      }
    }
    this.#freeCount[dpu] = freed - firstSlot;
    this.#creditNs[dpu] = creditNs;
    return row;
  }

  #clearLatest(tree: number, place: number): void {
    const latest = this.#latestNs;
    let node = this.#width + place;
    const oldNs = latest[tree + node]!;
    let leastNs = Number.POSITIVE_INFINITY;
    latest[tree + node] = leastNs;
    for (; node > 1 && leastNs !== oldNs && latest[tree + (node >> 1)] === oldNs; node >>= 1) {
      const otherNs = latest[tree + (node ^ 1)]!;
      if (otherNs < leastNs) leastNs = otherNs;
      latest[tree + (node >> 1)] = leastNs;
    }
  }

  #refresh(dpu: number): void {
    const [dueNs, matches] = [this.#dueNs, this.#matches];
    const tree = dpu << (this.#bits + 1);
    let ownNs = later(this.#nowNs, this.#latestNs[tree + 1]!);
    if (this.#keys[tree + 1]! < Number.POSITIVE_INFINITY)
      ownNs = Math.min(ownNs, later(this.#nowNs, this.#creditNs[dpu]!));
    dueNs[dpu] = ownNs;
    let winner = dpu;
    for (let match = dueNs.length + dpu; match > 1; match >>= 1) {
      const other = matches[match ^ 1]!;
      if (dueNs[other]! < ownNs || (dueNs[other] === ownNs && other < winner)) {
        winner = other;
        ownNs = dueNs[other]!;
      }
      matches[match >> 1] = winner;
    }
  }
}

function later(a: number, b: number): number {
  return a > b ? a : b;
}

/** A load as one writes it in a first simulator. */
export interface NaiveLoad {
  dpu: number;
  sizeBytes: number;
  deadlineNs: number;
  submittedNs: number;
  isRead: boolean;
}

/** A load that was read, or that is too late to be. */
export interface NaiveEvent {
  load: NaiveLoad;
  isLate: boolean;
  atNs: number;
  endNs: number;
}

/** A pacer as one writes it in a first simulator: objects in queues by deadline and by latest start, and events in order of time. */
export class NaivePacer {
  readonly #queues: FlatQueue<NaiveLoad>[];
  readonly #latest = new FlatQueue<NaiveLoad>();
  /** DPUs that have something to read, by when they can. */
  readonly #wakes = new FlatQueue();
  readonly #underWay: number[];
  readonly #readyNs: number[];
  readonly #pace: number;
  readonly #depth: number;

  constructor(dpus: number, paceBytesPerNs: number, depth: number) {
    this.#queues = Array.from({ length: dpus }, () => new FlatQueue<NaiveLoad>());
    this.#underWay = new Array(dpus).fill(0);
    this.#readyNs = new Array(dpus).fill(0);
    this.#pace = paceBytesPerNs;
    this.#depth = depth;
  }

  /** Whether there was a place for it. */
  submit(load: NaiveLoad): boolean {
    const { dpu, sizeBytes, deadlineNs, submittedNs } = load;
    if (this.#underWay[dpu] === this.#depth) return false;
    this.#underWay[dpu]!++;
    const queue = this.#queues[dpu]!;
    if (queue.length === 0) this.#wakes.push(dpu, Math.max(submittedNs, this.#readyNs[dpu]!));
    queue.push(load, deadlineNs);
    this.#latest.push(load, Math.max(submittedNs, deadlineNs - sizeBytes / this.#pace));
    return true;
  }

  advance(nowNs: number): NaiveEvent[] {
    const events: NaiveEvent[] = [];
    for (;;) {
      const readNs = this.#wakes.peekValue() ?? Number.POSITIVE_INFINITY;
      const latestNs = this.#latest.peekValue() ?? Number.POSITIVE_INFINITY;
      if (Math.min(readNs, latestNs) > nowNs) return events;
      if (latestNs < readNs) {
        const load = this.#latest.pop()!;
        if (!load.isRead) events.push({ load, isLate: true, atNs: latestNs, endNs: latestNs });
        continue;
      }
      const dpu = this.#wakes.pop()!;
      const queue = this.#queues[dpu]!;
      const load = queue.pop()!;
      const endNs = readNs + load.sizeBytes / this.#pace;
      load.isRead = true;
      this.#underWay[dpu]!--;
      this.#readyNs[dpu] = endNs;
      if (queue.length > 0) this.#wakes.push(dpu, endNs);
      events.push({ load, isLate: false, atNs: readNs, endNs });
    }
  }
}
